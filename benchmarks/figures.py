"""From samples to figures: medians and percentiles, ours beside the bare bot's, and whether an aim is met."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

Samples = Mapping[str, Sequence[float]]
Statistic = Literal["p50", "p99", "sum"]


@dataclass(frozen=True, kw_only=True)
class Row:
    """One line of the table.

    Attributes:
        samples: Whose name it takes the statistic of.
        most: Our figure may be at most this; with ``beside``, this many times that: the bare bot's figure ("bare"),
            or the name of other samples of ours.
    """

    label: str
    samples: str
    unit: str
    digits: int
    statistic: Statistic = "p50"
    most: float | None = None
    beside: str = ""


ROWS = (
    Row(label="CPU an answer of 200 deltas", samples="cpu_long_ms", unit="ms", digits=1, most=0.4, beside="bare"),
    Row(label="CPU an answer of 55 deltas", samples="cpu_middle_ms", unit="ms", digits=1, most=0.4, beside="bare"),
    Row(label="CPU an answer of 20 deltas", samples="cpu_short_ms", unit="ms", digits=1, most=0.4, beside="bare"),
    Row(label="added to the model's time, p50", samples="added_ms", unit="ms", digits=1, most=1.0, beside="bare"),
    Row(label="added to the model's time, p99", samples="added_ms", unit="ms", digits=1, statistic="p99"),
    Row(label="first text after first token, p50", samples="first_text_ms", unit="ms", digits=1),
    Row(label="first text after first token, p99", samples="first_text_ms", unit="ms", digits=1, statistic="p99"),
    Row(label="500 two-second answers at once", samples="crowd_s", unit="s", digits=2, most=3.0),
    Row(label="start to listening", samples="listening_s", unit="s", digits=2),
    Row(label="start to first reply", samples="first_reply_s", unit="s", digits=2, most=1.5),
    Row(label="CPU until the first reply", samples="first_reply_cpu_s", unit="s", digits=2),
    Row(label="idle CPU of one core", samples="idle_percent", unit="%", digits=2, most=0.1),
    Row(label="memory, idle", samples="rss_idle_mb", unit="MB", digits=0),
    Row(
        label="memory after 10,000 people",
        samples="rss_people_mb",
        unit="MB",
        digits=0,
        most=1.3,
        beside="rss_imports_mb",
    ),
    Row(label="its growth over the second half", samples="rss_growth_mb", unit="MB", digits=1, most=3.0),
    Row(label="bare imports of the same packages", samples="rss_imports_mb", unit="MB", digits=0),
    Row(label="answers lost", samples="lost", unit="", digits=0, statistic="sum", most=0.0),
    Row(label="answers doubled", samples="doubled", unit="", digits=0, statistic="sum", most=0.0),
)


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A row with its values; ``ratio`` is ours to the bare bot's, None where that says nothing."""

    row: Row
    ours: float
    bare: float
    ratio: float | None
    aim: str
    met: bool | None


def statistic(samples: Sequence[float], kind: Statistic) -> float:
    """One figure out of samples.

    Raises:
        ValueError: There are none.
    """
    if not samples:
        raise ValueError("There is nothing to make a figure of.")
    if kind == "sum":
        return sum(samples)
    if kind == "p50":
        return statistics.median(samples)
    ordered = sorted(samples)
    return ordered[min(len(ordered) - 1, round(0.99 * len(ordered)))]


def figures(ours: Samples, bare: Samples) -> tuple[Figure, ...]:
    """All rows for which both were measured."""
    return tuple(_figure(row, ours, bare) for row in ROWS if ours.get(row.samples) and bare.get(row.samples))


def _figure(row: Row, ours: Samples, bare: Samples) -> Figure:
    mine, theirs = statistic(ours[row.samples], row.statistic), statistic(bare[row.samples], row.statistic)
    ratio = mine / theirs if theirs > 0 and row.unit else None
    if row.most is None:
        return Figure(row=row, ours=mine, bare=theirs, ratio=ratio, aim="", met=None)
    if not row.beside:
        return Figure(row=row, ours=mine, bare=theirs, ratio=ratio, aim=_at_most(row), met=mine <= row.most)
    base = theirs if row.beside == "bare" else statistic(ours[row.beside], "p50")
    return Figure(row=row, ours=mine, bare=theirs, ratio=ratio, aim=_at_most(row), met=mine <= row.most * base)


def _at_most(row: Row) -> str:
    if not row.beside:
        return f"≤ {row.most:g} {row.unit}".rstrip()
    return f"≤ {row.most:g} × {'bare' if row.beside == 'bare' else 'imports'}"
