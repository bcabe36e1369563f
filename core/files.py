"""Files by reference: finding the adapter that has one, reading it whole, and keeping the last few at hand."""

from collections import OrderedDict
from collections.abc import AsyncGenerator
from contextlib import aclosing

from core.errors import MediaUnavailable
from core.seams import Adapter
from core.site import Fetch
from core.values import Media

_KEPT_BYTES = 32 << 20
_KEPT_SHARE = 4  # one file takes at most a quarter of it


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

    def join(self, adapter: Adapter) -> None:
        """Files of this adapter can be had from now on."""
        self._adapters[adapter.name] = adapter

    async def fetch(self, media: Media) -> AsyncGenerator[bytes, None]:
        """See ``Fetch``."""
        if media in self._kept:
            self._kept.move_to_end(media)
            yield self._kept[media]
            return
        adapter = self._adapters.get(media.adapter)
        if adapter is None:
            raise MediaUnavailable(f"there is no adapter {media.adapter!r}")
        pieces: list[bytes] | None = []
        size, most = 0, self._most_bytes // _KEPT_SHARE
        async with aclosing(adapter.fetch(media)) as stream:
            async for piece in stream:
                size += len(piece)
                if pieces is not None:
                    pieces.append(piece)
                    pieces = pieces if size <= most else None
                yield piece
        if pieces is not None:
            self._keep(media, b"".join(pieces))

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
