"""An answer that is still being written, as it will most likely look a moment later.

A preview of the raw text flickers: asterisks stand where bold letters will, a line of dashes makes a heading of the
paragraph above it, half a link shows its address. Here the end of such a text is mended for showing; the text itself,
and the finished answer, are never touched.
"""

import re

from core.text.markup import BLOCK_MARK, Line, lines
from core.text.references import resolved
from core.text.source import cleaned
from core.text.spans import left_open

_BARE_MARK = re.compile(r"[ \t>]*(?:[-+*=#>|]+|\d{1,3}[.)]|[-+*][ \t]+\[[ xX]?|\[[^\]\n]+\]:.*)?[ \t]*")
_OPENING = re.compile(r"[ \t>]*(?:[-+*][ \t]+|\d{1,9}[.)][ \t]+)?(?:`{1,2}|~{1,2}|(?:`{3,}|~{3,})[^`\n]*)")
_CLOSING = re.compile(r"[ \t>]*(?:`+|~+)")
_LAST_MARKS = re.compile(r"[ \t]*[*_~`|]+$")
_PAIRED = {"*", "**", "***", "_", "__", "___", "~~", "||"}


def divisible(markdown: str, *, unfinished: bool = False) -> str:
    """A text any part of which can be shown by itself: links by reference have their addresses where they stand.

    Args:
        unfinished: It is the beginning of an answer; its end is mended, too.
    """
    text = cleaned(markdown)
    return resolved(completed(text) if unfinished else text)


def completed(markdown: str) -> str:
    """Close what the end of a text has left open, and leave out marks that do not mean anything yet.

    Args:
        markdown: The beginning of an answer. Its line ends must be newlines.

    Returns:
        The text with a mended end, which may be shorter; empty if there is nothing to show yet.
    """
    text = markdown.rstrip()
    told = lines(text)
    while told:
        last = told[-1]
        if last.closes:
            return text[: last.end]
        if last.code:
            bare = bool(_CLOSING.fullmatch(text, last.start, last.end))
            return text[: last.start - 1 if bare else last.end] + last.tail
        if _means_nothing(text, last):
            told.pop()
            continue
        start = _paragraph(told)
        if closed := _closed(text[start : last.end]):
            return text[:start] + closed
        while told and told[-1].start >= start:
            told.pop()
    return ""


def _means_nothing(text: str, line: Line) -> bool:
    """Whether a line is but the beginning of something: a bullet, a fence, the definition of an address."""
    return bool(_OPENING.fullmatch(text, line.start, line.end) or _BARE_MARK.fullmatch(text, line.start, line.end))


def _paragraph(told: list[Line]) -> int:
    """Where the paragraph of the last line begins."""
    start = told[-1].start
    for line in reversed(told):
        if line.code or line.opens or line.start == line.end:
            break
        start = line.start
    return start


def _closed(paragraph: str) -> str:
    bare = _LAST_MARKS.sub("", paragraph)
    if len(left_open(paragraph)) >= len(left_open(bare)):
        paragraph = bare  # the marks at the end close nothing
    for mark, at in reversed(left_open(paragraph)):
        before = paragraph[:at]
        inside = paragraph[at + len(mark) :]
        if mark == "[" and not before[-1:].isalnum():
            shown = inside.removeprefix("[").partition("](")[0]
            begins = not before.rpartition("\n")[2].strip(" \t>") and BLOCK_MARK.match(shown.lstrip(" \t"))
            paragraph = paragraph if begins else before + shown
        elif mark in _PAIRED or mark[0] == "`":
            paragraph = paragraph.rstrip() + mark if inside.strip() else before.rstrip()
    return paragraph
