"""The contract of ``Engine``, first part: what it does beside turns: deliveries, records, jobs, leases."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Protocol

import pytest

from core.errors import StoreError
from core.schedule import at
from core.seams import Engine, Work
from core.testing import BY_EDITS, FakeAdapter, Fault, message
from core.testing.contracts.turns import echo, running, until
from core.values import Address, Fired, Job, Outbound, Outcome, Put, Record, Reply

HERE = Address(adapter="fake", chat="1")


class EngineRig(Protocol):
    """An engine's store, to be opened again and again."""

    def open(self) -> AbstractAsyncContextManager[Engine]:
        """An engine over the store."""

    def killed(self) -> "EngineRig":
        """The store as a kill at this moment, in which nothing is being written, would leave it."""


def job(name: str, rule: str, *, cancel: bool = False) -> Job:
    """A job of Ann's."""
    return Job(id=name, to=HERE, sender="ann", rule=rule, cancel=cancel)


def soon(seconds: float = 0.0) -> str:
    """A rule for a moment from now."""
    return at(datetime.now(UTC) + timedelta(seconds=seconds))


def by_itself(text: str, slot: str) -> Outbound:
    """Something nobody asked for."""
    return Outbound(slot=slot, to=HERE, reply=Reply(markdown=text))


async def body_of(engine: Engine, table: str, row: str) -> bytes | None:
    """What a row holds."""
    record = await engine.records.get(table, row)
    return None if record is None else record.body


def _told(records: Sequence[Record]) -> list[tuple[str, bytes]]:
    return [(one.row, one.body) for one in records]


async def fired(engine: Engine, count: int, meanwhile: Sequence[Job] = ()) -> list[str]:
    """Run for as long as it takes so many jobs to fire, and a little longer; the ids of those that did."""
    names: list[str] = []

    async def turn(work: Work) -> Outcome:
        for received in work.events:
            assert isinstance(received.inbound.body, Fired)
            assert received.inbound.sender == "ann"
            names.append(received.inbound.body.job)
        return Outcome(done=tuple(received.row for received in work.events))

    async with running(engine, turn):
        await engine.commit(Outcome(jobs=tuple(meanwhile)))
        await until(lambda: len(names) >= count)
        await asyncio.sleep(0.15)
    return names


class DeliveryContract:
    """What an ``Engine`` does by itself."""

    def make_rig(self, folder: Path) -> EngineRig:
        """Make the rig: to be written in each subclass.

        Args:
            folder: An empty one, for this test alone.
        """
        raise NotImplementedError("a subclass makes its own rig")

    @pytest.fixture
    def rig(self, tmp_path: Path) -> EngineRig:
        """The rig of one test."""
        return self.make_rig(tmp_path)

    async def test_what_is_committed_outside_of_a_turn_is_delivered(self, rig: EngineRig) -> None:
        """A message by itself takes the same way out, whether the engine runs already or not yet."""
        adapter = FakeAdapter()
        async with rig.open() as engine:
            await engine.commit(Outcome(out=(by_itself("before", "s1"),)))
            async with running(engine, echo, adapter):
                await adapter.until(lambda: adapter.texts() == ["before"])
                await engine.commit(Outcome(out=(by_itself("meanwhile", "s2"),)))
                await adapter.until(lambda: adapter.texts() == ["before", "meanwhile"])

    async def test_a_commit_outside_of_a_turn_says_what_is_wrong_with_it(self, rig: EngineRig) -> None:
        """Rows belong to their lane's turn, and a scope has to exist."""
        async with rig.open() as engine:
            with pytest.raises(StoreError):
                await engine.commit(Outcome(done=(1,), out=(by_itself("no", "s1"),)))
            with pytest.raises(StoreError):
                await engine.commit(Outcome(writes=(Put(table="t", row="r", scope="nobody", body=b""),)))
            adapter = FakeAdapter()
            async with running(engine, echo, adapter):
                await asyncio.sleep(0.05)
            assert adapter.calls == []

    async def test_records_are_read_back_in_order_of_their_names(self, rig: EngineRig) -> None:
        """``latest`` gives the last rows of a prefix, ascending; a body of None deletes."""
        async with rig.open() as engine:
            rows = [Put(table="t", row=f"a/{n:03}", scope="house", body=str(n).encode()) for n in range(12)]
            await engine.commit(Outcome(writes=(*rows, Put(table="t", row="b/000", scope="house", body=b"other"))))
            await engine.commit(Outcome(writes=(Put(table="t", row="a/011", scope="house", body=None),)))
            records = engine.records
            assert _told(await records.latest("t", "a/", 3)) == [("a/008", b"8"), ("a/009", b"9"), ("a/010", b"10")]
            assert await records.get("t", "a/011") is None
            assert await records.latest("t", "c/", 3) == ()
            assert _told(await records.before("t", "a/", "a/003", 2)) == [("a/001", b"1"), ("a/002", b"2")]
            assert await records.before("t", "a/", "a/", 2) == ()
            assert [one.row for one in await records.before("t", "a/", "z", 2)] == ["a/009", "a/010"]
            assert _told(await records.after("t", "a/", "a/008", 3)) == [("a/009", b"9"), ("a/010", b"10")]
            assert [one.row for one in await records.after("t", "a/", "", 2)] == ["a/000", "a/001"]
            assert await records.after("t", "a/", "z", 2) == ()

    async def test_a_job_fires_once_and_not_early(self, rig: EngineRig) -> None:
        """It becomes an event of its person's lane when its time has come."""
        async with rig.open() as engine:
            due = datetime.now(UTC) + timedelta(seconds=0.3)
            assert await fired(engine, 1, [job("tea", at(due))]) == ["tea"]
            assert datetime.now(UTC) >= due
            assert await fired(engine, 0) == []

    async def test_a_missed_job_fires_once_at_the_next_start(self, rig: EngineRig) -> None:
        """Times that passed while nothing ran are made up for by one event, also of a rule that named three."""
        begun = datetime.now(UTC) - timedelta(days=3)
        thrice = f"DTSTART:{begun:%Y%m%dT%H%M%S}\nRRULE:FREQ=DAILY;COUNT=3"
        async with rig.open() as engine:
            await engine.commit(Outcome(jobs=(job("once", soon(0.05)), job("thrice", thrice))))
        await asyncio.sleep(0.1)
        async with rig.open() as engine:
            assert sorted(await fired(engine, 2)) == ["once", "thrice"]
        async with rig.open() as engine:
            assert await fired(engine, 0) == []

    async def test_a_job_can_be_cancelled_and_replaced(self, rig: EngineRig) -> None:
        """A second job of an id replaces the first; a cancelled one is forgotten, also one that never was."""
        async with rig.open() as engine:
            jobs = (job("a", soon(0.2)), job("b", soon(0.2)), job("c", soon(60)))
            await engine.commit(Outcome(jobs=jobs))
            changes = [job("a", "", cancel=True), job("b", soon(60)), job("c", soon(0.1)), job("d", "", cancel=True)]
            assert await fired(engine, 1, changes) == ["c"]

    async def test_a_recurring_job_stays_after_it_fired(self, rig: EngineRig) -> None:
        """It is set to its next time in the commit that makes it an event."""
        begun = datetime.now(UTC) - timedelta(days=3)
        rule = f"DTSTART:{begun:%Y%m%dT%H%M%S}\nRRULE:FREQ=MINUTELY;INTERVAL=7"
        async with rig.open() as engine:
            await engine.commit(Outcome(jobs=(job("often", rule), job("now", soon()))))
            assert await fired(engine, 1) == ["now"]
            await engine.commit(Outcome(jobs=(job("often", "", cancel=True),)))

    @pytest.mark.parametrize("rule", ["", "nonsense", "at:tomorrow", "DTSTART:20261124T090000\nRRULE:FREQ=SECONDLY"])
    async def test_a_rule_that_is_none_is_refused(self, rig: EngineRig, rule: str) -> None:
        """Whoever sets a job hears at once that it would never come."""
        async with rig.open() as engine:
            with pytest.raises(ValueError, match=r"\S"):
                await engine.commit(Outcome(jobs=(job("a", rule),)))

    async def test_a_lease_excludes_and_its_fence_grows(self, rig: EngineRig) -> None:
        """One holder at a time; each later one, also after a restart, has a larger fence; other names are free."""
        fences: list[int] = []
        holders = 0

        async def hold(engine: Engine) -> None:
            nonlocal holders
            async with engine.lease("bot") as fence:
                holders += 1
                assert holders == 1
                await asyncio.sleep(0.01)
                fences.append(fence)
                holders -= 1

        async with rig.open() as engine:
            await asyncio.gather(*(hold(engine) for _ in range(5)))
            async with asyncio.timeout(1), engine.lease("bot"), engine.lease("other") as other:
                assert other == 1
        async with rig.open() as engine:
            await hold(engine)
        assert fences == sorted(set(fences))
        assert len(fences) == 6

    async def test_an_adapter_that_joins_late_gets_what_waited_for_it(self, rig: EngineRig) -> None:
        """A slow adapter keeps nobody waiting, and nothing that was said for it meanwhile is lost or said twice."""
        slow, quick = FakeAdapter("slow"), FakeAdapter()
        there = Address(adapter="slow", chat="1")
        async with rig.open() as engine:
            await engine.commit(Outcome(out=(Outbound(slot="s0", to=there, reply=Reply(markdown="earlier")),)))
            async with running(engine, echo, quick):
                await engine.commit(Outcome(out=(by_itself("at once", "s1"),)))
                await quick.until(lambda: quick.texts() == ["at once"])
                await engine.commit(Outcome(out=(Outbound(slot="s2", to=there, reply=Reply(markdown="meanwhile")),)))
                await engine.join(slow)
                await slow.until(lambda: slow.texts() == ["earlier", "meanwhile"])
                await engine.commit(Outcome(out=(Outbound(slot="s3", to=there, reply=Reply(markdown="after")),)))
                await slow.until(lambda: slow.texts() == ["earlier", "meanwhile", "after"])
        assert len(slow.calls) == 3

    async def test_an_adapter_that_joins_late_may_have_been_cut_off_in_a_send(self, rig: EngineRig) -> None:
        """What a kill left half sent is settled when its adapter is back, by that adapter's rule."""
        adapter = FakeAdapter(can=replace(BY_EDITS, unknown="mark"))
        adapter.faults.append(Fault(hold=asyncio.Event()))
        async with rig.open() as engine, running(engine, echo, adapter):
            await engine.commit(Outcome(out=(by_itself("cut", "s1"),)))
            await adapter.until(lambda: len(adapter.calls) == 1)
            after = rig.killed()
        async with after.open() as engine, running(engine, echo):
            await engine.commit(Outcome(out=(by_itself("next", "s2"),)))
            await engine.join(adapter)
            await adapter.until(lambda: adapter.texts() == ["next"])
        assert len(adapter.calls) == 2

    async def test_the_lane_of_a_person_is_that_of_their_private_chats(self, rig: EngineRig) -> None:
        """Who asks by a platform's id of somebody gets the lane their turns run in, "" for strangers."""
        lanes: list[str] = []

        async def turn(work: Work) -> Outcome:
            lanes.append(work.lane)
            return Outcome(done=(work.events[0].row,))

        async with rig.open() as engine, running(engine, turn):
            assert await engine.lane("fake", "ann") == ""
            await engine.accept([message("Hello")])
            await until(lambda: lanes)
            assert await engine.lane("fake", "ann") == lanes[0]
            assert await engine.lane("other", "ann") == ""
