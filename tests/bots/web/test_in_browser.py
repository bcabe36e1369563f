"""The page in a real browser, before a core that answers as a test says: long conversations, and what keys do."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from core.exchange import Entry
from core.testing import FakeMemo
from simulators.browser import PROGRAM, Browser, Tab, browser
from simulators.pages import FakeArchive, World, answered, living, said

pytestmark = [
    pytest.mark.slow,
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not PROGRAM, reason="there is no chromium here"),
]

ARTICLES = "document.querySelectorAll('article').length"


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all."""
    async with browser() as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def place(tmp_path: Path) -> AsyncIterator[World]:
    """A run of the web chat."""
    async with living(tmp_path, FakeMemo(), FakeArchive()) as opened:
        yield opened


async def enter(chromium: Browser, place: World, *, phone: bool = False, dark: bool = False) -> Tab:
    """Open the link in a browser of one's own, and press its button."""
    context = (await chromium.ask("Target.createBrowserContext"))["browserContextId"]
    size = (390, 844) if phone else (1280, 800)
    tab = await chromium.tab(width=size[0], height=size[1], phone=phone, dark=dark, context=context)
    await tab.go(place.url + place.link)
    await tab.click(".locked form button")
    await tab.loaded()
    return tab


def exchanges(count: int) -> list[Entry]:
    """Questions with their answers."""
    return [entry for n in range(count) for entry in (said(f"Q{n}."), answered(f"A{n}."))]


async def turned(tab: Tab, go: str) -> list[str]:
    """Press a link to other messages; what is shown then."""
    await tab.js("document.getElementById('told').textContent = ''")
    await tab.click(f"[data-go={go}]")
    await tab.until("document.getElementById('told').textContent")
    return await tab.texts(".bubble, .body")


async def test_a_person_pages_through_ten_thousand_messages(chromium: Browser, place: World) -> None:
    """What is read stays in its place, each message is there once, and the page never grows beyond a bound."""
    place.archive.kept["c1"] = exchanges(5000)
    tab = await enter(chromium, place)
    shown, numbers = await tab.texts(".bubble, .body"), [0]
    assert shown[-1] == "A4999."
    for _ in range(4):
        first = await tab.js("(scrollTo(0, 0), document.querySelector('article').id)")
        top = f"document.getElementById('{first}').getBoundingClientRect().top"
        before = await tab.js(top)
        shown = await turned(tab, "before")
        assert abs(await tab.js(top) - before) < 2
        assert len(shown) <= 300
        numbers = [int(text[1:-1]) for text in shown[::2]]
        assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert numbers[0] == 4750
    shown = await turned(tab, "first")
    assert shown[0] == "Q0."
    for _ in range(4):
        shown = await turned(tab, "after")
    numbers = [int(text[1:-1]) for text in shown[::2]]
    assert numbers == list(range(numbers[0], numbers[0] + len(numbers)))
    assert len(shown) <= 300
    shown = await turned(tab, "last")
    assert shown[-1] == "A4999."
    assert tab.complaints == []


async def test_what_is_said_while_reading_old_messages_is_said_at_the_end(chromium: Browser, place: World) -> None:
    """The page goes there, and the answer is seen; news meanwhile do not appear among old messages."""
    place.archive.kept["c1"] = exchanges(300)
    tab = await enter(chromium, place)
    await turned(tab, "first")
    await tab.click("#text")
    await tab.write("And now?")
    await tab.press("Enter")
    await tab.until("[...document.querySelectorAll('.bubble')].at(-1)?.innerText === 'And now?'")
    assert (await tab.texts(".bubble"))[-2] == "Q299."
    await turned(tab, "first")
    await place.core.draft("7", "Growing")
    await place.core.answer("7", "This is now.")
    assert await turned(tab, "last")
    await tab.until("[...document.querySelectorAll('.body')].at(-1)?.innerText === 'This is now.'")


async def test_reading_again_keeps_what_was_turned_to(chromium: Browser, place: World) -> None:
    """After a break in the connection the page shows the same part, with what is new at its end."""
    place.archive.kept["c1"] = exchanges(100)
    tab = await enter(chromium, place)
    await turned(tab, "before")
    place.archive.kept["c1"] += [said("Elsewhere."), answered("Indeed.")]
    place.core.web.views.get("c1").refresh()
    await tab.until("[...document.querySelectorAll('.body')].at(-1)?.innerText === 'Indeed.'")
    assert (await tab.texts(".bubble"))[0] == "Q0."


async def enter_key(tab: Tab, code: int) -> None:
    """The Enter key goes down, with this number."""
    common = {"key": "Enter", "code": "Enter", "windowsVirtualKeyCode": code, "nativeVirtualKeyCode": code}
    await tab.ask("Input.dispatchKeyEvent", type="rawKeyDown", **common)
    await tab.ask("Input.dispatchKeyEvent", type="keyUp", **common)


async def test_the_enter_that_ends_a_composition_sends_nothing(chromium: Browser, place: World) -> None:
    """Safari tells of it after the composition, as a key of number 229; the next one sends."""
    tab = await enter(chromium, place)
    await tab.click("#text")
    await tab.write("東京")
    await enter_key(tab, 229)
    assert await tab.js("document.getElementById('text').value") == "東京"
    assert place.core.batches == []
    await enter_key(tab, 13)
    await tab.until("document.querySelector('.bubble')?.innerText === '東京'")
