"""Colours as style sheets write them, and whether one can be told from another."""

from collections.abc import Sequence
from functools import lru_cache
from math import isfinite
from typing import Any

from tinycss2 import color4  # type: ignore[import-untyped]
from tinycss2.ast import Node  # type: ignore[import-untyped]

Tokens = Sequence[Any]
"""What tinycss2 makes of a value: it has no types."""

Colour = tuple[float, float, float, float]
"""Red, green, blue and how much it covers, each from 0 to 1."""

CURRENT = "currentcolor"
CLEAR: Colour = (0.0, 0.0, 0.0, 0.0)
WHITE: Colour = (1.0, 1.0, 1.0, 1.0)
BLACK: Colour = (0.0, 0.0, 0.0, 1.0)
_LIGHTEST = 1.16
"""Less contrast than this is taken for none: what is readable begins at 4.5, what can be guessed at about 1.3."""

_SYSTEM = {
    **dict.fromkeys(("canvas", "field", "buttonface", "window", "-webkit-control-background"), WHITE),
    **dict.fromkeys(("canvastext", "fieldtext", "buttontext", "windowtext", "-webkit-text", "marktext"), BLACK),
    **dict.fromkeys(("linktext", "activetext", "visitedtext"), (0.0, 0.0, 0.93, 1.0)),
    **dict.fromkeys(("graytext", "buttonborder"), (0.5, 0.5, 0.5, 1.0)),
    **dict.fromkeys(("highlight", "selecteditem", "accentcolor"), (0.1, 0.45, 0.91, 1.0)),
    **dict.fromkeys(("highlighttext", "selecteditemtext", "accentcolortext"), WHITE),
    "mark": (1.0, 1.0, 0.0, 1.0),
}
"""https://www.w3.org/TR/css-color-4/#css-system-colors, by day."""
_FROM_XYZ = {
    "xyz-d65": (
        (3.2409699, -1.5373832, -0.4986108),
        (-0.9692436, 1.8759675, 0.0415551),
        (0.0556301, -0.203977, 1.0569715),
    ),
    "xyz-d50": (
        (3.1341359, -1.6173863, -0.4906619),
        (-0.9787955, 1.9162543, 0.0334427),
        (0.0719555, -0.2289768, 1.4053861),
    ),
}
"""https://www.w3.org/TR/css-color-4/#color-conversion-code: to linear sRGB."""


def colour(token: Node | Any) -> "Colour | str | None":  # noqa: ANN401 - a token
    """A colour, ``currentcolor``, or None for what is none."""
    if token.type == "ident" and (system := _SYSTEM.get(token.lower_value)) is not None:
        return system
    if token.type == "function":
        arguments = [one for one in token.arguments if one.type not in {"whitespace", "comment"}]
        match token.lower_name:
            case "light-dark" if arguments:
                return colour(arguments[0])
            case "color-mix":
                return _mixed(arguments)
            case _ if len(arguments) > 1 and arguments[0].type == "ident" and arguments[0].lower_value == "from":
                return _relative(arguments)
    found = color4.parse_color(token)
    return found if found is None or found == CURRENT else _srgb(found)


def over(upper: Colour, lower: Colour) -> Colour:
    """What is seen of one colour painted over another."""
    alpha = upper[3] + lower[3] * (1 - upper[3])
    if alpha <= 0:
        return CLEAR
    red, green, blue = ((upper[n] * upper[3] + lower[n] * lower[3] * (1 - upper[3])) / alpha for n in range(3))
    return red, green, blue, alpha


@lru_cache(maxsize=4096)
def can_be_told(letters: Colour, behind: Colour) -> bool:
    """Whether letters can be made out; see https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio."""
    light, dark = sorted((_luminance(over(letters, behind)), _luminance(behind)), reverse=True)
    return (light + 0.05) / (dark + 0.05) >= _LIGHTEST or _apart(over(letters, behind), behind)


def _apart(one: Colour, other: Colour) -> bool:
    """Whether two colours of equal lightness are clearly different ones."""
    return max(abs(one[n] - other[n]) for n in range(3)) > 0.35  # noqa: PLR2004


def _luminance(seen: Colour) -> float:
    red, green, blue = (_linear(channel) for channel in seen[:3])
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4  # noqa: PLR2004 - the standard's


def _curved(channel: float) -> float:
    return channel * 12.92 if channel <= 0.0031308 else 1.055 * channel ** (1 / 2.4) - 0.055  # noqa: PLR2004 - the same


def _srgb(found: Any) -> Colour | None:  # noqa: ANN401 - tinycss2's
    space = found.space
    if space in {"hsl", "hwb"}:
        found = found.to("srgb")
    elif space in {"lab", "lch"}:
        found = found.to("xyz-d50")
    elif space in {"oklab", "oklch"} or space == "xyz":
        found = found.to("xyz-d65")
    channels = [_finite(value) for value in found.coordinates]
    if matrix := _FROM_XYZ.get(found.space):
        channels = [
            _curved(max(0.0, sum(one * other for one, other in zip(row, channels, strict=True)))) for row in matrix
        ]
    elif found.space == "srgb-linear":
        channels = [_curved(max(0.0, channel)) for channel in channels]
    red, green, blue = (min(1.0, max(0.0, channel)) for channel in channels)
    return red, green, blue, min(1.0, max(0.0, _finite(found.alpha)))


def _finite(number: Any) -> float:  # noqa: ANN401 - a number, or None for what is left out
    return float(number) if number is not None and isfinite(number) else 0.0


def _mixed(arguments: Tokens) -> Colour | None:
    """``color-mix(in space, one 20%, other)``, in sRGB whatever the space: the ends are the same in all of them."""
    pieces: list[list[Any]] = [[]]
    for token in arguments:
        if token == ",":
            pieces.append([])
        else:
            pieces[-1].append(token)
    found: list[tuple[Colour, float | None]] = []
    for piece in pieces[1:]:
        shares = [token.value / 100 for token in piece if token.type == "percentage"]
        colours = [one for token in piece if token.type != "percentage" and isinstance(one := colour(token), tuple)]
        if len(colours) != 1:
            return None
        found.append((colours[0], shares[0] if shares else None))
    if len(found) != 2:  # noqa: PLR2004 - it mixes two
        return None
    (one, first), (other, second) = found
    share = first if first is not None else 1 - second if second is not None else 0.5
    alpha = one[3] * share + other[3] * (1 - share)
    if alpha <= 0:
        return CLEAR
    red, green, blue = ((one[n] * one[3] * share + other[n] * other[3] * (1 - share)) / alpha for n in range(3))
    return red, green, blue, alpha


def _relative(arguments: Tokens) -> "Colour | str | None":
    """``rgb(from white r g b / 0)``: the colour it is made from, whatever is made of its channels."""
    origin = colour(arguments[1])
    if not isinstance(origin, tuple) or "/" not in arguments:
        return origin
    last = arguments[-1]
    alpha = (
        last.value / (100 if last.type == "percentage" else 1) if last.type in {"number", "percentage"} else origin[3]
    )
    return (*origin[:3], min(1.0, max(0.0, float(alpha))))
