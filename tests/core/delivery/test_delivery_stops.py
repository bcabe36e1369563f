"""Delivery when nobody knows what became of a send, and when the process is stopped or killed."""

import asyncio
import sqlite3
import time
from contextlib import closing
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.rigs.engines import SqliteRig
from core.errors import DeliveryUnknown, MarkupRefused, MessageGone, PlatformBusy, PlatformDown
from core.testing import BY_EDITS, FakeAdapter, Fault, message
from core.values import Capabilities, Outcome, Page, Receipt, Reply
from stage import Fails, outbox, settled, staged

MARKS = replace(BY_EDITS, unknown="mark")
ONCE = replace(BY_EDITS, idempotent=True)


@pytest.fixture
def rig(tmp_path: Path) -> SqliteRig:
    """An empty store."""
    return SqliteRig(tmp_path / "data")


# --- nobody knows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "can, texts, states",
    [
        (BY_EDITS, ["one", "one", "two"], ["sent", "sent"]),
        (MARKS, ["one", "two"], ["unknown", "sent"]),
        (ONCE, ["one", "two"], ["sent", "sent"]),
        (replace(ONCE, unknown="mark"), ["one", "two"], ["sent", "sent"]),
    ],
    ids=["resend", "mark", "idempotent", "idempotent though marked"],
)
async def test_a_send_nobody_knows_of_is_repeated_or_marked(
    rig: SqliteRig, can: Capabilities, texts: list[str], states: list[str]
) -> None:
    """By the operator's choice; and where the platform itself drops a second send, always repeated, without harm."""
    async with staged(rig, adapter := FakeAdapter(can=can)) as stage:
        adapter.faults.append(Fault(error=DeliveryUnknown("cut"), accepted=True))
        (await stage.ask()).end("one")
        await stage.called(1)
        (await stage.ask()).end("two")
        await stage.reads(*texts)
        await settled(rig, *states)


async def test_an_edit_nobody_knows_of_is_repeated_even_where_sends_are_marked(rig: SqliteRig) -> None:
    """To edit twice does no harm, so the final text arrives."""
    async with staged(rig, adapter := FakeAdapter(can=MARKS)) as stage:
        scene = await stage.ask()
        scene.end("Hel")
        await stage.reads("Hel")
        adapter.faults.append(Fault(error=DeliveryUnknown("cut")))
        await stage.engine.commit(Outcome(out=(scene.out("Hello"),)))
        await stage.reads("Hello")


async def test_what_is_marked_is_not_said_again_in_other_words(rig: SqliteRig) -> None:
    """A question that may be there may be answered too; what it reads then would stand beside it."""
    async with staged(rig, adapter := FakeAdapter(can=MARKS)) as stage:
        adapter.faults.append(Fault(error=DeliveryUnknown("cut"), accepted=True))
        first = await stage.ask()
        first.end("May I?")
        await settled(rig, "unknown")
        (await stage.ask()).end(first.out("May I? (allowed)"), "So be it.")
        await stage.reads("May I?", "So be it.")
        await settled(rig, "unknown", "sent")


async def test_what_changes_on_its_way_into_the_unknown_is_marked_all_the_same(rig: SqliteRig) -> None:
    """The first text may be there, so the second is not said beside it."""
    goes = asyncio.Event()
    async with staged(rig, adapter := FakeAdapter(can=MARKS)) as stage:
        adapter.faults.append(Fault(hold=goes, error=DeliveryUnknown("cut"), accepted=True))
        first = await stage.ask()
        first.end("one")
        await stage.called(1)
        await stage.engine.commit(Outcome(out=(first.out("two"),)))
        goes.set()
        await settled(rig, "unknown")
    assert adapter.texts() == ["one"]


@pytest.mark.parametrize(
    "state, pages",
    [("sent", ["sent"]), ("failed", ["failed"])],
)
async def test_a_receipt_settles_what_nobody_knew_of(rig: SqliteRig, state: str, pages: list[str]) -> None:
    """A platform's later word about a marked send is the last one, however often it comes."""
    async with staged(rig, adapter := FakeAdapter(can=MARKS)) as stage:
        adapter.faults.append(Fault(error=DeliveryUnknown("cut"), accepted=True))
        scene = await stage.ask()
        scene.end("one")
        await settled(rig, "unknown")
        receipt = Receipt(key="wamid.1", slot=f"{scene.first.row}.0", state="sent" if state == "sent" else "failed")
        assert await stage.engine.accept([receipt, receipt]) == (True, False)
        assert outbox(rig) == pages
        assert await stage.engine.accept([Receipt(key="x", slot="nothing of ours", state="sent")]) == (True,)


SETTLES = replace(Capabilities(forms=("plain",)), settles_s=30.0)


async def test_what_the_platform_let_in_after_all_not_is_put_again(rig: SqliteRig) -> None:
    """It is put as new, and a word that it arrived forgets what it said."""
    async with staged(rig, adapter := FakeAdapter(can=SETTLES)) as stage:
        scene = await stage.ask()
        scene.end("one")
        await settled(rig, "sent")
        slot = f"{scene.first.row}.0"
        assert await stage.engine.accept([Receipt(key="1", slot=slot, state="undone")]) == (True,)
        await stage.called(2)
        await settled(rig, "sent")
        assert adapter.kinds() == ["send", "send"]
        await stage.engine.accept([Receipt(key="2", slot=slot, state="sent")])
        await stage.engine.accept([Receipt(key="3", slot=slot, state="undone")])
        await settled(rig, "failed")
    assert adapter.texts() == ["one", "one"]


async def test_a_word_about_a_message_is_none_about_the_one_said_in_its_place(rig: SqliteRig) -> None:
    """That a question arrived is told while its page reads otherwise: what it reads now is said all the same."""
    goes, comes = asyncio.Event(), asyncio.Event()
    async with staged(rig, adapter := FakeAdapter(can=SETTLES)) as stage:
        scene = await stage.ask()
        scene.end("May I?")
        await settled(rig, "sent")
        slot = f"{scene.first.row}.0"
        adapter.faults.append(Fault(hold=goes, error=MessageGone("it cannot be changed")))
        adapter.faults.append(Fault(hold=comes, error=PlatformDown("not now")))
        await stage.engine.commit(Outcome(out=(scene.out("Allowed."),)))
        await stage.called(2)
        await stage.engine.accept([Receipt(key="delivered", slot=slot, state="sent", microcredits=7)])
        goes.set()
        await stage.called(3)
        await stage.engine.accept([Receipt(key="read", slot=slot, state="sent")])
        comes.set()
        await stage.called(4)
        await settled(rig, "sent")
        await stage.engine.accept([Receipt(key="other", slot=f"{slot}-1", state="failed", microcredits=5)])
        await settled(rig, "failed")
    assert adapter.texts() == ["May I?", "Allowed."]
    with closing(sqlite3.connect(rig.folder / "waystation.db")) as db:
        assert db.execute("SELECT microcredits, renewed FROM outbox").fetchall() == [(12, 1)]


# --- kills and stops -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "can, accepted, texts",
    [
        (BY_EDITS, False, ["one", "two"]),
        (BY_EDITS, True, ["one", "one", "two"]),
        (MARKS, False, ["two"]),
        (MARKS, True, ["one", "two"]),
        (ONCE, False, ["one", "two"]),
        (ONCE, True, ["one", "two"]),
        (replace(ONCE, unknown="mark"), False, ["one", "two"]),
    ],
    ids=[
        *("resend, not out", "resend, out", "mark, not out", "mark, out"),
        *("idempotent, not out", "idempotent, out", "idempotent though marked"),
    ],
)
async def test_a_kill_in_the_middle_of_a_send(
    rig: SqliteRig, can: Capabilities, accepted: bool, texts: list[str]
) -> None:
    """The intent was committed, so after the restart it is known to be unknown: repeated, or marked and left."""
    hangs = asyncio.Event()
    adapter = FakeAdapter(can=can)
    async with staged(rig, adapter) as stage:
        adapter.faults.append(Fault(hold=hangs))
        scene = await stage.ask()
        scene.end("one")
        await stage.called(1)
        assert outbox(rig) == ["sending"]
        if accepted:
            await adapter.put(
                scene.first.inbound.to, adapter.pages(Reply(markdown="one"), "rich")[0], slot="1.0", was=None
            )
        after = rig.killed()
    async with staged(after, adapter) as stage:
        (await stage.ask()).end("two")
        await stage.reads(*texts)


async def test_a_send_cut_off_and_then_refused_leaves_no_old_text_behind(rig: SqliteRig) -> None:
    """Where the platform drops second sends, what the first one left is made to read what the plainer form says."""

    class Narrow(FakeAdapter):
        def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
            self.page_chars = 100 if form == "rich" else 2
            return super().pages(reply, form)

    adapter = Narrow(can=ONCE)
    async with staged(rig, adapter) as stage:
        adapter.faults.append(Fault(hold=asyncio.Event()))
        scene = await stage.ask()
        scene.end("one")
        await stage.called(1)
        (page,) = adapter.pages(Reply(markdown="one"), "rich")
        await adapter.put(scene.first.inbound.to, page, slot=f"{scene.first.row}.0", was=None)
        after = rig.killed()
    adapter.faults.append(Fault(error=MarkupRefused("not any more")))
    async with staged(after, adapter) as stage:
        await stage.reads("on", "e")


async def test_an_adapter_that_is_off_after_a_kill_still_knows_what_it_does_not_know(rig: SqliteRig) -> None:
    """What was on its way stays so until its adapter is back, and is then treated by that adapter's rule."""
    adapter = FakeAdapter(can=MARKS)
    async with staged(rig, adapter) as stage:
        adapter.faults.append(Fault(hold=asyncio.Event()))
        (await stage.ask()).end("one")
        await stage.called(1)
        after = rig.killed()
    async with staged(after, FakeAdapter("other")):
        assert outbox(after) == ["sending"]
    async with staged(after, adapter):
        await settled(after, "unknown")
    assert len(adapter.calls) == 1


async def test_a_stop_waits_for_what_is_on_its_way(tmp_path: Path) -> None:
    """Within the grace time a call may end, is confirmed, and the pages behind it go out as well."""
    rig = SqliteRig(tmp_path / "data", grace_s=2.0)
    goes = asyncio.Event()
    adapter = FakeAdapter(page_chars=3)
    async with staged(rig, adapter) as stage:
        adapter.faults.append(Fault(hold=goes))
        (await stage.ask()).end("onetwo")
        await stage.called(1)
        asyncio.get_running_loop().call_later(0.1, goes.set)
    assert adapter.texts() == ["one", "two"]
    assert outbox(rig) == ["sent", "sent"]


async def test_a_stop_does_not_wait_for_what_cannot_be_done_in_time(tmp_path: Path) -> None:
    """A chat that is told to wait, or a line that is down, does not hold up a shutdown."""
    rig = SqliteRig(tmp_path / "data", grace_s=5.0)
    adapter = FakeAdapter()
    adapter.faults.append(Fault(error=PlatformBusy("slowly", retry_after_s=60)))
    async with staged(rig, adapter) as stage:
        (await stage.ask()).end("one")
        await settled(rig, "pending")
        await stage.called(1)
        began = time.monotonic()
    assert time.monotonic() - began < 1
    assert outbox(rig) == ["pending"]


async def test_a_stop_ends_within_its_grace_though_a_call_hangs(rig: SqliteRig) -> None:
    """What does not end is cut off, and known to have been on its way."""
    adapter = FakeAdapter()
    adapter.faults.append(Fault(hold=asyncio.Event()))
    async with staged(rig, adapter) as stage:
        (await stage.ask()).end("one")
        await stage.called(1)
        began = time.monotonic()
    assert time.monotonic() - began < 1
    assert outbox(rig) == ["sending"]


async def test_nothing_to_do_costs_nothing(rig: SqliteRig) -> None:
    """An engine that waits does not wake up: no polling, no timers, no writes."""
    async with staged(rig, FakeAdapter()) as stage:
        (await stage.ask()).end("one")
        await stage.reads("one")
        waiting = await stage.ask("2", sender="bob")  # a turn that runs and says nothing
        await waiting.show("thinking")
        await stage.reads("thinking", chat="2")
        await asyncio.sleep(0.1)
        began = time.process_time()
        await asyncio.sleep(0.5)
        assert time.process_time() - began < 0.02


async def test_a_message_is_accepted_while_deliveries_hang(rig: SqliteRig) -> None:
    """Chats whose calls hang hold up neither what comes in nor other chats."""
    adapter = Fails(lambda call: Fault(hold=asyncio.Event()) if call.to.chat != "free" else None)
    async with staged(rig, adapter) as stage:
        for number in range(50):
            (await stage.ask(str(number), sender=str(number))).end("stuck")
        await stage.called(50)
        (await stage.ask("free", sender="free")).end("through")
        await stage.reads("through", chat="free")
        assert await stage.engine.accept([message("more")]) == (True,)
