"""Browsers without a screen before the web chat, and a core behind it that answers as a test says."""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aiohttp import ClientResponse, ClientSession, CookieJar

from bots.web.adapter import Web
from bots.web.opening import opened
from core import testing
from core.config.settings import Server as ServerSettings
from core.exchange import Entry, Model, Part
from core.server import Server
from core.site import AnsweringModel, AssistantInfo, Excerpt, Operator
from core.values import Address, Choice, Command, Conversation, Inbound, Message, Receipt, Reply


def said(text: str) -> Entry:
    """The person's turn."""
    return Entry(role="user", parts=(Part(kind="text", body=text),))


def answered(text: str) -> Entry:
    """The model's turn."""
    return Entry(role="assistant", parts=(Part(kind="text", body=text),))


class FakeArchive:
    """Conversations as a test wrote them down."""

    def __init__(self) -> None:
        self.kept: dict[str, list[Entry]] = {"c1": []}
        self.reads: list[int] = []  # how many entries each time
        self.current = "c1"

    async def conversations(self, sender: str) -> tuple[Conversation, ...]:
        assert sender == "owner"
        return tuple(
            Conversation(id=name, title=self._title(name), at=datetime.now(UTC), current=name == self.current)
            for name in reversed(self.kept)
        )

    def _title(self, name: str) -> str:
        return self.kept[name][0].parts[0].body if self.kept[name] else ""

    async def read(
        self, sender: str, conversation: str, *, before: str | None = None, after: str | None = None, limit: int = 200
    ) -> Excerpt:
        assert sender == "owner"
        kept = [(f"{number:016d}.0000", entry) for number, entry in enumerate(self.kept.get(conversation, ()), 1)]
        some = [one for one in kept if (before is None or one[0] < before) and (after is None or one[0] > after)]
        some = some[-limit:] if after is None else some[:limit]
        self.reads.append(len(some))
        return Excerpt(
            entries=tuple(entry for _, entry in some),
            places=tuple(place for place, _ in some),
            begins=some[:1] == kept[:1],
            ends=some[-1:] == kept[-1:],
        )

    def begin(self) -> None:
        """A new conversation is the current one."""
        self.current = f"c{len(self.kept) + 1}"
        self.kept[self.current] = []


class FakeModels:
    """Models as a test wrote them down, and the one that answers.

    Attributes:
        slow_s: How long asking takes.
    """

    def __init__(self) -> None:
        self.offers: dict[str, tuple[Model, ...] | str] = {
            "local": tuple(Model(id=name, hosting="self") for name in ("qwen3", "llama")),
            "lab": (Model(id="large", hosting="hosted", retires="2027-01-01"),),
            "down": "nobody listens there",
        }
        self.now = "local/qwen3"
        self.chosen = False
        self.slow_s = 0.0

    async def answering(self, sender: str) -> AnsweringModel | None:
        assert sender == "owner"
        await asyncio.sleep(self.slow_s)
        provider, _, model_id = self.now.partition("/")
        models = self.offers.get(provider, ())
        found = next((one for one in models if not isinstance(one, str) and one.id == model_id), None)
        return None if found is None else AnsweringModel(name=self.now, model=found, chosen=self.chosen)

    async def offered(self) -> dict[str, tuple[Model, ...] | str]:
        await asyncio.sleep(self.slow_s)
        return self.offers


COMMANDS = (("new", "Start afresh"), ("model", "Choose a model"), ("help", "What I can do"), ("more", "Say more"))


@dataclass
class Core:
    """Hears what pages say, and speaks to them.

    Attributes:
        deaf: Raised by the next ``accept``.
    """

    web: Web
    archive: FakeArchive
    models: FakeModels
    batches: list[list[Inbound]] = field(default_factory=list)
    deaf: Exception | None = None

    async def accept(self, events: Sequence[Inbound | Receipt]) -> tuple[bool, ...]:
        if self.deaf is not None:
            problem, self.deaf = self.deaf, None
            raise problem
        heard = [event for event in events if isinstance(event, Inbound)]
        known = {event.key for batch in self.batches for event in batch}
        self.batches.append(heard)
        for event in heard:
            match event.body:
                case Command(name="new"):
                    self.archive.begin()
                case Command(name="switch", args=name):
                    self.archive.current = name
                case Command(name="model", args=name):
                    self.models.now, self.models.chosen = name, True
                case _:
                    pass
        return tuple(event.key not in known for event in heard)

    @property
    def last(self) -> Inbound:
        """What was said last."""
        return self.batches[-1][-1]

    @property
    def bodies(self) -> list[object]:
        """What the last batch said."""
        return [event.body for event in self.batches[-1]]

    @staticmethod
    def web_reply(text: str) -> Reply:
        """Words to be said."""
        return Reply(markdown=text)

    async def draft(self, slot: str, text: str, to: Address | None = None) -> None:
        """Show an unfinished answer to what was said last."""
        (page,) = self.web.pages(self.web_reply(text), "markdown")
        await self.web.signal(to or self.last.to, page, slot=slot)

    async def working(self, slot: str) -> None:
        """Show that one is being made."""
        await self.web.signal(self.last.to, "typing", slot=slot)

    async def answer(self, slot: str, text: str, *, kept: bool = True, choices: tuple[Choice, ...] = ()) -> str:
        """End a turn: the conversation has it, and the page is told."""
        body = self.last.body
        if kept and isinstance(body, Message):
            self.archive.kept[self.archive.current] += [said(body.text), answered(text)]
        (page,) = self.web.pages(Reply(markdown=text, choices=choices), "markdown")
        return await self.web.put(self.last.to, page, slot=f"{slot}.0", was=None)


class Page:
    """A browser without a screen: what it is shown, and what it sends."""

    def __init__(self, session: ClientSession, url: str) -> None:
        self.session = session
        self.url = url

    async def get(self, path: str, **headers: str) -> tuple[int, str]:
        """What a path answers, redirects followed."""
        async with self.session.get(self.url + path, headers={"Accept": "text/html", **headers}) as response:
            return response.status, await response.text()

    async def post(self, path: str, **told: str) -> tuple[int, Any]:
        """Say something as the script does."""
        headers = {"Origin": self.url, "Accept": "application/json"}
        async with self.session.post(self.url + path, json=told, headers=headers) as response:
            text = await response.text()
            return response.status, json.loads(text) if response.content_type == "application/json" else text

    async def come_in(self, link: str) -> tuple[int, str]:
        """Press the button that a link shows; what the page behind it is."""
        headers = {"Sec-Fetch-Site": "same-origin", "Accept": "text/html"}
        async with self.session.post(self.url + link, headers=headers) as response:
            return response.status, await response.text()

    @asynccontextmanager
    async def events(self, conversation: str, stamp: str = "") -> AsyncGenerator["Events"]:
        """Listen to the stream of news."""
        params = {"c": conversation, "stamp": stamp}
        async with self.session.get(f"{self.url}/events", params=params) as response:
            assert response.status == 200
            yield Events(response)


class Events:
    """The stream of news, and what a page makes of it.

    Attributes:
        news: What concerned the page as a whole.
        count: How many changes of messages came.
    """

    def __init__(self, response: ClientResponse) -> None:
        self._response = response
        self.news: list[str] = []
        self.count = 0
        self.shells: dict[str, str] = {}
        self.states: dict[str, str] = {}
        self.choices: dict[str, list[str]] = {}
        self._blocks: dict[str, list[str]] = {}
        self._tails: dict[str, str] = {}

    async def until(self, true: Callable[[], bool], within_s: float = 5.0) -> None:
        """Take in news until something holds."""
        async with asyncio.timeout(within_s):
            while not true():
                self._take(await self._response.content.readuntil(b"\n\n"))

    def html(self, name: str) -> str:
        """What an answer reads now."""
        return "".join(self._blocks.get(name, [])) + self._tails.get(name, "")

    def _take(self, raw: bytes) -> None:
        lines = raw.decode().strip().split("\n")
        if not lines[0].startswith("event: "):
            return
        name, told = lines[0].removeprefix("event: "), json.loads(lines[1].removeprefix("data: "))
        if name != "item":
            self.news.append(name)
            return
        item = told["id"]
        self.count += 1
        self.states[item] = told["state"]
        self.shells.setdefault(item, told.get("shell", ""))
        if "blocks" in told:
            self._blocks.setdefault(item, [])[told["from"] :] = told["blocks"]
            units = self._tails.get(item, "").encode("utf-16-le")[: 2 * told["keep"]]
            self._tails[item] = units.decode("utf-16-le") + told["add"]
            self.choices[item] = [choice["token"] for choice in told["choices"]]


@dataclass
class World:
    """One run of the web chat."""

    core: Core
    url: str
    link: str
    pages: list[Page] = field(default_factory=list)

    @property
    def archive(self) -> FakeArchive:
        return self.core.archive

    @property
    def models(self) -> FakeModels:
        return self.core.models

    async def stranger(self) -> Page:
        """A browser nobody let in."""
        page = Page(ClientSession(cookie_jar=CookieJar(unsafe=True)), self.url)
        self.pages.append(page)
        return page

    async def owner(self) -> Page:
        """A browser that was let in."""
        page = await self.stranger()
        status, _ = await page.come_in(self.link)
        assert status == 200
        return page


@asynccontextmanager
async def living(
    folder: Path, memo: testing.FakeMemo, archive: FakeArchive, *, public_url: str = ""
) -> AsyncGenerator[World]:
    """A run from its start to its end."""
    server = Server(ServerSettings(port=0, public_url=public_url))
    models = FakeModels()
    notices: list[Any] = []
    async with server.listening():
        site = replace(
            testing.bot_site(folder, "web", memo=memo),
            server=server,
            assistant=AssistantInfo(archive=archive, models=models, commands=COMMANDS),
            operator=Operator(announce_at_terminal=notices.append),
        )
        async with opened(site, most_bytes=10_000) as adapter:
            assert isinstance(adapter, Web)
            core = Core(web=adapter, archive=archive, models=models)
            server.settle(dict)
            running = asyncio.create_task(adapter.run(core.accept))
            link = notices[0]().rpartition("/enter/")[2]
            world = World(core=core, url=server._address, link=f"/enter/{link}")
            try:
                yield world
            finally:
                running.cancel()
                await asyncio.gather(running, return_exceptions=True)
                for page in world.pages:
                    await page.session.close()
