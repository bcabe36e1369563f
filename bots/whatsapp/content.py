"""What a message says, of every kind there is.

https://developers.facebook.com/docs/whatsapp/cloud-api/webhooks/payload-examples
"""

from dataclasses import replace
from typing import Any, Final

from bots.whatsapp.paging import TEXT_UNITS
from core.text.invisible import label
from core.values import Body, Command, Contact, Media, MediaKind, Message, Place, Quote, Tap

Json = dict[str, Any]

_FILES: Final[dict[str, MediaKind]] = {
    "image": "photo",
    "video": "video",
    "document": "document",
    "sticker": "sticker",
}
_LONGEST_COMMAND: Final = 32
_NEAR: Final = 100
_EMOJI_CHARS: Final = 16
_SENT_TOGETHER: Final = frozenset({"image", "video", "document"})
ALBUM: Final = "unnamed"
"""Every file's album: Meta brings each by itself, and does not say which were sent as one. Those of one moment were."""


def body_of(message: Json, adapter: str, *, ours: str) -> Body:
    """What a message says. Of what is forwarded the words are a quote, not the person's own: nor a command.

    Args:
        ours: The number we speak as, to tell what was replied to.
    """
    body = _body(message, adapter, ours)
    if not _is_forwarded(message):
        return body
    match body:
        case Command():
            words = str(part(message, "text").get("body", ""))
            return Message(id=str(message.get("id", "")), text="", quotes=(Quote(text=words, forwarded=True),))
        case Message(addressed=True):
            return replace(body, text="", quotes=(Quote(text=body.text, forwarded=True),))
        case _:
            return body


def _body(message: Json, adapter: str, ours: str) -> Body:
    kind = str(message.get("type", ""))
    identity = str(message.get("id", ""))
    inner = part(message, kind)
    quotes = _quotes(part(message, "context"), ours)
    match kind:
        case "text":
            return _text(identity, str(inner.get("body", "")), quotes)
        case "edit":
            changed = part(inner, "message")
            original = str(inner.get("original_message_id", identity))
            return _edited(body_of(changed | {"id": original}, adapter, ours=ours), original)
        case "revoke":
            return Message(id=str(inner.get("original_message_id", identity)), text="", edited=True)
        case "interactive":
            return _interactive(identity, inner, quotes)
        case "button":
            return Message(id=identity, text=str(inner.get("text", "")), quotes=quotes)
        case "reaction":
            return _reaction(identity, inner)
        case "location":
            return Message(id=identity, text="", places=(_place(inner),), quotes=quotes)
        case "contacts":
            cards = tuple(map(_contact, dicts(message.get("contacts"))))
            return Message(id=identity, text="", contacts=cards, quotes=quotes)
        case "order":
            return Message(id=identity, text=_ordered(inner), unknown="order")
        case "image" | "video" | "document" | "sticker" | "audio":
            return _file(identity, kind, inner, adapter, quotes)
        case _:
            return Message(id=identity, text="", unknown=str(inner.get("type") or kind or "nameless"))


def _ordered(inner: Json) -> str:
    items = dicts(inner.get("product_items"))
    told = [f"{item.get('quantity')} × {item.get('product_retailer_id')}" for item in items]
    return "\n".join(filter(None, [str(inner.get("text", "")), *told]))


def _text(identity: str, text: str, quotes: tuple[Quote, ...]) -> Body:
    name, _, args = text[1:].partition(" ")
    if text.startswith("/") and name.isascii() and name.replace("_", "").isalnum() and len(name) <= _LONGEST_COMMAND:
        return Command(name=name.lower(), args=args.strip())
    return Message(id=identity, text=text, quotes=quotes, remaining=_remaining(text))


def _remaining(text: str) -> int | None:
    """How much longer a text could be that reaches nearly to the limit of a message."""
    units = len(text.encode("utf-16-le", "surrogatepass")) // 2
    return TEXT_UNITS - units if TEXT_UNITS - _NEAR <= units <= TEXT_UNITS else None


def _edited(said: Body, original: str) -> Body:
    match said:
        case Message():
            return replace(said, edited=True, album="")
        case Command():
            return replace(said, edits=original)
        case _:
            return said


def _interactive(identity: str, inner: Json, quotes: tuple[Quote, ...]) -> Body:
    """A button or a row of a list was pressed: ours carry our token and nothing else."""
    for kind in ("button_reply", "list_reply"):
        if token := str(part(inner, kind).get("id", "")):
            return Tap(token=token)
    form = part(inner, "nfm_reply")
    text = str(form.get("body") or form.get("response_json") or "")
    return Message(id=identity, text=text, quotes=quotes, unknown="" if text else str(inner.get("type", "interactive")))


def _reaction(identity: str, inner: Json) -> Message:
    """Known to the conversation, and no question: an answer to every thumb would be a bill for every thumb."""
    emoji = label(str(inner.get("emoji", "")), _EMOJI_CHARS)
    text = f"[reacted with {emoji}]" if emoji else "[took the reaction back]"
    return Message(id=identity, text=text, addressed=False)


def _file(identity: str, kind: str, inner: Json, adapter: str, quotes: tuple[Quote, ...]) -> Message:
    spoken: MediaKind = "voice" if inner.get("voice") else "audio"
    mime = str(inner.get("mime_type", ""))
    media = Media(
        adapter=adapter,
        ref=str(inner.get("id", "")),
        kind=_FILES.get(kind, spoken),
        name=str(inner.get("filename", "")),
        mime=mime.partition(";")[0].strip(),
    )
    album = ALBUM if kind in _SENT_TOGETHER else ""
    return Message(id=identity, text=str(inner.get("caption", "")), media=(media,), quotes=quotes, album=album)


def _place(inner: Json) -> Place:
    title = ", ".join(str(inner[key]) for key in ("name", "address") if inner.get(key))
    return Place(latitude=_number(inner.get("latitude")), longitude=_number(inner.get("longitude")), title=title)


def _contact(contact: Json) -> Contact:
    phones = dicts(contact.get("phones"))
    name = str(part(contact, "name").get("formatted_name", ""))
    return Contact(name=name, phone=str(phones[0].get("phone", "")) if phones else "")


def _is_forwarded(message: Json) -> bool:
    """Whether somebody else said it first, as far as Meta tells; a context that cannot be read may say so."""
    context = message.get("context")
    if isinstance(context, dict):
        return bool(context.get("forwarded") or context.get("frequently_forwarded"))
    return context is not None


def _quotes(context: Json, ours: str) -> tuple[Quote, ...]:
    """What was replied to is told by its id alone, and whose it was."""
    if identity := context.get("id"):
        return (Quote(text="", mine=digits(str(context.get("from", ""))) == ours, message=str(identity)),)
    return ()


def digits(number: str) -> str:
    """A telephone number's digits."""
    return "".join(filter(str.isdigit, number))


def part(of: Json, name: str) -> Json:
    """An object in an object, an empty one where there is none."""
    found = of.get(name)
    return found if isinstance(found, dict) else {}


def dicts(found: object) -> list[Json]:
    """The objects in what should be a list of them."""
    return [one for one in found if isinstance(one, dict)] if isinstance(found, list) else []


def _number(found: object) -> float:
    return float(found) if isinstance(found, int | float) else 0.0
