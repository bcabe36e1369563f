"""HTML as a tree, read as browsers read it: by lexbor (HTML's own rules), then built anew for lxml.

Where two readers of a page disagree, one of them shows what the other hides.
"""

import re
from typing import Any

from lxml import etree  # type: ignore[import-untyped]
from lxml.html import html_parser  # type: ignore[import-untyped]
from selectolax.lexbor import LexborHTMLParser, LexborNode

Element = Any
"""An element of lxml, which has no types."""

_DEEPEST = 400
"""Browsers nest no deeper than 512 and put what is deeper beside, each in its way."""
_NOSCRIPT = re.compile(r"<(/?)noscript(?=[\s/>])", re.IGNORECASE)
"""For a browser that runs scripts its content is text that is never shown: just what it is within ``noframes``."""
_NO_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]*")
_DOCTYPE = re.compile(r"\s*(?:<!--.*?-->\s*)*<!doctype\s+html(?P<rest>[^>]*)>", re.IGNORECASE | re.DOTALL)
_OLD = re.compile(r"(?:transitional|frameset|html 2|html 3|draft)", re.IGNORECASE)
UNSLOTTED = "ws-unslotted"
"""An attribute of elements whose shadow has no place for what is in them."""


def is_quirky(html: str) -> bool:
    """Whether browsers take some liberties with it, since it declares no document type, or an old one."""
    found = _DOCTYPE.match(html.lstrip("\ufeff"))
    return found is None or _OLD.search(found["rest"]) is not None


class TooDeep(Exception):
    """A page is nested deeper than anybody writes by hand: what holds for what cannot be told any more."""


def parsed(html: str) -> Element:
    """The root element; comments, instructions and what templates hold are not in it.

    Raises:
        TooDeep: It is.
    """
    document = LexborHTMLParser(_NOSCRIPT.sub(r"<\1noframes", html))
    root = html_parser.makeelement("html")
    if document.root is not None:
        _copy_attributes(document.root, root)
        _Builder(root).fill(document.root)
    return root


class _Builder:
    """Builds a tree from another, a node at a time: both may hold hundreds of thousands."""

    def __init__(self, root: Element) -> None:
        self._path: list[Element] = [root]
        self._before: list[Element | None] = [None]  # the last child of each: lxml would count through all
        self._texts: list[str] = []  # that stand side by side where we are

    def fill(self, top: LexborNode) -> None:
        """Copy what is in a node."""
        node = top.first_child
        while node is not None:
            child = node.first_child if self._enter(node) else None
            if child is not None:
                node = child
                continue
            if self._entered(node):
                self._leave()
            while node is not None and node.next is None:
                node = node.parent
                if node is None or node.mem_id == top.mem_id:
                    self._flush()
                    return
                self._leave()
            node = node.next if node is not None else None

    def _enter(self, node: LexborNode) -> bool:
        """Copy a node; whether what is in it is to be copied, too."""
        if node.is_text_node:
            self._texts.append(_NO_XML.sub("", node.text_content or ""))
        if not self._entered(node):
            return False
        self._flush()
        tag = (node.tag or "").lower()
        inner = etree.SubElement(self._path[-1], tag if _NAME.fullmatch(tag) else "span")
        _copy_attributes(node, inner)
        self._before[-1] = inner
        self._path.append(inner)
        self._before.append(None)
        if len(self._path) > _DEEPEST:
            raise TooDeep
        return True

    def _entered(self, node: LexborNode) -> bool:
        """Whether a node is an element that has a copy; templates have none, but may give their parent a shadow."""
        if not node.is_element_node:
            return False
        if (node.tag or "").lower() != "template":
            return True
        if "shadowrootmode" in node.attributes and "<slot" not in (node.html or "").lower():
            self._path[-1].set(UNSLOTTED, "")
        return False

    def _leave(self) -> None:
        self._flush()
        self._path.pop()
        self._before.pop()

    def _flush(self) -> None:
        if not self._texts:
            return
        text, self._texts = "".join(self._texts), []
        at, before = self._path[-1], self._before[-1]
        if before is not None:
            before.tail = (before.tail or "") + text
        else:
            at.text = (at.text or "") + text


def _copy_attributes(node: LexborNode, inner: Element) -> None:
    for name, said in node.attributes.items():
        if _NAME.fullmatch(name):
            inner.set(name.lower(), _NO_XML.sub("", said or ""))
