"""The parent's side: starts the child when something is to be done, hands it tasks, kills what takes too much.

One child is kept warm, so that a task costs a few milliseconds; one that has had nothing to do for a while is ended,
and the memory of its libraries with it. It gets an empty environment and no file of ours but one socket.
"""

import asyncio
import json
import pickle
import socket
import subprocess
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from functools import partial
from itertools import count
from typing import Any, TypeVar, cast

import structlog

from core import errors
from core.codec import load
from core.errors import EgressError, LimitReached, ToolFailed, WaystationError, WorkBroke
from core.limited.frames import BEGUN, BROKE, ENDED, FRAME, NO_MEMORY, RAISED, RESULT
from core.limited.tasks import Limited, Limits, Task
from core.text.invisible import one_line
from core.threads import Threads

log = structlog.get_logger(__name__)

A = TypeVar("A")
R = TypeVar("R")

_START_S = 60.0  # to start the child, and to import what a task needs; busy machines are slow
_IDLE_S = 300.0
_AT_ONCE = 4
_SIGXCPU = -24
_TOLD_CHARS, _TOLD_BYTES = 300, 65_536
_BEGIN = "import json, sys; sys.path[:] = json.loads(sys.argv[1]); from core.limited.child import main; main()"


@asynccontextmanager
async def open_limited(idle_s: float = _IDLE_S) -> AsyncGenerator[Limited]:
    """Where a deployment runs tasks. Nothing is started before there is one."""
    limited = LimitedProcess(idle_s)
    try:
        yield limited
    finally:
        await limited.aclose()


class LimitedProcess:
    """See ``Limited``.

    Args:
        idle_s: After so long without a task the child is ended.
        at_once: How many tasks run at a time; others wait.
    """

    def __init__(self, idle_s: float = _IDLE_S, at_once: int = _AT_ONCE) -> None:
        self._idle_s = idle_s
        self._places = asyncio.Semaphore(at_once)
        self._starting = asyncio.Lock()
        self._numbers = count(1)
        self._running = 0
        self._child: _Child | None = None
        self._end: asyncio.TimerHandle | None = None
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def running(self) -> int:
        """How many tasks there are."""
        return self._running

    @property
    def pid(self) -> int | None:
        """The child's, None where there is none."""
        return self._child.pid if self._child else None

    async def run(self, task: Task[A, R], argument: A) -> R:
        """See ``Limited``."""
        async with self._places:
            self._running += 1
            if self._end is not None:
                self._end.cancel()
            try:
                return await self._run(task, argument)
            finally:
                self._running -= 1
                if not self._running:
                    self._end = asyncio.get_running_loop().call_later(self._idle_s, self._idle)

    async def aclose(self) -> None:
        """End the child and whatever runs in it."""
        if self._end is not None:
            self._end.cancel()
        self._let_go()
        if self._ending:
            await asyncio.wait(self._ending)

    async def _run(self, task: Task[A, R], argument: A) -> R:
        number = next(self._numbers)
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - a fact
        with ours:
            with theirs:
                child = await self._begun(number, task, theirs)
            reader, writer = await asyncio.open_connection(sock=ours)
            try:
                return await _Conversation(reader, writer, task).result(argument)
            except WaystationError as error:
                log.info("limited work failed", function=task.function, reason=str(error), kind=type(error).__name__)
                raise
            finally:
                child.kill(number)
                writer.close()
                with suppress(OSError):
                    await writer.wait_closed()

    async def _begun(self, number: int, task: Task[A, R], theirs: socket.socket) -> "_Child":
        """The child, told to begin; started, or started anew, where there is none."""
        order = {
            "number": number,
            "function": task.function,
            "cpu_s": task.limits.cpu_s,
            "memory_mb": task.limits.memory_mb,
        }
        async with self._starting:
            if self._child is not None and not self._child.begin(order, theirs):
                self._let_go()
            if self._child is None:
                self._child = await _Child.start()
                if not self._child.begin(order, theirs):
                    self._let_go()
                    raise WorkBroke("the process for it ended at once")
            return self._child

    def _idle(self) -> None:
        if not self._running:
            self._let_go()

    def _let_go(self) -> None:
        if self._child is not None:
            ending = asyncio.ensure_future(self._child.end())
            self._ending.add(ending)
            ending.add_done_callback(self._ending.discard)
            self._child = None


class _Child:
    """The process, and the socket by which it takes orders."""

    def __init__(self, process: "subprocess.Popen[Any]", control: socket.socket, threads: Threads) -> None:
        self.pid = process.pid
        self._process = process
        self._control = control
        self._threads = threads

    @classmethod
    async def start(cls) -> "_Child":
        """Start one, in a session of its own: a signal of the terminal's is not meant for it."""
        ours, theirs = socket.socketpair()
        ours.setblocking(False)  # noqa: FBT003 - a fact
        command = [sys.executable, "-I", "-X", "utf8", "-c", _BEGIN, json.dumps([path for path in sys.path if path])]
        threads = Threads(at_once=1)
        with theirs:
            process = await threads.run(
                partial(
                    subprocess.Popen,
                    command,
                    stdin=theirs,
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    env={},
                    cwd="/",
                    start_new_session=True,
                )
            )
        return cls(process, ours, threads)

    def begin(self, order: dict[str, object], theirs: socket.socket) -> bool:
        """Tell it to begin a task; whether it is there to be told."""
        return self._process.poll() is None and self._told(order, theirs)

    def kill(self, number: int) -> None:
        """Tell it to kill a task; one that has ended is none any more."""
        self._told({"kill": number})

    async def end(self) -> None:
        """End it, with all that runs in it."""
        self._control.close()
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._threads.run(self._process.wait)

    def _told(self, order: dict[str, object], *files: socket.socket) -> bool:
        line = json.dumps(order).encode() + b"\n"
        try:
            return socket.send_fds(self._control, [line], [one.fileno() for one in files]) == len(line)
        except OSError:
            return False  # it is gone, or has stopped listening


class _Conversation:
    """What is said over one task's socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, task: Task[A, R]) -> None:
        self._reader = reader
        self._writer = writer
        self._task = task
        self._limits: Limits = task.limits

    async def result(self, argument: object) -> R:
        """Hand over the argument; what comes back."""
        try:
            async with asyncio.timeout(_START_S) as clock:
                kind, body = await self._frame()
                if kind == BEGUN:
                    clock.reschedule(asyncio.get_running_loop().time() + self._limits.wall_s)
                    self._writer.write(pickle.dumps(argument))
                    self._writer.write_eof()
                    kind, body = await self._frame()
        except TimeoutError as error:
            raise LimitReached("it took too long", limit="time") from error
        except (OSError, asyncio.IncompleteReadError) as error:
            raise WorkBroke("the process for it ended") from error
        return cast("R", self._read(kind, body))

    async def _frame(self) -> tuple[bytes, bytes]:
        kind, length = FRAME.unpack(await self._reader.readexactly(FRAME.size))
        if length > (self._limits.max_result_bytes if kind == RESULT else _TOLD_BYTES):
            raise LimitReached("its result is too large", limit="size")
        return kind, await self._reader.readexactly(length)

    def _read(self, kind: bytes, body: bytes) -> object:
        if kind == RESULT:
            return self._returned(body)
        if kind == NO_MEMORY:
            raise LimitReached("it took too much memory", limit="memory")
        words = one_line(body.decode("utf-8", "replace"))[:_TOLD_CHARS]
        if kind == RAISED:
            raise _raised(body)
        if kind == ENDED and words == str(_SIGXCPU):
            raise LimitReached("it took too much computing", limit="time")
        raise WorkBroke(f"it ended with {words}" if kind in {ENDED, BROKE} else "it made no sense")

    def _returned(self, body: bytes) -> object:
        if self._task.returns is bytes:
            return body
        try:
            return load(self._task.returns, body)
        except ValueError as error:
            raise WorkBroke("its result made no sense") from error


def _raised(body: bytes) -> WaystationError:
    """What the function raised, of the kinds that it may raise."""
    try:
        name, words = json.loads(body)
        kind = getattr(errors, str(name), None)
    except ValueError:
        return WorkBroke("what it raised made no sense")
    if isinstance(kind, type) and issubclass(kind, ToolFailed | EgressError):
        return kind(one_line(str(words))[:_TOLD_CHARS])
    return WorkBroke("what it raised made no sense")
