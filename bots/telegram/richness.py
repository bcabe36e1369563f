"""Answers as rich messages: which ones are worth it, and how they are cut into pages.

Telegram's web page, and older programs, show a rich message as "not supported", and nobody can copy from it. So an
answer is one only where it says something that text with entities cannot say: a table, a formula, a part that is folded
away. See https://core.telegram.org/bots/api#rich-message-formatting-options and docs/decisions.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import cache
from typing import Final

import structlog

from bots.telegram.entities import utf16_length
from bots.telegram.markup import NotAllowed, Size, inspected, written
from bots.telegram.rendering import can_be_seen
from core.text.document import (
    Address,
    Block,
    Code,
    CodeBlock,
    Details,
    Formula,
    FormulaBlock,
    Inline,
    Link,
    Table,
    Text,
    parse,
    walk,
)
from core.text.formulas import is_involved
from core.text.splitting import split
from core.text.unfinished import divisible
from core.values import value

log = structlog.get_logger(__name__)

PAGE_UNITS: Final = 8192
PAGE_BLOCKS: Final = 200
"""How much a page holds at most: far less than is allowed, since programs have been seen to show only the beginning of
longer ones."""

_MAYBE: Final = re.compile(r"\||\$|\\[(\[]|<details", re.IGNORECASE)
_RIGHT_TO_LEFT: Final = {"R", "AL"}


@value
class RichPage:
    """A page of an answer.

    Attributes:
        source: The Markdown it says.
        html: How Telegram is told; "" where it cannot be told so, and has to be said as text.
        right_to_left: Whether it is written from right to left.
    """

    source: str
    html: str
    right_to_left: bool = False


def is_worth_it(markdown: str) -> bool:
    """Whether an answer says something that text with entities cannot say."""
    return bool(_MAYBE.search(markdown)) and any(map(_asks_for_it, walk(parse(markdown).blocks)))


def rich_pages(markdown: str, *, unfinished: bool = False, max_pages: int = 0) -> tuple[RichPage, ...]:
    """Render an answer of any length; without anything to see there are no pages.

    Args:
        unfinished: Whether the text is still being written; then what it has left open is shown closed.
        max_pages: Pages after so many are not made, 0 for all.
    """
    rendered = cache(_rendered)

    def fill(piece: str) -> float:
        _, units, size = rendered(piece)
        return max(units / PAGE_UNITS, size.blocks / PAGE_BLOCKS if size else 0.0)

    whole = divisible(markdown, unfinished=unfinished)
    pieces = [piece for piece in split(whole, fill, max_pages=max_pages) if can_be_seen(piece)]
    return tuple(_page(piece, *rendered(piece)) for piece in pieces)


def _asks_for_it(part: Block | Inline) -> bool:
    match part:
        case Table() | FormulaBlock() | Details():
            return True
        case Formula():
            return is_involved(part.latex)
        case _:
            return False


def _rendered(piece: str) -> tuple[str, int, Size | None]:
    """A piece as HTML, how much there is to read in it, and its size; no size where it must not leave us."""
    blocks = parse(piece).blocks
    html = written(blocks)
    units = sum(utf16_length(text) for text in _texts(blocks))
    try:
        return html, units, inspected(html)
    except NotAllowed:
        log.exception("a rich message of ours must not leave us")
        return html, units, None


def _texts(blocks: Iterable[Block]) -> Iterator[str]:
    for part in walk(blocks):
        match part:
            case Text() | Address() | Code() | CodeBlock():
                yield part.text
            case Formula() | FormulaBlock():
                yield part.latex
            case Link(children=()):
                yield part.url
            case _:
                pass


def _page(source: str, html: str, units: int, size: Size | None) -> RichPage:
    allowed = size is not None and size.allowed and units > 0
    return RichPage(source=source, html=html if allowed else "", right_to_left=_is_right_to_left(source))


def _is_right_to_left(text: str) -> bool:
    """Whether the first letter that has a direction is written from right to left."""
    for char in text:
        direction = unicodedata.bidirectional(char)
        if direction in _RIGHT_TO_LEFT:
            return True
        if direction == "L":
            return False
    return False
