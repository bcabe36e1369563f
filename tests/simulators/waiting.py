"""Waiting until something is so, without guessing how long that takes."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")
_STEP_S = 0.005


async def until(condition: Callable[[], T], *, timeout_s: float = 10.0) -> T:
    """Wait until `condition()` is true and return what it returned.

    Raises:
        TimeoutError: If it is still false after `timeout_s` seconds.
    """
    end = time.monotonic() + timeout_s
    while True:
        found = condition()
        if found:
            return found
        if time.monotonic() > end:
            raise TimeoutError(f"still not so after {timeout_s} s")
        await asyncio.sleep(_STEP_S)
