"""From an update to one of our events: who said it, where, and what kind of thing it is.

Private chats are taken in whole. Of a group, too, all that people say is taken in as far as Telegram shows it to us
(https://core.telegram.org/bots/features#privacy-mode), marked where it is not said to us. Every other kind of update is
passed over, so the library is not even asked to read it.
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from telegram import CallbackQuery, Chat, Message, User

from bots.telegram.attention import Attention
from bots.telegram.content import is_notice, own_media, read, said
from bots.telegram.handles import Handle
from bots.telegram.moves import Moves
from bots.telegram.parsing import Parsed, parsed, pressed
from bots.telegram.words import Identity, shows_at
from core.values import Address, Command, Inbound, Tap

log = structlog.get_logger(__name__)

ALLOWED_UPDATES: Final = ("message", "edited_message", "callback_query", "my_chat_member")
"""What we ask for (https://core.telegram.org/bots/api#getting-updates); whatever else comes is passed over."""

_COMMAND = re.compile(r"/(?P<name>[A-Za-z0-9_]{1,64})(?:@(?P<bot>\w+))?(?:\s+(?P<args>.*))?", re.DOTALL)


class Intake:
    """Makes events for one bot's adapter."""

    def __init__(self, adapter: str, me: Identity, moves: Moves) -> None:
        self._adapter = adapter
        self._me = me
        self._moves = moves
        self._attention = Attention(me)

    def take_all(self, batch: Sequence[Mapping[str, Any]]) -> list[Inbound]:
        """Turn updates that came together into events."""
        for raw in batch:
            self._look_ahead(raw)
        return [event for raw in batch if (event := self.take(raw))]

    def take(self, raw: Mapping[str, Any]) -> Inbound | None:
        """Turn an update, as JSON, into an event; None where there is nothing to answer.

        Never raises: an update that stopped the loop would come again for ever.
        """
        update_id, kinds = raw["update_id"], [key for key in raw if key != "update_id"]
        kind = next((key for key in kinds if key in ALLOWED_UPDATES), (*kinds, "empty")[0])
        try:
            match kind:
                case "message" | "edited_message":
                    return self._message(update_id, parsed(raw[kind]), edited=kind == "edited_message")
                case "callback_query":
                    return self._tap(update_id, pressed(raw[kind]))
                case "my_chat_member":
                    _note_standing(raw[kind])
        except Exception as error:  # noqa: BLE001 - a stranger's bytes, and two layers of parsers over them
            log.warning("update not understood", update=update_id, kind=kind, reason=type(error).__name__)
        else:
            log.debug("update passed over", update=update_id, kind=kind)
        return None

    def _look_ahead(self, raw: Mapping[str, Any]) -> None:
        """Learn whether an album is meant for us; its words may stand on its last picture."""
        message = raw.get("message")
        if isinstance(message, dict) and message.get("media_group_id"):
            try:
                self._attention.look_ahead([parsed(message)])
            except Exception as error:  # noqa: BLE001 - as above; it is told of when it is taken
                log.debug("album not understood", reason=type(error).__name__)

    def _message(self, update_id: int, taken: Parsed, *, edited: bool) -> Inbound | None:
        message = taken.message
        self._notice_move(message)
        sender = _sender(message)
        if sender is None or message.chat.type == Chat.CHANNEL or is_notice(message, taken.broken):
            return None
        if edited and message.location:
            return None  # a live location changes every few seconds; only where it began was said to us
        addressed = self._attention.addressed(taken)
        content = read(taken, adapter=self._adapter, me=self._me, addressed=addressed, edited=edited)
        command = None if any(own_media(message, self._adapter)) else self._command(taken, content.text, edited=edited)
        if command is None and not addressed and (content.unknown or _names_another(said(message), self._me)):
            return None
        stamp = message.edit_date or message.date
        return Inbound(
            key=self._key(update_id, str(int(stamp.timestamp()))),
            sender=self._moves.first(str(sender.id)),
            name=_name(sender, message),
            to=self._address(message.chat, message, Handle(chat=str(message.chat.id), message=str(message.message_id))),
            body=command or content,
            at=stamp,
        )

    def _notice_move(self, message: Message) -> None:
        """Learn that a group has a new id: it is told in the old chat and in the new one."""
        chat = str(message.chat.id)
        if message.migrate_to_chat_id:
            self._moves.learn(chat, str(message.migrate_to_chat_id))
        elif message.migrate_from_chat_id:
            self._moves.learn(str(message.migrate_from_chat_id), chat)

    def _tap(self, update_id: int, query: CallbackQuery) -> Inbound | None:
        """Take in a press of a button (https://core.telegram.org/bots/api#callbackquery)."""
        if not query.data or query.message is None:
            return None
        below = query.message
        handle = Handle(chat=str(below.chat.id), message=str(below.message_id), query=query.id)
        return Inbound(
            key=self._key(update_id, query.id),
            sender=str(query.from_user.id),
            name=query.from_user.full_name,
            to=self._address(below.chat, below if isinstance(below, Message) else None, handle),
            body=Tap(token=query.data),
        )

    def _key(self, update_id: int, stamp: str) -> str:
        """Name the event.

        After a week without updates the numbers start anew, at random
        (https://core.telegram.org/bots/api#update), so a number alone might one day name two events. The time of the
        message, or the id of the tap, tells them apart, and comes the same with every redelivery.
        """
        return f"telegram:{self._me.id}:{update_id}:{stamp}"

    def _address(self, chat: Chat, message: Message | None, handle: Handle) -> Address:
        """Say where to answer, and to what: in a group several people may be talking at once.

        Only a topic is a thread of ours: plain replies in groups carry a thread id as well.
        """
        topic = message.message_thread_id if message and message.is_topic_message else None
        private = chat.type == Chat.PRIVATE
        return Address(
            adapter=self._adapter,
            chat=self._moves.first(str(chat.id)),
            thread=str(topic) if topic else "",
            handle=str(Handle(query=handle.query) if private else handle),
            private=private,
        )

    def _command(self, taken: Parsed, text: str, *, edited: bool) -> Command | None:
        """Read ``/name@bot args`` (https://core.telegram.org/bots/features#commands).

        None for other bots' commands, and for what only looks like one: quoted, as code, or in another's words.
        """
        found = _COMMAND.fullmatch(text)
        if found is None or not taken.own or (found["bot"] and not _is(found["bot"], self._me)):
            return None
        written = taken.message.text or ""
        if shows_at(written, taken.message.entities, written.find("/")):
            return None
        edits = str(taken.message.message_id) if edited else ""
        return Command(name=found["name"].lower(), args=(found["args"] or "").strip(), edits=edits)


def _names_another(text: str, me: Identity) -> bool:
    """Whether this is a command for another bot."""
    found = _COMMAND.fullmatch(text)
    return found is not None and found["bot"] is not None and not _is(found["bot"], me)


def _is(username: str, me: Identity) -> bool:
    return username.lower() == me.username.lower()


def _note_standing(change: Mapping[str, Any]) -> None:
    """Somebody added, removed, blocked or unblocked us (https://core.telegram.org/bots/api#chatmemberupdated).

    There is nothing to do about it: whoever wants to be answered will write, and what can no longer be delivered is
    refused where it is tried.
    """
    log.info(
        "our standing in a chat changed",
        chat=change["chat"]["type"],
        was=change["old_chat_member"]["status"],
        now=change["new_chat_member"]["status"],
    )


def _sender(message: Message) -> User | Chat | None:
    """Say who is speaking: in a group perhaps a channel or an anonymous administrator; never another bot.

    Whoever speaks as the group itself, or as a channel, is known by that chat's id: Telegram does not say who it is,
    so nobody's private matters can be open to them (https://core.telegram.org/bots/api#message, ``sender_chat``).
    """
    if message.sender_chat and message.chat.type != Chat.PRIVATE:
        return message.sender_chat
    if message.from_user:
        return None if message.from_user.is_bot else message.from_user
    return message.chat if message.chat.type == Chat.PRIVATE else None


def _name(sender: User | Chat, message: Message) -> str:
    """What a speaker is called; anonymous administrators may have a title that tells them apart."""
    if isinstance(sender, User):
        return sender.full_name
    names = (sender.effective_name, message.author_signature)
    return ", ".join(filter(None, names))
