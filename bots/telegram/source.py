"""The Markdown that a model wrote, mended before it is rendered: harmless, and fit for a narrow screen.

The edits are made in the source, so that the library that renders it afterwards sees plain Markdown.
"""

import re
from collections.abc import Callable
from typing import Any, Final

from bots.telegram.edits import Edits, literal
from bots.telegram.harmless import BREAK, harmless, resolved
from bots.telegram.tables import Table, laid_out

_SPOILER: Final = re.compile(r"(?<!\\)\|\|(?:(?=[^\s|])([^|\n]+)(?<=\S)\|\|)?")
_FORMULA: Final = re.compile(
    r"(?<!\\)\\(?:\((?P<inline>(?:[^$\n\\]|\\(?![()]))++)\\\)"
    r"|\[(?P<block>(?:[^$\n\\]|\\(?![\[\]])|\n(?![ \t]*\n))++)\\\])"
)
_FORMAL: Final = re.compile(r"[\\^_=+<>{}]")
_DEEP: Final = re.compile(r"^((?:[ \t]*+(?:[-*+>]|\d{1,9}[.)])[ \t]++){12})(.+)", re.MULTILINE)
_ROW: Final = re.compile(r"-[ \t]*(?:\||$)|\|[ \t]*:?-", re.MULTILINE)


def mended(markdown: str, *, links: bool = True, grids: bool = True) -> str:
    """Make a text safe to render, and its tables readable on a phone.

    Args:
        markdown: Any text; its line ends must be newlines.
        links: Whether addresses may hide behind words where they may be followed; else each is printed.
        grids: Whether the text will have monospaced letters to draw narrow tables with.
    """
    text = notated(markdown)
    if _ROW.search(text):
        text = _without_tables(text, grids=grids)
    return harmless(text, links=links)


def notated(markdown: str) -> str:
    """Bring notations that models use to the one that is rendered, and keep all links within the text."""
    # Deeper nesting means nothing on a telephone, and the library's work grows with its square.
    text = _DEEP.sub(lambda match: match[1] + literal(match[2]), markdown)
    text = _outside_code(text, _notation) if re.search(r"\\[(\[]|\|\||\[\^|\$\$\$", text) else text
    return resolved(text)


def _outside_code(markdown: str, change: Callable[[str], str]) -> str:
    edits = Edits(markdown)
    at = 0
    for kind, _, start, end in edits.events():
        if kind in {"Code", "CodeBlock", "Html", "InlineHtml"}:
            edits.replace(at, start, change(edits.read(at, start)))
            at = end
    edits.replace(at, len(edits.source), change(edits.read(at, len(edits.source))))
    return edits.applied()


def _notation(text: str) -> str:
    """Bring formulas to dollars, and keep from being read as markup what only looks like it."""
    text = _FORMULA.sub(_in_dollars, text)
    text = re.sub(r"\${3,}", lambda match: literal(match[0]), text)  # formulas without an inside
    text = _SPOILER.sub(lambda match: match[0] if match[1] else r"\|\|", text)
    return re.sub(r"(?<!\\)\[\^", r"\[^", text)


def _in_dollars(match: re.Match[str]) -> str:
    inline, block = match["inline"], match["block"]
    if inline is not None:
        return f"${inline.strip()}$" if inline.strip() else match[0]
    return f"$${block.strip()}$$" if _FORMAL.search(block) else match[0]


def _without_tables(markdown: str, *, grids: bool) -> str:
    edits = Edits(markdown)
    table: Table | None = None
    for kind, told, start, end in edits.events():
        if kind == "Table":
            table = Table(sides=told)
        elif table is None:
            continue
        elif kind == "End" and told == "Table":
            edits.replace(start, end, _placed(edits, start, end, laid_out(table, grids=grids)))
            table = None
        else:
            _fill(table, kind, told, edits.read(start, end).strip())
    return edits.applied()


def _fill(table: Table, kind: str, told: Any, source: str) -> None:  # noqa: ANN401  # the parser's
    match kind:
        case "TableHead" | "TableRow":
            table.rows.append([])
        case "TableCell":
            table.begin(source.replace("\\|", "|"))  # in a table alone a bar is escaped in code, too
        case "Text" | "Code" | "InlineMath" | "DisplayMath":
            table.say(told)
        case "InlineHtml":
            table.say(" / " if BREAK.fullmatch(told) else told)
        case "Link" | "Image":
            table.links = True
        case _:
            pass


def _placed(edits: Edits, start: int, end: int, lines: list[str]) -> str:
    """Put lines where a table was: each within the quotations and lists that its second line stands in."""
    below = edits.source.find(b"\n", start, end) + 1
    before = re.match(rb"[ \t>]*", edits.source[below:end])
    prefix = before[0].decode() if before and below else ""
    tail = "\n" if edits.source[start:end].endswith(b"\n") else ""
    return f"\n{prefix}".join(lines) + tail
