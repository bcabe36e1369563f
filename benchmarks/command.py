"""The command: measures both contestants in turn, round after round, and shows what came of it."""

import argparse
import asyncio
import os
import sys
from collections import defaultdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from benchmarks.contestants import BARE, OURS
from benchmarks.figures import figures
from benchmarks.measures import MEASURES, Size
from benchmarks.plot import plot
from benchmarks.report import as_json, machine, table
from benchmarks.stage import ROOT

_FULL = Size()
_QUICK = Size(answers=100, asks=20, crowd=100, people=1000, idle_s=5.0)
_SLICE = Size(answers=6, in_flight=3, asks=3, crowd=5, people=8, looks=2, idle_s=0.2, warm_up=1)
_SIZES = {"full": _FULL, "quick": _QUICK, "slice": _SLICE}
_ROUNDS = {"start": 5, "delay": 3, "cpu_long": 3, "cpu_middle": 3, "cpu_short": 3, "crowd": 3, "idle": 1, "memory": 1}

_Collected = dict[str, defaultdict[str, list[float]]]


def main() -> int:
    """Measure; 0 unless an answer was lost or doubled by us."""
    parser = argparse.ArgumentParser(prog="benchmarks/run.py", description="Measures Waystation beside a bare bot.")
    parser.add_argument("--size", choices=[*_SIZES], default="full", help="how much is done (default: full)")
    parser.add_argument("--only", action="append", choices=[*MEASURES], help="this measure; may be repeated")
    parser.add_argument("--rounds", type=int, help="how often each is measured (default: by measure)")
    parser.add_argument("--out", type=Path, help="a folder for figures.json and benchmarks.svg; else those in docs/")
    options = parser.parse_args()
    os.environ.pop("WAYSTATION_SPECS", None)  # the simulators' own checks are not what is measured
    facts: dict[str, Any] = {"at": datetime.now(UTC).isoformat(timespec="minutes"), "size": options.size, **machine()}
    collected = asyncio.run(_measure(options.only or [*MEASURES], _SIZES[options.size], options.rounds))
    _show(collected, facts, options.out or (ROOT / "docs" / "images"))
    return int(any(collected[OURS.name]["lost"]) or any(collected[OURS.name]["doubled"]))


async def _measure(names: list[str], size: Size, rounds: int | None) -> _Collected:
    collected: _Collected = {OURS.name: defaultdict(list), BARE.name: defaultdict(list)}
    for name in names:
        for number in range(rounds or _ROUNDS[name]):
            for contestant in (OURS, BARE) if number % 2 == 0 else (BARE, OURS):
                print(f"{name}, round {number + 1}: {contestant.name}", file=sys.stderr, flush=True)
                for kind, samples in (await MEASURES[name](contestant, size)).items():
                    collected[contestant.name][kind] += samples
    return collected


def _show(collected: _Collected, facts: dict[str, Any], folder: Path) -> None:
    made = figures(collected[OURS.name], collected[BARE.name])
    print(table(made))
    folder.mkdir(parents=True, exist_ok=True)
    note = (
        f"{facts['cores']} cores, Python {facts['python']}, {facts['fsync_ms']:g} ms to sync the disk; dashed: the aim"
    )
    (folder / "benchmarks.svg").write_text(plot(made, note), encoding="utf-8")
    (folder / "benchmarks.json").write_text(as_json(facts, made, collected), encoding="utf-8")
