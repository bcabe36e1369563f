"""Markdown as Telegram shows it: a text and its entities, or plain words.

telegramify-markdown reads the Markdown; what it leaves to its users is mended before (`bots.telegram.source`) and after
(`bots.telegram.entities`). Nothing here talks to Telegram.
"""

import re
import unicodedata
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Final

from bots.telegram.addresses import may_link
from bots.telegram.entities import Entity, Mark, most_important, tidied, to_entities, to_marks, utf16_length, valid
from bots.telegram.harmless import LINE_BREAK, resolved
from bots.telegram.source import mended
from core.text.splitting import split
from core.text.unfinished import completed

if TYPE_CHECKING:
    from telegramify_markdown import RenderConfig

TEXT_UNITS: Final = 4096
"""UTF-16 units of text in one message, once rendered: https://core.telegram.org/bots/api#sendmessage."""

_LANGUAGE = re.compile(r"[\w+#.-]{1,32}")
_SURROGATE = re.compile("[\ud800-\udfff]")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """A piece of Markdown, rendered.

    Attributes:
        source: The Markdown, from which it can be rendered in another form.
        text: What is to be sent, without white space at its ends. Empty when there is nothing to see.
        entities: What of the text is bold, code, a link …; ready for JSON, in order, valid, at most 100.
    """

    source: str
    text: str
    entities: tuple[Entity, ...] = ()


def render(markdown: str) -> Rendered:
    """Render a text of any length and in any state, also one that is still being written."""
    text, marks = _converted(mended(clean(markdown)))
    marks = valid(text, marks)
    kept = most_important(marks)
    if any(mark.kind == "text_link" for mark in set(marks) - set(kept)):
        # An address must not be lost with its entity, so all are printed.
        text, marks = _converted(mended(clean(markdown), links=False))
        kept = most_important(valid(text, marks))
    return Rendered(source=markdown, text=text, entities=to_entities(text, kept))


def plain(markdown: str) -> str:
    """The words alone, for where markup was refused: lists stay lists, and each address follows its words."""
    return _converted(mended(clean(markdown), links=False, grids=False))[0]


def length(markdown: str) -> int:
    """How long a text is on Telegram, in UTF-16 units."""
    return utf16_length(render(markdown).text)


def pages(markdown: str, limit: int = TEXT_UNITS, *, unfinished: bool = False) -> tuple[Rendered, ...]:
    """Render a text as messages. Without anything to see there are none.

    Args:
        markdown: The whole text, or its beginning.
        limit: The most that a message holds, in UTF-16 units.
        unfinished: Whether the text is still being written; then what it has left open is shown closed.
    """
    rendered = cache(render)
    pieces = split(_whole(markdown, unfinished=unfinished), lambda piece: utf16_length(rendered(piece).text) <= limit)
    return tuple(page for page in map(rendered, pieces) if can_be_seen(page.text))


def plain_pages(markdown: str, limit: int = TEXT_UNITS, *, unfinished: bool = False) -> tuple[Rendered, ...]:
    """Like `pages`, in plain words."""
    worded = cache(plain)
    pieces = split(_whole(markdown, unfinished=unfinished), lambda piece: utf16_length(worded(piece)) <= limit)
    return tuple(Rendered(source=piece, text=worded(piece)) for piece in pieces if can_be_seen(worded(piece)))


def _whole(markdown: str, *, unfinished: bool) -> str:
    text = clean(markdown)
    return resolved(completed(text) if unfinished else text)


def can_be_seen(text: str) -> bool:
    """Whether there is more than white space and invisible characters, which Telegram refuses as empty."""
    return any(unicodedata.category(char)[0] not in "CZ" for char in text)


def clean(markdown: str) -> str:
    """A text as everything here expects it: lines end with newlines, and no character is half a one."""
    text = markdown.replace("\r\n", "\n").replace("\r", "\n").replace("\0", "\N{REPLACEMENT CHARACTER}")
    return _SURROGATE.sub("\N{REPLACEMENT CHARACTER}", text)


def _converted(markdown: str) -> tuple[str, list[Mark]]:
    from telegramify_markdown import convert

    text, entities = convert(markdown, latex_escape=False, config=_config())
    text = text.replace(LINE_BREAK, "\n")
    kept = (entity for entity in entities if entity.type != "text_link" or may_link(entity.url or ""))
    marks = to_marks(text, ((e.type, e.offset, e.length, e.url or _language(e.language)) for e in kept))
    return tidied(text, marks)


def _language(info: str | None) -> str:
    """The language of a block: the first word after the fence, if it can be the name of one."""
    match = _LANGUAGE.match(info or "")
    return match[0] if match else ""


@cache
def _config() -> "RenderConfig":
    """The library's settings: no emoji for headings and images, and nothing quoted is folded away."""
    from telegramify_markdown import RenderConfig

    config = RenderConfig.isolated()
    symbols = config.markdown_symbol
    for level in range(1, 7):
        setattr(symbols, f"heading_level_{level}", "")
    symbols.image = symbols.link = ""
    symbols.unordered_list_item = "•"
    symbols.task_completed, symbols.task_uncompleted = "☑", "☐"
    config.cite_expandable = False
    return config
