"""Markdown as Telegram shows it: a text and its entities, or plain words. Nothing here talks to Telegram."""

import unicodedata
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from typing import Final

from bots.telegram.addresses import may_link, shown
from bots.telegram.entities import Entity, Mark, most_important, tidied, to_entities, utf16_length, valid
from core.text.document import (
    Address,
    Block,
    Break,
    Code,
    CodeBlock,
    Details,
    Formula,
    FormulaBlock,
    Heading,
    Inline,
    Link,
    Listing,
    Paragraph,
    Quotation,
    Rule,
    Styled,
    Table,
    Text,
    parse,
    words,
)
from core.text.formulas import readable, small
from core.text.grids import drawn, widths
from core.text.links import deceptive, misleads
from core.text.splitting import split
from core.text.unfinished import divisible

TEXT_UNITS: Final = 4096
"""UTF-16 units of text in one message, once rendered: https://core.telegram.org/bots/api#sendmessage."""

GRID_COLUMNS: Final = 36
"""The widest grid that a telephone held upright shows without wrapping, in monospaced columns."""

_RULE: Final = "————————"
_STYLES: Final = {
    "bold": "bold",
    "italic": "italic",
    "strike": "strikethrough",
    "spoiler": "spoiler",
    "underline": "underline",
}


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
    blocks = parse(markdown).blocks
    text, marks = _written(blocks)
    marks = valid(text, marks)
    kept = most_important(marks)
    if len(kept) < len(marks) and any(mark.kind == "text_link" for mark in set(marks) - set(kept)):
        # An address must not be lost with its entity, so all are printed.
        text, marks = _written(blocks, links=False)
        kept = most_important(valid(text, marks))
    return Rendered(source=markdown, text=text, entities=to_entities(text, kept))


def plain(markdown: str) -> str:
    """The words alone, for where markup was refused: lists stay lists, and each address follows its words."""
    return _written(parse(markdown).blocks, links=False, grids=False)[0]


def length(markdown: str) -> int:
    """How long a text is on Telegram, in UTF-16 units."""
    return utf16_length(render(markdown).text)


def pages(
    markdown: str, limit: int = TEXT_UNITS, *, unfinished: bool = False, max_pages: int = 0
) -> tuple[Rendered, ...]:
    """Render a text as messages. Without anything to see there are none.

    Args:
        markdown: The whole text, or its beginning.
        limit: The most that a message holds, in UTF-16 units.
        unfinished: Whether the text is still being written; then what it has left open is shown closed.
        max_pages: Pages after so many are not made, 0 for all.
    """
    rendered = cache(render)
    whole = divisible(markdown, unfinished=unfinished)
    pieces = split(whole, lambda piece: utf16_length(rendered(piece).text) / limit, max_pages=max_pages)
    return tuple(page for page in map(rendered, pieces) if can_be_seen(page.text))


def plain_pages(
    markdown: str, limit: int = TEXT_UNITS, *, unfinished: bool = False, max_pages: int = 0
) -> tuple[Rendered, ...]:
    """Like `pages`, in plain words."""
    worded = cache(plain)
    whole = divisible(markdown, unfinished=unfinished)
    pieces = split(whole, lambda piece: utf16_length(worded(piece)) / limit, max_pages=max_pages)
    return tuple(Rendered(source=piece, text=worded(piece)) for piece in pieces if can_be_seen(worded(piece)))


def can_be_seen(text: str) -> bool:
    """Whether there is more than white space and invisible characters, which Telegram refuses as empty."""
    return any(unicodedata.category(char)[0] not in "CZ" for char in text)


def _written(blocks: Iterable[Block], *, links: bool = True, grids: bool = True) -> tuple[str, list[Mark]]:
    writer = _Writer(links=links, grids=grids)
    writer.blocks(blocks)
    return tidied(writer.text, writer.marks)


class _Writer:
    """Writes blocks as lines, and remembers what of them is marked.

    Args:
        links: Whether addresses may stand behind words where they may be followed; else each is printed.
        grids: Whether there are monospaced letters to draw narrow tables with.
    """

    def __init__(self, *, links: bool, grids: bool) -> None:
        self.marks: list[Mark] = []
        self._links = links
        self._grids = grids
        self._pieces: list[str] = []
        self._length = 0

    @property
    def text(self) -> str:
        """What was written."""
        return "".join(self._pieces)

    def _say(self, text: str) -> None:
        self._pieces.append(text)
        self._length += len(text)

    @contextmanager
    def _marking(self, kind: str, value: str = "") -> Generator[None]:
        start = self._length
        yield
        if self._length > start:
            self.marks.append(Mark(kind, start, self._length, value))

    # --- blocks ---

    def blocks(self, blocks: Iterable[Block], *, gap: str = "\n\n", depth: int = 0) -> None:
        """Write blocks with a gap between those that say something.

        Args:
            depth: How many lists they stand in.
        """
        between = False
        for block in blocks:
            before, pieces = self._length, len(self._pieces)
            if between:
                self._say(gap)
            start = self._length
            self._block(block, depth)
            if self._length == start:
                del self._pieces[pieces:]
                self._length = before
            else:
                between = True

    def _block(self, block: Block, depth: int) -> None:
        match block:
            case Paragraph():
                self._line(block.children)
            case Heading():
                with self._marking("bold"):
                    self._line(block.children)
            case CodeBlock():
                with self._marking("pre", block.language):
                    self._say(block.text)
            case FormulaBlock():
                with self._marking("pre"):
                    self._say(readable(block.latex))
            case Quotation():
                with self._marking("blockquote"):
                    self.blocks(block.blocks, depth=depth)
            case Listing():
                self._listing(block, depth)
            case Table():
                self._table(block, depth)
            case Details():
                self._details(block, depth)
            case Rule():
                self._say(_RULE)

    def _listing(self, listing: Listing, depth: int) -> None:
        for number, item in enumerate(listing.items):
            self._say("\n" if number else "")
            bullet = "• " if listing.start is None else f"{listing.start + number}. "
            if item.done is not None:
                bullet = "☑ " if item.done else "☐ "
            self._say("  " * depth + bullet)
            self.blocks(item.blocks, gap="\n", depth=depth + 1)

    def _details(self, details: Details, depth: int) -> None:
        if details.summary:
            with self._marking("bold"):
                self._line(details.summary)
            self._say("\n\n" if details.blocks else "")
        self.blocks(details.blocks, depth=depth)

    # --- tables: a grid while it fits a phone, and holds no links; else each row is told ---

    def _table(self, table: Table, depth: int) -> None:
        cells = [[" ".join(_shown(cell).split()) for cell in row] for row in table.rows]
        columns = widths(cells)
        narrow = sum(columns) + 3 * (len(columns) - 1) <= GRID_COLUMNS
        if self._grids and narrow and not any(_leads(cell) for row in table.rows for cell in row):
            with self._marking("pre"):
                self._say("\n".join(drawn(cells, table.sides, bar="|", line="-", corner="+")))
            return
        header, *rows = table.rows
        if not rows:
            self._row([cell for cell in header if cell], " | ")
        for number, row in enumerate(rows):
            self._say("\n" if number else "")
            self._record(header, row, depth)

    def _row(self, cells: Sequence[Sequence[Inline]], between: str) -> None:
        for number, cell in enumerate(cells):
            self._say(between if number else "")
            self._line(cell)

    def _record(self, header: Sequence[Sequence[Inline]], row: Sequence[Sequence[Inline]], depth: int) -> None:
        """A row: its first cell, then the others that hold something, each after its column's name."""
        self._say("  " * depth + "• ")
        with self._marking("bold"):
            self._row([cell for cell in (header[0], row[0]) if cell] if row[0] else [], ": ")
        if len(row) == 2 and not header[1] and row[1]:  # noqa: PLR2004
            self._say(": ")
            self._line(row[1])
            return
        for name, cell in zip(header[1:], row[1:], strict=True):
            if cell:
                self._say("\n" + "  " * depth + "  • ")
                self._row([name, cell] if name else [cell], ": ")

    # --- within lines ---

    def _line(self, children: Sequence[Inline]) -> None:
        for number, child in enumerate(children):
            match child:
                case Text():
                    self._say(child.text)
                case Break():
                    self._say("\n")
                case Code():
                    with self._marking("code"):
                        self._say(child.text)
                case Formula():
                    with self._marking("code"):
                        self._say(readable(child.latex))
                case Styled():
                    self._styled(child)
                case Link():
                    self._link(child)
                case Address():
                    self._address(child, words(children[number + 1 : number + 2])[:1])

    def _styled(self, span: Styled) -> None:
        if (kind := _STYLES.get(span.style)) is None:
            self._say(small(words(span.children), raised=span.style == "raised"))
            return
        with self._marking(kind):
            self._line(span.children)

    def _address(self, address: Address, after: str) -> None:
        """Telegram sees by itself what is an address, but not where one ends that letters follow."""
        host = deceptive(address.url)
        if after.isalnum() and not host and self._links and may_link(address.url):
            with self._marking("text_link", address.url):
                self._say(address.text)
            return
        self._say(address.text + (f" (→ {host})" if host else ""))

    def _link(self, link: Link) -> None:
        named = words(link.children)
        if not named.strip():
            self._address(Address(text=shown(link.url), url=link.url), "")
        elif self._links and may_link(link.url) and not misleads(named, link.url):
            with self._marking("text_link", link.url):
                self._line(link.children)
        else:
            self._line(link.children)
            address, host = shown(link.url), deceptive(link.url)
            if address and named not in {address, link.url}:
                self._say(f" ({address} → {host})" if host else f" ({address})")


def _shown(cell: Sequence[Inline]) -> str:
    """A cell without marks."""
    return "".join(readable(child.latex) if isinstance(child, Formula) else words((child,)) for child in cell)


def _leads(cell: Iterable[Inline]) -> bool:
    """Whether something in a cell leads elsewhere."""
    return any(isinstance(child, Link) or (isinstance(child, Styled) and _leads(child.children)) for child in cell)
