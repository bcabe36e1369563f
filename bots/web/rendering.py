"""Markdown as HTML that can do no harm: what a model says, block by block.

Two walls stand between a model and the page. What is read of a text knows no HTML but a few tags, follows only plain
addresses and loads no image; and what is made of it is cut down to a list of harmless elements all the same, so that a
mistake in the first wall, or in the library for formulas, changes nothing. What a page looks like is the style sheet's
affair.
"""

import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final
from urllib.parse import unquote, urlsplit

import nh3

from bots.web.code import highlighted
from bots.web.formulas import formula
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
    parse,
    words,
)
from core.text.links import deceptive, misleads, shortened

_SCHEMES: Final = frozenset({"http", "https", "mailto"})
_LONGEST_ADDRESS: Final = 2048
_FOLDED: Final = "…"
_STYLES: Final[dict[Style, tuple[str, str]]] = {
    "bold": ("<strong>", "</strong>"),
    "italic": ("<em>", "</em>"),
    "strike": ("<s>", "</s>"),
    "spoiler": ('<span class="spoiler" tabindex="0">', "</span>"),
    "underline": ("<u>", "</u>"),
    "raised": ("<sup>", "</sup>"),
    "lowered": ("<sub>", "</sub>"),
}

_HTML: Final = {
    "a": {"href", "title", "target"},
    "blockquote": set(),
    "br": set(),
    "button": {"class", "type"},
    "code": set(),
    "details": {"open"},
    "div": {"class", "tabindex"},
    "em": set(),
    "figcaption": set(),
    "figure": {"class"},
    "h2": set(),
    "h3": set(),
    "h4": set(),
    "h5": set(),
    "h6": set(),
    "hr": set(),
    "input": {"class", "type", "checked", "disabled"},
    "li": {"class"},
    "ol": {"start", "class"},
    "p": set(),
    "pre": {"tabindex"},
    "s": set(),
    "span": {"class", "tabindex"},
    "strong": set(),
    "sub": set(),
    "summary": set(),
    "sup": set(),
    "table": set(),
    "tbody": set(),
    "td": {"class"},
    "th": {"class"},
    "thead": set(),
    "tr": set(),
    "u": set(),
    "ul": {"class"},
}
_MATHML: Final = {
    **{tag: set() for tag in ("merror", "mmultiscripts", "mphantom", "mprescripts", "msub", "msubsup", "msup", "mtr")},
    **{tag: {"mathvariant", "mathcolor"} for tag in ("mi", "mn", "mroot", "mrow", "ms", "msqrt", "mtext")},
    "math": {"display"},
    "menclose": {"notation"},
    "mfrac": {"displaystyle", "linethickness"},
    "mo": {"fence", "form", "lspace", "mathcolor", "maxsize", "minsize", "movablelimits", "rspace", "stretchy"},
    "mover": {"accent"},
    "mpadded": {"depth", "height", "lspace", "voffset", "width"},
    "mspace": {"depth", "height", "width"},
    "mstyle": {"displaystyle", "mathcolor", "scriptlevel"},
    "mtable": {"displaystyle", "scriptlevel"},
    "mtd": {"class"},
    "munder": {"accentunder"},
    "munderover": {"accent", "accentunder"},
}
_wall = nh3.Cleaner(
    tags={*_HTML, *_MATHML},
    attributes={tag: set(names) for tag, names in (_HTML | _MATHML).items() if names},
    clean_content_tags={"script", "style", "template", "iframe", "object", "svg", "title", "textarea", "noscript"},
    link_rel="noopener noreferrer nofollow",
    url_schemes=set(_SCHEMES),
    url_relative="deny",
)


def render(markdown: str) -> list[str]:
    """A text as HTML, one string for each of its blocks."""
    return [html for _, html in blocks(markdown)]


def blocks(markdown: str) -> list[tuple[int, str]]:
    """The blocks of a text: the line each begins at, and its HTML."""
    document = parse(markdown)
    return [
        (line, _wall.clean(_block(block)).strip()) for line, block in zip(document.lines, document.blocks, strict=True)
    ]


def may_follow(url: str) -> bool:
    """Whether a link may lead there: the web and mail, by an address that can be read."""
    if len(url) > _LONGEST_ADDRESS or re.search(r"[\s\\\x00-\x1f]", url):
        return False
    try:
        parts = urlsplit(url)
        named = parts.scheme == "mailto" or ("@" not in parts.netloc and parts.hostname)
    except ValueError:
        return False
    return parts.scheme in _SCHEMES and bool(named)


def _all(blocks: Iterable[Block]) -> str:
    return "".join(map(_block, blocks))


def _block(block: Block) -> str:
    match block:
        case Paragraph():
            return f"<p>{_line(block.children)}</p>"
        case Heading():
            level = min(6, block.level + 1)  # one lower: the first belongs to the page
            return f"<h{level}>{_line(block.children)}</h{level}>"
        case CodeBlock():
            return _code(block)
        case FormulaBlock():
            return formula(block.latex, block=True)
        case Quotation():
            return f"<blockquote>{_all(block.blocks)}</blockquote>"
        case Listing():
            return _listing(block)
        case Table():
            rows = [_row(row, block.sides, "td" if number else "th") for number, row in enumerate(block.rows)]
            body = f"<tbody>{''.join(rows[1:])}</tbody>" if len(rows) > 1 else ""
            return f'<div class="table" tabindex="0"><table><thead>{rows[0]}</thead>{body}</table></div>'
        case Details():
            opened = " open" if block.opened else ""
            return (
                f"<details{opened}><summary>{_line(block.summary) or _FOLDED}</summary>{_all(block.blocks)}</details>"
            )
        case Rule():
            return "<hr>"


def _code(block: CodeBlock) -> str:
    name = block.language.lower()
    head = f'<span>{escape(name)}</span><button class="copy" type="button">Copy</button>'
    code = highlighted(f"{block.text}\n", name)
    return f'<figure class="code"><figcaption>{head}</figcaption><pre tabindex="0"><code>{code}</code></pre></figure>'


def _listing(listing: Listing) -> str:
    kind = ' class="contains-task-list"' if any(item.done is not None for item in listing.items) else ""
    items = "".join(map(_item, listing.items))
    if listing.start is None:
        return f"<ul{kind}>{items}</ul>"
    start = f' start="{listing.start}"' if listing.start != 1 else ""
    return f"<ol{start}{kind}>{items}</ol>"


def _item(item: Item) -> str:
    inside = [_line(b.children) if isinstance(b, Paragraph) and not item.loose else _block(b) for b in item.blocks]
    if item.done is None:
        return f"<li>{''.join(inside)}</li>"
    box = f'<input type="checkbox" disabled{" checked" if item.done else ""}>'
    return f'<li class="task-list-item">{box}{"".join(inside)}</li>'


def _row(row: Sequence[Sequence[Inline]], sides: Sequence[str], tag: str) -> str:
    """A row; its cells are aligned by a class, since the page allows no style of its own in an element."""
    kinds = [f' class="{side}"' if side in {"center", "right"} else "" for side in sides]
    cells = (f"<{tag}{kind}>{_line(cell)}</{tag}>" for kind, cell in zip(kinds, row, strict=True))
    return f"<tr>{''.join(cells)}</tr>"


def _line(children: Iterable[Inline]) -> str:
    return "".join(map(_span, children))


def _span(span: Inline) -> str:
    match span:
        case Text():
            return escape(span.text, quote=False)
        case Break():
            return "<br>\n"
        case Code():
            return f"<code>{escape(span.text, quote=False)}</code>"
        case Formula():
            return formula(span.latex, block=False)
        case Styled():
            before, after = _STYLES[span.style]
            return f"{before}{_line(span.children)}{after}"
        case Address():
            return _address(span)
        case Link():
            return _image(span) if span.image else _link(span)


def _address(address: Address) -> str:
    host = deceptive(address.url)
    said = escape(address.text, quote=False)
    if may_follow(address.url):
        said = _anchor(address.url, said)
    return f"{said} (→ {escape(host)})" if host else said


def _image(link: Link) -> str:
    """A link with the whole address: loading a picture would tell its server what was asked here."""
    named = words(link.children).strip()
    said = f"{named}: {_printed(link.url)}" if named else _printed(link.url)
    return _anchor(link.url, escape(said, quote=False)) if may_follow(link.url) else escape(said, quote=False)


def _link(link: Link) -> str:
    """A link that opens elsewhere; where its words name another host, they are not to be believed."""
    said, named = _line(link.children), words(link.children)
    if not may_follow(link.url):
        return said + (escape(f" ({_printed(link.url)})", quote=False) if link.url else "")
    anchor = _anchor(link.url, said or escape(_readable(link.url), quote=False), title=_readable(link.url))
    return f"{escape(_printed(link.url), quote=False)} ← {anchor}" if misleads(named, link.url) else anchor


def _anchor(url: str, html: str, *, title: str = "") -> str:
    named = f' title="{escape(title)}"' if title else ""
    return f'<a href="{escape(url)}"{named} target="_blank">{html}</a>'


def _printed(url: str) -> str:
    """An address as a person reads it, and where it leads if it reads like another."""
    host = deceptive(url)
    return f"{_readable(shortened(url))} → {host}" if host else _readable(shortened(url))


def _readable(address: str) -> str:
    """An address as a person reads it; what would change the order of reading, or hide, stays encoded."""
    decoded = unquote(address)
    return decoded if decoded.isprintable() and " " not in decoded else address
