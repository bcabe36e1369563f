"""One message that is not (yet) in the archive, and how it is drawn while it grows."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Literal

from bots.web.growing import Growing
from core.values import Choice, Media

_LEAST_PAUSE_S: Final = 0.05
_SHARE: Final = 10
"""Drawing takes at most one part in so many of the time."""
_QUICK_CHARS: Final = 10_000
"""More than so much is drawn in a thread, so that nobody else waits for it."""
_FORGOTTEN_S: Final = 60.0


@dataclass(slots=True, eq=False)
class Item:
    """One message.

    Attributes:
        id: The same on every page; what the assistant says is named for its slot.
        mine: The person said it.
        after: The place in the archive after which it stands, "" for before everything.
        state: ``working`` has no words yet, ``growing`` some, ``final`` all.
        html: Of an answer.
        heard_at: When somebody last spoke of it, by the monotonic clock.
    """

    id: str
    mine: bool
    after: str
    state: Literal["working", "growing", "final", "gone"] = "final"
    text: str = ""
    media: tuple[Media, ...] = ()
    choices: tuple[Choice, ...] = ()
    html: Growing = field(default_factory=Growing)
    heard_at: float = field(default_factory=time.monotonic)
    _pen: asyncio.Lock = field(default_factory=asyncio.Lock)

    @property
    def live(self) -> bool:
        """Whether more is to come."""
        return self.state in {"working", "growing"}

    async def draw(self, drawn: Callable[[], None]) -> None:
        """Draw what is new until it is final, or nobody has spoken of it for long; ``drawn`` is told each time."""
        shown = ""
        while self.live:
            began = time.perf_counter()
            if (text := self.text) != shown:
                await self._grow(text)
                shown = text
                drawn()
            elif time.monotonic() - self.heard_at > _FORGOTTEN_S:
                return
            await asyncio.sleep(max(_LEAST_PAUSE_S, _SHARE * (time.perf_counter() - began)))

    async def _grow(self, text: str) -> None:
        async with self._pen:
            if self.live and len(text) - self.html.settled > _QUICK_CHARS:
                await asyncio.to_thread(self.html.grow, text)
            elif self.live:
                self.html.grow(text)

    async def finish(self) -> None:
        """Draw it as it stays."""
        async with self._pen:
            if len(self.text) > _QUICK_CHARS:
                await asyncio.to_thread(self.html.finish, self.text)
            else:
                self.html.finish(self.text)
