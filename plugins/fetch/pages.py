"""The main text of a page of HTML, as Markdown: what somebody who opens it came to read."""

import logging
import re

from plugins.fetch.hidden import Element, remove_hidden

_DECLARATION = re.compile(r"^\s*<\?xml[^>]*\?>", re.IGNORECASE)
_TITLE_CHARS = 200
_LARGE_CHARS = 1_000_000
"""Larger pages are read plainly: to look for the main text in them takes many seconds."""
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
_CELLS = frozenset({"td", "th"})


def main_text(html: str, url: str) -> tuple[str, str]:
    """The title and the main text; of a page that has no main text, all that can be read on it.

    Args:
        url: Where it was found: links are told as whole addresses.
    """
    page = _parsed(html)
    if page is None:
        return "", ""
    title = " ".join((page.findtext(".//title") or "").split())[:_TITLE_CHARS]
    page.make_links_absolute(url, handle_failures="discard")
    remove_hidden(page)
    everything = _plainly(page)
    if len(html) > _LARGE_CHARS:
        return title, everything
    main = _extracted(page)
    return title, main if len(main) >= _SHORT_CHARS else everything or main


def _parsed(html: str) -> Element | None:
    from lxml import etree  # type: ignore[import-untyped]
    from lxml import html as parsing

    parser = parsing.HTMLParser(remove_comments=True, remove_pis=True)
    try:
        return parsing.document_fromstring(_DECLARATION.sub("", html).replace("\0", ""), parser=parser)
    except (etree.ParserError, ValueError):
        return None  # nothing in it that could be read


def _extracted(page: Element) -> str:
    import trafilatura
    from trafilatura.settings import use_config

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
    from lxml import etree

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
