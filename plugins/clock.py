"""Tells times: now in any zone, one zone's time in another, and how long it is between two moments. Asks nobody.

Models do not know what time it is, and add up dates badly. Zones are IANA's names; a city will do where a zone is
named for it.
"""

import difflib
import unicodedata
from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import MAXYEAR, MINYEAR, UTC, datetime, timedelta
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from dateutil.relativedelta import relativedelta
from pydantic import Field

from core.errors import CallMalformed
from core.plugin import ToolContext
from core.tools import plugin

Zone = Annotated[
    str,
    Field(
        min_length=1,
        max_length=80,
        description='An IANA time zone ("Europe/Paris"), or a city one is named for ("Tokyo").',
    ),
]
Moment = Annotated[
    datetime, Field(description='ISO 8601: "2026-11-24T09:30", or "2026-11-24T09:30+01:00" where the offset is known.')
]

_REGIONS = frozenset(
    {"Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe", "Indian", "Pacific"}
)
_MONTHS = (1, 4, 7, 10)


def current_time(zone: Zone, caller: ToolContext) -> str:
    """Tell the current date and time in a time zone."""
    return told(caller.now.astimezone(zone_named(zone)))


def convert_time(time: Moment, from_zone: Zone, to_zone: Zone) -> str:
    """Tell what a time in one zone is in another, with summer time. An offset in the time goes before from_zone."""
    here, there = zone_named(from_zone), zone_named(to_zone)
    moment = _moment(time, here)
    lines = [f"{told(_real(moment))} is", told(_real(moment).astimezone(there)) + "."]
    return "\n".join([*lines, *_remarks(moment)])


def time_between(start: Moment, end: Moment, zone: Zone = "UTC") -> str:
    """Tell how long it is from one moment to another, by the calendar and exactly."""
    local = zone_named(zone)
    first, last = (_real(_moment(each, local)) for each in (start, end))
    early, late = sorted((first, last))
    length = late.astimezone(UTC) - early.astimezone(UTC)
    hours = length / timedelta(hours=1)
    lines = [
        f"From {told(first)} to {told(last)}: {_calendar(early, late)}" + (", backwards." if last < first else "."),
        f"By the calendar the dates are {_counted((late.date() - early.date()).days, 'day')} apart.",
        f"Exactly it is {hours:.2f} hours, or {length / timedelta(days=1):.2f} times 24 hours.",
    ]
    return "\n".join(lines)


def told(moment: datetime) -> str:
    """A moment with all that is ever asked about it."""
    day = f"{moment:%A}, {moment.day} {moment:%B} {moment.year}, {moment:%H:%M:%S}"
    return f"{day} in {moment.tzinfo} ({moment.isoformat(timespec='seconds')}, {moment:%Z}, week {moment:%V})"


def zone_named(name: str) -> ZoneInfo:
    """A zone by its name, or by a city's.

    Raises:
        CallMalformed: There is none, or several; with what may have been meant.
    """
    asked = _folded(name)
    zones = _zones().get(asked, ())
    if not zones:
        near = difflib.get_close_matches(asked, _zones(), n=3)
        meant = f" Did you mean {' or '.join(_zones()[one][0] for one in near)}?" if near else ""
        raise CallMalformed(f"there is no time zone {name!r}.{meant} Give an IANA name like Europe/Paris")
    if len({_offsets(zone) for zone in zones}) > 1:
        raise CallMalformed(f"{name!r} may be {' or '.join(zones)}: give one of these")
    return ZoneInfo(zones[0])


@cache
def _zones() -> Mapping[str, Sequence[str]]:
    """All zones, by name and by last part of it; those of a continent first, and other names for them after."""
    found: dict[str, list[str]] = defaultdict(list)
    for zone in sorted(
        available_timezones(), key=lambda zone: (zone.partition("/")[0] not in _REGIONS, len(zone), zone)
    ):
        found[_folded(zone)] = [zone]
    for zones in list(found.values()):
        city = _folded(zones[0].rpartition("/")[2])
        if city not in found or "/" in found[city][0]:
            found[city].append(zones[0])
    return {name: tuple(dict.fromkeys(zones)) for name, zones in found.items()}


def _offsets(zone: str) -> tuple[timedelta | None, ...]:
    """What tells zones apart, for whoever asks about this year or the next."""
    year = datetime.now(UTC).year
    moments = [datetime(year + later, month, 15, tzinfo=UTC) for later in (0, 1) for month in _MONTHS]
    return tuple(moment.astimezone(ZoneInfo(zone)).utcoffset() for moment in moments)


def _folded(name: str) -> str:
    plain = "".join(c for c in unicodedata.normalize("NFKD", name) if not unicodedata.combining(c))
    return "_".join(plain.casefold().replace("_", " ").split())


def _moment(time: datetime, local: ZoneInfo) -> datetime:
    if not MINYEAR < time.year < MAXYEAR:
        raise CallMalformed(f"only years between {MINYEAR} and {MAXYEAR} can be reckoned with")
    return time.astimezone(local) if time.tzinfo else time.replace(tzinfo=local)


def _real(moment: datetime) -> datetime:
    """A local time as clocks show it: one that they skip is as much later."""
    return moment.astimezone(UTC).astimezone(moment.tzinfo)


def _remarks(moment: datetime) -> list[str]:
    if moment.replace(tzinfo=None) != _real(moment).replace(tzinfo=None):
        return ["Clocks skip that local time on that day, so it was taken as much later."]
    if moment.utcoffset() != moment.replace(fold=1).utcoffset():
        return ["Clocks show that local time twice on that day; the first was taken."]
    return []


def _calendar(early: datetime, late: datetime) -> str:
    between = relativedelta(late.replace(tzinfo=None), early.replace(tzinfo=None))
    units = [
        (between.years, "year"),
        (between.months, "month"),
        (between.days, "day"),
        (between.hours, "hour"),
        (between.minutes, "minute"),
        (between.seconds, "second"),
    ]
    return ", ".join(_counted(number, unit) for number, unit in units if number) or "no time at all"


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}{'s' * (number != 1)}"


spec = plugin("clock", current_time, convert_time, time_between)
