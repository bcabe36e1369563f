"""Links by reference, each given its address where it stands, so that a part of a text needs no other part."""

import re
from typing import Final

import pyromark

from core.text.source import cleaned, held, released

OPTIONS: Final = (
    pyromark.Options.ENABLE_TABLES
    | pyromark.Options.ENABLE_STRIKETHROUGH
    | pyromark.Options.ENABLE_TASKLISTS
    | pyromark.Options.ENABLE_MATH
)
"""The Markdown that is read, beyond CommonMark's (https://spec.commonmark.org)."""

_MAX_ADDED_BYTES: Final = 65_536
"""By which a text may grow: one long address, referred to a thousand times, would make a book of it."""

_NUMBER: Final = re.compile(rb"\[\d+\]")


def resolved(markdown: str) -> str:
    """A cleaned text without definitions of addresses, but for those that nothing refers to; no line moves.

    Those are shown: each is a source that the writer meant to name.
    """
    text = cleaned(markdown)
    if "]:" not in text:
        return text
    source = held(text)
    raw = source.encode()
    edits: list[tuple[int, int, bytes]] = []
    used: set[str] = set()
    left = _MAX_ADDED_BYTES
    for event, place in pyromark.events_with_range(source, options=OPTIONS):
        link = _referring(event)
        if link is None:
            continue
        used.add(str(link["id"]).casefold())
        edit = _inline(raw, place["start"], place["end"], str(link["dest_url"]))
        left -= len(edit[2])
        if left >= 0:
            edits.append(edit)
    for label, definition in pyromark.reference_definitions(source, options=OPTIONS).items():
        start, end = definition["span"]["start"], definition["span"]["end"]
        if label.casefold() not in used:
            edits.append((start, start, b"\\"))
        elif left >= 0:
            edits.append((start, end, b"\n" * raw.count(b"\n", start, end)))
    return released(_applied(raw, edits))


def _referring(event: object) -> "dict[str, object] | None":
    """What is told of a link or an image that names its address elsewhere."""
    match event:
        case {"Start": {"Link": link} | {"Image": link}} if link["id"]:
            found: dict[str, object] = link
            return found
        case _:
            return None


def _inline(raw: bytes, start: int, end: int, url: str) -> tuple[int, int, bytes]:
    words = raw[start:end]
    target = b"](<" + re.sub(r"[<>\\\n]", lambda found: f"%{ord(found[0]):02X}", url).encode() + b">)"
    if _NUMBER.fullmatch(words):  # the number of a source keeps its brackets
        return start, end, b"[\\[" + words[1:-1] + b"\\]" + target
    tail = len(words) - words.rfind(b"][") if words.endswith(b"]") and b"][" in words else 1
    return end - tail, end, target


def _applied(raw: bytes, edits: list[tuple[int, int, bytes]]) -> str:
    """The text with all edits made; of two that overlap, the first that begins."""
    out, at = [], 0
    for start, end, text in sorted(edits, key=lambda edit: edit[:2]):
        if start >= at:
            out += [raw[at:start], text]
            at = end
    return b"".join([*out, raw[at:]]).decode()
