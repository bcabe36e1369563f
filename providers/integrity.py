"""Whether an image or a PDF is whole, by the marks of its format; nothing is unpacked.

A lab refuses a whole request, and the conversation with it, for one file that it cannot read. So what certainly cannot
be read (cut off on its way, empty, an image without a picture) is found before it is sent. What is wrong further within
only the lab can tell.

https://www.w3.org/TR/png-3/#5Chunk-layout , https://www.w3.org/Graphics/JPEG/itu-t81.pdf (annex B),
https://www.w3.org/Graphics/GIF/spec-gif89a.txt , https://developers.google.com/speed/webp/docs/riff_container
"""

import zlib
from collections.abc import Callable

_PNG_HEAD = 8
_CRITICAL = 0x20  # a chunk is one if this bit of its name's first letter is not set
_MARK = 0xFF
_SCAN, _END = 0xDA, b"\xff\xd9"
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}
_ALONE = frozenset(range(0xD0, 0xD9)) | {0x01}
_BLOCK, _IMAGE, _TRAILER = 0x21, 0x2C, 0x3B

CUT = "it is cut off"
DAMAGED = "it is damaged"
EMPTY = "it is empty"


def broken(data: bytes, mime: str) -> str:
    """Why a file certainly cannot be read, "" where nothing is known against it.

    Args:
        mime: What it is by its first bytes.
    """
    if not data:
        return EMPTY
    check = _CHECKS.get(mime)
    if check is None:
        return ""
    try:
        return check(data)
    except IndexError:
        return CUT


def _png(data: bytes) -> str:
    at = _PNG_HEAD
    names: list[bytes] = []
    while not names or names[-1] != b"IEND":
        length, name = _number(data, at), data[at + 4 : at + 8]
        body = at + 8 + length
        checksum = _number(data, body)
        if not name[0] & _CRITICAL and zlib.crc32(data[at + 4 : body]) != checksum:
            return DAMAGED
        names.append(name)
        at = body + 4
    sized = names[0] == b"IHDR" and _number(data, 16) and _number(data, 20)
    return "" if sized and b"IDAT" in names else DAMAGED


def _jpeg(data: bytes) -> str:
    at, sized = 2, False
    while True:
        if data[at] != _MARK:
            return DAMAGED
        marker = data[at + 1]
        if marker in _FRAMES:
            sized = bool(_number(data, at + 5, 2) and _number(data, at + 7, 2))
        if marker == _SCAN:
            break
        at += 1 if marker == _MARK else 2 if marker in _ALONE else 2 + max(2, _number(data, at + 2, 2))
    if not sized:
        return DAMAGED
    return "" if data.find(_END, at) >= 0 else CUT


def _gif(data: bytes) -> str:
    at, images = 13 + _colours(data[10]), 0
    while at < len(data) and data[at] != _TRAILER:
        if data[at] == _BLOCK:
            at = _past_blocks(data, at + 2)
        elif data[at] == _IMAGE:
            at = _past_blocks(data, at + 11 + _colours(data[at + 9]))
            images += 1
        else:
            return DAMAGED
    return "" if images else CUT if at >= len(data) else DAMAGED


def _webp(data: bytes) -> str:
    if int.from_bytes(data[4:8], "little") + 8 > len(data):
        return CUT
    return "" if data[12:16] in {b"VP8 ", b"VP8L", b"VP8X"} else DAMAGED


def _pdf(data: bytes) -> str:
    return "" if b"%%EOF" in data or b"startxref" in data else CUT


def _colours(packed: int) -> int:
    """Bytes of the table of colours that a byte in a GIF announces."""
    return 3 << ((packed & 7) + 1) if packed & 0x80 else 0


def _past_blocks(data: bytes, at: int) -> int:
    while length := data[at]:
        at += 1 + length
    return at + 1


def _number(data: bytes, at: int, length: int = 4) -> int:
    if at + length > len(data):
        raise IndexError(at)
    return int.from_bytes(data[at : at + length], "big")


_CHECKS: dict[str, Callable[[bytes], str]] = {
    "image/png": _png,
    "image/jpeg": _jpeg,
    "image/gif": _gif,
    "image/webp": _webp,
    "application/pdf": _pdf,
}
