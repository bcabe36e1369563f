"""Markdown as the tree of a rich message: elements that Telegram knows, of a handful of kinds, and text.

What tags there are is at https://core.telegram.org/bots/api#rich-html. HTML that a text brings along is text, but for a
few harmless tags; an image is a link to it; an address that must not hide behind words is printed.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

import pyromark

from bots.telegram.addresses import disguises, may_link, shown
from bots.telegram.edits import OPTIONS
from bots.telegram.formulas import is_formula
from bots.telegram.harmless import BREAK

BLOCKS: Final = frozenset({"p", "pre", "blockquote", "ul", "ol", "table", "details", "hr", "tg-math-block"}) | {
    f"h{level}" for level in range(1, 7)
}
"""Elements that stand on lines of their own."""

_HOLD_BLOCKS: Final = {"", "li", "blockquote", "details"}

_HTML: Final = "html"
_FOLDED: Final = "…"
_SIMPLE: Final = {
    "Paragraph": "p",
    "Emphasis": "i",
    "Strong": "b",
    "Strikethrough": "s",
    "Item": "li",
    "TableHead": "tr",
    "TableRow": "tr",
    "BlockQuote": "blockquote",
    "HtmlBlock": _HTML,
}
_BROUGHT: Final = re.compile(r"<(/?)(sub|sup|u)>", re.IGNORECASE)
_DETAILS: Final = re.compile(
    r"(?P<open><details(?:\s+open)?\s*>)|(?P<close></details\s*>)|<summary>(?P<summary>.*?)</summary>",
    re.IGNORECASE | re.DOTALL,
)
_LANGUAGE: Final = re.compile(r"[\w+#.-]{1,32}")
_SPOILER: Final = re.compile(r"\|\|(?=\S)(.+?)(?<=\S)\|\|")
_LINE_ENDS: Final = {"SoftBreak", "HardBreak"}


@dataclass(slots=True)
class Node:
    """An element; with an empty tag, a whole document."""

    tag: str = ""
    attributes: dict[str, str] = field(default_factory=dict)
    children: "list[Node | str]" = field(default_factory=list)

    def text(self) -> str:
        """All its words."""
        return "".join(child if isinstance(child, str) else child.text() for child in self.children)

    def elements(self) -> "Iterator[Node]":
        """All elements inside, whole before part."""
        for child in self.children:
            if isinstance(child, Node):
                yield child
                yield from child.elements()


def document(markdown: str) -> Node:
    """Read a text of any kind, also one that breaks off."""
    reader = _Reader()
    for event in pyromark.events(markdown, options=OPTIONS):
        if isinstance(event, str):
            reader.mark(event)
        else:
            kind, told = next(iter(event.items()))
            reader.take(kind, told)
    return _settled(reader.root)


class _Reader:
    """Builds the tree as the parser tells what it finds."""

    def __init__(self) -> None:
        self.root = Node()
        self._open = [self.root]
        self._sides: tuple[str, ...] = ()
        self._heads = False

    def mark(self, kind: str) -> None:
        """Take what has no inside."""
        if kind in _LINE_ENDS:
            self._put("\n" if self._open[-1].tag == "pre" else Node("br"))
        elif kind == "Rule":
            self._put(Node("hr"))

    def take(self, kind: str, told: Any) -> None:  # noqa: ANN401 - the parser's
        match kind:
            case "Start":
                name, more = next(iter(told.items())) if isinstance(told, dict) else (told, None)
                self._start(name, more)
            case "End":
                self._end()
            case "Text":
                self._say(told)
            case "Code":
                self._put(Node("code", children=[told]))
            case "InlineMath" | "DisplayMath":
                self._calculate(told, block=kind == "DisplayMath")
            case "TaskListMarker":
                self._put("☑ " if told else "☐ ")
            case "InlineHtml" | "Html":
                self._bring(told)
            case _:
                pass

    def _put(self, child: Node | str) -> None:
        self._open[-1].children.append(child)

    def _start(self, name: str, more: Any) -> None:  # noqa: ANN401 - the parser's
        node = Node(_SIMPLE.get(name, ""))
        match name:
            case "Heading":
                node.tag = more["level"].lower()
            case "CodeBlock":
                node.tag, node.attributes = "pre", _language(more)
            case "List":
                node.tag, node.attributes = ("ul", {}) if more is None else ("ol", {"start": str(more)})
            case "Table":
                node.tag, node.attributes, self._sides = "table", {"bordered": ""}, more
            case "TableHead" | "TableRow":
                self._heads = name == "TableHead"
            case "TableCell":
                node.tag, node.attributes = self._cell()
            case "Link" | "Image":
                node.tag, node.attributes = name, {"href": more["dest_url"], "kind": str(more["link_type"])}
            case _:
                pass
        self._put(node)
        self._open.append(node)

    def _cell(self) -> tuple[str, dict[str, str]]:
        place = len(self._open[-1].children)
        side = self._sides[place].lower() if place < len(self._sides) else ""
        return "th" if self._heads else "td", {"align": side} if side in {"left", "center", "right"} else {}

    def _end(self) -> None:
        # What HTML has left open ends where the Markdown around it does.
        while self._open[-1].attributes.pop("brought", None) is not None:
            self._open.pop()
        node = self._open.pop()
        if node.tag in {"Link", "Image"}:
            self._open[-1].children[-1:] = _linked(node)
        elif node.tag == "pre":
            node.children = [node.text().removesuffix("\n")]

    def _say(self, text: str) -> None:
        if self._open[-1].tag == "pre" or "||" not in text:
            self._put(text)
            return
        for number, piece in enumerate(_SPOILER.split(text)):
            if piece:
                self._put(Node("tg-spoiler", children=[piece]) if number % 2 else piece)

    def _calculate(self, formula: str, *, block: bool) -> None:
        if is_formula(formula):
            self._put(Node("tg-math-block" if block else "tg-math", children=[formula.strip()]))
        else:
            signs = "$$" if block else "$"
            self._put(f"{signs}{formula}{signs}")

    def _bring(self, html: str) -> None:
        """Take HTML that the text brought along: what is not known to do no harm is shown as it was written."""
        if BREAK.fullmatch(html.strip()):
            self._put(Node("br"))
        elif found := _BROUGHT.fullmatch(html):
            self._style(found[2].lower(), closes=bool(found[1]), html=html)
        else:
            self._put(html)

    def _style(self, tag: str, *, closes: bool, html: str) -> None:
        if not closes:
            node = Node(tag, {"brought": ""})
            self._put(node)
            self._open.append(node)
        elif self._open[-1].tag == tag:
            self._open.pop().attributes.clear()
        else:
            self._put(html)


def _language(kind: Any) -> dict[str, str]:  # noqa: ANN401 - the parser's
    """The language of a block: the first word after the fence, if it can be the name of one."""
    found = _LANGUAGE.match(kind["Fenced"]) if isinstance(kind, dict) else None
    return {"language": found[0]} if found else {}


def _linked(link: Node) -> "list[Node | str]":
    """A link, or its words and its address where the words must not hide it. An image is a link to it."""
    url, text = link.attributes["href"], link.text()
    if link.attributes["kind"] == "Email" or not text.strip():
        return [shown(url)]
    if any(inner.tag == "a" for inner in link.elements()):  # an image within a link
        link.children = [text]
    if may_link(url) and not disguises(text, url):
        return [Node("a", {"href": url}, link.children)]
    printed = shown(url)
    return [*link.children, "" if not printed or text in {printed, url} else f" ({printed})"]


# ---------------------------------------------------------------------------------------------------------------------
# What the parser leaves to be settled: blocks where none can be, details


def _settled(root: Node) -> Node:
    root.children = _with_details(root.children)
    _settle(root)
    return root


def _settle(node: Node) -> None:
    """Take formulas that need a line of their own out of paragraphs; where there are no lines, they go inline."""
    inside: list[Node | str] = []
    for child in node.children:
        match child:
            case Node(tag="p"):
                inside += _apart(child)
            case Node(tag="html"):
                inside += _shown(child.text())
            case _:
                inside.append(child)
    node.children = inside
    for child in inside:
        if isinstance(child, Node):
            _settle(child)
            if child.tag == "tg-math-block" and node.tag not in _HOLD_BLOCKS:
                child.tag = "tg-math"


def _shown(html: str) -> "list[Node | str]":
    """HTML as it was written, line by line."""
    lines: list[Node | str] = []
    for line in html.strip().splitlines():
        lines += [line, Node("br")]
    return [Node("p", children=lines[:-1])] if lines else []


def _apart(paragraph: Node) -> "list[Node | str]":
    out: list[Node | str] = []
    words: list[Node | str] = []

    def end() -> None:
        for place in (0, -1):
            while words and isinstance(edge := words[place], Node) and edge.tag == "br":
                words.pop(place)
        if any(child.strip() if isinstance(child, str) else True for child in words):
            out.append(Node("p", children=[*words]))
        words.clear()

    for child in paragraph.children:
        if isinstance(child, Node) and child.tag == "tg-math-block":
            end()
            out.append(child)
        else:
            words.append(child)
    end()
    return out


def _with_details(children: "list[Node | str]") -> "list[Node | str]":
    """Fold away what HTML folds away. What is not closed, perhaps since it goes on on the next page, ends here."""
    root = Node()
    stack = [root]
    for child in children:
        html = child.text() if isinstance(child, Node) and child.tag == _HTML else ""
        if not _DETAILS.search(html):
            stack[-1].children.append(child)
            continue
        at = 0
        for found in _DETAILS.finditer(html):
            stack[-1].children += _shown(html[at : found.start()])
            at = found.end()
            _fold(stack, found)
        stack[-1].children += _shown(html[at:])
    return root.children


def _fold(stack: list[Node], found: re.Match[str]) -> None:
    top = stack[-1]
    if found["open"]:
        summary = Node("summary", children=[_FOLDED])
        node = Node("details", {"open": ""} if "open" in found["open"][8:].lower() else {}, [summary])
        top.children.append(node)
        stack.append(node)
    elif found["close"] and len(stack) > 1:
        stack.pop()
    elif found["summary"] and len(top.children) == 1 and isinstance(top.children[0], Node) and top.tag == "details":
        top.children[0].children = [found["summary"].strip() or _FOLDED]
    else:
        top.children += _shown(found[0])
