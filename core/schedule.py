r"""When a job is due: rules into times. Local wall-clock rules follow their zone through summer time.

A rule is ``at:`` with an ISO 8601 time, once; or an iCalendar recurrence (RFC 5545, section 3.3.10) with the
wall-clock time of its first occurrence: ``DTSTART:20261124T090000\nRRULE:FREQ=DAILY``.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import rrulestr

_AT = "at:"


def at(when: datetime) -> str:
    """The rule for one moment."""
    return f"{_AT}{when.astimezone(UTC).isoformat()}"


def following(rule: str, zone: str, after: datetime | None) -> datetime | None:
    """The first time a rule names after a moment, in UTC; None when there is none any more.

    A local time that the spring change skips is taken an hour later; one that the autumn change repeats is its first.

    Args:
        rule: See above.
        zone: An IANA name; local times of the rule are its wall clock.
        after: None asks for the rule's first time at all, which may have passed.

    Raises:
        ValueError: The rule or the zone is not one.
    """
    local = _zone(zone)
    if rule.startswith(_AT):
        once = datetime.fromisoformat(rule.removeprefix(_AT))
        once = once.replace(tzinfo=local) if once.tzinfo is None else once
        return once.astimezone(UTC) if after is None else None
    times = rrulestr(rule)
    if after is None:
        first = next(iter(times), None)
        return None if first is None else first.replace(tzinfo=local).astimezone(UTC)
    # Wall clocks may go back an hour in between, so begin a little early and compare real times.
    wall = after.astimezone(local).replace(tzinfo=None) - timedelta(hours=3)
    for time in times.xafter(wall):
        if (real := time.replace(tzinfo=local).astimezone(UTC)) > after:
            return real
    return None


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"{name!r} is no time zone; IANA names look like Europe/Berlin"
        raise ValueError(msg) from error
