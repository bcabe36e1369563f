"""Which of a conversation's files go into one request: a lab refuses all of it for one that is too large or damaged.

The newest have precedence. What does not go in is told in words, with the reason, so that the model can say so.
"""

from collections.abc import Mapping
from dataclasses import replace

from core.exchange import Model, Request
from core.site import Fetch
from core.values import Media, value
from providers import attachments, dimensions
from providers.attachments import Shown
from providers.integrity import broken


@value
class Limits:
    """What a lab takes.

    Attributes:
        kinds: Types of images.
        image_bytes: Of one image, as it is sent (in base64).
        all_bytes: Of all files together, likewise.
        side: Pixels of an image's longer side, 0 for no limit.
        images: How many images in all.
        few: More images than this may each have no more than ``side_of_many`` pixels; 0 for no such limit.
    """

    kinds: frozenset[str] = attachments.IMAGES
    image_bytes: int
    all_bytes: int
    side: int = 0
    images: int = 500
    few: int = 0
    side_of_many: int = 0


async def gallery(request: Request, model: Model, limits: Limits, fetch: Fetch) -> Mapping[Media, Shown]:
    """All files that people sent, as the model is shown them.

    Args:
        model: What it cannot see is told in words.
    """
    files = dict.fromkeys(
        part.media
        for entry in reversed(request.entries)
        for part in reversed(entry.parts)
        if part.kind == "media" and part.media is not None and entry.role == "user"
    )
    room = _Room(limits)
    return {media: room.placed(media, await _shown(media, model, fetch)) for media in files}


async def _shown(media: Media, model: Model, fetch: Fetch) -> Shown:
    file = await attachments.shown(media, fetch, images=model.images, documents=model.documents)
    why = "" if file.kind == "words" else broken(file.data, file.mime)
    if not why:
        return file
    told = replace(media, size_bytes=media.size_bytes or len(file.data))
    return Shown(kind="words", text=attachments.attachment(told, f"{why} and cannot be read"), damaged=True)


class _Room:
    """What is left of the room in a request; files are placed newest first."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._left = limits.all_bytes
        self._images = 0
        self._large = False

    def placed(self, media: Media, file: Shown) -> Shown:
        """The file, in words where it does not fit."""
        if file.kind == "words":
            return file
        size, why = -(-len(file.data) // 3) * 4, ""
        pixels = dimensions.side(file.data) if file.kind == "image" else 0
        if file.kind == "image":
            why = self._too_large(file, size, pixels)
        if not why and size > self._left:
            why = "there is no room for it beside the others"
        if why:
            told = replace(media, size_bytes=media.size_bytes or len(file.data))
            return Shown(kind="words", text=attachments.attachment(told, why))
        self._left -= size
        if file.kind == "image":
            self._images += 1
            self._large = self._large or pixels > self._limits.side_of_many
        return file

    def _too_large(self, file: Shown, size: int, pixels: int) -> str:
        limits, many = self._limits, self._limits.few and self._images >= self._limits.few
        if file.mime not in limits.kinds:
            return f"you cannot be shown images of this kind ({file.mime})"
        if size > limits.image_bytes:
            return "it is too large to be shown to you; a smaller copy would do"
        if limits.side and pixels > limits.side:
            return f"it is {pixels} pixels long, too large to be shown to you; a smaller copy would do"
        if self._images >= limits.images or (many and (self._large or pixels > limits.side_of_many)):
            return "there are too many newer images for it to be shown to you"
        return ""
