"""Trying again: how long to pause in between, and a store that cannot be used just now (a full disk, a backup)."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from core.errors import StoreError

T = TypeVar("T")

log = structlog.get_logger(__name__)

_AGAIN_S = (0.5, 30.0)
_DOUBLINGS = 20  # beyond them every pause is at its longest, and the power would only grow


def back_off_s(times: int, first_s: float, max_s: float) -> float:
    """The pause after so many that were in vain: each twice as long as the one before, up to a longest one.

    Up to half of it is left out at random, so that those who failed together do not all come back together.
    """
    longest_s: float = min(max_s, first_s * 2 ** min(times, _DOUBLINGS))
    return longest_s * random.uniform(0.5, 1.0)  # noqa: S311  spreads load, hides nothing


async def patiently(do: Callable[[], Awaitable[T]]) -> T:
    """Do something with the store, again and again until it can be done; the log says what is in the way."""
    times = 0
    while True:
        try:
            return await do()
        except StoreError as error:
            wait_s = back_off_s(times, *_AGAIN_S)
            log.warning("the store does not work", reason=str(error), again_in_s=round(wait_s, 1))
        await asyncio.sleep(wait_s)
        times += 1
