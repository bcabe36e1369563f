"""The web chat: the real server and pages, before a browser without a screen that a person has open."""

import asyncio
import re
import secrets
import time
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from aiohttp import ClientError, ClientSession, CookieJar

from bots.web.opening import opened
from conformance.reading import Reader
from conformance.stage import ANN, ANN_IN_GROUP, Ability, Button, Chat, Shown, Stage, absent
from core.config.settings import Server as ServerSettings
from core.seams import Adapter
from core.server import Server
from core.site import Archive, AssistantInfo, Fetch, Operator
from core.testing import FakeMemo, bot_site
from core.values import MediaKind
from simulators.pages import Page

_ONE_PERSON: Final = "whoever was let in is the owner"
_NO_LINE: Final = "an answer is kept before a page is told of it, and a page that was away reads it again"
LACKS: Final[Mapping[Ability, str]] = {
    "contacts": "a browser shares none",
    "cuts": _NO_LINE,
    "edits": "the last question is asked anew, once its answer was stopped",
    "forwards": "a page passes on nothing",
    "pieces": "a page sends a text of any length whole",
    "groups": _ONE_PERSON,
    "markup refusals": "a page takes whatever it is given",
    "people": _ONE_PERSON,
    "places": "a browser shares none",
    "strange kinds": "a page sends words and files",
    "voice": "a page records nothing; a sound is handed in as a file",
    "waits": _NO_LINE,
}
_MOST_BYTES: Final = 100_000
_PATIENCE_S: Final = 10.0


@dataclass
class Web:
    """See ``Stage``."""

    folder: Path
    session: ClientSession
    name: str = "web"
    lacks: Mapping[Ability, str] = field(default_factory=lambda: LACKS)
    longest: int = 200_000
    typed: int = 100_000
    doubles: str = ""
    waits_for_all: bool = False
    appends: bool = False
    settles_s: float = 0.0
    _memo: FakeMemo = field(default_factory=FakeMemo)
    _page: Page | None = None
    _open: str = ""
    _port: int = 0
    _violations: list[str] = field(default_factory=list)

    def length(self, text: str) -> int:
        """See ``Stage``."""
        return len(text)

    @asynccontextmanager
    async def opened(self, archive: Archive, fetch: Fetch) -> AsyncGenerator[Adapter]:
        """See ``Stage``. Whoever was let in once stays in."""
        server = Server(ServerSettings(port=self._port))
        notices: list[Callable[[], str]] = []
        async with server.listening():
            place = bot_site(self.folder, "web", memo=self._memo)
            place = replace(
                place,
                fetch=fetch,
                server=server,
                assistant=AssistantInfo(archive=archive),
                operator=Operator(announce_at_terminal=notices.append),
            )
            async with opened(place, most_bytes=_MOST_BYTES) as adapter:
                server.settle(dict)
                first = self._page is None
                self._page = Page(self.session, server.url)
                self._port = int(server.url.rpartition(":")[2])  # a browser is let in at one address
                if first:
                    await self._page.come_in("/enter/" + notices[0]().rpartition("/enter/")[2])
                yield adapter

    async def say(self, text: str, to: Chat = ANN, *, times: int = 1) -> str:
        """See ``Stage``."""
        del to
        key = secrets.token_hex(8)
        for _ in range(times):
            await self._post("/say", text=text, key=key)
        return key

    async def mention(self, text: str, to: Chat = ANN_IN_GROUP) -> None:
        """See ``Stage``."""
        absent(self, "groups")

    async def send(self, kind: MediaKind, data: bytes, *, name: str = "", caption: str = "") -> None:
        """See ``Stage``."""
        await self._say_with([(name or f"{kind}.png", data)], caption)

    async def album(self, pictures: Sequence[bytes], caption: str) -> None:
        """See ``Stage``: several files with one message."""
        await self._say_with([("photo.png", data) for data in pictures], caption)

    async def forward(self, text: str, to: Chat = ANN) -> None:
        """See ``Stage``."""
        absent(self, "forwards")

    async def place(self, latitude: float, longitude: float) -> None:
        """See ``Stage``."""
        absent(self, "places")

    async def contact(self, name: str, phone: str) -> None:
        """See ``Stage``."""
        absent(self, "contacts")

    async def strange(self) -> None:
        """See ``Stage``."""
        absent(self, "strange kinds")

    async def edit(self, message_id: str, text: str) -> None:
        """See ``Stage``."""
        absent(self, "edits")

    async def command(self, name: str) -> None:
        """See ``Stage``. A page has buttons to stop and to begin anew."""
        match name:
            case "stop":
                await self._post("/do", what="stop", key=secrets.token_hex(8))
            case "new":
                self._open = _named(await self._get("/new"))
            case _:
                await self.say(f"/{name}")

    async def press(self, shown: Shown, button: Button) -> None:
        """See ``Stage``."""
        del shown
        await self._post("/do", what="tap", tap=button.token, key=secrets.token_hex(8))

    async def shown(self, chat: Chat = ANN) -> tuple[Shown, ...]:
        """See ``Stage``."""
        del chat
        reader = Reader()
        reader.feed(await self._get(f"/log?c={self._open}&all=1"))
        self._violations += reader.violations
        finished = (one for one, state in zip(reader.shown(), reader.states, strict=True) if state == "final")
        return tuple(one for one in finished if one.text or one.buttons)  # a step of tools alone says nothing

    async def files(self) -> tuple[bytes, ...]:
        """See ``Stage``: those that the page refers to."""
        page = await self._get(f"/log?c={self._open}&all=1")
        answers = "".join(re.findall(r'class="answer".*?(?=<article|$)', page, re.DOTALL))
        addresses = dict.fromkeys(re.findall(r'(?:img src|class="file" href)="(/(?:made|files)/[^"]+)"', answers))
        return tuple([await self._get_bytes(at) for at in addresses])

    def refuse_markup(self) -> None:
        """See ``Stage``."""
        absent(self, "markup refusals")

    def make_wait(self, seconds: int) -> Callable[[], bool]:
        """See ``Stage``."""
        absent(self, "waits")

    def cut(self) -> None:
        """See ``Stage``."""
        absent(self, "cuts")

    def violations(self) -> Sequence[object]:
        """See ``Stage``."""
        return self._violations

    async def _get(self, path: str) -> str:
        assert self._page is not None
        async with self.session.get(self._page.url + path, headers={"Accept": "text/html"}) as response:
            assert response.status == 200, await response.text()
            policy = response.headers.get("Content-Security-Policy", "")
            if "default-src 'none'" not in policy or "unsafe" in policy:
                self._violations.append(f"{path} has the policy {policy!r}")
            return await response.text()

    async def _get_bytes(self, path: str) -> bytes:
        assert self._page is not None
        async with self.session.get(self._page.url + path) as response:
            assert response.status == 200, await response.text()
            return await response.read()

    async def _post(self, path: str, **told: str) -> None:
        status, answer = await self._told(path, **told)
        assert status == 200, answer

    async def _say_with(self, files: Sequence[tuple[str, bytes]], text: str) -> None:
        """Attach files and send them; where they got lost in a restart, attach and send them again."""
        key = secrets.token_hex(8)
        answer = ""
        for _ in range(3):
            refs = [await self._hand_in(data, name) for name, data in files]
            status, answer = await self._told("/say", text=text, files=" ".join(refs), key=key)
            if status == 200:
                return
        raise AssertionError(answer)

    async def _told(self, path: str, **told: str) -> tuple[int, Any]:
        """What the server answers; a page that hears nothing asks again."""
        assert self._page is not None
        if not self._open:
            self._open = _named(await self._get("/"))
        end = time.monotonic() + _PATIENCE_S
        while True:
            try:
                status, answer = await self._page.post(path, c=self._open, **told)
            except ClientError:
                assert time.monotonic() < end, "the server does not come back"
                await asyncio.sleep(0.02)
            else:
                if status == 200:
                    self._open = str(answer["c"])
                return status, answer

    async def _hand_in(self, data: bytes, name: str) -> str:
        assert self._page is not None
        url, headers = f"{self._page.url}/files", {"Origin": self._page.url}
        async with self.session.post(url, params={"name": name}, data=data, headers=headers) as response:
            kept: dict[str, Any] = await response.json()
            return str(kept["ref"])


def _named(html: str) -> str:
    """The conversation a page shows."""
    found = re.search(r'data-c="([^"]*)"', html)
    assert found
    return found[1]


@asynccontextmanager
async def open_web(folder: Path) -> AsyncGenerator[Stage]:
    """A browser with nothing open yet."""
    async with ClientSession(cookie_jar=CookieJar(unsafe=True)) as session:
        yield Web(folder=folder, session=session)
