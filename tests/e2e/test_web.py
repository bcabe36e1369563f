"""The web chat as its owner has it: the installed product, a simulated model behind it, a real browser before it."""

import asyncio
import json
import signal
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from e2e.house import IDLE, House, house, press
from simulators.browser import PROGRAM, Browser, browser
from simulators.openai import Pace, Reply, tool_call
from simulators.openai.records import Recorded

pytestmark = [
    pytest.mark.asyncio(loop_scope="module"),
    pytest.mark.skipif(not PROGRAM, reason="there is no chromium here"),
]

SLOW = Pace(tokens_per_s=25)
LONG = "The first sentence. " + "And so it goes on, word after word. " * 12 + "The last word."


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def chromium() -> AsyncIterator[Browser]:
    """One browser for all."""
    async with browser() as opened:
        await opened.ask("Browser.grantPermissions", permissions=["clipboardReadWrite", "clipboardSanitizedWrite"])
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def home(chromium: Browser, tmp_path: Path) -> AsyncIterator[House]:
    """A deployment that just started."""
    async with house(tmp_path, chromium) as opened:
        yield opened


# --- the way in ------------------------------------------------------------------------------------------------------


async def test_the_link_lets_one_browser_in_and_then_no_other(home: House) -> None:
    """Whoever runs it asks for a link and presses its button; the link is of no use to anybody after that."""
    ann = await home.enter()
    assert await ann.tab.text(".welcome p") == "What is on your mind?"
    context = (await home.browser.ask("Target.createBrowserContext"))["browserContextId"]
    other = await home.browser.tab(context=context)
    await other.go(home.link)
    assert "This link does not work any more" in await other.text()
    assert "waystation link" in await other.text()
    await other.go(home.url)
    assert "This browser is not let in yet" in await other.text()
    await other.go(await home.command("link"))
    assert "Let this browser in?" in await other.text()
    await other.ask("Emulation.setScriptExecutionDisabled", value=True)
    await press(other)
    await other.ask("Emulation.setScriptExecutionDisabled", value=False)
    assert await other.text(".welcome p") == "What is on your mind?"


async def test_signing_out_shuts_the_page_and_its_other_tabs(home: House) -> None:
    """Revoked means gone, in every open page."""
    ann, again = await home.enter(), await home.open()
    await ann.tab.click(".leave button")
    await ann.tab.until("document.body.innerText.includes('not let in')")
    await again.tab.until("document.body.innerText.includes('not let in')")


# --- talking ---------------------------------------------------------------------------------------------------------


async def test_an_answer_is_seen_while_it_grows(home: House) -> None:
    """A question is shown at once, the answer word by word, and at its end all of it is there."""
    home.lab.on("story").reply(Reply(text=LONG, pace=SLOW))
    ann = await home.enter()
    await ann.say("Tell me a story")
    assert await ann.questions() == ["Tell me a story"]
    await ann.tab.until("document.querySelector('[data-state=growing] .body')?.innerText.includes('first sentence')")
    early = (await ann.answers())[0]
    await ann.tab.until(f"document.querySelector('.answer .body').innerText.length > {len(early) + 20}")
    assert not (await ann.answers())[0].endswith("The last word.")
    await ann.tab.until(IDLE)
    assert await ann.answers() == [LONG]
    assert ann.tab.complaints == []


@pytest.mark.parametrize("by", ["button", "key"])
async def test_an_answer_is_stopped_by_the_button_and_by_escape(home: House, by: str) -> None:
    """What was said until then stays, and says that it was stopped."""
    home.lab.on("story").reply(Reply(text=LONG * 20, pace=SLOW))
    ann = await home.enter()
    await ann.say("Tell me a story")
    await ann.tab.until("document.querySelector('.answer .body')?.innerText.length > 30")
    await (ann.tab.click("#stop") if by == "button" else ann.tab.press("Escape"))
    await ann.tab.until(f"{IDLE} && document.querySelector('.answer .body').innerText.includes('stopped')")
    assert await ann.tab.js("document.getElementById('stop').hidden")
    shown = await ann.answers()
    await ann.tab.reload()
    assert await ann.answers() == shown


async def test_the_last_answer_is_tried_again(home: House) -> None:
    """Another answer takes its place, on the page and in what the model is told from then on."""
    home.lab.on("dice").reply("You rolled a one.", "You rolled a six.")
    ann = await home.enter()
    assert await ann.ask("Roll the dice") == "You rolled a one."
    await ann.tab.click(".answer:last-child .again")
    await ann.reads("Roll the dice", "You rolled a six.")
    await ann.ask("And now?")
    assert "You rolled a one." not in json.dumps(home.lab.requests[-1].body)
    await ann.tab.reload()
    await ann.reads("Roll the dice", "You rolled a six.", "And now?", "And now?")


async def test_the_last_question_is_asked_otherwise(home: House) -> None:
    """The changed question and its answer stand where the old ones stood; Escape leaves everything as it is."""
    ann = await home.enter()
    await ann.ask("What is a dog?")
    await ann.tab.click(".change")
    assert await ann.tab.js("document.getElementById('text').value") == "What is a dog?"
    await ann.tab.press("Escape")
    assert await ann.tab.js("document.getElementById('text').value") == ""
    await ann.tab.click(".change")
    await ann.tab.js("document.getElementById('text').select()")
    await ann.say("What is a cat?")
    await ann.reads("What is a cat?", "What is a cat?")
    await ann.tab.reload()
    await ann.reads("What is a cat?", "What is a cat?")


async def test_code_is_copied_as_it_was_written(home: House) -> None:
    """The copy button gives the code alone: no colours, no language, no line lost."""
    home.lab.on("code").reply("Here:\n\n```python\nif a < b:\n    print('<b>')\n```\n")
    ann = await home.enter()
    await ann.ask("Show me code")
    assert await ann.tab.js("document.querySelector('.code .k').innerText") == "if"
    await ann.tab.click(".code .copy")
    await ann.tab.until("document.querySelector('.code .copy').innerText === 'Copied'")
    assert await ann.tab.js("navigator.clipboard.readText()") == "if a < b:\n    print('<b>')\n"


async def test_what_a_model_says_can_do_nothing_to_the_page(home: House) -> None:
    """No script runs, no picture is fetched, no address but ours is asked for anything."""
    home.lab.on("evil").reply(
        "<script>document.title='x'</script><img src=x onerror=alert(1)>\n\n"
        "![](http://127.0.0.1:9/pixel.png) [go](javascript:alert(1)) [there](https://example.org)\n\n"
        "$\\text{<img src=http://127.0.0.1:9/m onerror=alert(1)>}$\n\n<style>body{display:none}</style>"
    )
    ann = await home.enter()
    await ann.ask("Be evil")
    assert (
        await ann.tab.js("document.querySelectorAll('.body :is(script, img, style, iframe, object, svg)').length") == 0
    )
    assert await ann.tab.js("[...document.querySelectorAll('.body a')].map(a => a.protocol + a.rel + a.target)") == [
        "http:noopener noreferrer nofollow_blank",
        "https:noopener noreferrer nofollow_blank",
    ]
    assert {address.split("/")[2] for address in ann.tab.requests} == {home.url.split("/")[2]}
    assert ann.tab.complaints == []


# --- what stays ------------------------------------------------------------------------------------------------------


async def test_a_page_that_is_loaded_again_goes_on_with_the_answer(home: House) -> None:
    """In the middle of an answer nothing is lost and nothing doubled, in two pages at once."""
    home.lab.on("story").reply(Reply(text=LONG, pace=SLOW))
    ann = await home.enter()
    also = await home.open()
    await ann.say("Tell me a story")
    await ann.tab.until("document.querySelector('.answer .body')?.innerText.length > 30")
    await ann.tab.reload()
    await ann.reads("Tell me a story", LONG)
    await also.reads("Tell me a story", LONG)


async def test_conversations_are_kept_apart_and_gone_back_to(home: House) -> None:
    """A new one knows nothing of the old one, and the old one is continued where it was left."""
    ann = await home.enter()
    await ann.ask("My dog is called Rex")
    await ann.tab.click(".new")
    await ann.tab.loaded()
    assert await ann.questions() == []
    await ann.ask("What is two and two?")
    assert "Rex" not in json.dumps(home.lab.requests[-1].body)
    await ann.tab.until("document.querySelectorAll('#list a').length === 2")
    assert await ann.conversations() == ["What is two and two?", "My dog is called Rex"]
    await ann.tab.click("#list li:last-child a")
    await ann.tab.loaded()
    await ann.reads("My dog is called Rex", "My dog is called Rex")
    await ann.ask("What is my dog called?")
    told = json.dumps(home.lab.requests[-1].body)
    assert "Rex" in told
    assert "two and two" not in told
    await ann.tab.until("document.querySelector('#list li:first-child span').innerText === 'My dog is called Rex'")


async def test_answers_are_shown_where_they_were_asked_for(home: House) -> None:
    """Another conversation is asked something while one is being answered: neither gets what is the other's."""
    home.lab.on("story").reply(Reply(text=LONG, pace=SLOW))
    ann = await home.enter()
    await ann.say("Tell me a story")
    await ann.tab.until("document.querySelector('.answer .body')?.innerText.length > 30")
    also = await home.open("/new")
    await also.say("What is two and two?")
    await also.reads("What is two and two?", "What is two and two?")
    await ann.reads("Tell me a story", LONG)
    await also.tab.reload()
    await also.reads("What is two and two?", "What is two and two?")


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_everything_is_there_again_after_a_restart(home: House, how: signal.Signals) -> None:
    """The page finds back by itself, the browser is still let in, and an answer that was cut off is given."""
    home.lab.on("story").reply(Reply(text=LONG * 3, pace=SLOW), "In short: the end.")
    ann = await home.enter()
    await ann.ask("Hello")
    await ann.say("Tell me a story")
    await ann.tab.until("document.querySelector('.answer:last-child .body')?.innerText.length > 30")
    if how is signal.SIGTERM:
        await ann.tab.click("#stop")
        await ann.tab.until(IDLE)
    await home.end(how)
    await ann.tab.until("!document.getElementById('offline').hidden")
    await home.start()
    await ann.tab.until(f"document.getElementById('offline').hidden && {IDLE}", 30)
    assert (await ann.questions()) == ["Hello", "Tell me a story"]
    assert "stopped" in (await ann.answers())[-1] if how is signal.SIGTERM else (await ann.answers())[-1]
    assert await ann.ask("Are you there?") == "Are you there?"


async def test_files_are_attached_shown_and_kept(home: House, tmp_path: Path) -> None:
    """A picture is seen, a document can be had again, and nobody without a session gets either."""
    picture, paper = tmp_path / "dot.png", tmp_path / "notes.txt"
    picture.write_bytes(PNG)
    paper.write_text("Some notes.")
    ann = await home.enter()
    await ann.tab.hand_in("#pick", picture, paper)
    await ann.tab.until("document.querySelectorAll('#files li:not(.busy)').length === 2")
    await ann.say("Look at these")
    await ann.tab.until(f"document.querySelector('.media img')?.naturalWidth === 1 && {IDLE}")
    await ann.tab.reload()
    await ann.tab.until("document.querySelector('.media img')?.naturalWidth === 1")
    assert await ann.tab.texts(".media .file") == ["notes.txt"]
    href = await ann.tab.js("document.querySelector('a.file').href")
    assert await ann.tab.js(f"fetch({json.dumps(href)}).then(r => r.text())") == "Some notes."
    assert (
        await ann.tab.js(f"fetch({json.dumps(href)}, {{credentials: 'omit', cache: 'no-store'}}).then(r => r.status)")
        == 401
    )
    stored = [path.read_bytes() for path in (home.folder / "data" / "web-files").iterdir()]
    assert len(stored) == 2
    assert not any(b"Some notes." in body or PNG in body for body in stored)


async def test_files_are_pasted_and_dropped_and_taken_away_again(home: House) -> None:
    """Whatever way a file comes, it waits above the message; one that is too large says so."""
    ann = await home.enter()
    for event, target in (("paste", "text"), ("drop", "log")):
        name = "clipboardData" if event == "paste" else "dataTransfer"
        kind = "ClipboardEvent" if event == "paste" else "DragEvent"
        await ann.tab.js(
            f"{{ const d = new DataTransfer(); d.items.add(new File(['x'], '{event}.txt'));"
            f" document.getElementById('{target}').dispatchEvent("
            f"new {kind}('{event}', {{{name}: d, bubbles: true, cancelable: true}})) }}"
        )
    await ann.tab.until("document.querySelectorAll('#files li:not(.busy)').length === 2")
    await ann.tab.click("#files li:first-child button")
    assert await ann.tab.texts("#files span") == ["drop.txt"]
    await ann.tab.js(
        "{ const d = new DataTransfer(); d.items.add(new File([new ArrayBuffer(21 * 2 ** 20)], 'big.bin'));"
        " document.dispatchEvent(new DragEvent('drop', {dataTransfer: d, bubbles: true})) }"
    )
    await ann.tab.until("document.getElementById('trouble').innerText.includes('too large')")


PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de0000000c4944415408d763f8cfc000000301010018dd8db0"
    "0000000049454e44ae426082"
)


# --- leave, and every kind of person ---------------------------------------------------------------------------------


def _wants_a_note(record: Recorded) -> bool:
    return "note" in record.last_user and "I allowed" not in record.last_user


@pytest.mark.parametrize("allow", [True, False])
async def test_what_has_an_effect_waits_for_a_button(home: House, allow: bool) -> None:
    """The question shows what would be done; it is done after a tap on yes, and the buttons are gone in every page."""
    home.lab.on(_wants_a_note).reply(Reply(tool_calls=(tool_call("save_note", title="Tea", text="Buy tea."),)))
    home.lab.on("I allowed").reply("It is noted.")
    ann = await home.enter()
    also = await home.open()
    await ann.say("Please note: buy tea")
    await ann.tab.until("document.querySelectorAll('.choices button').length === 2")
    assert "Buy tea." in await ann.tab.text(".answer:last-child .body")
    await ann.tab.reload()
    await ann.tab.until("document.querySelectorAll('.choices button').length === 2")
    await ann.tab.click(f".choices button:nth-child({1 if allow else 2})")
    for page in (ann, also):
        await page.tab.until(f"!document.querySelector('.choices button') && {IDLE}")
    if allow:
        await ann.tab.until("document.body.innerText.includes('It is noted.')")
    notes = home.folder / "notes"
    assert len(list(notes.iterdir()) if notes.exists() else []) == allow


async def test_a_question_with_buttons_outlives_the_process(home: House) -> None:
    """It stands there again after a kill, for a browser that comes anew too, and a tap on it still counts."""
    home.lab.on(_wants_a_note).reply(Reply(tool_calls=(tool_call("save_note", title="Tea", text="Buy tea."),)))
    home.lab.on("I allowed").reply("It is noted.")
    ann = await home.enter()
    await ann.say("Please note: buy tea")
    await ann.tab.until("document.querySelectorAll('.choices button').length === 2")
    await home.end(signal.SIGKILL)
    await home.start()
    ben = await home.enter()
    assert await ben.questions() == ["Please note: buy tea"]
    await ben.tab.click(".choices button")
    for page in (ann, ben):
        await page.tab.until(f"document.body.innerText.includes('It is noted.') && {IDLE}")
    assert len(list((home.folder / "notes").iterdir())) == 1
    left = (home.folder / "data" / "web-open").read_bytes()
    assert b"tea" not in left.lower()


async def test_everything_can_be_done_by_the_keyboard_alone(home: House) -> None:
    """The focus is seen and goes in a sensible order; Enter sends and Shift+Enter does not."""
    home.lab.on("two").reply("three", "four")
    ann = await home.enter()
    await ann.tab.until("document.activeElement.id === 'text'")
    await ann.tab.write("one")
    await ann.tab.press("Enter", shift=True)
    await ann.tab.write("two")
    await ann.tab.press("Enter")
    await ann.tab.until(f"document.querySelector('.answer .body')?.innerText.trim() && {IDLE}")
    assert await ann.questions() == ["one\ntwo"]
    seen: list[str] = []
    while seen.count("BODY") < 2:  # to the end of the page, and once through it
        await ann.tab.press("Tab")
        seen.append(await ann.tab.js("(e => e.id || e.className || e.tagName)(document.activeElement)"))
        ringed = await ann.tab.js("getComputedStyle(document.activeElement).outlineStyle")
        assert ringed != "none" or seen[-1] in {"pick", "text", "BODY"}  # whose frames show it instead
    order = [seen.index(name, seen.index("BODY")) for name in ("skip", "new", "change", "again", "pick", "text")]
    assert order == sorted(order)
    await ann.tab.js("document.querySelector('.again').focus()")
    await ann.tab.press("Enter")
    await ann.reads("one\ntwo", "four")


@pytest.mark.parametrize("dark", [False, True])
@pytest.mark.parametrize("phone", [False, True])
async def test_it_fits_every_screen_by_day_and_by_night(home: House, phone: bool, dark: bool) -> None:
    """Nothing is wider than the screen, the composer is in sight, the words stand out from the paper."""
    home.lab.on("wide").reply(
        "| a | b |\n|-|-|\n| " + "wide " * 30 + " | " + "x" * 200 + " |\n\n```\n" + "y" * 300 + "\n```"
    )
    ann = await home.enter(phone=phone, dark=dark)
    await ann.tab.js("document.getElementById('text').focus()")
    await ann.tab.write("Something wide")
    await ann.tab.click("#send")
    await ann.tab.until(f"document.querySelector('.answer table') && {IDLE}")
    assert await ann.tab.js("document.documentElement.scrollWidth <= innerWidth")
    assert await ann.tab.js("document.getElementById('say').getBoundingClientRect().bottom <= innerHeight")
    paper, ink = await ann.tab.js("(s => [s.backgroundColor, s.color])(getComputedStyle(document.body))")
    assert (_light(paper) < _light(ink)) == dark
    assert abs(_light(paper) - _light(ink)) > 0.6
    if phone:
        await ann.tab.click("#side-open")
        await ann.tab.until("document.activeElement.id === 'side-close'")
        await ann.tab.press("Escape")
        await ann.tab.until("document.activeElement.id === 'side-open'")


def _light(colour: str) -> float:
    """How light a colour is, from 0 to 1."""
    red, green, blue = json.loads("[" + colour[colour.index("(") + 1 : -1] + "]")[:3]
    return float(0.2126 * red + 0.7152 * green + 0.0722 * blue) / 255


async def test_it_works_without_any_script(home: House) -> None:
    """A browser that runs none sends forms, and reads answers by loading the page again."""
    ann = await home.enter()
    await ann.tab.ask("Emulation.setScriptExecutionDisabled", value=True)
    await ann.tab.reload()
    assert "Without JavaScript" in await ann.tab.text()
    await ann.tab.click("#text")
    await ann.tab.write("Hello there")
    await ann.tab.click("#send")
    await ann.tab.loaded()
    for _ in range(50):
        if await ann.answers() == ["Hello there"]:
            break
        await asyncio.sleep(0.1)
        await ann.tab.reload()
    assert await ann.questions() == ["Hello there"]
    assert await ann.answers() == ["Hello there"]
