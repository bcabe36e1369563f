"""Reading a request's body: whole, raw, and never more of it or for longer than is allowed."""

import asyncio

from aiohttp import web

from core.errors import RequestRejected


async def read_body(request: web.BaseRequest, *, max_bytes: int, within_s: float) -> bytes:
    """The raw body of a request.

    Args:
        within_s: How long all of it may take.

    Raises:
        RequestRejected: It is too long (413), or did not come (400).
    """
    body = bytearray()
    try:
        async with asyncio.timeout(within_s):
            async for piece in request.content.iter_any():
                body += piece
                if len(body) > max_bytes:
                    raise RequestRejected(413, "the body is too long")
    except (TimeoutError, OSError, web.RequestPayloadError) as error:
        raise RequestRejected(400, "the body did not come") from error
    return bytes(body)
