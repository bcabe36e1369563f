"""Reads a web page for the model: through the egress gate, its main text, marked as what strangers wrote.

Fetching is ``core/egress``'s affair, marking the toolbox's. ``reading.py`` makes text of what was fetched, ``pages.py``
of HTML, less what ``hidden.py`` finds that no reader of the page would see.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from core.errors import ContentRefused, ToolFailed
from core.plugin import Plugin, PluginSite, PluginSpec
from core.site import TEXT, Fetched, Spec
from core.threads import Threads
from core.tools import Switch, switched_on, tool
from plugins.fetch.reading import read

_READING_S = 15.0
_TYPES = ("text/html", *TEXT)

Url = Annotated[str, Field(min_length=1, description="The page's whole address, beginning with https:// or http://.")]


class FetchSettings(Switch):
    """``[plugins.fetch]``.

    Attributes:
        max_chars: How much of a page's text the model is shown.
    """

    max_chars: int = Field(default=20_000, ge=500)


@asynccontextmanager
async def open_fetch(site: PluginSite, settings: FetchSettings) -> AsyncGenerator[Plugin]:
    """Offer ``fetch_page``."""
    threads = Threads()

    @tool(outside=True)
    async def fetch_page(url: Url) -> str:
        """Read a web page: its title, its address and its main text, with the links in it.

        Only the public web can be read, without signing in anywhere; no PDFs, images or videos.
        """
        fetched = await _fetched(site, url)
        try:
            async with asyncio.timeout(_READING_S):
                page = await threads.run(lambda: read(fetched))
        except TimeoutError as error:
            raise ToolFailed("the page takes too long to be read") from error
        head = [f"Title: {page.title}"] if page.title else []
        text = _cut(page.text, settings.max_chars) or "[there is no text on this page]"
        return "\n".join([*head, f"Address: {fetched.url}", "", text])

    yield Plugin(name=site.name, tools=(fetch_page,))


async def _fetched(site: PluginSite, url: str) -> Fetched:
    try:
        fetched = await site.egress.get(url, types=_TYPES)
    except ContentRefused as error:
        if error.mime == "application/pdf":
            raise ToolFailed("it is a PDF, and PDFs cannot be read yet") from error
        raise
    if fetched.status not in range(200, 300):
        raise ToolFailed(f"the site answers {_status(fetched.status)}")
    return fetched


def _status(number: int) -> str:
    try:
        return f"{number} ({HTTPStatus(number).phrase})"
    except ValueError:
        return str(number)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    return f"{text[:most]}\n[cut here: the page's text has {len(text)} characters, and these are the first {most}]"


spec: PluginSpec[FetchSettings] = Spec(name="fetch", settings=FetchSettings, open=open_fetch, configured=switched_on)
