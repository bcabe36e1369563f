"""The contract of ``Engine``: what holds for every one of them, each over its rig."""

import asyncio
import tracemalloc
from collections import Counter, defaultdict

import pytest

from core.seams import Engine, Work
from core.testing import FakeAdapter, message
from core.testing.contracts.delivering import DeliveryContract, EngineRig, body_of, job, soon
from core.testing.contracts.turns import Diary, answered, running, say, text_of, until
from core.values import HOUSE, Inbound, Outcome, Put


async def never(work: Work) -> Outcome:
    """A turn that does not end."""
    del work
    await asyncio.Event().wait()
    raise AssertionError


class EngineContract(DeliveryContract):
    """What holds for every ``Engine``."""

    async def test_an_event_is_taken_once_however_often_it_is_delivered(self, rig: EngineRig) -> None:
        """A key is seen once: in one batch, later, and after a restart."""
        async with rig.open() as engine:
            assert await engine.accept([message("a", key="1"), message("b", key="2"), message("a", key="1")]) == (
                True,
                True,
                False,
            )
            assert await engine.accept([message("a", key="1"), message("c", key="3")]) == (False, True)
        async with rig.open() as engine:
            assert await engine.accept([message("c", key="3")]) == (False,)
            diary = Diary()
            async with running(engine, diary):
                await diary.until(3)
            assert diary.texts == ["a", "b", "c"]

    async def test_what_was_accepted_survives_a_kill(self, rig: EngineRig) -> None:
        """Once accept has returned, a platform may be told, since nothing can take the event away any more."""
        async with rig.open() as engine:
            await engine.accept([message("a")])
            after = rig.killed()
        diary = Diary()
        async with after.open() as engine, running(engine, diary):
            await diary.until(1)
        assert diary.texts == ["a"]

    async def test_accepting_wakes_the_lane_even_if_whoever_delivered_is_gone(self, rig: EngineRig) -> None:
        """A webhook whose caller hangs up in the middle has delivered all the same, or not at all."""
        diary = Diary()
        async with rig.open() as engine, running(engine, diary):
            await engine.accept([message("first")])
            await diary.until(1)
            delivering = asyncio.create_task(engine.accept([message("second")]))
            await asyncio.sleep(0)
            await asyncio.sleep(0)
            delivering.cancel()
            await diary.until(2)
        assert diary.texts == ["first", "second"]

    async def test_a_lane_is_in_order_however_it_was_filled(self, rig: EngineRig) -> None:
        """Events of one chat are handled in the order in which they were accepted, one after the other."""
        accepted: list[str] = []
        handled: list[str] = []
        at_work = 0

        async def turn(work: Work) -> Outcome:
            nonlocal at_work
            at_work += 1
            assert at_work == 1
            await asyncio.sleep(0)
            at_work -= 1
            handled.append(text_of(work.events[0]))
            return Outcome(done=(work.events[0].row,))

        async def deliver(engine: Engine, number: int) -> None:
            for part in range(10):
                await engine.accept([message(f"{number}.{part}")])
                accepted.append(f"{number}.{part}")

        async with rig.open() as engine, running(engine, turn):
            await asyncio.gather(*(deliver(engine, number) for number in range(20)))
            await until(lambda: len(handled) == 200)
        for number in range(20):
            assert [text for text in handled if text.startswith(f"{number}.")] == [f"{number}.{n}" for n in range(10)]
        assert Counter(handled) == Counter(accepted)

    async def test_thousands_of_lanes_run_at_once_each_in_order(self, rig: EngineRig) -> None:
        """Two thousand chats whose turns all wait for each other still get on, and each stays in order."""
        seen: defaultdict[str, list[str]] = defaultdict(list)
        together = asyncio.Barrier(2000)

        async def turn(work: Work) -> Outcome:
            first = work.events[0]
            seen[first.inbound.to.chat].append(text_of(first))
            if len(seen[first.inbound.to.chat]) == 1:
                await together.wait()
            return Outcome(done=(first.row,))

        async with rig.open() as engine, running(engine, turn):
            for number in range(3):
                await engine.accept([message(str(number), chat=str(chat), sender=str(chat)) for chat in range(2000)])
            await until(lambda: sum(map(len, seen.values())) == 6000, within_s=20)
        assert all(texts == ["0", "1", "2"] for texts in seen.values())

    async def test_a_hot_chat_does_not_keep_the_others_waiting(self, rig: EngineRig) -> None:
        """While one chat's queue never ends, another's question is answered after few of its turns."""
        hot = 0
        others: list[int] = []

        async def turn(work: Work) -> Outcome:
            nonlocal hot
            first = work.events[0]
            if first.inbound.sender == "hot":
                hot += 1
            else:
                others.append(hot)
            return Outcome(done=(first.row,))

        async with rig.open() as engine:
            await engine.accept([message("again", chat="hot", sender="hot") for _ in range(500)])
            await engine.accept([message("once", chat=str(n), sender=str(n)) for n in range(20)])
            async with running(engine, turn):
                await until(lambda: len(others) == 20)
        assert max(others) < 50

    async def test_many_waiting_rows_take_little_memory(self, rig: EngineRig) -> None:
        """After a restart with 5,000 rows waiting, only what is being worked on is in memory."""
        async with rig.open() as engine:
            for lane in range(10):
                await engine.accept([message("x" * 4000, chat=str(lane), sender=str(lane)) for _ in range(500)])
        async with rig.open() as engine:
            tracemalloc.start()
            async with running(engine, never):
                await asyncio.sleep(0.3)
                _, peak = tracemalloc.get_traced_memory()
            tracemalloc.stop()
        assert peak < 5000 * 4000 / 2

    async def test_odd_text_gets_no_row_stuck(self, rig: EngineRig) -> None:
        """Half characters and control characters are kept as well as can be, and are read back."""
        diary = Diary()
        odd: list[Inbound] = [message("a\ud83d"), message("\x00\u202e"), message("")]
        async with rig.open() as engine, running(engine, diary):
            assert await engine.accept(odd) == (True, True, True)
            await diary.until(3)
        assert diary.texts == ["a?", "\x00\u202e", ""]

    async def test_a_running_turn_hears_newer_rows_of_its_lane_once(self, rig: EngineRig) -> None:
        """What arrives meanwhile comes through later(), each row once, and is settled with the turn that names it."""
        heard: list[list[str]] = []
        began = asyncio.Event()

        async def turn(work: Work) -> Outcome:
            rows = list(work.events)
            began.set()
            while len(rows) < 3:
                newer = await work.later()
                heard.append([text_of(received) for received in newer])
                rows += newer
            return Outcome(done=tuple(received.row for received in rows))

        diary = Diary()
        async with rig.open() as engine:
            async with running(engine, turn):
                await engine.accept([message("a")])
                await began.wait()
                await engine.accept([message("b"), message("elsewhere", chat="2", sender="bob", private=False)])
                await engine.accept([message("c")])
                await until(lambda: sum(map(len, heard)) == 2)
                await asyncio.sleep(0.02)
            async with running(engine, diary):
                await diary.until(1)
                await asyncio.sleep(0.05)
        assert [text for texts in heard for text in texts] == ["b", "c"]
        assert diary.texts == ["elsewhere"]

    async def test_a_row_a_turn_does_not_settle_stays_open(self, rig: EngineRig) -> None:
        """What was heard but not named in the outcome gets a turn of its own."""
        seen: list[list[str]] = []

        async def turn(work: Work) -> Outcome:
            seen.append([text_of(received) for received in work.events])
            return Outcome(done=(work.events[-1].row,))

        async with rig.open() as engine:
            await engine.accept([message("a"), message("b")])
            async with running(engine, turn):
                await until(lambda: len(seen) == 2)
        assert seen == [["a", "b"], ["a"]]

    async def test_a_recorded_step_survives_a_kill_and_its_writes_with_it(self, rig: EngineRig) -> None:
        """After a kill the turn runs again over the same events and is given what it had recorded."""
        recorded = asyncio.Event()

        async def turn(work: Work) -> Outcome:
            write = Put(table="notes", row="n", scope=work.events[0].scope, body=b"kept")
            await work.record(b"one", write)
            await work.record(b"two")
            recorded.set()
            return await never(work)

        async with rig.open() as engine:
            await engine.accept([message("a")])
            async with running(engine, turn):
                await recorded.wait()
                after = rig.killed()
        diary = Diary()
        async with after.open() as engine:
            async with running(engine, diary):
                await diary.until(1)
            assert await body_of(engine, "notes", "n") == b"kept"
        assert (diary.texts, diary.steps) == (["a"], [(b"one", b"two")])

    async def test_steps_are_gone_once_the_turn_has_ended(self, rig: EngineRig) -> None:
        """The next turn of the lane begins with nothing recorded."""
        diary = Diary()

        async def turn(work: Work) -> Outcome:
            diary.note(work.events[:1], work.steps)
            await work.record(b"step")
            return Outcome(done=(work.events[0].row,))

        async with rig.open() as engine, running(engine, turn):
            await engine.accept([message("a"), message("b")])
            await diary.until(2)
        assert diary.steps == [(), ()]

    async def test_a_turn_that_raises_runs_again_and_loses_nothing(self, rig: EngineRig) -> None:
        """A bug costs time, not messages; what was recorded before it is there again."""
        diary = Diary()

        async def turn(work: Work) -> Outcome:
            diary.note(work.events, work.steps)
            if len(diary.seen) == 1:
                await work.record(b"so far")
                raise RuntimeError("a bug")
            return answered(work.events[0])

        adapter = FakeAdapter()
        async with rig.open() as engine, running(engine, turn, adapter):
            await engine.accept([message("a")])
            await adapter.until(lambda: adapter.texts() == ["a"])
        assert (diary.seen, diary.steps) == ([("a",), ("a",)], [(), (b"so far",)])

    async def test_an_outcome_is_kept_whole_or_not_at_all(self, rig: EngineRig) -> None:
        """When one write of an outcome fails, nothing of it was said, set or kept, and the rows are still open."""
        tries = 0

        async def turn(work: Work) -> Outcome:
            nonlocal tries
            tries += 1
            first = work.events[0]
            good = Put(table="notes", row="good", scope=first.scope, body=b"1")
            bad = Put(table="notes", row="bad", scope="no such scope", body=b"2")
            whole = tries > 1
            return Outcome(
                done=(first.row,),
                out=(say(first, f"try {tries}"),),
                jobs=() if whole else (job("alarm", soon()),),
                writes=(good,) if whole else (Put(table="notes", row="half", scope=first.scope, body=b"3"), bad),
            )

        adapter = FakeAdapter()
        async with rig.open() as engine:
            async with running(engine, turn, adapter):
                await engine.accept([message("a")])
                await adapter.until(lambda: adapter.texts() == ["try 2"])
            assert await body_of(engine, "notes", "half") is None
            assert await body_of(engine, "notes", "good") == b"1"
        assert tries == 2

    async def test_a_turn_decides_anew_where_what_it_had_read_was_changed(self, rig: EngineRig) -> None:
        """Five turns side by side count in one row, and none of them is lost."""
        together = asyncio.Barrier(5)
        runs = 0

        async with rig.open() as engine:

            async def turn(work: Work) -> Outcome:
                nonlocal runs
                runs += 1
                record = await engine.records.get("notes", "count")
                if runs <= 5:
                    await together.wait()  # all of them have read the same
                count, was = (0, 0) if record is None else (int(record.body), record.version)
                one = Put(table="notes", row="count", scope=HOUSE, body=str(count + 1).encode(), was=was)
                return Outcome(done=(work.events[0].row,), writes=(one,))

            async with running(engine, turn):
                await engine.accept([message("a", chat=str(n), sender=str(n)) for n in range(5)])
                async with asyncio.timeout(10):
                    while await body_of(engine, "notes", "count") != b"5":  # noqa: ASYNC110  nothing tells of it
                        await asyncio.sleep(0.01)

    async def test_a_turn_that_settles_nothing_does_not_run_for_ever(self, rig: EngineRig) -> None:
        """An outcome without rows would be asked for again and again: it counts as a failure."""
        tries = 0

        async def turn(work: Work) -> Outcome:
            nonlocal tries
            tries += 1
            return Outcome(out=(say(work.events[0], "?"),))

        adapter = FakeAdapter()
        async with rig.open() as engine, running(engine, turn, adapter):
            await engine.accept([message("a")])
            await asyncio.sleep(0.2)
        assert tries == 1
        assert adapter.calls == []

    async def test_a_turn_that_has_ended_can_neither_record_nor_show(self, rig: EngineRig) -> None:
        """A task a turn left behind must not write into the turn after it."""
        left: list[Work] = []

        async def turn(work: Work) -> Outcome:
            left.append(work)
            return answered(work.events[0])

        adapter = FakeAdapter()
        async with rig.open() as engine, running(engine, turn, adapter):
            await engine.accept([message("a")])
            await adapter.until(lambda: adapter.texts() == ["a"])
            with pytest.raises(Exception, match="after its end"):
                await left[0].record(b"late")
            with pytest.raises(Exception, match="after its end"):
                await left[0].show(say(left[0].events[0], "late", final=False))
