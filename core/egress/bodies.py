"""Reading what a server sends: its type, and its body, never more of it than was asked for.

What is packed is unpacked in a limited process (``unpacking.py``): a few bytes can ask for much work.
"""

import re
from collections.abc import AsyncIterator, Sequence
from fnmatch import fnmatchcase

from core.egress.unpacking import Packed
from core.errors import ContentRefused, LimitReached, NotFetched, WorkBroke
from core.limited.tasks import Limited, Limits, Task

_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,62}/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}")
"""https://www.rfc-editor.org/rfc/rfc6838#section-4.2; refusals repeat a type, so no sentence may pass for one."""
_CHARSET = re.compile(r"""charset\s*=\s*["']?([\w.:+-]{1,40})""", re.IGNORECASE)
_PACKED = {"": False, "identity": False, "gzip": True, "x-gzip": True, "deflate": True}
_UNPACKING_S = 5


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


async def read_body(pieces: AsyncIterator[bytes], encoding: str, most_bytes: int, limited: Limited) -> bytes:
    """A body, unpacked.

    Args:
        encoding: The header ``Content-Encoding``.
        most_bytes: As sent, and as unpacked.
        limited: Where it is unpacked.

    Raises:
        ContentRefused: It is larger, or packed in a way we did not ask for.
        NotFetched: It is damaged.
    """
    packed = _PACKED.get(encoding.strip().lower())
    if packed is None:
        raise ContentRefused("it is packed in a way that is not read here")
    body = bytearray()
    async for piece in pieces:
        check_size(len(body) + len(piece), most_bytes)
        body += piece
    return await _unpacked(bytes(body), most_bytes, limited) if packed else bytes(body)


async def _unpacked(body: bytes, most_bytes: int, limited: Limited) -> bytes:
    limits = Limits(cpu_s=_UNPACKING_S, wall_s=4 * _UNPACKING_S, max_result_bytes=most_bytes)
    task = Task(function="core.egress.unpacking:unpacked", takes=Packed, returns=bytes, limits=limits)
    try:
        return await limited.run(task, Packed(body=body, most_bytes=most_bytes))
    except LimitReached as error:
        raise ContentRefused("what it sends takes too much to unpack") from error
    except WorkBroke as error:
        raise NotFetched("what it sends cannot be unpacked") from error


def check_size(size: int, most_bytes: int) -> None:
    """Refuse what is too large.

    Raises:
        ContentRefused: It is.
    """
    if size > most_bytes:
        raise ContentRefused(f"it is larger than {most_bytes // 1000} kB")
