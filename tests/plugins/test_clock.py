"""Times: by the caller's clock, in any zone, over summer time; and what is no time or no zone is told with a hint."""

import json
from datetime import UTC, datetime
from zoneinfo import available_timezones

import pytest

from core.errors import CallMalformed
from core.testing import use
from plugins.clock import spec, zone_named

NOW = datetime(2026, 11, 26, 15, 4, 5, tzinfo=UTC)


async def ask(tool: str, **arguments: object) -> str:
    """Call a tool of the clock as a model would."""
    return await use(spec, tool, json.dumps(arguments), now=NOW)


@pytest.mark.parametrize(
    "zone, told",
    [
        ("UTC", "Thursday, 26 November 2026, 15:04:05 in UTC (2026-11-26T15:04:05+00:00, UTC, week 48)"),
        (
            "Europe/Paris",
            "Thursday, 26 November 2026, 16:04:05 in Europe/Paris (2026-11-26T16:04:05+01:00, CET, week 48)",
        ),
        ("Asia/Tokyo", "Friday, 27 November 2026, 00:04:05 in Asia/Tokyo (2026-11-27T00:04:05+09:00, JST, week 48)"),
        (
            "Asia/Kathmandu",
            "Thursday, 26 November 2026, 20:49:05 in Asia/Kathmandu (2026-11-26T20:49:05+05:45, +0545, week 48)",
        ),
    ],
)
async def test_the_time_is_told_in_a_zone(zone: str, told: str) -> None:
    """With the weekday and the offset, which models get wrong."""
    assert await ask("current_time", zone=zone) == told


@pytest.mark.parametrize(
    "name, zone",
    [
        ("Paris", "Europe/Paris"),
        ("  new   york ", "America/New_York"),
        ("São Paulo", "America/Sao_Paulo"),
        ("TOKYO", "Asia/Tokyo"),
        ("europe/BERLIN", "Europe/Berlin"),
        ("Buenos Aires", "America/Buenos_Aires"),
        ("Indianapolis", "America/Indianapolis"),
        ("utc", "UTC"),
        ("Eastern", "US/Eastern"),
    ],
)
def test_a_zone_goes_by_its_name_or_a_citys(name: str, zone: str) -> None:
    """However it is written."""
    assert zone_named(name).key == zone


def test_every_zone_there_is_goes_by_its_own_name() -> None:
    """None hides another."""
    assert [zone for zone in available_timezones() if zone_named(zone).key.lower() != zone.lower()] == []


@pytest.mark.parametrize(
    "name, hint",
    [
        ("Pariss", "Did you mean Europe/Paris"),
        ("Middle-earth", "Give an IANA name"),
        ("West", "may be Australia/West or Brazil/West"),
        ("../../etc/passwd", "there is no time zone"),
        ("/etc/localtime", "there is no time zone"),
        (" ", "there is no time zone"),
    ],
)
async def test_what_is_no_zone_is_told_with_what_may_be_meant(name: str, hint: str) -> None:
    """And no path is ever opened."""
    with pytest.raises(CallMalformed, match=hint):
        await ask("current_time", zone=name)


async def test_a_time_is_told_in_another_zone() -> None:
    """Also on another day; an offset in the time goes before the zone."""
    told = await ask("convert_time", time="2026-07-01T20:00", from_zone="New York", to_zone="Tokyo")
    assert "20:00:00 in America/New_York (2026-07-01T20:00:00-04:00" in told
    assert "Thursday, 2 July 2026, 09:00:00 in Asia/Tokyo" in told
    told = await ask("convert_time", time="2026-07-01T20:00Z", from_zone="New York", to_zone="Tokyo")
    assert "16:00:00 in America/New_York" in told
    assert "05:00:00 in Asia/Tokyo" in told


@pytest.mark.parametrize(
    "time, there, remark",
    [
        ("2026-03-29T02:30", "01:30:00 in UTC", "skip"),
        ("2026-10-25T02:30", "00:30:00 in UTC", "twice"),
        ("2026-10-25T04:30", "03:30:00 in UTC", ""),
    ],
)
async def test_times_that_clocks_skip_or_show_twice_are_remarked(time: str, there: str, remark: str) -> None:
    """In Paris, in spring and in autumn."""
    told = await ask("convert_time", time=time, from_zone="Paris", to_zone="UTC")
    assert there in told
    assert ("Clocks" in told) == bool(remark)
    assert remark in told


@pytest.mark.parametrize(
    "start, end, told",
    [
        ("2026-11-24", "2026-12-24T18:00", ["1 month, 18 hours.", "30 days apart", "738.00 hours"]),
        ("2026-12-24T18:00", "2026-11-24", ["1 month, 18 hours, backwards.", "30 days apart"]),
        ("2024-02-28", "2024-03-01", ["2 days.", "2 days apart", "48.00 hours"]),
        ("2026-03-28T12:00", "2026-03-29T12:00", ["1 day.", "1 day apart", "23.00 hours", "0.96 times"]),
        ("2026-11-24", "2026-11-24", ["no time at all.", "0 days apart"]),
        ("2026-11-24T00:00Z", "2026-11-24T00:00-05:00", ["5 hours."]),
    ],
)
async def test_the_time_between_two_moments_is_told_by_the_calendar_and_exactly(
    start: str, end: str, told: list[str]
) -> None:
    """A day is not always 24 hours."""
    said = await ask("time_between", start=start, end=end, zone="Paris")
    assert [one for one in told if one not in said] == []


@pytest.mark.parametrize("time", ["soon", "2026-13-01", "0001-01-01", "9999-12-31T23:59"])
async def test_what_is_no_time_is_told(time: str) -> None:
    """Also one at the ends of the calendar, where nothing can be reckoned."""
    with pytest.raises(CallMalformed, match=r"\w"):
        await ask("convert_time", time=time, from_zone="Tokyo", to_zone="New York")
    with pytest.raises(CallMalformed, match=r"\w"):
        await ask("time_between", start=time, end="2026-11-24", zone="Tokyo")
