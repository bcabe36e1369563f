"""What a Telegram message says, in our own parts: text, files, places, cards and quotes.

Whether a message is for us at all, and who it is from, is ``intake.py``'s affair.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from telegram import (
    Animation,
    Audio,
    Checklist,
    Document,
    ExternalReplyInfo,
    Message,
    MessageOriginChannel,
    MessageOriginChat,
    MessageOriginHiddenUser,
    MessageOriginUser,
    PhotoSize,
    Poll,
    Sticker,
    Video,
    VideoNote,
    Voice,
)

from bots.telegram.parsing import Parsed
from bots.telegram.rich import plain_rich
from bots.telegram.words import Identity, said_with_links
from core import values

NOTICES: Final = (
    "new_chat_members",
    "left_chat_member",
    "chat_owner_left",
    "chat_owner_changed",
    "new_chat_title",
    "new_chat_photo",
    "delete_chat_photo",
    "group_chat_created",
    "supergroup_chat_created",
    "channel_chat_created",
    "message_auto_delete_timer_changed",
    "migrate_to_chat_id",
    "migrate_from_chat_id",
    "pinned_message",
    "successful_payment",
    "refunded_payment",
    "users_shared",
    "chat_shared",
    "gift",
    "unique_gift",
    "gift_upgrade_sent",
    "connected_website",
    "write_access_allowed",
    "passport_data",
    "proximity_alert_triggered",
    "boost_added",
    "chat_background_set",
    "checklist_tasks_done",
    "checklist_tasks_added",
    "direct_message_price_changed",
    "forum_topic_created",
    "forum_topic_edited",
    "forum_topic_closed",
    "forum_topic_reopened",
    "general_forum_topic_hidden",
    "general_forum_topic_unhidden",
    "giveaway_created",
    "giveaway",
    "giveaway_winners",
    "giveaway_completed",
    "managed_bot_created",
    "paid_message_price_changed",
    "poll_option_added",
    "poll_option_deleted",
    "suggested_post_approved",
    "suggested_post_approval_failed",
    "suggested_post_declined",
    "suggested_post_paid",
    "suggested_post_refunded",
    "video_chat_scheduled",
    "video_chat_started",
    "video_chat_ended",
    "video_chat_participants_invited",
    "web_app_data",
)
"""Service messages (https://core.telegram.org/bots/api#message): something happened, nobody said anything to us."""

_TEXT_UNITS: Final = 4096
_UNREADABLE: Final = ("story", "paid_media", "invoice")
_File = Animation | Audio | Document | PhotoSize | Sticker | Video | VideoNote | Voice


def is_notice(message: Message, broken: Sequence[str] = ()) -> bool:
    """Tell whether this is a service message, which asks for no answer."""
    return any(message[name] or name in broken for name in NOTICES)


def read(taken: Parsed, *, adapter: str, me: Identity, addressed: bool, edited: bool) -> values.Message:
    """Take in everything a message says.

    Of a forwarded message the words are a quote, not the person's own, nor are those that a bot wrote for them. A kind
    that cannot be read is named in ``unknown``, unless something else in the message could be. What is asked about a
    picture comes with that picture.
    """
    message = taken.message
    text, media = said(message, me), tuple(own_media(message, adapter))
    places, contacts = tuple(_places(message)), tuple(_contacts(message))
    quotes = tuple(_quotes(taken, text, me.id))
    understood = text or media or places or contacts
    return values.Message(
        id=str(message.message_id),
        text=text if taken.own else "",
        media=(*media, *_media_asked_about(message, adapter)) if addressed else media,
        places=places,
        contacts=contacts,
        quotes=quotes,
        album=message.media_group_id or "",
        edited=edited,
        unknown="" if understood else _strange(message, taken.broken),
        addressed=addressed,
        remaining=_remaining(message) if taken.own else None,
    )


def _remaining(message: Message) -> int | None:
    """How much longer a text could be, where it may be a piece of a longer one: apps cut it at the limit, or before.

    https://core.telegram.org/bots/api#message tells the limit. Captions are not cut.
    """
    units = len((message.text or "").encode("utf-16-le", "surrogatepass")) // 2
    return max(0, _TEXT_UNITS - units) if units > _TEXT_UNITS // 2 else None


def said(message: Message, me: Identity | None = None) -> str:
    """Put a message's words into plain text, whatever kind of message it is; "" where it has none.

    Args:
        me: Whose name is left out of it.
    """
    if message.text is not None:
        return said_with_links(message.text, message.entities, me)
    if message.caption is not None:
        return said_with_links(message.caption, message.caption_entities, me)
    if rich := message.api_kwargs.get("rich_message"):
        return plain_rich(rich)
    if message.sticker:
        return message.sticker.emoji or ""
    if message.poll:
        return _poll(message.poll)
    if message.dice:
        return f"{message.dice.emoji} {message.dice.value}"
    if message.checklist:
        return _checklist(message.checklist)
    if message.game:
        return f"{message.game.title}\n{message.game.description}"
    return ""


def _poll(poll: Poll) -> str:
    return "\n".join((poll.question, *(f"- {option.text}" for option in poll.options)))


def _checklist(checklist: Checklist) -> str:
    done = ((task.text, "x" if task.completion_date else " ") for task in checklist.tasks)
    return "\n".join((checklist.title, *(f"- [{mark}] {text}" for text, mark in done)))


def own_media(message: Message | ExternalReplyInfo, adapter: str) -> Iterator[values.Media]:
    """List a message's files; an animation also comes as a document, for clients that know no animations."""
    file: _File | None
    if message.photo:
        file = max(message.photo, key=lambda size: size.width * size.height)
        yield _file(adapter, "photo", file, "image/jpeg")
    elif file := message.animation or message.video or message.video_note:
        yield _file(adapter, "video", file, "video/mp4")
    elif file := message.document:
        yield _file(adapter, "document", file, "")
    elif file := message.voice:
        yield _file(adapter, "voice", file, "audio/ogg")
    elif file := message.audio:
        yield _file(adapter, "audio", file, "audio/mpeg")
    elif file := message.sticker:
        yield _file(adapter, "sticker", file, _sticker_mime(file))


def _media_asked_about(message: Message, adapter: str) -> Iterator[values.Media]:
    if replied := message.reply_to_message or message.external_reply:
        yield from own_media(replied, adapter)


def _file(adapter: str, kind: values.MediaKind, file: _File, mime: str) -> values.Media:
    return values.Media(
        adapter=adapter,
        ref=file.file_id,
        kind=kind,
        size_bytes=file.file_size or 0,
        name=getattr(file, "file_name", None) or "",
        mime=getattr(file, "mime_type", None) or mime,
    )


def _sticker_mime(sticker: Sticker) -> str:
    if sticker.is_animated:
        return "application/x-tgsticker"
    return "video/webm" if sticker.is_video else "image/webp"


def _places(message: Message) -> Iterator[values.Place]:
    """A venue also comes as a location, for clients that know no venues."""
    if venue := message.venue:
        title = ", ".join(filter(None, (venue.title, venue.address)))
        yield values.Place(latitude=venue.location.latitude, longitude=venue.location.longitude, title=title)
    elif spot := message.location:
        yield values.Place(latitude=spot.latitude, longitude=spot.longitude)


def _contacts(message: Message) -> Iterator[values.Contact]:
    if card := message.contact:
        name = " ".join(filter(None, (card.first_name, card.last_name)))
        yield values.Contact(name=name, phone=card.phone_number)


def _quotes(taken: Parsed, text: str, bot_id: int) -> Iterator[values.Quote]:
    message = taken.message
    if taken.forwarded:
        author, author_id = _origin(message)
        yield values.Quote(text=text, author=author, mine=author_id == bot_id, forwarded=True)
    elif taken.via and text:
        yield values.Quote(text=text, author=f"the bot @{taken.via}", forwarded=True)
    picked = message.quote.text if message.quote else ""
    if replied := message.reply_to_message:
        # In a topic every message "replies" to the notice of its creation.
        if not replied.forum_topic_created:
            yield values.Quote(text=picked or _gist(replied), author=_author(replied), mine=_id(replied) == bot_id)
    elif outside := message.external_reply:
        author, author_id = _named(outside.origin)
        yield values.Quote(text=picked, author=author, mine=author_id == bot_id)


def _gist(message: Message) -> str:
    """Say what was replied to, if only by its kind."""
    if text := said(message):
        return text
    kinds = ("photo", "animation", "video", "video_note", "document", "voice", "audio", "location", "contact")
    kind = next((name for name in kinds if message[name]), "")
    return f"[{kind.replace('_', ' ')}]" if kind else ""


def _author(message: Message) -> str:
    if message.sender_chat:
        return message.sender_chat.effective_name or ""
    return message.from_user.full_name if message.from_user else ""


def _id(message: Message) -> int:
    return message.from_user.id if message.from_user else 0


def _origin(message: Message) -> tuple[str, int]:
    """Name who said a forwarded message first, with the id where it is a user; nobody where that cannot be read."""
    if message.forward_origin:
        return _named(message.forward_origin)
    # Until Bot API 7.0 (https://core.telegram.org/bots/api-changelog#december-29-2023) there were single fields.
    old = message.api_kwargs
    for name in ("forward_from", "forward_from_chat"):
        if isinstance(source := old.get(name), dict):
            names = (str(source[key]) for key in ("first_name", "last_name", "title") if source.get(key))
            known = source.get("id")
            return " ".join(names), known if isinstance(known, int) else 0
    return str(old.get("forward_sender_name") or ""), 0


def _named(origin: object) -> tuple[str, int]:
    match origin:
        case MessageOriginUser():
            return origin.sender_user.full_name, origin.sender_user.id
        case MessageOriginHiddenUser():
            return origin.sender_user_name, 0
        case MessageOriginChat():
            return origin.sender_chat.effective_name or "", 0
        case MessageOriginChannel():
            return origin.chat.effective_name or "", 0
        case _:
            return "", 0


def _strange(message: Message, broken: Sequence[str]) -> str:
    known = (name for name in _UNREADABLE if message[name])
    told = (name for name in (*broken, *message.api_kwargs) if not name.startswith("forward_"))
    return (*known, *told, "empty")[0]
