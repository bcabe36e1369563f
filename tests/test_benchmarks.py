"""A slice of `make bench`: that the harness works and its figures make sense. Nothing here depends on speed."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.figures import ROWS, figures, statistic
from benchmarks.imports import third_party
from benchmarks.plot import plot
from benchmarks.report import table

ROOT = Path(__file__).resolve().parents[1]


@pytest.mark.slow
def test_a_slice_answers_everybody_once_and_draws_its_figures(tmp_path: Path) -> None:
    """Both bots answer each question exactly once, each has its samples, and the figures are shown and kept."""
    command = [sys.executable, str(ROOT / "benchmarks" / "run.py")]
    command += ["--size", "slice", "--rounds", "1", "--only", "delay", "--out", str(tmp_path)]
    run = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert run.returncode == 0, run.stderr
    told = json.loads((tmp_path / "benchmarks.json").read_text(encoding="utf-8"))
    for samples in told["samples"].values():
        assert sum(samples["lost"]) == sum(samples["doubled"]) == 0
        assert len(samples["added_ms"]) == len(samples["first_text_ms"]) == 3
        assert min(samples["added_ms"]) > 0
    assert "answers lost" in run.stdout
    assert (tmp_path / "benchmarks.svg").read_text(encoding="utf-8").startswith("<svg")


def test_a_percentile_is_one_of_its_samples_or_between_two() -> None:
    """The median lies in the middle, the 99th percentile near the end, and a sum counts all."""
    samples = [float(number) for number in range(100, 0, -1)]
    assert (statistic(samples, "p50"), statistic(samples, "p99"), statistic(samples, "sum")) == (50.5, 100.0, 5050.0)
    with pytest.raises(ValueError, match="nothing"):
        statistic([], "p50")


def test_an_aim_is_met_by_a_figure_or_by_its_ratio_to_another() -> None:
    """An aim may be a figure, so many times the bare bot's, or so many times another figure of ours."""
    ours = {"crowd_s": [2.9], "cpu_long_ms": [5.0], "rss_people_mb": [120.0], "rss_imports_mb": [100.0], "lost": [0.0]}
    bare = {"crowd_s": [9.0], "cpu_long_ms": [10.0], "rss_people_mb": [90.0], "rss_imports_mb": [80.0], "lost": [3.0]}
    made = {figure.row.samples: figure for figure in figures(ours, bare)}
    assert made["crowd_s"].met
    assert made["rss_people_mb"].met
    assert made["lost"].met
    assert not made["cpu_long_ms"].met
    assert made["cpu_long_ms"].ratio == 0.5
    assert "added_ms" not in made


def test_every_row_can_be_shown() -> None:
    """Whatever the figures are, there is a line of the table for each, and a picture."""
    samples = {row.samples: [0.0, 1.0] for row in ROWS}
    made = figures(samples, samples)
    assert len(table(made).splitlines()) == len(ROWS) + 2
    assert plot(made, "a < b").count("<rect") > len(ROWS)


def test_packages_of_others_are_told_from_ours_and_from_pythons() -> None:
    """Memory is judged against what other people's packages take: neither Python's own nor ours are among them."""
    assert third_party(["asyncio.events", "core.app", "pydantic.main", "pydantic", "aiohttp"]) == (
        "aiohttp",
        "pydantic",
    )
