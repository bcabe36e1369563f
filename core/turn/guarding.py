"""Calling what plugins bring: within its time, and so that whatever goes wrong in it costs that call alone.

A plugin is a stranger's code. It may fail in ways that are agreed on (``ToolError``, what ``Egress`` raises); anything
else it lets out is a bug of its own, and is told from ours here, in one place.
"""

import asyncio
from collections.abc import Awaitable, Generator
from contextlib import contextmanager
from typing import Final, TypeVar

from core.errors import EgressError, StoreError, ToolError, WaystationError

T = TypeVar("T")

_STOPPING_S = 1.0  # for a tool to clean up after itself once it is stopped


class PluginBroke(WaystationError):
    """A plugin failed in a way that is not agreed on; the cause is what it raised."""


FAILED: Final = (PluginBroke, ToolError, EgressError, TimeoutError)
"""All that a call of a plugin's may end with, beside a store that fails."""


@contextmanager
def guarding(plugin: str) -> Generator[None, None, None]:
    """Around a plugin's code, and around what is made of its result.

    Raises:
        PluginBroke: It raised something that is not agreed on, or ended itself as if it had been cancelled.
    """
    try:
        yield
    except (*FAILED, StoreError):
        raise
    except asyncio.CancelledError as problem:
        task = asyncio.current_task()
        if task is not None and task.cancelling():
            raise
        raise PluginBroke(f"{plugin} ended itself as if it had been cancelled") from problem
    except Exception as problem:
        raise PluginBroke(f"{plugin} broke: {type(problem).__name__}") from problem


async def in_time(running: Awaitable[T], most_s: float) -> T:
    """What a tool returns, waited for no longer than this: a tool that does not let itself be stopped is left behind.

    Raises:
        TimeoutError: It took longer.
    """
    task = asyncio.ensure_future(_ending(running))
    try:
        done, _ = await asyncio.wait({task}, timeout=most_s)
        if not done:
            raise TimeoutError
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_left_behind)
            await asyncio.wait({task}, timeout=_STOPPING_S)
    return task.result()


async def _ending(running: Awaitable[T]) -> T:
    """The same, with what would end the whole process made a failure like any other."""
    try:
        return await running
    except (SystemExit, KeyboardInterrupt, BaseExceptionGroup) as problem:
        raise RuntimeError(f"the tool ended by {type(problem).__name__}") from problem


def _left_behind(task: asyncio.Task[T]) -> None:
    """Nobody waits for it any more: what it fails with is no news."""
    if not task.cancelled():
        task.exception()
