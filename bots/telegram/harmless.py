"""Markdown without what an answer should not do: fetch images, run or hide HTML, lead where it does not say.

An image becomes a link, HTML is shown as it was written, and where an address may not be followed it is printed.
"""

import re
from dataclasses import dataclass
from typing import Final

import pyromark

from bots.telegram.addresses import disguises, may_link, shown
from bots.telegram.edits import OPTIONS, Edits, literal

LINE_BREAK: Final = "\u2028"
"""Stands for a `<br>` until the text is rendered, since a newline would mean something to Markdown."""

BREAK: Final = re.compile(r"<br\s*/?>", re.IGNORECASE)

_NOWHERE: Final = "nowhere:"
"""The address of a link that is not to be one: its brackets stay, so that its words do not become other markup."""

_PASSES: Final = 4  # HTML that is now text may bring more to light, since a block of it had hidden what follows


def harmless(markdown: str, *, links: bool = True, line_break: str = LINE_BREAK) -> str:
    """Take out what a text should not do: fetch images, run or hide HTML, lead where it does not say.

    Args:
        markdown: Any text.
        links: Whether addresses may hide behind words where they may be followed; else each is printed.
        line_break: What a `<br>` becomes.
    """
    if not re.search(r"[<\[]|^ {0,3}(?:> ?)*#{5}", markdown, re.MULTILINE):
        return markdown
    for _ in range(_PASSES):
        work = _Harmless(markdown, links=links, line_break=line_break)
        markdown = work.text()
        if not work.html:
            break
    return markdown


def resolved(markdown: str) -> str:
    """Give each link its address where it stands, so that a part of the text needs no other part.

    A definition that nothing refers to is shown: it is a source that the writer meant to name.
    """
    if "]:" not in markdown:
        return markdown
    edits = Edits(markdown)
    used = set()
    for kind, told, start, end in edits.events():
        if kind in {"Link", "Image"} and told["id"] and not told["id"].startswith("^"):
            used.add(told["id"].casefold())
            _inline(edits, start, end, told["dest_url"])
    for label, definition in pyromark.reference_definitions(edits.source.decode(), options=OPTIONS).items():
        start, end = definition["span"]["start"], definition["span"]["end"]
        if label.casefold() in used:
            edits.replace(start, end, "")
        elif not label.startswith("^"):
            edits.replace(start, start, "\\")
    return edits.applied()


def _inline(edits: Edits, start: int, end: int, url: str) -> None:
    words = edits.read(start, end)
    target = "](<" + re.sub(r"[<>\\\n]", lambda match: f"%{ord(match[0]):02X}", url) + ">)"
    if re.fullmatch(r"\[\d+\]", words):  # the number of a source keeps its brackets
        edits.replace(start, end, f"[\\[{words[1:-1]}\\]" + target)
    else:
        tail = len(words) - words.rfind("][") if words.endswith("]") and "][" in words else 1
        edits.replace(end - len(words[-tail:].encode()), end, target)


@dataclass(slots=True)
class _Link:
    """A link or an image whose end has not come yet."""

    start: int
    url: str
    kind: object
    image: bool
    last: int = 0  # where its last child ends
    text: str = ""


class _Harmless:
    """One pass over a text that edits its HTML, links, images and deepest headings."""

    def __init__(self, markdown: str, *, links: bool, line_break: str) -> None:
        self._edits = Edits(markdown)
        self._links = links
        self._break = line_break
        self._open: list[_Link] = []
        self.html = False

    def text(self) -> str:
        for kind, told, start, end in self._edits.events():
            match kind:
                case "Link" | "Image":
                    self._open.append(_Link(start, told["dest_url"], told["link_type"], image=kind == "Image"))
                    continue
                case "End" if told == "Link" or told == "Image":  # noqa: PLR1714  # others are no strings
                    self._close(self._open.pop(), end)
                case "Text" | "Code":
                    for link in self._open:
                        link.text += told
                case "InlineHtml" | "Html":
                    self._show(told, start, end)
                case "Heading":
                    self._raise(start, int(told["level"][1]))
                case _:
                    pass
            for link in self._open:
                link.last = end
        return self._edits.applied()

    def _show(self, html: str, start: int, end: int) -> None:
        self.html = True
        self._edits.replace(start, end, self._break if BREAK.fullmatch(html) else literal(html.lstrip(" \t")))

    def _raise(self, start: int, level: int) -> None:
        """The library sets headings of the two lowest levels in italics; ours are all bold."""
        if level > 4 and self._edits.source.startswith(b"#" * level, start):  # noqa: PLR2004
            self._edits.replace(start, start + level - 4, "")

    def _close(self, link: _Link, end: int) -> None:
        if link.kind in {"Autolink", "Email"}:
            if link.kind == "Email" or not self._links or not may_link(link.url):
                self._edits.replace(link.start, end, literal(shown(link.url)))
            return
        inner = link.start + (2 if link.image else 1)
        outer = self._edits.source.find(b"]", max(link.last, inner), end)
        if not link.text.strip():
            self._edits.replace(link.start, end, literal(shown(link.url)))
        elif link.image and self._open:  # within a link, which cannot hold another
            self._edits.replace(link.start, inner, "")
            self._edits.replace(outer, end, "")
        elif link.url != _NOWHERE:
            self._edits.replace(link.start, inner, "[")
            if not self._links or not may_link(link.url) or disguises(link.text, link.url):
                self._edits.replace(outer, end, f"]({_NOWHERE}){self._address(link)}")

    @staticmethod
    def _address(link: _Link) -> str:
        printed = shown(link.url)
        return "" if not printed or link.text in {printed, link.url} else f" ({literal(printed)})"
