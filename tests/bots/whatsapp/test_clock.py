"""Meta's time: what it brings says how late it is there at least, and its answers how far our clock is off."""

import time
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import pytest
import time_machine

from bots.whatsapp.clock import MetaClock

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def test_it_is_at_least_as_late_there_as_the_newest_of_what_it_brought() -> None:
    """Whatever our own clock says, and whatever comes behind that is older."""
    clock = MetaClock()
    assert clock.least() == 0
    for at in (1000.0, 5000.0, 2000.0, float("nan"), float("inf")):
        clock.heard(at)
    assert 5000 <= clock.least() < 5005


@pytest.mark.parametrize("hours", [-40, 0, 40])
def test_a_time_of_metas_is_told_in_ours(hours: int) -> None:
    """Its answers carry the time to the second."""
    clock = MetaClock()
    with time_machine.travel(NOON, tick=False):
        there = time.time() + hours * 3600
        clock.told(formatdate(there, usegmt=True))
        assert clock.by_ours(there - 60) == NOON - timedelta(minutes=1)


@pytest.mark.parametrize("date", ["", "yesterday", "Fri, 99 Nov 2026 12:00:00 GMT"])
def test_what_is_no_time_tells_nothing(date: str) -> None:
    """A proxy may leave it out."""
    clock = MetaClock()
    clock.told(date)
    assert not clock.is_told
    assert clock.by_ours(NOON.timestamp()) == NOON
    assert clock.by_ours(0) is None
    assert clock.by_ours(1e18) is None


def test_only_what_seems_hours_old_is_doubted_and_not_each_time() -> None:
    """Nobody waits for an answer of Meta's but where it matters, and where Meta does not answer only now and then."""
    clock = MetaClock()
    assert not clock.doubts(time.time() - 600)
    assert clock.doubts(time.time() - 86400)
    assert not clock.doubts(time.time() - 86400)
    clock.told(formatdate(usegmt=True))
    assert not clock.doubts(time.time() - 86400)
