"""The web chat's adapter without a browser, with one person who has it open, and what their page would show."""

import asyncio
import itertools
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bots.web.adapter import OWNER, Web
from bots.web.opening import opened
from core import testing
from core.seams import Adapter
from core.site import Handler
from core.testing.contracts.adapter import AdapterRig
from core.values import Address


@dataclass
class Routes:
    """A server that only notes what it is told to answer."""

    url: str = "http://127.0.0.1:8080"
    public_url: str = ""
    handlers: dict[tuple[str, str], Handler] = field(default_factory=dict)

    def add(self, method: str, path: str, handler: Handler, *, most_bytes: int = 1 << 20) -> None:
        self.handlers[method, path] = handler


@dataclass
class Rig(AdapterRig):
    """An adapter and the person it talks with."""

    adapter: Adapter
    web: Web
    to: Address = field(default_factory=lambda: Address(adapter="web", chat=OWNER))
    _said: list[tuple[str, str]] = field(default_factory=list)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def say(self, text: str) -> str:
        """Let the person say something."""
        self._said.append((text, f"message-{next(self._numbers)}"))
        self.again()
        return self._said[-1][1]

    def again(self) -> None:
        """The browser sends what was said last, as it does when it heard no answer."""
        text, key = self._said[-1]
        self._tasks.append(asyncio.create_task(self.web.say(self.web.views.get("now"), text, (), key)))

    def acknowledged(self) -> bool:
        """Whether the browser was told that it is safe."""
        return self._tasks[-1].done()

    def screen(self) -> tuple[str, ...]:
        """What was said to the person for good."""
        return tuple(text for view in self.web.views.all() for text in view.answers())

    async def hang_up(self) -> None:
        """Leave nothing running, and nobody writing to the folder."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=1)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


@asynccontextmanager
async def rig() -> AsyncGenerator[Rig, None]:
    """Open an adapter over a folder of its own."""
    with tempfile.TemporaryDirectory() as folder:
        site = replace(testing.bot_site(Path(folder), "web"), server=Routes())
        async with opened(site, most_bytes=1 << 20) as adapter:
            assert isinstance(adapter, Web)
            made = Rig(adapter=adapter, web=adapter)
            yield made
            await made.hang_up()
