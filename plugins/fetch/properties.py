"""Declarations of style sheets as those of single properties.

Shorthands are taken apart, and sides are named as English is written. What a browser would not take (``display: blue``)
is left out, so that it does not stand in the place of what it would.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import tinycss2  # type: ignore[import-untyped]

from plugins.fetch.colours import colour
from plugins.fetch.lengths import Scale, split, words
from plugins.fetch.readers import FONT_SIZES, READERS, Tokens, font_size
from plugins.fetch.shapes import four


@dataclass(frozen=True, slots=True)
class Declaration:
    """One property and its value as written, or a shorthand that holds variables and is taken apart later."""

    name: str
    tokens: tuple[Any, ...]
    important: bool = False
    variable: bool = False


_WIDE = frozenset({"inherit", "initial", "unset", "revert", "revert-layer"})
_ALIASES = {
    **{f"-webkit-{name}": name for name in ("transform", "filter", "clip-path", "mask-image", "mask-size", "opacity")},
    **{
        f"-webkit-{name}": name
        for name in ("background-clip", "animation", "mask", "animation-name", "animation-fill-mode")
    },
    "-moz-transform": "transform",
    "-ms-transform": "transform",
    "word-wrap": "overflow-wrap",
    "inset-inline-start": "left",
    "inset-inline-end": "right",
    "inset-block-start": "top",
    "inset-block-end": "bottom",
    **{f"{lead}inline-size": f"{lead}width" for lead in ("", "min-", "max-")},
    **{f"{lead}block-size": f"{lead}height" for lead in ("", "min-", "max-")},
    **{
        f"{lead}-{logical}": f"{lead}-{side}"
        for lead in ("margin", "padding")
        for logical, side in (
            ("inline-start", "left"),
            ("inline-end", "right"),
            ("block-start", "top"),
            ("block-end", "bottom"),
        )
    },
    "overflow-inline": "overflow-x",
    "overflow-block": "overflow-y",
    "text-wrap": "white-space",
    "text-wrap-mode": "white-space",
    "background-image": "background-image",
}
_SIDES = ("top", "right", "bottom", "left")
_TWO_SIDES = {
    "inset-inline": ("left", "right"),
    "inset-block": ("top", "bottom"),
    "margin-inline": ("margin-left", "margin-right"),
    "margin-block": ("margin-top", "margin-bottom"),
    "padding-inline": ("padding-left", "padding-right"),
    "padding-block": ("padding-top", "padding-bottom"),
    "overflow": ("overflow-x", "overflow-y"),
}
_FOUR_SIDES = {
    "inset": _SIDES,
    "margin": tuple(f"margin-{side}" for side in _SIDES),
    "padding": tuple(f"padding-{side}" for side in _SIDES),
}
_SHORTHANDS = frozenset({*_TWO_SIDES, *_FOUR_SIDES, "font", "background", "mask", "all", "-webkit-text-stroke-width"})


# ---------------------------------------------------------------------------------------------------------------------
# Declarations


def declarations(content: Sequence[Any], scale: Scale) -> tuple[Declaration, ...]:
    """Those of a block that have a say, in order."""
    found: list[Declaration] = []
    for one in content:
        if one.type != "declaration":
            continue
        name = one.name if one.name.startswith("--") else _ALIASES.get(one.lower_name, one.lower_name)
        tokens = tuple(words(one.value))
        if name.startswith("--"):
            found.append(Declaration(name=name, tokens=tuple(one.value), important=one.important))
        elif (name in READERS or name in _SHORTHANDS or name.startswith("animation")) and tokens:
            if holds_variable(tokens):
                found.append(Declaration(name=name, tokens=tokens, important=one.important, variable=True))
            else:
                found += [
                    Declaration(name=long, tokens=tuple(value), important=one.important)
                    for long, value in apart(name, tokens, scale)
                ]
    return tuple(found)


def keeps(tokens: Sequence[Any]) -> bool:
    """Whether a browser would take this declaration, as far as we can tell."""
    told = words(tokens)
    if len(told) < 3 or told[0].type != "ident" or told[1] != ":":  # noqa: PLR2004 - a name, a colon and a value
        return False
    name = _ALIASES.get(told[0].lower_value, told[0].lower_value)
    reader = READERS.get(name)
    return reader is None or reader(told[2:], Scale()) is not None


def holds_variable(tokens: Sequence[Any]) -> bool:
    """Whether a value is known only where it is used."""
    return any(
        (token.type == "function" and (token.lower_name == "var" or holds_variable(token.arguments)))
        or (token.type.endswith(" block") and holds_variable(token.content))
        for token in tokens
    )


def wide(tokens: Sequence[Any]) -> str:
    """Which of the words that any property takes this is, "" for none."""
    said = tokens[0].lower_value if len(tokens) == 1 and tokens[0].type == "ident" else ""
    return said if said in _WIDE else ""


def apart(name: str, tokens: Tokens, scale: Scale) -> list[tuple[str, Tokens]]:
    """A declaration as those of single properties; none where a browser would not take it."""
    if name in _FOUR_SIDES:
        return _shared(_FOUR_SIDES[name], four(tokens) if len(tokens) <= 4 else (), scale)  # noqa: PLR2004 - sides
    if name in _TWO_SIDES:
        first, second = tokens[0], tokens[-1]
        return _shared(_TWO_SIDES[name], (first, second) if len(tokens) <= 2 else (), scale)  # noqa: PLR2004 - sides
    if wide(tokens):
        return [(long, tokens) for long in _longs(name)]
    match name:
        case "font":
            return _font(tokens, scale)
        case "background":
            return _background(tokens, scale)
        case "mask":
            return [("mask-image", tokens)]
        case "-webkit-text-stroke-width":
            return [("-webkit-text-stroke", tokens)]
        case "all":
            return []
        case _ if name.startswith("animation"):
            return [("animation" if name == "animation" else name, tokens)]
    return [(name, tokens)] if READERS[name](tokens, scale) is not None else []


def _longs(name: str) -> tuple[str, ...]:
    match name:
        case "font":
            return ("font-size",)
        case "background":
            return ("background-color", "background-image", "background-clip")
        case "mask":
            return ("mask-image", "mask-size")
        case "all":
            return tuple(READERS)
        case "-webkit-text-stroke-width":
            return ("-webkit-text-stroke",)
    return (name,)


def _shared(names: Sequence[str], values: Sequence[Any], scale: Scale) -> list[tuple[str, Tokens]]:
    told = [(long, (value,)) for long, value in zip(names, values, strict=False)]
    taken = all(wide(value) or READERS[long](value, scale) is not None for long, value in told)
    return list(told) if taken else []


def _font(tokens: Tokens, scale: Scale) -> list[tuple[str, Tokens]]:
    """The size is the last thing before the family that can be one."""
    for place, token in enumerate(tokens):
        is_word = token.type == "ident" and token.lower_value in FONT_SIZES | {"smaller": 0, "larger": 0}
        if token.type == "number" and token.value and place + 1 < len(tokens) and not scale.quirks:
            continue  # a weight
        if (is_word or token.type != "ident") and font_size((token,), scale) is not None:
            return [("font-size", (token,))] if place + 1 < len(tokens) else []
    return []


def _background(tokens: Tokens, scale: Scale) -> list[tuple[str, Tokens]]:
    """Its colour stands in the last layer."""
    del scale
    last = words(split(tokens)[-1])
    colours = [token for token in last if colour(token) is not None]
    clips = [token for token in tokens if token.type == "ident" and token.lower_value in {"text", "border-box"}]
    return [
        ("background-color", colours[:1] or _TRANSPARENT),
        ("background-image", tokens),
        ("background-clip", clips[-1:] or _BORDER_BOX),
    ]


def _parsed(css: str) -> Tokens:
    return tuple(words(tinycss2.parse_component_value_list(css)))


_TRANSPARENT, _BORDER_BOX = _parsed("transparent"), _parsed("border-box")
