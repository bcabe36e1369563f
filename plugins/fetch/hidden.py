"""Taking out of a page what nobody who looks at it would see, since that is where words for models are put.

Looked at is what HTML never shows, and what style sheets within the page make of the rest (``styles.py``). What a sheet
of its own, a script, or one thing lying over another hides is not found: whatever is left is a stranger's word all the
same. What is in doubt is taken out.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import cssselect2  # type: ignore[import-untyped]
from lxml import etree  # type: ignore[import-untyped]

from plugins.fetch.look import Look
from plugins.fetch.sheets import Sheets, of_data
from plugins.fetch.styles import Styles
from plugins.fetch.tree import TooDeep

Element = Any
"""An element of lxml, which has no types; or cssselect2's wrapper of one."""

_WHOLE = frozenset({"html", "body"})
_UNSEEN_CLASSES = frozenset(
    {"sr-only", "visually-hidden", "visuallyhidden", "screen-reader-text", "screen-reader-only", "a11y-hidden"}
)
"""What sheets of their own, which are not read, hide from everybody who looks."""
_KEPT = frozenset({"href", "class", "id", "role", "colspan", "rowspan", "lang", "datetime"})
"""Attributes that are left: alternatives to pictures, hints and labels are not on the page."""
_LONGEST_LINK = 500
_NOT_WEB = re.compile(r"\s*(?!https?:)[a-z][a-z0-9+.-]*:", re.IGNORECASE)


def remove_hidden(page: Element, *, quirks: bool) -> None:
    """Leave what can be seen, and of the attributes only what tells what kind of thing it is.

    Raises:
        TooDeep: Its style sheets are nested deeper than can be followed.
    """
    try:
        kept = _kept(page, quirks=quirks)
    except RecursionError as error:
        raise TooDeep from error
    for element, text, tail in kept:
        if not text:
            element.text = None
        if not tail:
            element.tail = None
        _strip(element)


def _kept(page: Element, *, quirks: bool) -> list[tuple[Element, bool, bool]]:
    styles = Styles(_sheets(page, quirks=quirks))
    root = _Element.from_html_root(page)
    kept = list(_judged(root, styles, late=False))
    return kept if any(text for _, text, _ in kept) else list(_judged(root, styles, late=True))


class _Element(cssselect2.ElementWrapper):  # type: ignore[misc]
    """An element to be matched; those around and before it are found without recursion."""

    @property
    def ancestors(self) -> tuple[Any, ...]:
        """From the root inwards."""
        around = []
        one = self.parent
        while one is not None:
            around.append(one)
            one = one.parent
        return tuple(reversed(around))

    @property
    def previous_siblings(self) -> tuple[Any, ...]:
        """From the first on."""
        before = []
        one = self.previous
        while one is not None:
            before.append(one)
            one = one.previous
        return tuple(reversed(before))


def _judged(root: Element, styles: Styles, *, late: bool) -> Iterator[tuple[Element, bool, bool]]:
    """Each element, and whether its text and what follows it within its parent are seen.

    Args:
        late: The page shows itself only by a script, once all of it is there: that it is hidden as a whole is no news.
    """
    whole = Look()
    stack: list[tuple[Element, Look]] = [(root, whole)]
    while stack:
        element, around = stack.pop()
        look = _look(element, around, styles, late=late)
        inner = element.etree_element
        tail = (inner.tail or "").strip()
        yield inner, _is_seen(inner.text, look), not tail or element.parent is None or around.shows(tail)
        folded = (
            element.local_name == "details" and "open" not in inner.attrib and not _can_be_opened(element, look, styles)
        )
        within = replace(look, gone=True) if folded else look
        if look.gone or folded:
            for one in inner.iterdescendants(etree.Element):
                yield one, False, False
            continue
        stack += [(child, within) for child in reversed(list(element.iter_children()))]


def _look(element: Element, around: Look, styles: Styles, *, late: bool) -> Look:
    look = styles.of(element, around)
    if late and element.local_name in _WHOLE:
        return replace(look, gone=False, visible=True, opacity=1.0, x=0.0, y=0.0, size=1.0)
    if not look.gone and _UNSEEN_CLASSES & element.classes:
        return replace(look, gone=True)
    return look


def _is_seen(text: str | None, look: Look) -> bool:
    said = (text or "").strip()
    return bool(said) and look.shows(said)


def _can_be_opened(details: Element, look: Look, styles: Styles) -> bool:
    """Whether there is something to press that opens it: without a summary, browsers show a word of their own."""
    for child in details.iter_children():
        if child.local_name == "summary":
            return styles.of(child, look).shows("more")
    return True


def _strip(element: Element) -> None:
    for name in set(element.attrib) - _KEPT:
        del element.attrib[name]
    address = element.attrib.get("href", "")
    if len(address) > _LONGEST_LINK or _NOT_WEB.match(address):
        del element.attrib["href"]


def _sheets(page: Element, *, quirks: bool) -> Sheets:
    """The style sheets within the page, in order."""
    sheets = Sheets(quirks=quirks)
    for element in page.iter("style", "link"):
        media = element.attrib.get("media", "")
        if element.tag == "style":
            if element.attrib.get("type", "").strip().lower() in {"", "text/css"}:
                sheets.add("".join(element.itertext()), media)
        elif "stylesheet" in element.attrib.get("rel", "").lower().split() and "disabled" not in element.attrib:
            text = of_data(element.attrib.get("href", ""))
            if text is not None:
                sheets.add(text, media)
    return sheets
