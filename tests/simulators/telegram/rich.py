"""The published rules for rich messages: one source, its size, and HTML that is well formed.

See https://core.telegram.org/bots/api#inputrichmessage. Which tags the platform knows is taken from the
block and text types of the Bot API 10.1, each of which names its tag.
"""

from __future__ import annotations

from html.parser import HTMLParser

from .calls import Json

MAX_RICH_CHARS = 32_768
MAX_BLOCKS = 500
MAX_NESTING = 16
MAX_COLUMNS = 20
_VOID = frozenset({"br", "hr", "img", "input", "tg-map", "col", "source"})
_TAGS = frozenset(
    [
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "pre",
        "code",
        "footer",
        "hr",
        "ul",
        "ol",
        "li",
        "blockquote",
        "aside",
        "cite",
        "details",
        "summary",
        "table",
        "caption",
        "thead",
        "tbody",
        "tfoot",
        "tr",
        "th",
        "td",
        "b",
        "strong",
        "i",
        "em",
        "u",
        "ins",
        "s",
        "strike",
        "del",
        "span",
        "mark",
        "sub",
        "sup",
        "a",
        "br",
        "img",
        "video",
        "audio",
        "figure",
        "figcaption",
        "input",
        "tg-math",
        "tg-math-block",
        "tg-spoiler",
        "tg-emoji",
        "tg-time",
        "tg-collage",
        "tg-slideshow",
        "tg-map",
        "tg-reference",
        "tg-thinking",
        "tg-button",
        "div",
        "source",
    ]
)
_BLOCKS = frozenset(
    [
        "p",
        "h1",
        "h2",
        "h3",
        "h4",
        "h5",
        "h6",
        "pre",
        "footer",
        "hr",
        "ul",
        "ol",
        "li",
        "blockquote",
        "aside",
        "details",
        "table",
        "tr",
        "figure",
        "tg-math-block",
        "tg-map",
        "tg-collage",
        "tg-slideshow",
    ]
)


def check_rich(rich: Json, *, draft: bool) -> str:
    """Return why this InputRichMessage would be refused, or an empty string."""
    given = [name for name in ("html", "markdown", "blocks") if rich.get(name)]
    if len(given) != 1:
        return "exactly one of the fields html, markdown or blocks must be specified"
    source = rich[given[0]]
    if given[0] == "blocks":
        return "" if len(source) <= MAX_BLOCKS else "rich message has too many blocks"
    if len(str(source)) > MAX_RICH_CHARS:
        return "rich message is too long"
    if given[0] == "html":
        return _HtmlCheck(draft=draft).run(str(source))
    return ""


class _HtmlCheck(HTMLParser):
    """Walks rich HTML and notes the first thing that is wrong with it."""

    def __init__(self, *, draft: bool) -> None:
        super().__init__(convert_charrefs=True)
        self._draft = draft
        self._open: list[str] = []
        self._blocks = 0
        self._columns = 0
        self._reason = ""

    def run(self, source: str) -> str:
        self.feed(source)
        self.close()
        if self._open:
            self._note(f'can\'t find end tag corresponding to start tag "{self._open[-1]}"')
        if self._blocks > MAX_BLOCKS:
            self._note("rich message has too many blocks")
        return f"can't parse rich message: {self._reason}" if self._reason else ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self._note(f'unsupported start tag "{tag}"')
        if tag == "tg-thinking" and not self._draft:
            self._note("thinking blocks are allowed only in drafts")
        self._count(tag)
        if tag not in _VOID:
            self._open.append(tag)
            if len(self._open) > 2 * MAX_NESTING:
                self._note("blocks are nested too deeply")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in _TAGS:
            self._note(f'unsupported start tag "{tag}"')
        self._count(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in _VOID:
            return
        if not self._open or self._open[-1] != tag:
            expected = f', expected "</{self._open[-1]}>"' if self._open else ""
            self._note(f'unmatched end tag "</{tag}>"{expected}')
            return
        self._open.pop()

    def _count(self, tag: str) -> None:
        self._blocks += tag in _BLOCKS
        if tag == "tr":
            self._columns = 0
        if tag in ("td", "th"):
            self._columns += 1
            if self._columns > MAX_COLUMNS:
                self._note("table has too many columns")

    def _note(self, reason: str) -> None:
        self._reason = self._reason or reason
