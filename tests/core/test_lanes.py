"""Lanes: contexts in order and side by side, within bounds; none starves, and a stop is a stop."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable, Iterable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from contracts.rigs.engines import SqliteRig, text_of, until
from core.delivery.couriers import Delivery
from core.delivery.governor import Governor
from core.engines.sqlite import SqliteEngine
from core.engines.store import SqliteStore
from core.lanes import Lanes
from core.seams import Turn, Work
from core.testing import message
from core.values import Outcome


class Bench:
    """Lanes over a store, with bounds so small that they are met."""

    def __init__(self, store: SqliteStore, *, at_once: int, line: int) -> None:
        self.store = store
        delivery = Delivery(store, (), Governor({}))
        self.lanes = Lanes(store, delivery, lambda: None, at_once=at_once, line=line)

    async def hear(self, *people: str) -> None:
        """Let each of them say something."""
        results = await self.store.accept([message(who, chat=who, sender=who) for who in people])
        self.lanes.heard(lane for _, lane in results)

    @asynccontextmanager
    async def running(self, turn: Turn) -> AsyncGenerator[None]:
        """Run turns while the block lasts."""
        task = asyncio.create_task(self.lanes.run(turn))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})
            await self.lanes.drain(1.0)


Make = Callable[..., Bench]


@pytest.fixture
async def make(tmp_path: Path) -> AsyncGenerator[Make]:
    """Makes a bench over an empty store."""
    async with SqliteRig(tmp_path / "data").open() as engine:
        assert isinstance(engine, SqliteEngine)
        store = engine._store

        def bench(*, at_once: int, line: int) -> Bench:
            return Bench(store, at_once=at_once, line=line)

        yield bench


def settling(work: Work) -> Outcome:
    """The outcome that settles the first event."""
    return Outcome(done=(work.events[0].row,))


def people(count: int) -> Iterable[str]:
    """So many names."""
    return (f"p{number}" for number in range(count))


async def test_what_does_not_fit_into_the_line_is_found_on_disk_the_oldest_first(make: Make) -> None:
    """Two hundred lanes go through a line of three, two at once; each is served, as old as it is."""
    bench = make(at_once=2, line=3)
    order: list[str] = []
    at_work = most = 0

    async def turn(work: Work) -> Outcome:
        nonlocal at_work, most
        at_work += 1
        most = max(most, at_work)
        await asyncio.sleep(0)
        order.append(text_of(work.events[0]))
        at_work -= 1
        return settling(work)

    await bench.hear(*people(200))
    async with bench.running(turn):
        await until(lambda: len(order) == 200)
    assert Counter(order) == Counter(people(200))
    assert most <= 2
    place = {who: number for number, who in enumerate(order)}
    assert all(abs(place[who] - number) < 5 for number, who in enumerate(people(200)))


@pytest.mark.parametrize("at_once, line", [(1, 1), (2, 3)])
@pytest.mark.parametrize("hot", [1, 3, 8])
async def test_lanes_that_never_end_starve_nobody(make: Make, hot: int, at_once: int, line: int) -> None:
    """However many lanes get a new message with every answer, newcomers are answered after a few of their turns."""
    bench = make(at_once=at_once, line=line)
    turns = 0
    waited: dict[str, int] = {}
    came: dict[str, int] = {}

    async def turn(work: Work) -> Outcome:
        nonlocal turns
        turns += 1
        who = text_of(work.events[0])
        if who.startswith("hot"):
            await bench.hear(who)
        else:
            waited[who] = turns - came[who]
        return settling(work)

    await bench.hear(*(f"hot{number}" for number in range(hot)))
    async with bench.running(turn):
        for count in (1, 5, 1):
            newcomers = [f"{turns}/{number}" for number in range(count)]
            came.update(dict.fromkeys(newcomers, turns))
            await bench.hear(*newcomers)
            await until(lambda newcomers=newcomers: waited.keys() >= set(newcomers))  # type: ignore[misc]
    assert max(waited.values()) < 10 * (hot + line)


async def test_a_lane_that_waits_for_a_slow_turn_keeps_its_place(make: Make) -> None:
    """A full house lets nobody in, and forgets nobody either."""
    bench = make(at_once=1, line=2)
    goes = asyncio.Event()
    order: list[str] = []

    async def turn(work: Work) -> Outcome:
        await goes.wait()
        order.append(text_of(work.events[0]))
        return settling(work)

    async with bench.running(turn):
        for who in people(6):
            await bench.hear(who)
        await asyncio.sleep(0.02)
        assert bench.lanes.running == 1
        goes.set()
        await until(lambda: len(order) == 6)
    assert order == list(people(6))


async def test_a_stop_lets_the_turn_end_and_begins_no_other(make: Make) -> None:
    """What waits behind it in the lane waits for the next start."""
    bench = make(at_once=2, line=3)
    goes = asyncio.Event()
    ended: list[str] = []

    async def turn(work: Work) -> Outcome:
        await goes.wait()
        ended.append(text_of(work.events[0]))
        return settling(work)

    await bench.hear("ann", "ann", "ann")
    async with bench.running(turn):
        await until(lambda: bench.lanes.running == 1)
        asyncio.get_running_loop().call_later(0.05, goes.set)
    assert ended == ["ann"]
    assert bench.lanes.running == 0
    assert len(await bench.store.waiting_lanes(9, ())) == 1


async def test_a_turn_that_takes_too_long_is_cut_off_and_keeps_its_row(make: Make) -> None:
    """After the grace time it is cancelled, and closes what it has open."""
    bench = make(at_once=2, line=3)
    closed = False

    async def turn(work: Work) -> Outcome:
        nonlocal closed
        try:
            await asyncio.Event().wait()
        finally:
            closed = True
        return settling(work)

    await bench.hear("ann")
    task = asyncio.create_task(bench.lanes.run(turn))
    await until(lambda: bench.lanes.running == 1)
    task.cancel()
    await bench.lanes.drain(0.05)
    assert closed
    assert len(await bench.store.waiting_lanes(9, ())) == 1


async def test_a_turn_that_rests_after_a_failure_does_not_hold_up_a_stop(make: Make) -> None:
    """There is nothing to wait for: it runs again at the next start."""
    bench = make(at_once=2, line=3)
    tries = 0

    async def turn(work: Work) -> Outcome:
        nonlocal tries
        tries += 1
        raise RuntimeError("a bug")

    await bench.hear("ann")
    task = asyncio.create_task(bench.lanes.run(turn))
    await until(lambda: tries == 1)
    await asyncio.sleep(0.01)
    task.cancel()
    began = time.monotonic()
    await bench.lanes.drain(5.0)
    assert time.monotonic() - began < 0.4
    assert len(await bench.store.waiting_lanes(9, ())) == 1


async def test_a_lane_that_fails_holds_up_no_other_and_tries_less_and_less_often(make: Make) -> None:
    """Its failures cost its own time."""
    bench = make(at_once=2, line=3)
    tries = 0
    others: list[str] = []

    async def turn(work: Work) -> Outcome:
        nonlocal tries
        if text_of(work.events[0]) == "ann":
            tries += 1
            raise RuntimeError("a bug")
        others.append(text_of(work.events[0]))
        return settling(work)

    async with bench.running(turn):
        await bench.hear("ann", *people(50))
        await until(lambda: len(others) == 50)
        assert tries == 1


async def test_later_is_not_for_a_turn_that_has_ended(make: Make) -> None:
    """A task left behind does not take the next turn's news."""
    bench = make(at_once=2, line=3)
    left: list[Work] = []

    async def turn(work: Work) -> Outcome:
        left.append(work)
        return settling(work)

    async with bench.running(turn):
        await bench.hear("ann")
        await until(lambda: bench.lanes.running == 0 and left)
        with pytest.raises(Exception, match="after its end"):
            await left[0].later()
