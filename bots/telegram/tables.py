"""A Markdown table, laid out for a messenger that has none: a grid while it fits a phone, else a list.

A grid is drawn with monospaced letters, so it must not wrap, and cannot hold links. Everything else is told row by row,
each cell with its column's name. East Asian letters and emoji take two columns.
"""

import re
from dataclasses import dataclass, field
from typing import Final

GRID_COLUMNS: Final = 36
"""The widest grid that a telephone held upright shows without wrapping, in monospaced columns."""


@dataclass(slots=True, kw_only=True)
class Table:
    """What a table says, the header first.

    Attributes:
        sides: Where each column's cells are set: `None`, `Left`, `Center` or `Right`.
        rows: For each row its cells, each as plain words and as Markdown.
        links: Whether any cell leads somewhere.
    """

    sides: tuple[str, ...]
    rows: list[list[tuple[str, str]]] = field(default_factory=list)
    links: bool = False

    def begin(self, markdown: str) -> None:
        """Begin a cell of the last row."""
        self.rows[-1].append(("", markdown))

    def say(self, words: str) -> None:
        """Add plain words to the last cell."""
        plain, markdown = self.rows[-1][-1]
        self.rows[-1][-1] = (plain + words, markdown)


def laid_out(table: Table, *, grids: bool) -> list[str]:
    """The lines of Markdown that say what the table says: a fenced grid, or a list."""
    cells = [[plain.strip() for plain, _ in row] for row in table.rows]
    widths = [max(map(_width, column), default=0) for column in zip(*cells, strict=True)]
    if grids and not table.links and sum(widths) + 3 * (len(widths) - 1) <= GRID_COLUMNS:
        return _grid(cells, widths, table.sides)
    return _records([[markdown for _, markdown in row] for row in table.rows])


def _grid(cells: list[list[str]], widths: list[int], sides: tuple[str, ...]) -> list[str]:
    lines = [" | ".join(map(_set, row, widths, sides)).rstrip() for row in cells]
    if len(lines) > 1:
        lines.insert(1, "-+-".join("-" * width for width in widths))
    ticks = max(map(len, re.findall(r"`+", "\n".join(lines))), default=0)
    fence = "`" * max(3, ticks + 1)
    return [fence, *lines, fence]


def _set(cell: str, width: int, side: str) -> str:
    space = " " * (width - _width(cell))
    return space + cell if side == "Right" else cell + space


def _width(text: str) -> int:
    if text.isascii():
        return len(text)
    from wcwidth import width

    return width(text)


def _records(rows: list[list[str]]) -> list[str]:
    """A list with an entry for each row: its first cell, then the others, each after its column's name."""
    header, *entries = rows
    if not entries:
        return [" | ".join(header)]
    lines = []
    for first, *others in entries:
        told = [f"{name}: {cell or '–'}" if name else cell for name, cell in zip(header[1:], others, strict=True)]
        name = f"{header[0]}: {first}" if header[0] and first else first
        lines.append(f"- {_bold(name)}" + (f": {told.pop()}" if len(header) == 2 and told and not header[1] else ""))  # noqa: PLR2004
        lines += [f"  - {cell}" for cell in told if cell]
    return lines


def _bold(markdown: str) -> str:
    bare = re.sub(r"\*\*([^*]+)\*\*|__([^_]+)__", r"\1\2", markdown)
    return bare if not bare or "*" in bare or "__" in bare else f"**{bare}**"
