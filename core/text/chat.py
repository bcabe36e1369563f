"""Markdown in the marks of a messenger: what its own marks cannot say is said in words, and nothing loads by itself.

A messenger's marks are a ``Dialect``, as data. Tables, formulas, headings and images, which most have no marks for,
become lists or blocks of code, code, bold lines and links. Only addresses of the web, of mail and of telephones become
links; a link that says another address than it leads to shows both. Raw HTML stands as it was written.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from typing import Final, Literal
from urllib.parse import urlsplit

from markdown_it import MarkdownIt
from markdown_it.tree import SyntaxTreeNode
from mdit_py_plugins.dollarmath import dollarmath_plugin
from mdit_py_plugins.texmath import texmath_plugin
from wcwidth import wcswidth

from core.text.unfinished import completed
from core.values import value

_SCHEMES: Final = frozenset({"http", "https", "mailto", "tel"})
_ADDRESS = re.compile(r"(?:https?://|www\.)\S+", re.IGNORECASE)
_TASK = re.compile(r"\[([ xX])\] ")
_MONEY = re.compile(r"\d[^\\^_={}]*[^\W\d_]{3}[^\\^_={}]*")
_RULE: Final = "———"
_WIDEST: Final = 24  # columns of a table's cell in a block of code; what is longer makes a list of the table
_WIDEST_TABLE: Final = 56


@value
class Dialect:
    """A messenger's marks.

    Attributes:
        bold: What stands before and after; likewise ``italic`` and ``strike``.
        headings: Up to which level there are headings of its own; others are bold lines.
        links: Whether a link may have words of its own; otherwise its address follows them.
        languages: Whether a block of code may name its language.
        tables: As aligned columns in a block of code, or as a list.
        nested: Whether lists may stand within lists; otherwise only their look is kept.
        escape: Makes a text mean nothing but itself.
        code: Makes code of one line of a text.
    """

    bold: str
    italic: str
    strike: str
    escape: Callable[[str], str]
    code: Callable[[str], str]
    headings: int = 0
    links: bool = False
    languages: bool = False
    nested: bool = False
    tables: Literal["columns", "list"] = "list"


def written(markdown: str, dialect: Dialect, *, unfinished: bool = False) -> str:
    """A text in a messenger's marks.

    Args:
        unfinished: It is still being written; its end is mended for showing.
    """
    text = completed(markdown) if unfinished else markdown
    root = SyntaxTreeNode(_parser().parse(text))
    return "\n\n".join(_Writer(dialect).blocks(root.children)).strip("\n")


def bare(markdown: str) -> str:
    """A text without any marks: for messengers that refused ours, and for what is measured or compared."""
    return written(markdown, _BARE)


@lru_cache(maxsize=1)
def _parser() -> MarkdownIt:
    made = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
    made.use(dollarmath_plugin, allow_space=False, allow_digits=False, double_inline=True)
    made.use(texmath_plugin, delimiters="brackets")
    return made


class _Writer:
    """Writes blocks and what stands within their lines."""

    def __init__(self, dialect: Dialect) -> None:
        self._dialect = dialect

    def blocks(self, nodes: Sequence[SyntaxTreeNode]) -> list[str]:
        """Each block as text, those that say nothing left out."""
        return [text for node in nodes if (text := self._block(node)).strip()]

    def _block(self, node: SyntaxTreeNode) -> str:
        match node.type:
            case "paragraph":
                return self._inline(node.children)
            case "heading":
                return self._heading(node)
            case "fence" | "code_block":
                return self._fence(node.content, node.info if node.type == "fence" else "")
            case "bullet_list" | "ordered_list":
                return "\n".join(self._items(node))
            case "blockquote":
                inner = "\n\n".join(self.blocks(node.children))
                return "\n".join(f"> {line}" if line else ">" for line in inner.splitlines())
            case "table":
                return self._table(node)
            case "hr":
                return _RULE
            case "math_block" | "math_block_label" | "math_block_eqno":
                return self._fence(node.content.strip("\n"), "")
            case _:
                return self._dialect.escape(node.content)

    def _heading(self, node: SyntaxTreeNode) -> str:
        level, words = int(node.tag[1:]), self._inline(node.children)
        if level <= self._dialect.headings:
            return f"{'#' * level} {words}"
        return self._marked(self._dialect.bold, self._inline(node.children, plain=True))

    def _fence(self, code: str, info: str) -> str:
        language = info.split(maxsplit=1)[0] if info.split() and self._dialect.languages else ""
        inner = code.rstrip("\n").replace("```", "'''")
        return f"```{re.sub('[^A-Za-z0-9_+#.-]', '', language)}\n{inner}\n```"

    def _items(self, node: SyntaxTreeNode) -> Iterator[str]:
        number = int(str(node.attrs.get("start", 1))) if node.type == "ordered_list" else None
        for item in node.children:
            mark = "- " if number is None else f"{number}. "
            texts = self.blocks(item.children)
            if texts and number is None and (task := _TASK.match(texts[0].replace("\\", "", 2))):
                texts[0] = ("☐ " if task[1] == " " else "☑ ") + texts[0].replace("\\", "", 2)[task.end() :]
            yield from _indented(mark, "\n".join(texts))
            number = None if number is None else number + 1

    def _inline(self, nodes: Sequence[SyntaxTreeNode], *, plain: bool = False) -> str:
        return "".join(self._span(node, plain=plain) for node in nodes)

    def _span(self, node: SyntaxTreeNode, *, plain: bool) -> str:
        dialect = self._dialect
        match node.type:
            case "inline" | "text_special":
                return self._inline(node.children, plain=plain) if node.children else dialect.escape(node.content)
            case "text":
                return dialect.escape(node.content)
            case "softbreak" | "hardbreak":
                return "\n"
            case "strong" | "em" | "s":
                mark = {"strong": dialect.bold, "em": dialect.italic, "s": dialect.strike}[node.type]
                inner = self._inline(node.children, plain=plain)
                return inner if plain else self._marked(mark, inner)
            case "code_inline":
                return dialect.code(node.content)
            case "math_inline" | "math_inline_double" | "math_single":
                return self._formula(node.content)
            case "link":
                return self._link(str(node.attrs.get("href", "")), self._inline(node.children, plain=plain), node)
            case "image":
                words = _words(node) or "image"
                if node.parent is not None and node.parent.type == "link":
                    return dialect.escape(words)
                return self._link(str(node.attrs.get("src", "")), dialect.escape(words), node)
            case _:
                return dialect.escape(node.content)

    def _formula(self, formula: str) -> str:
        if _MONEY.fullmatch(formula):  # two sums of money in one line, and no formula between them
            return self._dialect.escape(f"${formula}$")
        return self._dialect.code(formula.strip())

    def _marked(self, mark: str, inner: str) -> str:
        """Marks hold only right before and after a word, and not over a line's end."""
        if not mark:
            return inner
        return "\n".join(_around(mark, line) for line in inner.split("\n"))

    def _link(self, address: str, said: str, node: SyntaxTreeNode) -> str:
        if not _may_link(address):
            return said
        words = _words(node)
        if words.strip() in {address, address.removeprefix("mailto:"), ""}:
            return address
        if self._dialect.links and not _disguises(words, address):
            return f"[{said}](<{address.replace('>', '%3E')}>)"
        return f"{said} ({address})"

    def _table(self, node: SyntaxTreeNode) -> str:
        rows = [list(row.children) for part in node.children for row in part.children]
        plain = [[_words(cell) for cell in row] for row in rows]
        if self._dialect.tables == "columns" and _narrow(plain):
            return self._fence("\n".join(_aligned(plain)), "")
        heads = [self._inline(cell.children, plain=True) for cell in rows[0]]
        items: list[str] = []
        for row in rows[1:]:
            cells = [self._inline(cell.children, plain=True).replace("\n", " ") for cell in row]
            first = self._marked(self._dialect.bold, cells[0])
            first = f"{heads[0]}: {first}" if heads[0] and first else first
            rest = [
                f"{head}: {cell}" if head else cell for head, cell in zip(heads[1:], cells[1:], strict=False) if cell
            ]
            items.append("\n".join([f"- {first}", *(f"  {one}" for one in rest)]))
        return "\n".join(items) or " · ".join(heads)


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


def _words(node: SyntaxTreeNode) -> str:
    """What of a span is read."""
    if node.children:
        return "".join(_words(child) for child in node.children)
    return "\n" if node.type in {"softbreak", "hardbreak"} else node.content


def _may_link(address: str) -> bool:
    try:
        return urlsplit(address).scheme.lower() in _SCHEMES
    except ValueError:
        return False


def _disguises(words: str, address: str) -> bool:
    """Whether the words of a link are an address, and another one than it leads to."""
    found = _ADDRESS.match(words.strip())
    if found is None:
        return False
    said = found[0] if "://" in found[0] else f"https://{found[0]}"
    try:
        return urlsplit(said).hostname != urlsplit(address).hostname
    except ValueError:
        return True


def _narrow(rows: Sequence[Sequence[str]]) -> bool:
    widths = _widths(rows)
    return max(widths, default=0) <= _WIDEST and sum(widths) + 3 * len(widths) <= _WIDEST_TABLE


def _widths(rows: Sequence[Sequence[str]]) -> list[int]:
    return [max(map(_width, column)) for column in zip(*rows, strict=False)]


def _aligned(rows: Sequence[Sequence[str]]) -> Iterator[str]:
    widths = _widths(rows)
    for number, row in enumerate(rows):
        yield " │ ".join(cell + " " * (width - _width(cell)) for cell, width in zip(row, widths, strict=False)).rstrip()
        if number == 0:
            yield "─┼─".join("─" * width for width in widths)


def _width(text: str) -> int:
    """Columns of a fixed-width font: letters of East Asia take two."""
    return max(0, wcswidth(text)) or len(text)


_BARE: Final = Dialect(bold="", italic="", strike="", escape=str, code=str, tables="list")
