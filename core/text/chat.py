"""Markdown in the marks of a messenger: what its own marks cannot say is said in words, and nothing loads by itself.

A messenger's marks are a ``Dialect``, as data. Tables, formulas, headings and images, which most have no marks for,
become lists or blocks of code, code, bold lines and links. Only addresses of the web, of mail and of telephones become
links; one whose words name another host than it leads to shows both. Raw HTML stands as it was written.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Final, Literal
from urllib.parse import urlsplit

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
    Item,
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
from core.text.links import deceptive, misleads, shortened
from core.values import value

_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})
_RULE: Final = "———"
_MAX_CELL_COLUMNS: Final = 24  # of a cell in a block of code; what is longer makes a list of the table
_MAX_TABLE_COLUMNS: Final = 56


def fence(code: str, language: str = "") -> str:
    """A block of code between three backticks, in which nothing may stand that ends it."""
    return f"```{language}\n{code}\n```"


def follows(address: str, after: str) -> str:
    """An address as it is, whatever comes after it."""
    del after
    return address


@value
class Dialect:
    """A messenger's marks.

    Attributes:
        bold: What stands before and after, "" where there is none; likewise ``italic``, ``strike`` and ``spoiler``.
        escape: Makes a text mean nothing but itself.
        code: Makes code of one line of a text.
        block: Makes a block of code of a text and the name of its language, "" for none.
        address: Makes sure that an address ends where it ends, given what follows it.
        headings: Up to which level there are headings of its own; others are bold lines.
        links: Whether a link may have words of its own; otherwise its address follows them.
        whole_words: Marks hold only around whole words, and only where the same mark does not stand among them.
        tables: As aligned columns in a block of code, or as a list.
    """

    bold: str
    italic: str
    strike: str
    escape: Callable[[str], str]
    code: Callable[[str], str]
    spoiler: str = ""
    block: Callable[[str, str], str] = fence
    address: Callable[[str, str], str] = follows
    headings: int = 0
    links: bool = False
    whole_words: bool = False
    tables: Literal["columns", "list"] = "list"


def written(markdown: str, dialect: Dialect) -> str:
    """A text in a messenger's marks."""
    return "\n\n".join(_Writer(dialect).blocks(parse(markdown).blocks)).strip("\n")


def bare(markdown: str) -> str:
    """A text without any marks: for messengers that refused ours, and for what is measured or compared."""
    return written(markdown, _BARE)


class _Writer:
    """Writes blocks and what stands within their lines."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def blocks(self, blocks: Iterable[Block]) -> list[str]:
        """Each block as text, those that say nothing left out."""
        return [text for block in blocks if (text := self._block(block)).strip()]

    def _block(self, block: Block) -> str:
        match block:
            case Paragraph():
                return self._line(block.children)
            case Heading():
                return self._heading(block)
            case CodeBlock():
                return self._dialect.block(block.text.rstrip("\n"), block.language)
            case FormulaBlock():
                return self._dialect.block(readable(block.latex), "")
            case Listing():
                return "\n".join(self._items(block))
            case Quotation():
                inner = "\n\n".join(self.blocks(block.blocks))
                return "\n".join(f"> {line}" if line else ">" for line in inner.split("\n"))
            case Table():
                return self._table(block)
            case Details():
                summary = self._marked(self._dialect.bold, self._line(block.summary, plain=True), block.summary)
                return "\n\n".join(filter(None, [summary, *self.blocks(block.blocks)]))
            case Rule():
                return _RULE

    def _heading(self, heading: Heading) -> str:
        if heading.level <= self._dialect.headings:
            return f"{'#' * heading.level} {self._line(heading.children)}"
        return self._marked(self._dialect.bold, self._line(heading.children, plain=True), heading.children)

    def _items(self, listing: Listing) -> Iterator[str]:
        for number, item in enumerate(listing.items, listing.start or 0):
            mark = "- " if listing.start is None else f"{number}. "
            yield from _indented(mark, _task(item) + "\n".join(self.blocks(item.blocks)))

    # --- within lines ---

    def _line(self, children: Sequence[Inline], *, plain: bool = False) -> str:
        """What stands within lines.

        Args:
            plain: Without styles, since it stands in one already.
        """
        out: list[str] = []
        for number, child in enumerate(children):
            if isinstance(child, Styled) and not plain:
                before = next((piece[-1] for piece in reversed(out) if piece), "")
                out.append(self._styled(child, before, words(children[number + 1 : number + 2])[:1]))
            elif isinstance(child, Address):
                out.append(self._address(child, words(children[number + 1 : number + 2])[:1]))
            else:
                out.append(self._span(child, plain=plain))
        return "".join(out)

    def _span(self, span: Inline, *, plain: bool) -> str:
        match span:
            case Text():
                return self._dialect.escape(span.text)
            case Break():
                return "\n"
            case Code():
                return self._dialect.code(span.text)
            case Formula():
                return self._dialect.code(readable(span.latex))
            case Styled(style="raised" | "lowered"):
                return self._dialect.escape(small(words(span.children), raised=span.style == "raised"))
            case Styled():
                return self._line(span.children, plain=plain)
            case Link():
                return self._link(span, plain=plain)
            case Address():
                return self._address(span, "")

    def _styled(self, span: Styled, before: str, after: str) -> str:
        """Marks within a word mean nothing to some messengers: there the words are said without."""
        dialect = self._dialect
        marks = {"bold": dialect.bold, "italic": dialect.italic, "strike": dialect.strike, "spoiler": dialect.spoiler}
        if span.style in {"raised", "lowered"}:
            return self._span(span, plain=False)
        inner = self._line(span.children)
        within = dialect.whole_words and (before.isalnum() or after.isalnum())
        return inner if within else self._marked(marks.get(span.style, ""), inner, span.children)

    def _marked(self, mark: str, inner: str, children: Sequence[Inline]) -> str:
        """Marks hold only right before and after a word, and not over a line's end."""
        if not mark or self._ends_early(mark, children):
            return inner
        return "\n".join(_around(mark, line) for line in inner.split("\n"))

    def _ends_early(self, mark: str, children: Sequence[Inline]) -> bool:
        """Whether a mark stands among the words where it cannot be escaped, and would end them."""
        for child in children:
            match child:
                case Address() if mark in child.text or child.text[-1] == mark[0]:
                    return True
                case Text() if self._dialect.whole_words and mark in child.text:
                    return True
                case Styled() | Link() if self._ends_early(mark, child.children):
                    return True
                case _:
                    pass
        return False

    def _address(self, address: Address, after: str) -> str:
        """An address as it stands, and where it leads if it reads like another."""
        said = self._dialect.address(address.text, after)
        host = deceptive(address.url)
        return f"{said} (→ {self._dialect.escape(host)})" if host else said

    def _printed(self, url: str) -> str:
        """An address in brackets, behind words that do not say it."""
        host = deceptive(url)
        said = self._dialect.address(shortened(url), " " if host else ")")
        return f" ({said} → {self._dialect.escape(host)})" if host else f" ({said})"

    def _link(self, link: Link, *, plain: bool) -> str:
        said, named = self._line(link.children, plain=plain), words(link.children)
        if link.image and not named.strip():
            said = named = "image"
        if not _may_link(link.url):
            return f"{said} ({self._dialect.escape(shortened(link.url))})" if link.url else said
        if named.strip() in {link.url, link.url.removeprefix("mailto:"), ""}:
            return self._address(Address(text=link.url, url=link.url), "")
        if self._dialect.links and "://" not in named and not misleads(named, link.url):
            target = re.sub(r"[<>\s]", lambda found: f"%{ord(found[0]):02X}", link.url)
            return f"[{said}](<{target}>)"
        return said + self._printed(link.url)

    # --- tables ---

    def _table(self, table: Table) -> str:
        plain = [[" ".join(words(cell).split("\n")) for cell in row] for row in table.rows]
        if self._dialect.tables == "columns" and _narrow(plain):
            return self._dialect.block("\n".join(drawn(plain, table.sides, bar="│", line="─", corner="┼")), "")
        header, *rows = table.rows
        heads = [self._cell(cell) for cell in header]
        return "\n".join(self._row(heads, row) for row in rows) or " · ".join(heads)

    def _row(self, heads: Sequence[str], row: Sequence[Sequence[Inline]]) -> str:
        cells = [self._cell(cell) for cell in row]
        first = self._marked(self._dialect.bold, cells[0], row[0])
        first = f"{heads[0]}: {first}" if heads[0] and first else first
        rest = [f"{head}: {cell}" if head else cell for head, cell in zip(heads[1:], cells[1:], strict=True) if cell]
        return "\n".join([f"- {first}", *(f"  {one}" for one in rest)])

    def _cell(self, cell: Sequence[Inline]) -> str:
        return self._line(cell, plain=True).replace("\n", " ")


def _task(item: Item) -> str:
    return "" if item.done is None else "☑ " if item.done else "☐ "


def _indented(mark: str, text: str) -> Iterator[str]:
    first, *rest = text.split("\n")
    yield mark + first
    yield from (f"{' ' * len(mark)}{line}" if line else "" for line in rest)


def _around(mark: str, line: str) -> str:
    inner = line.strip()
    if not inner:
        return line
    lead = line[: len(line) - len(line.lstrip())]
    return f"{lead}{mark}{inner}{mark}{line[len(line.rstrip()) :]}"


def _may_link(address: str) -> bool:
    try:
        return urlsplit(address).scheme.lower() in _SCHEMES
    except ValueError:
        return False


def _narrow(rows: Sequence[Sequence[str]]) -> bool:
    columns = widths(rows)
    return max(columns) <= _MAX_CELL_COLUMNS and sum(columns) + 3 * len(columns) <= _MAX_TABLE_COLUMNS


_BARE: Final = Dialect(bold="", italic="", strike="", escape=str, code=str, block=lambda code, _: code)
