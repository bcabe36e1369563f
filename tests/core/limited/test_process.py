"""Tasks run apart: what they return arrives, what they take is bounded, and what they could do is next to nothing."""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Generator
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

import pytest
import pytest_asyncio

from contracts.rigs.engines import until
from core.errors import AddressRefused, LimitReached, ToolFailed, WorkBroke
from core.limited.process import LimitedProcess
from core.limited.tasks import Limits, Task
from core.testing import UnlimitedTasks

R = TypeVar("R")

HERE = str(Path(__file__).parent)
QUICK = Limits(cpu_s=1, wall_s=20, memory_mb=128, max_result_bytes=100_000)
pytestmark = pytest.mark.asyncio(loop_scope="module")
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="the kernel has to know Landlock and seccomp")


@pytest.fixture(scope="module", autouse=True)
def importable() -> Generator[None]:
    """This folder's modules are among what can be imported, here and so in the child."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(HERE)
        yield


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def shared() -> AsyncGenerator[LimitedProcess, None]:
    """One place to run tasks, whose child is warm after the first."""
    process = LimitedProcess()
    yield process
    await process.aclose()


@pytest_asyncio.fixture(loop_scope="module")
async def limited() -> AsyncGenerator[LimitedProcess, None]:
    """One of a test's own, to be broken."""
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
    """Whether a process of this number runs; one that has ended may still wait for whoever asks what became of it."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    stat = Path(f"/proc/{pid}/stat")
    with suppress(OSError):
        return stat.read_text(encoding="ascii").rpartition(")")[2].split()[0] not in {"Z", "X"}
    return sys.platform != "linux"


def children(pid: int) -> list[int]:
    """The processes that a process has begun and that have not ended."""
    return [int(one) for one in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


# --- what comes back -------------------------------------------------------------------------------------------------


async def test_what_a_task_returns_arrives(shared: LimitedProcess) -> None:
    """Text, bytes and values, whatever is in them."""
    assert await shared.run(text("twice"), "ä\0\ud83d\ude00\n") == "ä\0??\n" * 2
    every = bytes(range(256)) * 300
    assert (
        await shared.run(Task(function="hostile_tasks:reversed_bytes", takes=bytes, returns=bytes, limits=QUICK), every)
        == every[::-1]
    )
    import hostile_tasks  # type: ignore[import-not-found]

    found = await shared.run(task("facts", hostile_tasks.Facts), "a b")
    assert (found.words, found.number) == (("a", "b"), 3)


async def test_several_run_at_a_time(shared: LimitedProcess) -> None:
    """Each gets its own result."""
    asked = [f"{number} " * 1000 for number in range(9)]
    assert await asyncio.gather(*(shared.run(text("twice"), one) for one in asked)) == [one * 2 for one in asked]


async def test_nothing_of_one_task_is_left_for_the_next(shared: LimitedProcess) -> None:
    """The child is the same, what the task did to its process is not."""
    remembers = task("remembers", int)
    assert await shared.run(remembers, "x") == 1
    child = shared.pid
    assert await shared.run(remembers, "x") == 1
    assert shared.pid == child


async def test_errors_of_ours_are_raised_here(shared: LimitedProcess) -> None:
    """In one line, without what a terminal would take for orders."""
    with pytest.raises(ToolFailed, match="it is a⏎⟨U\\+001B⟩ PDF"):
        await shared.run(text("fails"), "it is a\n\x1b PDF")
    with pytest.raises(AddressRefused, match="no"):
        await shared.run(text("refuses"), "no")


@pytest.mark.parametrize("name", ["breaks", "aborts", "leaves", "lies", "no_such_function"])
async def test_whatever_else_happens_to_a_task_is_one_error(shared: LimitedProcess, name: str) -> None:
    """Which says where, and nothing that a stranger wrote; and the next task is run."""
    with pytest.raises(WorkBroke) as broke:
        await shared.run(text(name), "words of a page")
    assert "words" not in str(broke.value)
    assert await shared.run(text("twice"), "x") == "xx"


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
    shared: LimitedProcess, name: str, limits: Limits, limit: str
) -> None:
    """And whoever waits is told of what it took too much."""
    with pytest.raises(LimitReached) as reached:
        await shared.run(text(name, limits), "x")
    assert reached.value.limit == limit
    if sys.platform == "linux":
        assert shared.pid is not None
        await until(lambda: not children(shared.pid or 0))


async def test_memory_cannot_be_had_behind_pythons_back(shared: LimitedProcess) -> None:
    """The kernel refuses it."""
    with pytest.raises(WorkBroke, match="OSError"):
        await shared.run(text("maps_memory"), "x")


async def test_the_loop_is_free_meanwhile(shared: LimitedProcess) -> None:
    """However much a task computes."""
    ticks = 0

    async def tick() -> None:
        nonlocal ticks
        while True:
            await asyncio.sleep(0.001)
            ticks += 1

    ticking = asyncio.create_task(tick())
    with pytest.raises(LimitReached):
        await shared.run(text("computes"), "x")
    ticking.cancel()
    assert ticks > 50


@LINUX
async def test_who_does_not_wait_any_more_ends_it(shared: LimitedProcess) -> None:
    """A turn that is stopped leaves nothing running."""
    await shared.run(text("twice"), "x")
    waiting = asyncio.create_task(shared.run(text("waits"), "x"))
    await until(lambda: bool(children(shared.pid or 0)))
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: not children(shared.pid or 0))
    assert await shared.run(text("twice"), "x") == "xx"


# --- the child -------------------------------------------------------------------------------------------------------


async def test_nothing_is_started_before_it_is_needed_and_nothing_is_left() -> None:
    """A bot that reads no pages has one process, and so has one that was closed."""
    limited = LimitedProcess()
    assert limited.pid is None
    await limited.aclose()


async def test_closing_ends_all_of_it(limited: LimitedProcess) -> None:
    """Also what still runs; whoever waits for that is told."""
    await limited.run(text("twice"), "x")
    waiting = asyncio.create_task(limited.run(text("waits"), "x"))
    child = limited.pid
    assert child is not None
    await until(lambda: limited.running == 1)
    running = children(child) if sys.platform == "linux" else []
    await limited.aclose()
    with pytest.raises(WorkBroke):
        await waiting
    await until(lambda: not any(map(is_alive, [child, *running])))
    with pytest.raises(WorkBroke):
        await limited.run(text("twice"), "x")
    assert limited.pid is None


async def test_a_start_that_nobody_waits_for_any_more_is_for_the_next(limited: LimitedProcess) -> None:
    """A turn that was stopped meanwhile leaves no half of a process."""
    waiting = asyncio.create_task(limited.run(text("twice"), "x"))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await until(lambda: limited.pid is not None)
    first = limited.pid
    assert await asyncio.gather(*(limited.run(text("twice"), "x") for _ in range(3))) == ["xx"] * 3
    assert limited.pid == first


async def test_an_idle_child_is_ended_and_started_again() -> None:
    """The memory of its libraries is given back."""
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
async def test_what_a_killed_child_leaves_behind_ends_by_itself(limited: LimitedProcess) -> None:
    """Whoever would kill it is gone; its own clock is not."""
    await limited.run(text("twice"), "x")
    waiting = asyncio.create_task(limited.run(text("waits", Limits(cpu_s=1, wall_s=0.3)), "x"))
    child = limited.pid
    assert child is not None
    await until(lambda: bool(children(child)))
    (running,) = children(child)
    os.kill(child, 9)
    with pytest.raises((LimitReached, WorkBroke)):
        await waiting
    await until(lambda: not is_alive(running))


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


async def test_nothing_of_ours_is_handed_down(shared: LimitedProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """No environment, no open file but the socket and what stands for output."""
    monkeypatch.setenv("WAYSTATION_TOKEN", "secret")
    names = (await shared.run(text("environment"), ",")).split(",")
    assert not [name for name in names if name and name not in {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"}]
    assert await shared.run(text("files"), ",") == "0,1,2"
    assert (await shared.run(text("limits"), ",")).startswith("1,32,0,0,0")


@LINUX
@pytest.mark.parametrize(
    "what",
    ["socket", "local-socket", "fork", "program", "signal", "limits"]
    + [f"{verb} {{}}" for verb in ("read", "list", "write", "append", "delete", "folder")],
)
async def test_what_no_reader_needs_is_refused(shared: LimitedProcess, tmp_path: Path, what: str) -> None:
    """Also to root, whom the limits of the kernel on processes do not bind."""
    secret = tmp_path / "secret"
    secret.write_text("x")
    path = tmp_path / "new" if what.startswith("folder") else tmp_path if what.startswith("list") else secret
    asked = what.format(path)
    assert await shared.run(text("tries"), asked) in {"PermissionError", "BlockingIOError", "ValueError"}
    assert secret.read_text() == "x"
    assert not (tmp_path / "new").exists()


@LINUX
async def test_what_knows_of_other_processes_cannot_be_read(shared: LimitedProcess) -> None:
    """Their environment and memory are files as well."""
    for path in (f"/proc/{os.getpid()}/environ", "/proc/self/environ", "/proc/1/cmdline", "/etc/passwd"):
        assert await shared.run(text("tries"), f"read {path}") in {"PermissionError", "FileNotFoundError"}


async def test_what_it_needs_late_can_be_imported(shared: LimitedProcess) -> None:
    """Libraries import parts of themselves when they are first used."""
    assert await shared.run(text("imports_late"), " ") == "csv plistlib core.schedule"


async def test_the_fake_does_the_same_here() -> None:
    """For tests of what tasks do."""
    fake = UnlimitedTasks()
    assert await fake.run(text("twice"), "x") == "xx"
    with pytest.raises(ToolFailed):
        await fake.run(text("fails"), "x")
