"""The door: a link works once, a session lasts, and what is kept opens nothing."""

import asyncio
import json

import pytest

from bots.web.door import LINK_S, SESSION_S, Door
from core.testing import FakeMemo


class Clock:
    """The time, as a test says."""

    def __init__(self) -> None:
        self.now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Some day."""
    return Clock()


@pytest.fixture
def memo() -> FakeMemo:
    """Nothing is kept yet."""
    return FakeMemo()


@pytest.fixture
def door(memo: FakeMemo, clock: Clock) -> Door:
    """A door nobody went through."""
    return Door(memo, clock)


async def test_a_link_lets_one_browser_in_and_is_used_up(door: Door) -> None:
    """Of two who have it, even at once, one gets in."""
    token = door.token()
    entered = await asyncio.gather(door.enter(token), door.enter(token))
    assert [session is not None for session in entered].count(True) == 1
    assert await door.enter(token) is None


@pytest.mark.parametrize("given", ["", "x", "ü", "\ud800"])
async def test_no_other_token_lets_anybody_in(door: Door, given: str) -> None:
    """Whatever it is made of, and also while there is no link at all."""
    assert await door.enter(given) is None
    token = door.token()
    assert await door.enter(given) is None
    assert await door.enter(token[:-1]) is None
    assert await door.enter(token) is not None


async def test_a_link_is_the_same_until_it_is_used_and_then_another(door: Door) -> None:
    """Whoever asks twice before using it gets one link, not two open doors."""
    first = door.token()
    assert door.token() == first
    await door.enter(first)
    assert not door.unused
    assert door.token() != first
    assert door.unused


async def test_a_link_nobody_used_is_void_after_a_day(door: Door, clock: Clock) -> None:
    """It may lie in a log for long."""
    token = door.token()
    clock.now += LINK_S + 1
    assert not door.unused
    assert await door.enter(token) is None
    assert door.token() != token


async def test_a_session_is_known_after_a_restart(door: Door, memo: FakeMemo, clock: Clock) -> None:
    """The browser keeps its cookie, the store its hash."""
    session = await door.enter(door.token())
    assert session is not None
    again = Door(memo, clock)
    assert not again.knows(session)
    await again.read()
    assert again.knows(session)
    assert not again.knows(session + "x")


async def test_what_is_kept_lets_nobody_in(door: Door, memo: FakeMemo) -> None:
    """A hash is no cookie, and a link is kept nowhere."""
    token = door.token()
    session = await door.enter(token)
    assert session is not None
    kept = "".join(memo.kept.values())
    assert session not in kept
    assert token not in kept
    assert not any(door.knows(name) for name in json.loads(kept))


async def test_a_session_ends_by_itself(door: Door, memo: FakeMemo, clock: Clock) -> None:
    """And is then forgotten."""
    session = await door.enter(door.token())
    clock.now += SESSION_S + 1
    assert not door.knows(session or "")
    await door.enter(door.token())
    assert len(json.loads(memo.kept["sessions"])) == 1


async def test_leaving_ends_one_session_or_all(door: Door, memo: FakeMemo) -> None:
    """At once, and also after a restart."""
    one, two, three = [await door.enter(door.token()) or "" for _ in range(3)]
    await door.leave(one)
    assert [door.knows(session) for session in (one, two, three)] == [False, True, True]
    await door.leave(two, everywhere=True)
    assert not door.knows(three)
    again = Door(memo)
    await again.read()
    assert not again.knows(three)


@pytest.mark.parametrize("kept", ["", "nonsense", "[]", "[1]", '{"a": "b"}', '{"a": null}'])
async def test_notes_that_make_no_sense_leave_everybody_outside(memo: FakeMemo, kept: str) -> None:
    """Nobody is let in by accident, and the door can be used."""
    memo.kept["sessions"] = kept
    door = Door(memo)
    await door.read()
    assert not door.knows("a")
    assert door.knows(await door.enter(door.token()) or "")
