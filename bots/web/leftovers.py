"""What pages show and no archive has, kept over a restart: questions with buttons, questions still being answered.

One file in the data folder, encrypted under a key of its own that lies in the store. It is written whole each time,
which is little: what the archive has taken over is forgotten here.
"""

import asyncio
import json
import os
import secrets
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Final

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from pydantic import BeforeValidator, TypeAdapter

from core.private import open_file
from core.site import Memo
from core.values import Choice, Media, value

log = structlog.get_logger(__name__)

FILE: Final = "web-open"
AT_THE_END: Final = "~"
"""A place after all that archives have: those are made of digits."""
_KEY: Final = "key"
_NONCE_BYTES: Final = 12


@value
class Left:
    """One message that is in no archive. See ``Item``.

    Earlier versions counted messages where a place is now: what they left stands at the end.
    """

    id: str
    mine: bool
    after: Annotated[str, BeforeValidator(lambda given: given if isinstance(given, str) else AT_THE_END)]
    text: str
    media: tuple[Media, ...] = ()
    choices: tuple[Choice, ...] = ()


@value
class LeftIn:
    """A conversation's; see ``View`` for its names."""

    view: str
    begun: tuple[str, ...] | None
    messages: tuple[Left, ...]


_all: TypeAdapter[tuple[LeftIn, ...]] = TypeAdapter(tuple[LeftIn, ...])


class Leftovers:
    """The file."""

    def __init__(self, data_dir: Path, memo: Memo) -> None:
        self._path = data_dir / FILE
        self._memo = memo
        self._seal = AESGCM(bytes(16))
        self._writing = asyncio.Lock()
        self._written = b""

    async def read(self) -> tuple[LeftIn, ...]:
        """What the last run left; makes the key where there is none."""
        key = await self._memo.get(_KEY)
        if not key:
            key = secrets.token_hex(16)
            await self._memo.keep(_KEY, key)
        self._seal = AESGCM(bytes.fromhex(key))
        try:
            sealed = await asyncio.to_thread(self._path.read_bytes)
            plain = self._seal.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], FILE.encode())
            return _all.validate_json(plain)
        except FileNotFoundError:
            return ()
        except (OSError, InvalidTag, ValueError) as problem:
            # Nothing that matters is lost: conversations are in the archive.
            log.warning("open questions of the web chat not read", reason=str(problem) or type(problem).__name__)
            return ()

    async def write(self, left: Sequence[LeftIn]) -> None:
        """Keep these, and nothing else."""
        plain = json.dumps(_all.dump_python(tuple(left), mode="json")).encode()
        async with self._writing:
            if plain == self._written:
                return
            nonce = os.urandom(_NONCE_BYTES)
            sealed = nonce + self._seal.encrypt(nonce, plain, FILE.encode())
            writing = asyncio.ensure_future(asyncio.to_thread(self._replace, sealed))
            try:
                await asyncio.shield(writing)
            finally:
                await asyncio.wait({writing})  # a thread cannot be cancelled: whoever ends this finds the file at rest
            self._written = plain

    def _replace(self, sealed: bytes) -> None:
        """The file is always whole, whenever the process is killed."""
        new = self._path.with_suffix(".new")
        descriptor = open_file(new, os.O_WRONLY | os.O_TRUNC)
        with os.fdopen(descriptor, "wb") as file:
            file.write(sealed)
        new.replace(self._path)
