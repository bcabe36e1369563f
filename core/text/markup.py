"""The lines of a Markdown text, and what a cut at each of them would tear: fences, tables, lists, headings.

A scanner of one linear pass rather than a parser, because it must also read texts that are still being written and
answer for the source, not for its meaning. It decides nothing about cutting; `core.text.splitting` does. What stands
within a line is told by `core.text.spans`.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import IntEnum

TAB_COLUMNS = 4

BLOCK_MARK = re.compile(r"(?:[-+*]|\d{1,9}[.)]|#{1,6})(?:\s|$)|[>|]|```|~~~")
"""What makes more than a paragraph of the line that it begins."""


class Rank(IntEnum):
    """How good a place the beginning of a line is for a cut; higher is better."""

    NEVER = 0  # would tear a structure: a table's header, the two lines of a heading, an emptied fence
    POOR = 1  # right after a heading, between the lines of a block of code or the rows of a table
    GAP = 2  # at an empty line within code
    LINE = 3
    BLANK = 4
    HEADING = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line of the text, and what a cut at or in it asks for.

    Attributes:
        start: Offset of its first character.
        end: Offset after its last one, before the newline.
        rank: How good a cut before it is.
        head: What a page that begins with this line must say first: a fence's opening line, a table's header, the
            mark of a quotation that the line belongs to without having it.
        tail: What a page that ends before this line must say last: the fence's closing line.
        prefix: The quotation marks that a page that begins within this line must repeat.
        indent: Columns to take off when a page begins here, by which a list shifts it or a paragraph is set in.
        code: Whether it stands within a fenced block; `head` and `tail` then hold within the line too.
        opens: Whether it is the opening line of a fence.
        closes: Whether it is the closing line of a fence.
        table: Where its table begins and ends, when it is a row of one that a cut may precede.
    """

    start: int
    end: int
    rank: Rank = Rank.LINE
    head: str = ""
    tail: str = ""
    prefix: str = ""
    indent: int = 0
    code: bool = False
    opens: bool = False
    closes: bool = False
    table: tuple[int, int] | None = None


_QUOTE = r"(?P<quote>(?:[ ]{0,3}>[ ]?){0,16}+)"  # deeper is not nesting but noise, and would be repeated
_FENCE = re.compile(
    _QUOTE + r"(?P<pad>(?:[ \t]*+(?:[-*+]|\d{1,9}[.)])[ \t]++)*+[ \t]*+)(?P<mark>`{3,}+|~{3,}+)(?P<info>.*)"
)
_ITEM = re.compile(r"([ \t]*)(?:[-*+]|\d{1,9}[.)])(?:[ \t]+|$)")
_HEADING = re.compile(r"(?:[ ]{0,3}>[ ]?)*+[ ]{0,3}#{1,6}(?:[ \t]|$)")
_UNDERLINE = re.compile(r"(?:[ ]{0,3}>[ ]?)*+[ ]{0,3}(?:=+|-+)[ \t]*$")
_DELIMITERS = re.compile(r"(?:[ \t]*>)*+[ \t]*+\|?[ \t]*:?-++:?[ \t]*+(?:\|[ \t]*+:?-++:?[ \t]*+)*+\|?[ \t]*$")
_PIPE = re.compile(r"(?<!\\)\|")
_QUOTED = re.compile(_QUOTE)


def columns(line: str) -> int:
    """The width of the white space a line begins with, in columns; a tab counts four."""
    width = 0
    for char in line:
        if char == " ":
            width += 1
        elif char == "\t":
            width += TAB_COLUMNS
        else:
            break
    return width


@dataclass(slots=True)
class _Fence:
    """The fenced block the scan stands in."""

    opening: str  # the line that opens it again
    closing: str  # the line that closes it
    mark: str
    quoted: bool
    indent: int  # columns of the list item that holds it
    fresh: bool = True

    def closed_by(self, line: str) -> bool:
        bare = line.lstrip(" \t>").rstrip() if self.quoted else line.strip()
        return len(bare) >= len(self.mark) and not bare.strip(self.mark[0])

    def left_by(self, line: str) -> bool:
        """Whether the line ends the quotation or the list item, and so the block, without closing it."""
        if self.quoted:
            return not line.lstrip().startswith(">")
        return bool(line.strip()) and columns(line) < self.indent


class _Scan:
    """One pass over the lines, with what it must remember between them."""

    def __init__(self, text: str) -> None:
        self._texts = text.split("\n")
        self._fence: _Fence | None = None
        self._items: list[int] = []  # the columns at which the contents of the open list items begin
        self._above = ""  # the line above
        self._told = ""  # the last line above that is not empty
        self._heading = False  # whether that one is a heading
        self._code = False  # whether the line above is code by its indentation
        self._quote = ""  # the mark of the quotation whose paragraph may go on without it

    def lines(self) -> Iterator[Line]:
        at, number = 0, 0
        while number < len(self._texts):
            taken = self._table(number, at) or [self._line(number, at)]
            yield from taken
            number += len(taken)
            at = taken[-1].end + 1

    def _line(self, number: int, at: int) -> Line:
        text = self._texts[number]
        if self._fence and self._fence.left_by(text):
            self._fence = None
        below = self._texts[number + 1] if number + 1 < len(self._texts) else ""
        line = self._in_fence(self._fence, text, at) if self._fence else self._in_text(text, below, at)
        self._remember(text, heading=not line.code and (line.rank is Rank.NEVER or bool(_HEADING.match(text))))
        return line

    def _in_fence(self, fence: _Fence, text: str, at: int) -> Line:
        closes = fence.closed_by(text)
        rank = Rank.GAP if not self._above.strip(" \t>") else Rank.POOR
        if closes:
            self._fence = None
        if closes or fence.fresh:
            rank = Rank.NEVER
        fence.fresh = False
        return Line(
            start=at,
            end=at + len(text),
            rank=rank,
            head=fence.opening,
            tail=fence.closing,
            prefix=_prefix(text) if fence.quoted else "",
            indent=fence.indent,
            code=True,
            closes=closes,
        )

    def _in_text(self, text: str, below: str, at: int) -> Line:
        indent = self._nest(text)
        prefix = _prefix(text)
        self._fence = self._opened(text)
        starts = not text.strip(" \t>") or self._fence or _HEADING.match(text) or _ITEM.match(text)
        lazy = "" if prefix or starts else self._quote
        self._quote = "" if starts else prefix or lazy
        rank = self._rank(text, below)
        return Line(
            start=at,
            end=at + len(text),
            rank=rank,
            head=lazy,
            prefix=prefix or lazy,
            indent=indent,
            opens=self._fence is not None,
        )

    def _opened(self, text: str) -> _Fence | None:
        match = _FENCE.match(text)
        if not match or ("`" in match["mark"] and "`" in match["info"]):
            return None
        quote, mark = match["quote"], match["mark"]
        shift = quote + " " * columns(re.sub(r"[^ \t]", " ", match["pad"]))
        inside = self._items[-1] if self._items and not quote else 0
        return _Fence(
            opening=f"{shift}{mark}{match['info']}\n",
            closing=f"\n{shift}{mark}",
            mark=mark,
            quoted=bool(quote),
            indent=inside if columns(shift) >= inside else 0,
        )

    def _nest(self, text: str) -> int:
        """Follow the lists, and tell by how many columns they shift this line."""
        if not text.strip():
            return self._items[-1] if self._items else 0
        width = columns(text)
        item = _ITEM.match(text)
        if item or not self._above.strip():
            while self._items and self._items[-1] > width:
                self._items.pop()
        if item:
            shift = width if self._items else 0
            self._items.append(columns(re.sub(r"[^ \t]", " ", item[0].rstrip(" \t"))) + 1)
            return shift
        if self._items:
            return min(width, self._items[-1])
        self._code = width >= TAB_COLUMNS and (self._code or not self._above.strip())
        return 0 if self._code else width

    def _rank(self, text: str, below: str) -> Rank:
        above, told = self._above.strip(" \t>"), self._told
        if not told:
            return Rank.LINE
        if above and not self._heading and _underlines(text):
            return Rank.NEVER
        if self._heading:
            return Rank.POOR
        if _HEADING.match(text) or (not above and text.strip() and _underlines(below)):
            return Rank.HEADING
        # What a line announces with a colon should not be parted from it.
        return Rank.BLANK if not above and not told.endswith(":") else Rank.LINE

    def _remember(self, text: str, *, heading: bool = False) -> None:
        self._above = text
        if text.strip(" \t>"):
            self._heading = heading
            self._told = text.rstrip()

    def _table(self, number: int, at: int) -> list[Line]:
        """The lines of the table that begins here, if one does."""
        texts = self._texts
        if self._fence or "|" not in texts[number] or number + 1 == len(texts):
            return []
        if not _DELIMITERS.match(texts[number + 1]) or _cells(texts[number]) != _cells(texts[number + 1]):
            return []
        last = number + 2
        while last < len(texts) and self._goes_on(texts[last]):
            last += 1
        rows = texts[number:last]
        end = at + sum(map(len, rows)) + len(rows) - 1
        lines = [self._line(number, at)]
        for place, row in enumerate(rows[1:], 1):
            lines.append(
                Line(
                    start=lines[-1].end + 1,
                    end=lines[-1].end + 1 + len(row),
                    rank=Rank.POOR if place > 2 else Rank.NEVER,  # noqa: PLR2004  # the header and the first row stay
                    head=f"{rows[0]}\n{rows[1]}\n",
                    prefix=_prefix(row),
                    indent=lines[0].indent,
                    table=(at, end),
                )
            )
            self._remember(row)
        return lines

    @staticmethod
    def _goes_on(text: str) -> bool:
        return bool(text.strip(" \t>")) and not (_FENCE.match(text) or _HEADING.match(text) or _ITEM.match(text))


def _underlines(text: str) -> bool:
    return bool(_UNDERLINE.match(text)) and not _ITEM.match(text)


def _prefix(text: str) -> str:
    match = _QUOTED.match(text)
    return match[0] if match else ""


def _cells(row: str) -> int:
    return len(_PIPE.findall(row.strip(" \t>").strip("|")))


def lines(text: str) -> list[Line]:
    """The lines of a text whose line ends are all newlines, in order; there is at least one."""
    return list(_Scan(text).lines())
