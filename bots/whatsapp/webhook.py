"""The door that Meta knocks at: it proves that it is Meta, and hears "taken" only once everything it brought is safe.

Each call is signed over its raw bytes with the app's secret
(https://developers.facebook.com/docs/graph-api/webhooks/getting-started). What it brings may be old, doubled or in any
order, for up to seven days; the events' keys tell.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

import structlog
from aiohttp import web

from core.errors import StoreError
from core.site import Routes

log = structlog.get_logger(__name__)

HEADER: Final = "X-Hub-Signature-256"
MOST_BYTES: Final = 3 * 1024 * 1024  # as much as Meta sends at once

_SLOWEST_S: Final = 10.0

Receive = Callable[[dict[str, Any]], Awaitable[None]]


class Webhook:
    """What answers ``/webhooks/whatsapp``.

    Args:
        secret: The app's; never empty.
        word: What Meta says back to us when the address is registered; never empty.
    """

    def __init__(self, secret: str, word: str) -> None:
        if not (secret and word):
            raise ValueError("A webhook without secrets would believe anybody.")
        self._secret = secret.encode()
        self._word = word.encode()
        self._receive: Receive | None = None

    def open_at(self, routes: Routes, path: str) -> None:
        """Answer at a path of the server."""
        routes.add("GET", path, self.verify)
        routes.add("POST", path, self.handle, most_bytes=MOST_BYTES)

    @contextmanager
    def open_to(self, receive: Receive) -> Generator[None]:
        """Take in what comes for as long as the block lasts; before and after, Meta is asked to come again."""
        self._receive = receive
        try:
            yield
        finally:
            self._receive = None

    async def verify(self, request: web.Request) -> web.Response:
        """Answer the handshake by which the address is registered."""
        said = request.query.get("hub.verify_token", "").encode("utf-8", "surrogateescape")
        if request.query.get("hub.mode") != "subscribe" or not hmac.compare_digest(said, self._word):
            log.warning("webhook not verified", remote=request.remote)
            return web.Response(status=403)
        return web.Response(text=request.query.get("hub.challenge", "")[:1000])

    async def handle(self, request: web.Request) -> web.Response:
        """Take in one call: 200 once all of it is durable, 503 for "come again", else what is wrong with it."""
        body = await _whole(request)
        if body is None:
            return web.Response(status=413)
        if not self._is_signed(request, body):
            log.warning("webhook call rejected", reason="the signature is missing or wrong", remote=request.remote)
            return web.Response(status=403)
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            payload = None
        if not isinstance(payload, dict):
            return web.Response(status=400)
        if self._receive is None:
            return web.Response(status=503)
        try:
            await self._receive(payload)
        except StoreError as error:
            log.warning("webhook call not taken in, Meta will bring it again", reason=str(error))
            return web.Response(status=503)
        return web.Response(status=200)

    def _is_signed(self, request: web.Request, body: bytes) -> bool:
        """Compare in a time that does not depend on how much of the signature is right."""
        shown = request.headers.getall(HEADER, [])
        ours = "sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        return len(shown) == 1 and hmac.compare_digest(shown[0].encode("utf-8", "surrogateescape"), ours.encode())


async def _whole(request: web.Request) -> bytes | None:
    """The raw body, None where it is too long or does not come."""
    pieces = bytearray()
    try:
        async with asyncio.timeout(_SLOWEST_S):
            async for piece in request.content.iter_any():
                pieces += piece
                if len(pieces) > MOST_BYTES:
                    return None
    except (TimeoutError, OSError, web.RequestPayloadError):
        return None
    return bytes(pieces)
