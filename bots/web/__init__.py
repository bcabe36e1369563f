"""The web chat: the owner's own page, token by token, in every browser that was let in.

By subject: ``door`` decides who is let in, ``pages`` answers requests, ``views`` knows what open pages show, ``tabs``
tells them what is new, ``growing`` and ``rendering`` make HTML of answers (with ``code`` and ``formulas``),
``history`` reads conversations, ``files`` keeps uploads and ``leftovers`` what no archive has; ``adapter`` is what the
core sees, and ``opening`` puts it all together.
Importing this module imports none of them.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pydantic import BaseModel, ConfigDict, Field

from core.seams import Adapter, BotSpec
from core.site import BotSite, Spec


class Settings(BaseModel):
    """``[bots.web]``.

    Attributes:
        enabled: Whether there is a web chat at all.
        max_upload_mb: Larger files are not taken.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    max_upload_mb: int = Field(default=20, ge=1, le=1000)


@asynccontextmanager
async def open_web(site: BotSite, settings: Settings) -> AsyncGenerator[Adapter, None]:
    """Register the pages; browsers are answered from then on."""
    from bots.web.opening import opened

    async with opened(site, most_bytes=settings.max_upload_mb * 2**20) as web:
        yield web


spec: BotSpec[Settings] = Spec(
    name="web",
    settings=Settings,
    open=open_web,
    configured=lambda settings: None if settings.enabled else "it is switched off (enabled = false)",
    local=True,
)
