"""A real browser, driven as a person does: headless Chromium over its DevTools protocol.

Keys and clicks go through the browser's own input, so what a test presses is what a person could. The protocol:
https://chromedevtools.github.io/devtools-protocol/
"""

import asyncio
import base64
import itertools
import json
import shutil
import tempfile
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, Self

from aiohttp import ClientSession, ClientWebSocketResponse, WSMsgType

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome") or ""
"""Where the browser is, "" where there is none."""

PATIENCE_S = 15.0
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--no-default-browser-check",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--hide-scrollbars",
    "--remote-debugging-port=0",
)
_KEYS = {
    "Enter": ("Enter", 13, "\r"),
    "Escape": ("Escape", 27, ""),
    "Tab": ("Tab", 9, ""),
    "Backspace": ("Backspace", 8, ""),
    "Space": ("Space", 32, " "),
    "ArrowUp": ("ArrowUp", 38, ""),
    "ArrowDown": ("ArrowDown", 40, ""),
    "Home": ("Home", 36, ""),
    "End": ("End", 35, ""),
}
_SHIFT = 8


class Browser:
    """One browser, with a profile of its own."""

    def __init__(self, socket: ClientWebSocketResponse) -> None:
        self._socket = socket
        self._numbers = itertools.count(1)
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._tabs: dict[str, Tab] = {}

    async def listen(self) -> None:
        """Take in answers and events until the browser ends."""
        async for message in self._socket:
            if message.type is not WSMsgType.TEXT:
                continue
            told = json.loads(message.data)
            if "id" in told:
                answer = self._answers.pop(told["id"], None)
                if answer is not None and not answer.done():  # whoever asked may have waited long enough
                    answer.set_result(told)
            elif tab := self._tabs.get(told.get("sessionId", "")):
                tab.heard(told["method"], told["params"])

    async def ask(self, method: str, session: str = "", **params: Any) -> dict[str, Any]:  # noqa: ANN401
        """Ask the browser for something; raises what it says went wrong."""
        number = next(self._numbers)
        self._answers[number] = asyncio.get_running_loop().create_future()
        told = {"id": number, "method": method, "params": params}
        await self._socket.send_json({**told, "sessionId": session} if session else told)
        async with asyncio.timeout(PATIENCE_S):
            answer = await self._answers[number]
        assert "error" not in answer, f"{method}: {answer['error']['message']}"
        result: dict[str, Any] = answer["result"]
        return result

    async def tab(
        self, *, width: int = 1280, height: int = 800, phone: bool = False, dark: bool = False, context: str = ""
    ) -> "Tab":
        """Open an empty tab of this size; in another context it has no cookies of the others."""
        where = {"browserContextId": context} if context else {}
        target = (await self.ask("Target.createTarget", url="about:blank", **where))["targetId"]
        session = (await self.ask("Target.attachToTarget", targetId=target, flatten=True))["sessionId"]
        tab = self._tabs[session] = Tab(self, session)
        for domain in ("Page", "Runtime", "Network", "Log"):
            await tab.ask(f"{domain}.enable")
        await tab.looks(width=width, height=height, phone=phone, dark=dark)
        return tab


class Tab:
    """One page of the browser.

    Attributes:
        complaints: What the page said on its console, or threw, that should not have been.
        requests: The addresses it asked for.
    """

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self._loaded = asyncio.Event()
        self.complaints: list[str] = []
        self.requests: list[str] = []

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:  # noqa: ANN401
        """Ask for something of this tab."""
        return await self._browser.ask(method, self._session, **params)

    def heard(self, method: str, told: dict[str, Any]) -> None:
        """Take in an event."""
        match method:
            case "Page.loadEventFired":
                self._loaded.set()
            case "Runtime.exceptionThrown":
                self.complaints.append(str(told["exceptionDetails"].get("exception", {}).get("description", told)))
            case "Log.entryAdded" if told["entry"]["level"] == "error":
                self.complaints.append(f"{told['entry']['text']} {told['entry'].get('url', '')}")
            case "Network.requestWillBeSent":
                self.requests.append(told["request"]["url"])

    async def looks(self, *, width: int, height: int, phone: bool = False, dark: bool = False) -> None:
        """Change the window's size, and the person's liking for the dark."""
        await self.ask(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=2 if phone else 1,
            mobile=phone,
        )
        await self.ask("Emulation.setTouchEmulationEnabled", enabled=phone)
        features = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        await self.ask("Emulation.setEmulatedMedia", features=features)

    async def go(self, url: str) -> Self:
        """Open an address, and wait until it has loaded."""
        self._loaded.clear()
        await self.ask("Page.navigate", url=url)
        await self.loaded()
        return self

    async def reload(self) -> None:
        """Load the page again."""
        self._loaded.clear()
        await self.ask("Page.reload")
        await self.loaded()

    async def loaded(self) -> None:
        """Wait until a page has loaded since the last wait."""
        async with asyncio.timeout(PATIENCE_S):
            await self._loaded.wait()
        self._loaded.clear()

    async def js(self, expression: str) -> Any:  # noqa: ANN401 - whatever the page answers
        """What an expression is there."""
        told = await self.ask("Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told["exceptionDetails"]
        return told["result"].get("value")

    async def until(self, expression: str, within_s: float = PATIENCE_S) -> Any:  # noqa: ANN401
        """Wait until an expression is true there; returns what it is then."""
        try:
            async with asyncio.timeout(within_s):
                while True:
                    if answer := await self._js_if_there(expression):
                        return answer
                    await asyncio.sleep(0.02)
        except TimeoutError:
            raise AssertionError(f"never true: {expression}\n{await self.text()}") from None

    async def _js_if_there(self, expression: str) -> Any:  # noqa: ANN401
        with suppress(AssertionError):  # between two pages there is none
            return await self.js(expression)
        return None

    async def text(self, selector: str = "body") -> str:
        """What a person reads there."""
        text: str = await self.js(f"document.querySelector({json.dumps(selector)})?.innerText ?? ''")
        return text

    async def texts(self, selector: str) -> list[str]:
        """The same of each element."""
        found: list[str] = await self.js(
            f"[...document.querySelectorAll({json.dumps(selector)})].map(e => e.innerText.trim())"
        )
        return found

    async def click(self, selector: str) -> None:
        """Click in the middle of an element."""
        place = json.dumps(selector)
        await self.ask("Page.bringToFront")  # what lies behind is told of clicks late
        await self.until(f"!!document.querySelector({place})")
        x, y = await self.js(
            f"(() => {{ const e = document.querySelector({place}); e.scrollIntoView({{block: 'nearest'}});"
            " const r = e.getBoundingClientRect(); return [r.x + r.width / 2, r.y + r.height / 2]; })()"
        )
        for kind in ("mouseMoved", "mousePressed", "mouseReleased"):
            await self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    async def write(self, text: str) -> None:
        """Type a text where the focus is."""
        await self.ask("Input.insertText", text=text)

    async def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key."""
        code, number, text = _KEYS[key]
        common = {"key": key, "code": code, "windowsVirtualKeyCode": number, "modifiers": _SHIFT if shift else 0}
        await self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **common)
        await self.ask("Input.dispatchKeyEvent", type="keyUp", **common)

    async def hand_in(self, selector: str, *paths: Path) -> None:
        """Choose files in a field."""
        found = await self.ask("Runtime.evaluate", expression=f"document.querySelector({json.dumps(selector)})")
        files = [str(path) for path in paths]
        await self.ask("DOM.setFileInputFiles", files=files, objectId=found["result"]["objectId"])

    async def picture(self, path: Path) -> None:
        """Keep what is seen as a PNG."""
        data = (await self.ask("Page.captureScreenshot", format="png"))["data"]
        await asyncio.to_thread(path.write_bytes, base64.b64decode(data))


@asynccontextmanager
async def browser() -> AsyncGenerator[Browser, None]:
    """Start a browser; it ends with the block."""
    with tempfile.TemporaryDirectory(prefix="browser-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            PROGRAM,
            *_FLAGS,
            f"--user-data-dir={profile}",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port, path = await _address(Path(profile) / "DevToolsActivePort")
            async with (
                ClientSession() as session,
                session.ws_connect(f"ws://127.0.0.1:{port}{path}", max_msg_size=0) as ws,
            ):
                opened = Browser(ws)
                listening = asyncio.create_task(opened.listen())
                yield opened
                listening.cancel()
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


async def _address(note: Path) -> tuple[str, str]:
    """Where the browser listens, as it notes in its profile."""
    async with asyncio.timeout(30):
        while True:
            with suppress(FileNotFoundError, ValueError):
                port, path = (await asyncio.to_thread(note.read_text, encoding="utf-8")).split("\n")[:2]
                return port, path
            await asyncio.sleep(0.02)
