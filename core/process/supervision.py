"""Keeps an adapter listening: starts it again after a failure, later and later, and knows how it is doing.

A failure is told in one calm line; how it came about is told at debug level. A platform that refuses our credentials
is asked no more, and nothing else stops because of it.
"""

import time
from asyncio import sleep
from datetime import UTC, datetime
from typing import Literal

import structlog

from core.errors import PlatformBusy, PlatformRefusedUs
from core.patience import back_off_s
from core.seams import Accept, Adapter
from core.values import value

log = structlog.get_logger(__name__)


@value
class Pace:
    """How patiently an adapter is started again, in seconds.

    Attributes:
        first_s: The wait after the first failure; each further one doubles it, up to ``longest_s``.
        well_after_s: After running this long it counts as well: the next failure is a first one.
    """

    first_s: float = 1.0
    longest_s: float = 300.0
    well_after_s: float = 60.0


@value
class State:
    """How an adapter is doing.

    Attributes:
        doing: ``waiting`` is between a failure and the next start; ``stopped`` is for good.
        reason: The last failure, "" before any.
        failures: In a row.
    """

    doing: Literal["starting", "listening", "waiting", "stopped"] = "starting"
    since: datetime
    reason: str = ""
    failures: int = 0


class Supervisor:
    """One adapter's ``run``, kept going."""

    def __init__(self, adapter: Adapter, accept: Accept, pace: Pace | None = None) -> None:
        self._adapter = adapter
        self._accept = accept
        self._pace = pace or Pace()
        self.state = State(since=datetime.now(UTC))

    @property
    def name(self) -> str:
        """The adapter's."""
        return self._adapter.name

    async def run(self) -> None:
        """Keep it going until cancelled, or until the platform refuses us."""
        failures = 0
        while True:
            began = time.monotonic()
            self._now("listening", self.state.reason, failures)
            try:
                await self._adapter.run(self._accept)
                problem: Exception = RuntimeError("it ended by itself")
            except PlatformRefusedUs as refusal:
                self._now("stopped", str(refusal), failures + 1)
                log.error("adapter stopped", adapter=self.name, reason=str(refusal))  # noqa: TRY400 - one calm line
                return
            except Exception as failure:  # noqa: BLE001 - an adapter's failure, of whatever kind, is its own
                problem = failure
            well = time.monotonic() - began >= self._pace.well_after_s
            failures = 1 if well else failures + 1
            await self._wait(problem, failures)

    async def _wait(self, problem: Exception, failures: int) -> None:
        wait_s = back_off_s(failures - 1, self._pace.first_s, self._pace.longest_s)
        if isinstance(problem, PlatformBusy):
            wait_s = max(wait_s, problem.retry_after_s)
        kind, reason = type(problem).__name__, str(problem) or "no reason given"
        self._now("waiting", reason, failures)
        log.warning("adapter failed", adapter=self.name, kind=kind, reason=reason, again_in_s=round(wait_s, 1))
        log.debug("adapter failed, in full", adapter=self.name, exc_info=problem)
        await sleep(wait_s)

    def _now(self, doing: Literal["listening", "waiting", "stopped"], reason: str, failures: int) -> None:
        self.state = State(doing=doing, since=datetime.now(UTC), reason=reason, failures=failures)
