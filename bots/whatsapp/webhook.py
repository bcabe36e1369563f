"""The door that Meta knocks at: it proves that it is Meta, and hears "taken" only once everything it brought is safe.

Each call is signed over its raw bytes with the app's secret
(https://developers.facebook.com/docs/graph-api/webhooks/getting-started). What it brings may be old, doubled or in any
order, for up to seven days; the events' keys tell.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Awaitable, Callable, Generator
from contextlib import contextmanager
from typing import Any, Final

import structlog
from aiohttp import web

from core.errors import RequestRejected, StoreError
from core.server.bodies import read_body
from core.site import Routes

log = structlog.get_logger(__name__)

HEADER: Final = "X-Hub-Signature-256"
MOST_BYTES: Final = 3 * 1024 * 1024  # as much as Meta sends at once

_SLOWEST_S: Final = 10.0
_SIGNATURE = re.compile(r"sha256=[0-9a-f]{64}", re.ASCII)

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
        """Answer the handshake by which the address is registered.

        Raises:
            RequestRejected: It does not show our word.
        """
        said = request.query.get("hub.verify_token", "").encode("utf-8", "surrogateescape")
        if request.query.get("hub.mode") != "subscribe" or not hmac.compare_digest(said, self._word):
            raise RequestRejected(403, "the verify token is missing or wrong")
        return web.Response(text=request.query.get("hub.challenge", "")[:1000])

    async def handle(self, request: web.Request) -> web.Response:
        """Take in one call: 200 once all of it is durable, 503 for "come again".

        Raises:
            RequestRejected: It is not Meta's, or makes no sense.
        """
        signature = _signature(request)  # without one, not a byte of the body is read
        body = await read_body(request, max_bytes=MOST_BYTES, within_s=_SLOWEST_S)
        ours = "sha256=" + hmac.new(self._secret, body, hashlib.sha256).hexdigest()
        if not hmac.compare_digest(signature, ours):
            raise RequestRejected(403, "the signature is wrong")
        try:
            payload = json.loads(body)
        except (ValueError, RecursionError):
            payload = None
        if not isinstance(payload, dict):
            raise RequestRejected(400, "not a JSON object")
        if self._receive is None:
            return web.Response(status=503)
        try:
            await self._receive(payload)
        except StoreError as error:
            log.warning("webhook call not taken in, Meta will bring it again", reason=str(error))
            return web.Response(status=503)
        return web.Response(status=200)


def _signature(request: web.Request) -> str:
    """The signature that a call shows."""
    shown = request.headers.getall(HEADER, [])
    if len(shown) != 1 or not _SIGNATURE.fullmatch(shown[0]):
        raise RequestRejected(403, "the signature is missing or of another form")
    return shown[0]
