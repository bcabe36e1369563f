"""What the contract of adapters asks of a rig, and how it finds them.

A rig for the entry point ``x`` is ``contracts/rigs/x.py`` with an async context manager ``rig`` that yields one: an
adapter ready for use, over a platform of its own, with one person in one private chat.
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import Protocol, cast

from core.seams import Adapter
from core.values import Address, Inbound, Receipt


class Rig(Protocol):
    """An adapter and the person it talks with.

    Where the platform has it, a rig also has: ``edit(message_id, text)``, by which the person changes what they said;
    ``again()``, by which the platform delivers the last event once more (or, without it, ``redelivers = True``: it
    does so by itself after ``accept`` failed); ``acknowledged()``, whether the platform takes the last event for
    delivered; ``keeps = True`` where a message cannot be taken back, ``appends = True`` where it
    cannot be changed.
    """

    @property
    def adapter(self) -> Adapter: ...

    @property
    def to(self) -> Address:
        """The chat."""

    def say(self, text: str) -> str:
        """Let the person say something; returns the platform's id of it."""

    def screen(self) -> tuple[str, ...]:
        """What we have said and still stands in the chat."""


Opens = Callable[[], AbstractAsyncContextManager[Rig]]
NAMES = ("fake", *sorted(point.name for point in entry_points(group="waystation.bots")))
MISSING = tuple(name for name in NAMES if find_spec(f"contracts.rigs.{name}") is None)


def rig_of(name: str) -> AbstractAsyncContextManager[Rig]:
    """Open the rig of an adapter."""
    return cast("Opens", import_module(f"contracts.rigs.{name}").rig)()


@dataclass
class Ear:
    """An ``accept`` that keeps what it is given.

    Attributes:
        deaf: So many first calls fail.
        gate: Calls wait for this first.
    """

    deaf: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    events: list[Inbound] = field(default_factory=list)
    refused: list[Inbound] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def accept(self, events: Sequence[Inbound | Receipt]) -> tuple[bool, ...]:
        heard = [event for event in events if isinstance(event, Inbound)]
        self._news.set()
        if self.deaf:
            self.deaf -= 1
            self.refused += heard
            raise OSError("the disk is full")
        known = {event.key for event in self.events}
        self.events += heard
        self._news.set()
        await self.gate.wait()
        return tuple(event.key not in known for event in heard)

    async def hear(self, count: int = 1, within_s: float = 10.0) -> Inbound:
        """Wait until so many events have come; returns the last of them."""
        async with asyncio.timeout(within_s):
            while len(self.events) < count:
                self._news.clear()
                await self._news.wait()
        return self.events[count - 1]
