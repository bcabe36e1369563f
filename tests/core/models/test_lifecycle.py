"""Models that are shut down soon are told in time, and no others."""

from datetime import date

import pytest

from core.models.catalogue import shipped
from core.models.lifecycle import warning, warnings

DAY = date(2026, 11, 26)


@pytest.mark.parametrize(
    "retires, words",
    [
        ("2026-11-25", "was shut down on 2026-11-25"),
        ("2026-11-26", "today"),
        ("2026-11-27", "tomorrow"),
        ("2027-01-25", "in 60 days"),
        ("2026-12-01T00:00:00Z", "in 5 days"),
    ],
)
def test_the_last_sixty_days_are_counted(retires: str, words: str) -> None:
    """And what is past is said to be."""
    assert words in warning("a/b", retires, DAY)


@pytest.mark.parametrize("retires", ["", "2027-01-26", "someday"])
def test_otherwise_nothing_is_said(retires: str) -> None:
    """No day, a far one, or one that is none."""
    assert warning("a/b", retires, DAY) == ""


def test_of_what_is_configured_each_is_told_once() -> None:
    """A provider alone has no day; a date at the end of an id changes nothing."""
    names = ["anthropic/claude-sonnet-4-5-20250929", "openai", "openai/gpt-6.2-sol", "openai/o3", "openai/o3"]
    told = warnings(names, shipped(), DAY)
    assert [text.partition(" ")[0] for text in told] == ["anthropic/claude-sonnet-4-5-20250929", "openai/o3"]
    assert "2026-11-30, in 4 days" in told[0]
