"""What an element looks like, as far as that decides whether words in it are seen.

The cascade gives each property its value, inheritance the rest; what adds up down the tree (opacity, places, sizes, the
colours behind) is added up. Nothing is laid out: how much room words take is guessed by their number, and what only a
layout tells (one thing lying on another) is not found.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import tinycss2  # type: ignore[import-untyped]

from plugins.fetch.colours import BLACK, CLEAR, CURRENT, WHITE, Colour, colour, over
from plugins.fetch.lengths import WIDTH, Scale, words
from plugins.fetch.look import Look
from plugins.fetch.properties import Declaration, apart, declarations, holds_variable, wide
from plugins.fetch.readers import INHERITED, READERS, Filtered, Picture
from plugins.fetch.shapes import AUTO, Move
from plugins.fetch.sheets import Sheets
from plugins.fetch.tree import UNSLOTTED, TooDeep

Element = Any
"""An element of lxml, which has no types; or cssselect2's wrapper of one."""

_NEVER_SHOWN = frozenset(
    {
        *("head", "title", "meta", "link", "base", "script", "style", "template", "noscript", "noframes", "noembed"),
        *("iframe", "frame", "frameset", "object", "embed", "applet", "param", "source", "track", "area", "datalist"),
        *("canvas", "audio", "video", "meter", "progress", "rp", "svg", "annotation", "annotation-xml", "portal"),
    }
)
_BLOCKS = frozenset(
    {
        *(
            "html",
            "body",
            "address",
            "article",
            "aside",
            "blockquote",
            "center",
            "dd",
            "details",
            "dialog",
            "dir",
            "div",
        ),
        *(
            "dl",
            "dt",
            "fieldset",
            "figcaption",
            "figure",
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
            "h5",
            "h6",
            "header",
        ),
        *(
            "hgroup",
            "hr",
            "legend",
            "li",
            "listing",
            "main",
            "menu",
            "nav",
            "ol",
            "optgroup",
            "option",
            "p",
            "plaintext",
        ),
        *(
            "pre",
            "search",
            "section",
            "summary",
            "table",
            "tbody",
            "td",
            "tfoot",
            "th",
            "thead",
            "tr",
            "ul",
            "xmp",
            "caption",
        ),
        *("button", "select", "textarea", "input", "marquee", "slot"),
    }
)
_SIZES = {"h1": 2.0, "h2": 1.5, "h3": 1.17, "h5": 0.83, "h6": 0.67, "small": 0.83, "sub": 0.83, "sup": 0.83, "big": 1.2}
_HOLDERS = frozenset({"flex", "inline-flex", "grid", "inline-grid", "-webkit-flex", "-webkit-box"})
_LINE = 1.2
_NARROW = 2.0
_FAINT = 0.06
_BLURRED = 0.6
_MAX_TOKENS, _MAX_DEPTH = 50_000, 100
_INITIAL = tuple(words(tinycss2.parse_component_value_list("initial")))


class Styles:
    """Computes looks, by a page's style sheets."""

    def __init__(self, sheets: Sheets) -> None:
        self._sheets = sheets
        self._inline: dict[str, tuple[Declaration, ...]] = {}

    def of(self, element: Element, parent: Look) -> Look:
        """An element's look, given that of the one around it."""
        attributes = element.etree_element.attrib
        tag = element.local_name
        matched = self._sheets.matcher.match(element)
        hints = _hints(tag, attributes)
        plain = not (matched or hints or "style" in attributes or tag in _SIZES)
        shown = _display(tag, attributes)
        if plain and shown == "inline" and parent.display not in _HOLDERS and UNSLOTTED not in attributes:
            return parent.inline()
        specified, variables = self._specified(matched, hints, attributes.get("style", ""), parent)
        computing = _Computing(parent, specified, variables, tag, attributes, quirks=self._sheets.quirks)
        return computing.look(shown)

    def _specified(
        self, matched: Sequence[Any], hints: Sequence[Declaration], style: str, parent: Look
    ) -> tuple[dict[str, Sequence[Any]], Mapping[str, tuple[Any, ...]]]:
        """What each property is said to be, by what weighs most; and the variables."""
        found: list[tuple[tuple[Any, ...], Declaration]] = [((0, 0, (), (), 0, 0), hint) for hint in hints]
        for specificity, order, pseudo, rule in matched:
            if pseudo is not None and pseudo != "first-line":
                continue
            layer = self._sheets.weight(rule)
            against = tuple(-one for one in layer)
            for number, declared in enumerate(rule.declared):
                weight = (1, 0, against) if declared.important else (0, 1, layer)
                found.append(((*weight, specificity, order, number), declared))
        for number, declared in enumerate(self._of_style(style)):
            found.append((((1, 1) if declared.important else (0, 2)) + ((), (), 0, number), declared))
        found.sort(key=lambda one: one[0])
        variables: Mapping[str, tuple[Any, ...]] = parent.variables
        own = {one.name: one.tokens for _, one in found if one.name.startswith("--")}
        if own:
            variables = {**variables, **own}
        specified: dict[str, Sequence[Any]] = {}
        for _, one in found:
            if not one.name.startswith("--"):
                self._set(specified, one, variables)
        return self._animated(specified, variables), variables

    def _set(
        self, specified: dict[str, Sequence[Any]], one: Declaration, variables: Mapping[str, tuple[Any, ...]]
    ) -> None:
        if not one.variable:
            specified[one.name] = one.tokens
            return
        tokens = words(_Substitution(variables).made(one.tokens))
        valid = apart(one.name, tokens, Scale(quirks=self._sheets.quirks)) if tokens else []
        if valid:
            specified.update(valid)
        else:
            for name, _ in apart(one.name, _INITIAL, Scale()):
                specified.pop(name, None)

    def _animated(
        self, specified: dict[str, Sequence[Any]], variables: Mapping[str, tuple[Any, ...]]
    ) -> dict[str, Sequence[Any]]:
        """The same once what moves has come to its end, and stays there."""
        told = [token for name in specified if name.startswith("animation") for token in specified[name]]
        names = [str(token.value) for token in told if token.type in {"ident", "string"}]
        if {"forwards", "both"} & set(names):
            for name in names:
                for one in self._sheets.keyframes.get(name, ()):
                    self._set(specified, one, variables)
        return specified

    def _of_style(self, style: str) -> tuple[Declaration, ...]:
        if style not in self._inline:
            content = tinycss2.parse_blocks_contents(style, skip_comments=True, skip_whitespace=True) if style else []
            self._inline[style] = declarations(content, Scale(quirks=self._sheets.quirks))
        return self._inline[style]


class _Substitution:
    """Puts variables in their places; one that leads to itself has no value.

    Raises:
        TooDeep: It makes more of them than anybody writes by hand.
    """

    def __init__(self, variables: Mapping[str, tuple[Any, ...]]) -> None:
        self._variables = variables
        self._left = _MAX_TOKENS

    def made(self, tokens: Iterable[Any], around: tuple[str, ...] = ()) -> list[Any]:
        """The tokens with variables written out; nothing where one is missing."""
        made: list[Any] = []
        for token in tokens:
            self._left -= 1
            if self._left < 0 or len(around) > _MAX_DEPTH:
                raise TooDeep
            if token.type == "function" and token.lower_name == "var":
                inner = self._variable(words(token.arguments), around)
                if not inner:
                    return []
                made += inner
            elif token.type == "function" and holds_variable(token.arguments):
                inner = self.made(token.arguments, around)
                if not inner:
                    return []
                made.append(type(token)(0, 0, token.name, inner))
            else:
                made.append(token)
        return made

    def _variable(self, arguments: Sequence[Any], around: tuple[str, ...]) -> list[Any]:
        name = arguments[0].value if arguments and arguments[0].type == "ident" else ""
        known = self._variables.get(name) if name not in around else None
        if known is not None and words(known) and (found := self.made(known, (*around, name))):
            return found
        return self.made(arguments[2:], around) if len(arguments) > 2 else []  # noqa: PLR2004 - behind a comma


class _Computing:
    """One element's look in the making."""

    def __init__(
        self,
        parent: Look,
        specified: Mapping[str, Sequence[Any]],
        variables: Mapping[str, tuple[Any, ...]],
        tag: str,
        attributes: Mapping[str, str],
        *,
        quirks: bool,
    ) -> None:
        self._parent = parent
        self._specified = specified
        self._tag = tag
        self._attributes = attributes
        self._scale = Scale(em=parent.font, rem=parent.rem, quirks=quirks)
        self._look = replace(parent, variables=variables, _inline=None)

    def look(self, shown: str) -> Look:
        """The look, from what is inherited to what adds up; ``shown`` as if no style had a say."""
        look = self._look
        look.font = self._read("font-size", self._parent.font * _SIZES.get(self._tag, 1.0), initial=16.0)
        if self._tag == "html":
            look.rem = look.font
        self._scale = Scale(em=look.font, rem=look.rem, quirks=self._scale.quirks)
        look.display = self._displayed(shown)
        if look.display == "none":
            look.gone = True
        if look.gone:
            return look
        self._inherit()
        self._colour()
        if look.display != "contents":
            self._add_up()
        return look

    def _displayed(self, shown: str) -> str:
        shown = str(self._read("display", shown, initial="inline"))
        outside = self._read("position", "static") in {"absolute", "fixed"} or self._read("float", "none") != "none"
        if shown in {"inline", "ruby", "ruby-text"} and (outside or self._parent.display in _HOLDERS):
            return "block"
        return shown

    def _inherit(self) -> None:
        look, parent = self._look, self._parent
        look.visible = (
            self._read("visibility", "visible" if parent.visible else "hidden", initial="visible") == "visible"
        )
        look.spacing = self._read("letter-spacing", parent.spacing, initial=0.0)
        look.indent = self._read("text-indent", parent.indent, initial=0.0)
        look.nowrap = self._read("white-space", parent.nowrap, initial=False)
        look.rimmed = self._read("-webkit-text-stroke", parent.rimmed, initial=False)
        look.shadowed = self._read("text-shadow", parent.shadowed, initial=False)
        dotted = self._read("-webkit-text-security", "disc" if look.masked else "none", initial="none")
        look.masked = dotted != "none"

    def _colour(self) -> None:
        look, parent = self._look, self._parent
        own = self._read("color", parent.letters, initial=BLACK)
        look.letters = parent.letters if own == CURRENT else own
        filling = self._read("-webkit-text-fill-color", parent.filling, initial=None)
        look.filling = look.letters if filling == CURRENT else filling
        if (
            self._tag == "html"
            and "dark" in self._read("color-scheme", ())
            and "light" not in self._read("color-scheme", ())
        ):
            look.behind = ((0.07, 0.07, 0.07, 1.0),)
            look.letters = WHITE if "color" not in self._specified else look.letters
        if look.display == "contents":
            return
        ground = self._read("background-color", CLEAR)
        ground = self._known(ground)
        picture: Picture = self._read("background-image", Picture())
        colours = [self._known(one) for one in picture.colours]
        if "text" in self._read("background-clip", ()):
            painted = ground[3] > _FAINT or picture.others or any(one[3] > _FAINT for one in colours)
            look.shown_otherwise = look.shown_otherwise or painted
            return
        behind = tuple(over(ground, one) for one in look.behind)
        look.behind = tuple(over(drawn, one) for drawn in colours for one in behind[:8]) if colours else behind
        self._cover(ground, colours)

    def _known(self, one: Colour | str) -> Colour:
        return self._look.letters if isinstance(one, str) else one

    def _cover(self, ground: Colour, colours: Sequence[Colour]) -> None:
        """What lies behind everything around is behind the backgrounds of what is around."""
        look, parent = self._look, self._parent
        level = self._read("z-index", AUTO)
        positioned = self._read("position", "static") != "static" or parent.display in _HOLDERS
        if positioned and level != AUTO and level < 0 and parent.covered:
            look.gone = True
        solid = ground[3] > 0.9 or any(one[3] > 0.9 for one in colours)  # noqa: PLR2004 - nearly all
        if positioned and level != AUTO:
            look.covered = False
        elif solid and self._tag not in {"html", "body"}:
            look.covered = True

    def _add_up(self) -> None:
        look = self._look
        look.opacity *= self._read("opacity", 1.0)
        filtered: Filtered = self._read("filter", Filtered())
        look.opacity *= filtered.opacity
        look.size *= self._read("zoom", 1.0) or 1.0
        position = self._read("position", "static")
        look.gone = (
            look.gone
            or filtered.lost
            or filtered.blur > max(2.0, _BLURRED * look.font)
            or self._read("content-visibility", self._kept()) == "hidden"
            or self._read("clip-path", False)  # noqa: FBT003 - what it is otherwise
            or self._read("content", False)  # noqa: FBT003 - the same
            or self._read("mask-image", False)  # noqa: FBT003 - the same
            or self._is_mask_empty()
            or (position in {"absolute", "fixed"} and self._read("clip", False))  # noqa: FBT003 - the same
            or UNSLOTTED in self._attributes
        )
        self._place(position)
        if look.display == "inline":
            return
        for name in ("transform", "translate", "scale", "rotate"):
            move: Move = self._read(name, Move())
            look.x, look.y, look.size = look.x + move.x, look.y + move.y, look.size * move.size
            if move != Move():
                look.holder = (look.x, look.y, look.placed)
        look.gone = look.gone or self._has_no_room()

    def _kept(self) -> str:
        return "hidden" if self._attributes.get("hidden", "").lower() == "until-found" else "visible"

    def _is_mask_empty(self) -> bool:
        return "mask-image" in self._specified and bool(self._read("mask-size", False))  # noqa: FBT003 - the same

    def _place(self, position: str) -> None:
        look = self._look
        if position in {"absolute", "fixed"}:
            self._put(position)
        elif position == "relative":
            look.x += self._shift("left", "right")
            look.y += self._shift("top", "bottom")
        look.x += self._number("margin-left") + self._number("padding-left")
        down = self._number("margin-top")
        look.y += down if down < 0 or look.placed else 0.0
        if position != "static":
            look.holder = (look.x, look.y, look.placed)

    def _put(self, position: str) -> None:
        """Place it from the window's sides, or from those of what holds it."""
        look = self._look
        x, y, placed = (0.0, 0.0, True) if position == "fixed" else self._parent.holder
        left, right, top, bottom = (self._read(side, AUTO) for side in ("left", "right", "top", "bottom"))
        if left != AUTO:
            look.x = x + left
        elif right != AUTO:
            look.x = x + (0.7 * WIDTH - right if abs(right) > WIDTH / 2 else 0.0)
        if top != AUTO:
            look.y, look.placed = y + top, placed
        elif bottom != AUTO:
            look.y, look.placed = y - bottom, False
            look.gone = look.gone or (position == "fixed" and bottom <= -_LINE * look.font)
        else:
            look.placed = False
        if "text-indent" not in self._specified:
            look.indent = 0.0

    def _shift(self, near: str, far: str) -> float:
        one, other = self._read(near, AUTO), self._read(far, AUTO)
        return float(one if one != AUTO else -other if other != AUTO else 0.0)

    def _number(self, name: str) -> float:
        found = self._read(name, 0.0)
        return found if isinstance(found, float) else 0.0

    def _has_no_room(self) -> bool:
        """Whether what does not fit in is cut off, and nothing fits in."""
        contained = self._read("contain", False)  # noqa: FBT003 - what it is otherwise
        cut = {"hidden", "clip", "scroll", "auto", "overlay"}
        across, down = self._read("overflow-x", "visible"), self._read("overflow-y", "visible")
        if not (contained or across in cut or down in cut):
            return False
        both = contained or "clip" not in {across, down}
        high = self._extent("height", "padding-bottom")
        broad = self._extent("width", "padding-right")
        return (high <= _NARROW and (both or down in cut)) or (broad <= _NARROW and (both or across in cut))

    def _extent(self, name: str, padding: str) -> float:
        own, most, least = (self._read(f"{lead}{name}", AUTO) for lead in ("", "max-", "min-"))
        size = own if isinstance(own, float) else float("inf")
        size = min(size, most) if isinstance(most, float) else size
        size = max(size, least) if isinstance(least, float) else size
        return size + self._number(padding)

    def _read(self, name: str, otherwise: Any, *, initial: Any = None) -> Any:  # noqa: ANN401 - of the reader's type
        """What a property comes to.

        Args:
            otherwise: Where nothing is said of it: what is inherited, or what it is at first.
            initial: What it is at first, where it is inherited.
        """
        tokens = self._specified.get(name)
        if not tokens:
            return otherwise
        if said := wide(tokens):
            return initial if said == "initial" and name in INHERITED else otherwise
        found = READERS[name](tokens, self._scale)
        return otherwise if found is None else found


def _display(tag: str, attributes: Mapping[str, str]) -> str:
    """How it is shown unless a style says otherwise."""
    if tag in _NEVER_SHOWN:
        return "none"
    hidden = attributes.get("hidden")
    if hidden is not None and hidden.lower() != "until-found":
        return "none"
    if "popover" in attributes or (tag == "dialog" and "open" not in attributes):
        return "none"
    return "block" if tag in _BLOCKS else "inline"


def _hints(tag: str, attributes: Mapping[str, str]) -> list[Declaration]:
    """What attributes say that are older than styles."""
    told: list[Declaration] = []
    letters = attributes.get("color" if tag == "font" else "text" if tag == "body" else "-")
    for name, said in (("color", letters), ("background-color", attributes.get("bgcolor"))):
        if said and (tokens := _legacy_colour(said)):
            told.append(Declaration(name=name, tokens=tuple(tokens)))
    return told


def _legacy_colour(said: str) -> list[Any]:
    """https://html.spec.whatwg.org/#rules-for-parsing-a-legacy-colour-value."""
    said = said.strip()
    tokens = tinycss2.parse_component_value_list(said)
    if len(tokens) == 1 and colour(tokens[0]) is not None:
        return list(tokens)
    digits = "".join(one if one in "0123456789abcdefABCDEF" else "0" for one in said.removeprefix("#")[:128])
    digits += "0" * (-len(digits) % 3)
    each = len(digits) // 3
    channels = [digits[n * each : (n + 1) * each][-8:] for n in range(3)] if each else ["0", "0", "0"]
    while len(channels[0]) > 2 and all(one.startswith("0") for one in channels):  # noqa: PLR2004 - two digits a channel
        channels = [one[1:] for one in channels]
    return list(tinycss2.parse_component_value_list("#" + "".join(one[:2].rjust(2, "0") for one in channels)))
