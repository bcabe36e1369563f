"""Listening: ask for updates, make them durable, and only then ask for the next, which is what confirms them.

Telegram forgets an update once a later one is asked for (https://core.telegram.org/bots/api#getupdates). So the next
call is made after ``accept`` returned: a kill in between means a redelivery, which the event's key gives away. Nothing
is ever dropped at start-up: what people wrote while we were away is what they want answered.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any, Final, TypeVar

import structlog
from telegram import Bot
from telegram.error import TelegramError

from bots.telegram.intake import ALLOWED_UPDATES
from bots.telegram.reception import Reception
from bots.telegram.refusals import translate
from bots.telegram.transport import Cut, Line, Refused, bare
from bots.telegram.words import Identity
from core.errors import PlatformBusy, PlatformRefusedUs
from core.values import value

log = structlog.get_logger(__name__)

_CONFLICT: Final = 409
_AT_ONCE_S: Final = 0.2
_T = TypeVar("_T")


@value
class Pace:
    """How patiently we ask.

    Attributes:
        poll_s: How long Telegram may hold a question open until there is something to tell.
        first_s: The first pause after a failure; each further one is twice as long, up to ``longest_s``.
        rival_s: The pause after another program asked for the same bot's updates.
    """

    poll_s: int = 45
    first_s: float = 0.5
    longest_s: float = 60.0
    rival_s: float = 15.0


class Poller:
    """Asks for one bot's updates."""

    def __init__(self, line: Line, bot: Bot, pace: Pace) -> None:
        self._line = line
        self._bot = bot
        self._pace = pace
        self._failures = 0

    async def identify(self) -> Identity:
        """Ask who we are, until we are told.

        Raises:
            PlatformRefusedUs: The token is not accepted.
        """
        me = await self._insist(lambda: self._line.asked(self._bot.get_me()))
        return Identity(id=me.id, username=me.username or "")

    async def listen(self, reception: Reception) -> None:
        """Hand over updates until cancelled.

        Raises:
            PlatformRefusedUs: The token is not accepted any more.
        """
        offset = 0
        while True:
            batch = await self._insist(lambda: self._ask(offset))  # noqa: B023 - awaited at once
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

    async def _insist(self, ask: Callable[[], Awaitable[_T]]) -> _T:
        """Ask until there is an answer, pausing longer after each failure."""
        while True:
            try:
                answer = await ask()
            except TelegramError as exc:
                await self._pause(exc)
            else:
                self._failures = 0
                return answer

    async def _pause(self, exc: TelegramError) -> None:
        trouble = translate(exc, repeatable=True)
        if isinstance(trouble, PlatformRefusedUs):
            raise trouble from bare(exc)
        rival = isinstance(exc, Refused) and exc.code == _CONFLICT and not await self._without_webhook()
        if isinstance(trouble, PlatformBusy):
            pause_s = trouble.retry_after_s
        else:
            longest_s = min(self._pace.longest_s, self._pace.first_s * 2 ** min(self._failures, 20))
            pause_s = (self._pace.rival_s if rival else longest_s) * random.uniform(0.5, 1.0)  # noqa: S311
        self._failures += 1
        log.warning("telegram not heard", reason=str(trouble), failures=self._failures, again_in_s=round(pause_s, 1))
        await asyncio.sleep(pause_s)

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
