"""Telegram's HTML style: text with tags becomes plain text with entities, or is refused.

Behaves as the platform's published test vectors say, down to the byte offsets in its errors. See
https://core.telegram.org/bots/api#html-style.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from .calls import Json
from .links import date_entity, link_entity
from .markup import MarkupError, Output

_KINDS = {
    "b": "bold",
    "strong": "bold",
    "i": "italic",
    "em": "italic",
    "u": "underline",
    "ins": "underline",
    "s": "strikethrough",
    "strike": "strikethrough",
    "del": "strikethrough",
    "tg-spoiler": "spoiler",
    "span": "spoiler",
    "blockquote": "blockquote",
    "a": "text_link",
    "code": "code",
    "pre": "pre",
    "tg-emoji": "custom_emoji",
    "tg-time": "date_time",
}
_ENTITY = re.compile(rb"&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|(lt|gt|amp|quot));?")
_NAMED = {b"lt": "<", b"gt": ">", b"amp": "&", b"quot": '"'}
_SPACE = b" \t\r\n\x0b\x0c"
_MAX_CODE_POINT = 0x10FFFF


@dataclass(slots=True)
class _Tag:
    """One tag that is open: where its text starts, and its attributes."""

    name: str
    offset: int
    start: int
    attributes: dict[str, str] = field(default_factory=dict)


def parse_html(source: str) -> tuple[str, list[Json]]:
    """Return the plain text and its entities.

    Raises:
        MarkupError: With the platform's own words.
    """
    return _Parser(source).run()


class _Parser:
    def __init__(self, source: str) -> None:
        self._raw = source.encode("utf-8", errors="surrogatepass")
        self._at = 0
        self._out = Output()
        self._open: list[_Tag] = []

    def run(self) -> tuple[str, list[Json]]:
        raw = self._raw
        while self._at < len(raw):
            if raw[self._at] == ord("<"):
                if raw[self._at + 1 : self._at + 2] == b"/":
                    self._end_tag()
                else:
                    self._start_tag()
            else:
                self._out.push(self._text())
        if self._open:
            raise MarkupError(f'Can\'t find end tag corresponding to start tag "{self._open[-1].name}"')
        text, entities = self._out.finish()
        return text, _join_code(entities)

    def _text(self) -> str:
        """Take plain text up to the next tag, with its character references decoded."""
        end = self._raw.find(b"<", self._at)
        end = len(self._raw) if end < 0 else end
        piece = self._raw[self._at : end]
        self._at = end
        return _decoded(piece)

    def _skip(self, until: bytes) -> None:
        """Go on to the next byte that is one of `until`."""
        while self._at < len(self._raw) and self._raw[self._at] not in until:
            self._at += 1

    def _skip_space(self) -> None:
        while self._at < len(self._raw) and self._raw[self._at] in _SPACE:
            self._at += 1

    def _peek(self) -> bytes:
        return self._raw[self._at : self._at + 1]

    def _start_tag(self) -> None:
        begin = self._at
        self._at += 1
        self._skip(_SPACE + b">")
        if not self._peek():
            raise MarkupError(f"Unclosed start tag at byte offset {begin}")
        name = self._raw[begin + 1 : self._at].decode(errors="replace").lower()
        if name not in _KINDS:
            raise MarkupError(f'Unsupported start tag "{name}" at byte offset {begin}')
        tag = _Tag(name, self._out.units, len(self._out.parts))
        while self._peek() != b">":
            self._skip_space()
            if self._peek() == b">":
                break
            self._attribute(tag, begin)
        self._at += 1
        if name == "span" and tag.attributes.get("class") != "tg-spoiler":
            raise MarkupError(f'Tag "span" must have class "tg-spoiler" at byte offset {begin}')
        if name == "tg-time":
            date_entity("0", tag.attributes.get("format", ""))
        self._open.append(tag)

    def _attribute(self, tag: _Tag, begin: int) -> None:
        start = self._at
        self._skip(_SPACE + b"=>")
        key = self._raw[start : self._at].decode(errors="replace").lower()
        if not key and self._peek():
            raise MarkupError(f'Empty attribute name in the tag "{tag.name}" at byte offset {begin}')
        self._skip_space()
        if self._peek() != b"=":
            if not self._peek():
                raise MarkupError(f'Unclosed start tag "{tag.name}" at byte offset {begin}')
            tag.attributes[key] = ""
            return
        self._at += 1
        self._skip_space()
        if not self._peek():
            raise MarkupError(f'Unclosed start tag "{tag.name}" at byte offset {begin}')
        tag.attributes[key] = self._value()
        if not self._peek():
            raise MarkupError(f"Unclosed start tag at byte offset {begin}")

    def _value(self) -> str:
        quote = self._peek()
        start = self._at
        if quote in (b"'", b'"'):
            self._at += 1
            self._skip(quote)
            value = self._raw[start + 1 : self._at]
            self._at += 1
            # A comma may follow a quoted value.
            if self._peek() == b",":
                self._at += 1
            return _decoded(value)
        while re.match(rb"[A-Za-z0-9.-]", self._peek()):
            self._at += 1
        if self._peek() not in {bytes([c]) for c in _SPACE} | {b">"}:
            raise MarkupError(f"Unexpected end of name token at byte offset {start}")
        return self._raw[start : self._at].decode().lower()

    def _end_tag(self) -> None:
        begin = self._at
        if not self._open:
            raise MarkupError(f"Unexpected end tag at byte offset {begin}")
        self._at += 2
        start = self._at
        self._skip(_SPACE + b">")
        name = self._raw[start : self._at].decode(errors="replace").lower()
        self._skip_space()
        if self._peek() != b">":
            raise MarkupError(f"Unclosed end tag at byte offset {begin}")
        self._at += 1
        tag = self._open.pop()
        if name and name != tag.name:
            raise MarkupError(f'Unmatched end tag at byte offset {begin}, expected "</{tag.name}>", found "</{name}>"')
        self._close(tag)

    def _close(self, tag: _Tag) -> None:
        kind = _KINDS[tag.name]
        more: Json = {}
        if tag.name == "a":
            target = tag.attributes.get("href") or "".join(self._out.parts[tag.start :])
            found = link_entity(target)
            if found is None:
                return
            kind = str(found.pop("type"))
            more = found
        elif tag.name == "code" and tag.attributes.get("class", "").startswith("language-"):
            more = {"language": tag.attributes["class"].removeprefix("language-")}
        elif tag.name == "tg-emoji":
            more = {"custom_emoji_id": tag.attributes.get("emoji-id", "")}
        elif tag.name == "tg-time":
            more = date_entity(tag.attributes.get("unix", "0"), tag.attributes.get("format", ""))
            more.pop("type")
        elif tag.name == "blockquote" and "expandable" in tag.attributes:
            kind = "expandable_blockquote"
        self._out.mark(kind, tag.offset, **more)


def _decoded(piece: bytes) -> str:
    """Decode the few character references that Telegram knows; others stay as they are."""

    def char(match: re.Match[bytes]) -> bytes:
        decimal, hexadecimal, name = match.groups()
        if name:
            return _NAMED[name].encode()
        code = int(decimal) if decimal else int(hexadecimal, 16)
        if code == 0 or code > _MAX_CODE_POINT:
            return match.group()
        return chr(code).encode("utf-8", errors="surrogatepass")

    return _ENTITY.sub(char, piece).decode("utf-8", errors="replace")


def _join_code(entities: list[Json]) -> list[Json]:
    """Join `pre` and `code` over the same text into one block; a language counts only there."""
    joined: list[Json] = []
    for entity in entities:
        if entity["type"] in ("pre", "code") and joined:
            last = joined[-1]
            same = all(last[k] == entity[k] for k in ("offset", "length"))
            language = entity.get("language") or last.get("language")
            if same and {last["type"], entity["type"]} == {"pre", "code"} and language:
                joined[-1] = {**last, "type": "pre", "language": language}
                continue
        joined.append(dict(entity))
    for entity in joined:
        if entity["type"] == "code" or not entity.get("language", "-"):
            entity.pop("language", None)
    return joined
