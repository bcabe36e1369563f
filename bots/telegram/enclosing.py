"""Files that go out with a reply: which pages they make, and how Telegram is told of them.

A file that came by Telegram is sent again by its ``file_id``, every other one is uploaded
(https://core.telegram.org/bots/api#sending-files).
"""

import mimetypes
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any, Final

from bots.telegram.transport import Upload
from core.values import Media, MediaKind

MOST_IN_ALBUM: Final = 10
CAPTION_UNITS: Final = 1024
"""UTF-16 units of a caption, once rendered: https://core.telegram.org/bots/api#sendphoto."""

_METHODS: Final = {
    "photo": "sendPhoto",
    "document": "sendDocument",
    "voice": "sendVoice",
    "audio": "sendAudio",
    "video": "sendVideo",
    "sticker": "sendSticker",
}
_ALBUMS: Final = {"photo": "seen", "video": "seen", "document": "document", "audio": "audio"}
_WITHOUT_CAPTION: Final = "sticker"
_DRAWN: Final = frozenset({"image/jpeg", "image/png", "image/webp", "image/gif"})
_MAX_PHOTO_BYTES: Final = 10_000_000
_MIMES: Final = {"photo": "image/jpeg", "voice": "audio/ogg", "audio": "audio/mpeg", "video": "video/mp4"}


def parted(media: Sequence[Media]) -> Iterator[tuple[Media, ...]]:
    """Part files into messages, in order: neighbours that may stand in one album do.

    See https://core.telegram.org/bots/api#sendmediagroup: 2 to 10 of them; pictures and videos together, documents and
    music each among themselves, voice notes and stickers alone.
    """
    for (_, album), run in groupby(enumerate(media), key=lambda one: _album(*one)):
        files = [file for _, file in run]
        size = MOST_IN_ALBUM if album else 1
        for at in range(0, len(files), size):
            yield tuple(files[at : at + size])


def takes_caption(media: Sequence[Media], *, buttons: bool) -> bool:
    """Whether words, and buttons if there are any, may stand below these files, all in one message."""
    if len(list(parted(media))) != 1 or media[0].kind == _WITHOUT_CAPTION:
        return False
    return len(media) == 1 or not buttons


def call_for(media: Sequence[Media], body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """The method that sends files as one message, and its parameters.

    Args:
        body: The caption, its entities, and buttons, which an album cannot have.
    """
    if len(media) == 1:
        return _METHODS[media[0].kind], {media[0].kind: media[0].ref} | body
    items: list[dict[str, Any]] = [{"type": file.kind, "media": file.ref} for file in media]
    items[0] |= {key: body.pop(key) for key in ("caption", "caption_entities") if key in body}
    return "sendMediaGroup", {"media": items} | body


def uploaded(file: Media, number: int, data: bytes) -> tuple[Media, Upload]:
    """A file from elsewhere as it stands in a call, and what goes along with it.

    What Telegram would not take as what it is goes as a document: pictures of a kind it does not draw, or of more than
    10 MB; voice notes that are not in an Ogg container (https://core.telegram.org/bots/api#sendvoice).
    """
    mime = file.mime or _MIMES.get(file.kind, "application/octet-stream")
    photo = mime in _DRAWN and len(data) <= _MAX_PHOTO_BYTES
    kind: MediaKind = "document" if (file.kind == "photo" and not photo) or file.kind == "sticker" else file.kind
    if kind == "voice" and not data.startswith(b"OggS"):
        kind = "audio" if mime.startswith("audio/") else "document"
    upload = Upload(key=f"file{number}", name=file.name or f"{file.kind}{_endings(mime)}", mime=mime, data=data)
    return replace(file, kind=kind, ref=f"attach://{upload.key}"), upload


def _endings(mime: str) -> str:
    return mimetypes.guess_extension(mime) or ""


def _album(place: int, file: Media) -> tuple[int, str]:
    """The album that a file may be in; one that is alone has its own."""
    album = _ALBUMS.get(file.kind, "")
    return (0, album) if album else (place, "")
