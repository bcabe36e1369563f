"""WhatsApp's adapter over a simulated Meta, behind the real server, with one person."""

import asyncio
import itertools
from collections.abc import AsyncGenerator, AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from pydantic import SecretStr

from bots.whatsapp import Settings, spec
from core import testing
from core.config.settings import Server as ServerSettings
from core.seams import Adapter
from core.server import Server
from core.site import BotSite
from core.testing.contracts.adapter import AdapterRig
from core.values import Address
from simulators.whatsapp import NUMBER_ID, TOKEN, Person, WhatsAppSimulator

SECRET, WORD = "app-secret", "verify-me"


@dataclass
class Rig(AdapterRig):
    """An adapter and the person it talks with."""

    adapter: Adapter
    meta: WhatsAppSimulator
    ann: Person
    to: Address = field(default_factory=lambda: Address(adapter="whatsapp", chat="4915100000001"))
    takes_back: bool = False
    changes: bool = False
    _said: list[bytes] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)
    _numbers: "itertools.count[int]" = field(default_factory=itertools.count)

    def say(self, text: str) -> str:
        """Let the person say something."""
        return self._do("text", {"body": text})

    def edit(self, message: str, text: str) -> str:
        """Let them change it."""
        return self._do("edit", {"original_message_id": message, "message": {"type": "text", "text": {"body": text}}})

    def again(self) -> None:
        """Meta brings what happened last once more."""
        self._run(self.meta.bring([(self.ann, self._last)]))

    def acknowledged(self) -> bool:
        """Whether Meta was told that it is taken."""
        return bool(self.meta.answers) and self.meta.answers[-1] == 200

    def screen(self) -> tuple[str, ...]:
        """What stands in the chat."""
        return tuple(self.ann.screen())

    def _do(self, kind: str, inner: object) -> str:
        self._last = self.ann.message(kind, inner)
        self._run(self.meta.bring([(self.ann, self._last)]))
        return str(self._last["id"])

    def _run(self, doing: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(doing)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def opened(site: BotSite, meta: WhatsAppSimulator, **more: object) -> AsyncGenerator[Adapter]:
    """An adapter behind a server that Meta can reach."""
    server = Server(ServerSettings(port=0))
    async with server.listening():
        meta.webhook = f"{server.url}/webhooks/whatsapp"
        settings = Settings(
            access_token=SecretStr(TOKEN),
            phone_number_id=NUMBER_ID,
            verify_token=SecretStr(WORD),
            app_secret=SecretStr(SECRET),
            api_base=meta.base,
            **more,  # type: ignore[arg-type]
        )
        async with spec.open(replace(site, server=server), settings) as adapter:
            server.settle(dict)
            yield adapter


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Everything open, and somebody who has written a moment ago."""
    async with WhatsAppSimulator(secret=SECRET, statuses=()) as meta:
        site = testing.bot_site(Path("/nonexistent"), "whatsapp")
        async with opened(site, meta) as adapter:
            ann = meta.person("4915100000001")
            ann.message("text", {"body": "for the 24 hours"})
            yield Rig(adapter=adapter, meta=meta, ann=ann)
        assert meta.violations == []
