"""Webhook mode: Telegram brings updates to our server, and forgets each once we answered that it is safe.

The secret it shows with each call is all that tells it from anybody else (https://core.telegram.org/bots/api#setwebhook),
so it is looked at before anything else is, and there is always one. It signs nothing: what is brought a second time is
recognised by the event's key, in the core.
"""

import hashlib
import hmac
import json
from collections.abc import Generator, Mapping
from contextlib import contextmanager
from typing import Any, Final
from urllib.parse import urlsplit

import structlog
from aiohttp import web

from bots.telegram.reception import Reception
from core.errors import RequestRejected, SettingsError, StoreError
from core.server.bodies import read_body
from core.site import BotSite

log = structlog.get_logger(__name__)

HEADER: Final = "X-Telegram-Bot-Api-Secret-Token"
MOST_BYTES: Final = 1024 * 1024
"""An update holds at most a message and the one it answers; the largest are some ten thousand characters."""

_OFFICIAL: Final = "api.telegram.org"
_SLOWEST_S: Final = 10.0


class Webhook:
    """What answers ``POST /webhooks/…``.

    Args:
        url: Where Telegram reaches it.
        secret: What Telegram shows with each call; never empty.
        slowest_s: How long the body of a call may take.
    """

    def __init__(self, url: str, secret: str, *, slowest_s: float = _SLOWEST_S) -> None:
        if not secret:
            raise ValueError("A webhook without a secret would believe anybody.")
        self.url = url
        self.secret = secret
        self._slowest_s = slowest_s
        self._reception: Reception | None = None

    @contextmanager
    def open_to(self, reception: Reception) -> Generator[None]:
        """Take in updates for as long as the block lasts; before and after, Telegram is asked to come again."""
        self._reception = reception
        try:
            yield
        finally:
            self._reception = None

    async def handle(self, request: web.Request) -> web.Response:
        """Answer one call: 200 once its update is durable, 503 for "come again".

        Raises:
            RequestRejected: It is not Telegram's, or no update. Whoever sent it need not learn what to do better.
        """
        self._authorise(request)
        update = await self._read(request)
        if self._reception is None:
            return web.Response(status=503)
        try:
            await self._reception.receive([update])
        except StoreError as error:
            log.warning("update not taken in, Telegram will bring it again", reason=str(error))
            return web.Response(status=503)
        return web.Response(status=200)

    def _authorise(self, request: web.Request) -> None:
        """Compare the secret as bytes, and in a time that does not depend on how much of it is right."""
        shown = request.headers.getall(HEADER, [])
        if len(shown) != 1 or not hmac.compare_digest(
            shown[0].encode("utf-8", "surrogateescape"), self.secret.encode()
        ):
            raise RequestRejected(403, "the secret is missing or wrong")

    async def _read(self, request: web.Request) -> Mapping[str, Any]:
        if request.content_type != "application/json":
            raise RequestRejected(400, "not JSON")
        body = await read_body(request, max_bytes=MOST_BYTES, within_s=self._slowest_s)
        try:
            update = json.loads(body)
        except (ValueError, RecursionError) as error:
            raise RequestRejected(400, "not JSON") from error
        if not isinstance(update, dict) or type(update.get("update_id")) is not int:
            raise RequestRejected(400, "not an update")
        return update


def secret_of(token: str) -> str:
    """The secret of a bot whose operator has chosen none: made of its token, so that nobody else can make it.

    It is the same after a restart and in every process, and nothing has to be kept.
    """
    return hmac.new(token.encode(), b"waystation: the webhook's secret", hashlib.sha256).hexdigest()


def webhook_url(public_url: str, path: str, api_base: str) -> str:
    """The address that Telegram is told.

    Raises:
        SettingsError: It would not take it: it wants HTTPS (https://core.telegram.org/bots/api#setwebhook), but for a
            Bot API server of one's own (https://core.telegram.org/bots/api#using-a-local-bot-api-server).
    """
    parts = urlsplit(public_url)
    if not parts.hostname:
        raise SettingsError(
            'bots.telegram.mode = "webhook" needs server.public_url: the https address at which a proxy before us is '
            'reached from the internet; mode = "polling" needs none.'
        )
    if parts.scheme != "https" and urlsplit(api_base).hostname == _OFFICIAL:
        raise SettingsError(f"server.public_url must begin with https:// for Telegram's webhook: {public_url}")
    return public_url.rstrip("/") + path


def open_door(site: BotSite, secret: str, token: str, api_base: str) -> Webhook:
    """Open a door for Telegram on the server, at ``/webhooks/`` and the adapter's name.

    Args:
        secret: What the operator chose, "" for nothing.

    Raises:
        SettingsError: There is no address at which Telegram could reach it.
    """
    path = f"/webhooks/{site.name}"
    if site.server is None:
        raise SettingsError('bots.telegram.mode = "webhook" needs the server, which is not running: use "polling".')
    url = webhook_url(site.server.public_url, path, api_base)
    webhook = Webhook(url, secret or secret_of(token))
    site.server.add("POST", path, webhook.handle, most_bytes=MOST_BYTES)
    return webhook
