"""The product as an operator runs it: the installed command in a process group of its own, followed and killed."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO

from chaos.stages import Log, Moment

COMMAND = Path(sys.executable).with_name("waystation")
_CHUNK = 65_536
_REAP_S = 20.0


class Life:
    """One process from its start to its end; times are ``time.monotonic()`` seconds.

    Its standard error is read in a thread that sees each line at once, however busy the event loop is, so that a kill
    can follow the line it is aimed at by less than a millisecond.

    Args:
        environment: Settings, laid over our own environment without any of the product's.
        passes: Called in that thread for each stage that begins or ends.
    """

    def __init__(self, number: int, environment: Mapping[str, str], folder: Path) -> None:
        self.number = number
        self.log = Log()
        self.began_at = time.monotonic()
        self.ready_at: float | None = None
        self.answered_at: float | None = None
        self.killed_at: float | None = None
        self.passes: Callable[[Moment], None] = lambda _: None
        self.ended = asyncio.Event()
        self._loop = asyncio.get_running_loop()
        self._killing = threading.Lock()
        own = {name: value for name, value in os.environ.items() if not name.startswith("WAYSTATION_")}
        self._process: subprocess.Popen[bytes] = subprocess.Popen(
            [COMMAND, "run"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=folder,
            env={**own, **environment},
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._follow, name=f"life {number}", daemon=True)
        self._reader.start()

    def kill(self) -> None:
        """Kill it and whatever it started, with SIGKILL; from any thread, and only once."""
        self._signal(signal.SIGKILL)

    async def end(self, grace_s: float) -> bool:
        """Ask it to stop, as an operator would; False where it had to be killed in the end."""
        self._signal(signal.SIGTERM, note=False)
        try:
            async with asyncio.timeout(grace_s):
                await self.ended.wait()
        except TimeoutError:
            self.kill()
            await self.buried()
            return False
        return await self.buried() == 0

    async def buried(self) -> int:
        """Wait until it is gone and its last line was read; its exit code."""
        async with asyncio.timeout(_REAP_S):
            await self.ended.wait()
        if self._process.returncode is None:  # until it is reaped, its number is certainly nobody else's
            os.killpg(self._process.pid, signal.SIGKILL)
        return await asyncio.to_thread(self._process.wait, _REAP_S)

    def _signal(self, number: signal.Signals, *, note: bool = True) -> None:
        with self._killing:
            if self.killed_at is not None or self._process.poll() is not None:
                return
            os.killpg(self._process.pid, number)
            if note:
                self.killed_at = time.monotonic()

    def _follow(self) -> None:
        pipe: IO[bytes] | None = self._process.stderr
        rest = b""
        if pipe is not None:
            with pipe:
                while chunk := os.read(pipe.fileno(), _CHUNK):
                    *lines, rest = (rest + chunk).split(b"\n")
                    for line in lines:
                        if moment := self.log.read(line):
                            self.passes(moment)
        self._loop.call_soon_threadsafe(self.ended.set)


def settings(*, data_dir: Path, notes: Path, telegram: str, token: str, models: str, mark: bool) -> dict[str, str]:
    """The configuration of a deployment with a simulated messenger and model, as environment variables."""
    return {
        "WAYSTATION_DATA_DIR": str(data_dir),
        "WAYSTATION_SERVER__PORT": "0",
        "WAYSTATION_BOTS__TELEGRAM__TOKEN": token,
        "WAYSTATION_BOTS__TELEGRAM__API_BASE": telegram,
        "WAYSTATION_PROVIDERS__SIM__KIND": "compatible",
        "WAYSTATION_PROVIDERS__SIM__BASE_URL": models,
        "WAYSTATION_PROVIDERS__SIM__HOSTING": "self",
        "WAYSTATION_PLUGINS__NOTES__FOLDER": str(notes),
        "WAYSTATION_BOTS__TELEGRAM__UNKNOWN_SEND": "mark" if mark else "resend",
        "WAYSTATION_ROUTER__MODEL": "sim/sim-small",
        "WAYSTATION_ACCESS__POLICY": "open",
        "WAYSTATION_LOGGING__LEVEL": "debug",
        "WAYSTATION_LOGGING__FORMAT": "json",
    }
