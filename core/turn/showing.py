"""Showing an answer while it is written: the latest words, not more often than anybody could see, and never none."""

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager

import structlog

from core.seams import Work
from core.values import Address, Outbound, Reply

log = structlog.get_logger(__name__)

_EVERY_S = 0.05


class Showing:
    """One slot's preview.

    Args:
        whole: Makes what the slot is to read out of what was said last; called only when it is shown.

    Attributes:
        shows_words: Whether the chat shows more than that something is being done.
    """

    def __init__(self, work: Work, slot: str, to: Address, whole: Callable[[str], str]) -> None:
        self._work = work
        self._slot = slot
        self._to = to
        self._whole = whole
        self._text = ""
        self._news = asyncio.Event()
        self.shows_words = False

    def say(self, text: str) -> None:
        """Show this soon. Costs next to nothing, and may be called for every word."""
        self._text = text
        self._news.set()

    @asynccontextmanager
    async def going_on(self) -> AsyncGenerator[None]:
        """Show that something is being done, then whatever is said, until the end."""
        await self._show("")
        task = asyncio.create_task(self._keep_showing(), name="showing")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})  # nothing may be shown once the turn is over

    async def _keep_showing(self) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            if text := self._whole(self._text):
                await self._show(text)
            await asyncio.sleep(_EVERY_S)  # what is said meanwhile is shown afterwards

    async def _show(self, text: str) -> None:
        try:
            out = Outbound(slot=self._slot, to=self._to, reply=Reply(markdown=text), final=False)
            self.shows_words = await self._work.show(out)
        except Exception:
            # A preview is only a preview: the answer comes all the same.
            log.exception("preview failed", slot=self._slot)
