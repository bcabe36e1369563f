"""The installed product with its web chat, a simulated model behind it, and people before it."""

import asyncio
import json
import os
import signal
import socket
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from simulators.browser import Browser, Tab
from simulators.openai import OpenAISimulator, Reply

PATIENCE_S = 30.0
WAYSTATION = str(Path(sys.executable).with_name("waystation"))
IDLE = "!document.querySelector('[aria-busy=true]')"
CONFIG = """\
data_dir = "data"
[server]
port = {port}
[providers.lab]
kind = "compatible"
hosting = "self"
base_url = {lab}
models = ["sim-small"]
[plugins.notes]
folder = "notes"
"""


class House:
    """One deployment, started and ended as a test says.

    Attributes:
        link: The one that the last start printed.
    """

    def __init__(self, folder: Path, lab: OpenAISimulator, browser: Browser) -> None:
        self.folder = folder
        self.lab = lab
        self.browser = browser
        self.link = ""
        self.url = f"http://127.0.0.1:{_free_port()}"
        self._log = folder / "log"
        self._process: asyncio.subprocess.Process | None = None
        config = CONFIG.format(port=self.url.rpartition(":")[2], lab=json.dumps(lab.base_url))
        (folder / "config.toml").write_text(config, encoding="utf-8")

    async def start(self) -> None:
        """Start it, and ask for a link."""
        environment = {name: text for name, text in os.environ.items() if not name.startswith("WAYSTATION_")}
        with self._log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                WAYSTATION,
                "run",
                cwd=self.folder,
                env=environment | {"CREDENTIALS_DIRECTORY": str(self.folder / "none")},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=log,
            )
        assert self._process.stdout
        line = ""
        async with asyncio.timeout(PATIENCE_S):
            while "waystation link" not in line:
                line = (await self._process.stdout.readline()).decode()
                assert line, self._log.read_text(encoding="utf-8")
                assert "/enter/" not in line  # nobody sits at a terminal here
        self.link = await self.command("link")

    async def end(self, how: signal.Signals = signal.SIGTERM) -> None:
        """End it, in order or by force."""
        if self._process is None:
            return
        process, self._process = self._process, None
        assert process.returncode is None, self._log.read_text(encoding="utf-8")
        process.send_signal(how)
        async with asyncio.timeout(PATIENCE_S):
            await process.wait()

    async def command(self, *arguments: str) -> str:
        """Give a command beside it; what it printed."""
        process = await asyncio.create_subprocess_exec(
            WAYSTATION, *arguments, cwd=self.folder, stdout=asyncio.subprocess.PIPE
        )
        printed, _ = await process.communicate()
        return printed.decode().strip()

    async def enter(self, *, phone: bool = False, dark: bool = False) -> "Person":
        """Somebody opens the link in a browser."""
        size = (390, 844) if phone else (1280, 800)
        tab = await self.browser.tab(width=size[0], height=size[1], phone=phone, dark=dark)
        await tab.go(self.link)
        await press(tab)
        return Person(tab, self.url)

    async def open(self, path: str = "/") -> "Person":
        """Somebody who is inside opens one more page."""
        tab = await self.browser.tab()
        await tab.go(self.url + path)
        return Person(tab, self.url)


async def press(tab: Tab) -> None:
    """Press the button that a link shows; whoever is inside already is shown none."""
    if await tab.js("!!document.querySelector('.locked form')"):
        await tab.click(".locked form button")
        await tab.loaded()


class Person:
    """Somebody before a page."""

    def __init__(self, tab: Tab, url: str) -> None:
        self.tab = tab
        self._url = url

    async def say(self, text: str) -> None:
        """Write a message and send it."""
        await self.tab.until("document.activeElement?.id === 'text' || (document.getElementById('text').focus(), true)")
        await self.tab.write(text)
        await self.tab.press("Enter")
        await self.tab.until("document.getElementById('text').value === ''")

    async def ask(self, text: str) -> str:
        """Say something, and wait for the answer."""
        before = len(await self.answers())
        await self.say(text)
        await self.tab.until(f"document.querySelectorAll('.answer').length > {before} && {IDLE}")
        return (await self.answers())[-1]

    async def reads(self, *texts: str) -> None:
        """Wait until the page shows just these messages, whoever said them."""
        wanted = json.dumps(list(texts))
        shown = "JSON.stringify([...document.querySelectorAll('.bubble, .body')].map(e => e.innerText.trim()))"
        await self.tab.until(f"{shown} === JSON.stringify({wanted}) && {IDLE}")

    async def answers(self) -> list[str]:
        """What the assistant said, as it is read."""
        return await self.tab.texts(".answer .body")

    async def questions(self) -> list[str]:
        """What the person said."""
        return await self.tab.texts(".said .bubble")

    async def conversations(self) -> list[str]:
        """The list at the side."""
        return await self.tab.texts("#list span")


@asynccontextmanager
async def house(folder: Path, browser: Browser) -> AsyncGenerator[House, None]:
    """A deployment that runs, and a model that repeats what it is told unless a test scripts it."""
    async with OpenAISimulator(answer=lambda record: Reply(text=record.last_user)) as lab:
        made = House(folder, lab, browser)
        try:
            await made.start()
            yield made
        finally:
            await made.end(signal.SIGKILL)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
