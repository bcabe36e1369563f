"""Opens the web chat: its pages on the server, its command on the control socket, its line for whoever starts it."""

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Final

from bots.web.adapter import OWNER, Web
from bots.web.door import Door
from bots.web.files import Files
from bots.web.leftovers import Leftovers
from bots.web.models import ModelsShown
from bots.web.pages import Pages
from core.errors import SettingsError
from core.seams import Adapter
from core.site import BotSite, Excerpt, Wire
from core.values import Conversation

LINK: Final = "link"
"""The command that asks for a link."""


class _NoArchive:
    """Where nothing is kept for reading: one conversation, of which pages know what they saw."""

    async def conversations(self, sender: str) -> tuple[Conversation, ...]:
        """See ``Archive``."""
        del sender
        return (Conversation(id="now", title="", at=datetime.now(UTC), current=True),)

    async def read(
        self, sender: str, conversation: str, *, before: str | None = None, after: str | None = None, limit: int = 200
    ) -> Excerpt:
        """See ``Archive``."""
        del sender, conversation, before, after, limit
        return Excerpt()


@asynccontextmanager
async def opened(site: BotSite, *, most_bytes: int) -> AsyncGenerator[Adapter, None]:
    """The web chat, answering requests while the block runs."""
    if site.server is None:
        raise SettingsError("There is no HTTP server here, over which it would be reached.")
    door = Door(site.memo)
    await door.read()
    files = Files(site.data_dir, site.name, most_bytes)
    web = Web(site.name, site.assistant.archive or _NoArchive(), files, Leftovers(site.data_dir, site.memo))
    await asyncio.gather(web.restore(), files.tidy())
    models = ModelsShown(site.assistant.models, OWNER)
    pages = Pages(web, door, site.server.url, models, site.assistant.commands, fetch=site.fetch)
    pages.register(site.server)

    async def link(wire: Wire) -> None:
        await wire.receive()
        await wire.send(json.dumps({"link": pages.link()}))

    site.operator.control(LINK, link)
    site.operator.announce(pages.notice)
    site.operator.announce_at_terminal(pages.invitation)
    try:
        yield web
    finally:
        models.close()
        for view in web.views.all():
            view.stop_drawing()
            view.close_all()
