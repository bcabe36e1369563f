"""The command: what may be asked of it, and what it says on the way and at the end."""

import argparse
import asyncio
import json
import signal
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from chaos.arena import Plan, Run, arena
from chaos.killer import NoStart
from chaos.report import as_json, progress, tables
from chaos.stages import STAGES
from chaos.verdict import verdict

_TELL_EVERY_S = 10.0


def main(arguments: Sequence[str] | None = None) -> int:
    """Break a running deployment on purpose; 1 where anything was lost, or doubled without a stated reason."""
    options = _parser().parse_args(arguments)
    plan = Plan(
        kills=options.kills,
        people=options.people,
        groups=options.groups,
        seed=options.seed,
        mark=options.mark,
        drafts=not options.edits,
        stages=tuple(options.stage or STAGES),
        seconds=options.seconds,
    )
    try:
        with tempfile.TemporaryDirectory(prefix="chaos-", ignore_cleanup_errors=True) as folder:
            kept: Path = options.keep or Path(folder)
            kept.mkdir(parents=True, exist_ok=True)
            told, clean = asyncio.run(_run(plan, kept))
    except NoStart as problem:
        print(f"The product does not run: {problem}", file=sys.stderr)
        return 1
    except (asyncio.CancelledError, KeyboardInterrupt) as stop:
        print(f"Stopped before the end ({type(stop).__name__}).", file=sys.stderr)
        return 130
    if options.out is not None:
        options.out.write_text(json.dumps(told, indent=2, ensure_ascii=False) + "\n")
    return 0 if clean else 1


async def _run(plan: Plan, folder: Path) -> tuple[dict[str, Any], bool]:
    if (task := asyncio.current_task()) is not None:  # being asked to end must leave no process behind
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with arena(plan, folder, _Teller()) as run:
        result = verdict(run)
        print(tables(run, result))
        return as_json(run, result), result.clean and not run.deaths_of_its_own


class _Teller:
    """Says how far it is, now and then."""

    def __init__(self) -> None:
        self._next = time.monotonic() + _TELL_EVERY_S

    def __call__(self, run: Run) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _TELL_EVERY_S
            print(progress(run), file=sys.stderr, flush=True)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="make chaos ARGS=…", description=main.__doc__)
    parser.add_argument("--kills", type=int, default=100, help="how often to kill it (default: %(default)s)")
    parser.add_argument("--people", type=int, default=30, help="how many private chats (default: %(default)s)")
    parser.add_argument("--groups", type=int, default=6, help="how many groups (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1, help="who asks what, and when it is killed")
    parser.add_argument("--mark", action="store_true", help='run with bots.telegram.unknown_send = "mark"')
    parser.add_argument("--edits", action="store_true", help="a platform without drafts: previews are messages")
    parser.add_argument("--stage", action="append", choices=STAGES, help="aim only at this; may be repeated")
    parser.add_argument("--seconds", type=float, default=7200.0, help="no more kills after this time")
    parser.add_argument("--out", type=Path, help="a file for everything as JSON")
    parser.add_argument("--keep", type=Path, help="a new folder for the data, which is then left there")
    return parser
