"""How long one question waits for a model that is busy or down, where nobody else can answer it.

A question is durable and may wait: it is asked again after pauses that grow, with a part of each left to chance, for as
long as a person would rather wait than read an apology. A provider that names a pause (``Retry-After``) is heeded as
far as a person can wait.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable

from core.errors import ProviderError
from core.patience import back_off_s
from core.values import value

Pause = Callable[[float, float], Awaitable[None]]
"""Sleeps for so many seconds; also told how long the question will have waited in all by then."""


@value
class Limits:
    """How the pauses grow, in shares of the longest wait and in seconds; the smaller counts.

    Attributes:
        first: The first pause; each further one is twice as long, up to ``max_pause``.
        call: What one call in vain counts at most, so that a few that hang do not use up all of the wait.
        named: The longest pause that a provider may name; a longer one makes no sense here, and counts as ``call``.
        jitter: What is added at random to a named pause, as a share of it.
        least: What is left in any case of a wait that began before a restart, or in a queue.
    """

    first: float = 1 / 100
    first_s: float = 1.0
    max_pause: float = 1 / 8
    max_pause_s: float = 15.0
    call: float = 1 / 4
    named: float = 1 / 2
    jitter: float = 1 / 4
    least: float = 1 / 2


LIMITS = Limits()


class Waiting:
    """One question's wait.

    Args:
        longest_s: How long it may wait; 0 for not at all.
        waited_s: How long it has waited before.
    """

    def __init__(self, longest_s: float, pause: Pause, *, waited_s: float = 0.0, limits: Limits = LIMITS) -> None:
        self._longest_s = longest_s
        self._limits = limits
        self._pause = pause
        self._left_s = min(longest_s, max(longest_s - waited_s, longest_s * limits.least))
        self._since = _now()
        self._times = 0

    def renew(self) -> None:
        """A model answered: what comes next may wait as long again."""
        self._left_s, self._since, self._times = self._longest_s, _now(), 0

    def called(self, seconds: float, *, fails_for_all: bool) -> None:
        """A call was in vain that took so long.

        Args:
            fails_for_all: Its model fails others as well, so that asking again is not likely to help.
        """
        self._left_s -= seconds if fails_for_all else min(seconds, self._longest_s * self._limits.call)

    async def pause(self, error: ProviderError) -> None:
        """Wait until it is worth asking again.

        Raises:
            ProviderError: This one: it has waited long enough, or waiting does not help.
        """
        if self._left_s <= 0 or not error.retryable:
            raise error
        seconds = min(self._next_s(error.retry_after_s), self._left_s)
        self._left_s -= seconds
        self._times += 1
        await self._pause(seconds, _now() - self._since + seconds)

    def _next_s(self, named_s: float | None) -> float:
        limits, longest_s = self._limits, self._longest_s
        first_s = min(limits.first_s, longest_s * limits.first)
        grown_s = back_off_s(self._times, first_s, min(limits.max_pause_s, longest_s * limits.max_pause))
        if named_s is None:
            return grown_s
        heeded_s = named_s if named_s <= longest_s * limits.named else longest_s * limits.call
        return max(grown_s, heeded_s * (1 + random.uniform(0, limits.jitter)))  # noqa: S311  spreads load


def _now() -> float:
    return asyncio.get_running_loop().time()
