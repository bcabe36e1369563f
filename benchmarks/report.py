"""Showing figures: a table in Markdown, which is readable in a terminal too, and everything as JSON."""

import json
import os
import platform
import statistics
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.figures import Figure, Samples

_HEAD = ("", "Waystation", "bare bot", "ratio", "aim", "")
_SYNCS = 30


def table(figures: Sequence[Figure]) -> str:
    """The figures as a Markdown table."""
    rows = [_HEAD, *(_cells(figure) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [
        "| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) + " |" for row in rows
    ]
    rule = "|" + "|".join("-" * (width + 1) + (":" if 0 < at < 4 else "-") for at, width in enumerate(widths)) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _cells(figure: Figure) -> tuple[str, ...]:
    ratio = "" if figure.ratio is None else f"{figure.ratio:.2f}"
    met = {True: "met", False: "missed", None: ""}[figure.met]
    return (figure.row.label, said(figure, figure.ours), said(figure, figure.bare), ratio, figure.aim, met)


def said(figure: Figure, value: float) -> str:
    """A value with its unit."""
    return f"{value:.{figure.row.digits}f} {figure.row.unit}".rstrip()


def machine() -> dict[str, Any]:
    """What it ran on, as far as it matters: cores, Python, and how long the disk takes to be sure of something."""
    return {
        "cores": len(os.sched_getaffinity(0)),
        "python": platform.python_version(),
        "fsync_ms": round(_sync_ms(), 2),
        "load": round(os.getloadavg()[0], 2),
    }


def _sync_ms() -> float:
    took: list[float] = []
    with TemporaryDirectory(prefix="bench-sync-") as folder, (Path(folder) / "file").open("wb") as file:
        for _ in range(_SYNCS):
            file.write(b"x" * 4096)
            file.flush()
            began = time.perf_counter()
            os.fdatasync(file.fileno())
            took.append(1000 * (time.perf_counter() - began))
    return statistics.median(took)


def as_json(facts: Mapping[str, Any], figures: Sequence[Figure], samples: Mapping[str, Samples]) -> str:
    """Everything: what it ran on, the figures, and each contestant's samples."""
    rows = [
        {
            "label": figure.row.label,
            "unit": figure.row.unit,
            "waystation": round(figure.ours, 4),
            "bare": round(figure.bare, 4),
            "ratio": None if figure.ratio is None else round(figure.ratio, 4),
            "aim": figure.aim,
            "met": figure.met,
        }
        for figure in figures
    ]
    rounded = {
        who: {name: [round(value, 3) for value in values] for name, values in kinds.items()}
        for who, kinds in samples.items()
    }
    return json.dumps({**facts, "figures": rows, "samples": rounded}, indent=1, ensure_ascii=False) + "\n"
