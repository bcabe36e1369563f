"""Lanes: one context's events in strict order, all contexts at once.

A lane with open rows is ready; ready lanes run their turns side by side, up to a bound, and a lane that has more
to do goes to the end of the line after each turn, so that a hot one starves nobody. What does not fit into the line
stays on disk and is found again when the line runs dry.
"""

import asyncio
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial

import structlog

from core.delivery.couriers import Delivery
from core.errors import CommitRefused, Outdated, StoreError, WaystationError
from core.patience import back_off_s, patiently
from core.seams import Turn
from core.storage import LaneStore, Opened
from core.values import Outbound, Outcome, Put, Received

log = structlog.get_logger(__name__)

_AT_ONCE = 2000
_LINE = 10_000
_ROWS_A_TURN = 64
_CUT_OFF_S = 2.0
_RETRY_S = (0.5, 60.0)
"""The pause before a turn that failed runs again: the first, and the longest."""
_ANEW_S = (0.005, 2.0)
"""Likewise for a turn that runs again since what it had read was changed before it ended."""


class _Running:
    """A lane whose turn runs, and what it is to hear meanwhile."""

    def __init__(self) -> None:
        self.news = asyncio.Event()
        self.resting = False  # it only waits: after a failure, or for a model
        self.task: asyncio.Task[None] | None = None


class Lanes:
    """Runs turns over the lanes of a store.

    Args:
        jobs_changed: Called after a commit that set or cancelled jobs.
        at_once: How many turns may run side by side.
        line: How many ready lanes are remembered; further ones are found on disk.
    """

    def __init__(
        self,
        store: LaneStore,
        delivery: Delivery,
        jobs_changed: Callable[[], None],
        *,
        at_once: int = _AT_ONCE,
        line: int = _LINE,
    ) -> None:
        self._store = store
        self._at_once = at_once
        self._most_in_line = line
        self._delivery = delivery
        self._jobs_changed = jobs_changed
        self._line: OrderedDict[str, None] = OrderedDict()
        self._running: dict[str, _Running] = {}
        self._spilled = True
        self._changed = asyncio.Event()
        self._stopping = False

    @property
    def running(self) -> int:
        """How many turns run now."""
        return len(self._running)

    def heard(self, lanes: Iterable[str]) -> None:
        """These lanes have new rows, committed already."""
        for lane in lanes:
            if (running := self._running.get(lane)) is not None:
                running.news.set()
            elif self._spilled or len(self._line) >= self._most_in_line:
                self._spilled = True  # behind those on disk
            else:
                self._line[lane] = None
        self._changed.set()

    async def run(self, turn: Turn) -> None:
        """Run turns until cancelled; the turns that run then go on (see ``drain``)."""
        while True:
            self._changed.clear()
            if not self._line and self._spilled:
                await self._refill()
            while self._line and len(self._running) < self._at_once:
                lane, _ = self._line.popitem(last=False)
                running = self._running[lane] = _Running()
                running.task = asyncio.create_task(self._serve(lane, running, turn), name=f"lane {lane}")
            if not (self._spilled and not self._line and len(self._running) < self._at_once):
                await self._changed.wait()

    async def drain(self, grace_s: float) -> None:
        """Let running turns finish for a while, then cut them off: their rows stay open and run again."""
        self._stopping = True
        tasks = {running.task: running.resting for running in self._running.values() if running.task is not None}
        for task, resting in tasks.items():
            if resting:
                task.cancel()
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=grace_s)
        for task in late:
            task.cancel()
        if late:
            log.info("turns cut off", count=len(late), note="they run again at the next start")
            await asyncio.wait(late, timeout=_CUT_OFF_S)

    async def _refill(self) -> None:
        self._spilled = False
        lanes = await patiently(lambda: self._store.waiting_lanes(self._most_in_line, tuple(self._running)))
        self._spilled = self._spilled or len(lanes) >= self._most_in_line
        self._line.update(dict.fromkeys(lanes))

    async def _serve(self, lane: str, running: _Running, turn: Turn) -> None:
        """Run the lane's turns until it is empty, or others wait."""
        again = False
        try:
            again = await self._turns(lane, running, turn)
        finally:
            self._delivery.forget(lane)
            del self._running[lane]
            if again or running.news.is_set():
                self.heard([lane])
            self._changed.set()

    async def _turns(self, lane: str, running: _Running, turn: Turn) -> bool:
        """True when there is more to do but others wait."""
        failures = 0
        while not self._stopping:
            running.news.clear()
            try:
                if not await self._one(lane, running, turn):
                    return False
            except Exception as error:
                # The turn answers for its own failures; what arrives here is the store's, or a bug. Nothing is lost.
                failures += 1
                outdated = isinstance(error, Outdated)
                delay_s = back_off_s(failures, *(_ANEW_S if outdated else _RETRY_S))
                if outdated:  # somebody else got on instead
                    log.info("turn decides anew", lane=lane, reason=str(error), again_in_s=round(delay_s, 2))
                    await self._rest(running, delay_s)
                    continue
                bug = not isinstance(error, StoreError | CommitRefused)
                log.warning("turn failed", lane=lane, reason=str(error), again_in_s=round(delay_s, 1), exc_info=bug)
                await self._rest(running, delay_s)
                continue
            failures = 0
            if self._line or self._spilled:
                return True
        return False

    async def _rest(self, running: _Running, seconds: float) -> None:
        """Sleep; once the end is near, whoever only sleeps is cut off."""
        running.resting = True
        try:
            if self._stopping and running.task is not None:
                running.task.cancel()
            await asyncio.sleep(seconds)
        finally:
            running.resting = False

    async def _one(self, lane: str, running: _Running, turn: Turn) -> bool:
        opened = await self._store.open_lane(lane, 0, _ROWS_A_TURN)
        if not opened.events:
            return False
        with structlog.contextvars.bound_contextvars(lane=lane, row=opened.events[0].row):
            work = _LaneWork(self._store, self._delivery, lane, opened, running, pause=partial(self._rest, running))
            try:
                outcome = await turn(work)
            finally:
                work.close()
            if not outcome.done:
                msg = f"a turn of lane {lane} settled nothing and would run for ever"
                raise WaystationError(msg)
            await self._settle(lane, outcome)
        return True

    async def _settle(self, lane: str, outcome: Outcome) -> None:
        written = tuple([await self._delivery.written(out) for out in outcome.out])
        with self._delivery.closing(lane, written):
            log.debug("stage", stage="commit", phase="begin")
            taken_back = await self._store.settle(lane, outcome, written)
            log.debug("stage", stage="commit", phase="done")
        self._delivery.wake(taken_back)
        if outcome.jobs:
            self._jobs_changed()


class _LaneWork:
    """What a turn sees of its lane."""

    def __init__(
        self,
        store: LaneStore,
        delivery: Delivery,
        lane: str,
        opened: Opened,
        running: _Running,
        *,
        pause: Callable[[float], Awaitable[None]],
    ) -> None:
        self.lane = lane
        self.events = opened.events
        self.steps = opened.steps
        self._store = store
        self._delivery = delivery
        self._news = running.news
        self._pause = pause
        self._seen = opened.events[-1].row
        self._closed = False

    async def later(self) -> tuple[Received, ...]:
        """See ``Work.later``."""
        while True:
            self._alive()
            opened = await self._store.open_lane(self.lane, self._seen, _ROWS_A_TURN)
            if opened.events:
                self._seen = opened.events[-1].row
                return opened.events
            await self._news.wait()
            self._news.clear()

    async def record(self, step: bytes, *writes: Put, out: Sequence[Outbound] = ()) -> None:
        """See ``Work.record``."""
        self._alive()
        log.debug("stage", stage="record", phase="begin")
        written = tuple([await self._delivery.written(one) for one in out])
        await self._store.record(self.lane, step, writes, written)
        log.debug("stage", stage="record", phase="done")
        self._delivery.wake((one.chat, one.out.to) for one in written)

    async def show(self, out: Outbound) -> bool:
        """See ``Work.show``."""
        self._alive()
        return self._delivery.show(self.lane, out)

    async def pause(self, seconds: float) -> None:
        """See ``Work.pause``."""
        self._alive()
        await self._pause(seconds)

    def close(self) -> None:
        """The turn is over: nothing may be shown or recorded in its name any more."""
        self._closed = True

    def _alive(self) -> None:
        if self._closed:
            msg = f"a turn of lane {self.lane} went on after its end"
            raise WaystationError(msg)
