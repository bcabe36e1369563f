"""How content is sealed before it is stored, and how names are hashed before they are indexed.

Every sealed body begins with a byte that says how it was sealed, so columns keep their shape when the way changes.
There is one way so far, and it encrypts nothing: whoever reads the database reads what was said.

Names that lead to a person (a platform's ids) are stored only as keyed hashes: an index finds them, nobody reads them.
"""

import hashlib
import hmac
import os
from pathlib import Path
from tempfile import NamedTemporaryFile

from core.errors import StoreError
from core.seams import Sealer

_AS_IS = b"\x00"
_SECRET_BYTES = 32


class PlainSealer:
    """Keeps bodies readable, with no more than a byte before them."""

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


def load_secret(path: Path, *, expected: bool = False) -> bytes:
    """This deployment's secret, made at the first start and readable by its owner only.

    Args:
        expected: There is a store that was made with it, so that a new one would open nothing.

    Raises:
        StoreError: It is not there though expected, or is not ours.
    """
    try:
        secret = path.read_bytes()
    except FileNotFoundError:
        if expected:
            msg = f"{path} is missing, without which the database beside it knows nobody; restore it from a backup"
            raise StoreError(msg) from None
        secret = _made(path)
    if len(secret) != _SECRET_BYTES:
        msg = f"{path} holds {len(secret)} bytes instead of {_SECRET_BYTES}; restore it from a backup"
        raise StoreError(msg)
    return secret


def _made(path: Path) -> bytes:
    """A new secret, wholly on the disk before it has its name: a start that is killed leaves no half of one."""
    secret = os.urandom(_SECRET_BYTES)
    with NamedTemporaryFile(dir=path.parent, prefix=f"{path.name}-", delete=False) as file:  # for its owner only
        file.write(secret)
        file.flush()
        os.fsync(file.fileno())
    Path(file.name).replace(path)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
    return secret


_: Sealer = PlainSealer()
