"""What words in an element look like, and whether somebody who looks at the page could read them."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from plugins.fetch.colours import BLACK, WHITE, Colour, can_be_told
from plugins.fetch.lengths import WIDTH

_LETTER = 0.55
"""How wide a letter is, in parts of the font's size, and how high a line."""
_LINE = 1.2
_TINY = 3.0
"""Pixels: what is no larger is taken for a row of dots."""
_FAINT = 0.06
_PILED = -0.45
"""Letters that overlap so far, in parts of the font's size, are one blot."""
_FAR_UP, _FAR_DOWN = -1000.0, 20_000.0
"""Pixels: what is moved so far up is above the page, and nobody scrolls so far down."""


@dataclass(slots=True)
class Look:
    """What words in an element look like.

    Attributes:
        font: Its size in pixels; ``size`` is what transformations and zooming leave of it.
        letters: The colour of letters.
        behind: What may be behind them: several colours where there is a gradient.
        gone: Nothing within can be seen, whatever is said of it.
        visible: What ``visibility`` says, which may change again within.
        x: How far words are from where they would be, or from the window's corner where ``fixed`` says so; likewise y.
        holder: Where what is positioned within is placed from; likewise.
        covered: Whether a background of an element around lies over what is put behind it.
    """

    font: float = 16.0
    rem: float = 16.0
    size: float = 1.0
    letters: Colour = BLACK
    filling: Colour | None = None
    behind: tuple[Colour, ...] = (WHITE,)
    opacity: float = 1.0
    gone: bool = False
    visible: bool = True
    shown_otherwise: bool = False
    rimmed: bool = False
    shadowed: bool = False
    masked: bool = False
    spacing: float = 0.0
    indent: float = 0.0
    nowrap: bool = False
    x: float = 0.0
    y: float = 0.0
    placed: bool = False
    holder: tuple[float, float, bool] = (0.0, 0.0, True)
    covered: bool = False
    display: str = "block"
    variables: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    _inline: "Look | None" = None

    def inline(self) -> "Look":
        """The look of an element within of which nothing is said."""
        if self.display == "inline":
            return self
        if self._inline is None:
            self._inline = replace(self, display="inline", _inline=None)
        return self._inline

    def shows(self, text: str) -> bool:
        """Whether somebody who looks at the page could read a text there."""
        if self.gone or not self.visible or self.masked or self.opacity <= _FAINT:
            return False
        font = self.font * self.size
        if font <= _TINY or (self.spacing < 0 and self.spacing <= _PILED * self.font):
            return False
        return self._is_within(text, font) and self._has_colour()

    def _is_within(self, text: str, font: float) -> bool:
        """Whether some of it lies where one can scroll to."""
        wide_ = len(text.strip()) * font * _LETTER
        start = self.x + (self.indent if self.indent < 0 or self.nowrap else 0.0)
        room = wide_ if self.indent < 0 or self.nowrap else min(wide_, WIDTH)
        if start + room <= 0 and start < 0:
            return False
        if start >= WIDTH:
            return False
        high = (1 + wide_ // WIDTH) * font * _LINE
        if self.placed:
            return self.y + high > -font and self.y < _FAR_DOWN
        return _FAR_UP < self.y < _FAR_DOWN

    def _has_colour(self) -> bool:
        letters = self.letters if self.filling is None else self.filling
        if self.shown_otherwise or self.rimmed or (self.shadowed and letters[3] < 0.5):  # noqa: PLR2004 - half
            return True
        return any(can_be_told((*letters[:3], letters[3]), one) for one in self.behind)
