"""Files that people sent, for a model: their bytes where it can see them, else words that say what there is.

What a file is, is told by its bytes: the type and the name that it comes with are its sender's guess.
"""

from collections.abc import Collection
from contextlib import aclosing
from dataclasses import dataclass
from typing import Literal

from core.errors import MediaUnavailable
from core.exchange import Blob
from core.site import Fetch
from core.text.decoding import decoded
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
_TEXT_BYTES = 200_000
_HEAD_BYTES = 4096
_GONE = "it cannot be had any more, or is too large"
_TEXTS_BY_MISTAKE = frozenset(
    {"image/svg+xml", "video/mp2t", "video/vnd.dlna.mpeg-tts", "audio/x-mpegurl", "audio/mpegurl", "audio/x-scpls"}
)
"""Types of pictures and recordings that are mostly texts: drawings, TypeScript, lists of titles."""


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
    wanted = (IMAGES if images else frozenset()) | ({PDF} if documents else frozenset())
    try:
        data, whole = await _read(media, fetch, wanted)
    except MediaUnavailable:
        return Shown(kind="words", text=attachment(media, why=_GONE))
    mime = mime_of(data)
    if mime in wanted and not whole:
        return Shown(kind="words", text=attachment(media, why=_GONE))
    if mime == PDF and mime in wanted:
        return Shown(kind="document", mime=mime, data=data, name=media.name or "document.pdf")
    if mime in wanted:
        return Shown(kind="image", mime=mime, data=data, name=media.name)
    return Shown(kind="words", text=_words(media, data, whole=whole) or attachment(media))


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
    if media.mime in _TEXTS_BY_MISTAKE or media.mime.startswith("text/"):
        return True
    if media.kind in {"photo", "sticker"} or media.mime in IMAGES:
        return images
    return media.kind == "document" and (documents or media.mime != PDF)


async def _read(media: Media, fetch: Fetch, wanted: Collection[str]) -> tuple[bytes, bool]:
    """A file's bytes as far as they are of use, and whether those are all of it.

    Args:
        wanted: Types that are shown as they are.

    Raises:
        MediaUnavailable: It cannot be had.
    """
    data, most = bytearray(), _HEAD_BYTES
    async with aclosing(fetch(media)) as pieces:
        async for piece in pieces:
            data += piece
            if most == _HEAD_BYTES <= len(data):
                most = _worth_bytes(bytes(data[:_HEAD_BYTES]), wanted)
            if len(data) > most:
                return bytes(data), False
    return bytes(data), True


def _worth_bytes(head: bytes, wanted: Collection[str]) -> int:
    """How much to read of a file that begins so."""
    if mime_of(head) in wanted:
        return _MOST_BYTES
    return _TEXT_BYTES if decoded(head, whole=False) else 0


def mime_of(data: bytes) -> str:
    """What a file is by its first bytes, "" for what no model is shown."""
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    return next((mime for signature, mime in _SIGNATURES if data.startswith(signature)), "")


def _words(media: Media, data: bytes, *, whole: bool) -> str:
    """A text as it is told, "" for what is none."""
    cut = not whole or len(data) > _TEXT_BYTES
    read = decoded(data[:_TEXT_BYTES], whole=not cut)
    if read is None:
        return ""
    if not read.text:
        return attachment(media, why="it is empty")
    encoding = f", read as {read.encoding}" if read.guessed else ""
    size = f"the whole is {media.size_bytes} bytes long" if media.size_bytes else "this is its beginning alone"
    end = f"\n[cut here: {size}]" if cut else ""
    return f"[{media.kind}: {media.name or 'unnamed'}{encoding}]\n{read.text}{end}"
