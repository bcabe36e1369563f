"""The tree of a rich message as Telegram's rich HTML, and the wall that HTML has to pass on its way out.

The wall reads what was written as a stranger would, and trusts nothing of how it came about: only the tags and
attributes listed here leave us, each element closed in order and each address one that may be followed. So no text of a
model, or of a page it quotes, makes a button, a picture that Telegram would fetch, or a form.
"""

import re
from html import escape
from html.parser import HTMLParser
from typing import Final

from bots.telegram.addresses import may_link
from bots.telegram.document import Node
from core.values import value

MOST_BYTES: Final = 32_768
MOST_BLOCKS: Final = 500
MOST_NESTED: Final = 16
MOST_COLUMNS: Final = 20
"""The published limits (https://core.telegram.org/bots/api#rich-message-limits). The first is said to count characters,
and seen to count bytes on some servers."""

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


def written(node: Node) -> str:
    """Write a tree as HTML; text stays text, whatever it says."""
    return "".join(_child(child) for child in node.children)


def _child(child: Node | str) -> str:
    if isinstance(child, str):
        return escape(child, quote=False)
    if child.tag == "pre" and (language := child.attributes.get("language")):
        return f'<pre><code class="language-{escape(language)}">{written(child)}</code></pre>'
    attributes = "".join(f' {name}="{escape(text)}"' if text else f" {name}" for name, text in child.attributes.items())
    if child.tag in _VOID:
        return f"<{child.tag}/>"
    return f"<{child.tag}{attributes}>{written(child)}</{child.tag}>"


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
