"""Discord: people's messages, slash commands and taps in, messages and edits out, over the gateway and the REST API.

By subject: ``gateway`` listens, by discord.py, ``catching`` brings what was said while nobody listened, ``intake`` and
``content`` make events, ``interactions`` answers slash commands and buttons in time, ``menu`` publishes the commands,
``line`` speaks to the REST API, ``refusals`` says in our kinds what it refuses, ``paging`` makes messages of replies,
``sending`` sends them, ``adapter`` puts them together. Importing this module imports none of them, nor the library,
which costs a second of CPU.
"""

import asyncio
import importlib
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from core.seams import Adapter, BotSpec
from core.site import BotSite, Spec
from core.values import UnknownSend


class Settings(BaseModel):
    """``[bots.discord]``.

    Attributes:
        token: From the Developer Portal (https://discord.com/developers/applications), under "Bot".
        channels: Ids of channels of servers in which everything is answered; elsewhere, what mentions or answers us.
        api_base: Where the REST API is, version included.
        gateway_url: Where the gateway is; "" for Discord's own.
        unknown_send: What becomes of a send of which nobody knows whether it arrived: it is sent again, or marked.
        max_download_mb: Larger files are not fetched.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: SecretStr = SecretStr("")
    channels: tuple[str, ...] = ()
    api_base: str = "https://discord.com/api/v10"
    gateway_url: str = ""
    unknown_send: UnknownSend = "resend"
    max_download_mb: int = Field(default=25, ge=1)


@asynccontextmanager
async def open_discord(site: BotSite, settings: Settings) -> AsyncGenerator[Adapter, None]:
    """Open the line; nothing is asked of Discord before ``run``, so a platform that is down stops no start."""
    for library in ("aiohttp", "discord"):
        # In a thread, so that what already runs keeps running meanwhile.
        await asyncio.to_thread(importlib.import_module, library)
    from bots.discord.adapter import Discord
    from bots.discord.line import Line

    token = settings.token.get_secret_value()
    async with Line(settings.api_base, token, connect_s=site.connect_s, proxies=site.proxies) as line:
        yield Discord(site, line, settings)


def _missing(settings: Settings) -> str | None:
    if not settings.token.get_secret_value():
        return "no token: make an application at https://discord.com/developers and set bots.discord.token"
    if not all(channel.isdigit() for channel in settings.channels):
        return "bots.discord.channels holds ids of channels, which are numbers (right click, Copy Channel ID)"
    return None


spec: BotSpec[Settings] = Spec(
    name="discord",
    settings=Settings,
    open=open_discord,
    configured=_missing,
    renamed={"delivery.discord_unknown": "unknown_send"},
)
