"""What a message says: https://discord.com/developers/docs/resources/message#message-object ."""

import re
from typing import Any, Final

from core.values import Body, Command, Media, MediaKind, Message, Quote

Json = dict[str, Any]

PLAIN, REPLY = 0, 19
_VOICE: Final = 1 << 13
_KINDS: Final[dict[str, MediaKind]] = {"image": "photo", "video": "video", "audio": "audio"}
_LONGEST_COMMAND: Final = 32
_FORWARD: Final = 1


def body_of(message: Json, adapter: str, me: str, *, addressed: bool) -> Body:
    """What a message says.

    Args:
        me: Our own id, whose mention at the beginning is left out: it says only whom it is for.
    """
    identity, text = str(message.get("id", "")), _text(message, me)
    if addressed and (command := _command(text)) is not None:
        return command
    media = tuple(_media(one, message, adapter) for one in dicts(message.get("attachments")))
    return Message(
        id=identity,
        text=text,
        media=media,
        quotes=tuple(_quotes(message, me)),
        edited=bool(message.get("edited_timestamp")),
        unknown="" if text or media else _unknown(message),
        addressed=addressed,
    )


def is_to_us(message: Json, me: str) -> bool:
    """Whether it mentions us, or answers something of ours."""
    answered = part(message, "referenced_message")
    mentioned = any(one.get("id") == me for one in dicts(message.get("mentions")))
    return mentioned or part(answered, "author").get("id") == me


def name_of(author: Json) -> str:
    """What somebody is called."""
    return str(author.get("global_name") or author.get("username") or "")


def _text(message: Json, me: str) -> str:
    """The words, with people by their names."""
    text = re.sub(rf"^\s*<@!?{re.escape(me)}>[\s,:]*", "", str(message.get("content") or ""))
    names = {str(one.get("id")): name_of(one) for one in dicts(message.get("mentions"))}
    return re.sub(r"<@!?(\d+)>", lambda found: f"@{names.get(found[1]) or 'somebody'}", text).strip()


def _command(text: str) -> Command | None:
    name, _, args = text[1:].partition(" ")
    if text.startswith("/") and name.isascii() and name.replace("_", "").isalnum() and len(name) <= _LONGEST_COMMAND:
        return Command(name=name.lower(), args=args.strip())
    return None


def _media(attachment: Json, message: Json, adapter: str) -> Media:
    """By the message it came with: the address of a file holds for a day only."""
    mime = str(attachment.get("content_type") or "").partition(";")[0]
    spoken = bool(int(message.get("flags") or 0) & _VOICE)
    kind: MediaKind = "voice" if spoken else _KINDS.get(mime.partition("/")[0], "document")
    return Media(
        adapter=adapter,
        ref=f"{message.get('channel_id')}/{message.get('id')}/{attachment.get('id')}",
        kind=kind,
        size_bytes=int(attachment.get("size") or 0),
        name=str(attachment.get("filename") or ""),
        mime=mime,
    )


def _quotes(message: Json, me: str) -> list[Quote]:
    if part(message, "message_reference").get("type") == _FORWARD:
        snapshots = dicts(message.get("message_snapshots"))
        return [Quote(text=str(part(one, "message").get("content") or ""), forwarded=True) for one in snapshots]
    answered = part(message, "referenced_message")
    if not answered:
        return []
    author = part(answered, "author")
    mine = author.get("id") == me
    return [Quote(text=str(answered.get("content") or ""), author=name_of(author), mine=mine)]


def _unknown(message: Json) -> str:
    """The name of a kind that we cannot read, "" for a message that is only a mention."""
    if message.get("poll"):
        return "poll"
    if message.get("sticker_items"):
        return "sticker"
    if message.get("components") or message.get("embeds"):
        return "embed"
    return "" if message.get("content") or message.get("message_snapshots") else "nameless"


def part(of: Json, name: str) -> Json:
    """An object in an object, an empty one where there is none."""
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def dicts(found: object) -> list[Json]:
    """The objects in what should be a list of them."""
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []
