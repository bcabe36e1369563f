"""Asking Telegram until there is an answer, pausing longer after each failure; and how patiently all is done."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Final, TypeVar

import structlog
from telegram.error import TelegramError

from bots.telegram.refusals import translate
from bots.telegram.transport import Refused, bare
from core.errors import PlatformBusy, PlatformRefusedUs
from core.values import value

log = structlog.get_logger(__name__)

_CONFLICT: Final = 409
_T = TypeVar("_T")


@value
class Pace:
    """How patiently we ask.

    Attributes:
        poll_s: How long Telegram may hold a question open until there is something to tell.
        first_s: The first pause after a failure; each further one is twice as long, up to ``longest_s``.
        rival_s: The pause after another program asked for the same bot's updates.
        check_s: How often we look whether Telegram still brings updates to our webhook.
    """

    poll_s: int = 45
    first_s: float = 0.5
    longest_s: float = 60.0
    rival_s: float = 15.0
    check_s: float = 300.0


class Patience:
    """Asks again and again, and remembers how often that was in vain."""

    def __init__(self, pace: Pace) -> None:
        self._pace = pace
        self._failures = 0

    async def insist(
        self, ask: Callable[[], Awaitable[_T]], resolve: Callable[[], Awaitable[bool]] | None = None
    ) -> _T:
        """Ask until there is an answer.

        Args:
            resolve: Called when Telegram says that something stands against the question; tells whether it mended it.

        Raises:
            PlatformRefusedUs: The token is not accepted.
        """
        while True:
            try:
                answer = await ask()
            except TelegramError as exc:
                await self._pause(exc, resolve)
            else:
                self._failures = 0
                return answer

    async def _pause(self, exc: TelegramError, resolve: Callable[[], Awaitable[bool]] | None) -> None:
        trouble = translate(exc, repeatable=True)
        if isinstance(trouble, PlatformRefusedUs):
            raise trouble from bare(exc)
        conflict = resolve is not None and isinstance(exc, Refused) and exc.code == _CONFLICT
        rival = conflict and resolve is not None and not await resolve()
        if isinstance(trouble, PlatformBusy):
            pause_s = trouble.retry_after_s
        else:
            longest_s = min(self._pace.longest_s, self._pace.first_s * 2 ** min(self._failures, 20))
            pause_s = (self._pace.rival_s if rival else longest_s) * random.uniform(0.5, 1.0)  # noqa: S311
        self._failures += 1
        log.warning("telegram not heard", reason=str(trouble), failures=self._failures, again_in_s=round(pause_s, 1))
        await asyncio.sleep(pause_s)
