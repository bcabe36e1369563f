"""Tables drawn with letters of one width. East Asian letters and emoji take two columns."""

from collections.abc import Sequence


def width(text: str) -> int:
    """The columns that a text takes."""
    if text.isascii():
        return len(text)
    from wcwidth import width as columns  # noqa: PLC0415 - slow to import, and rarely needed

    return columns(text)


def widths(rows: Sequence[Sequence[str]]) -> list[int]:
    """The columns that each column of a table takes."""
    return [max(map(width, column)) for column in zip(*rows, strict=True)]


def drawn(rows: Sequence[Sequence[str]], sides: Sequence[str], *, bar: str, line: str, corner: str) -> list[str]:
    """The lines of a table, with one below its header if there is more.

    Args:
        sides: Of each column, ``right`` where its cells stand to the right.
        bar: Between two cells; ``line`` and ``corner`` are what the line below the header is of.
    """
    columns = widths(rows)
    lines = [f" {bar} ".join(map(_set, row, columns, sides)).rstrip() for row in rows]
    if len(lines) > 1:
        lines.insert(1, f"{line}{corner}{line}".join(line * wide for wide in columns))
    return lines


def _set(cell: str, wide: int, side: str) -> str:
    space = " " * (wide - width(cell))
    return space + cell if side == "right" else cell + space
