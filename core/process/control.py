"""The control socket: how a command beside the running process talks with it, and that only one process runs.

A Unix socket in ``data_dir`` that only its owner can open. A connection's first line names a command, then a space and
its arguments as JSON; whoever registered the command gets the connection, its first line being the arguments. What is
said after that is the command's affair: ``chat`` is the terminal's, ``status`` the composition root's.
"""

import asyncio
import fcntl
import json
import os
import socket
import stat
import struct
import tempfile
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Generator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from core.errors import StoreError
from core.private import make_folder, open_file
from core.site import Wire

Answer = Callable[[Wire], Awaitable[None]]

MOST_LINE_BYTES = 1 << 20
"""A longer line ends the connection."""
_SOCKET = "control.sock"
_LOCK = "waystation.lock"
_OURS = ("waystation.", "control.sock", "secret", "web-")
"""How the names of what Waystation keeps begin."""
_MOST_PATH_BYTES = 100
"""The kernel takes 108 bytes on Linux and 104 on macOS, with the end of the string."""
_FIRST_LINE_S = 10.0
"""How long a connection may take to name its command."""
_PATIENCE_S = 30.0
"""How long the other side may take to read what it was sent."""

_log = structlog.get_logger("control")


# ---------------------------------------------------------------------------------------------------------------------
# One process a folder


@contextmanager
def claim(data_dir: Path) -> Generator[None, None, None]:
    """Hold the folder alone while the block runs; makes it, open to nobody else, where there is none.

    Raises:
        StoreError: Another process holds it, or it cannot be used.
    """
    lock = data_dir / _LOCK
    try:
        make_folder(data_dir)
        _close_to_others(data_dir)
        held = open_file(lock, os.O_RDWR | os.O_NONBLOCK)
    except OSError as problem:
        if lock.is_symlink():
            raise StoreError(f"{lock} is a symbolic link, which Waystation does not follow: remove it.") from problem
        raise StoreError(f"The folder {data_dir} (data_dir) cannot be used: {problem.strerror}.") from problem
    try:
        _check(held, lock)
        _lock(held, data_dir)
        yield
    finally:
        os.close(held)


def _check(held: int, lock: Path) -> None:
    """Refuse a lock file that would have another file overwritten, or that others may change."""
    told = os.fstat(held)
    if not stat.S_ISREG(told.st_mode) or told.st_nlink != 1:
        raise StoreError(f"{lock} is no file of its own (a pipe, or another name of some other file): remove it.")
    if told.st_uid == os.geteuid():
        os.fchmod(held, 0o600)


def _lock(held: int, data_dir: Path) -> None:
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        who = os.pread(held, 20, 0).decode("ascii", "replace").strip() or "unknown"
        message = f"Another process (pid {who}) is running on {data_dir}. Stop it, or choose another data_dir."
        raise StoreError(message) from None
    os.ftruncate(held, 0)
    os.pwrite(held, f"{os.getpid()}\n".encode(), 0)


def _close_to_others(data_dir: Path) -> None:
    """A folder that holds nothing of anybody else becomes ours; others keep their operator's rights, with a word.

    So does one that belongs to somebody else, as where a container's volume is given to a group.
    """
    told = data_dir.stat()
    mode = stat.S_IMODE(told.st_mode)
    if mode & 0o077 == 0:
        return
    ours = told.st_uid == os.geteuid()
    if ours and all(path.name.startswith(_OURS) for path in data_dir.iterdir()):
        data_dir.chmod(0o700)
    elif ours or mode & 0o007:
        trouble = f"{data_dir} (mode {mode:04o}) can be entered by other users of this machine"
        _log.warning("data_dir is open to others", reason=trouble, mend=f"chmod 700 {data_dir}")


@contextmanager
def _within_reach(path: Path) -> Generator[str, None, None]:
    """A path short enough for a socket's address: the path itself, else through a link that lasts as long as this."""
    if len(os.fsencode(path)) <= _MOST_PATH_BYTES:
        yield str(path)
        return
    with tempfile.TemporaryDirectory(prefix="ws-") as folder:
        link = Path(folder) / "d"
        link.symlink_to(path.parent)
        yield str(link / path.name)


# ---------------------------------------------------------------------------------------------------------------------
# The running process's side


class Control:
    """Answers commands by whoever registered them."""

    def __init__(self) -> None:
        self._answers: dict[str, Answer] = {}
        self._settled = asyncio.Event()
        self._talking: set[asyncio.Task[None]] = set()

    def register(self, command: str, answer: Answer) -> None:
        """Let ``answer`` talk with whoever sends this command."""
        self._answers[command] = answer

    def settle(self) -> None:
        """Everyone has registered: what is unknown now is refused, where it had to wait before."""
        self._settled.set()

    @asynccontextmanager
    async def serve(self, data_dir: Path) -> AsyncGenerator[None, None]:
        """Listen while the block runs. The folder must be claimed: a socket found there is a dead process's."""
        path = data_dir / _SOCKET
        listener = socket.socket(socket.AF_UNIX)
        try:
            path.unlink(missing_ok=True)
            with _within_reach(path) as address:
                listener.bind(address)
        except OSError as problem:
            listener.close()
            raise StoreError(f"{path} cannot be made: {problem.strerror}.") from problem
        path.chmod(0o600)
        server = await asyncio.start_unix_server(self._connected, sock=listener, limit=MOST_LINE_BYTES)
        try:
            yield
        finally:
            path.unlink(missing_ok=True)
            server.close()
            for task in self._talking:
                task.cancel()
            await asyncio.gather(*self._talking, return_exceptions=True)

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._talk(reader, writer))
        self._talking.add(task)
        task.add_done_callback(self._talking.discard)

    async def _talk(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        wire = _Connected(reader, writer)
        try:
            if _is_one_of_us(writer.get_extra_info("socket")):
                await self._answer(wire)
        finally:
            writer.close()

    async def _answer(self, wire: "_Connected") -> None:
        try:
            async with asyncio.timeout(_FIRST_LINE_S):
                first = await wire.receive()
        except TimeoutError:
            return
        command, _, arguments = (first or "").partition(" ")
        if command not in self._answers:
            await self._settled.wait()
        answer = self._answers.get(command)
        if answer is None:
            await wire.send(_trouble(f"There is no command {command!r} here."))
            return
        wire.push_back(arguments or "{}")
        try:
            await answer(wire)
        except Exception:  # noqa: BLE001 - one command's failure is not the process's
            _log.exception("command failed", command=command)
            await wire.send(_trouble("That failed; the log of the process says how."))


def _trouble(text: str) -> str:
    return json.dumps({"error": text})


def trouble(line: str) -> str:
    """What a line says that the control socket itself sent, because a command could not be answered; "" for others."""
    try:
        said = json.loads(line)
    except ValueError:
        return ""
    return str(said["error"]) if isinstance(said, dict) and set(said) == {"error"} else ""


class _Connected:
    """The running process's end of one connection: a ``Wire``."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._pushed_back: str | None = None

    def push_back(self, line: str) -> None:
        """Let this be the next line received."""
        self._pushed_back = line

    async def receive(self) -> str | None:
        """See ``Wire``; a line that is too long counts as the end."""
        if (line := self._pushed_back) is not None:
            self._pushed_back = None
            return line
        try:
            raw = await self._reader.readline()
        except (ConnectionError, ValueError):
            return None
        # Half a line is not one: the other side died while it wrote.
        return raw[:-1].decode("utf-8", "replace") if raw.endswith(b"\n") else None

    async def send(self, line: str) -> None:
        """See ``Wire``; who does not read for long counts as gone."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                self._writer.write(line.encode("utf-8", "replace") + b"\n")
                await self._writer.drain()
        except (ConnectionError, TimeoutError):
            self._writer.transport.abort()


def _is_one_of_us(connection: socket.socket) -> bool:
    """The file's mode keeps others out; where the kernel tells who connected, that is checked too."""
    if not hasattr(socket, "SO_PEERCRED"):
        return True
    _, uid, _ = struct.unpack("3i", connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i")))
    return uid in {0, os.geteuid()}


# ---------------------------------------------------------------------------------------------------------------------
# The other side: a command beside it


class Connection:
    """A command's end of a connection. Plain and blocking, since a command has nothing else to do."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self._lines = connected.makefile("rb")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, _: type[BaseException] | None, __: BaseException | None, ___: TracebackType | None) -> None:
        self.close()

    def send(self, line: str) -> None:
        """Send one line; silently nothing when the other side is gone, which ``receive`` will tell."""
        with suppress(OSError):
            self._socket.sendall(line.encode("utf-8", "replace") + b"\n")

    def receive(self, within_s: float | None = None) -> str | None:
        """The next line without its end, None when the other side is gone, or says nothing for so long."""
        try:
            self._socket.settimeout(within_s)
            raw = self._lines.readline()
        except (OSError, ValueError):  # gone, or closed here by another thread
            return None
        return raw[:-1].decode("utf-8", "replace") if raw.endswith(b"\n") else None

    def close(self) -> None:
        """Hang up; a ``receive`` that waits in another thread returns."""
        with suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._lines.close()
        self._socket.close()


def connect(data_dir: Path, *, wait_s: float = 0.0) -> Connection | None:
    """Reach the process that runs on this folder; None where none does.

    Args:
        wait_s: How long to keep trying, for a process that is still starting.

    Raises:
        StoreError: One does, but it is not ours to talk to.
    """
    until = time.monotonic() + wait_s
    while True:
        connected = socket.socket(socket.AF_UNIX)
        try:
            with _within_reach(data_dir / _SOCKET) as address:
                connected.connect(address)
            return Connection(connected)
        except (FileNotFoundError, NotADirectoryError, ConnectionRefusedError):
            connected.close()
        except OSError as problem:
            connected.close()
            raise StoreError(f"The process on {data_dir} cannot be reached: {problem.strerror}.") from problem
        if time.monotonic() >= until:
            return None
        time.sleep(0.05)
