r"""When a job is due: rules into times. Local wall-clock rules follow their zone through summer time.

A rule is ``at:`` with an ISO 8601 time, once; or one iCalendar recurrence (RFC 5545, section 3.3.10) with the
wall-clock time it begins at: ``DTSTART:20261124T090000\nRRULE:FREQ=DAILY``.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from dateutil.rrule import DAILY, HOURLY, MINUTELY, WEEKLY, rrule, rrulestr

_AT = "at:"
_STEPS = {
    WEEKLY: timedelta(weeks=1),
    DAILY: timedelta(days=1),
    HOURLY: timedelta(hours=1),
    MINUTELY: timedelta(minutes=1),
}
_EARLIER = timedelta(hours=3)
"""Clocks go back by no more than this."""


def at(when: datetime) -> str:
    """The rule for one moment."""
    return f"{_AT}{when.astimezone(UTC).isoformat()}"


def following(rule: str, zone: str, after: datetime | None) -> datetime | None:
    """The first time a rule names after a moment, in UTC; None when there is none any more.

    A local time that the spring change skips is taken an hour later; one that the autumn change repeats is its first.
    A far-fetched rule (30 February) takes seconds to think about: ask in a thread.

    Args:
        rule: See above.
        zone: An IANA name; local times of the rule are its wall clock.
        after: None asks for the rule's first time at all, which may have passed.

    Raises:
        ValueError: The rule or the zone is not one, or asks for more than one time a minute.
    """
    local = _zone(zone)
    if rule.startswith(_AT):
        once = datetime.fromisoformat(rule.removeprefix(_AT))
        once = (once.replace(tzinfo=local) if once.tzinfo is None else once).astimezone(UTC)
        return once if after is None or once > after else None
    times = _parsed(rule)
    if after is not None:
        # Wall clocks may go back in between, so begin a little early and compare real times.
        times = _begun_near(times, after.astimezone(local).replace(tzinfo=None) - _EARLIER)
    for time in times:
        real = time.replace(tzinfo=local).astimezone(UTC)
        if after is None or real > after:
            return real
    return None


def upcoming(rule: str, zone: str, now: datetime) -> datetime | None:
    """When a rule that is agreed on now is due first: its next time, or where all have passed, its first.

    Raises:
        ValueError: The rule or the zone is not one.
    """
    return following(rule, zone, now) or following(rule, zone, None)


def check_rule(rule: str, zone: str) -> None:
    """Tell quickly whether a rule and a zone are ones: when it is due is not worked out.

    Raises:
        ValueError: The rule or the zone is not one; the sentence says why.
    """
    _zone(zone)
    if not rule.startswith(_AT):
        _parsed(rule)
        return
    try:
        datetime.fromisoformat(rule.removeprefix(_AT))
    except ValueError as error:
        raise ValueError(f"{rule!r} is no rule: behind {_AT} stands a time like 2026-11-24T09:00") from error


def _parsed(rule: str) -> rrule:
    if "DTSTART" not in rule.upper():
        raise ValueError(f"{rule!r} does not say when it begins; a line DTSTART:20261124T090000 does")
    try:
        times = rrulestr(rule)
    except (ValueError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"{rule!r} is no rule: {error}") from error
    if not isinstance(times, rrule):
        raise ValueError(f"{rule!r} is more than one recurrence; a single RRULE is understood")  # noqa: TRY004
    inside = vars(times)  # dateutil tells it in no other way
    if inside["_dtstart"].tzinfo is not None:
        raise ValueError(f"{rule!r} names a time zone; it is to be written in wall-clock time, the zone apart")
    if inside["_freq"] > MINUTELY or inside["_interval"] < 1:
        raise ValueError(f"{rule!r} asks for more than one time a minute")
    return times


def _begun_near(times: rrule, wall: datetime) -> rrule:
    """The same rule begun later but in step, so that one of every minute is not counted from its first year."""
    inside = vars(times)
    start: datetime = inside["_dtstart"]
    step = _STEPS.get(inside["_freq"])
    if step is None or inside["_count"] is not None or start >= wall:
        return times
    return times.replace(dtstart=wall - (wall - start) % (step * inside["_interval"]))


def _zone(name: str) -> ZoneInfo:
    try:
        return ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        msg = f"{name!r} is no time zone; IANA names look like Europe/Berlin"
        raise ValueError(msg) from error
