"""A document as Telegram's rich HTML, and the wall that HTML has to pass on its way out.

The wall reads what was written as a stranger would, and trusts nothing of how it came about: only the tags and
attributes listed here leave us, each element closed in order and each address one that may be followed. So no text of a
model, or of a page it quotes, makes a button, a picture that Telegram would fetch, or a form.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from html.parser import HTMLParser
from typing import Final

from bots.telegram.addresses import may_link, shown
from core.text.document import (
    Address,
    Block,
    Break,
    Code,
    CodeBlock,
    Details,
    Formula,
    FormulaBlock,
    Heading,
    Inline,
    Item,
    Link,
    Listing,
    Paragraph,
    Quotation,
    Rule,
    Style,
    Styled,
    Table,
    Text,
    words,
)
from core.text.links import deceptive, misleads
from core.values import value

MOST_BYTES: Final = 32_768
MOST_BLOCKS: Final = 500
MOST_NESTED: Final = 16
MOST_COLUMNS: Final = 20
"""The published limits (https://core.telegram.org/bots/api#rich-message-limits). The first is said to count characters,
and seen to count bytes on some servers."""

_FOLDED: Final = "…"
_STYLES: Final[dict[Style, str]] = {
    "bold": "b",
    "italic": "i",
    "strike": "s",
    "spoiler": "tg-spoiler",
    "underline": "u",
    "raised": "sup",
    "lowered": "sub",
}
_VOID: Final = frozenset({"br", "hr"})
_ANY: Final = re.compile("")
_ATTRIBUTES: Final = {
    "ol": {"start": re.compile(r"\d{1,9}")},
    "th": {"align": re.compile("left|center|right")},
    "td": {"align": re.compile("left|center|right")},
    "table": {"bordered": _ANY},
    "details": {"open": _ANY},
    "code": {"class": re.compile(r"language-[\w+#.-]{1,32}")},
    "a": {"href": re.compile(r"(?s:.+)")},
}
_TEXT: Final = frozenset({"b", "i", "u", "s", "sub", "sup", "code", "a", "tg-spoiler", "tg-math", "br"})
_BLOCKS: Final = frozenset({"p", "h1", "h2", "h3", "h4", "h5", "h6", "pre", "blockquote", "ul", "ol", "table", "hr"})
_PARTS: Final = frozenset({"li", "tr", "th", "td", "summary"})
_ALLOWED: Final = _TEXT | _BLOCKS | _PARTS | {"details", "tg-math-block"}
_COUNTED: Final = {**dict.fromkeys(_BLOCKS | {"details", "tg-math-block", "tr"}, 1), "li": 2}
"""How many blocks an element makes. A list's item counts, and so does the paragraph in it."""


class NotAllowed(ValueError):
    """What was written must not leave us."""


@value
class Size:
    """How large a rich message is, in the units of its limits."""

    utf8_bytes: int
    blocks: int
    nested: int
    columns: int

    @property
    def allowed(self) -> bool:
        """Whether Telegram takes it."""
        return (
            self.utf8_bytes <= MOST_BYTES
            and self.blocks <= MOST_BLOCKS
            and self.nested <= MOST_NESTED
            and self.columns <= MOST_COLUMNS
        )


def written(blocks: Iterable[Block]) -> str:
    """Write blocks as rich HTML (https://core.telegram.org/bots/api#rich-html); text stays text, whatever it says."""
    return "".join(map(_block, blocks))


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            return f"<p>{_line(block.children)}</p>"
        case Heading():
            return f"<h{block.level}>{_line(block.children)}</h{block.level}>"
        case CodeBlock():
            code = escape(block.text, quote=False)
            named = f'<code class="language-{escape(block.language)}">{code}</code>' if block.language else code
            return f"<pre>{named}</pre>"
        case FormulaBlock():
            return f"<tg-math-block>{escape(block.latex, quote=False)}</tg-math-block>"
        case Quotation():
            return f"<blockquote>{written(block.blocks)}</blockquote>"
        case Listing():
            items = "".join(map(_item, block.items))
            return f"<ul>{items}</ul>" if block.start is None else f'<ol start="{block.start}">{items}</ol>'
        case Table():
            rows = "".join(_row(row, block.sides, "td" if number else "th") for number, row in enumerate(block.rows))
            return f"<table bordered>{rows}</table>"
        case Details():
            summary = _line(block.summary) or _FOLDED
            opened = " open" if block.opened else ""
            return f"<details{opened}><summary>{summary}</summary>{written(block.blocks)}</details>"
        case Rule():
            return "<hr/>"


def _item(item: Item) -> str:
    task = "" if item.done is None else "☑ " if item.done else "☐ "
    inside = [_line(b.children) if isinstance(b, Paragraph) and not item.loose else _block(b) for b in item.blocks]
    return f"<li>{task}{''.join(inside)}</li>"


def _row(row: Sequence[Sequence[Inline]], sides: Sequence[str], tag: str) -> str:
    aligned = [f' align="{side}"' if side else "" for side in sides]
    cells = (f"<{tag}{side}>{_line(cell)}</{tag}>" for side, cell in zip(aligned, row, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _line(children: Iterable[Inline]) -> str:
    return "".join(map(_span, children))


def _span(span: Inline) -> str:
    match span:
        case Text():
            return escape(span.text, quote=False)
        case Break():
            return "<br/>"
        case Code():
            return f"<code>{escape(span.text, quote=False)}</code>"
        case Formula():
            return f"<tg-math>{escape(span.latex, quote=False)}</tg-math>"
        case Styled():
            tag = _STYLES[span.style]
            return f"<{tag}>{_line(span.children)}</{tag}>"
        case Address():
            host = deceptive(span.url)
            if host or not may_link(span.url):
                return escape(f"{span.text} (→ {host})" if host else span.text, quote=False)
            return f'<a href="{escape(span.url)}">{escape(span.text, quote=False)}</a>'
        case Link():
            return _link(span)


def _link(link: Link) -> str:
    """A link, or its words and its address where the words must not hide it. An image is a link to it."""
    said = words(link.children)
    if not said.strip():
        return escape(shown(link.url), quote=False)
    if may_link(link.url) and not misleads(said, link.url):
        return f'<a href="{escape(link.url)}">{_line(link.children)}</a>'
    address, host = shown(link.url), deceptive(link.url)
    if not address or said in {address, link.url}:
        return _line(link.children)
    return _line(link.children) + escape(f" ({address} → {host})" if host else f" ({address})", quote=False)


def inspected(html: str) -> Size:
    """Let HTML through the wall, and measure it.

    Raises:
        NotAllowed: Something in it must not leave us.
    """
    return _Wall().inspect(html)


class _Wall(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._open: list[str] = []
        self._blocks = self._nested = self._columns = self._row = 0

    def inspect(self, html: str) -> Size:
        self.feed(html)
        self.close()
        if self._open:
            raise NotAllowed(f"<{self._open[-1]}> is not closed")
        return Size(utf8_bytes=len(html.encode()), blocks=self._blocks, nested=self._nested, columns=self._columns)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _ALLOWED:
            raise NotAllowed(f"<{tag}> is not a tag of ours")
        for name, text in attrs:
            self._check(tag, name, text or "")
        self._blocks += _COUNTED.get(tag, 0)
        self._row = 0 if tag == "tr" else self._row + (tag in {"td", "th"})
        self._columns = max(self._columns, self._row)
        if tag not in _VOID:
            self._open.append(tag)
            self._nested = max(self._nested, len(self._open))

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self._open or self._open.pop() != tag:
            raise NotAllowed(f"</{tag}> closes nothing")

    def handle_comment(self, data: str) -> None:
        raise NotAllowed(f"a comment: {data}")

    def handle_decl(self, decl: str) -> None:
        raise NotAllowed(f"a declaration: {decl}")

    def handle_pi(self, data: str) -> None:
        raise NotAllowed(f"an instruction: {data}")

    def unknown_decl(self, data: str) -> None:
        raise NotAllowed(f"a declaration: {data}")

    @staticmethod
    def _check(tag: str, name: str, text: str) -> None:
        rule = _ATTRIBUTES.get(tag, {}).get(name)
        if rule is None or not rule.fullmatch(text):
            raise NotAllowed(f"<{tag} {name}> is not an attribute of ours")
        if tag == "a" and not may_link(text):
            raise NotAllowed("a link that may not be followed")
