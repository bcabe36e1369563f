"""The main text of a page of HTML, as Markdown: what somebody who opens it came to read."""

import logging
from typing import Any
from urllib.parse import urljoin

import trafilatura
from lxml import etree  # type: ignore[import-untyped]
from trafilatura.settings import use_config

from plugins.fetch.hidden import remove_hidden
from plugins.fetch.tree import is_quirky, parsed

Element = Any
"""An element of lxml, which has no types."""

_TITLE_CHARS = 200
_LARGE_CHARS = 1_000_000
"""Larger pages are read plainly: to look for the main text in them takes many seconds."""
_MANY_ELEMENTS = 30_000
_SHORT_CHARS = 200
"""Less than this is rarely what somebody came for: start pages and lists have no main text."""
_LEAST = "50"
_BLOCKS = frozenset(
    {
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "br",
            "caption",
            "center",
            "dd",
            "details",
            "dialog",
            "div",
            "dl",
        ),
        *(
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
            "hr",
        ),
        *("legend", "li", "main", "nav", "ol", "option", "p", "pre", "section", "summary", "table", "tbody", "tfoot"),
        *("thead", "tr", "ul"),
    }
)
_OLDER = {"summary": "p", "details": "div", "dialog": "div", "search": "div", "hgroup": "div"}
_CELLS = frozenset({"td", "th"})


def main_text(html: str, url: str) -> tuple[str, str]:
    """The title and the main text; of a page that has no main text, all that can be read on it.

    Args:
        url: Where it was found: links are told as whole addresses.
    """
    page = parsed(html)
    title = " ".join((page.findtext("head/title") or "").split())[:_TITLE_CHARS]
    remove_hidden(page, quirks=is_quirky(html))
    _make_absolute(page, url)
    _rename(page)
    everything = _plainly(page)
    if len(html) > _LARGE_CHARS or len(everything) > _LARGE_CHARS or sum(1 for _ in page.iter()) > _MANY_ELEMENTS:
        return title, everything
    main = _extracted(page)
    return title, main if len(main) >= _SHORT_CHARS else everything or main


def _make_absolute(page: Element, url: str) -> None:
    base = page.find("head/base[@href]")
    if base is not None:
        url = _joined(url, base.get("href"))
    for link in page.iter("a"):
        if address := link.get("href"):
            link.set("href", _joined(url, address))


def _rename(page: Element) -> None:
    """Call things by older names: what trafilatura does not know by name it leaves out."""
    for element in page.iter(*_OLDER):
        element.tag = _OLDER[element.tag]


def _joined(base: str, address: str) -> str:
    try:
        return urljoin(base, address.strip())
    except ValueError:
        return ""


def _extracted(page: Element) -> str:
    logging.getLogger("trafilatura").setLevel(logging.CRITICAL)  # its warnings hold addresses, and words of the page
    config = use_config()
    config.set("DEFAULT", "MIN_EXTRACTED_SIZE", _LEAST)  # or short pages come back without their lines
    text = trafilatura.extract(
        page,
        output_format="markdown",
        include_links=True,
        include_tables=True,
        include_comments=False,
        config=config,
    )
    return (text or "").strip()


def _plainly(page: Element) -> str:
    """All words, a line for each block, with links."""
    pieces: list[str] = []
    for event, element in etree.iterwalk(page, events=("start", "end")):
        if element.tag in _BLOCKS:
            pieces.append("\n")
        elif element.tag in _CELLS:
            pieces.append(" ")
        link = element.get("href") if element.tag == "a" else None
        if event == "start":
            pieces += ["[" if link else "", element.text or ""]
        else:
            pieces += [f"]({link})" if link else "", element.tail or ""]
    lines = (" ".join(line.split()) for line in "".join(pieces).replace("\r", "\n").split("\n"))
    return "\n".join(line for line in lines if line)
