"""Files by reference: finding who has one, reading it whole, and keeping the last few at hand; and files that we make.

A file we made is kept in the store, sealed under the scope it was made for, in pieces of one row each.
"""

from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing
from secrets import token_hex

from core.errors import MediaUnavailable
from core.exchange import Blob
from core.seams import Adapter, Records
from core.site import Fetch
from core.text.invisible import label
from core.values import Media, MediaKind, Put

_KEPT_BYTES = 32 << 20
_KEPT_SHARE = 4  # one file takes at most a quarter of it

MADE = "made"
"""The adapter's name in a reference to a file that we made."""

_TABLE = "files"
_PIECE_BYTES = 256 << 10
_KINDS: tuple[tuple[str, MediaKind], ...] = (
    ("image/svg", "document"),
    ("image/", "photo"),
    ("audio/ogg", "voice"),
    ("audio/", "audio"),
    ("video/", "video"),
)


class Files:
    """All adapters' files. A conversation that shows an image shows it again with each question, so a few are kept.

    Args:
        most_bytes: How much is kept in memory.
    """

    def __init__(self, most_bytes: int = _KEPT_BYTES) -> None:
        self._adapters: dict[str, Adapter] = {}
        self._kept: OrderedDict[Media, bytes] = OrderedDict()
        self._bytes = 0
        self._most_bytes = most_bytes
        self._records: Records | None = None

    def keep_made_in(self, records: Records) -> None:
        """Files that we made are read from here."""
        self._records = records

    def join(self, adapter: Adapter) -> None:
        """Files of this adapter can be had from now on."""
        self._adapters[adapter.name] = adapter

    async def fetch(self, media: Media) -> AsyncGenerator[bytes, None]:
        """See ``Fetch``."""
        if media in self._kept:
            self._kept.move_to_end(media)
            yield self._kept[media]
            return
        pieces: list[bytes] | None = []
        size, most = 0, self._most_bytes // _KEPT_SHARE
        async with aclosing(self._source(media)) as stream:
            async for piece in stream:
                size += len(piece)
                if pieces is not None:
                    pieces.append(piece)
                    pieces = pieces if size <= most else None
                yield piece
        if pieces is not None:
            self._keep(media, b"".join(pieces))

    def _source(self, media: Media) -> AsyncGenerator[bytes, None]:
        if media.adapter == MADE and self._records is not None:
            return _read_made(self._records, media)
        adapter = self._adapters.get(media.adapter)
        if adapter is None:
            raise MediaUnavailable(f"there is no adapter {media.adapter!r}")
        return adapter.fetch(media)

    def _keep(self, media: Media, data: bytes) -> None:
        if media not in self._kept:
            self._kept[media] = data
            self._bytes += len(data)
        while self._bytes > self._most_bytes:
            _, gone = self._kept.popitem(last=False)
            self._bytes -= len(gone)


async def read_whole(fetch: Fetch, media: Media, most_bytes: int) -> bytes:
    """A file's bytes.

    Raises:
        MediaUnavailable: It cannot be had, or is larger than ``most_bytes``.
    """
    data = bytearray()
    async with aclosing(fetch(media)) as pieces:
        async for piece in pieces:
            data += piece
            if len(data) > most_bytes:
                raise MediaUnavailable(f"larger than {most_bytes} bytes")
    return bytes(data)


def made(blob: Blob, scope: str) -> tuple[Media, tuple[Put, ...]]:
    """A file that was made, by reference, and the rows that keep it.

    Args:
        scope: Whose key seals it; it goes when the scope goes.
    """
    ref = f"{scope}/{token_hex(16)}"
    pieces = [blob.data[at : at + _PIECE_BYTES] for at in range(0, max(1, len(blob.data)), _PIECE_BYTES)]
    rows = (Put(table=_TABLE, row=_row(ref, number), scope=scope, body=piece) for number, piece in enumerate(pieces))
    kind: MediaKind = next((kind for start, kind in _KINDS if blob.mime.startswith(start)), "document")
    media = Media(adapter=MADE, ref=ref, kind=kind, size_bytes=len(blob.data), name=blob.name, mime=blob.mime)
    return media, tuple(rows)


async def _read_made(records: Records, media: Media) -> AsyncGenerator[bytes, None]:
    number = 0
    while (piece := await records.get(_TABLE, _row(media.ref, number))) is not None:
        yield piece.body
        number += 1
        if len(piece.body) < _PIECE_BYTES:
            return
    if number == 0:
        raise MediaUnavailable("the file is not kept any more")


def _row(ref: str, number: int) -> str:
    return f"{ref}/{number:06d}"


def called(media: Media) -> str:
    """What a file is called, for a sentence to a model: whoever made the file chose its name."""
    name = label(media.name)
    return f'"{name}" (outside text)' if name else "unnamed"
