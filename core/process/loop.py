"""The event loop everything runs on: uvloop's, which is libuv's (https://uvloop.readthedocs.io).

It asks the system the same questions as asyncio's own and spends less of the CPU around them; what that is worth is
measured in docs/decisions/0016-a-faster-loop-and-reads-in-place.md.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvloop

T = TypeVar("T")


def run(main: Coroutine[Any, Any, T]) -> T:
    """Run to the end on a loop of its own, in whatever thread this is; Ctrl-C cancels it in the main one."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)
