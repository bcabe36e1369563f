"""Listening: ask for updates, make them durable, and only then ask for the next, which is what confirms them.

Telegram forgets an update once a later one is asked for (https://core.telegram.org/bots/api#getupdates). So the next
call is made after ``accept`` returned: a kill in between means a redelivery, which the event's key gives away. Nothing
is ever dropped at start-up: what people wrote while we were away is what they want answered.
"""

import time
from collections.abc import Sequence
from functools import partial
from typing import Any, Final

import structlog
from telegram import Bot
from telegram.error import TelegramError

from bots.telegram.intake import ALLOWED_UPDATES
from bots.telegram.patience import Pace, Patience
from bots.telegram.reception import Reception
from bots.telegram.transport import Cut, Line, bare

log = structlog.get_logger(__name__)

_AT_ONCE_S: Final = 0.2


class Poller:
    """Asks for one bot's updates."""

    def __init__(self, line: Line, bot: Bot, pace: Pace) -> None:
        self._line = line
        self._bot = bot
        self._pace = pace
        self._patience = Patience(pace)

    async def listen(self, reception: Reception) -> None:
        """Hand over updates until cancelled.

        Raises:
            PlatformRefusedUs: The token is not accepted any more.
        """
        offset = 0
        while True:
            ask = partial(self._ask, offset)
            batch = await self._patience.insist(ask, self._without_webhook)
            # After an empty answer all is confirmed, and the offset has done its work. Keeping it would be wrong:
            # after an idle week numbers may start anew, and those below the offset would be confirmed unseen.
            offset = 1 + max((raw["update_id"] for raw in batch), default=-1)
            await reception.receive(batch)

    async def _ask(self, offset: int) -> Sequence[dict[str, Any]]:
        """Ask once for what comes at or after the offset, 0 for whatever is not confirmed yet."""
        body = {"timeout": self._pace.poll_s, "allowed_updates": ALLOWED_UPDATES} | (
            {"offset": offset} if offset else {}
        )
        asked_at = time.monotonic()
        batch = await self._line.call("getUpdates", body, wait_s=self._pace.poll_s)
        if not isinstance(batch, list) or not all(map(_numbered, batch)):
            raise Cut("The updates make no sense.")
        if not batch and not offset and time.monotonic() - asked_at < min(_AT_ONCE_S, self._pace.poll_s):
            raise Cut("The question was not held open.")  # a proxy in between; asking at once would never rest
        return batch

    async def _without_webhook(self) -> bool:
        """Find out what a conflict is about; True where it was a webhook, which is removed and nothing with it.

        There is either a webhook or polling (https://core.telegram.org/bots/api#getting-updates).
        """
        try:
            hook = await self._line.asked(self._bot.get_webhook_info())
            if hook.url:
                await self._line.asked(self._bot.delete_webhook())
                log.warning(
                    "a webhook was set for this bot and kept us from polling: it is removed, what is pending stays",
                    pending=hook.pending_update_count,
                )
                return True
        except TelegramError as exc:
            log.warning("whether a webhook is set could not be asked", reason=str(bare(exc)))
            return False
        log.error("another program is asking for this bot's updates: stop it, or give each its own bot")
        return False


def _numbered(raw: object) -> bool:
    return isinstance(raw, dict) and isinstance(raw.get("update_id"), int)
