"""The child: imports what tasks need, and forks a process for each that runs it under its limits and ends.

A fresh interpreter with an empty environment, which has read nothing of the deployment's. What one task does to its
process is gone with it, so that no page can change how the next one is read. The parent talks over standard input, a
socket: lines of JSON, those that begin a task with another socket beside them (``SCM_RIGHTS``), by which the argument
comes and the result goes. When the parent is gone, all of it ends.
"""

import gc
import importlib
import json
import os
import pickle
import select
import signal
import socket
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any, get_type_hints

from core.codec import dump
from core.errors import EgressError, ToolFailed
from core.limited import sandbox
from core.limited.frames import BEGUN, BROKE, ENDED, FRAME, NO_MEMORY, RAISED, RESULT

_GRACE_S = 1.0
_LINE_BYTES = 65_536
_READ_BYTES = 1 << 20


def main() -> None:
    """Serve until the parent closes the socket that is our standard input."""
    os.nice(5)
    _Server(socket.socket(fileno=os.dup(0))).serve()


class _Server:
    """Begins tasks and kills them as the parent says, and tells how each ended."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._running: dict[int, tuple[int, socket.socket]] = {}  # by process: the task's number and its socket
        self._woken, wakes = os.pipe()
        os.set_blocking(self._woken, False)
        os.set_blocking(wakes, False)
        signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)

    def serve(self) -> None:
        """Take orders until there is nobody to give any."""
        buffer, sockets = b"", list[int]()
        control = self._control.fileno()
        while True:
            ready, _, _ = select.select([control, self._woken], [], [])
            if self._woken in ready:
                with suppress(BlockingIOError):
                    os.read(self._woken, 4096)
                self._reap()
            if control not in ready:
                continue
            data, fds, _, _ = socket.recv_fds(self._control, _LINE_BYTES, 16)
            sockets += fds
            if not data:
                os.killpg(0, signal.SIGKILL)
            *lines, buffer = (buffer + data).split(b"\n")
            for line in lines:
                order = json.loads(line)
                if "kill" in order:
                    self._kill(order["kill"])
                else:
                    self._begin(order, socket.socket(fileno=sockets.pop(0)))

    def _begin(self, order: dict[str, Any], task: socket.socket) -> None:
        function, problem = None, ""
        try:
            function = _found(order["function"])
        except Exception as error:  # noqa: BLE001 - whatever importing it does is told
            problem = _where(error)
        gc.collect()
        gc.freeze()
        pid = os.fork()
        if pid == 0:
            try:
                _run(function, problem, order, task)
            finally:
                os._exit(0)
        self._running[pid] = (order["number"], task)
        with suppress(OSError):  # a task may have ended by now, and whoever waited for it be gone
            _send(task, BEGUN)

    def _kill(self, number: int) -> None:
        for pid, (running, _) in self._running.items():
            if running == number:
                os.kill(pid, signal.SIGKILL)  # not reaped yet, so it is still the one

    def _reap(self) -> None:
        with suppress(ChildProcessError):
            while True:
                pid, status = os.waitpid(-1, os.WNOHANG)
                if pid == 0:
                    return
                if (running := self._running.pop(pid, None)) is not None:
                    task = running[1]
                    task.setblocking(False)  # noqa: FBT003 - a fact
                    ended = os.waitstatus_to_exitcode(status)
                    with suppress(OSError):
                        _send(task, ENDED, str(ended).encode())
                    task.close()


def _found(name: str) -> Callable[[Any], Any]:
    """The function of this name; what it needs is imported with it."""
    module, _, function = name.partition(":")
    found: Callable[[Any], Any] = getattr(importlib.import_module(module), function)
    return found


def _run(function: Callable[[Any], Any] | None, problem: str, order: dict[str, Any], task: socket.socket) -> None:
    """The forked process: nothing of the server is left to it but the task's socket."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    signal.setitimer(signal.ITIMER_REAL, order["wall_s"] + _GRACE_S)  # should nobody be left to kill it
    os.dup2(task.detach(), 0)
    null = os.open(os.devnull, os.O_RDWR)
    os.dup2(null, 1)
    os.dup2(null, 2)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    task = socket.socket(fileno=0)
    task.setblocking(True)  # noqa: FBT003 - a fact
    if function is None:
        _send(task, BROKE, problem.encode())
        return
    sandbox.enter(order["cpu_s"], order["memory_mb"], _folders(function.__module__))
    kind, answer = _answered(function, _received(task))
    _send(task, kind, answer)


def _folders(module: str) -> tuple[str, ...]:
    """From where something of ours may still be imported."""
    top = sys.modules[module.partition(".")[0]]
    theirs = getattr(top, "__path__", None) or [Path(top.__file__ or "").parent]
    return (*map(str, theirs), str(Path(__file__).parents[1]))


def _received(task: socket.socket) -> bytes:
    body = bytearray()
    while piece := task.recv(_READ_BYTES):
        body += piece
    return bytes(body)


def _answered(function: Callable[[Any], Any], argument: bytes) -> tuple[bytes, bytes]:
    try:
        result = function(pickle.loads(argument))  # noqa: S301 - the parent made it, which we are a part of
        return RESULT, result if isinstance(result, bytes) else dump(get_type_hints(function)["return"], result)
    except MemoryError:
        return NO_MEMORY, b""
    except (ToolFailed, EgressError) as error:
        return RAISED, json.dumps([type(error).__name__, str(error)]).encode()
    except Exception as error:  # noqa: BLE001 - whatever happens to it is told, and where
        return BROKE, _where(error).encode()


def _where(error: Exception) -> str:
    """What kind of error it is and where it was raised; not what it says, which may be a page's words."""
    frames = traceback.extract_tb(error.__traceback__)
    return " < ".join([type(error).__name__, *(f"{Path(one.filename).name}:{one.lineno}" for one in frames[:-6:-1])])


def _send(task: socket.socket, kind: bytes, body: bytes = b"") -> None:
    task.sendall(FRAME.pack(kind, len(body)) + body)
