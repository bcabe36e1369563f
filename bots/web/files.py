"""Files that people hand in: kept in the data folder, each under a key of its own that only its reference holds.

A reference stands in the conversation, in the store. So a file says nothing to whoever has it without the store, and
once the conversation is forgotten nobody can read it any more.
"""

import asyncio
import mimetypes
import os
import re
import secrets
import time
from collections.abc import AsyncIterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from core.errors import MediaUnavailable
from core.private import make_folder, open_file, tighten
from core.values import Media, MediaKind, value

FOLDER: Final = "web-files"
_REF = re.compile(r"([0-9a-f]{32})\.([0-9a-f]{32})", re.ASCII)
_ONCE: Final = bytes(12)  # each key seals one file only, so its nonce need not differ
_PICTURES: Final = (
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
)
_UNKNOWN: Final = "application/octet-stream"
_UNSENT: Final = ".new"
_UNSENT_S: Final = 24 * 3600.0
_LONGEST_NAME: Final = 120


class TooLarge(Exception):
    """More bytes than are taken."""


@value
class Stored:
    """A file's bytes, and what they are: a picture's type by its first bytes, else nothing a browser would run."""

    body: bytes
    mime: str


class Files:
    """The folder of files.

    Args:
        adapter: Whose references these are.
    """

    def __init__(self, data_dir: Path, adapter: str, most_bytes: int) -> None:
        self._folder = data_dir / FOLDER
        self._adapter = adapter
        self.most_bytes = most_bytes

    async def keep(self, pieces: AsyncIterable[bytes], name: str) -> Media:
        """Keep a file.

        Raises:
            TooLarge: It is not kept.
        """
        body = bytearray()
        async for piece in pieces:
            body += piece
            if len(body) > self.most_bytes:
                raise TooLarge
        number, key = secrets.token_hex(16), AESGCM.generate_key(128)
        await asyncio.to_thread(self._write, number, key, bytes(body))
        mime = picture(body) or _guessed(name)
        return Media(
            adapter=self._adapter,
            ref=f"{number}.{key.hex()}",
            kind=_kind(mime),
            size_bytes=len(body),
            name=plain_name(name),
            mime=mime,
        )

    def _write(self, number: str, key: bytes, body: bytes) -> None:
        make_folder(self._folder)
        sealed = AESGCM(key).encrypt(_ONCE, body, number.encode())
        descriptor = open_file(self._folder / f"{number}{_UNSENT}", os.O_WRONLY | os.O_EXCL)
        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
            file.flush()
            os.fsync(file.fileno())

    async def read(self, ref: str) -> Stored:
        """A file again.

        Raises:
            MediaUnavailable: There is none of this reference, or it was changed.
        """
        body = await asyncio.to_thread(self._read, ref)
        return stored_of(body)

    def _read(self, ref: str) -> bytes:
        found = _REF.fullmatch(ref)
        if found is None:
            raise MediaUnavailable("this is no reference to a file of the web chat")
        try:
            path = self._folder / found[1]
            sealed = (path if path.exists() else path.with_suffix(_UNSENT)).read_bytes()
            return AESGCM(bytes.fromhex(found[2])).decrypt(_ONCE, sealed, found[1].encode())
        except OSError as problem:
            raise MediaUnavailable(f"the file is not there any more: {problem.strerror}") from problem
        except InvalidTag as problem:
            raise MediaUnavailable("the file was changed, or this is not its key") from problem

    async def settle(self, ref: str) -> None:
        """It was sent: keep it for good."""
        if found := _REF.fullmatch(ref):
            path = self._folder / found[1]
            with suppress(FileNotFoundError):
                await asyncio.to_thread(path.with_suffix(_UNSENT).rename, path)

    async def tidy(self) -> None:
        """Remove what was handed in some time ago and never sent."""
        await asyncio.to_thread(self._tidy)

    def _tidy(self) -> None:
        tighten(self._folder)  # those in it were always made for their owner alone
        for path in self._folder.glob(f"*{_UNSENT}"):
            with suppress(FileNotFoundError):
                if time.time() - path.stat().st_mtime > _UNSENT_S:
                    path.unlink()


def stored_of(body: bytes) -> Stored:
    """A file's bytes as they are handed to a browser."""
    return Stored(body=body, mime=picture(body) or _UNKNOWN)


def picture(body: bytes | bytearray) -> str:
    """The type of a picture that browsers show without running anything, "" for whatever else it is."""
    for beginning, mime in _PICTURES:
        if body.startswith(beginning):
            return mime
    return "image/webp" if body[:4] == b"RIFF" and body[8:12] == b"WEBP" else ""


def plain_name(name: str) -> str:
    """A name to show and to save under: its last part, without what hides or leads elsewhere."""
    last = re.split(r"[/\\]", name)[-1]
    printable = "".join(letter for letter in last if letter.isprintable()).strip(". ")
    return printable[-_LONGEST_NAME:] or "file"


def _guessed(name: str) -> str:
    """What a file that is no picture says by its name that it is."""
    mime = mimetypes.guess_type(name)[0] or _UNKNOWN
    return _UNKNOWN if mime.startswith("image/") else mime


def _kind(mime: str) -> MediaKind:
    match mime.partition("/")[0]:
        case "image":
            return "photo"
        case "audio":
            return "audio"
        case "video":
            return "video"
        case _:
            return "document"
