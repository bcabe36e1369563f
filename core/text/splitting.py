"""Cutting a long Markdown answer into pages that each read well by themselves.

A platform limits what it shows, not what we write, so the measure is asked for: `fill` says how full a page would be
with a piece, as the adapter renders it. Rendering is dear, so it is asked few times (a handful a page), never about
much more than a page, and each answer tells where to ask next. What a piece means on a platform, and how it is sent, is
the adapter's affair.
"""

import math
import re
from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator, Sequence
from functools import cached_property
from itertools import islice

from core.text.markup import BLOCK_MARK, TAB_COLUMNS, Line, Rank, columns, lines
from core.text.spans import Span, enclosing, spans

FIRST_GUESS = 4096
"""Characters of the source that a page is first thought to hold; a wrong guess costs a few measurements."""

FULL = 0.97
"""A page as full as this is not filled any more."""

_WORD = re.compile(r"(?<=\S)[^\S\n\u00a0\u202f]+(?=\S)|\n+|(?<=[。！？；])(?=[^\s。！？；])")  # noqa: RUF001
_HALVES = 4
"""Each so-manieth step of the search halves what is left."""
_MARKS = 40
"""Characters by which a page that cuts constructs in two, and so closes them, may be longer than one that does not."""
_AIM = 0.99
"""How full a page is meant to be: one that surely fits is found sooner than one that is full to the last letter."""

_SENTENCE = re.compile(r"(?:[.!?…][\"'”’»)*_]*\s+|[。！？；])$")  # noqa: RUF001


def split(markdown: str, fill: Callable[[str], float], *, max_pages: int = 0) -> tuple[str, ...]:
    """Cut a Markdown text into pages that fit.

    A page ends, in this order of preference, at a heading or an empty line, at a line's end, a sentence's, a word's,
    and only then between two graphemes. A fence that is cut is closed and opened again, a table's header is repeated,
    and a link or an emphasis is cut only if it is too large for a page of its own. Every page but the last is about
    half full or more, unless what follows must stay whole. An unfinished text is cut like any other.

    Args:
        markdown: The whole text. Its line ends become newlines.
        fill: How full a page is with a piece, once rendered: 1.0 is all that it may hold, and what is more does not
            fit. It should grow with the piece. Who cannot tell says whether it fits (a bool), and is asked more often.
            Pages fit unless not even one character does.
        max_pages: Pages after so many are not made, 0 for all.

    Returns:
        The pages in order, none empty. A text that fits is one page, unchanged but for empty lines at its ends.
    """
    text = markdown.replace("\r\n", "\n").replace("\r", "\n")
    if text and text == text.strip() and len(text) <= FIRST_GUESS and _told(fill(text)) <= 1:
        return (text,)  # as most answers are; what is said of their structure below would be learnt for nothing
    return tuple(islice(_Splitter(text, fill).pages(), max_pages or None))


def _told(fill: float) -> float:
    """How full a page is; infinite where it is only known not to fit."""
    return fill if fill is not False else math.inf


class _Splitter:
    """The state of one split: the text, what is known of its structure, and how far the last page reached."""

    def __init__(self, text: str, fill: Callable[[str], float]) -> None:
        self._text = text
        self._fill = fill
        self._fills: dict[tuple[int, int], float] = {}  # of the page under way
        self._over, self._over_fill = len(text) + 1, math.inf  # the least end at which it is known to be too full
        self._lines = lines(text)
        self._starts = [line.start for line in self._lines]
        self._spans = spans(text, self._paragraphs())
        self._breaks = [at for at in self._starts if self._may_break(at)]
        self._reach = FIRST_GUESS
        self._bare = False

    def pages(self) -> Iterator[str]:
        at = self._skip(0)
        while at < len(self._text):
            self._begin_page()
            end = self._end(at)
            if self._text[at:end].strip():
                yield self._page(at, end)
            self._reach = max(end - at, self._reach // 2)
            at = self._skip(end)

    def _begin_page(self, *, bare: bool = False) -> None:
        self._bare = bare
        self._fills.clear()
        self._over, self._over_fill = len(self._text) + 1, math.inf

    # --- what is known of the text ---

    def _paragraphs(self) -> Iterator[tuple[int, int]]:
        start, end = -1, -1
        for line in self._lines:
            if start >= 0 and (line.code or line.rank >= Rank.BLANK or line.table or line.start == line.end):
                yield start, end
                start = -1
            if not line.code and line.end > line.start:
                start, end = line.start if start < 0 else start, line.end
        if start >= 0:
            yield start, end

    def _may_break(self, at: int) -> bool:
        line = self._line(at)
        return at > 0 and line.rank > Rank.NEVER and not enclosing(self._spans, at)

    def _line(self, at: int) -> Line:
        return self._lines[bisect_right(self._starts, at) - 1]

    @cached_property
    def _words(self) -> list[list[int]]:
        """Places between words, by the number of inline constructs they may lie within."""
        depths = {at: len(enclosing(self._spans, at)) for at in self._gaps()}
        deepest = max(depths.values(), default=0)
        return [[at for at, depth in depths.items() if depth <= most] for most in range(deepest + 1)]

    def _gaps(self) -> Iterator[int]:
        for match in _WORD.finditer(self._text):
            at, line = match.end(), self._line(match.end())
            torn = at == line.start and line.rank is Rank.NEVER
            if not torn and (line.code or not BLOCK_MARK.match(self._text, at)):
                yield at

    @cached_property
    def _graphemes(self) -> list[int]:
        from wcwidth import iter_graphemes  # noqa: PLC0415  # slow to import, and rarely needed

        found, at = [], 0
        for cluster in iter_graphemes(self._text):
            at += len(cluster)
            found.append(at)
        return found

    # --- a page, given where it begins and ends ---

    def _page(self, start: int, end: int) -> str:
        first, last = self._line(start), self._line(end)
        body = self._text[start:end]
        body = body.rstrip("\n") if last.code else body.rstrip()
        if self._bare:
            return body
        before, after = self._reopened(start, first), self._closed(end, last)
        page = before + body + after
        return _dedent(page, first.indent, whole=first.code or start == first.start) if first.indent else page

    def _reopened(self, at: int, line: Line) -> str:
        if at == line.start:
            return line.head
        if line.code:
            return line.head + line.prefix + " " * line.indent
        return line.prefix + "".join(self._text[span.start : span.inner] for span in self._cut_spans(at))

    def _closed(self, at: int, line: Line) -> str:
        if at == len(self._text):
            return ""
        marks = "".join(self._text[span.outer : span.end] for span in reversed(self._cut_spans(at)))
        return marks + (line.tail if at == line.start or line.code else "")

    def _cut_spans(self, at: int) -> list[Span]:
        return [span for span in enclosing(self._spans, at) if span.inner <= at <= span.outer]

    def _skip(self, at: int) -> int:
        """The next place where a page may begin: not at white space, nor at the end of a fence that was closed."""
        text = self._text
        while at < len(text):
            line = self._line(at)
            if line.closes and at == line.start and at:
                at = line.end
            elif at == line.start and not text[at : line.end].strip():
                at = line.end + 1
            elif text[at] == "\n" or (at > line.start and not line.code and text[at].isspace()):
                at += 1
            else:
                break
        return at

    # --- where a page ends ---

    def _end(self, start: int) -> int:
        line = self._line(start)
        # The rest of a row that was cut is no row, and must not stand above rows that have lost their header.
        limit = line.end if line.table and start > line.start else len(self._text)
        best, bad = self._furthest(start, [*self._breaks_to(limit), limit], start, limit + 1)
        for level, marks in enumerate(self._finer()):
            if best == limit or (best > start and 2 * (best - start) >= bad - start) or self._is_full(start, best):
                break
            if bisect_right(marks, best) == bisect_left(marks, bad):
                continue
            if level and best > start and self._within(best, bad):
                break  # what comes next is whole on the next page
            best, bad = self._furthest(start, marks, best, bad)
        if best > start:
            return best if best == limit else self._settle(start, best, bad)
        if self._bare:
            return start + 1
        self._begin_page(bare=True)  # even what must be repeated is too large
        return self._end(start)

    def _breaks_to(self, limit: int) -> list[int]:
        return self._breaks if limit == len(self._text) else []

    def _finer(self) -> Iterator[Sequence[int]]:
        yield from self._words
        yield self._graphemes
        yield range(len(self._text) + 1)

    def _furthest(self, start: int, marks: Sequence[int], best: int, bad: int) -> tuple[int, int]:
        """Narrow `best`, which fits, and `bad`, which does not, to neighbours among the marks, or until one is full.

        Where a page may end is told by how full it was when it ended elsewhere. Where that is not told, pages of one
        text being alike, the search steps away from where the last one ended, faster and faster until it has passed
        the limit. Whenever neither comes to an end, what is left is halved.
        """
        low, high = bisect_right(marks, best) - 1, bisect_left(marks, bad)
        guess, step, number = start + self._reach, self._reach // 8 + 1, 0
        while high - low > 1 and not self._is_full(start, best):
            number += 1
            probe = (low + high) // 2 if number % _HALVES == 0 else bisect_right(marks, guess) - 1
            probe = min(max(probe, low + 1), high - 1)
            fill = self._filled(start, marks[probe])
            low, high = (probe, high) if fill <= 1 else (low, probe)
            best, bad = (marks[probe], bad) if fill <= 1 else (best, marks[probe])
            if 0 < fill < math.inf and fill != 1:
                guess = start + round((marks[probe] - start) * _AIM / fill)
            else:
                guess, step = marks[probe] + (step if fill <= 1 else -step), 2 * step
        return best, bad

    def _is_full(self, start: int, end: int) -> bool:
        return end > start and FULL <= self._fills.get((start, end), 0.0) < 1

    def _within(self, start: int, end: int) -> bool:
        return self._filled(start, end) <= 1

    def _filled(self, start: int, end: int) -> float:
        """How full a page is with this stretch."""
        known = self._fills.get((start, end))
        if known is None:
            known = self._fills[start, end] = self._told(start, end)
        return known

    def _told(self, start: int, end: int) -> float:
        # A line far longer than a page is judged by its beginning: to render all of it for each page is quadratic.
        far = start + 2 * self._reach
        while far < min(end, self._over):
            if self._measured(start, far) > 1:
                break
            far = start + 2 * (far - start)
        if end > self._over + (self._over - start) // 4 + _MARKS:
            return self._over_fill * (end - start) / (self._over - start)
        return self._measured(start, end)

    def _measured(self, start: int, end: int) -> float:
        fill = _told(self._fill(self._page(start, end)))
        if fill > 1 and end < self._over:
            self._over, self._over_fill = end, fill
        if 0 < fill < math.inf and fill != 1:
            self._reach = max(1, round((end - start) / fill))
        return fill

    def _settle(self, start: int, best: int, bad: int) -> int:
        """The best place for a cut that leaves the page half full, the page being something between best and bad."""
        cut = self._preferred(start + (best - start + 1) // 2, best)
        twice = 2 * cut - start
        if twice < bad and self._within(start, twice):
            cut = self._preferred(min(start + (bad - start + 1) // 2, best), best)
        cut = self._spare_table(start, cut)
        return cut if cut == best or self._within(start, cut) else best

    def _preferred(self, half: int, best: int) -> int:
        places = self._breaks[bisect_left(self._breaks, half) : bisect_right(self._breaks, best)]
        return max(places, key=lambda at: (self._line(at).rank, at), default=0) or self._sentence(half, best)

    def _sentence(self, half: int, best: int) -> int:
        words = self._words[0]
        for at in reversed(words[bisect_left(words, half) : bisect_right(words, best)]):
            if _SENTENCE.search(self._text, max(at - 12, 0), at):
                return at
        return best

    def _spare_table(self, start: int, cut: int) -> int:
        """Move a cut out of a table that fits on a page, up to before the table and its heading."""
        table = self._line(cut).table
        if not table or not start < table[0] < cut or not self._within(*table):
            return cut
        place = bisect_left(self._breaks, table[0])
        if self._line(table[0]).rank is Rank.POOR and place and self._breaks[place - 1] > start:
            return self._breaks[place - 1]
        return table[0]


def _dedent(page: str, width: int, *, whole: bool) -> str:
    """Take off the columns by which a list shifted the text, as far down as it does."""
    out = []
    for number, line in enumerate(page.split("\n")):
        if line.strip() and (number or whole):
            width = min(width, columns(line))
        bare = line.lstrip(" \t")
        lead = line[: len(line) - len(bare)].expandtabs(TAB_COLUMNS)
        out.append(lead[width:] + bare if width and (number or whole) else line)
    return "\n".join(out)
