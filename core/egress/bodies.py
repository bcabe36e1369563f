"""Reading what a server sends: its type, and its body unpacked piece by piece, so that no bomb ever goes off."""

import re
import zlib
from collections.abc import AsyncIterator, Sequence
from fnmatch import fnmatchcase

from core.errors import ContentRefused, NotFetched

_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
"""https://www.rfc-editor.org/rfc/rfc6838#section-4.2; refusals repeat a type, so no sentence may pass for one."""
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:+-]{1,40})""", re.IGNORECASE)
_PACKED = {"": False, "identity": False, "gzip": True, "x-gzip": True, "deflate": True}
_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS


def content_type(header: str) -> tuple[str, str]:
    """A type without its parameters, and the charset among them; "" for what is not said."""
    mime, _, parameters = header.partition(";")
    charset = _CHARSET.search(parameters)
    mime = mime.strip().lower()
    return mime if _TYPE.fullmatch(mime) else "", charset[1].lower() if charset else ""


def check_type(mime: str, types: Sequence[str]) -> None:
    """Refuse what is not wanted.

    Raises:
        ContentRefused: It is of none of these types.
    """
    if not any(fnmatchcase(mime, wanted) for wanted in types):
        raise ContentRefused(f"it is of the type {mime or 'unknown'}, which is not taken here", mime=mime)


async def read_body(pieces: AsyncIterator[bytes], encoding: str, most_bytes: int) -> bytes:
    """A body, unpacked.

    Args:
        encoding: The header ``Content-Encoding``.
        most_bytes: As sent, and as unpacked.

    Raises:
        ContentRefused: It is larger, or packed in a way we did not ask for.
        NotFetched: It is damaged.
    """
    packed = _PACKED.get(encoding.strip().lower())
    if packed is None:
        raise ContentRefused("it is packed in a way that is not read here")
    unpacking, body, sent = _Unpacking() if packed else None, bytearray(), 0
    async for piece in pieces:
        sent += len(piece)
        body += unpacking.feed(piece, most_bytes + 1 - len(body)) if unpacking else piece
        check_size(max(sent, len(body)), most_bytes)
    if unpacking and not unpacking.complete:
        raise NotFetched("it broke off in the middle")
    return bytes(body)


def check_size(size: int, most_bytes: int) -> None:
    """Refuse what is too large.

    Raises:
        ContentRefused: It is.
    """
    if size > most_bytes:
        raise ContentRefused(f"it is larger than {most_bytes // 1000} kB")


class _Unpacking:
    """Unpacks gzip (of one or several members) and zlib, never further than it is told."""

    def __init__(self) -> None:
        self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
        self._begun = False

    @property
    def complete(self) -> bool:
        """Whether all that began has ended."""
        return self._member.eof or not self._begun

    def feed(self, piece: bytes, most: int) -> bytes:
        """What comes out of a piece: at most so many bytes, which is then too many for whoever asked."""
        out = bytearray()
        try:
            while piece and len(out) < most:
                if self._member.eof:
                    self._member = zlib.decompressobj(_GZIP_OR_ZLIB)
                self._begun = True
                out += self._member.decompress(piece, most - len(out))
                piece = self._member.unconsumed_tail or self._member.unused_data
        except zlib.error as error:
            raise NotFetched("what it sends cannot be unpacked") from error
        return bytes(out)
