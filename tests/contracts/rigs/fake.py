"""The messenger in memory under the contract of adapters: what tests rely on has to be what adapters promise."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

from core.testing import FakeAdapter, message
from core.testing.contracts.adapter import AdapterRig
from core.values import Address, Inbound, Message


@dataclass
class Rig(AdapterRig):
    """A messenger in memory and one person who uses it."""

    adapter: FakeAdapter
    to: Address
    last: Inbound | None = None

    def say(self, text: str) -> str:
        self._arrives(message(text))
        return self._body().id

    def edit(self, message_id: str, text: str) -> None:
        changed = replace(message(text), body=Message(id=message_id, text=text, edited=True))
        self._arrives(changed)

    def again(self) -> None:
        assert self.last is not None
        self.adapter.arrive(self.last)

    def acknowledged(self) -> bool:
        assert self.last is not None
        return self.last.key in self.adapter.acknowledged

    def screen(self) -> tuple[str, ...]:
        return tuple(self.adapter.texts())

    def _arrives(self, event: Inbound) -> None:
        self.last = event
        self.adapter.arrive(event)

    def _body(self) -> Message:
        assert self.last is not None
        assert isinstance(self.last.body, Message)
        return self.last.body


@asynccontextmanager
async def rig() -> AsyncGenerator[Rig]:
    """There is nothing to open."""
    yield Rig(adapter=FakeAdapter(page_chars=200), to=Address(adapter="fake", chat="1"))
