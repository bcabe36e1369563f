"""How content is sealed before it is stored, and how names are hashed before they are indexed.

Every sealed body begins with a byte that says how it was sealed, so columns keep their shape when the way changes.
Names that lead to a person (a platform's ids) are stored only as keyed hashes: an index finds them, nobody reads them.
"""

import hashlib
import hmac
import os
from pathlib import Path

from core.errors import StoreError
from core.seams import Sealer

_AS_IS = b"\x00"
_SECRET_BYTES = 32


class PlainSealer:
    """Keeps bodies readable. Stands in the one place where encryption will stand."""

    def new_key(self) -> bytes:
        """No key is needed."""
        return b""

    def seal(self, key: bytes, place: tuple[str, str, str], body: bytes) -> bytes:
        """The body behind its marker byte."""
        del key, place
        return _AS_IS + body

    def open(self, key: bytes, place: tuple[str, str, str], sealed: bytes) -> bytes:
        """The body without its marker byte."""
        del key
        if sealed[:1] != _AS_IS:
            msg = f"a row of {place[1]} was sealed in a way this version does not know; use the version that wrote it"
            raise StoreError(msg)
        return sealed[1:]


class Hasher:
    """Keyed hashes of names, under this deployment's own secret."""

    def __init__(self, secret: bytes) -> None:
        self._key = hashlib.blake2b(b"index", key=secret, digest_size=32).digest()

    def name(self, *parts: str) -> str:
        """32 hexadecimal digits for a tuple of names; no two different tuples are alike."""
        text = "\x1f".join(part.replace("\\", "\\\\").replace("\x1f", "\\u") for part in parts)
        return hmac.digest(self._key, text.encode("utf-8", "surrogatepass"), "sha256")[:16].hex()


def load_secret(path: Path) -> bytes:
    """This deployment's secret, made at the first start and readable by its owner only.

    Raises:
        StoreError: The file is there but is not ours.
    """
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        secret = path.read_bytes()
        if len(secret) != _SECRET_BYTES:
            msg = f"{path} holds {len(secret)} bytes instead of {_SECRET_BYTES}; restore it from a backup"
            raise StoreError(msg) from None
        return secret
    secret = os.urandom(_SECRET_BYTES)
    with os.fdopen(descriptor, "wb") as file:
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    return secret


_: Sealer = PlainSealer()
