"""Telegram's two Markdown styles: text with marks becomes plain text with entities, or is refused.

MarkdownV2 behaves as the platform's published test vectors say, down to the byte offsets in its errors. See
https://core.telegram.org/bots/api#markdownv2-style.
"""

from __future__ import annotations

from dataclasses import dataclass

from .calls import Json
from .links import link_entity, special_entity
from .markup import MarkupError, Output

_RESERVED = frozenset(b"_*[]()~`>#+-=|{}.!")
_MARKS = {b"*": "bold", b"_": "italic", b"__": "underline", b"~": "strikethrough", b"||": "spoiler", b"`": "code"}
_NAMES = {
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "code": "Code",
    "pre": "Pre",
    "pre_code": "PreCode",
    "link": "TextUrl",
    "special": "CustomEmoji",
    "quote": "BlockQuote",
}
_VERBATIM = ("code", "pre", "pre_code")
_SPACE = b" \t\r\n\x0b\x0c"
_LAST_ESCAPABLE = 126


@dataclass(slots=True)
class _Open:
    """One entity that has begun: where in the source, and where in the output."""

    kind: str
    begin: int
    offset: int
    start: int
    language: str = ""


def parse_markdown_v2(source: str) -> tuple[str, list[Json]]:
    """Return the plain text and its entities.

    Raises:
        MarkupError: With the platform's own words.
    """
    return _V2(source).run()


class _V2:
    def __init__(self, source: str) -> None:
        self._raw = source.encode("utf-8", errors="surrogatepass")
        self._at = 0
        self._out = Output()
        self._open: list[_Open] = []
        self._line_start = True

    def run(self) -> tuple[str, list[Json]]:
        while self._at < len(self._raw):
            self._step()
        if self._in_quote:
            self._end_quote()
        if self._open:
            raise self._unclosed(self._open[-1])
        return self._out.finish()

    @property
    def _in_quote(self) -> bool:
        return any(entity.kind == "quote" for entity in self._open)

    @property
    def _inner(self) -> str:
        return self._open[-1].kind if self._open else ""

    def _next(self, size: int = 1) -> bytes:
        return self._raw[self._at : self._at + size]

    def _step(self) -> None:
        byte = self._raw[self._at]
        following = self._raw[self._at + 1 : self._at + 2]
        if byte == ord("\\") and following and 0 < following[0] <= _LAST_ESCAPABLE:
            self._at += 1
            self._push(1)
        elif self._inner in _VERBATIM and byte != ord("`"):
            self._push(_width(byte))
        elif byte == ord("\n"):
            self._newline()
        elif byte not in _RESERVED:
            self._push(_width(byte))
        elif self._ends():
            self._finish()
        else:
            self._begin()

    def _push(self, size: int) -> None:
        piece = self._next(size)
        self._out.push(piece.decode("utf-8", errors="surrogatepass"))
        self._at += size
        if piece != b"\r":
            self._line_start = piece == b"\n"

    def _newline(self) -> None:
        """Pass a line's end; in a quotation the next line must go on with it or it ends here."""
        quoted = self._in_quote
        self._push(1)
        if not quoted:
            return
        if self._next() == b">":
            self._at += 1
            self._line_start = False
        else:
            self._end_quote()

    def _end_quote(self) -> None:
        kind = "blockquote"
        if self._inner == "spoiler":
            inside = "".join(self._out.parts[self._open[-1].start :])
            below = self._open[-2].kind if len(self._open) > 1 else ""
            if not inside.strip("\r\n") and below == "quote":
                self._open.pop()
                kind = "expandable_blockquote"
        if self._inner != "quote":
            if any(entity.kind == "quote" for entity in self._open):
                raise self._unclosed(self._open[-1])
            return
        self._out.mark(kind, self._open.pop().offset)

    def _mark(self) -> bytes:
        """Return the mark that stands here: one byte, or two for underline and spoiler."""
        two = self._next(2)
        return two if two in (b"__", b"||") else self._next()

    def _ends(self) -> bool:
        """Tell whether the innermost entity ends here."""
        mark, inner = self._mark(), self._inner
        if inner in ("pre", "pre_code"):
            return self._next(3) == b"```"
        if inner in ("link", "special"):
            return mark == b"]"
        return bool(inner) and _MARKS.get(mark) == inner

    def _begin(self) -> None:
        begin, mark = self._at, self._mark()
        kind = _MARKS.get(mark, "")
        language = ""
        if self._next(3) == b"```":
            kind, language = self._fence()
        elif mark == b"[":
            kind, self._at = "link", begin + 1
        elif self._next(2) == b"![":
            kind, self._at = "special", begin + 2
        elif mark == b">" and self._line_start and not self._in_quote:
            kind, self._at = "quote", begin + 1
        elif kind:
            self._at += len(mark)
        else:
            raise MarkupError(f"Character '{chr(mark[0])}' is reserved and must be escaped with the preceding '\\'")
        self._open.append(_Open(kind, begin, self._out.units, len(self._out.parts), language))

    def _fence(self) -> tuple[str, str]:
        """Take a fence with its language and the line's end after it."""
        self._at += 3
        end = self._at
        while end < len(self._raw) and self._raw[end] not in _SPACE + b"`":
            end += 1
        kind, language = "pre", ""
        if self._at != end < len(self._raw) and self._raw[end] != ord("`"):
            kind, language = "pre_code", self._raw[self._at : end].decode(errors="replace")
            self._at = end
        if self._next() in (b"\n", b"\r"):
            self._at += 2 if self._next(2) in (b"\n\r", b"\r\n") else 1
        return kind, language

    def _finish(self) -> None:
        entity = self._open.pop()
        if entity.kind in ("link", "special"):
            self._finish_link(entity)
        elif entity.kind in ("pre", "pre_code"):
            self._at += 3
            more = {"language": entity.language} if entity.language else {}
            self._out.mark("pre", entity.offset, **more)
        else:
            self._at += len(self._mark()) if entity.kind in ("underline", "spoiler") else 1
            self._out.mark(entity.kind, entity.offset)

    def _finish_link(self, entity: _Open) -> None:
        self._at += 1
        url = None
        if self._next() == b"(":
            self._at += 1
            url = self._url()
        if entity.kind == "special":
            if url is None:
                raise MarkupError("The entity must contain a tg://emoji or tg://time URL")
            found: Json | None = special_entity(url)
        else:
            found = link_entity("".join(self._out.parts[entity.start :]) if url is None else url)
        if found is not None:
            self._out.mark(str(found.pop("type")), entity.offset, **found)

    def _url(self) -> str:
        begin = self._at
        url = bytearray()
        while self._at < len(self._raw) and self._next() != b")":
            if self._next() == b"\\" and 0 < (self._raw[self._at + 1 : self._at + 2] or b"\xff")[0] <= _LAST_ESCAPABLE:
                self._at += 1
            url += self._next()
            self._at += 1
        if self._at >= len(self._raw):
            raise MarkupError(f"Can't find end of a URL at byte offset {begin}")
        self._at += 1
        return url.decode("utf-8", errors="replace")

    def _unclosed(self, entity: _Open) -> MarkupError:
        return MarkupError(f"Can't find end of {_NAMES[entity.kind]} entity at byte offset {entity.begin}")


def _width(byte: int) -> int:
    """Return how many bytes the UTF-8 character has that begins with this one."""
    if byte < 0x80:
        return 1
    return 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4


def parse_markdown(source: str) -> tuple[str, list[Json]]:
    """Return the plain text and entities of the legacy style, which knows no nesting.

    See https://core.telegram.org/bots/api#markdown-style.

    Raises:
        MarkupError: When an entity has no end.
    """
    out = Output()
    at = 0
    while at < len(source):
        char = source[at]
        if char == "\\" and source[at + 1 : at + 2] in ("_", "*", "`", "["):
            out.push(source[at + 1])
            at += 2
        elif char in "_*`[":
            at = _legacy_entity(source, at, out)
        else:
            out.push(char)
            at += 1
    return out.finish()


def _legacy_entity(source: str, begin: int, out: Output) -> int:
    """Take one entity of the legacy style and return where it ended."""
    fence = source.startswith("```", begin)
    opening = "```" if fence else source[begin]
    closing = "]" if opening == "[" else opening
    end = source.find(closing, begin + len(opening))
    if end < 0:
        offset = len(source[:begin].encode())
        raise MarkupError(f"Can't find end of the entity starting at byte offset {offset}")
    inner = source[begin + len(opening) : end]
    start = out.units
    after = end + len(closing)
    if opening == "[":
        target = inner
        if source.startswith("(", after) and ")" in source[after:]:
            close = source.index(")", after)
            target, after = source[after + 1 : close], close + 1
        out.push(inner)
        found = link_entity(target)
        if found is not None:
            out.mark(str(found.pop("type")), start, **found)
        return after
    if fence:
        first, newline, rest = inner.partition("\n")
        language = first if newline and first and not first[0].isspace() else ""
        out.push(rest if newline and (language or not first) else inner)
        out.mark("pre", start, **({"language": language} if language else {}))
        return after
    out.push(inner)
    out.mark(_MARKS[opening.encode()], start)
    return after
