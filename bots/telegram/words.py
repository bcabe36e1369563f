"""The words of a Telegram message: its text with the addresses behind its links, and without our own name in it.

Entities tell places in UTF-16 units (https://core.telegram.org/bots/api#messageentity); only here is that known.
"""

from collections.abc import Iterable, Sequence

from telegram import Message, MessageEntity

from core.values import value

_VOCATIVE = " \t,:;"
_SHOWN = frozenset(
    {MessageEntity.BLOCKQUOTE, MessageEntity.EXPANDABLE_BLOCKQUOTE, MessageEntity.CODE, MessageEntity.PRE}
)


@value
class Identity:
    """The bot itself (https://core.telegram.org/bots/api#getme)."""

    id: int
    username: str


def said_with_links(text: str, entities: Sequence[MessageEntity], me: Identity | None = None) -> str:
    """Write the address behind each link after its label, and leave out what calls us by name.

    Args:
        me: Whose name is left out; None keeps all names. A text that is nothing but our name is kept.
    """
    units = text.encode("utf-16-le")
    for entity in sorted(entities, key=lambda entity: entity.offset, reverse=True):
        start, end = entity.offset * 2, (entity.offset + entity.length) * 2
        words = _decoded(units[start:end])
        if entity.type == MessageEntity.TEXT_LINK and entity.url and words.strip() != entity.url:
            units = units[:end] + f" ({entity.url})".encode("utf-16-le") + units[end:]
        elif me is not None and calls(entity, words, me):
            units = _without_name(_decoded(units[:start]), _decoded(units[end:])).encode("utf-16-le", "surrogatepass")
    said = _decoded(units)
    return said if said.strip() else text


def mentions(message: Message, me: Identity) -> bool:
    """Whether the message calls us, by our username or by a link to us; not where it only quotes who does."""
    spans = message.parse_entities() if message.text else {}
    spans |= message.parse_caption_entities() if message.caption else {}
    return any(calls(entity, words, me) and not _is_shown(spans, entity.offset) for entity, words in spans.items())


def shows_at(text: str, entities: Sequence[MessageEntity], at: int) -> bool:
    """Whether the character at this place stands in a quotation or in code: shown by its sender, and not said."""
    return _is_shown(entities, len(text[:at].encode("utf-16-le")) // 2)


def _is_shown(entities: Iterable[MessageEntity], unit: int) -> bool:
    return any(one.type in _SHOWN and one.offset <= unit < one.offset + one.length for one in entities)


def calls(entity: MessageEntity, words: str, me: Identity) -> bool:
    """Whether this stretch of a text is our name."""
    if entity.type == MessageEntity.MENTION:
        return words.lower() == f"@{me.username}".lower()
    return entity.type == MessageEntity.TEXT_MENTION and entity.user is not None and entity.user.id == me.id


def _without_name(before: str, after: str) -> str:
    """Close the gap that a name leaves: "Hey @us, why?" becomes "Hey, why?", and "@us: why?" becomes "why?"."""
    if not before.strip():
        return after.lstrip(_VOCATIVE)
    return before.rstrip(" \t") + after


def _decoded(units: bytes) -> str:
    return units.decode("utf-16-le", "replace")
