"""A slice of `make chaos`: the installed command is killed some times while it answers a few people."""

from pathlib import Path

import pytest

from chaos.arena import Plan, Run, arena
from chaos.verdict import Verdict, verdict

KILLS, AT_LEAST = 6, 1  # a busy machine starts it seldom in the time there is


async def slice_of_chaos(plan: Plan, folder: Path) -> tuple[Run, Verdict]:
    """Hold a run and judge it."""
    async with arena(plan, folder) as run:
        return run, verdict(run)


@pytest.mark.slow
@pytest.mark.parametrize("drafts", [True, False], ids=["drafts", "edits"])
async def test_nothing_is_lost_and_nothing_doubled_though_it_is_killed_again_and_again(
    tmp_path: Path, *, drafts: bool
) -> None:
    """Whenever it dies, each question has its one answer in the end; only a cut confirmation may double a message."""
    plan = Plan(kills=KILLS, people=6, groups=1, seed=7, drafts=drafts, seconds=9.0, patience_s=30.0)
    run, result = await slice_of_chaos(plan, tmp_path)
    assert run.killer.kills >= AT_LEAST
    assert run.deaths_of_its_own == 0
    assert result.lost == []
    assert result.doubled == []
    assert result.effects == []
    assert run.ended_well
