"""Delivery when a platform says "wait", and when there is more to do than couriers to do it."""

import asyncio
import time
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.rigs.engines import SqliteRig
from core.delivery.couriers import Delivery
from core.delivery.governor import Governor
from core.delivery.posting import Posting
from core.engines.sqlite import SqliteEngine
from core.errors import PlatformBusy, PlatformDown
from core.testing import BY_EDITS, Call, FakeAdapter, Fault, message
from core.values import Address, Outbound, Outcome, Reply
from stage import Fails, outbox, settled, staged

MARKS = replace(BY_EDITS, unknown="mark")


@pytest.fixture
def rig(tmp_path: Path) -> SqliteRig:
    """An empty store."""
    return SqliteRig(tmp_path / "data")


def _out(slot: str, to: Address, text: str) -> Outbound:
    return Outbound(slot=slot, to=to, reply=Reply(markdown=text))


# --- told to wait ----------------------------------------------------------------------------------------------------


async def test_a_chat_that_is_told_to_wait_waits_and_the_others_do_not(rig: SqliteRig) -> None:
    """Neither page nor preview is tried before its time; then everything comes in order."""
    times: list[float] = []

    def picks(call: Call) -> Fault | None:
        times.append(time.monotonic())
        return Fault(error=PlatformBusy("slowly", retry_after_s=0.3)) if len(times) == 1 else None

    async with staged(rig, adapter := Fails(picks)) as stage:
        (await stage.ask()).end("one")
        await stage.called(1)
        scene = await stage.ask()
        await scene.show("tw")
        (await stage.ask("2", sender="bob")).end("elsewhere")
        await stage.reads("elsewhere", chat="2")
        assert adapter.texts() == []
        scene.end("two")
        await stage.reads("one", "two")
    assert times[1] - times[0] < 0.25
    assert times[2] - times[0] >= 0.3


async def test_a_bot_that_is_told_to_wait_waits_in_all_chats(rig: SqliteRig) -> None:
    """And another messenger's bot does not."""
    adapter, other = FakeAdapter(), FakeAdapter("other")
    adapter.faults.append(Fault(error=PlatformBusy("all of you", retry_after_s=0.3, reach="bot")))
    async with staged(rig, adapter, other) as stage:
        began = time.monotonic()
        (await stage.ask()).end("one")
        await stage.called(1)
        (await stage.ask("2", sender="bob")).end("two")
        await stage.engine.commit(Outcome(out=(_out("o", Address(adapter="other", chat="1"), "other"),)))
        await other.until(lambda: other.texts() == ["other"])
        assert len(adapter.calls) == 1
        await stage.reads("one")
        await stage.reads("two", chat="2")
        assert time.monotonic() - began >= 0.3


@pytest.mark.parametrize("reach", ["chat", "bot"])
async def test_a_wait_is_remembered_over_a_restart(rig: SqliteRig, reach: str) -> None:
    """A platform that said when to come again is not asked before, however often we start."""
    adapter = FakeAdapter()
    adapter.faults.append(
        Fault(error=PlatformBusy("slowly", retry_after_s=0.4, reach="bot" if reach == "bot" else "chat"))
    )
    began = time.monotonic()
    async with staged(rig, adapter) as stage:
        (await stage.ask()).end("one")
        await settled(rig, "pending")
        await asyncio.sleep(0.05)
    async with staged(rig, adapter) as stage:
        await stage.reads("one")
        assert time.monotonic() - began >= 0.4
    assert len(adapter.calls) == 2


async def test_chats_that_wait_long_hold_no_couriers(rig: SqliteRig) -> None:
    """However many chats are told to wait, there is somebody left to serve the others; and they are not forgotten."""
    told: set[str] = set()

    def picks(call: Call) -> Fault | None:
        if call.to.chat == "free" or call.to.chat in told:
            return None
        told.add(call.to.chat)
        return Fault(error=PlatformBusy("slowly", retry_after_s=2.2))

    async with rig.open() as engine:
        assert isinstance(engine, SqliteEngine)
        adapter = Fails(picks)
        delivery = Delivery(engine._store, [adapter], Governor({}), couriers=2)
        chats = [*(str(number) for number in range(5)), "free"]
        outs = (_out(chat, Address(adapter="fake", chat=chat), chat) for chat in chats)
        await engine.commit(Outcome(out=tuple(outs)))
        task = asyncio.create_task(delivery.run())
        await adapter.until(lambda: adapter.texts("free") == ["free"], within_s=2)
        assert len(adapter.chats) == 1
        await adapter.until(lambda: len(adapter.chats) == 6, within_s=5)
        task.cancel()
        await asyncio.wait({task})
        await delivery.drain(1.0)
    assert len(adapter.calls) == 11


async def test_no_preview_overtakes_a_page_that_was_put_off(rig: SqliteRig) -> None:
    """The order of a chat's answers is that in which they were given, also while the first one waits for its line."""
    async with rig.open() as engine:
        assert isinstance(engine, SqliteEngine)
        adapter, governor = FakeAdapter(), Governor({})
        adapter.faults.append(Fault(error=PlatformDown("no line")))
        posting = Posting(engine._store, governor, back_off_s=(60.0, 60.0))
        delivery = Delivery(engine._store, [adapter], governor, posting=posting)
        await engine.accept([message("?")])
        (lane,) = await engine._store.waiting_lanes(1, ())
        here = Address(adapter="fake", chat="1")
        await engine.commit(Outcome(out=(_out("s", here, "first"),)))
        task = asyncio.create_task(delivery.run())
        await adapter.until(lambda: len(adapter.calls) == 1)
        await asyncio.sleep(0.05)
        delivery.show(lane, replace(_out("t", here, "second"), final=False))
        await asyncio.sleep(0.1)
        assert len(adapter.calls) == 1
        task.cancel()
        await asyncio.wait({task})
        await delivery.drain(0.1)


async def test_more_chats_than_couriers_all_get_theirs(rig: SqliteRig) -> None:
    """What comes while every courier is busy waits on disk and is found there, however it came."""
    goes = asyncio.Event()
    async with rig.open() as engine:
        assert isinstance(engine, SqliteEngine)
        adapter = Fails(lambda call: Fault(hold=goes) if call.to.chat in "01" else None)
        delivery = Delivery(engine._store, [adapter], Governor({}), couriers=2)
        task = asyncio.create_task(delivery.run())
        for number in range(20):
            out = _out(str(number), Address(adapter="fake", chat=str(number)), "x")
            written = (await delivery.written(out),)
            with delivery.closing("", written):
                await engine._store.settle("", Outcome(out=(out,)), written)
        await adapter.until(lambda: len(adapter.calls) == 2)
        goes.set()
        await adapter.until(lambda: len(adapter.chats) == 20)
        task.cancel()
        await asyncio.wait({task})
        await delivery.drain(1.0)
    assert len(adapter.calls) == 20


async def test_a_page_that_waits_for_its_budget_does_not_count_as_sending(rig: SqliteRig) -> None:
    """A kill while a page only waits must not make anybody wonder whether it was sent."""
    can = replace(MARKS, rest_s=0.3)
    async with staged(rig, adapter := FakeAdapter(can=can)) as stage:
        (await stage.ask()).end("one")
        await stage.reads("one")
        (await stage.ask()).end("two")
        await asyncio.sleep(0.05)
        assert outbox(rig) == ["sent", "pending"]
        after = rig.killed()
    async with staged(after, adapter) as stage:
        await stage.reads("one", "two")
