"""The page in a real browser, before a core that answers as a test says: long conversations, and what keys do."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from core.exchange import Entry
from core.testing import FakeMemo
from core.values import Command
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


# --- menus -----------------------------------------------------------------------------------------------------------

MARKED = "document.querySelector('#commands [aria-selected=true]')?.dataset.name"
TEXT = "document.getElementById('text').value"


async def test_commands_are_listed_and_taken_by_the_keyboard(chromium: Browser, place: World) -> None:
    """A slash shows them, letters narrow them, the arrows choose; a screen reader is told which is meant."""
    tab = await enter(chromium, place)
    await tab.click("#text")
    await tab.write("/")
    assert await tab.js("document.getElementById('commands').hidden") is False
    assert await tab.js("document.getElementById('told').textContent") == (
        "4 commands. The arrow keys choose, Enter takes one."
    )
    for key, name in (("", "new"), ("ArrowDown", "model"), ("ArrowUp", "new"), ("ArrowUp", "more"), ("Home", "new")):
        if key:
            await tab.press(key)
        assert await tab.js(MARKED) == name
        active = "document.getElementById(document.getElementById('text').getAttribute('aria-activedescendant'))"
        assert await tab.js(f"{active}.dataset.name") == name
    await tab.write("mo")
    assert await tab.texts("#commands li:not([hidden]) b") == ["/model", "/more"]
    await tab.press("ArrowDown")
    await tab.press("Enter")
    assert await tab.js(TEXT) == "/more "
    assert await tab.js("document.getElementById('commands').hidden") is True
    assert place.core.batches == []
    await tab.press("Enter")
    await tab.until("document.querySelector('.bubble')?.innerText === '/more'")
    assert place.core.bodies == [Command(name="more")]


async def test_a_command_that_is_written_out_is_sent_at_once(chromium: Browser, place: World) -> None:
    """Whoever knows it need not choose it."""
    tab = await enter(chromium, place)
    await tab.click("#text")
    await tab.write("/help")
    await tab.press("Enter")
    await tab.until("document.querySelector('.bubble')?.innerText === '/help'")
    assert place.core.bodies == [Command(name="help")]


async def test_escape_closes_the_list_and_what_is_no_command_opens_none(chromium: Browser, place: World) -> None:
    """A path or a slash amid a sentence is just text."""
    tab = await enter(chromium, place)
    await tab.click("#text")
    hidden = "document.getElementById('commands').hidden"
    await tab.write("/")
    await tab.press("Escape")
    assert (await tab.js(hidden), await tab.js(TEXT)) == (True, "/")
    await tab.write("usr/bin")
    assert await tab.js(hidden) is True
    await tab.js("document.getElementById('text').value = ''")
    await tab.write("yes/no /")
    assert await tab.js(hidden) is True


async def test_commands_are_a_tap_away_on_a_telephone(chromium: Browser, place: World) -> None:
    """The button lists them, a tap takes one; nothing is wider than the screen."""
    tab = await enter(chromium, place, phone=True)
    await tab.click("#slash")
    await tab.click("#commands [data-name=help]")
    assert await tab.js(TEXT) == "/help "
    assert await tab.js("document.activeElement.id") == "text"
    assert await tab.js("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("phone", [False, True])
async def test_another_model_is_chosen_in_the_page(chromium: Browser, place: World, phone: bool) -> None:
    """The line opens a list that holds the keyboard until it is closed; what was chosen stands in the line."""
    tab = await enter(chromium, place, phone=phone)
    await tab.until("document.querySelector('#model .name')?.innerText === 'local/qwen3'")
    await tab.js("document.querySelector('[data-models]').focus()")
    await tab.press("Enter")
    await tab.until("document.activeElement.value === 'auto'")
    await tab.press("Escape")
    await tab.until("!document.getElementById('models').open && document.activeElement.matches('[data-models]')")
    await tab.click("[data-models]")
    await tab.click("[value='local/llama']")
    await tab.until("!document.getElementById('models').open")
    for _ in range(100):
        if place.core.batches:
            break
        await asyncio.sleep(0.02)
    assert place.core.bodies == [Command(name="model", args="local/llama")]
    await place.core.answer("1", "From now on.", kept=False)
    await tab.until("document.querySelector('#model .name')?.innerText === 'local/llama'")
    assert await tab.texts(".body") == ["From now on."]
    assert tab.complaints == []


@pytest.mark.parametrize("dark", [False, True])
async def test_the_way_in_is_a_button_one_sees(chromium: Browser, place: World, dark: bool) -> None:
    """By day and by night, on a narrow screen; it has the focus, so Enter is enough."""
    context = (await chromium.ask("Target.createBrowserContext"))["browserContextId"]
    tab = await chromium.tab(width=320, height=600, phone=True, dark=dark, context=context)
    await tab.go(place.url + place.link)
    await tab.until("document.activeElement.innerText === 'Come in'")
    assert await tab.js("document.documentElement.scrollWidth <= innerWidth")
    assert await tab.js("document.activeElement.getBoundingClientRect().height >= 44")
    await tab.press("Enter")
    await tab.until("document.querySelector('.welcome p')?.innerText === 'What is on your mind?'")
