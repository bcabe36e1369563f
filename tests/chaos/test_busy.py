"""A slice of `make busy`: a few people, and a model many of whose calls fail, against the installed product."""

import pytest

from benchmarks.contestants import OURS
from chaos.busy import Plan, unanswered


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["529", "cut"])
async def test_nobody_is_left_without_an_answer(fault: str) -> None:
    """Though every third call fails, at its beginning or in its middle, and Telegram is busy, too."""
    assert await unanswered(OURS, Plan(fault=fault, rate=30, people=8, questions=1), patience_s=90) == 0
