"""Models that are shut down soon, or have been: told before people find out."""

from collections.abc import Iterable
from datetime import UTC, date, datetime

from core.models.catalogue import Catalogue

SOON_DAYS = 60


def today() -> date:
    """The day it is, everywhere."""
    return datetime.now(UTC).date()


def days_left(retires: str, day: date) -> int | None:
    """Days until a model is shut down, negative after that; None where no day is known."""
    try:
        return (date.fromisoformat(retires[:10]) - day).days
    except ValueError:
        return None


def is_near(retires: str, day: date) -> bool:
    """Whether the end is near, or past."""
    left = days_left(retires, day)
    return left is not None and left <= SOON_DAYS


def warning(name: str, retires: str, day: date) -> str:
    """A sentence for whoever runs this, "" where there is time."""
    left = days_left(retires, day)
    if left is None or left > SOON_DAYS:
        return ""
    if left < 0:
        return f"{name} was shut down on {retires}: choose another model."
    when = "today" if left == 0 else "tomorrow" if left == 1 else f"in {left} days"
    return f"{name} is shut down on {retires}, {when}: choose another model in time."


def warnings(names: Iterable[str], catalogue: Catalogue, day: date) -> list[str]:
    """The same of all these models, as far as the catalogue knows; providers alone are passed over."""
    parts = [name.partition("/") for name in dict.fromkeys(names)]
    told = (
        warning(f"{provider}/{model}", catalogue.facts(provider, model).retires, day)
        for provider, _, model in parts
        if model
    )
    return [text for text in told if text]
