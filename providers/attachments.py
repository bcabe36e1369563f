"""Files that people sent, for a model: their bytes where it can see them, else words that say what there is."""

from dataclasses import dataclass
from typing import Literal

from core.errors import MediaUnavailable
from core.exchange import Blob
from core.files import read_whole
from core.site import Fetch
from core.values import Media

IMAGES = frozenset({"image/jpeg", "image/png", "image/gif", "image/webp"})
PDF = "application/pdf"

_SIGNATURES = (
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"GIF8", "image/gif"),
    (b"%PDF-", PDF),
)
_SOUNDS = {"audio/ogg": "ogg", "audio/mpeg": "mp3", "audio/mp4": "m4a", "audio/wav": "wav", "audio/webm": "webm"}
_MOST_BYTES = 10 << 20
_TEXTS = ("text/", "application/json", "application/xml", "application/toml", "application/yaml")
_TEXT_BYTES = 200_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Shown:
    """A file as a model is shown it.

    Attributes:
        kind: ``words`` where it is told in ``text``.
        damaged: Whether that is because nobody could read it.
    """

    kind: Literal["image", "document", "words"]
    mime: str = ""
    data: bytes = b""
    name: str = ""
    text: str = ""
    damaged: bool = False


async def shown(media: Media | None, fetch: Fetch, *, images: bool, documents: bool) -> Shown:
    """A file for a model, by what the file is rather than what it is said to be.

    Args:
        images: Whether the model sees images; likewise ``documents`` for PDFs.
    """
    if media is None or not _worth_fetching(media, images=images, documents=documents):
        return Shown(kind="words", text=attachment(media))
    try:
        data = await read_whole(fetch, media, _MOST_BYTES)
    except MediaUnavailable:
        return Shown(kind="words", text=attachment(media, why="it cannot be had any more, or is too large"))
    mime = mime_of(data)
    if images and mime in IMAGES:
        return Shown(kind="image", mime=mime, data=data, name=media.name)
    if documents and mime == PDF:
        return Shown(kind="document", mime=mime, data=data, name=media.name or "document.pdf")
    if media.mime.startswith(_TEXTS) and (words := _words(data)):
        return Shown(kind="words", text=f"[{media.kind}: {media.name or 'unnamed'}]\n{words}")
    return Shown(kind="words", text=attachment(media))


def attachment(media: Media | None, why: str = "its content cannot be shown to you") -> str:
    """A file, told in words to a model that cannot be shown it."""
    if media is None:
        return "[an attached file]"
    size = f", {max(1, round(media.size_bytes / 1000))} kB" if media.size_bytes else ""
    return f"[{media.kind}: {media.name or 'unnamed'}{size}; {why}]"


def picture_kind(blob: Blob) -> str:
    """How the name of an image's file ends."""
    return blob.mime.rpartition("/")[2] or "png"


def sound_name(mime: str) -> str:
    """A name for a recording, since labs tell its kind by that."""
    return f"sound.{_SOUNDS.get(mime.partition(';')[0], 'ogg')}"


def _worth_fetching(media: Media, *, images: bool, documents: bool) -> bool:
    if media.mime.startswith(_TEXTS):
        return True
    if media.kind in {"photo", "sticker"} or media.mime in IMAGES:
        return images
    return documents and media.kind == "document" and media.mime in {PDF, ""}


def mime_of(data: bytes) -> str:
    """What a file is by its first bytes, "" for what no model is shown."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for signature, mime in _SIGNATURES if data.startswith(signature)), "")


def _words(data: bytes) -> str:
    try:
        text = data[:_TEXT_BYTES].decode("utf-8", "strict" if len(data) <= _TEXT_BYTES else "ignore")
    except ValueError:
        return ""
    return text if len(data) <= _TEXT_BYTES else f"{text}\n[cut here: the whole is {len(data)} bytes long]"
