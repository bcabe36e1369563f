"""Edits of a Markdown text at the places that the parser finds in it.

The parser tells places in bytes of UTF-8; here is the only code that knows.
"""

import re
from collections.abc import Iterator
from typing import Any, Final

import pyromark

OPTIONS: Final = (
    pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_TASKLISTS
    | pyromark.Options.ENABLE_MATH
)
"""What the library enables: both must read the same Markdown."""

_PUNCTUATION = re.compile(r"([!-/:-@\[-`{-~])")


def literal(text: str) -> str:
    """A text that Markdown shows as it is."""
    return _PUNCTUATION.sub(r"\\\1", text)


class Edits:
    """Replacements in a text by the byte offsets that the parser tells."""

    def __init__(self, markdown: str) -> None:
        self.source = markdown.encode()
        self._edits: list[tuple[int, int, bytes]] = []

    def events(self) -> Iterator[tuple[str, Any, int, int]]:
        """What the parser finds, in order: its kind, what it tells of it, where it begins and ends in the source.

        The end of a thing has the kind `End` and tells which; what the parser tells no more of than its kind, such as
        the end of a line, is left out.
        """
        for event, place in pyromark.events_with_range(self.source.decode(), options=OPTIONS):
            if isinstance(event, str):
                continue
            kind, told = next(iter(event.items()))
            if kind == "Start":
                kind, told = next(iter(told.items())) if isinstance(told, dict) else (str(told), None)
            yield kind, told, place["start"], place["end"]

    def replace(self, start: int, end: int, text: str) -> None:
        """Put a text in the place of another once all is applied."""
        self._edits.append((start, end, text.encode()))

    def read(self, start: int, end: int) -> str:
        """Read a stretch of the source."""
        return self.source[start:end].decode()

    def applied(self) -> str:
        """The text with all replacements made; of two that overlap, the first that begins."""
        out, at = [], 0
        for start, end, text in sorted(self._edits, key=lambda edit: edit[:2]):
            if start >= at:
                out += [self.source[at:start], text]
                at = end
        return b"".join([*out, self.source[at:]]).decode()
