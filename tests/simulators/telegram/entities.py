"""Text as Telegram counts it: UTF-16 code units, and the entities that lie on them.

See https://core.telegram.org/api/entities#entity-length.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]
Entities = list[Json]

MAX_ENTITIES = 100
_DETECTED = re.compile(
    r"(?P<bot_command>(?<![\w/])/[A-Za-z0-9_]{1,64}(?:@\w{3,32})?(?![\w/]))"
    r"|(?P<url>https?://[^\s<>\"]+)"
    r"|(?P<email>[\w.+-]+@[\w-]+\.[A-Za-z]{2,})"
    r"|(?P<mention>(?<![\w@])@[A-Za-z]\w{3,31}\b)"
    r"|(?P<hashtag>(?<!\w)#\w+)"
)


def utf16_length(text: str) -> int:
    """Return how long Telegram holds this text to be."""
    return len(text) + sum(1 for char in text if ord(char) > 0xFFFF)


def utf16_slice(text: str, offset: int, length: int) -> str:
    """Return the part of the text that an entity covers."""
    raw = text.encode("utf-16-le")[2 * offset : 2 * (offset + length)]
    return raw.decode("utf-16-le", errors="replace")


def detect(text: str) -> Entities:
    """Find what Telegram marks by itself in what a person types: commands, links, mentions."""
    found: Entities = []
    for match in _DETECTED.finditer(text):
        offset = utf16_length(text[: match.start()])
        kind = str(match.lastgroup)
        found.append({"type": kind, "offset": offset, "length": utf16_length(match.group())})
    return found


def faults_of(text: str, entities: Entities) -> Iterator[str]:
    """Say what is wrong with the entities of a text."""
    raw = text.encode("utf-16-le", errors="surrogatepass")
    total = len(raw) // 2
    if len(entities) > MAX_ENTITIES:
        yield f"{len(entities)} entities, more than {MAX_ENTITIES}"
    for entity in entities:
        offset, length = entity.get("offset"), entity.get("length")
        if not isinstance(offset, int) or not isinstance(length, int):
            yield f"entity without whole offset and length: {entity}"
            continue
        if offset < 0 or length <= 0 or offset + length > total:
            yield f"entity {entity.get('type')} at {offset}+{length} is outside the text of {total} units"
        elif _splits(raw, offset) or _splits(raw, offset + length):
            yield f"entity {entity.get('type')} at {offset}+{length} splits a surrogate pair"


def _splits(raw: bytes, unit: int) -> bool:
    """Tell whether a boundary before this unit falls inside a surrogate pair."""
    at = 2 * unit
    return at + 1 < len(raw) and 0xDC <= raw[at + 1] <= 0xDF


def trim(text: str, entities: Entities) -> tuple[str, Entities]:
    """Drop surrounding white space as the server does, and move the entities along."""
    stripped = text.strip()
    lead = utf16_length(text[: len(text) - len(text.lstrip())])
    total = utf16_length(stripped)
    kept: Entities = []
    for entity in entities:
        start = max(0, int(entity["offset"]) - lead)
        end = min(total, int(entity["offset"]) + int(entity["length"]) - lead)
        if end > start:
            kept.append({**entity, "offset": start, "length": end - start})
    return stripped, kept
