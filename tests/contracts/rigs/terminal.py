"""The terminal under the contract of adapters: a person at one, over a real control socket."""

import asyncio
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bots.terminal import spec
from core.cli.dialogue import Final, Hello, Read, Say, Taken, from_process, line
from core.process.control import Control
from core.seams import Adapter
from core.site import BotSite, Operator
from core.testing import FakeMemo
from core.testing.contracts.adapter import AdapterRig
from core.values import Address


class Rig(AdapterRig):
    """One terminal, at which everything is read at once."""

    to = Address(adapter="terminal", chat="local")

    def __init__(self, adapter: Adapter, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.adapter = adapter
        self._reader = reader
        self._writer = writer
        self._said = 0
        self._taken = 0
        self._shown: dict[str, str] = {}

    def say(self, text: str) -> str:
        self._said += 1
        self._send(Say(text=text))
        return str(self._said)

    def acknowledged(self) -> bool:
        return self._taken == self._said

    def screen(self) -> tuple[str, ...]:
        return tuple(self._shown.values())

    async def watch(self) -> None:
        """Read what comes."""
        while raw := await self._reader.readline():
            match from_process(raw.decode()):
                case Taken():
                    self._taken += 1
                case Final(slot=slot, text=None, number=number):
                    del self._shown[slot]
                    self._send(Read(number=number))
                case Final(slot=slot, text=str(text), number=number):
                    self._shown[slot] = text
                    self._send(Read(number=number))
                case _:
                    pass

    def _send(self, said: Say | Read) -> None:
        self._writer.write(line(said).encode() + b"\n")


@asynccontextmanager
async def rig() -> AsyncGenerator[Rig]:
    """A control socket in a folder of its own, and somebody who has begun to chat."""
    control = Control()
    with tempfile.TemporaryDirectory() as folder:
        data_dir = Path(folder)
        site = BotSite(name="terminal", data_dir=data_dir, memo=FakeMemo(), operator=Operator(control=control.register))
        async with spec.open(site, spec.settings()) as adapter, control.serve(data_dir):
            reader, writer = await asyncio.open_unix_connection(data_dir / "control.sock")
            writer.write(f"chat {line(Hello())}\n".encode())
            there = Rig(adapter, reader, writer)
            watching = asyncio.create_task(there.watch())
            try:
                yield there
            finally:
                watching.cancel()
                writer.close()
                with suppress(ConnectionError):
                    await writer.wait_closed()
