"""Groups take few calls: answers that are streamed keep to the published limits, over the true engine."""

import asyncio
import itertools
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bots.telegram.gate import Gate
from contracts.rigs.engines import SqliteRig, running, until
from contracts.rigs.telegram import Rig, accepting
from core.delivery.governor import Governor
from core.seams import Work
from core.values import Message, Outbound, Outcome, Reply
from simulators.telegram import Chat, FloodLimits
from simulators.telegram.flood import Governor as Judge

US = "@sim700001_bot"
END = "That is all."


async def stream(work: Work) -> Outcome:
    """Write as many words as asked for, twenty a second, and show each."""
    first = work.events[0]
    assert isinstance(first.inbound.body, Message)
    slot, to = str(first.row), first.inbound.to
    text = ""
    for number in range(int(first.inbound.body.text)):
        text += f"word {number} "
        await work.show(Outbound(slot=slot, to=to, reply=Reply(markdown=text), final=False))
        await asyncio.sleep(0.05)
    return Outcome(done=(first.row,), out=(Outbound(slot=slot, to=to, reply=Reply(markdown=f"{text}{END}")),))


@asynccontextmanager
async def answering(rig: Rig, folder: Path) -> AsyncGenerator[None]:
    """Run the engine and the adapter."""
    async with (
        SqliteRig(folder / "data").open() as engine,
        running(engine, stream, rig.adapter),
        accepting(rig.adapter, engine.accept),
    ):
        yield


def ended(groups: list[Chat], count: int) -> Callable[[], bool]:
    """Whether in each group so many answers stand in full."""
    return lambda: all(sum(shown.text.endswith(END) for shown in group.replies()) == count for group in groups)


@pytest.mark.parametrize(
    "groups, people, words",
    [
        pytest.param(1, 4, 30, marks=pytest.mark.slow),
        (30, 1, 2),
        pytest.param(30, 1, 60, marks=pytest.mark.slow),
        (30, 2, 20),
    ],
    ids=["several people", "many short answers", "many answers", "many groups and people"],
)
async def test_streaming_in_groups_never_comes_too_soon(
    tmp_path: Path, rig: Rig, groups: int, people: int, words: int
) -> None:
    """Every answer arrives in full, what is shown meanwhile is thinned out, and nothing is ever refused."""
    rig.telegram.govern()
    chats = [rig.telegram.group(-1000 - number) for number in range(groups)]
    async with answering(rig, tmp_path):
        for chat, number in itertools.product(chats, range(people)):
            rig.telegram.person(100 + number, f"Person {number}").say(f"{US} {words}", chat=chat.id)
        await until(ended(chats, people), within_s=30)
    assert rig.telegram.flood_violations == []
    assert all(len(chat.replies()) == people for chat in chats)


@pytest.mark.slow
async def test_a_preview_in_a_group_changes_at_most_every_three_seconds(tmp_path: Path, rig: Rig) -> None:
    """Only the final text may come sooner after a preview."""
    rig.telegram.govern()
    group = rig.telegram.group(-1000)
    async with answering(rig, tmp_path):
        rig.person.say(f"{US} 140", chat=group.id)
        await until(ended([group], 1), within_s=30)
    (shown,) = group.replies()
    *previews, _ = [version.at for version in shown.history]
    assert rig.telegram.flood_violations == []
    assert len(previews) >= 2
    assert all(later - earlier > 2.9 for earlier, later in itertools.pairwise(previews))


def test_an_hour_in_a_group_as_fast_as_its_budget_allows_is_never_too_much(
    rig: Rig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The budget that we keep by ourselves lies within the platform's, however long it is used up."""
    now = 0.0
    monkeypatch.setattr("core.delivery.governor.time.monotonic", lambda: now)
    to = rig.to_group(-1000)
    can = rig.adapter.capabilities(to)
    ours, theirs = Governor({}), Judge(FloodLimits())
    calls = 0
    while now < 3600:
        wait_s = ours.wait_s("telegram", "chat", can)
        if wait_s > 0:
            now += wait_s
            continue
        ours.spend("chat", can)
        assert theirs.judge(1, -1000, "sendMessage", now) is None
        calls += 1
    assert calls > 1000


async def test_the_gate_lets_a_burst_through_and_no_more() -> None:
    """Whoever comes first goes first; without time, nobody else goes."""
    gate, passed = Gate(burst=3, per_s=0.001), list[int]()
    going = [asyncio.create_task(_go(gate, number, passed.append)) for number in range(8)]
    await until(lambda: len(passed) >= 3)
    await asyncio.sleep(0)
    assert passed == [0, 1, 2]
    for task in going:
        task.cancel()
    await asyncio.wait(going)


async def test_the_gate_lets_nobody_catch_up() -> None:
    """After a moment in which the process did nothing, the calls that were due meanwhile keep their distance."""
    gate, passed = Gate(burst=1, per_s=50), list[float]()
    going = [asyncio.create_task(_go(gate, number, lambda _: passed.append(time.monotonic()))) for number in range(5)]
    await until(lambda: passed)
    time.sleep(0.2)  # noqa: ASYNC251 - this is that moment
    await asyncio.wait(going)
    gaps = [later - earlier for earlier, later in itertools.pairwise(passed)]
    assert len(passed) == 5
    assert min(gaps) > 0.015


async def _go(gate: Gate, number: int, done: Callable[[int], None]) -> None:
    await gate.wait()
    done(number)
