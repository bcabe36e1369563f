"""What a run is told as: a line while it goes on, tables at its end, and all of it as JSON."""

import dataclasses
import json
import statistics
from collections.abc import Iterator, Sequence
from typing import Any

from chaos.arena import Run
from chaos.judge import Finding
from chaos.stages import STAGES
from chaos.verdict import Verdict, shortened
from simulators.telegram.chats import text_of

_SHOWN = 20
_LINE = 90


def progress(run: Run) -> str:
    """Where a run stands, in a line."""
    asked = sum(len(asker.asked) for asker in run.people)
    hits = " ".join(f"{stage} {run.killer.hits[stage]}" for stage in STAGES)
    return f"kills {run.killer.kills}/{run.plan.kills}  questions {asked}  hits: {hits}"


def tables(run: Run, verdict: Verdict) -> str:
    """All figures, in Markdown."""
    lines = ["| stage | aimed at | killed within | begun |", "|---|---:|---:|---:|"]
    begun = {stage: sum(life.log.seen[stage] for life in run.lives) for stage in STAGES}
    lines += [f"| {s} | {run.killer.aimed[s]} | {run.killer.hits[s]} | {begun[s]} |" for s in STAGES]
    lines += [f"| (any moment) | {run.killer.aimed['']} | | |", "", "| figure | |", "|---|---:|"]
    lines += [f"| {name} | {value} |" for name, value in figures(run, verdict).items()]
    for name, found in _findings(verdict):
        if found:
            lines += ["", f"{name}:", *(f"- {_told(finding)}" for finding in found[:_SHOWN])]
    return "\n".join(lines)


def figures(run: Run, verdict: Verdict) -> dict[str, int | float | str]:
    """The figures by name."""
    starts = [life.ready_at - life.began_at for life in run.lives if life.ready_at]
    firsts = [life.answered_at - life.began_at for life in run.lives[1:] if life.answered_at]
    return {
        "previews": "drafts, edits in groups" if run.plan.drafts else "edits",
        "after an unknown send": "mark" if run.plan.mark else "resend",
        "kills": run.killer.kills,
        "starts": len(run.lives),
        "people and groups": len(run.people),
        "questions": sum(len(asker.asked) for asker in run.people),
        "seen answered": run.answered,
        "model calls": run.model_calls + len(run.lab.requests),
        "start to listening, median s": _median(starts),
        "start to listening, max s": round(max(starts, default=0.0), 2),
        "restart to first whole answer, median s": _median(firsts),
        "restart to first whole answer, max s": round(max(firsts, default=0.0), 2),
        "took s": round(run.over_at - run.began_at),
        **{f"notes {name}": count for name, count in sorted(verdict.notes.items())},
        "deaths of its own": run.deaths_of_its_own,
        "ended well when asked": "yes" if run.ended_well else "no",
        "warnings and errors logged": json.dumps(dict(run.complaints)) if run.complaints else "none",
        "calls the Bot API does not allow": len(run.telegram.world.violations),
        "left unknown": len(verdict.unknown),
        "doubled by a cut (stated exception)": len(verdict.excused),
        "notes wrong": len(verdict.effects),
        "**lost**": len(verdict.lost),
        "**doubled without a cut**": len(verdict.doubled),
    }


def as_json(run: Run, verdict: Verdict) -> dict[str, Any]:
    """All there is to know, for programs."""
    return {
        "plan": dataclasses.asdict(run.plan),
        "stages": {stage: {"aimed": run.killer.aimed[stage], "hit": run.killer.hits[stage]} for stage in ("", *STAGES)},
        "figures": figures(run, verdict),
        "clean": verdict.clean,
        "findings": {
            name: [dataclasses.asdict(shortened(finding)) for finding in found] for name, found in _findings(verdict)
        },
        "effects": verdict.effects,
        "kills": [
            {
                "at": round(life.killed_at - run.began_at, 3),
                "life": life.number,
                "within": [f"{stage} {key}" for stage, key in life.log.open],
                "sends": {
                    slot: round(begun.at - run.wall_offset_s - run.began_at, 3)
                    for slot, begun in life.log.sends.items()
                },
            }
            for life in run.lives
            if life.killed_at
        ],
        "transcripts": {number: transcript(run, number) for number in sorted(_troubled(verdict))},
        "complaints": [line for life in run.lives for line in life.log.complaints][:200],
    }


def transcript(run: Run, number: int) -> list[str]:
    """A chat as it was, message by message, with the seconds at which each was said and last changed."""
    chat = run.people[number - 1].chat
    lines = []
    for message, entry in chat.entries.items():
        times = "/".join(f"{version.at - run.began_at:.2f}" for version in (entry.history[0], entry.history[-1]))
        gone = f" deleted {entry.deleted_at - run.began_at:.2f}" if entry.deleted_at else ""
        who = "person" if entry.bot_id is None else f"bot, {len(entry.history)} versions{gone}"
        lines.append(f"{times} {message} ({who}): {text_of(entry.raw)[:_LINE]!r}")
    return lines


def _troubled(verdict: Verdict) -> set[int]:
    """The chats in which something is wrong that nothing excuses."""
    return {finding.chat for finding in (*verdict.lost, *verdict.doubled)}


def _findings(verdict: Verdict) -> Iterator[tuple[str, Sequence[Finding]]]:
    yield "Lost", verdict.lost
    yield "Doubled without a cut", verdict.doubled
    yield "Left unknown", verdict.unknown
    yield "Doubled by a cut", verdict.excused


def _told(finding: Finding) -> str:
    what = finding.question or f"message {finding.message}"
    return f"{finding.fault} in chat {finding.chat}: {what} {finding.text[:120]!r}"


def _median(values: Sequence[float]) -> float:
    return round(statistics.median(values), 2) if values else 0.0
