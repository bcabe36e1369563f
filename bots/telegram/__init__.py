"""Telegram: people's messages and taps in, pages, drafts and edits out, over the Bot API.

By subject: ``transport`` is the line, ``polling`` listens, ``reception`` takes in what comes, ``intake``, ``content``
and ``words`` make events of updates, ``attention`` tells what in a group is said to us, ``paging`` and ``sending``
speak, by way of ``rendering`` (text with entities) and ``richness`` (rich messages), ``files`` fetches, ``refusals``
names what went wrong, ``adapter`` puts them together.
Importing this module imports none of them, nor the library, which costs half a second of CPU.
"""

import asyncio
import importlib
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field, SecretStr

from core.seams import Adapter, BotSpec
from core.site import BotSite, Spec
from core.values import UnknownSend


class Settings(BaseModel):
    """``[bots.telegram]``.

    Attributes:
        token: From @BotFather (https://core.telegram.org/bots/features#creating-a-new-bot).
        mode: How updates come: asked for, or brought to ``/webhooks/telegram``.
        api_base: Where the Bot API is; one's own server may stand here (https://github.com/tdlib/telegram-bot-api).
        secret_token: What Telegram shows with each webhook call, so that nobody else can make one. Without it, one is
            made of the token.
        unknown_send: What becomes of a send of which nobody knows whether it arrived: it is sent again, or marked.
        rich: Whether answers with tables, formulas or folded parts are rich messages, which old programs and the web
            page cannot show; otherwise everything is text.
        max_download_mb: Files larger than this are not fetched; Telegram itself gives bots at most 20 MB.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    token: SecretStr = SecretStr("")
    mode: Literal["polling", "webhook"] = "polling"
    api_base: str = "https://api.telegram.org"
    secret_token: SecretStr = SecretStr("")
    rich: bool = True
    unknown_send: UnknownSend = "resend"
    max_download_mb: int = Field(default=20, ge=1)


@asynccontextmanager
async def open_telegram(site: BotSite, settings: Settings) -> AsyncGenerator[Adapter, None]:
    """Open the line; nothing is asked of Telegram before ``run``, so a platform that is down stops no start."""
    await asyncio.to_thread(importlib.import_module, "telegram")  # so that what already runs keeps running meanwhile
    from bots.telegram.adapter import Telegram
    from bots.telegram.moves import Moves
    from bots.telegram.transport import Line

    token = settings.token.get_secret_value()
    webhook = None
    if settings.mode == "webhook":
        from bots.telegram.webhook import open_door

        webhook = open_door(site, settings.secret_token.get_secret_value(), token, settings.api_base)
    moves = Moves(site.memo)
    await moves.load()
    async with Line(token, api_base=settings.api_base, connect_s=site.connect_s, proxies=site.proxies) as line:
        yield Telegram(
            site,
            line,
            moves,
            max_download_bytes=settings.max_download_mb * 2**20,
            rich=settings.rich,
            unknown_send=settings.unknown_send,
            webhook=webhook,
        )


def _missing(settings: Settings) -> str | None:
    if not settings.token.get_secret_value():
        return "no token: get one from @BotFather and set bots.telegram.token"
    if not re.fullmatch(r"[A-Za-z0-9_-]{0,256}", settings.secret_token.get_secret_value()):
        return "bots.telegram.secret_token may hold letters, digits, _ and -, at most 256: so Telegram wants it"
    return None


spec: BotSpec[Settings] = Spec(
    name="telegram",
    settings=Settings,
    open=open_telegram,
    configured=_missing,
    renamed={"delivery.telegram_unknown": "unknown_send"},
)
