"""Markdown as a document: blocks, and what stands within their lines, read once and alike for every platform.

pyromark (pulldown-cmark) parses; ``core.text.source`` holds back from it what is no markup. HTML that a text brings is
text, but for a few harmless tags; an image is a link to it; a bare address is one. A text of any kind makes a document,
also one that breaks off; its size is linear in the text's and its nesting bounded, so that whoever walks it may recur.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import pyromark

from core.text.links import addresses
from core.text.references import OPTIONS, resolved
from core.text.source import ESCAPED_BAR, FORMULA, SPOILER, TAG, held, released, released_words
from core.values import value

MAX_DEPTH: Final = 24
"""Nodes within nodes; what is deeper stands in the last of them."""

Style = Literal["bold", "italic", "strike", "spoiler", "underline", "raised", "lowered"]
Side = Literal["", "left", "center", "right"]


# ---------------------------------------------------------------------------------------------------------------------
# What stands within a line


@value
class Text:
    """Words, which mean nothing but themselves."""

    text: str


@value
class Address:
    """A bare address: its words are where it leads, but for the scheme they may leave out."""

    text: str
    url: str


@value
class Code:
    """Words of a program, on one line."""

    text: str


@value
class Formula:
    """Mathematics in LaTeX."""

    latex: str


@value
class Break:
    """The end of a line."""


@value
class Styled:
    """Words in a style."""

    style: Style
    children: "tuple[Inline, ...]"


@value
class Link:
    """Words that lead somewhere, wherever that is: whether it may be followed is the platform's affair.

    Attributes:
        image: They stand for a picture there, which nobody loads.
    """

    url: str
    children: "tuple[Inline, ...]"
    image: bool = False


Inline = Text | Address | Code | Formula | Break | Styled | Link


# ---------------------------------------------------------------------------------------------------------------------
# Blocks


@value
class Paragraph:
    """Lines of text."""

    children: tuple[Inline, ...]


@value
class Heading:
    """A title, of level 1 to 6."""

    level: int
    children: tuple[Inline, ...]


@value
class CodeBlock:
    """Lines of a program, without the last newline; the language is "" where none is named."""

    text: str
    language: str = ""


@value
class FormulaBlock:
    """Mathematics in LaTeX, on lines of its own."""

    latex: str


@value
class Quotation:
    """Blocks that somebody else said."""

    blocks: "tuple[Block, ...]"


@value
class Item:
    """One of a list.

    Attributes:
        done: Of a task, whether it is; None for an item that is none.
        loose: Its paragraphs are set apart.
    """

    blocks: "tuple[Block, ...]"
    done: bool | None = None
    loose: bool = False


@value
class Listing:
    """A list, numbered from ``start`` on, or with bullets."""

    items: tuple[Item, ...]
    start: int | None = None


@value
class Table:
    """A table: its rows, the first of which is its header, each with a cell for each side."""

    sides: tuple[Side, ...]
    rows: tuple[tuple[tuple[Inline, ...], ...], ...]


@value
class Rule:
    """A line across the page."""


@value
class Details:
    """Blocks that are folded away below a summary; without one it is empty."""

    summary: tuple[Inline, ...]
    blocks: "tuple[Block, ...]"
    opened: bool = False


Block = Paragraph | Heading | CodeBlock | FormulaBlock | Quotation | Listing | Table | Rule | Details


@value
class Document:
    """A text.

    Attributes:
        blocks: In order.
        lines: The line of the source that each of them begins at, from 0.
    """

    blocks: tuple[Block, ...]
    lines: tuple[int, ...]


def parse(markdown: str) -> Document:
    """Read a text of any kind."""
    found = _Reader(held(resolved(markdown))).read()
    return Document(blocks=tuple(block for block, _ in found), lines=tuple(line for _, line in found))


def words(children: Iterable[Inline]) -> str:
    """What of a line is read, without any marks."""
    return "".join(_words(children))


def _words(children: Iterable[Inline]) -> Iterator[str]:
    for child in children:
        match child:
            case Text() | Address() | Code():
                yield child.text
            case Formula():
                yield child.latex
            case Break():
                yield "\n"
            case Styled() | Link():
                yield from _words(child.children)


def walk(blocks: Iterable[Block]) -> "Iterator[Block | Inline]":
    """Everything in these blocks, whole before part."""
    for block in blocks:
        yield block
        match block:
            case Paragraph() | Heading():
                yield from _inside(block.children)
            case Quotation():
                yield from walk(block.blocks)
            case Details():
                yield from _inside(block.summary)
                yield from walk(block.blocks)
            case Listing():
                for item in block.items:
                    yield from walk(item.blocks)
            case Table():
                for row in block.rows:
                    for cell in row:
                        yield from _inside(cell)
            case _:
                pass


def _inside(children: Iterable[Inline]) -> Iterator[Inline]:
    for child in children:
        yield child
        if isinstance(child, Styled | Link):
            yield from _inside(child.children)


# ---------------------------------------------------------------------------------------------------------------------
# Reading


@value
class _Fold:
    """A tag of a part that is folded away, until it is known what it folds."""

    tag: str
    html: str


_Piece = Inline | FormulaBlock | _Fold
"""What a paragraph may hold before it is parted into blocks."""
_Part = Block | _Fold

_STYLES: Final[dict[str, Style]] = {"Strong": "bold", "Emphasis": "italic", "Strikethrough": "strike"}
_TAGS: Final[dict[str, Style]] = {"sub": "lowered", "sup": "raised", "u": "underline"}
_KNOWN: Final = re.compile(
    rf"{TAG}(?:(?P<break>br[ ]?/?)|(?P<close>/?)(?P<style>sub|sup|u)|(?P<fold>/?details|details open|/?summary))>",
    re.IGNORECASE,
)
_DEEPER: Final = frozenset({"BlockQuote", "List", "Table", "Link", "Image", *_STYLES})
"""What may stand within itself."""
_PARTS: Final = frozenset({"Item", "TableHead", "TableRow", "TableCell"})
_PARTED: Final = frozenset({"", "Paragraph", "Item", "BlockQuote"})
"""What holds lines that may be parted into blocks."""
_BLANK: Final = re.compile(r"[ \t\n]")
_LANGUAGE: Final = re.compile(r"[\w+#.-]{1,32}")
_SIDES: Final[dict[str, Side]] = {"Left": "left", "Center": "center", "Right": "right"}
_MAX_FOLDS: Final = 8


@dataclass(slots=True)
class _Frame:
    """What has begun and not ended.

    Attributes:
        kind: The parser's name of it; for a tag that the text brought, the style it has.
        told: What the parser tells of it.
        line: The line of the source it begins at, if it is in nothing else.
        pieces: What it holds within lines.
        parts: What it holds of blocks, with the lines they begin at.
        rows: What it holds of a list's items, of a table's rows, or of a row's cells.
        text: What it holds of code.
    """

    kind: str
    told: Any = None
    line: int = 0
    brought: bool = False
    done: bool | None = None
    loose: bool = False
    pieces: list[_Piece] = field(default_factory=list)
    parts: list[tuple[_Part, int]] = field(default_factory=list)
    rows: list[Any] = field(default_factory=list)
    text: list[str] = field(default_factory=list)


class _Reader:
    """Builds a document as the parser tells what it finds."""

    def __init__(self, source: str) -> None:
        self._source = source
        self._bytes = source.encode()
        self._frames = [_Frame("")]
        self._kept: list[bool] = []  # of all that the parser has begun, whether there is a frame for it
        self._links = 0
        self._line = self._at = 0

    def read(self) -> list[tuple[Block, int]]:
        """The blocks, with the lines they begin at."""
        for event, place in pyromark.events_with_range(self._source, options=OPTIONS, merge_text=True):
            if not self._kept:
                self._line += self._bytes.count(b"\n", self._at, place["start"])
                self._at = place["start"]
            if isinstance(event, str):
                self._mark(event)
                continue
            kind, told = next(iter(event.items()))
            if kind == "Start":
                name, more = next(iter(told.items())) if isinstance(told, dict) else (str(told), None)
                self._start(str(name), more)
            elif kind == "End":
                self._end()
            else:
                self._take(kind, told)
        return _folded(_gathered(self._frames[0]))

    @property
    def _top(self) -> _Frame:
        return self._frames[-1]

    # --- what the parser tells ---

    def _mark(self, kind: str) -> None:
        top = self._top
        if kind == "Rule":
            _gather(top)
            top.parts.append((Rule(), self._line))
        elif top.kind == "CodeBlock":
            top.text.append("\n")
        else:
            top.pieces.append(Break())

    def _start(self, name: str, more: Any) -> None:  # noqa: ANN401 - the parser's
        deep = name in _DEEPER and len(self._kept) >= MAX_DEPTH
        part = name in _PARTS and not self._kept[-1]
        self._kept.append(not (deep or part))
        if not self._kept[-1]:
            return
        if name not in _STYLES and name not in {"Link", "Image"}:
            self._close_brought()
        self._links += name == "Link"
        self._frames.append(_Frame(name, more, line=self._line))

    def _take(self, kind: str, told: Any) -> None:  # noqa: ANN401 - the parser's
        top = self._top
        match kind:
            case "Text" | "Html" | "InlineHtml":
                if top.kind in {"CodeBlock", "HtmlBlock"}:
                    top.text.append(told)
                else:
                    self._read_text(told)
            case "Code":
                top.pieces.append(
                    Code(text=released(told.replace(ESCAPED_BAR, "|") if top.kind == "TableCell" else told))
                )
            case "InlineMath":
                top.pieces.append(Formula(latex=_latex(told)))
            case "DisplayMath":
                block = top.kind in _PARTED
                top.pieces.append(FormulaBlock(latex=_latex(told)) if block else Formula(latex=_latex(told)))
            case "TaskListMarker":
                item = next((frame for frame in reversed(self._frames) if frame.kind == "Item"), top)
                item.done = bool(told)
            case _:
                pass

    def _end(self) -> None:
        if not self._kept.pop():
            return
        self._close_brought()
        frame = self._frames.pop()
        top = self._top
        match frame.kind:
            case "Strong" | "Emphasis" | "Strikethrough":
                if frame.pieces:
                    top.pieces.append(Styled(style=_STYLES[frame.kind], children=_line(frame.pieces)))
            case "Link" | "Image":
                self._end_link(frame)
            case "TableCell":
                top.rows.append(_line(frame.pieces))
            case "TableHead" | "TableRow":
                top.rows.append(tuple(frame.rows))
            case "Item":
                parts = _folded(_gathered(frame))
                blocks = tuple(block for block, _ in parts)
                top.rows.append(Item(blocks=blocks, done=frame.done, loose=frame.loose))
            case _:
                _gather(top)
                top.loose = top.loose or frame.kind == "Paragraph"
                top.parts += _blocks(frame)

    def _end_link(self, frame: _Frame) -> None:
        self._links -= frame.kind == "Link"
        children = _line(frame.pieces)
        if frame.kind == "Image" and self._links:  # within a link, which can hold no other
            self._top.pieces += children
            return
        url = _BLANK.sub("%20", released(frame.told["dest_url"].replace(ESCAPED_BAR, "|")))
        if frame.told["link_type"] == "Email":
            url = f"mailto:{url}"
        bare = frame.told["link_type"] in {"Autolink", "Email"}
        said = Address(text=words(children), url=url) if bare else None
        self._top.pieces.append(said or Link(url=url, children=children, image=frame.kind == "Image"))

    # --- words, and the few tags that mean something ---

    def _read_text(self, told: str) -> None:
        at = 0
        for found in _KNOWN.finditer(told) if TAG in told else ():
            self._say(told[at : found.start()])
            at = found.end()
            self._tag(found)
        self._say(told[at:])

    def _say(self, held_text: str) -> None:
        text, pieces = released_words(held_text), self._top.pieces
        at = 0
        for start, end in addresses(text) if not self._links and ("://" in text or "." in text) else ():
            if start > at:
                pieces.append(Text(text=text[at:start]))
            found = text[start:end].rstrip(SPOILER)  # two bars around it
            address = found.replace(SPOILER, "||")
            pieces.append(Address(text=address, url=address if "://" in address else f"https://{address}"))
            at = start + len(found)
        if at < len(text):
            pieces.append(Text(text=text[at:]))

    def _tag(self, found: re.Match[str]) -> None:
        top, html = self._top, released(found[0])
        style = (found["style"] or "").lower()
        if found["break"]:
            top.pieces.append(Break())
        elif found["fold"] and top.kind in _PARTED:
            top.pieces.append(_Fold(tag=found["fold"].lower(), html=html))
        elif found["close"] and top.brought and top.kind == style:
            self._close(top)
        elif style and not found["close"] and len(self._frames) < MAX_DEPTH:
            self._frames.append(_Frame(style, brought=True))
        else:
            top.pieces.append(Text(text=html))

    def _close_brought(self) -> None:
        """What a tag has left open ends where the Markdown around it does."""
        while self._top.brought:
            self._close(self._top)

    def _close(self, frame: _Frame) -> None:
        self._frames.pop()
        if frame.pieces:
            self._top.pieces.append(Styled(style=_TAGS[frame.kind], children=_line(frame.pieces)))


def _latex(told: str) -> str:
    return released(told.strip(f"{FORMULA} \n\t"))


# --- what has ended, as blocks ---


def _blocks(frame: _Frame) -> list[tuple[_Part, int]]:
    made: Block
    match frame.kind:
        case "Paragraph":
            return [(part, frame.line) for part in _parted(frame.pieces)]
        case "Heading":
            made = Heading(level=int(frame.told["level"][1]), children=_line(frame.pieces))
        case "CodeBlock":
            made = CodeBlock(text=released("".join(frame.text)).removesuffix("\n"), language=_language(frame.told))
        case "BlockQuote":
            made = Quotation(blocks=tuple(block for block, _ in _folded(_gathered(frame))))
        case "List":
            made = Listing(items=tuple(frame.rows), start=frame.told)
        case "Table":
            made = Table(sides=tuple(_SIDES.get(side, "") for side in frame.told), rows=tuple(frame.rows))
        case _:  # HTML that was not held back, as lines of text
            lines = released("".join(frame.text)).strip("\n").split("\n")
            pieces = [piece for line in lines for piece in (Text(text=line), Break())]
            made = Paragraph(children=tuple(pieces[:-1]))
    return [(made, frame.line)]


def _language(told: Any) -> str:  # noqa: ANN401 - the parser's
    """The language of a block: the first word after the fence, if it can be the name of one."""
    found = _LANGUAGE.match(released(told["Fenced"]).strip()) if isinstance(told, dict) else None
    return found[0] if found else ""


def _gather(frame: _Frame) -> None:
    """Make a paragraph of the lines that stand in a list's item without one."""
    if frame.pieces:
        frame.parts += [(part, frame.line) for part in _parted(frame.pieces)]
        frame.pieces = []


def _gathered(frame: _Frame) -> list[tuple[_Part, int]]:
    _gather(frame)
    return frame.parts


def _parted(pieces: Sequence[_Piece]) -> list[_Part]:
    """Lines as paragraphs, between formulas and tags that need lines of their own."""
    parts: list[_Part] = []
    lines: list[Inline] = []
    for piece in (*pieces, None):
        if piece is not None and not isinstance(piece, FormulaBlock | _Fold):
            lines.append(piece)
            continue
        while lines and isinstance(lines[-1], Break):
            lines.pop()
        first = next((at for at, one in enumerate(lines) if not isinstance(one, Break)), len(lines))
        if any(isinstance(one, Link) for one in lines[first:]) or words(lines[first:]).strip():
            parts.append(Paragraph(children=_line(lines[first:])))
        lines = []
        if piece is not None:
            parts.append(piece)
    return parts


def _line(pieces: Sequence[_Piece]) -> tuple[Inline, ...]:
    """What stands within lines, with its spoilers; what cannot stand there as text."""
    if any(isinstance(piece, FormulaBlock | _Fold) for piece in pieces):
        pieces = [_within(piece) for piece in pieces]
    children = tuple(piece for piece in pieces if not isinstance(piece, FormulaBlock | _Fold))
    if any(isinstance(child, Text) and SPOILER in child.text for child in children):
        return _with_spoilers(children)
    return children


def _within(piece: _Piece) -> Inline:
    match piece:
        case FormulaBlock():
            return Formula(latex=piece.latex)
        case _Fold():
            return Text(text=piece.html)
        case _:
            return piece


def _with_spoilers(children: Sequence[Inline]) -> tuple[Inline, ...]:
    """Put what stands in one line between two bars and two bars, without blanks at its ends, into spoilers."""
    out: list[Inline] = []
    opened: int | None = None
    for child in children:
        if isinstance(child, Break):
            opened = None
        if not (isinstance(child, Text) and SPOILER in child.text):
            out.append(child)
            continue
        first, *others = child.text.split(SPOILER)
        _append(out, first)
        for other in others:
            if opened is not None and len(out) > opened + 1 and not _ends_blank(out[-1]):
                out[opened:] = [Styled(style="spoiler", children=tuple(out[opened + 1 :]))]
                opened = None
            else:
                opened = None if other[:1].isspace() or other[:1] == "|" else len(out)
                out.append(Text(text="||"))
            _append(out, other)
    return tuple(out)


def _append(out: list[Inline], text: str) -> None:
    if text:
        out.append(Text(text=text))


def _ends_blank(child: Inline) -> bool:
    return isinstance(child, Text) and child.text[-1:].isspace()


# --- parts that are folded away ---


@dataclass(slots=True)
class _Folding:
    """Details whose end has not come."""

    line: int
    opened: bool = False
    summary: tuple[Inline, ...] = ()
    blocks: list[tuple[Block, int]] = field(default_factory=list)


def _folded(parts: Sequence[tuple[_Part, int]]) -> list[tuple[Block, int]]:
    """Fold away what HTML folds away. What is not closed, perhaps since it goes on on the next page, ends here."""
    open_: list[_Folding] = [_Folding(0)]
    at = 0
    while at < len(parts):
        part, line = parts[at]
        at += 1
        top = open_[-1]
        if not isinstance(part, _Fold):
            top.blocks.append((part, line))
        elif part.tag.startswith("details") and len(open_) <= _MAX_FOLDS:
            open_.append(_Folding(line, opened="open" in part.tag))
        elif part.tag == "/details" and len(open_) > 1:
            _fold(open_)
        elif part.tag == "summary" and len(open_) > 1 and not top.blocks and (said := _summary(parts[at : at + 2])):
            top.summary = said
            at += 2
        else:
            top.blocks.append((Paragraph(children=(Text(text=part.html),)), line))
    while len(open_) > 1:
        _fold(open_)
    return open_[0].blocks


def _fold(open_: list[_Folding]) -> None:
    ended = open_.pop()
    blocks = tuple(block for block, _ in ended.blocks)
    made = Details(summary=ended.summary, blocks=blocks, opened=ended.opened)
    open_[-1].blocks.append((made, ended.line))


def _summary(following: Sequence[tuple[_Part, int]]) -> tuple[Inline, ...]:
    match following:
        case [(Paragraph(children=said), _), (_Fold(tag="/summary"), _)]:
            return said
        case _:
            return ()
