"""Telling Telegram where to bring updates, and seeing to it that it stays so."""

import asyncio
import hashlib
import json
from typing import Any, Final, NoReturn

import structlog

from bots.telegram.intake import ALLOWED_UPDATES
from bots.telegram.patience import Pace, Patience
from bots.telegram.transport import Line, Refused, bare
from bots.telegram.webhook import Webhook
from core.errors import AdapterError
from core.site import Memo

log = structlog.get_logger(__name__)

_MEMO: Final = "webhook"
_BAD_REQUEST: Final = 400


class Registration:
    """One bot's webhook, as Telegram knows it."""

    def __init__(self, line: Line, memo: Memo, pace: Pace, webhook: Webhook) -> None:
        self._line = line
        self._memo = memo
        self._pace = pace
        self._patience = Patience(pace)
        self._url = webhook.url
        self._secret = webhook.secret
        self._trouble = ""

    async def keep(self, bot_id: int) -> NoReturn:
        """Set the webhook where it is not what it should be, and look again from time to time, until cancelled.

        What is pending is never dropped. Setting it costs nothing, but is done only where something changed: two
        processes with different ideas would otherwise fight for ever, unseen.

        Raises:
            AdapterError: Telegram does not take the address.
            PlatformRefusedUs: The token is not accepted.
        """
        while True:
            info = await self._patience.insist(lambda: self._line.call("getWebhookInfo", {}))
            if await self._differs(info, bot_id):
                await self._patience.insist(self._set)
                await self._memo.keep(_MEMO, self._mark(bot_id))
                log.info("the webhook is set", url=self._url, pending=info.get("pending_update_count"))
            self._tell(info)
            await asyncio.sleep(self._pace.check_s)

    async def _differs(self, info: dict[str, Any], bot_id: int) -> bool:
        """Whether Telegram knows other than it should. Which secret it knows shows only in what we refused."""
        refused = "403" in info.get("last_error_message", "") and _trouble(info) != self._trouble
        return refused or info.get("url") != self._url or await self._memo.get(_MEMO) != self._mark(bot_id)

    async def _set(self) -> None:
        """Set it (https://core.telegram.org/bots/api#setwebhook)."""
        body = {"url": self._url, "secret_token": self._secret, "allowed_updates": ALLOWED_UPDATES}
        try:
            await self._line.call("setWebhook", body)
        except Refused as exc:
            if exc.code != _BAD_REQUEST:
                raise
            raise AdapterError(f"Telegram does not take the webhook {self._url}: {exc.message}") from bare(exc)

    def _mark(self, bot_id: int) -> str:
        """What was told to Telegram, in short; the secret cannot be found out from it."""
        told = json.dumps([bot_id, self._url, self._secret, ALLOWED_UPDATES])
        return hashlib.sha256(told.encode()).hexdigest()

    def _tell(self, info: dict[str, Any]) -> None:
        """Say once what keeps Telegram from bringing updates (https://core.telegram.org/bots/api#webhookinfo)."""
        trouble = _trouble(info)
        if trouble and trouble != self._trouble:
            log.warning(
                "telegram could not bring an update",
                reason=info.get("last_error_message"),
                pending=info.get("pending_update_count"),
            )
        self._trouble = trouble


def _trouble(info: dict[str, Any]) -> str:
    return f"{info.get('last_error_date', '')} {info.get('last_error_message', '')}".strip()
