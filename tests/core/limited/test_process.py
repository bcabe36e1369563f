"""Tasks run apart: what they return arrives, what they take is bounded, and what they could do is next to nothing."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest

from contracts.rigs.engines import until
from core.errors import AddressRefused, LimitReached, ToolFailed, WorkBroke
from core.limited.process import LimitedProcess
from core.limited.tasks import Limits, Task
from core.testing import UnlimitedTasks

R = TypeVar("R")

HERE = str(Path(__file__).parent)
QUICK = Limits(cpu_s=1, wall_s=20, memory_mb=128, max_result_bytes=100_000)
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel has to know Landlock and seccomp")


@pytest.fixture
async def limited(monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[LimitedProcess, None]:
    """One place to run tasks, with this folder's among what can be imported."""
    monkeypatch.syspath_prepend(HERE)
    process = LimitedProcess()
    yield process
    await process.aclose()


def task(name: str, returns: type[R], limits: Limits = QUICK) -> Task[str, R]:
    """One of the tasks beside this file."""
    return Task(function=f"hostile_tasks:{name}", takes=str, returns=returns, limits=limits)


def text(name: str, limits: Limits = QUICK) -> Task[str, str]:
    """One that returns text."""
    return task(name, str, limits)


def is_alive(pid: int) -> bool:
    """Whether there is a process of this number."""
    with suppress(ProcessLookupError):
        os.kill(pid, 0)
        return True
    return False


def children(pid: int) -> list[int]:
    """The processes that a process has begun and that have not ended."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# --- what comes back -------------------------------------------------------------------------------------------------


async def test_what_a_task_returns_arrives(limited: LimitedProcess) -> None:
    """Text, bytes and values, whatever is in them."""
    assert await limited.run(text("twice"), "ä\0\ud83d\ude00\n") == "ä\0??\n" * 2
    every = bytes(range(256)) * 300
    assert (
        await limited.run(
            Task(function="hostile_tasks:reversed_bytes", takes=bytes, returns=bytes, limits=QUICK), every
        )
        == every[::-1]
    )
    import hostile_tasks  # type: ignore[import-not-found]

    found = await limited.run(task("facts", hostile_tasks.Facts), "a b")
    assert (found.words, found.number) == (("a", "b"), 3)


async def test_several_run_at_a_time(limited: LimitedProcess) -> None:
    """Each gets its own result."""
    asked = [f"{number} " * 1000 for number in range(9)]
    assert await asyncio.gather(*(limited.run(text("twice"), one) for one in asked)) == [one * 2 for one in asked]


async def test_nothing_of_one_task_is_left_for_the_next(limited: LimitedProcess) -> None:
    """The child is the same, what the task did to its process is not."""
    remembers = task("remembers", int)
    assert await limited.run(remembers, "x") == 1
    child = limited.pid
    assert await limited.run(remembers, "x") == 1
    assert limited.pid == child


async def test_errors_of_ours_are_raised_here(limited: LimitedProcess) -> None:
    """In one line, without what a terminal would take for orders."""
    with pytest.raises(ToolFailed, match="it is a⏎⟨U\\+001B⟩ PDF"):
        await limited.run(text("fails"), "it is a\n\x1b PDF")
    with pytest.raises(AddressRefused, match="no"):
        await limited.run(text("refuses"), "no")


@pytest.mark.parametrize("name", ["breaks", "aborts", "leaves", "lies", "no_such_function"])
async def test_whatever_else_happens_to_a_task_is_one_error(limited: LimitedProcess, name: str) -> None:
    """Which says where, and nothing that a stranger wrote; and the next task is run."""
    with pytest.raises(WorkBroke) as broke:
        await limited.run(text(name), "words of a page")
    assert "words" not in str(broke.value)
    assert await limited.run(text("twice"), "x") == "xx"


# --- what it may take ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name, limits, limit",
    [
        ("computes", QUICK, "time"),
        ("waits", Limits(cpu_s=1, wall_s=0.2), "time"),
        ("fills_memory", Limits(cpu_s=20, memory_mb=64), "memory"),
        ("says_much", Limits(cpu_s=20, max_result_bytes=1_000_000), "size"),
    ],
)
async def test_who_takes_more_than_it_may_is_ended(
    limited: LimitedProcess, name: str, limits: Limits, limit: str
) -> None:
    """And whoever waits is told of what it took too much."""
    with pytest.raises(LimitReached) as reached:
        await limited.run(text(name, limits), "x")
    assert reached.value.limit == limit
    if sys.platform == "linux":
        assert limited.pid is not None
        await until(lambda: not children(limited.pid or 0))


async def test_memory_cannot_be_had_behind_pythons_back(limited: LimitedProcess) -> None:
    """The kernel refuses it."""
    with pytest.raises(WorkBroke, match="OSError"):
        await limited.run(text("maps_memory"), "x")


async def test_the_loop_is_free_meanwhile(limited: LimitedProcess) -> None:
    """However much a task computes."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    with pytest.raises(LimitReached):
        await limited.run(text("computes"), "x")
    ticking.cancel()
    assert ticks > 50


@LINUX
async def test_who_does_not_wait_any_more_ends_it(limited: LimitedProcess) -> None:
    """A turn that is stopped leaves nothing running."""
    await limited.run(text("twice"), "x")
    waiting = asyncio.create_task(limited.run(text("waits"), "x"))
    await until(lambda: bool(children(limited.pid or 0)))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: not children(limited.pid or 0))
    assert await limited.run(text("twice"), "x") == "xx"


# --- the child -------------------------------------------------------------------------------------------------------


async def test_nothing_is_started_before_it_is_needed_and_nothing_is_left() -> None:
    """A bot that reads no pages has one process, and so has one that was closed."""
    limited = LimitedProcess()
    assert limited.pid is None
    await limited.aclose()


async def test_closing_ends_all_of_it(limited: LimitedProcess) -> None:
    """Also what still runs; whoever waits for that is told."""
    waiting = asyncio.create_task(limited.run(text("waits"), "x"))
    await until(lambda: limited.pid is not None)
    child = limited.pid
    await limited.aclose()
    with pytest.raises(WorkBroke):
        await waiting
    assert child is not None
    await until(lambda: not is_alive(child))


async def test_an_idle_child_is_ended_and_started_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of its libraries is given back."""
    monkeypatch.syspath_prepend(HERE)
    limited = LimitedProcess(idle_s=0.01)
    assert await limited.run(text("twice"), "x") == "xx"
    await until(lambda: limited.pid is None)
    assert await limited.run(text("twice"), "x") == "xx"
    await limited.aclose()


async def test_a_child_that_was_killed_is_started_again(limited: LimitedProcess) -> None:
    """By whoever, and whenever."""
    assert await limited.run(text("twice"), "x") == "xx"
    first = limited.pid
    assert first is not None
    os.kill(first, 9)
    with suppress(WorkBroke):  # it may not be known yet
        await limited.run(text("twice"), "x")
    assert await limited.run(text("twice"), "x") == "xx"
    assert limited.pid != first


@LINUX
async def test_a_child_whose_parent_is_gone_ends(limited: LimitedProcess) -> None:
    """With all that runs in it: a bot that was killed leaves no process behind."""
    waiting = asyncio.create_task(limited.run(text("waits"), "x"))
    await until(lambda: bool(limited.pid and children(limited.pid)))
    child = limited.pid
    assert child is not None
    (running,) = children(child)
    limited._child._control.close()  # type: ignore[union-attr]  # what the kernel does to a parent's files
    await until(lambda: not is_alive(running))
    with pytest.raises(WorkBroke):
        await waiting


# --- what it can reach -----------------------------------------------------------------------------------------------


async def test_nothing_of_ours_is_handed_down(limited: LimitedProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """No environment, no open file but the socket and what stands for output."""
    monkeypatch.setenv("WAYSTATION_TOKEN", "secret")
    names = (await limited.run(text("environment"), ",")).split(",")
    assert not [name for name in names if name and name not in {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"}]
    assert await limited.run(text("files"), ",") == "0,1,2"
    assert (await limited.run(text("limits"), ",")).startswith("1,32,0,0,0")


@LINUX
@pytest.mark.parametrize(
    "what",
    ["socket", "local-socket", "fork", "program", "signal", "limits"]
    + [f"{verb} {{}}" for verb in ("read", "list", "write", "append", "delete", "folder")],
)
async def test_what_no_reader_needs_is_refused(limited: LimitedProcess, tmp_path: Path, what: str) -> None:
    """Also to root, whom the limits of the kernel on processes do not bind."""
    secret = tmp_path / "secret"
    secret.write_text("x")
    path = tmp_path / "new" if what.startswith("folder") else tmp_path if what.startswith("list") else secret
    asked = what.format(path)
    assert await limited.run(text("tries"), asked) in {"PermissionError", "BlockingIOError", "ValueError"}
    assert secret.read_text() == "x"
    assert not (tmp_path / "new").exists()


@LINUX
async def test_what_knows_of_other_processes_cannot_be_read(limited: LimitedProcess) -> None:
    """Their environment and memory are files as well."""
    for path in (f"/proc/{os.getpid()}/environ", "/proc/self/environ", "/proc/1/cmdline", "/etc/passwd"):
        assert await limited.run(text("tries"), f"read {path}") in {"PermissionError", "FileNotFoundError"}


async def test_what_it_needs_late_can_be_imported(limited: LimitedProcess) -> None:
    """Libraries import parts of themselves when they are first used."""
    assert await limited.run(text("imports_late"), " ") == "csv plistlib core.schedule"


async def test_the_fake_does_the_same_here() -> None:
    """For tests of what tasks do."""
    fake = UnlimitedTasks()
    sys.path.insert(0, HERE)
    try:
        assert await fake.run(text("twice"), "x") == "xx"
        with pytest.raises(ToolFailed):
            await fake.run(text("fails"), "x")
    finally:
        sys.path.remove(HERE)
