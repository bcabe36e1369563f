"""Unpacking what a server sent packed, in a limited process: neither a bomb nor a heap of empty pieces holds us up."""

import zlib

from core.errors import ContentRefused, NotFetched
from core.values import value

_GZIP_OR_ZLIB = 32 + zlib.MAX_WBITS
_PIECE_BYTES = 16_384  # what is left of one behind a member is copied with each member


@value
class Packed:
    """A body as it came, in gzip (of one or several members) or zlib; unpacked it may have so many bytes."""

    body: bytes
    most_bytes: int


def unpacked(packed: Packed) -> bytes:
    """The body itself.

    Raises:
        ContentRefused: It is larger.
        NotFetched: It is damaged.
    """
    out, member, body = bytearray(), zlib.decompressobj(_GZIP_OR_ZLIB), memoryview(packed.body)
    try:
        for start in range(0, len(body), _PIECE_BYTES):
            piece = bytes(body[start : start + _PIECE_BYTES])
            while piece:
                if member.eof:
                    member = zlib.decompressobj(_GZIP_OR_ZLIB)
                out += member.decompress(piece, packed.most_bytes + 1 - len(out))
                if len(out) > packed.most_bytes:
                    raise ContentRefused(f"it is larger than {packed.most_bytes // 1000} kB")
                piece = member.unused_data
    except zlib.error as error:
        raise NotFetched("what it sends cannot be unpacked") from error
    if body and not member.eof:
        raise NotFetched("it broke off in the middle")
    return bytes(out)
