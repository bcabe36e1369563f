"""An answer's HTML while it grows: what is complete is rendered once, and only its end again and again.

So an answer of any length costs what it has of text, not its square, and a page that shows it is told only what is
new. A block counts as complete once another one stands between it and the end: until then a list may go on, a
paragraph may become a heading or a table, and so on.
"""

from typing import TYPE_CHECKING, Final

from bots.web.rendering import blocks, render

if TYPE_CHECKING:
    from markdown_it.utils import EnvType

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
        self._env: EnvType = {}

    @property
    def settled(self) -> int:
        """Characters that need not be rendered again."""
        return len(self._settled)

    def grow(self, text: str) -> None:
        """The answer reads this so far."""
        text = text.replace("\r\n", "\n")
        if not text.startswith(self._settled):  # it was begun again
            self.complete.clear()
            self._settled, self._env = "", {}
        self.changed = len(self.complete)
        rest = text[len(self._settled) :]
        found = blocks(rest, self._env)
        whole, unfinished = found[:-_OPEN_BLOCKS], found[-_OPEN_BLOCKS:]
        if whole:
            line = unfinished[0][0]
            self._settled += "".join(f"{one}\n" for one in rest.split("\n")[:line])
            self.complete.extend(html for _, html in whole)
        self.tail = "".join(html for _, html in unfinished)

    def finish(self, text: str) -> None:
        """The answer reads this for good."""
        final = render(text)
        same = 0
        while same < min(len(final), len(self.complete)) and final[same] == self.complete[same]:
            same += 1
        self.complete, self.tail, self.changed = final, "", same
        self._settled = text
