"""What the markup parsers share: their error, and text that grows while entities are open."""

from __future__ import annotations

from dataclasses import dataclass, field

from .calls import Json

# Entities that start together are ordered by this, as Telegram's own clients order them.
_PRIORITY = {
    "blockquote": 0,
    "expandable_blockquote": 0,
    "pre": 11,
    "code": 20,
    "text_link": 49,
    "text_mention": 49,
    "bold": 90,
    "italic": 91,
    "underline": 92,
    "strikethrough": 93,
    "spoiler": 94,
    "custom_emoji": 99,
}


class MarkupError(ValueError):
    """Markup that cannot be parsed; its message is what follows "can't parse entities: "."""


@dataclass(slots=True)
class Output:
    """The plain text so far, with its length in UTF-16 units and the finished entities."""

    parts: list[str] = field(default_factory=list)
    units: int = 0
    entities: list[Json] = field(default_factory=list)

    def push(self, text: str) -> None:
        """Append plain text."""
        self.parts.append(text)
        self.units += len(text.encode("utf-16-le", errors="surrogatepass")) // 2

    def mark(self, kind: str, offset: int, **more: object) -> None:
        """Add an entity from `offset` to here; an empty one is dropped."""
        if self.units > offset:
            self.entities.append({"type": kind, "offset": offset, "length": self.units - offset, **more})

    def finish(self) -> tuple[str, list[Json]]:
        """Return the text and its entities in Telegram's order."""
        self.entities.sort(key=lambda e: (e["offset"], -e["length"], _PRIORITY.get(e["type"], 50)))
        return "".join(self.parts), self.entities
