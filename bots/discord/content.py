"""What a message says: https://discord.com/developers/docs/resources/message#message-object ."""

import re
from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace
from typing import Any, Final

from core.text.invisible import label
from core.values import Body, Command, Media, MediaKind, Message, Quote

Json = dict[str, Any]

PLAIN, REPLY, THREAD_STARTER = 0, 19, 21
EPOCH_MS: Final = 1_420_070_400_000
"""The zero of the time in ids, in ms since 1970: https://discord.com/developers/docs/reference#snowflakes ."""
_LIMITS: Final = (2000, 4000)
"""Characters a message may have, and with Nitro."""
_NEAR: Final = 100
_VOICE: Final = 1 << 13
_KINDS: Final[dict[str, MediaKind]] = {"image": "photo", "video": "video", "audio": "audio"}
_LONGEST_COMMAND: Final = 32
_LONGEST_NAME: Final = 32
"""https://discord.com/developers/docs/resources/user#usernames-and-nicknames: others write into the text by theirs."""
_FORWARD: Final = 1


def body_of(
    message: Json,
    adapter: str,
    me: str,
    *,
    addressed: bool,
    roles: Collection[str] = (),
    title: str = "",
    begun_by: Quote | None = None,
) -> Body:
    """What a message says.

    Args:
        me: Our own id, whose mention at the beginning is left out: it says only whom it is for. So are our ``roles``'.
        title: The post's that it begins, "" where it begins none.
        begun_by: What began the thread, where this is the first that we hear in it.
    """
    identity, text = str(message.get("id", "")), said(message, (me, *roles))
    edited = bool(message.get("edited_timestamp"))
    said_with_nothing = not (_is_forward(message) or attachments(message))
    if addressed and said_with_nothing and (command := _command(text)) is not None:
        return replace(command, edits=identity if edited else "")
    media = tuple(_media(message, adapter))
    text = "\n\n".join(filter(None, (title, text or _poll(message))))
    quotes = (*(() if begun_by is None else (begun_by,)), *_quotes(message, me))
    return Message(
        id=identity,
        text=text,
        media=media,
        quotes=quotes,
        edited=edited,
        unknown="" if text or media else _unknown(message),
        addressed=addressed,
        remaining=None if media else _remaining(str(message.get("content") or "")),
    )


def _remaining(text: str) -> int | None:
    """How much longer a text could be that reaches nearly to a limit: its writer may have cut it for that.

    Discord's own app cuts none, but makes a file of it: people do, and some programs, at a word's end.
    """
    return next((limit - len(text) for limit in _LIMITS if limit - _NEAR <= len(text) <= limit), None)


def is_to_us(message: Json, me: str, roles: Collection[str] = ()) -> bool:
    """Whether it mentions us or a role of ours, or answers something of ours."""
    answered = part(message, "referenced_message")
    mentioned = any(one.get("id") == me for one in dicts(message.get("mentions")))
    by_role = not {str(role) for role in message.get("mention_roles") or ()}.isdisjoint(roles)
    return mentioned or by_role or part(answered, "author").get("id") == me


def name_of(author: Json) -> str:
    """What somebody is called."""
    return str(author.get("global_name") or author.get("username") or "")


def said(message: Json, ours: Iterable[str] = ()) -> str:
    """The words, with people by their names, and without a mention of ours at the beginning."""
    text = str(message.get("content") or "")
    for one in ours:
        text = re.sub(rf"^\s*<@[!&]?{re.escape(one)}>[\s,:]*", "", text)
    names = {str(one.get("id")): label(name_of(one), _LONGEST_NAME) for one in dicts(message.get("mentions"))}
    return re.sub(r"<@!?(\d+)>", lambda found: f"@{names.get(found[1]) or 'somebody'}", text).strip()


def quote_of(message: Json, me: str) -> Quote:
    """A message as what another is about."""
    author = part(message, "author")
    text = said(message) or _poll(message)
    names = ", ".join(str(file.get("filename")) for file in dicts(message.get("attachments")))
    return Quote(text=text or (f"[{names}]" if names else ""), author=name_of(author), mine=author.get("id") == me)


def attachments(message: Json) -> list[Json]:
    """Its files, those of what it forwards included."""
    forwarded = [part(one, "message") for one in dicts(message.get("message_snapshots"))]
    return [file for one in (message, *forwarded) for file in dicts(one.get("attachments"))]


def _command(text: str) -> Command | None:
    name, _, args = text[1:].partition(" ")
    if text.startswith("/") and name.isascii() and name.replace("_", "").isalnum() and len(name) <= _LONGEST_COMMAND:
        return Command(name=name.lower(), args=args.strip())
    return None


def _media(message: Json, adapter: str) -> Iterator[Media]:
    """Its files, and those of the message it answers, which are likely what is asked about."""
    for one in (message, part(message, "referenced_message")):
        for file in attachments(one):
            yield _file(file, one, adapter)


def _file(attachment: Json, message: Json, adapter: str) -> Media:
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


def _is_forward(message: Json) -> bool:
    """Whether somebody else said it first: https://discord.com/developers/docs/resources/message#message-reference ."""
    return part(message, "message_reference").get("type") == _FORWARD or bool(message.get("message_snapshots"))


def _quotes(message: Json, me: str) -> list[Quote]:
    if _is_forward(message):
        snapshots = [said(part(one, "message")) for one in dicts(message.get("message_snapshots"))]
        return [Quote(text=words, forwarded=True) for words in snapshots or [""]]
    answered = part(message, "referenced_message")
    return [quote_of(answered, me)] if answered else []


def _poll(message: Json) -> str:
    """A poll as words: https://discord.com/developers/docs/resources/poll ."""
    poll = part(message, "poll")
    question = str(part(poll, "question").get("text") or "")
    answers = [str(part(one, "poll_media").get("text") or "") for one in dicts(poll.get("answers"))]
    return "\n".join([question, *(f"- {answer}" for answer in answers if answer)]) if question else ""


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
