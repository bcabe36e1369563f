"""What the libraries of a program take by themselves: their names, learnt from a run, imported into an empty process.

A program's memory is judged against that, since it cannot be less.
"""

import asyncio
import re
import subprocess
import sys
from collections.abc import Collection
from importlib.metadata import packages_distributions
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.contestants import Contestant, running
from benchmarks.stage import Stage

_IMPORTED = re.compile(r"^import time:\s+\d+ \|\s+\d+ \|\s*(\S+)$", re.MULTILINE)
_OWN = frozenset({"bots", "core", "plugins", "providers"})
_PROBE = """
import gc, importlib, sys
for name in sys.argv[1:]:
    importlib.import_module(name)
gc.collect()
lines = open("/proc/self/status").read().splitlines()
print(next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024)
"""


async def imported(contestant: Contestant, stage: Stage) -> tuple[str, ...]:
    """The packages of others that a program has imported by its first answer (``python -X importtime``)."""
    with TemporaryDirectory(prefix="bench-imports-") as folder:
        log = Path(folder) / "log"
        async with running(contestant, stage, log=log, extra={"PYTHONPROFILEIMPORTTIME": "1"}):
            await asyncio.wait_for(stage.ask(1).done.wait(), 30)
        return third_party(_names(log))


def _names(log: Path) -> list[str]:
    return _IMPORTED.findall(log.read_text(encoding="utf-8", errors="replace"))


def third_party(modules: Collection[str]) -> tuple[str, ...]:
    """The top-level packages among these modules that came with a distribution which is not ours."""
    known = packages_distributions().keys() - _OWN
    return tuple(sorted({module.partition(".")[0] for module in modules} & known))


def bare_rss_mb(packages: Collection[str]) -> float:
    """Megabytes of an empty process that has imported these."""
    probe = subprocess.run(
        [sys.executable, "-P", "-c", _PROBE, *packages], check=True, capture_output=True, text=True, timeout=60
    )
    return float(probe.stdout)
