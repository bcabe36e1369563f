"""Functions beside the loop: so many at once, each with its result, and one that hangs keeps only its place."""

import asyncio
import contextvars
import subprocess
import sys
import threading

import pytest

from core.threads import Threads


async def test_a_result_comes_back_and_so_does_what_is_raised() -> None:
    """As if it had been called here."""
    threads = Threads()
    assert await threads.run(lambda: 7) == 7
    with pytest.raises(ZeroDivisionError):
        await threads.run(lambda: 1 // 0)


@pytest.mark.parametrize("problem", [SystemExit(3), KeyboardInterrupt(), StopIteration(7)])
async def test_what_would_end_more_than_the_call_ends_the_call(problem: BaseException) -> None:
    """None of these reaches the loop as itself."""

    def ends() -> None:
        raise problem

    with pytest.raises(RuntimeError, match=type(problem).__name__):
        await Threads().run(ends)


async def test_so_many_run_at_once_and_the_others_wait() -> None:
    """And all of them come to their turn."""
    running, most, lock = 0, 0, threading.Lock()

    def work() -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        go.wait(0.01)
        with lock:
            running -= 1

    go, threads = threading.Event(), Threads(at_once=3)
    await asyncio.gather(*(threads.run(work) for _ in range(12)))
    assert most == 3


async def test_one_that_is_not_waited_for_keeps_its_place_until_it_ends() -> None:
    """A thread cannot be stopped, so what it takes is bounded."""
    go, threads = threading.Event(), Threads(at_once=1)
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.05):
            await threads.run(go.wait)
    waiting = asyncio.create_task(threads.run(lambda: "mine"))
    await asyncio.sleep(0.05)
    assert not waiting.done()
    go.set()
    assert await waiting == "mine"


def test_one_that_outlives_its_loop_disturbs_nobody() -> None:
    """Its word comes too late, and its place is free again for the next loop."""
    go, over, threads = threading.Event(), threading.Event(), Threads(at_once=1)

    def late() -> None:
        go.wait(10)
        over.set()

    async def give_up() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await threads.run(late)

    asyncio.run(give_up())
    go.set()
    assert over.wait(10)
    assert asyncio.run(threads.run(lambda: 7)) == 7


def test_one_that_never_ends_does_not_keep_the_process_from_ending() -> None:
    """Whoever stops Waystation is not kept waiting by a tool that hangs."""
    program = (
        "import asyncio, threading\n"
        "from core.threads import Threads\n"
        "async def main():\n"
        "    asyncio.create_task(Threads().run(threading.Event().wait))\n"
        "    await asyncio.sleep(0.05)\n"
        "asyncio.run(main())\n"
    )
    assert subprocess.run([sys.executable, "-c", program], timeout=30, check=False).returncode == 0


async def test_what_the_caller_has_bound_is_bound_there() -> None:
    """Log lines of a thread name the turn they belong to."""
    turn: contextvars.ContextVar[str] = contextvars.ContextVar("turn")
    turn.set("7")
    assert await Threads().run(turn.get) == "7"
