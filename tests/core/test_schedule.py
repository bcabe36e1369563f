"""When a job is due: wall clocks through summer time, missed times, rules that are none."""

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from core.engines.tables.jobs import Due, first_ms, next_ms
from core.schedule import at, following, upcoming
from core.values import Address, Job

BERLIN = "Europe/Berlin"
NINE = "DTSTART:20260101T090000\nRRULE:FREQ=DAILY"


def times(rule: str, zone: str, after: datetime, count: int) -> list[datetime]:
    """So many times of a rule in a row, on the wall clock of its zone."""
    found: list[datetime] = []
    moment: datetime | None = after
    while len(found) < count and (moment := following(rule, zone, moment)) is not None:
        found.append(moment.astimezone(ZoneInfo(zone)))
    return found


def clocks(rule: str, zone: str, after: datetime, count: int) -> list[str]:
    """The same as days and hours."""
    return [f"{time:%d %H:%M}" for time in times(rule, zone, after, count)]


def utc(year: int, month: int, day: int, hour: int = 0, minute: int = 0) -> datetime:
    """A moment."""
    return datetime(year, month, day, hour, minute, tzinfo=UTC)


def test_nine_stays_nine_when_summer_begins_and_ends() -> None:
    """A daily time follows the wall clock, so the time between two of them is 23 or 25 hours once."""
    spring = times(NINE, BERLIN, utc(2026, 3, 27, 12), 3)
    autumn = times(NINE, BERLIN, utc(2026, 10, 23, 12), 3)
    assert [f"{time:%d %H:%M}" for time in spring] == ["28 09:00", "29 09:00", "30 09:00"]
    assert [f"{time:%d %H:%M}" for time in autumn] == ["24 09:00", "25 09:00", "26 09:00"]
    assert spring[1].astimezone(UTC) - spring[0].astimezone(UTC) == timedelta(hours=23)
    assert autumn[1].astimezone(UTC) - autumn[0].astimezone(UTC) == timedelta(hours=25)


def test_a_time_that_spring_skips_comes_an_hour_later_and_one_that_autumn_repeats_comes_once() -> None:
    """Half past two is there every day, once."""
    rule = "DTSTART:20260101T023000\nRRULE:FREQ=DAILY"
    assert clocks(rule, BERLIN, utc(2026, 3, 28), 3) == ["28 02:30", "29 03:30", "30 02:30"]
    autumn = times(rule, BERLIN, utc(2026, 10, 24), 3)
    assert [f"{time:%d %H:%M}" for time in autumn] == ["24 02:30", "25 02:30", "26 02:30"]
    assert autumn[1].astimezone(UTC) == utc(2026, 10, 25, 0, 30)


def test_a_rule_of_every_few_minutes_goes_on_through_both_changes() -> None:
    """Times are strictly later, whatever the clock does."""
    rule = "DTSTART:20260101T000000\nRRULE:FREQ=MINUTELY;INTERVAL=20"
    for change in (utc(2026, 3, 28, 23), utc(2026, 10, 24, 22)):
        real = [time.astimezone(UTC) for time in times(rule, BERLIN, change, 20)]
        assert all(before < after for before, after in pairwise(real))


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns"])
def test_a_daily_time_is_that_time_in_any_zone(zone: str) -> None:
    """Odd offsets and half-hour summers make no difference."""
    assert {f"{time:%H:%M}" for time in times(NINE, zone, utc(2026, 1, 1), 400)} == {"09:00"}


def test_a_single_time_comes_once() -> None:
    """``at:`` with an offset, or by the zone's wall clock."""
    when = utc(2026, 11, 24, 8)
    assert following(at(when), BERLIN, None) == when
    assert following(at(when), BERLIN, when - timedelta(seconds=1)) == when
    assert following(at(when), BERLIN, when) is None
    assert following("at:2026-11-24T09:00:00", BERLIN, None) == when


def test_a_new_rule_begins_with_its_next_time_or_if_all_have_passed_with_its_first() -> None:
    """A daily reminder agreed on at ten does not ring for nine o'clock; a time just missed is made up for."""
    now = utc(2026, 11, 22, 10)
    assert upcoming(NINE, "UTC", now) == utc(2026, 11, 23, 9)
    assert upcoming(at(utc(2026, 11, 22, 9)), "UTC", now) == utc(2026, 11, 22, 9)
    over = "DTSTART:20260101T090000\nRRULE:FREQ=DAILY;COUNT=2"
    assert upcoming(over, "UTC", now) == utc(2026, 1, 1, 9)


def test_a_rule_ends() -> None:
    """By its count or by its last day."""
    count = "DTSTART:20261124T090000\nRRULE:FREQ=DAILY;COUNT=2"
    until = "DTSTART:20261124T090000\nRRULE:FREQ=DAILY;UNTIL=20261125T090000"
    for rule in (count, until):
        assert clocks(rule, "UTC", utc(2026, 1, 1), 9) == ["24 09:00", "25 09:00"]


@pytest.mark.parametrize(
    "rule",
    [
        "",
        "tomorrow",
        "at:tomorrow",
        "RRULE:FREQ=DAILY",
        "DTSTART:20261124T090000",
        "DTSTART:20261124T090000\nRRULE:FREQ=OFTEN",
        "DTSTART:20261124T090000\nRRULE:FREQ=SECONDLY",
        "DTSTART:20261124T090000\nRRULE:FREQ=DAILY;INTERVAL=0",
        "DTSTART:20261124T090000\nRRULE:FREQ=DAILY;BYHOUR=99",
        "DTSTART:20261124T090000Z\nRRULE:FREQ=DAILY",
        "DTSTART;TZID=Europe/Paris:20261124T090000\nRRULE:FREQ=DAILY",
        "DTSTART:20261124T090000\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY",
    ],
)
def test_what_is_no_rule_is_refused(rule: str) -> None:
    """Whoever agrees on it hears so at once, in words."""
    with pytest.raises(ValueError, match=r"\S"):
        following(rule, "UTC", None)


@pytest.mark.parametrize("zone", ["", "Berlin", "../etc/passwd", "Europe/Berlin\x00", "x" * 300])
def test_what_is_no_zone_is_refused(zone: str) -> None:
    """Names of zones are IANA's."""
    with pytest.raises(ValueError, match="time zone"):
        following(NINE, zone, None)


def test_an_old_rule_of_every_minute_is_found_quickly() -> None:
    """It is not counted from its beginning, ten years ago."""
    rule = "DTSTART:20160101T000000\nRRULE:FREQ=MINUTELY"
    assert following(rule, "UTC", utc(2026, 11, 22)) == utc(2026, 11, 22, 0, 1)


@given(
    st.sampled_from(["DAILY", "WEEKLY", "HOURLY", "MINUTELY", "MONTHLY"]),
    st.integers(1, 40),
    st.integers(0, 6 * 365 * 86400),
    st.integers(0, 365 * 86400),
)
def test_a_time_is_later_than_asked_and_in_step(freq: str, step: int, begins_s: int, after_s: int) -> None:
    """However far from its beginning, a rule keeps its distances."""
    start, moment = utc(2020, 1, 1) + timedelta(seconds=begins_s), utc(2026, 1, 1) + timedelta(seconds=after_s)
    found = following(f"DTSTART:{start:%Y%m%dT%H%M%S}\nRRULE:FREQ={freq};INTERVAL={step}", "UTC", moment)
    assert found is not None
    assert found > moment
    grid = {"DAILY": 86400, "WEEKLY": 7 * 86400, "HOURLY": 3600, "MINUTELY": 60}.get(freq)
    if grid is not None:
        assert (found - start).total_seconds() % (grid * step) == 0
        assert (found - moment).total_seconds() <= grid * step


# --- jobs ------------------------------------------------------------------------------------------------------------


def job(rule: str, *, zone: str = BERLIN, cancel: bool = False) -> Job:
    """A job of Ann's."""
    return Job(id="j", to=Address(adapter="fake", chat="1"), sender="ann", rule=rule, zone=zone, cancel=cancel)


def ms(time: datetime) -> int:
    """A moment as the store counts."""
    return round(time.timestamp() * 1000)


def test_missed_times_are_made_up_for_by_one() -> None:
    """After three days off, a daily job fires once and is then due tomorrow."""
    with time_machine.travel(utc(2026, 11, 22, 12), tick=False):
        assert first_ms(job(NINE)) == ms(utc(2026, 11, 23, 8))
    with time_machine.travel(utc(2026, 11, 26, 12), tick=False):
        assert next_ms(Due(job=job(NINE), due_ms=ms(utc(2026, 11, 23, 8)))) == ms(utc(2026, 11, 27, 8))


def test_a_job_over_the_change_of_clocks_is_due_at_the_same_wall_time() -> None:
    """Berlin's nine o'clock is eight or seven by UTC."""
    with time_machine.travel(utc(2026, 10, 24, 7, 1), tick=False):
        assert next_ms(Due(job=job(NINE), due_ms=ms(utc(2026, 10, 24, 7)))) == ms(utc(2026, 10, 25, 8))


def test_a_job_that_is_cancelled_has_no_time() -> None:
    """Its rule is not even read."""
    assert first_ms(job("", cancel=True)) is None


def test_a_single_job_is_never_due_early_and_then_again() -> None:
    """Fractions of a millisecond are rounded up, so that the moment itself has passed when it fires."""
    moment = utc(2026, 11, 22, 12) + timedelta(microseconds=400)
    with time_machine.travel(moment - timedelta(hours=1), tick=False):
        due = first_ms(job(at(moment)))
    assert due == ms(utc(2026, 11, 22, 12)) + 1
    with time_machine.travel(utc(2026, 11, 22, 12) + timedelta(microseconds=300), tick=False):
        assert next_ms(Due(job=job(at(moment)), due_ms=due)) is None
