"""What a request needs of a model, and what of that a model lacks."""

from collections.abc import Iterable
from typing import Literal

from core.exchange import Effort, Entry, Model
from core.values import Media, value

_ANSWER_TOKENS, _THOUGHT_TOKENS = 4096, 16_384

Ability = Literal["images", "documents", "tools", "room"]

SIGHT: frozenset[Ability] = frozenset({"images", "documents"})
"""Without these a model does not see what it is asked about. Without the others it answers a little worse."""


@value
class Needs:
    """What one request needs.

    Attributes:
        documents: Somebody sent a PDF.
        tokens: What the conversation takes, the answer aside; a rough figure.
    """

    images: bool = False
    documents: bool = False
    tools: bool = False
    tokens: int = 0

    def lacking(self, model: Model) -> frozenset[Ability]:
        """What of it this model has not. A window nobody knows is taken to be large enough."""
        lacks: dict[Ability, bool] = {
            "images": self.images and not model.images,
            "documents": self.documents and not model.documents,
            "tools": self.tools and not model.tools,
            "room": 0 < model.context_tokens < self.tokens + answer_tokens(model),
        }
        return frozenset(ability for ability, lacking in lacks.items() if lacking)


def answer_tokens(model: Model, effort: Effort = "") -> int:
    """What of a model's window is kept for its answer, long thoughts included."""
    most = _THOUGHT_TOKENS if effort == "high" else _ANSWER_TOKENS
    room = min(most, model.context_tokens // 4) if model.context_tokens else most
    return min(room, model.output_tokens or room)


def sights(entries: Iterable[Entry]) -> tuple[bool, bool]:
    """Whether there are images in some entries, and whether there are PDFs."""
    media = [part.media for entry in entries for part in entry.parts if part.media is not None]
    return any(map(is_image, media)), any(map(is_pdf, media))


def is_image(media: Media) -> bool:
    """Whether a model would have to see it; animated stickers and the like are not shown to any."""
    return media.kind == "photo" or media.mime in {"image/png", "image/jpeg", "image/webp", "image/gif"}


def is_pdf(media: Media) -> bool:
    """Whether a model would have to read it as it is printed."""
    return media.kind == "document" and (media.mime == "application/pdf" or media.name.lower().endswith(".pdf"))
