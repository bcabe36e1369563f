"""A process that ends at one chosen moment, as a kill would end it.

When the moment comes, everything that waits for it stands still, and what is on the disk is what the next life finds.
"""

import asyncio
from collections.abc import AsyncGenerator, Callable
from dataclasses import replace
from typing import Literal

from core.plugin import Tool, ToolContext, ToolResult
from core.seams import Accept, Adapter
from core.values import Address, Capabilities, Media, Page, Reply

Moment = Literal["never", "hear", "heard", "use", "say", "said"]
"""Before or after events are taken in; before a tool is used; before or after the platform is handed a message."""


class Death:
    """One end of a process.

    Args:
        moment: Where it ends.
        times: At which time it comes there.

    Attributes:
        reached: Set when it stands there.
        then: Called at that moment.
    """

    def __init__(self, moment: Moment, times: int = 1) -> None:
        self.reached = asyncio.Event()
        self.then: Callable[[], None] = lambda: None
        self._moment = moment
        self._left = times

    async def at(self, moment: Moment) -> None:
        """It comes by a moment; nothing comes by any after the last."""
        await self.past()
        if moment != self._moment:
            return
        self._left -= 1
        if self._left == 0:
            self.then()
            self.reached.set()
            await asyncio.Event().wait()

    async def past(self) -> None:
        """Nothing goes on after the end."""
        if self.reached.is_set():
            await asyncio.Event().wait()

    def ends(self, tool: Tool) -> Tool:
        """A tool of this process, which does nothing after its end."""

        async def call(arguments: str, context: ToolContext) -> str | ToolResult:
            await self.at("use")
            return await tool.call(arguments, context)

        return replace(tool, call=call)


class Mortal:
    """An adapter that goes with its process."""

    def __init__(self, adapter: Adapter, death: Death) -> None:
        self._adapter = adapter
        self._death = death

    @property
    def name(self) -> str:
        """See ``Adapter``."""
        return self._adapter.name

    def capabilities(self, to: Address) -> Capabilities:
        """See ``Adapter``."""
        return self._adapter.capabilities(to)

    async def run(self, accept: Accept) -> None:
        """See ``Adapter``."""
        await self._adapter.run(accept)

    def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
        """See ``Adapter``."""
        return self._adapter.pages(reply, form)

    async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:
        """See ``Adapter``."""
        await self._death.at("say")
        said = await self._adapter.put(to, page, slot=slot, was=was)
        await self._death.at("said")
        return said

    async def signal(self, to: Address, activity: Page | Literal["typing", "seen"], *, slot: str) -> None:
        """See ``Adapter``."""
        await self._adapter.signal(to, activity, slot=slot)

    def fetch(self, media: Media) -> AsyncGenerator[bytes, None]:
        """See ``Adapter``."""
        return self._adapter.fetch(media)


_: type[Adapter] = Mortal
