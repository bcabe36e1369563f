"""An answer's HTML while it grows: what is complete is rendered once, and only its end again and again.

So an answer of any length costs what it has of text, not its square, and a page that shows it is told only what is
new. A block counts as complete once another one stands between it and the end: until then a list may go on, a
paragraph may become a heading or a table, and so on.
"""

from typing import Final

from bots.web.rendering import blocks, render
from core.text.source import cleaned

_OPEN_BLOCKS: Final = 2


class Growing:
    """One answer's HTML.

    Attributes:
        complete: Blocks that do not change any more, as long as the answer only grows.
        tail: The HTML after them.
        changed: The first of ``complete`` that the last change touched: those before it were told already.
    """

    def __init__(self) -> None:
        self.complete: list[str] = []
        self.tail = ""
        self.changed = 0
        self._settled = ""

    @property
    def settled(self) -> int:
        """Characters that need not be rendered again."""
        return len(self._settled)

    def grow(self, text: str) -> None:
        """The answer reads this so far."""
        text = cleaned(text)
        if not text.startswith(self._settled):  # it was begun again
            self.complete.clear()
            self._settled = ""
        self.changed = len(self.complete)
        rest = text[len(self._settled) :]
        found = blocks(rest)
        end = found[-_OPEN_BLOCKS][0] if len(found) > _OPEN_BLOCKS else 0
        whole = [html for line, html in found if line < end]
        if whole:
            self._settled += "".join(f"{one}\n" for one in rest.split("\n")[:end])
            self.complete.extend(whole)
        self.tail = "".join(html for _, html in found[len(whole) :])

    def finish(self, text: str) -> None:
        """The answer reads this for good."""
        final = render(text)
        same = 0
        while same < min(len(final), len(self.complete)) and final[same] == self.complete[same]:
            same += 1
        self.complete, self.tail, self.changed = final, "", same
        self._settled = text
