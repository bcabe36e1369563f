"""Fetching what people sent: where a file is, and its bytes, never more than allowed."""

from collections.abc import AsyncGenerator

from telegram.error import TelegramError

from bots.telegram.refusals import translate
from bots.telegram.transport import Line, Refused, bare
from core.errors import AdapterError, MediaUnavailable
from core.values import Media


async def fetch(line: Line, media: Media, *, max_bytes: int) -> AsyncGenerator[bytes, None]:
    """Yield a file's bytes (https://core.telegram.org/bots/api#getfile).

    What is declared too large is not asked for, and what turns out too large is broken off.
    """
    _allow(media.size_bytes, max_bytes)
    try:
        path, size_bytes = await _locate(line, media)
        _allow(size_bytes, max_bytes)
        got_bytes = 0
        async with line.download(path) as pieces:
            async for piece in pieces:
                got_bytes += len(piece)
                _allow(got_bytes, max_bytes)
                yield piece
    except TelegramError as exc:
        raise _unavailable(exc) from bare(exc)


async def _locate(line: Line, media: Media) -> tuple[str, int]:
    """Ask for the file's path; it holds for an hour, and a new one may be asked for at any time."""
    file = await line.call("getFile", {"file_id": media.ref})
    path = file.get("file_path") if isinstance(file, dict) else None
    if not path or path.startswith("/"):
        # A server of one's own in local mode names a path on its own disk, which is not ours to open.
        raise MediaUnavailable("Telegram names no place where the file could be fetched.")
    return path, int(file.get("file_size") or 0)


def _allow(size_bytes: int, max_bytes: int) -> None:
    if size_bytes > max_bytes:
        raise MediaUnavailable(f"The file is larger than the {max_bytes >> 20} MB allowed.")


def _unavailable(exc: TelegramError) -> AdapterError:
    if isinstance(exc, Refused) and exc.code in {400, 404}:
        return MediaUnavailable(f"Telegram does not hand out the file: {exc.message}")
    return translate(exc, repeatable=True)
