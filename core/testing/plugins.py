"""What a plugin's tests want: a call as a model makes it, a clock that moves when told, a web of a few pages."""

from collections.abc import Mapping, Sequence
from contextlib import AsyncExitStack
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from core.errors import AddressRefused, ContentRefused, NotFetched
from core.plugin import Plugin, PluginSpec
from core.site import TEXT, Egress, Fetched, NoEgress, Spec
from core.testing.events import MORNING, plugin_site, tool_context
from core.turn.toolbox import tool_named


class FakeClock:
    """A clock that stands still until it is moved."""

    def __init__(self, start: datetime = MORNING) -> None:
        self.now = start

    def __call__(self) -> datetime:
        """What time it is."""
        return self.now

    def move(self, by: timedelta) -> None:
        """Let time go by."""
        self.now += by


class FakeEgress:
    """An ``Egress`` to pages a test wrote down: by address a body of HTML, or the whole answer.

    Attributes:
        asked: The addresses that were asked for.
    """

    def __init__(self, pages: Mapping[str, str | Fetched]) -> None:
        self.asked: list[str] = []
        self._pages = pages

    async def get(
        self, url: str, *, types: Sequence[str] = TEXT, most_bytes: int | None = None, one_host: bool = False
    ) -> Fetched:
        """See ``Egress``."""
        self.asked.append(url)
        page = self._pages.get(url)
        if page is None:
            raise NotFetched("there is no host of this name")
        if isinstance(page, str):
            page = Fetched(url=url, status=200, mime="text/html", charset="utf-8", body=page.encode())
        if one_host and urlsplit(page.url).hostname != urlsplit(url).hostname:
            raise AddressRefused("it leads on to another host")
        if not any(fnmatchcase(page.mime, wanted) for wanted in types):
            raise ContentRefused(f"it is of the type {page.mime}, which is not taken here", mime=page.mime)
        if most_bytes is not None and len(page.body) > most_bytes:
            raise ContentRefused("it is too large")
        return page


async def use(
    plugin: Plugin | PluginSpec[Any],
    name: str,
    arguments: str = "{}",
    *,
    person: str = "ann",
    now: datetime = MORNING,
    egress: Egress | None = None,
) -> str:
    """Call a tool once, as a model would, and return its words; whatever the tool raises is raised.

    Args:
        plugin: An opened one, or a spec, which is opened for the call with its settings' defaults.
        arguments: JSON text, also where it is wrong.
        person: Who asks.
        egress: What a spec that is opened here finds in the web.
    """
    async with AsyncExitStack() as stack:
        if isinstance(plugin, Spec):
            place = plugin_site(Path("nowhere"), plugin.name, egress=egress or NoEgress())
            plugin = await stack.enter_async_context(plugin.open(place, plugin.settings()))
        caller = tool_context(person, now=now, egress=egress)
        result = await tool_named(plugin.tools, name).call(arguments, caller)
        return result if isinstance(result, str) else result.text


_: type[Egress] = FakeEgress
