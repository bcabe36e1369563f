"""What the value of each property comes to, and what of it has a say in whether words are seen.

A reader gets a property's tokens and returns None for what a browser would not take. The properties and their values
are those of https://www.w3.org/TR/CSS/, as browsers know them.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from math import inf
from typing import Any

from plugins.fetch import shapes
from plugins.fetch.colours import CURRENT, Colour, colour
from plugins.fetch.lengths import HEIGHT, WIDTH, Scale, length, number, words
from plugins.fetch.shapes import AUTO

Tokens = Sequence[Any]
Value = Any
"""What a property comes to: of the type that its reader below returns."""

FONT_SIZES = {
    "xx-small": 9.0,
    "x-small": 10.0,
    "small": 13.0,
    "medium": 16.0,
    "large": 18.0,
    "x-large": 24.0,
    "xx-large": 32.0,
    "xxx-large": 48.0,
    "math": 16.0,
}
_FAINT = 0.02
_DISPLAYS = frozenset(
    {
        *(
            "none",
            "contents",
            "block",
            "inline",
            "inline-block",
            "flex",
            "inline-flex",
            "grid",
            "inline-grid",
            "list-item",
        ),
        *("flow-root", "flow", "table", "inline-table", "table-row", "table-cell", "table-row-group", "table-caption"),
        *(
            "table-header-group",
            "table-footer-group",
            "table-column",
            "table-column-group",
            "ruby",
            "ruby-text",
            "math",
        ),
        *("-webkit-box", "-webkit-inline-box", "-webkit-flex", "-webkit-inline-flex", "run-in"),
    }
)
_GRADIENTS = ("linear-gradient", "radial-gradient", "conic-gradient")


@dataclass(frozen=True, slots=True)
class Filtered:
    """What filters do: how much is left to be seen, and whether it is anything but a blur."""

    opacity: float = 1.0
    lost: bool = False
    blur: float = 0.0


@dataclass(frozen=True, slots=True)
class Picture:
    """What lies behind or above as pictures: the colours of gradients, and whether there is anything else."""

    colours: tuple[Colour | str, ...] = ()
    others: bool = False

    @property
    def is_clear(self) -> bool:
        """Whether nothing of it can be seen."""
        return (
            not self.others
            and bool(self.colours)
            and all(isinstance(one, tuple) and one[3] <= _FAINT for one in self.colours)
        )


# ---------------------------------------------------------------------------------------------------------------------
# Readers: what a value comes to, None for what is no value


def _keyword(*known: str) -> Callable[[Tokens, Scale], str | None]:
    def read(tokens: Tokens, scale: Scale) -> str | None:
        del scale
        said = tokens[0].lower_value if len(tokens) == 1 and tokens[0].type == "ident" else ""
        return said if said in known else None

    return read


def _any(tokens: Tokens, scale: Scale) -> Tokens:
    del scale
    return tokens


def _display(tokens: Tokens, scale: Scale) -> str | None:
    del scale
    said = [token.lower_value if token.type == "ident" else "" for token in tokens]
    if not said or not all(one in _DISPLAYS for one in said) or (len(said) > 1 and {"none", "contents"} & {*said}):
        return None
    return (
        "inline"
        if "inline" in said and len(said) > 1 and "flow" in said
        else said[-1]
        if "list-item" not in said
        else "list-item"
    )


def _fraction(tokens: Tokens, scale: Scale) -> float | None:
    del scale
    found = number(tokens[0]) if len(tokens) == 1 else None
    return None if found is None else min(1.0, max(0.0, found))


def _colour(tokens: Tokens, scale: Scale) -> "Colour | str | None":
    del scale
    return colour(tokens[0]) if len(tokens) == 1 else None


def _side(whole: float, *names: str) -> Callable[[Tokens, Scale], "float | str | None"]:
    """A length or one of some words, which all mean that there is none."""

    def read(tokens: Tokens, scale: Scale) -> "float | str | None":
        if len(tokens) != 1:
            return None
        if tokens[0].type == "ident":
            return AUTO if tokens[0].lower_value in names else None
        if tokens[0].type == "function" and tokens[0].lower_name in {
            "fit-content",
            "anchor",
            "anchor-size",
            "calc-size",
        }:
            return AUTO
        return length(tokens[0], scale, whole)

    return read


def font_size(tokens: Tokens, scale: Scale) -> float | None:
    """In pixels; ``scale.em`` is the parent's."""
    if len(tokens) != 1:
        return None
    if tokens[0].type == "ident":
        said = tokens[0].lower_value
        return {"smaller": scale.em / 1.2, "larger": scale.em * 1.2}.get(said) or FONT_SIZES.get(said)
    found = length(tokens[0], scale, scale.em)
    return found if found is not None and found >= 0 else None


def _letter_spacing(tokens: Tokens, scale: Scale) -> float | None:
    if len(tokens) != 1:
        return None
    if tokens[0].type == "ident":
        return 0.0 if tokens[0].lower_value == "normal" else None
    return length(tokens[0], scale, scale.em)


def _indent(tokens: Tokens, scale: Scale) -> float | None:
    found = [length(token, scale, WIDTH) for token in tokens if token.type != "ident"]
    return found[0] if len(found) == 1 else None


def _z_index(tokens: Tokens, scale: Scale) -> float | str | None:
    del scale
    if len(tokens) != 1:
        return None
    return AUTO if tokens[0].type == "ident" and tokens[0].lower_value == AUTO else number(tokens[0])


def _filter(tokens: Tokens, scale: Scale) -> Filtered | None:
    if len(tokens) == 1 and tokens[0].type == "ident":
        return Filtered() if tokens[0].lower_value == "none" else None
    opacity, lost, blur = 1.0, False, 0.0
    for token in tokens:
        if token.type == "url" or (token.type == "function" and token.lower_name == "url"):
            lost = True  # what it does stands in a drawing, and readers of pages have no other use for it
        elif token.type != "function":
            return None
        else:
            argument = words(token.arguments)
            if token.lower_name == "opacity":
                found = number(argument[0]) if argument else 1.0
                opacity *= min(1.0, max(0.0, 1.0 if found is None else found))
            elif token.lower_name == "blur":
                blur += (length(argument[0], scale, 0.0) or 0.0) if argument else 0.0
    return Filtered(opacity=opacity, lost=lost, blur=blur)


def _picture(tokens: Tokens, scale: Scale) -> Picture | None:
    """Pictures, drawn one over the other."""
    del scale
    colours: list[Colour | str] = []
    others = False
    for token in tokens:
        if (
            token.type == "function"
            and token.lower_name.removeprefix("-webkit-").removeprefix("repeating-") in _GRADIENTS
        ):
            found = [colour(one) for one in words(token.arguments) if one != ","]
            colours += [one for one in found if one is not None]
        elif token.type in {"url", "function"}:
            others = True
    return Picture(colours=tuple(colours), others=others)


def _mask(tokens: Tokens, scale: Scale) -> bool | None:
    """Whether a mask leaves nothing; a picture that is not there leaves nothing, and none of them is looked at."""
    found = _picture(tokens, scale)
    if found is None or (len(tokens) == 1 and tokens[0].type == "ident"):
        return False
    return found.others or found.is_clear


def _mask_size(tokens: Tokens, scale: Scale) -> bool | None:
    """Whether a mask has no size."""
    found = [length(token, scale, shapes.OWN_SIZE) for token in tokens if token.type not in {"ident", "literal"}]
    return any(one is not None and one <= 0 for one in found)


def _shadow(tokens: Tokens, scale: Scale) -> bool | None:
    """Whether letters have something behind them that shows them."""
    del scale
    colours = [found for token in tokens if (found := colour(token)) is not None]
    if len(tokens) == 1 and tokens[0].type == "ident" and not colours:
        return False
    return any(one == CURRENT or (isinstance(one, tuple) and one[3] > 0.1) for one in colours or [CURRENT])  # noqa: PLR2004


def _rim(tokens: Tokens, scale: Scale) -> bool | None:
    """Whether letters have a rim that is seen."""
    widths = [length(token, scale, 0.0) for token in tokens]
    clear = any(isinstance(found := colour(token), tuple) and found[3] < 0.1 for token in tokens)  # noqa: PLR2004
    return any(width is not None and width > 0 for width in widths) and not clear


def _content(tokens: Tokens, scale: Scale) -> bool | None:
    """Whether a picture stands in the place of an element."""
    del scale
    return any(token.type == "url" or (token.type == "function" and token.lower_name == "url") for token in tokens)


def _contained(tokens: Tokens, scale: Scale) -> bool | None:
    """Whether what does not fit in is cut off, by ``contain``."""
    del scale
    said = {token.lower_value for token in tokens if token.type == "ident"}
    return bool(said & {"strict", "content", "paint"})


def _nowrap(tokens: Tokens, scale: Scale) -> bool | None:
    del scale
    said = {token.lower_value for token in tokens if token.type == "ident"}
    return bool(said & {"nowrap", "pre"})


def _names(tokens: Tokens, scale: Scale) -> tuple[str, ...] | None:
    del scale
    return tuple(str(token.value) for token in tokens if token.type in {"ident", "string"})


_AROUND = {name: _side(WIDTH, "auto", "normal") for name in ("left", "right", "margin-left", "margin-right")}
READERS: Mapping[str, Callable[[Tokens, Scale], Value]] = {
    **_AROUND,
    **{name: _side(HEIGHT, "auto") for name in ("top", "bottom")},
    **{name: _side(WIDTH, "auto") for name in ("margin-top", "margin-bottom")},
    **{f"padding-{side}": _side(WIDTH) for side in ("left", "right", "top", "bottom")},
    **{
        f"{lead}{name}": _side(whole, "auto", "none", "min-content", "max-content", "fit-content", "stretch")
        for lead in ("", "min-", "max-")
        for name, whole in (("width", WIDTH), ("height", inf))
    },
    "display": _display,
    "visibility": _keyword("visible", "hidden", "collapse"),
    "opacity": _fraction,
    "filter": _filter,
    "color": _colour,
    "-webkit-text-fill-color": _colour,
    "background-color": _colour,
    "background-image": _picture,
    "background-clip": _names,
    "font-size": font_size,
    "zoom": lambda tokens, _: 1.0 if tokens[0].type == "ident" else number(tokens[0]),
    "letter-spacing": _letter_spacing,
    "text-indent": _indent,
    "white-space": _nowrap,
    "position": _keyword("static", "relative", "absolute", "fixed", "sticky"),
    "float": _keyword("none", "left", "right", "inline-start", "inline-end"),
    "z-index": _z_index,
    "transform": shapes.transform,
    "translate": shapes.translate,
    "scale": shapes.scale,
    "rotate": shapes.rotate,
    "clip": shapes.clip,
    "clip-path": shapes.clip_path,
    "mask-image": _mask,
    "mask-size": _mask_size,
    "overflow-x": _keyword("visible", "hidden", "clip", "scroll", "auto", "overlay"),
    "overflow-y": _keyword("visible", "hidden", "clip", "scroll", "auto", "overlay"),
    "contain": _contained,
    "content": _content,
    "content-visibility": _keyword("visible", "hidden", "auto"),
    "text-shadow": _shadow,
    "-webkit-text-stroke": _rim,
    "-webkit-text-security": _keyword("none", "disc", "circle", "square"),
    "animation": _names,
    "color-scheme": _names,
}
INHERITED = frozenset(
    {
        *(
            "visibility",
            "color",
            "-webkit-text-fill-color",
            "font-size",
            "letter-spacing",
            "text-indent",
            "white-space",
        ),
        *("text-shadow", "-webkit-text-stroke", "-webkit-text-security", "color-scheme"),
    }
)
