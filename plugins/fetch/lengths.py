"""Numbers and lengths as style sheets write them, computed to pixels of a desktop's window."""

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

WIDTH, HEIGHT = 1280.0, 800.0
"""The window that a page is read in, in pixels."""
_ABSOLUTE = {"px": 1.0, "in": 96.0, "cm": 96 / 2.54, "mm": 9.6 / 2.54, "q": 2.4 / 2.54, "pt": 96 / 72, "pc": 16.0}
_OF_FONT = {"em": 1.0, "ex": 0.5, "ch": 0.5, "cap": 0.7, "ic": 1.0, "lh": 1.2}
_OF_ROOT = {f"r{unit}": factor for unit, factor in _OF_FONT.items()}
_OF_WINDOW = {"w": WIDTH, "h": HEIGHT, "i": WIDTH, "b": HEIGHT, "min": HEIGHT, "max": WIDTH}
_KINDS_OF_WINDOW = ("v", "sv", "lv", "dv", "cq")
_DEEPEST = 30
_NAMED = {"pi": math.pi, "e": math.e, "infinity": inf, "-infinity": -inf, "nan": math.nan}


@dataclass(frozen=True, slots=True)
class Scale:
    """What lengths are relative to.

    Attributes:
        em: The size of the element's font, in pixels; ``rem`` that of the page's.
        quirks: Whether lengths may go without a unit, as on pages that declare no document type.
    """

    em: float = 16.0
    rem: float = 16.0
    quirks: bool = False


def number(token: Any) -> float | None:  # noqa: ANN401 - a token
    """A plain number, or a percentage as a part of one; None for anything else."""
    match token.type:
        case "number":
            return float(token.value)
        case "percentage":
            return float(token.value) / 100
        case "function":
            return _computed(token, Scale(), 1.0, 0)
    return None


def length(token: Any, scale: Scale, whole: float) -> float | None:  # noqa: ANN401 - a token
    """A length in pixels; None for what is none.

    Args:
        whole: What percentages are of.
    """
    if token.type == "number":
        return 0.0 if token.value == 0 else float(token.value) if scale.quirks else None
    return _value(token, scale, whole, 0)


def _value(token: Any, scale: Scale, whole: float, depth: int) -> float | None:  # noqa: ANN401 - a token
    match token.type:
        case "number":
            return float(token.value)
        case "percentage":
            return float(token.value) / 100 * whole
        case "dimension":
            factor = _unit(token.lower_unit, scale)
            return None if factor is None else float(token.value) * factor
        case "ident":
            return _NAMED.get(token.lower_value)
        case "function":
            return _computed(token, scale, whole, depth)
        case "() block":
            return _sum(token.content, scale, whole, depth + 1)
    return None


def _unit(unit: str, scale: Scale) -> float | None:
    if unit in _ABSOLUTE:
        return _ABSOLUTE[unit]
    if unit in _OF_FONT:
        return _OF_FONT[unit] * scale.em
    if unit in _OF_ROOT:
        return _OF_ROOT[unit] * scale.rem
    for kind in _KINDS_OF_WINDOW:
        if unit.startswith(kind) and (size := _OF_WINDOW.get(unit.removeprefix(kind))) is not None:
            return size / 100
    return None


def _computed(token: Any, scale: Scale, whole: float, depth: int) -> float | None:  # noqa: ANN401 - a token
    """``calc()`` and its kind: https://www.w3.org/TR/css-values-4/#math."""
    if depth > _DEEPEST:
        return None
    name = token.lower_name
    if name == "env":
        pieces = split(token.arguments)
        return _sum(pieces[1], scale, whole, depth + 1) if len(pieces) > 1 else 0.0
    values = [_sum(piece, scale, whole, depth + 1) for piece in split(token.arguments)]
    known = [value for value in values if value is not None]
    if not known or len(known) < len(values):
        return None
    match name:
        case "calc" | "-webkit-calc" | "-moz-calc" if len(known) == 1:
            return known[0]
        case "min":
            return min(known)
        case "max":
            return max(known)
        case "clamp" if len(known) == 3:  # noqa: PLR2004 - the least, the wish, the most
            return max(known[0], min(known[1], known[2]))
        case "abs" if len(known) == 1:
            return abs(known[0])
        case "sign" if len(known) == 1:
            return math.copysign(1.0, known[0]) if known[0] else 0.0
        case "round" | "mod" | "rem" | "hypot":
            return known[0]
    return None


def _sum(tokens: Iterable[Any], scale: Scale, whole: float, depth: int) -> float | None:
    """Products, and their sum."""
    if depth > _DEEPEST:
        return None
    total, product, sign, operator = 0.0, 1.0, 1.0, ""
    wants_value = True
    for token in tokens:
        if token.type in {"whitespace", "comment"}:
            continue
        if wants_value:
            value = _value(token, scale, whole, depth)
            if value is None or (operator == "/" and value == 0):
                return None
            product = product / value if operator == "/" else product * value if operator == "*" else value
            wants_value = False
        elif token in ("*", "/"):
            operator, wants_value = token.value, True
        elif token in ("+", "-"):
            total, sign, operator, wants_value = total + sign * product, (1.0 if token == "+" else -1.0), "", True
        else:
            return None
    return None if wants_value else total + sign * product


def split(tokens: Iterable[Any]) -> list[list[Any]]:
    """The pieces of a list between its commas."""
    pieces: list[list[Any]] = [[]]
    for token in tokens:
        if token == ",":
            pieces.append([])
        else:
            pieces[-1].append(token)
    return pieces


def words(tokens: Sequence[Any]) -> list[Any]:
    """The tokens that mean something."""
    return [token for token in tokens if token.type not in {"whitespace", "comment"}]
