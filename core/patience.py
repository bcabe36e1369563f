"""Waiting for a store that cannot be used just now: a full disk, a backup that holds the file."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

import structlog

from core.errors import StoreError

T = TypeVar("T")

log = structlog.get_logger(__name__)

_AGAIN_S = (0.5, 30.0)


async def patiently(do: Callable[[], Awaitable[T]]) -> T:
    """Do something with the store, again and again until it can be done; the log says what is in the way."""
    wait_s = _AGAIN_S[0]
    while True:
        try:
            return await do()
        except StoreError as error:
            log.warning("the store does not work", reason=str(error), again_in_s=wait_s)
        await asyncio.sleep(wait_s)
        wait_s = min(_AGAIN_S[1], wait_s * 2)
