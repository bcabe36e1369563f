"""Starts the installed ``waystation`` command by forking a process that has imported it already.

Most of the time that tests of whole processes took went into importing the same modules anew for each. What is started
here is a process of its own all the same: its pid, signals, exit code, pipes, terminal, folder and environment are as
in any other, and it is a child of the process that asked for it. Whoever starts the command in the usual way
(``subprocess``, and asyncio by it) gets it so within ``installed``.

Only Linux can hand a child over to the one that asked for it (``PR_SET_CHILD_SUBREAPER``), and coverage has to follow a
process from its beginning; elsewhere nothing is changed. The how-tos are followed with commands of their own
environments, and so start in the ordinary way.
"""

import ctypes
import fcntl
import gc
import importlib
import inspect
import json
import os
import socket
import subprocess
import sys
import termios
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

COMMAND = str(Path(sys.executable).with_name("waystation"))
_MODULES = (
    "aiohttp.web",
    "bots.web.opening",
    "core.cli.running",
    "core.cli.models",
    "genai_prices.data_snapshot",
    "typer._adapters",
    "uvloop",
)
_MOST_BYTES = 1 << 20
_PR_SET_CHILD_SUBREAPER = 36  # https://man7.org/linux/man-pages/man2/PR_SET_CHILD_SUBREAPER.2const.html
_COVERAGE = ("COVERAGE_PROCESS_START", "COVERAGE_PROCESS_CONFIG")


@contextmanager
def installed() -> Generator[None]:
    """Start the command in this way until the end of the block, where that can be done."""
    if sys.platform != "linux" or any(name in os.environ for name in _COVERAGE):
        yield
        return
    server = _Server()
    try:
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(subprocess, "Popen", _starting_by(server))
            yield
    finally:
        server.close()


class _Server:
    """The process that is forked, as whoever asks it sees it. It is started when it is first needed."""

    def __init__(self) -> None:
        self._line: socket.socket | None = None
        self._process: subprocess.Popen[bytes] | None = None
        self._popen = subprocess.Popen

    def start(self, order: dict[str, Any], descriptors: list[int]) -> int:
        """Start the command; its pid."""
        if self._line is None:
            self._line = self._open()
        socket.send_fds(self._line, [json.dumps(order).encode()], descriptors)
        return int(self._line.recv(64))

    def close(self) -> None:
        """End it; what it has started goes on."""
        if self._line is not None:
            self._line.close()
        if self._process is not None:
            self._process.wait()

    def _open(self) -> socket.socket:
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
        ours, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with its:
            self._process = self._popen(
                [sys.executable, "-P", __file__, str(its.fileno())],
                pass_fds=[its.fileno()],
                env={**os.environ, "TERM": "xterm"},  # readline looks at it when it is imported
                start_new_session=True,  # Ctrl-C ends the tests, which then end what they have started
            )
        return ours


def _starting_by(server: _Server) -> type[subprocess.Popen[Any]]:
    """``subprocess.Popen``, but for how it starts our command."""
    ordinary: Callable[..., None] = subprocess.Popen._execute_child  # type: ignore[attr-defined]
    named = inspect.signature(ordinary)

    class Popen(subprocess.Popen[Any]):
        def _execute_child(self, *arguments: Any) -> None:  # noqa: ANN401 - they differ from one Python to the next
            given = named.bind(self, *arguments).arguments
            if (
                given["shell"]
                or isinstance(given["args"], str | bytes | os.PathLike)
                or str(given["args"][0]) != COMMAND
            ):
                ordinary(self, *arguments)
                return
            ends = [given[name] for name in ("p2cread", "c2pwrite", "errwrite")]
            order = {
                "arguments": [str(one) for one in given["args"]],
                "folder": str(given["cwd"] or Path.cwd()),
                "environment": dict(os.environ if given["env"] is None else given["env"]),
                "session": given["start_new_session"],
            }
            try:
                self.pid = server.start(order, [number if end < 0 else end for number, end in enumerate(ends)])
                self._child_created = True
            finally:
                pipes = ("p2cread", "p2cwrite", "c2pread", "c2pwrite", "errread", "errwrite")
                self._close_pipe_fds(*(given[name] for name in pipes))  # type: ignore[attr-defined]

    return Popen


# ---------------------------------------------------------------------------------------------------------------------
# The process that is forked


def _serve(line: socket.socket) -> int:
    """Fork for each order; returns in each of the processes that were asked for, with what the command returns."""
    for module in _MODULES:
        importlib.import_module(module)
    specs, main = importlib.import_module("core.config.specs"), importlib.import_module("core.cli.main").main
    for group in ("bots", "providers", "plugins", "engines"):
        specs.find(group)
    gc.freeze()
    while True:
        message, descriptors, _, _ = socket.recv_fds(line, _MOST_BYTES, 3)
        if not message:
            return 0
        if _forked():
            line.send(str(os.getpid()).encode())
            line.close()
            _become(json.loads(message), descriptors)
            main()
            return 0
        for descriptor in descriptors:
            os.close(descriptor)


def _forked() -> bool:
    """Fork twice, so that the second process loses its parent and is given to whoever asked; True in the second."""
    reading, writing = os.pipe()
    first = os.fork()
    if first == 0:
        os.close(writing)
        if os.fork() != 0:
            os._exit(0)
        os.read(reading, 1)  # until the first has ended and this one has its new parent
        os.close(reading)
        return True
    os.close(reading)
    os.waitpid(first, 0)
    os.close(writing)
    return False


def _become(order: dict[str, Any], descriptors: list[int]) -> None:
    """Take on what was asked for."""
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
        os.close(descriptor)
    if order["session"]:
        os.setsid()
        with suppress(OSError):  # there is no terminal
            fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    os.chdir(order["folder"])
    os.environ.clear()
    os.environ.update(order["environment"])
    sys.argv = order["arguments"]
    sys.stdin = open(0, encoding="utf-8", closefd=False)  # noqa: SIM115 - all three are open already
    sys.stdout = open(1, "w", encoding="utf-8", closefd=False)  # noqa: SIM115
    sys.stderr = open(2, "w", 1, encoding="utf-8", errors="backslashreplace", closefd=False)  # noqa: SIM115


if __name__ == "__main__":
    sys.exit(_serve(socket.socket(fileno=int(sys.argv[1]))))
