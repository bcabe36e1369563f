"""The entities of a message, brought to the rules by which Telegram keeps them.

The rules (https://core.telegram.org/bots/api#formatting-options): of two entities that overlap one holds the other;
code and blocks of code hold none and lie in none but a quotation; quotations and links do not nest; at most 100 stay.
Telegram does not complain about others, it drops or moves them, so that a text looks other than it was meant.
Offsets within this module count characters; those of an `Entity` count UTF-16 units.
"""

import re
from bisect import bisect_left
from dataclasses import dataclass, replace
from typing import Final, TypedDict

MOST_ENTITIES: Final = 100
"""https://core.telegram.org/bots/api#sendmessage keeps no more."""

_IMPORTANCE: Final = (
    "pre",
    "code",
    "text_link",
    "bold",
    "spoiler",
    "blockquote",
    "strikethrough",
    "italic",
    "underline",
)
_OUTER_FIRST: Final = (
    "blockquote",
    "text_link",
    "bold",
    "italic",
    "underline",
    "strikethrough",
    "spoiler",
    "code",
    "pre",
)
_BLOCKS: Final = {"pre", "blockquote"}
_EMPTY_LINES: Final = re.compile(r"\A(?:[^\S\n]*\n)+")
_CODE: Final = {"pre", "code"}
_STYLES: Final = {"bold", "italic", "underline", "strikethrough", "spoiler"}


class Entity(TypedDict, total=False):
    """A MessageEntity (https://core.telegram.org/bots/api#messageentity): offset and length in UTF-16 units."""

    type: str
    offset: int
    length: int
    url: str
    language: str


@dataclass(frozen=True, slots=True)
class Mark:
    """A stretch of text with a meaning, by offsets in characters; `value` is a link's address or a block's language."""

    kind: str
    start: int
    end: int
    value: str = ""


def utf16_length(text: str) -> int:
    """The length of a text as Telegram counts it, in UTF-16 units."""
    return len(text) if text.isascii() else len(text.encode("utf-16-le", "surrogatepass")) // 2


def to_entities(text: str, marks: list[Mark]) -> tuple[Entity, ...]:
    """Marks as entities, sorted by offset, those that hold others first."""
    astral = _astral(text)
    out = []
    for mark in sorted(marks, key=lambda mark: (mark.start, -mark.end, _OUTER_FIRST.index(mark.kind))):
        start, end = (at + bisect_left(astral, at) for at in (mark.start, mark.end))
        entity = Entity(type=mark.kind, offset=start, length=end - start)
        if mark.kind == "text_link":
            entity["url"] = mark.value
        elif mark.value:
            entity["language"] = mark.value
        out.append(entity)
    return tuple(out)


def tidied(text: str, marks: list[Mark]) -> tuple[str, list[Mark]]:
    """Give blocks lines of their own, and trim the text as Telegram would, the marks moving along.

    Telegram trims white space at the ends, though not at the start of an entity, so the indentation of code stays.
    """
    text, marks = _on_own_lines(text, marks)
    blocks = [_trimmed(text, mark) for mark in marks if mark.kind == "pre"]
    first = min((mark.start for mark in blocks if mark.start < mark.end), default=len(text))
    left = min(len(text) - len(text.lstrip()), first)
    kept = text[left:].rstrip()

    def moved(at: int) -> int:
        return min(max(at - left, 0), len(kept))

    return kept, [replace(mark, start=moved(mark.start), end=moved(mark.end)) for mark in marks]


def valid(text: str, marks: list[Mark]) -> list[Mark]:
    """The marks by the rules, in no order and without a limit of their number."""
    code, links, rest = _code_and_links([_trimmed(text, mark) for mark in marks])
    quotes = _joined([mark for mark in rest if mark.kind == "blockquote"])
    styles = []
    for kind in _STYLES:
        for mark in _joined([mark for mark in rest if mark.kind == kind]):
            styles += [_trimmed(text, piece) for piece in _around(mark, code)]
    return [mark for mark in _nested([*quotes, *links, *code, *styles]) if mark.start < mark.end]


def most_important(marks: list[Mark]) -> list[Mark]:
    """As many as Telegram keeps: code first, then links, then bold, then the others."""
    return sorted(marks, key=lambda mark: (_IMPORTANCE.index(mark.kind), mark.start))[:MOST_ENTITIES]


def _astral(text: str) -> list[int]:
    """The offsets of the characters that take two UTF-16 units."""
    return [] if text.isascii() else [at for at, char in enumerate(text) if char > "\uffff"]


def _on_own_lines(text: str, marks: list[Mark]) -> tuple[str, list[Mark]]:
    """Begin a line before each block and after it, where the library has left that out."""
    edges = {mark.start for mark in marks if mark.kind in _BLOCKS and mark.start < mark.end}
    edges |= {mark.end for mark in marks if mark.kind in _BLOCKS and mark.start < mark.end}
    missing = sorted(at for at in edges if 0 < at < len(text) and "\n" not in text[at - 1 : at + 1])
    if not missing:
        return text, marks
    pieces = [text[a:b] for a, b in zip([0, *missing], [*missing, len(text)], strict=True)]
    moved = [
        replace(
            mark,
            start=mark.start + bisect_left(missing, mark.start + 1),
            end=mark.end + bisect_left(missing, mark.end),
        )
        for mark in marks
    ]
    return "\n".join(pieces), moved


def _trimmed(text: str, mark: Mark) -> Mark:
    """Leave out white space at the ends of a mark, of blocks at the beginning only empty lines: code may be set in."""
    words = text[mark.start : mark.end]
    end = mark.start + len(words.rstrip())
    bare = _EMPTY_LINES.sub("", words) if mark.kind in _BLOCKS else words.lstrip()
    start = mark.end - len(bare)
    return replace(mark, start=min(start, end), end=end)


def _code_and_links(marks: list[Mark]) -> tuple[list[Mark], list[Mark], list[Mark]]:
    """Part code, links and the rest. A link matters more than that its words are code, and outer ones win."""
    links = _apart([mark for mark in marks if mark.kind == "text_link"])
    code = _apart([mark for mark in marks if mark.kind in _CODE])
    free = [mark for mark in code if not _overlapping(mark, links)]
    return free, links, [mark for mark in marks if mark.kind not in _CODE and mark.kind != "text_link"]


def _apart(marks: list[Mark]) -> list[Mark]:
    """Of marks that overlap, the first and longest; in order."""
    kept: list[Mark] = []
    for mark in sorted(marks, key=lambda mark: (mark.start, -mark.end)):
        if mark.start < mark.end and (not kept or kept[-1].end <= mark.start):
            kept.append(mark)
    return kept


def _overlapping(mark: Mark, apart: list[Mark]) -> list[Mark]:
    place = bisect_left(apart, mark.start + 1, key=lambda other: other.end)
    found = []
    while place < len(apart) and apart[place].start < mark.end:
        found.append(apart[place])
        place += 1
    return found


def _joined(marks: list[Mark]) -> list[Mark]:
    """Marks of one kind, those that overlap made one."""
    out: list[Mark] = []
    for mark in sorted(marks, key=lambda mark: mark.start):
        if mark.start >= mark.end:
            continue
        if out and mark.start < out[-1].end:
            out[-1] = replace(out[-1], end=max(out[-1].end, mark.end))
        else:
            out.append(mark)
    return out


def _around(mark: Mark, code: list[Mark]) -> list[Mark]:
    """What of a style lies outside of code."""
    pieces, at = [], mark.start
    for hole in _overlapping(mark, code):
        pieces.append(replace(mark, start=at, end=max(hole.start, at)))
        at = hole.end
    return [*pieces, replace(mark, start=min(at, mark.end))]


def _nested(marks: list[Mark]) -> list[Mark]:
    """Drop a mark that crosses another, which Markdown gives no cause for."""
    kept: list[Mark] = []
    path: list[Mark] = []
    for mark in sorted(marks, key=lambda mark: (mark.start, -mark.end, _OUTER_FIRST.index(mark.kind))):
        while path and path[-1].end <= mark.start:
            path.pop()
        if not path or mark.end <= path[-1].end:
            path.append(mark)
            kept.append(mark)
    return kept
