"""Answers as rich messages: which ones are worth it, and how they are cut into pages.

Telegram's web page, and older programs, show a rich message as "not supported", and nobody can copy from it. So an
answer is one only where it says something that text with entities cannot say: a table, a formula, a part that is folded
away. See https://core.telegram.org/bots/api#rich-message-formatting-options and docs/decisions.
"""

import re
import unicodedata
from functools import cache
from typing import Any, Final

import pyromark
import structlog

from bots.telegram.document import document
from bots.telegram.edits import OPTIONS
from bots.telegram.entities import utf16_length
from bots.telegram.formulas import is_formula, is_involved, with_money_as_text
from bots.telegram.harmless import resolved
from bots.telegram.markup import NotAllowed, Size, inspected, written
from bots.telegram.rendering import can_be_seen, clean
from bots.telegram.source import notated
from core.text.splitting import split
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
    if not _MAYBE.search(markdown):
        return False
    return any(_asks_for_it(event) for event in pyromark.events(_normal(clean(markdown)), options=OPTIONS))


def rich_pages(markdown: str) -> tuple[RichPage, ...]:
    """Render an answer of any length; without anything to see there are no pages."""
    rendered = cache(_rendered)

    def fits(piece: str) -> bool:
        _, units, size = rendered(piece)
        return units <= PAGE_UNITS and (size is None or size.blocks <= PAGE_BLOCKS)

    pieces = [piece for piece in split(resolved(clean(markdown)), fits) if can_be_seen(piece)]
    return tuple(_page(piece, *rendered(piece)) for piece in pieces)


def _normal(markdown: str) -> str:
    return with_money_as_text(notated(markdown))


def _asks_for_it(event: Any) -> bool:  # noqa: ANN401 - the parser's
    match event:
        case {"Start": {"Table": _}}:
            return True
        case {"InlineMath": inside}:
            return is_formula(inside) and is_involved(inside)
        case {"DisplayMath": inside}:
            return is_formula(inside)
        case {"Html": html}:
            return "<details" in html.lower()
        case _:
            return False


def _rendered(piece: str) -> tuple[str, int, Size | None]:
    """A piece as HTML, how much there is to read in it, and its size; no size where it must not leave us."""
    tree = document(_normal(piece))
    html = written(tree)
    try:
        size = inspected(html)
    except NotAllowed:
        log.exception("a rich message of ours must not leave us")
        return html, utf16_length(tree.text()), None
    return html, utf16_length(tree.text()), size


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
