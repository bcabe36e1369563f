"""What transformations do, and whether a clip leaves anything: readers of the properties that are about shapes.

See https://www.w3.org/TR/css-transforms-2/ and https://www.w3.org/TR/css-masking-1/.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import cos, radians
from typing import Any

from plugins.fetch.lengths import Scale, length, number, split, words

Tokens = Sequence[Any]
AUTO = "auto"


@dataclass(frozen=True, slots=True)
class Move:
    """What a transformation does: how far it moves, and how much of the size it leaves."""

    x: float = 0.0
    y: float = 0.0
    size: float = 1.0


def transform(tokens: Tokens, scale: Scale) -> Move | None:
    """``transform``, one function after the other."""
    if len(tokens) == 1 and tokens[0].type == "ident":
        return Move() if tokens[0].lower_value == "none" else None
    x = y = 0.0
    size = 1.0
    for token in tokens:
        if token.type != "function":
            return None
        step = _step(token.lower_name, [words(one) for one in split(token.arguments)], scale)
        if step is None:
            return None
        x, y, size = x + size * step.x, y + size * step.y, size * step.size
    return Move(x=x, y=y, size=size)


def _step(name: str, arguments: list[Tokens], scale: Scale) -> Move | None:
    """One function of a transformation."""
    firsts = [one[0] for one in arguments if len(one) == 1]
    if len(firsts) != len(arguments) or not firsts:
        return None
    if name.startswith("translate"):
        far = [length(one, scale, OWN_SIZE) for one in firsts]
        if any(one is None for one in far):
            return None
        first, second = far[0] or 0.0, (far[1] or 0.0) if len(far) > 1 else 0.0
        return {"translatex": Move(x=first), "translatey": Move(y=first), "translatez": Move()}.get(
            name, Move(x=first, y=second)
        )
    if name in {"rotatex", "rotatey", "skew", "skewx", "skewy", "rotate3d"}:
        turned = _degrees(firsts[-1])
        flat = turned is not None and (name != "rotate3d" or _is_sideways(firsts))
        return Move(size=abs(cos(radians(turned))) if flat and turned is not None else 1.0)
    figures = [number(one) for one in firsts]
    known = [one for one in figures if one is not None]
    if len(known) < len(figures):
        return Move()  # turned about itself, or seen from nearer
    if name.startswith("scale"):
        sizes = known[:2] if name in {"scale", "scale3d"} else known if name in {"scalex", "scaley"} else [1.0]
        return Move(size=min(map(abs, sizes)))
    if name == "matrix" and len(known) == 6:  # noqa: PLR2004 - as many as it has
        a, b, c, d, x, y = known
        return Move(x=x, y=y, size=min(1.0, abs(a * d - b * c)) if abs(a * d - b * c) < 1 else 1.0)
    if name == "matrix3d" and len(known) == 16:  # noqa: PLR2004 - the same
        flat_area = abs(known[0] * known[5] - known[1] * known[4])
        return Move(x=known[12], y=known[13], size=min(1.0, flat_area))
    return Move()


OWN_SIZE = 600.0
"""What percentages of an element's own size are taken to be of."""


def _degrees(token: Any) -> float | None:  # noqa: ANN401 - a token
    factors = {"deg": 1.0, "rad": 180 / 3.141592653589793, "grad": 0.9, "turn": 360.0}
    if token.type == "dimension" and token.lower_unit in factors:
        return float(token.value) * factors[token.lower_unit]
    return 0.0 if token.type == "number" and token.value == 0 else None


def _is_sideways(arguments: list[Any]) -> bool:
    """Whether an axis of rotation lies in the page."""
    return len(arguments) == 4 and number(arguments[2]) == 0  # noqa: PLR2004 - three for the axis, and how far


def translate(tokens: Tokens, scale: Scale) -> Move | None:
    """``translate``."""
    if len(tokens) == 1 and tokens[0].type == "ident":
        return Move() if tokens[0].lower_value == "none" else None
    far = [length(token, scale, OWN_SIZE) for token in tokens]
    if any(one is None for one in far):
        return None
    return Move(x=far[0] or 0.0, y=(far[1] or 0.0) if len(far) > 1 else 0.0)


def scale(tokens: Tokens, scale: Scale) -> Move | None:
    """``scale``."""
    del scale
    if len(tokens) == 1 and tokens[0].type == "ident":
        return Move() if tokens[0].lower_value == "none" else None
    sizes = [number(token) for token in tokens]
    known = [abs(one) for one in sizes[:2] if one is not None]
    return Move(size=min(known)) if len(known) == len(sizes[:2]) and known else None


def rotate(tokens: Tokens, scale: Scale) -> Move | None:
    """``rotate``: about an axis that lies in the page, it makes things flat."""
    del scale
    axis = {token.lower_value for token in tokens if token.type == "ident"}
    turned = [found for token in tokens if (found := _degrees(token)) is not None and token.type == "dimension"]
    figures = [token for token in tokens if token.type == "number"]
    flat = axis & {"x", "y"} or (len(figures) == 3 and figures[2].value == 0)  # noqa: PLR2004 - an axis
    return Move(size=abs(cos(radians(turned[0]))) if turned and flat else 1.0)


def clip(tokens: Tokens, scale: Scale) -> bool | None:
    """Whether ``clip`` leaves nothing."""
    if len(tokens) != 1 or tokens[0].type not in {"ident", "function"}:
        return None
    if tokens[0].type == "ident":
        return False if tokens[0].lower_value == AUTO else None
    told = [one for one in words(tokens[0].arguments) if one != ","]
    if tokens[0].lower_name != "rect" or len(told) != 4:  # noqa: PLR2004 - as many as there are sides
        return None
    top, right, bottom, left = (
        AUTO if one.type == "ident" else length(one, Scale(em=scale.em, rem=scale.rem, quirks=True), 0.0)
        for one in told
    )
    flat = _no_room(top, bottom) or _no_room(left, right)
    return flat or any(isinstance(side, float) and side <= -OWN_SIZE for side in (right, bottom))


def _no_room(one: "float | str | None", other: "float | str | None") -> bool:
    first = 0.0 if isinstance(one, str) else one
    return isinstance(other, float) and first is not None and other - first <= 1


def clip_path(tokens: Tokens, scale: Scale) -> bool | None:
    """Whether ``clip-path`` leaves nothing."""
    shapes = [token for token in tokens if token.type == "function"]
    if not shapes:
        return False if tokens and tokens[0].type in {"ident", "url"} else None
    name, told = shapes[0].lower_name, words(shapes[0].arguments)
    match name:
        case "inset":
            return _inset_away(told, scale)
        case "circle" | "ellipse":
            radii = []
            for token in told:
                if token.type == "ident" and token.lower_value == "at":
                    break
                radii.append(length(token, scale, OWN_SIZE))
            return any(radius is not None and radius <= 1 for radius in radii)
        case "polygon":
            return _area([words(one) for one in split(shapes[0].arguments)], scale) <= 1
        case "rect" | "xywh":
            sides = [length(token, scale, OWN_SIZE) for token in told if token.type != "ident"][:4]
            known = [side for side in sides if side is not None]
            if len(known) < 4:  # noqa: PLR2004 - as many as there are sides
                return False
            return (
                min(known[2], known[3]) <= 1 if name == "xywh" else known[2] - known[0] <= 1 or known[1] - known[3] <= 1
            )
    return False


def _inset_away(told: Tokens, scale: Scale) -> bool:
    sides: list[float] = []
    for token in told:
        if token.type == "ident":
            break
        found = length(token, scale, 100.0)
        if found is None:
            return False
        sides.append(found if token.type == "percentage" else found / OWN_SIZE * 100)
    if not sides:
        return False
    top, right, bottom, left = four(sides)
    return bool(top + bottom >= 99.5 or left + right >= 99.5)  # noqa: PLR2004 - in percent


def _area(points: list[Tokens], scale: Scale) -> float:
    corners: list[tuple[float, float]] = []
    for point in points:
        found = [length(token, scale, OWN_SIZE) for token in point if token.type != "ident"]
        if len(found) == 2 and found[0] is not None and found[1] is not None:  # noqa: PLR2004 - across and down
            corners.append((found[0], found[1]))
    pairs = zip(corners, [*corners[1:], *corners[:1]], strict=True)
    inside = any(x > 0 and y > 0 for x, y in corners)
    return abs(sum(a * d - b * c for (a, b), (c, d) in pairs)) / 2 if inside else 0.0


def four(values: Sequence[Any]) -> tuple[Any, Any, Any, Any]:
    """Top, right, bottom and left out of one to four values."""
    top = values[0]
    right = values[1] if len(values) > 1 else top
    bottom = values[2] if len(values) > 2 else top  # noqa: PLR2004 - the third
    left = values[3] if len(values) > 3 else right  # noqa: PLR2004 - the fourth
    return top, right, bottom, left
