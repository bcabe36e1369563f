"""What a task may do that took over its process: run in the child, by name."""

import mmap
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from core.errors import AddressRefused, ToolFailed
from core.values import value

KEPT = {"runs": 0}


@value
class Facts:
    """What a task found."""

    words: tuple[str, ...] = ()
    number: int = 0


def twice(text: str) -> str:
    """A task as it should be."""
    return text * 2


def reversed_bytes(data: bytes) -> bytes:
    """Bytes go and come as they are."""
    return data[::-1]


def facts(text: str) -> Facts:
    """A value of ours."""
    return Facts(words=tuple(text.split()), number=len(text))


def remembers(text: str) -> int:
    """How often this process has done it."""
    KEPT["runs"] += len(text)
    return KEPT["runs"]


def fails(text: str) -> str:
    """In words of ours."""
    raise ToolFailed(text)


def refuses(text: str) -> str:
    """The same, of the gate's kind."""
    raise AddressRefused(text)


def breaks(text: str) -> str:
    """By a mistake, whose words are a stranger's."""
    raise ValueError(text)


def computes(text: str) -> str:
    """Without end."""
    while text:
        pass
    return text


def waits(text: str) -> str:
    """Longer than it may."""
    Path(text).name  # noqa: B018 - nothing but to take the argument
    time.sleep(600)
    return text


def fills_memory(text: str) -> str:
    """With more than it may have."""
    return str(len([bytearray(1 << 20) for _ in range(1 << 16)])) + text


def maps_memory(text: str) -> str:
    """The same past Python's allocator; what the kernel refuses is an error like any other."""
    mmap.mmap(-1, 1 << 36)
    return text


def says_much(text: str) -> str:
    """More than anybody wants to hear."""
    return text * 5_000_000


def aborts(text: str) -> str:
    """As a library does that has lost its way."""
    if text:
        os.abort()
    return text


def leaves(text: str) -> str:
    """Without a word."""
    if text:
        os._exit(3)
    return text


def lies(text: str) -> str:
    """What it says is no value of the type it promised."""
    return {"not": "text", "but": text}  # type: ignore[return-value]


def environment(text: str) -> str:
    """All names of the environment."""
    return text.join(sorted(os.environ))


def files(text: str) -> str:
    """Which files are open."""
    return text.join(str(number) for number in range(256) if _is_open(number))


def limits(text: str) -> str:
    """What the kernel limits."""
    names = ("RLIMIT_CPU", "RLIMIT_NOFILE", "RLIMIT_NPROC", "RLIMIT_FSIZE", "RLIMIT_CORE")
    return text.join(str(resource.getrlimit(getattr(resource, name))[0]) for name in names)


def tries(what: str) -> str:
    """Does one of many things that nobody reads a page for; "done" where it could be done."""
    name, _, path = what.partition(" ")
    attempts: dict[str, Callable[[], object]] = {
        "socket": lambda: socket.socket(socket.AF_INET, socket.SOCK_STREAM),
        "local socket": socket.socketpair,
        "fork": os.fork,
        "program": lambda: subprocess.run([sys.executable, "-c", ""], check=True),
        "signal": lambda: os.kill(os.getppid(), 0),
        "read": lambda: Path(path).read_bytes(),
        "list": lambda: list(Path(path).iterdir()),
        "write": lambda: Path(path).write_text("x"),
        "append": lambda: Path(path).open("a").close(),
        "delete": lambda: Path(path).unlink(),
        "folder": lambda: Path(path).mkdir(),
        "limits": lambda: resource.setrlimit(resource.RLIMIT_CPU, (10_000, 10_000)),
    }
    try:
        attempts[name.replace("-", " ")]()
    except (OSError, ValueError) as error:
        return type(error).__name__
    return "done"


def imports_late(text: str) -> str:
    """What it needs of Python's own and of what is installed can still be imported."""
    import csv
    import plistlib

    from core import schedule

    return text.join([csv.__name__, plistlib.__name__, schedule.__name__])


def _is_open(number: int) -> bool:
    try:
        os.fstat(number)
    except OSError:
        return False
    return True
