"""From an update to one of our events: who said it, where, and what kind of thing it is.

Private chats are taken in whole. In a group only what is meant for the bot is: a command, a reply to it, a mention of
it. Every other kind of update is passed over, so the library is not even asked to read it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from telegram import CallbackQuery, Chat, Message, MessageEntity, User

from bots.telegram.content import is_notice, read, said
from bots.telegram.shapes import mended, stripped
from core.values import Address, Command, Inbound, Tap, value

log = structlog.get_logger(__name__)

ALLOWED_UPDATES: Final = ("message", "edited_message", "callback_query")
"""What we ask for (https://core.telegram.org/bots/api#getting-updates); whatever else comes is passed over."""

_COMMAND = re.compile(r"/(?P<name>[A-Za-z0-9_]{1,64})(?:@(?P<bot>\w+))?(?:\s+(?P<args>.*))?", re.DOTALL)


@value
class Identity:
    """The bot itself (https://core.telegram.org/bots/api#getme)."""

    id: int
    username: str


class Intake:
    """Makes events for one bot's adapter."""

    def __init__(self, adapter: str, me: Identity) -> None:
        self._adapter = adapter
        self._me = me

    def take(self, raw: Mapping[str, Any]) -> Inbound | None:
        """Turn an update, as JSON, into an event; None where there is nothing to answer.

        Never raises: an update that stopped the loop would come again for ever.
        """
        update_id, kinds = raw["update_id"], [key for key in raw if key != "update_id"]
        kind = next((key for key in kinds if key in ALLOWED_UPDATES), (*kinds, "empty")[0])
        try:
            match kind:
                case "message" | "edited_message":
                    message, broken = _parsed(raw[kind])
                    return self._message(update_id, message, broken=broken, edited=kind == "edited_message")
                case "callback_query":
                    return self._tap(update_id, _pressed(raw[kind]))
        except Exception as error:  # noqa: BLE001 - a stranger's bytes, and two layers of parsers over them
            log.warning("update not understood", update=update_id, kind=kind, reason=type(error).__name__)
        else:
            log.debug("update passed over", update=update_id, kind=kind)
        return None

    def _message(self, update_id: int, message: Message, *, broken: Sequence[str], edited: bool) -> Inbound | None:
        sender = _sender(message)
        if sender is None or is_notice(message, broken) or not self._for_us(message):
            return None
        if edited and message.location:
            return None  # a live location changes every few seconds; only where it began was said to us
        content = read(message, adapter=self._adapter, bot_id=self._me.id, edited=edited, broken=broken)
        stamp = message.edit_date or message.date
        return Inbound(
            key=self._key(update_id, str(int(stamp.timestamp()))),
            sender=str(sender.id),
            name=(sender.full_name if isinstance(sender, User) else sender.effective_name) or "",
            to=self._address(message.chat, message),
            body=(None if content.media else self._command(content.text)) or content,
        )

    def _tap(self, update_id: int, query: CallbackQuery) -> Inbound | None:
        """Take in a press of a button (https://core.telegram.org/bots/api#callbackquery)."""
        if not query.data or query.message is None:
            return None
        topic = query.message if isinstance(query.message, Message) else None
        return Inbound(
            key=self._key(update_id, query.id),
            sender=str(query.from_user.id),
            name=query.from_user.full_name,
            to=self._address(query.message.chat, topic, handle=query.id),
            body=Tap(token=query.data),
        )

    def _key(self, update_id: int, stamp: str) -> str:
        """Name the event.

        After a week without updates the numbers start anew, at random
        (https://core.telegram.org/bots/api#update), so a number alone might one day name two events. The time of the
        message, or the id of the tap, tells them apart, and comes the same with every redelivery.
        """
        return f"telegram:{self._me.id}:{update_id}:{stamp}"

    def _address(self, chat: Chat, message: Message | None, *, handle: str = "") -> Address:
        """Say where to answer. Only a topic is a thread of ours: plain replies in groups carry a thread id as well."""
        topic = message.message_thread_id if message and message.is_topic_message else None
        private = chat.type == Chat.PRIVATE
        return Address(
            adapter=self._adapter,
            chat=str(chat.id),
            thread=str(topic) if topic else "",
            handle=handle,
            private=private,
        )

    def _command(self, text: str) -> Command | None:
        """Read ``/name@bot args`` (https://core.telegram.org/bots/features#commands); None for other bots' commands."""
        found = _COMMAND.fullmatch(text)
        if found is None or (found["bot"] or self._me.username).lower() != self._me.username.lower():
            return None
        return Command(name=found["name"].lower(), args=(found["args"] or "").strip())

    def _for_us(self, message: Message) -> bool:
        if message.chat.type == Chat.PRIVATE:
            return True
        if message.chat.type == Chat.CHANNEL:
            return False
        replied = message.reply_to_message
        if replied and replied.from_user and replied.from_user.id == self._me.id and not replied.forum_topic_created:
            return True
        return self._mentioned(message) or self._command(said(message)) is not None

    def _mentioned(self, message: Message) -> bool:
        spans = message.parse_entities() if message.text else {}
        spans |= message.parse_caption_entities() if message.caption else {}
        handle = f"@{self._me.username}".lower()
        return any(
            (span.type == MessageEntity.MENTION and words.lower() == handle)
            or (span.user is not None and span.user.id == self._me.id)
            for span, words in spans.items()
        )


def _parsed(raw: Mapping[str, Any]) -> tuple[Message, tuple[str, ...]]:
    """Parse a message with the library, and name the parts that had to be left out because they are broken."""
    for shape in (dict, mended):
        try:
            return Message.de_json(shape(raw)), ()
        except Exception as error:  # noqa: BLE001 - the parser fails in as many ways as its input
            log.debug("message in a strange shape", reason=type(error).__name__)
    # Whatever it was, who said it and where may still be whole.
    envelope, broken = stripped(raw)
    return Message.de_json(envelope), broken


def _pressed(raw: Mapping[str, Any]) -> CallbackQuery:
    """Parse a tap; of the message it was below only the envelope matters, whatever we may have put into it."""
    message = raw.get("message")
    return CallbackQuery.de_json({**raw, "message": stripped(message)[0] if message else None})


def _sender(message: Message) -> User | Chat | None:
    """Say who is speaking: in a group perhaps a channel or an anonymous administrator; never another bot."""
    if message.sender_chat and message.chat.type != Chat.PRIVATE:
        return message.sender_chat
    if message.from_user:
        return None if message.from_user.is_bot else message.from_user
    return message.chat if message.chat.type == Chat.PRIVATE else None
