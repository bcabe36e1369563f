"""Reads a web page for the model: through the egress gate, its main text, marked as what strangers wrote.

Fetching is ``core/egress``'s affair, marking the toolbox's. What was fetched is read in a limited process
(``core/limited``): ``reading.py`` makes text of it, with ``pages.py`` for HTML, less what ``hidden.py`` finds that no
reader of the page would see.
"""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated

from pydantic import Field

from core.errors import ContentRefused, LimitReached, ToolFailed, WorkBroke
from core.limited.tasks import Limits, Task
from core.plugin import Plugin, PluginSite, PluginSpec, ToolContext
from core.site import TEXT, Egress, Fetched, Spec
from core.tools import GivenAddress, Switch, switched_on, tool
from plugins.fetch.page import Page, Reading

_TYPES = ("text/html", *TEXT)
_READ = Task(
    function="plugins.fetch.reading:read",
    takes=Reading,
    returns=Page,
    limits=Limits(cpu_s=20, wall_s=40, memory_mb=768, max_result_bytes=4_000_000),
)
_TOO_MUCH = {
    "time": "the page took too long to read",
    "memory": "the page took too much memory to read",
    "size": "the page's text is too long to be read",
}

_QUESTION = (
    "Open this address? Nobody in this conversation gave it, and whoever it belongs to learns what stands in it:"
)

Url = Annotated[
    str,
    GivenAddress(),
    Field(min_length=1, description="The page's whole address, beginning with https:// or http://, exactly as given."),
]


class FetchSettings(Switch):
    """``[plugins.fetch]``.

    Attributes:
        max_chars: How much of a page's text the model is shown.
    """

    max_chars: int = Field(default=20_000, ge=500)


@asynccontextmanager
async def open_fetch(site: PluginSite, settings: FetchSettings) -> AsyncGenerator[Plugin]:
    """Offer ``fetch_page``."""

    @tool(outside=True, summary=_QUESTION)
    async def fetch_page(url: Url, caller: ToolContext) -> str:
        """Read a web page: its title, its address and its main text, with the links in it.

        Only the public web can be read, without signing in anywhere; no PDFs, images or videos. An address that was
        given (by the person, or as a link in something you have read) is opened at once; for any other, the person is
        asked first.
        """
        fetched = await _fetched(caller.egress, url)
        page = await _read(site, Reading(fetched=fetched, max_chars=settings.max_chars))
        head = [f"Title: {page.title}"] if page.title else []
        return "\n".join([*head, f"Address: {fetched.url}", "", _told(page)])

    yield Plugin(name=site.name, tools=(fetch_page,))


async def _fetched(egress: Egress, url: str) -> Fetched:
    try:
        fetched = await egress.get(url, types=_TYPES)
    except ContentRefused as error:
        if error.mime == "application/pdf":
            raise ToolFailed("it is a PDF, and PDFs cannot be read yet") from error
        raise
    if fetched.status not in range(200, 300):
        raise ToolFailed(f"the site answers {_status(fetched.status)}")
    return fetched


async def _read(site: PluginSite, reading: Reading) -> Page:
    try:
        return await site.limited.run(_READ, reading)
    except LimitReached as error:
        raise ToolFailed(_TOO_MUCH[error.limit]) from error
    except WorkBroke as error:
        raise ToolFailed("the page cannot be read: nothing can be made of it") from error


def _status(number: int) -> str:
    try:
        return f"{number} ({HTTPStatus(number).phrase})"
    except ValueError:
        return str(number)


def _told(page: Page) -> str:
    if page.chars <= len(page.text):
        return page.text or "[there is no text on this page]"
    shown = len(page.text)
    return f"{page.text}\n[cut here: the page's text has {page.chars} characters, and these are the first {shown}]"


spec: PluginSpec[FetchSettings] = Spec(name="fetch", settings=FetchSettings, open=open_fetch, configured=switched_on)
