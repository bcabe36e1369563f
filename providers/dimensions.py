"""How wide and high an image is, by its first bytes; nothing is unpacked, so a bomb is as harmless as a photo."""

from collections.abc import Iterator
from typing import Literal

_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the markers of JPEG behind which the size stands
_MARK = 0xFF
_ALONE = frozenset(range(0xD0, 0xD9)) | {0x01}  # those with nothing behind them


def side(data: bytes) -> int:
    """The longer side in pixels, 0 where it cannot be told."""
    try:
        return max(_sides(data))
    except (IndexError, ValueError):
        return 0


def _sides(data: bytes) -> tuple[int, ...]:
    if data.startswith(b"\x89PNG"):
        return _number(data, 16, 4, "big"), _number(data, 20, 4, "big")
    if data.startswith(b"GIF8"):
        return _number(data, 6, 2, "little"), _number(data, 8, 2, "little")
    if data.startswith(b"\xff\xd8"):
        return next(_frames(data), (0,))
    if data[8:16] == b"WEBPVP8X":
        return _number(data, 24, 3, "little") + 1, _number(data, 27, 3, "little") + 1
    if data[8:16] == b"WEBPVP8L":
        packed = _number(data, 21, 4, "little")
        return (packed & 0x3FFF) + 1, (packed >> 14 & 0x3FFF) + 1
    if data[8:16] == b"WEBPVP8 ":
        return _number(data, 26, 2, "little") & 0x3FFF, _number(data, 28, 2, "little") & 0x3FFF
    return (0,)


def _frames(data: bytes) -> Iterator[tuple[int, int]]:
    at = 2
    while data[at] == _MARK:
        marker = data[at + 1]
        if marker in _FRAMES:
            yield _number(data, at + 7, 2, "big"), _number(data, at + 5, 2, "big")
        at += 1 if marker == _MARK else 2 if marker in _ALONE else 2 + max(2, _number(data, at + 2, 2, "big"))


def _number(data: bytes, at: int, length: int, order: Literal["big", "little"]) -> int:
    if at + length > len(data):
        raise IndexError(at)
    return int.from_bytes(data[at : at + length], order)
