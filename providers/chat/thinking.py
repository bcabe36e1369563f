"""Telling a model's thinking from its answer where a server sends both as one text, the first within a tag.

Servers that know the model's template send thinking in a field of its own. Those that do not let it through as
``<think>…</think>`` at the beginning of the answer, and nobody in a chat should see it.
"""

from typing import Literal

Kind = Literal["answer", "reasoning"]

_OPEN = "<think>"
_CLOSE = "</think>"


class Thinking:
    """Feed it the text as it comes; it gives the text back in pieces that are either thinking or answer."""

    def __init__(self) -> None:
        self._state: Literal["start", "inside", "after", "answer"] = "start"
        self._held = ""

    def feed(self, text: str) -> list[tuple[Kind, str]]:
        """Sort a little more text. What may yet become a tag is held back until it is clear."""
        if self._state == "answer":
            return [("answer", text)]
        pieces: list[tuple[Kind, str]] = []
        self._held += text
        if self._state == "start":
            self._begin()
        if self._state == "inside":
            pieces += self._inside()
        if self._state == "after":  # the blank lines between the thinking and the answer belong to neither
            self._held = self._held.lstrip()
            self._state = "answer" if self._held else "after"
        if self._state == "answer":
            pieces.append(("answer", self._held))
            self._held = ""
        return [piece for piece in pieces if piece[1]]

    def rest(self) -> list[tuple[Kind, str]]:
        """What was held back when the text ended."""
        held, self._held = self._held, ""
        kind: Kind = "reasoning" if self._state == "inside" else "answer"
        return [(kind, held)] if held and self._state != "after" else []

    def _begin(self) -> None:
        bare = self._held.lstrip()
        if bare.startswith(_OPEN):
            self._state, self._held = "inside", bare.removeprefix(_OPEN)
        elif not _OPEN.startswith(bare):
            self._state = "answer"

    def _inside(self) -> list[tuple[Kind, str]]:
        thought, tag, after = self._held.partition(_CLOSE)
        if tag:
            self._state, self._held = "after", after
            return [("reasoning", thought)]
        keep = next((n for n in range(len(_CLOSE) - 1, 0, -1) if thought.endswith(_CLOSE[:n])), 0)
        self._held = thought[len(thought) - keep :]
        return [("reasoning", thought[: len(thought) - keep])]
