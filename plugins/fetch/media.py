"""Conditions of style sheets: whether a desktop's window fits a media query, and whether a browser knows a property.

See https://www.w3.org/TR/mediaqueries-5/ and https://www.w3.org/TR/css-conditional-3/.
"""

from collections.abc import Sequence
from typing import Any

from plugins.fetch.lengths import HEIGHT, WIDTH, Scale, length, split, words
from plugins.fetch.properties import keeps

_FACTS = {
    "prefers-color-scheme": "light",
    "prefers-reduced-motion": "no-preference",
    "prefers-contrast": "no-preference",
    "orientation": "landscape",
    "hover": "hover",
    "any-hover": "hover",
    "pointer": "fine",
    "any-pointer": "fine",
    "scripting": "enabled",
    "display-mode": "browser",
    "update": "fast",
    "forced-colors": "none",
    "inverted-colors": "none",
    "overflow-block": "scroll",
    "overflow-inline": "scroll",
    "scan": "progressive",
    "color-gamut": "srgb",
    "dynamic-range": "standard",
}
_SIZES = {
    "width": WIDTH,
    "device-width": WIDTH,
    "height": HEIGHT,
    "device-height": HEIGHT,
    "aspect-ratio": WIDTH / HEIGHT,
    "resolution": 1.0,
    "color": 8.0,
    "color-index": 0.0,
    "monochrome": 0.0,
    "grid": 0.0,
    "-webkit-device-pixel-ratio": 1.0,
    "device-pixel-ratio": 1.0,
}


def fits(tokens: Sequence[Any]) -> bool:
    """Whether a desktop's window fits one of some media queries."""
    return any(_query(words(one)) for one in split(tokens))


def _query(told: list[Any]) -> bool:
    if not told:
        return True
    names = [token.lower_value if token.type == "ident" else "" for token in told]
    negated = names[0] == "not" and len(names) > 1 and names[1] not in {"", "not"}
    if names[0] == "only" or negated:
        told, names = told[1:], names[1:]
    if names and names[0]:
        if names[0] == "not":
            return not _condition(told[1:], _feature)
        fits = names[0] in {"all", "screen"} and _condition(told[2:] if len(told) > 1 else [], _feature)
        return fits != negated
    return _condition(told, _feature)


def _condition(told: Sequence[Any], test: Any) -> bool:  # noqa: ANN401 - a function of a token
    """``(a) and (b)``, ``(a) or (b)``, ``not (a)``."""
    if not told:
        return True
    if told[0].type == "ident" and told[0].lower_value == "not":
        return not _condition(told[1:], test)
    ors = [one for one in told if one.type == "ident" and one.lower_value == "or"]
    found = [bool(test(one)) for one in told if one.type != "ident"]
    return any(found) if ors else all(found)


def _feature(token: Any) -> bool:  # noqa: ANN401 - a token
    """Whether one feature in brackets is as it is asked for."""
    if token.type != "() block":
        return False
    told = words(token.content)
    if not told:
        return False
    if told[0].type == "() block" or (told[0].type == "ident" and told[0].lower_value == "not"):
        return _condition(told, _feature)
    signs = [number for number, one in enumerate(told) if one in ("<", ">", "=", "<=", ">=")]
    if signs:
        return _range(told)
    name = told[0].lower_value if told[0].type == "ident" else ""
    if len(told) == 1:
        return bool(_SIZES.get(name)) or _FACTS.get(name, "none") not in {"none", "no-preference"}
    value = told[2:] if told[1] == ":" else []
    bare = name.removeprefix("-webkit-").removeprefix("min-").removeprefix("max-")
    if bare in _SIZES and value and (wanted := _figure(value)) is not None:
        if "min-" in name:
            return _SIZES[bare] >= wanted
        return _SIZES[bare] <= wanted if "max-" in name else _SIZES[bare] == wanted
    return name in _FACTS and bool(value) and value[0].type == "ident" and value[0].lower_value == _FACTS[name]


def _range(told: Sequence[Any]) -> bool:
    """``(width > 400px)`` and ``(100px <= width < 900px)``."""
    pieces: list[list[Any]] = [[]]
    signs: list[str] = []
    for token in told:
        if token in ("<", ">", "=", "<=", ">="):
            if pieces[-1]:
                signs.append(token.value)
                pieces.append([])
            else:
                signs[-1] += token.value
        else:
            pieces[-1].append(token)
    values = [_figure(piece) for piece in pieces]
    tests = {"<": float.__lt__, ">": float.__gt__, "=": float.__eq__, "<=": float.__le__, ">=": float.__ge__}
    pairs = zip(values, signs, values[1:], strict=False)
    return all(
        one is not None and other is not None and sign in tests and bool(tests[sign](float(one), float(other)))
        for one, sign, other in pairs
    )


def _figure(tokens: Sequence[Any]) -> float | None:
    """A length, a ratio, or the window's own."""
    first = tokens[0]
    if first.type == "ident":
        return _SIZES.get(first.lower_value)
    if first.type == "number":
        under = tokens[2].value if len(tokens) > 2 and tokens[1] == "/" and tokens[2].type == "number" else 1  # noqa: PLR2004
        return float(first.value) / float(under) if under else None
    if first.type == "dimension" and first.lower_unit in {"dppx", "x"}:
        return float(first.value)
    return length(first, Scale(), WIDTH)


def supported(told: Sequence[Any]) -> bool:
    """Whether a browser meets a condition of ``@supports``."""
    return _condition([token for token in told if token.type != "function"], _supports) if told else False


def _supports(token: Any) -> bool:  # noqa: ANN401 - a token
    """Whether a browser knows this declaration: all that we do not look at are taken to be known."""
    told = words(getattr(token, "content", ()))
    if told and (told[0].type == "() block" or (told[0].type == "ident" and told[0].lower_value == "not")):
        return _condition(told, _supports)
    return keeps(getattr(token, "content", ()))
