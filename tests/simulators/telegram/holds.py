"""Stopping a call at one of its phases, so that a test can act just there: a kill, a look, another update."""

from __future__ import annotations

import asyncio

from .calls import Call, Hooks, Phase


class Hold:
    """Keeps calls of a method standing at a phase until they are released.

    `times` is how many calls it stops; the ones after pass.
    """

    def __init__(self, hooks: Hooks, method: str, phase: Phase, *, times: int = 1) -> None:
        self.held: list[Call] = []
        self._left = times
        self._go_on = asyncio.Event()
        self._reached: asyncio.Queue[Call] = asyncio.Queue()
        self._unhook = hooks.on(method, phase).each(self._stop)

    async def reached(self) -> Call:
        """Wait until the next call stands here, and return it."""
        return await self._reached.get()

    def release(self) -> None:
        """Let the held calls go on, and stop no more."""
        self._unhook()
        self._go_on.set()

    async def _stop(self, call: Call) -> None:
        if self._left <= 0:
            return
        self._left -= 1
        self.held.append(call)
        self._reached.put_nowait(call)
        await self._go_on.wait()
