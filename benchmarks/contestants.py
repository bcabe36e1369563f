"""Who is measured: the installed product and the bare bot, each as a process of its own, and what it has used so far.

Reads ``/proc`` (https://man7.org/linux/man-pages/man5/proc.5.html), so it runs on Linux only.
"""

import asyncio
import os
import sys
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

from benchmarks.stage import MODEL, ROOT, Stage, clean_environment

_TICKS_S = os.sysconf("SC_CLK_TCK")
_STARTS_WITHIN_S = 60.0
_ENDS_WITHIN_S = 30.0


@dataclass(frozen=True, kw_only=True)
class Contestant:
    """A program that answers people.

    Attributes:
        environment: What it is told about a stage, and a folder it may write to.
    """

    name: str
    command: tuple[str, ...]
    environment: Callable[[Stage, Path], Mapping[str, str]]


@dataclass(frozen=True, kw_only=True)
class Running:
    """A process under measurement; ``began_at`` is just before it was started."""

    pid: int
    began_at: float

    def cpu_s(self) -> float:
        """Seconds of CPU that all its threads have used, in user and system mode."""
        text = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii")
        user, system = text.rpartition(")")[2].split()[11:13]
        return (int(user) + int(system)) / _TICKS_S

    def rss_mb(self) -> float:
        """Megabytes of memory it has resident."""
        return rss_mb(self.pid)


def rss_mb(pid: int) -> float:
    """Megabytes (2**20 bytes) of memory a process has resident."""
    lines = Path(f"/proc/{pid}/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("VmRSS:")) / 1024


@asynccontextmanager
async def running(
    contestant: Contestant, stage: Stage, *, log: Path | None = None, extra: Mapping[str, str] | None = None
) -> AsyncGenerator[Running]:
    """Start a program, wait until it listens, and end it.

    Args:
        log: Where what it writes goes; without, nobody reads it.
        extra: Environment beyond its own.

    Raises:
        RuntimeError: It ended before it listened.
    """
    with TemporaryDirectory(prefix=f"bench-{contestant.name}-") as name, _writable(log or Path(name) / "log") as file:
        folder = Path(name)
        began_at = time.monotonic()
        process = await asyncio.create_subprocess_exec(
            *contestant.command,
            cwd=folder,
            env={**clean_environment(), **contestant.environment(stage, folder), **(extra or {})},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=file,
            stderr=file,
        )
        try:
            await _listening(stage, process)
            yield Running(pid=process.pid, began_at=began_at)
        finally:
            await _end(process)


@contextmanager
def _writable(path: Path) -> Iterator[IO[bytes]]:
    with path.open("wb") as file:
        yield file


async def _listening(stage: Stage, process: asyncio.subprocess.Process) -> None:
    """Wait until it asks for updates, unless it ends before."""
    listening, ended = asyncio.ensure_future(stage.listening.wait()), asyncio.ensure_future(process.wait())
    await asyncio.wait({listening, ended}, timeout=_STARTS_WITHIN_S, return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    if not listening.done():
        listening.cancel()
        raise RuntimeError(f"It did not come to listen; its exit code is {process.returncode}.")


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        process.terminate()
    try:
        async with asyncio.timeout(_ENDS_WITHIN_S):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


def _ours(stage: Stage, folder: Path) -> Mapping[str, str]:
    return {
        "WAYSTATION_DATA_DIR": str(folder / "data"),
        "WAYSTATION_BOTS__TELEGRAM__TOKEN": stage.token,
        "WAYSTATION_BOTS__TELEGRAM__API_BASE": stage.telegram_url,
        "WAYSTATION_PROVIDERS__SIM__KIND": "compatible",
        "WAYSTATION_PROVIDERS__SIM__BASE_URL": stage.model_url,
        "WAYSTATION_PROVIDERS__SIM__HOSTING": "self",
        "WAYSTATION_PROVIDERS__SIM__MODELS": f'["{MODEL}"]',
        "WAYSTATION_ACCESS__POLICY": "open",
        "WAYSTATION_SERVER__PORT": "0",
    }


def _bare(stage: Stage, folder: Path) -> Mapping[str, str]:
    del folder
    return {
        "TELEGRAM_TOKEN": stage.token,
        "TELEGRAM_URL": stage.telegram_url,
        "MODEL_URL": stage.model_url,
        "MODEL": MODEL,
        "PTB_TIMEDELTA": "true",
    }


OURS = Contestant(
    name="waystation", command=(str(Path(sys.executable).with_name("waystation")), "run"), environment=_ours
)
BARE = Contestant(name="bare", command=(sys.executable, str(ROOT / "benchmarks" / "bare_bot.py")), environment=_bare)
