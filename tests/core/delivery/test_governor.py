"""The governor: one budget a chat, pauses that are kept, and a pace for a bot that was told to wait."""

import asyncio
import time
from itertools import pairwise

import pytest

from core.delivery import governor
from core.delivery.governor import Governor
from core.values import Capabilities

FREE = Capabilities(forms=("plain",))
RESTS = Capabilities(forms=("plain",), burst=3, rest_s=2.0)


class Clock:
    """A monotonic clock that goes when told to."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The governor's clock."""
    clock = Clock()
    monkeypatch.setattr(governor, "time", clock)
    return clock


def test_a_chat_without_limits_never_waits(clock: Clock) -> None:
    """Where a platform wants no rest, none is given."""
    budget = Governor({})
    for _ in range(1000):
        assert budget.wait_s("bot", "chat", FREE) == 0
        budget.spend("chat", FREE)


def test_a_burst_is_free_and_then_each_call_needs_its_rest(clock: Clock) -> None:
    """So many calls at once, then one a rest; what was not used comes back, up to the burst."""
    budget = Governor({})
    for _ in range(3):
        assert budget.wait_s("bot", "chat", RESTS) == 0
        budget.spend("chat", RESTS)
    assert budget.wait_s("bot", "chat", RESTS) == pytest.approx(2.0)
    clock.now += 2.0
    assert budget.wait_s("bot", "chat", RESTS) == 0
    budget.spend("chat", RESTS)
    assert budget.wait_s("bot", "chat", RESTS) == pytest.approx(2.0)
    clock.now += 3600
    for _ in range(3):
        budget.spend("chat", RESTS)
    assert budget.wait_s("bot", "chat", RESTS) == pytest.approx(2.0)


def test_chats_do_not_share_a_budget(clock: Clock) -> None:
    """What one chat has used up is no other's affair."""
    budget = Governor({})
    for _ in range(3):
        budget.spend("chat", RESTS)
    assert budget.wait_s("bot", "other", RESTS) == 0


def test_a_preview_leaves_a_call_for_the_answer(clock: Clock) -> None:
    """With a reserve, the last call of the burst is not used; a chat without bursts has none to reserve."""
    budget = Governor({})
    for _ in range(2):
        budget.spend("chat", RESTS)
    assert budget.wait_s("bot", "chat", RESTS) == 0
    assert budget.wait_s("bot", "chat", RESTS, reserve=1) == pytest.approx(2.0)
    one = Capabilities(forms=("plain",), burst=1, rest_s=2.0)
    assert budget.wait_s("bot", "new", one, reserve=1) == 0


def test_a_pause_stops_a_chat_or_a_whole_bot_and_the_longer_one_holds(clock: Clock) -> None:
    """A second, shorter word does not shorten the first."""
    budget = Governor({})
    budget.pause("chat", 10, whole_bot=False)
    budget.pause("chat", 1, whole_bot=False)
    assert budget.wait_s("bot", "chat", FREE) == pytest.approx(10)
    assert budget.wait_s("bot", "other", FREE) == 0
    budget.pause("bot", 20, whole_bot=True)
    assert budget.wait_s("bot", "other", FREE) == pytest.approx(20)
    assert budget.wait_s("rival", "other", FREE) == 0
    clock.now += 20
    assert budget.wait_s("bot", "chat", FREE) == 0


def test_pauses_of_an_earlier_process_hold(clock: Clock) -> None:
    """A restart is no reason to ask again."""
    budget = Governor({"bot": 5, "chat": 7}, ["bot"])
    assert budget.wait_s("bot", "other", FREE) == pytest.approx(5)
    assert budget.wait_s("bot", "chat", FREE) == pytest.approx(7)


def test_no_previews_are_drawn_while_a_bot_is_paced(clock: Clock) -> None:
    """After a bot was told to wait, what it may say is kept for answers, for half a minute."""
    budget = Governor({})
    budget.pause("bot", 5, whole_bot=True)
    clock.now += 6
    assert budget.wait_s("bot", "chat", FREE) == 0
    assert budget.wait_s("bot", "chat", FREE, reserve=1) == pytest.approx(29)
    clock.now += 30
    assert budget.wait_s("bot", "chat", FREE, reserve=1) <= 0


async def test_a_paced_bot_calls_one_after_the_other_at_a_steady_pace() -> None:
    """After a wait of the whole bot, a thousand chats do not all call at once."""
    budget = Governor({})
    budget.pause("bot", 0, whole_bot=True)
    began = time.monotonic()
    times: list[float] = []

    async def call() -> None:
        await budget.pace("bot")
        times.append(time.monotonic() - began)

    await asyncio.gather(*(call() for _ in range(10)))
    gaps = [after - before for before, after in pairwise(times)]
    assert min(gaps) > 0.02
    assert times == sorted(times)


async def test_a_bot_nobody_slowed_down_is_not_paced() -> None:
    """Large bursts to many chats are taken until a platform says otherwise."""
    budget = Governor({})
    began = time.monotonic()
    for _ in range(1000):
        await budget.pace("bot")
    assert time.monotonic() - began < 0.1


def test_memory_is_bounded(clock: Clock) -> None:
    """Chats that were silent for long have rested, so they are forgotten."""
    budget = Governor({})
    for number in range(50_000):
        budget.spend(str(number), RESTS)
        budget.pause(str(number), 1, whole_bot=False)
    assert len(budget._buckets) <= 20_000
    assert len(budget._until) <= 20_000
