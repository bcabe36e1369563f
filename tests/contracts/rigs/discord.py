"""Discord's adapter, by discord.py, over a simulated gateway and REST API, with one person in a direct chat."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr

from bots.discord import Settings, spec
from bots.discord.adapter import Discord
from core import testing
from core.seams import Adapter
from core.site import BotSite
from core.testing.contracts.adapter import AdapterRig
from core.values import Address
from simulators.discord import Channel, DiscordSimulator, Person
from simulators.discord.simulator import TOKEN


@dataclass
class Rig(AdapterRig):
    """An adapter and the person it talks with."""

    adapter: Adapter
    discord: DiscordSimulator
    ann: Person
    chat: Channel

    def __post_init__(self) -> None:
        self.to = Address(adapter="discord", chat=self.chat.id)

    def say(self, text: str) -> str:
        """Let the person say something, as soon as somebody listens."""
        return self.chat.say(self.ann, text)

    def edit(self, message: str, text: str) -> str:
        """Let them change it."""
        self.chat.edit(message, text)
        return message

    def again(self) -> None:
        """The gateway brings it once more, as after a resume."""
        self.discord.gateway.again()

    def screen(self) -> tuple[str, ...]:
        """What stands in the chat."""
        return tuple(self.chat.screen())


@asynccontextmanager
async def opened(site: BotSite, discord: DiscordSimulator, **more: object) -> AsyncGenerator[Adapter]:
    """An adapter that connects to a simulated Discord, and comes again soon after a failure."""
    settings = Settings(
        token=SecretStr(TOKEN),
        api_base=discord.base,
        gateway_url=discord.gateway.address,
        **more,  # type: ignore[arg-type]
    )
    async with spec.open(site, settings) as adapter:
        assert isinstance(adapter, Discord)
        adapter._pace = {"pause_s": (0.01, 0.05), "silence_s": 1.0}
        adapter._patience = {"pause_s": (0.01, 0.05)}
        yield adapter


@asynccontextmanager
async def rig() -> AsyncIterator[Rig]:
    """Everything open, and a chat there is already."""
    async with DiscordSimulator() as discord:
        discord.gateway.patient = True  # the contract's people speak before anybody is connected
        site = testing.bot_site(Path("/nonexistent"), "discord")
        async with opened(site, discord) as adapter:
            yield Rig(adapter=adapter, discord=discord, ann=discord.person(), chat=discord.dm())
        assert discord.violations == []
