"""A conversation told to a model that may call nothing: what tools were asked and what they returned, in words.

Labs do not take calls and results in a request that offers no tools.
"""

from collections.abc import Iterable, Iterator

from core.exchange import Entry, Part


def in_words(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The same without calls, results, and what labs want back only beside those."""
    arguments: dict[str, str] = {}
    told = (Entry(role=entry.role, parts=tuple(_told(entry.parts, arguments))) for entry in entries)
    return tuple(entry for entry in told if entry.parts)


def _told(parts: Iterable[Part], arguments: dict[str, str]) -> Iterator[Part]:
    for part in parts:
        match part.kind:
            case "call":
                arguments[part.id] = part.body
            case "result":
                lead = f"[what the tool {part.name} {'failed with' if part.failed else 'returned'}, called with"
                yield Part(kind="text", body=f"{lead} {arguments.get(part.id, '') or 'nothing'}:]\n{part.body}\n")
            case "opaque":
                pass
            case "text" | "media" | "citation":
                yield part
