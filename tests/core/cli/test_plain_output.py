"""What others call their things (models, servers) reaches a terminal as letters, and is obeyed by none."""

import sys
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from core.cli import models, running
from core.config.models import QualityNotes
from core.config.settings import Off
from core.models.survey import Listed, Survey
from core.process import report
from core.process.supervision import State

HOSTILE = "\x1b[2J\x1b]0;owned\x07evil\u202e\x9b31m\r\n  bot telegram       listening for 3 d[red]x[/red]"
"""Clears the screen, names the window, turns letters around, colours, and writes a line that could be ours."""


def obeyed(text: str) -> list[str]:
    """Characters that a terminal would act on, or that turn others around."""
    return [letter for letter in text if letter != "\n" and not letter.isprintable()]


def test_a_status_shows_hostile_names_as_letters(capsys: pytest.CaptureFixture[str]) -> None:
    """Of models, of servers' complaints, and of what is off."""
    state = State(doing="waiting", since=datetime.now(UTC), reason=HOSTILE, failures=1)
    told = report.Report(
        version="1",
        pid=1,
        since=datetime.now(UTC),
        data_dir=HOSTILE,
        source=HOSTILE,
        bots=(report.Bot(name="web", state=state),),
        providers=(report.Provider(name="a", models=(HOSTILE,)), report.Provider(name="b", trouble=HOSTILE)),
        plugins=(HOSTILE,),
        counts={"inbox": 1},
        off=(Off(section=HOSTILE, why=HOSTILE),),
        model=HOSTILE,
        note=HOSTILE,
        notices=(HOSTILE,),
    )
    lines = report.of_status(told)
    running._tell(lines)
    running._complain(HOSTILE)
    shown = capsys.readouterr()
    assert obeyed(shown.out + shown.err) == []
    assert "evil" in shown.out
    assert shown.out.count("\n") == len(lines)  # none of them made a line of its own
    assert shown.err.count("\n") == 1


def test_the_list_of_models_shows_hostile_names_as_letters(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """And takes no markup for colours."""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: False)
    listed = Listed(
        provider="a",
        id=HOSTILE,
        hosting="self",
        context_tokens=1,
        output_tokens=1,
        abilities=(HOSTILE,),
        input_usd=Decimal(1),
        output_usd=Decimal(1),
        priced=True,
        configured=True,
        current=True,
        tier="",
        licence="",
        quality=QualityNotes(),
        note=HOSTILE,
        retires="",
    )
    models._print(Survey(models=(listed,), trouble=((HOSTILE, HOSTILE),)), date(2026, 12, 1), everything=True)
    shown = capsys.readouterr().out
    assert obeyed(shown) == []
    assert "[red]" in shown
