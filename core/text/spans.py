"""The inline constructs of a Markdown text (code, links, emphasis, formulas, addresses): where each begins and ends.

A scanner of one linear pass, a little more willing than CommonMark to see a construct: a cut that spares something
which was plain text after all does no harm. It also tells what a text that is still being written has left open.
"""

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field

DEEPEST = 8
"""Levels of nesting that are told apart; what is deeper counts as text. Bounds the work on hostile input."""


@dataclass(frozen=True, slots=True)
class Span:
    """An inline construct, by offsets into the text.

    Attributes:
        start: Where it begins.
        inner: Where its opening mark ends. Equal to `outer` for what cannot be opened again, such as an address.
        outer: Where its closing mark begins.
        end: Where it ends.
        within: The constructs inside it, in order.
    """

    start: int
    inner: int
    outer: int
    end: int
    within: "list[Span]" = field(default_factory=list)


_TOKEN = re.compile(
    r"\\.|`++|!?\[|\]\(|\]|\*++|_++|~~++|\|\||\${1,2}|<[^\s<>][^<>\n]*+>|https?://[^\s<>()\[\]`*|]++", re.DOTALL
)
_TARGET = re.compile(  # what follows the text of a link: an address with balanced parentheses, maybe a title
    r"\]\([ \n]?(?:<[^<>\n]*+>|(?:[^()\s\\]|\\.|\((?:[^()\s\\]|\\.)*+\))*+)(?:\s+(?:\"[^\"]*+\"|'[^']*+'))?[ \n]?\)"
)


class _Paragraph:
    """One pass over the inline marks of one paragraph."""

    def __init__(self, text: str, start: int, end: int) -> None:
        self._text, self._start, self._end = text, start, end
        self._open: list[tuple[str, int]] = []  # marks that may yet be closed, in order
        self._count: dict[str, int] = defaultdict(int)  # how often each mark stands among them
        self.spans: list[Span] = []

    def scan(self) -> list[tuple[str, int]]:
        """Collect the spans; return the marks left open, in order, as mark and offset."""
        text, at = self._text, self._start
        ticks = self._ticks()
        while match := _TOKEN.search(text, at, self._end):
            at = match.end()
            mark = match[0]
            if mark[0] == "`":
                at = self._code(match.start(), mark, ticks)
            elif mark in {"[", "!["}:
                self._push("[", match.start())
            elif mark == "](":
                at = self._link(match.start())
            elif mark == "]":
                self._pull("[")
            elif mark[0] in "*_~|$":
                self._emphasis(match.start(), mark)
            elif mark[0] in "<h":
                self.spans.append(Span(match.start(), at, at, at))
        return self._open

    def _ticks(self) -> dict[int, list[int]]:
        """Where the runs of backticks of each length stand, last first."""
        runs: dict[int, list[int]] = defaultdict(list)
        for match in re.finditer(r"`++", self._text[self._start : self._end]):
            runs[len(match[0])].append(self._start + match.start())
        for places in runs.values():
            places.reverse()
        return runs

    def _code(self, start: int, mark: str, ticks: dict[int, list[int]]) -> int:
        places = ticks[len(mark)]
        while places and places[-1] <= start:
            places.pop()
        inner = start + len(mark)
        if not places:
            self._push(mark, start)
            return inner
        outer = places[-1]
        self.spans.append(Span(start, inner, outer, outer + len(mark)))
        return outer + len(mark)

    def _link(self, outer: int) -> int:
        match = _TARGET.match(self._text, outer, self._end)
        if not match:
            return outer + 2
        start = self._pull("[")
        if start is not None:
            inner = start + (2 if self._text[start] == "!" else 1)
            self.spans.append(Span(start, inner, outer, match.end()))
        return match.end()

    def _emphasis(self, start: int, mark: str) -> None:
        before = self._text[start - 1] if start > self._start else " "
        end = start + len(mark)
        after = self._text[end] if end < self._end else " "
        if mark[0] == "_" and before.isalnum() and after.isalnum():
            return
        if not before.isspace() and self._count[mark]:
            opened = self._pull(mark)
            if opened is not None:
                self.spans.append(Span(opened, opened + len(mark), start, end))
        elif not after.isspace() and not (mark == "$" and before.isalnum()):
            self._push(mark, start)

    def _push(self, mark: str, start: int) -> None:
        self._open.append((mark, start))
        self._count[mark] += 1

    def _pull(self, mark: str) -> int | None:
        """Close the last mark of this kind; those opened after it stay text."""
        if not self._count[mark]:
            return None
        while True:
            kind, start = self._open.pop()
            self._count[kind] -= 1
            if kind == mark:
                return start


def nest(found: Iterable[Span]) -> list[Span]:
    """Put spans into those that hold them; one that crosses another, or lies too deep, is left out."""
    top: list[Span] = []
    path: list[Span] = []
    for span in sorted(found, key=lambda span: (span.start, -span.end)):
        while path and path[-1].end <= span.start:
            path.pop()
        if len(path) >= DEEPEST or (path and span.end > path[-1].end):
            continue
        (path[-1].within if path else top).append(span)
        path.append(span)
    return top


def spans(text: str, paragraphs: Iterable[tuple[int, int]]) -> list[Span]:
    """The inline constructs of these stretches of the text, the outermost in order, none crossing another."""
    found: list[Span] = []
    for start, end in paragraphs:
        paragraph = _Paragraph(text, start, end)
        paragraph.scan()
        found += nest(paragraph.spans)
    return found


def left_open(text: str) -> list[tuple[str, int]]:
    """The marks of one paragraph that nothing closes, in order, as mark and offset (`[` for a link or an image)."""
    return list(_Paragraph(text, 0, len(text)).scan())


def enclosing(found: list[Span], at: int) -> list[Span]:
    """The spans that a cut at this offset would cut in two, the outermost first."""
    path: list[Span] = []
    while found:
        place = bisect_right(found, at, key=lambda span: span.start) - 1
        if place < 0 or not found[place].start < at < found[place].end:
            break
        path.append(found[place])
        found = found[place].within
    return path
