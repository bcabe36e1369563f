"""What strangers cost: where each message costs money only so many of them are answered a day, also over restarts."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from core import phrases
from core.people.access import Access
from core.people.strangers import PaidReplies
from core.testing import answer
from core.turn.assistant import Assistant
from core.values import Message
from turns import FakeRecords, Lane, Windowed, assistant

MORNING = datetime(2026, 11, 20, 8, tzinfo=UTC)


async def replies(records: FakeRecords, counting: PaidReplies, rows: range) -> int:
    """How many of these rows get a reply, each turn committed after it."""
    said = 0
    for row in rows:
        writes = await counting.take("whatsapp", row)
        if writes is not None:
            records.apply(writes)
            said += 1
    return said


def paid(records: FakeRecords, most: int = 3) -> PaidReplies:
    """A messenger that takes money."""
    return PaidReplies(records, ["whatsapp"], most)


async def test_only_so_many_are_answered_a_day() -> None:
    """And the next day as many again; what was counted the day before is forgotten."""
    records = FakeRecords()
    counting = paid(records)
    with time_machine.travel(MORNING, tick=False) as clock:
        assert await replies(records, counting, range(100)) == 3
        clock.shift(timedelta(days=1))
        assert await replies(records, counting, range(100, 200)) == 3
        assert len(records.rows) == 3


async def test_a_restart_counts_on() -> None:
    """Otherwise each would be worth a new allowance."""
    records = FakeRecords()
    with time_machine.travel(MORNING, tick=False):
        assert await replies(records, paid(records), range(2)) == 2
        assert await replies(records, paid(records), range(2, 100)) == 1


async def test_a_turn_that_runs_again_counts_once() -> None:
    """Before its commit and after a restart."""
    records = FakeRecords()
    counting = paid(records)
    for _ in range(5):
        assert await counting.take("whatsapp", 7) is not None
    assert await replies(records, counting, range(100, 200)) == 2


async def test_turns_side_by_side_are_counted() -> None:
    """None of them has been committed when the next asks."""
    counting = paid(FakeRecords())
    taken = await asyncio.gather(*(counting.take("whatsapp", row) for row in range(50)))
    assert sum(writes is not None for writes in taken) == 3


async def test_messengers_that_cost_nothing_are_not_counted() -> None:
    """There every stranger hears it."""
    records = FakeRecords()
    counting = paid(records)
    assert [await counting.take("telegram", row) for row in range(9)] == [()] * 9


async def test_none_at_all_may_be_wanted() -> None:
    """Then strangers are left alone."""
    assert await paid(FakeRecords(), 0).take("whatsapp", 1) is None


def turn(lane: Lane, most: int) -> Assistant:
    """A turn whose only messenger costs money, and has an owner."""
    talker = assistant(lane, Windowed(answer("no")), policy="pairing")
    talker._access = Access(lane.records, "pairing", [], paid=["fake"], max_paid_replies_per_day=most)
    return talker


@pytest.mark.parametrize("owned", [False, True])
async def test_a_thousand_strangers_cost_a_few_sentences(*, owned: bool) -> None:
    """Whether it has an owner or not; and who says the code is still let in."""
    lane = Lane()
    talker = turn(lane, 4)
    if owned:
        lane.records.rows["people", "owner/fake"] = b"owner"
    for number in range(1000):
        lane.hear(Message(id=str(number), text="hello"), scope=f"stranger {number}")
    await lane.run(talker)
    assert lane.texts() == [phrases.STRANGER if owned else phrases.UNOWNED] * 4
    if not owned:
        lane.hear(Message(id="c", text=talker._access.code), scope="ann")
        await lane.run(talker)
        assert lane.texts()[-1] == phrases.WELCOME_OWNER


async def test_who_was_left_without_a_reply_hears_it_another_day() -> None:
    """Nobody counts as told who was not."""
    lane = Lane()
    lane.records.rows["people", "owner/fake"] = b"owner"
    with time_machine.travel(MORNING, tick=True) as clock:
        talker = turn(lane, 1)
        for scope in ("eve", "mallory"):
            lane.hear("hello", scope=scope)
        await lane.run(talker)
        assert lane.texts() == [phrases.STRANGER]
        clock.shift(timedelta(days=1))
        lane.hear("hello again", scope="mallory")
        await lane.run(talker)
        assert lane.texts() == [phrases.STRANGER] * 2
