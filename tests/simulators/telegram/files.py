"""The files that lie on the platform: what people sent and what bots uploaded."""

from __future__ import annotations

import base64
import mimetypes
from dataclasses import dataclass

from .calls import Json

MAX_DOWNLOAD_BYTES = 20 * 1024 * 1024
# One grey pixel, the smallest picture that real decoders open.
PIXEL_PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNoAAAAggCBd81ytgAAAABJRU5ErkJggg=="
)
_FOLDERS = {"photo": "photos", "voice": "voice", "video": "videos", "audio": "music"}


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredFile:
    """One file; `declared_size` is what the platform says of it, which a test may make a lie."""

    file_id: str
    unique_id: str
    kind: str
    name: str
    mime_type: str
    path: str
    data: bytes
    declared_size: int | None

    def facts(self) -> Json:
        """Return the fields that all of Telegram's file objects share."""
        found: Json = {"file_id": self.file_id, "file_unique_id": self.unique_id}
        if self.declared_size is not None:
            found["file_size"] = self.declared_size
        return found


class Files:
    """All files of one simulated platform, by id and by download path."""

    def __init__(self) -> None:
        self._by_id: dict[str, StoredFile] = {}
        self._by_path: dict[str, StoredFile] = {}

    def add(
        self, data: bytes, *, kind: str = "document", name: str = "", mime_type: str = "", size: int | None = -1
    ) -> StoredFile:
        """Store bytes and return their file; `size` overrides what is said of it, None hides it."""
        number = len(self._by_id) + 1
        mime = mime_type or mimetypes.guess_type(name)[0] or "application/octet-stream"
        suffix = ("." + name.rsplit(".", 1)[1]) if "." in name else (mimetypes.guess_extension(mime) or ".bin")
        stored = StoredFile(
            file_id=f"AgACAgSim{number:08d}{kind}",
            unique_id=f"AQADSim{number:08d}",
            kind=kind,
            name=name or f"file_{number}{suffix}",
            mime_type=mime,
            path=f"{_FOLDERS.get(kind, 'documents')}/file_{number}{suffix}",
            data=data,
            declared_size=len(data) if size == -1 else size,
        )
        self._by_id[stored.file_id] = stored
        self._by_path[stored.path] = stored
        return stored

    def get(self, file_id: str) -> StoredFile | None:
        """Return a file by its id."""
        return self._by_id.get(file_id)

    def at(self, path: str) -> StoredFile | None:
        """Return a file by its download path."""
        return self._by_path.get(path)


def media_fields(stored: StoredFile, files: Files, *, duration: int = 1) -> Json:
    """Return the message field that shows this file, as `{"photo": [...]}` or `{"voice": {...}}`.

    See https://core.telegram.org/bots/api#message.
    """
    facts = stored.facts()
    if stored.kind == "photo":
        thumb = files.add(PIXEL_PNG, kind="photo", name="thumb.jpg").facts()
        return {"photo": [{**thumb, "width": 90, "height": 90}, {**facts, "width": 800, "height": 800}]}
    more: Json = {"mime_type": stored.mime_type}
    if stored.kind in ("document", "audio", "video", "animation"):
        more["file_name"] = stored.name
    if stored.kind in ("voice", "audio", "video", "animation", "video_note"):
        more["duration"] = duration
    if stored.kind in ("video", "animation"):
        more |= {"width": 640, "height": 360}
    if stored.kind == "video_note":
        more = {"duration": duration, "length": 240}
    if stored.kind == "sticker":
        more = {"type": "regular", "width": 512, "height": 512, "is_animated": False, "is_video": False}
    fields: Json = {stored.kind: {**facts, **more}}
    if stored.kind == "animation":
        fields["document"] = {**facts, "mime_type": stored.mime_type, "file_name": stored.name}
    return fields
