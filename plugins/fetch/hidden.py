"""Taking out of a page what nobody who looks at it would see, since that is where words for models are put.

Looked at are attributes, styles on the element, and simple rules of style sheets within the page. What a separate style
sheet, a script or a picture behind the text hides is not found: whatever is left is a stranger's word all the same.
"""

import re
from collections.abc import Iterable
from typing import Any

Element = Any
"""An element of lxml, which is imported with trafilatura and has no types."""

_UNSEEN_TAGS = frozenset(
    {
        *("script", "style", "template", "noscript", "noframes", "iframe", "frame", "object", "embed", "applet"),
        *("svg", "math-ml", "canvas", "audio", "video", "map", "head", "datalist", "meta", "link", "base"),
    }
)
_WHOLE = frozenset({"html", "body"})
"""Scripts make these visible once all is there."""
_UNSEEN_CLASSES = frozenset(
    {"sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "screen-reader-only", "a11y-hidden"}
)
_KEPT = frozenset({"href", "class", "id", "role", "colspan", "rowspan", "lang", "datetime"})
"""Attributes that are left: alternatives to pictures, hints and labels are not on the page."""
_LONGEST_LINK = 500
_COMMENT = re.compile(r"/\*.*?(?:\*/|$)", re.DOTALL)
_ESCAPE = re.compile(r"\\([0-9a-fA-F]{1,6})\s?|\\(.)")
_ASIDE = re.compile(r"@media[^{}]{0,99}(?:print|width)[^{}]{0,99}\{(?:[^{}]{0,999}\{[^{}]{0,999}\})*[^{}]{0,99}\}")
_SHEET_CHARS = 500_000
"""Of a page's style sheets so much is read: an expression holds up everybody for as long as it looks."""
_SELECTORS_CHARS, _DECLARATIONS_CHARS = 2000, 5000
_SELECTOR = re.compile(r"[a-z]*([.#])([\w-]+)", re.IGNORECASE)
_NUMBER = re.compile(r"(-?\d*\.?\d+)\s*(px|em|rem|pt|vw|vh|%)?")
_FAR = -400.0
_TINY = {"px": 2.0, "pt": 2.0, "%": 10.0}
_CLEAR = re.compile(r"transparent|(rgba|hsla)\([^()]{3,40}[,/]\s?0(\.0+)?%?\s?\)|#[0-9a-f]{3}0|#[0-9a-f]{6}00")
_GONE = re.compile(r"scale[xy]?\(\s?0(\.0+)?\s?[,)]|translate[xy3d]{0,2}\([^()]{0,40}-\d{4,}")
_CLIPPED = re.compile(r"rect\(\s*(0|1px)|inset\(\s*(50|[6-9]\d|100)%|circle\(\s*0|polygon\(\s*0\s*0\s*\)")


def remove_hidden(page: Element) -> None:
    """Leave what can be seen, and of the attributes only what tells what kind of thing it is."""
    from lxml import etree  # type: ignore[import-untyped]

    classes, ids = _hidden_by_sheets(page)
    for element in list(page.iter(etree.Element)):
        if element.tag not in _WHOLE and _is_hidden(element, classes, ids):
            # Emptied where it stands: to take it out would join the texts around it, anew for each one.
            element.clear(keep_tail=True)
            element.tag = "span"
        else:
            _strip(element)


def _is_hidden(element: Element, classes: frozenset[str], ids: frozenset[str]) -> bool:
    attributes = element.attrib
    if element.tag in _UNSEEN_TAGS or "hidden" in attributes:
        return True
    if attributes.get("aria-hidden", "").strip().lower() == "true":
        return True
    if element.tag == "dialog" and "open" not in attributes:
        return True
    own = frozenset(attributes.get("class", "").split())
    if own & _UNSEEN_CLASSES or own & classes or attributes.get("id") in ids:
        return True
    return hides(attributes.get("style", ""))


def _strip(element: Element) -> None:
    for name in set(element.attrib) - _KEPT:
        del element.attrib[name]
    address = element.attrib.get("href", "")
    if len(address) > _LONGEST_LINK or re.match(r"\s*(?!https?:)[a-z][a-z0-9+.-]*:", address, re.IGNORECASE):
        del element.attrib["href"]


def hides(style: str) -> bool:
    """Whether declarations of CSS make what they are for invisible."""
    if not style:
        return False
    said = dict(_declarations(style))
    if said.get("display") == "none" or said.get("content-visibility") == "hidden":
        return True
    if said.get("visibility") in {"hidden", "collapse"} or _size(said.get("opacity", "1"))[0] <= 0.05:  # noqa: PLR2004
        return True
    if _is_tiny(said.get("font-size", "")) or _GONE.search(said.get("transform", "")):
        return True
    if _CLIPPED.match(said.get("clip", "")) or _CLIPPED.match(said.get("clip-path", "")):
        return True
    away = ("left", "top", "right", "bottom", "text-indent", "margin", "margin-left", "margin-top", "margin-right")
    if any(_size(said.get(side, ""))[0] <= _FAR for side in away):
        return True
    return _has_no_room(said) or _has_no_colour(said)


def _has_no_room(said: dict[str, str]) -> bool:
    cut = any(said.get(name, "").startswith(("hidden", "clip")) for name in ("overflow", "overflow-x", "overflow-y"))
    sides = ("width", "height", "max-width", "max-height")
    return cut and any(name in said and _size(said[name])[0] <= 1 for name in sides)


def _has_no_colour(said: dict[str, str]) -> bool:
    colour = said.get("color", "")
    behind = said.get("background-color", said.get("background", ""))
    return bool(colour) and (_CLEAR.fullmatch(colour) is not None or colour == behind)


def _declarations(style: str) -> Iterable[tuple[str, str]]:
    plain = _ESCAPE.sub(_unescaped, _COMMENT.sub("", style)).lower()
    for declaration in plain.split(";"):
        name, _, said = declaration.partition(":")
        yield name.strip(), said.replace("!important", "").strip()


def _unescaped(found: "re.Match[str]") -> str:
    if found[2]:
        return found[2]
    number = int(found[1], 16)
    return chr(number) if 0 < number < 0x110000 else ""  # noqa: PLR2004 - where Unicode ends


def _size(said: str) -> tuple[float, str]:
    """A length and its unit; a very long one where there is none."""
    found = _NUMBER.match(said)
    return (float(found[1]), found[2] or "") if found else (float("inf"), "")


def _is_tiny(said: str) -> bool:
    number, unit = _size(said)
    return number <= _TINY.get(unit, 0.1)


def _hidden_by_sheets(page: Element) -> tuple[frozenset[str], frozenset[str]]:
    """Classes and ids that a style sheet within the page hides."""
    found: dict[str, set[str]] = {".": set(), "#": set()}
    left = _SHEET_CHARS
    for sheet in page.iter("style"):
        text = (sheet.text or "")[:left]
        left -= len(text)
        for selectors, declarations in _rules(_ASIDE.sub("", _COMMENT.sub("", text))):
            if hides(declarations):
                for selector in selectors.split(","):
                    if simple := _SELECTOR.fullmatch(selector.strip()):
                        found[simple[1]].add(simple[2])
    return frozenset(found["."]), frozenset(found["#"])


def _rules(sheet: str) -> Iterable[tuple[str, str]]:
    """Selectors and declarations of the innermost rules. Each character is looked at once or twice, whatever it is."""
    for piece in sheet.split("}")[:-1]:
        before, brace, declarations = piece.rpartition("{")
        if brace and len(declarations) <= _DECLARATIONS_CHARS:
            yield before.rpartition("{")[2][-_SELECTORS_CHARS:], declarations
