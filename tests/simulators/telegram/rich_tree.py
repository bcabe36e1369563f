"""Rich HTML as a tree, and the first thing that is wrong with it.

See https://core.telegram.org/bots/api#inputrichmessage. Which tags the platform knows is taken from the block and text
types of the Bot API 10.1, each of which names its tag.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

MAX_BLOCKS = 500
MAX_NESTING = 16
MAX_COLUMNS = 20
HEADINGS = frozenset({"h1", "h2", "h3", "h4", "h5", "h6"})
LISTS = frozenset({"ul", "ol"})
TABLE_PARTS = frozenset({"caption", "thead", "tbody", "tfoot", "tr", "th", "td"})
MEDIA = frozenset({"img", "video", "audio", "figure", "tg-map", "tg-collage", "tg-slideshow"})
TEXT_BLOCKS = frozenset({"p", "pre", "footer", "hr", "blockquote", "aside", "details", "tg-math-block", "tg-thinking"})
BLOCKS = HEADINGS | LISTS | MEDIA | TEXT_BLOCKS | {"table", "div"}
INLINE = frozenset({"b", "strong", "i", "em", "u", "ins", "s", "strike", "del", "span", "mark", "sub", "sup", "a"})
TELEGRAM_INLINE = frozenset({"tg-math", "tg-spoiler", "tg-emoji", "tg-time", "tg-reference", "tg-button"})
PARTS = frozenset({"li", "code", "br", "cite", "summary", "figcaption", "input", "source"})
_TAGS = BLOCKS | TABLE_PARTS | INLINE | TELEGRAM_INLINE | PARTS
_VOID = frozenset({"br", "hr", "img", "input", "tg-map", "source"})
_COUNTED = (BLOCKS | {"li", "tr"}) - {"div"}


@dataclass(slots=True)
class Node:
    """One element; its children are elements and pieces of text."""

    tag: str
    attributes: dict[str, str] = field(default_factory=dict)
    children: list[Node | str] = field(default_factory=list)

    def elements(self, *tags: str) -> Iterator[Node]:
        """Yield the children that are elements of these tags."""
        for child in self.children:
            if isinstance(child, Node) and child.tag in tags:
                yield child

    def text(self) -> str:
        """Return all text inside, as it stands in the source."""
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)


class TreeBuilder(HTMLParser):
    """Reads rich HTML into `root`; `reason` says what is wrong with it, or is empty."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.root = Node("")
        self.reason = ""
        self._open = [self.root]
        self._blocks = 0

    def read(self, source: str) -> TreeBuilder:
        """Read a whole source."""
        self.feed(source)
        self.close()
        if len(self._open) > 1:
            self._note(f'can\'t find end tag corresponding to start tag "{self._open[-1].tag}"')
        if self._blocks > MAX_BLOCKS:
            self._note("rich message has too many blocks")
        return self

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Open an element."""
        node = self._add(tag, attrs)
        if tag not in _VOID:
            self._open.append(node)
            if sum(open_node.tag in BLOCKS for open_node in self._open) > MAX_NESTING:
                self._note("blocks are nested too deeply")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Add an element that has no inside."""
        self._add(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        """Close an element."""
        if tag in _VOID:
            return
        if len(self._open) == 1 or self._open[-1].tag != tag:
            expected = f', expected "</{self._open[-1].tag}>"' if len(self._open) > 1 else ""
            self._note(f'unmatched end tag "</{tag}>"{expected}')
            return
        closed = self._open.pop()
        if tag == "tr" and len(list(closed.elements("td", "th"))) > MAX_COLUMNS:
            self._note("table has too many columns")

    def handle_data(self, data: str) -> None:
        """Add text."""
        self._open[-1].children.append(data)

    def _add(self, tag: str, attrs: list[tuple[str, str | None]]) -> Node:
        if tag not in _TAGS:
            self._note(f'unsupported start tag "{tag}"')
        self._blocks += tag in _COUNTED
        node = Node(tag, {name: value or "" for name, value in attrs})
        self._open[-1].children.append(node)
        return node

    def _note(self, reason: str) -> None:
        self.reason = self.reason or reason
