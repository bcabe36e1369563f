"""The sources of an answer: numbered where its words rest on them, listed below with title and address.

Labs and tools tell sources as parts of their own, so nothing here is read out of a model's words. Titles are
strangers' words: they stand as plain text in one line, and only addresses of the web become links.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable
from urllib.parse import quote, urlsplit

from core.exchange import Part
from core.text.markup import Line, lines
from core.text.spans import enclosing, spans

_TITLE_CHARS = 100
_MOST_LISTED = 30
_SPECIAL = re.compile(r"([\\`*_{}\[\]()<>#+\-!|~$&:@])")
_KEPT = "%/:?#@!$&*+,;=~-._'"  # of an address, as it is; the rest, brackets above all, goes as percent signs


class Sources:
    """What one answer rests on. The same address has the same number throughout."""

    def __init__(self) -> None:
        self._titles: dict[str, str] = {}

    def marked(self, parts: Iterable[Part]) -> str:
        """The words of some parts, with a number after each text that a source bears out."""
        text, marks = "", []
        for part in parts:
            if part.kind == "text":
                text += part.body
            elif part.kind == "citation" and (number := self.number(part.body, part.name)):
                marks.append((len(text.rstrip()), number))
        return _inserted(text, marks).strip() if marks else text.strip()

    def listed(self) -> str:
        """The sources in the order of their numbers, as Markdown; "" where there are none."""
        items = [f"{number}. {_link(title, at)}" for number, (at, title) in enumerate(self._titles.items(), 1)]
        return "\n".join(["Sources:", "", *items]) if items else ""

    def number(self, address: str, title: str) -> int:
        """The number of a source, which it has from now on; 0 for what cannot be looked up."""
        address = address.strip()
        if not _is_web(address) or (address not in self._titles and len(self._titles) >= _MOST_LISTED):
            return 0
        self._titles.setdefault(address, title)
        return list(self._titles).index(address) + 1


def _is_web(address: str) -> bool:
    try:
        parts = urlsplit(address)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname)


def _link(title: str, address: str) -> str:
    words = " ".join(title.split())[:_TITLE_CHARS] or urlsplit(address).hostname or address
    plain = _SPECIAL.sub(r"\\\1", words)
    return f"[{plain}]({quote(address, safe=_KEPT)})"


def _inserted(text: str, marks: Iterable[tuple[int, int]]) -> str:
    """The text with each number where it tears nothing: behind code, a link or emphasis that it would stand within."""
    told = lines(text)
    places: dict[int, list[int]] = {}
    for at, number in marks:
        numbers = places.setdefault(_harmless(text, told, at), [])
        if number not in numbers:
            numbers.append(number)
    pieces, before = [], 0
    for at in sorted(places):
        lead = "\n" if _line(told, at).code or _line(told, at).closes else " " if at else ""
        mark = "".join(f"[{number}]" for number in places[at])
        if text[at : at + 1] in {"(", "[", ":"}:  # it would become a link, or define one
            mark = mark.replace("[", "\\[").replace("]", "\\]")
        pieces += [text[before:at], lead, mark]
        before = at
    return "".join([*pieces, text[before:]])


def _harmless(text: str, told: list[Line], at: int) -> int:
    line = _line(told, at)
    if line.code:
        return next((later.end for later in told[told.index(line) :] if later.closes), len(text))
    around = enclosing(spans(text, [(line.start, line.end)]), at)
    return max([at, *(span.end for span in around)])


def _line(told: list[Line], at: int) -> Line:
    return told[max(0, bisect_right(told, at, key=lambda line: line.start) - 1)]
