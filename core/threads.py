"""Running plain functions beside the event loop, a bounded number at once, so that one that hangs costs its own kind.

A thread cannot be stopped: whoever waits may stop waiting, the thread goes on and keeps its place until it ends. The
threads are daemons, since one that never ends must not keep the process from ending.
"""

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from contextvars import copy_context
from functools import partial
from typing import Generic, TypeVar

T = TypeVar("T")

_AT_ONCE = 8
_LOOK_AGAIN_S = 0.02


class Threads:
    """Places for functions of one kind.

    Args:
        at_once: How many there are; who finds none waits.
    """

    def __init__(self, at_once: int = _AT_ONCE) -> None:
        self._places = threading.BoundedSemaphore(at_once)

    async def run(self, function: Callable[[], T]) -> T:
        """Call a function in a thread; what it raises is raised here."""
        # Places are given back by threads and taken in any event loop, which no asyncio lock allows.
        while not self._places.acquire(blocking=False):  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_AGAIN_S)
        call = _Call(copy_context().run, function, self._places.release)
        threading.Thread(target=call.make, name="threads", daemon=True).start()
        return await call.answer


class _Call(Generic[T]):
    """One call, made in another thread than it is waited for."""

    def __init__(
        self, run: Callable[[Callable[[], T]], T], function: Callable[[], T], over: Callable[[], None]
    ) -> None:
        self._run, self._function, self._over = run, function, over
        self._loop = asyncio.get_running_loop()
        self.answer: asyncio.Future[T] = self._loop.create_future()

    def make(self) -> None:
        """Make it, in this thread."""
        tell: Callable[[], None]
        try:
            tell = partial(self._returned, self._run(self._function))
        except BaseException as problem:  # noqa: BLE001 - it is raised where it is waited for
            tell = partial(self._failed, problem)
        finally:
            self._over()
        with suppress(RuntimeError):  # the loop has been closed: nobody waits any more
            self._loop.call_soon_threadsafe(tell)

    def _returned(self, answer: T) -> None:
        if not self.answer.done():
            self.answer.set_result(answer)

    def _failed(self, problem: BaseException) -> None:
        if not self.answer.done():
            # A future takes no StopIteration, and one that hears of an exit would end the process.
            ours = isinstance(problem, Exception) and not isinstance(problem, StopIteration)
            self.answer.set_exception(problem if ours else RuntimeError(f"it ended by {type(problem).__name__}"))
