"""The stream of news: the latest state of each message, to every page, after any break, and nothing twice."""

import asyncio
import re
from http import HTTPStatus
from pathlib import Path

from bots.web.items import Item
from bots.web.rendering import render
from bots.web.tabs import Tab
from core.testing import FakeMemo
from core.values import Address, Choice
from simulators.pages import Events, FakeArchive, Page, World, answered, living, said

LONG = "\n\n".join(f"Paragraph {n} says *something*." for n in range(30))


async def shown(page: Page, path: str = "/") -> tuple[list[str], str]:
    """The messages of a page, and its stamp."""
    _, html = await page.get(path)
    stamp = re.findall(r'data-stamp="([^"]*)"', html)[0]
    articles = re.findall(
        r'<div class="(?:bubble|body)">(.*?)</div>\s*(?:<footer|<ul|<div class="choices")', html, re.DOTALL
    )
    return [re.sub(r"\s+", " ", re.sub(r"<[^>]*>", " ", text)).strip() for text in articles], stamp


def reads(events: Events, name: str, text: str) -> bool:
    """Whether an answer reads this."""
    return re.sub(r"<[^>]*>", "", events.html(name)) == text


async def test_an_answer_comes_as_it_grows_and_ends_in_its_final_form(world: World) -> None:
    """First that something is being done, then words, then all of it."""
    page = await world.owner()
    _, stamp = await shown(page)
    async with page.events("c1", stamp) as events:
        await page.post("/say", c="c1", text="Tell me", key="12345678")
        await events.until(lambda: "12345678" in events.shells)
        assert "Tell me" in events.shells["12345678"]
        await world.core.working("7")
        await events.until(lambda: events.states.get("7") == "working")
        for end in range(0, len(LONG), 50):
            await world.core.draft("7", LONG[:end])
        await events.until(lambda: events.states["7"] == "growing" and "Paragraph 20" in events.html("7"))
        await world.core.answer("7", LONG)
        await events.until(lambda: events.states["7"] == "final")
        assert events.html("7") == "".join(render(LONG))
        assert "refresh" not in events.news
    assert (await shown(page))[0] == [
        "Tell me",
        re.sub(r"\s+", " ", LONG.replace("something*", "something ").replace("*", "")),
    ]


async def test_a_page_that_comes_in_the_middle_is_told_all_of_it(world: World) -> None:
    """Reloaded, or opened a second time: the same answer from its beginning, and it goes on in both."""
    page = await world.owner()
    await page.post("/say", c="c1", text="Tell me", key="12345678")
    async with page.events("c1") as first:
        await world.core.draft("7", LONG[:500])
        await first.until(lambda: "Paragraph 10" in first.html("7"))
        texts, stamp = await shown(page)
        assert texts[0] == "Tell me"
        async with page.events("c1", stamp) as second:
            await second.until(lambda: second.html("7") == first.html("7"))
            assert second.news == []
            await world.core.answer("7", LONG)
            for events in (first, second):
                await events.until(lambda e=events: e.states["7"] == "final")  # type: ignore[misc]
                assert events.html("7") == "".join(render(LONG))


async def test_a_page_that_was_away_at_the_end_reads_everything_again(world: World) -> None:
    """No final answer is lost in a break; where nothing happened nothing is read again."""
    page = await world.owner()
    await page.post("/say", c="c1", text="Tell me", key="12345678")
    await world.core.draft("7", "Half")
    _, stamp = await shown(page)
    await world.core.answer("7", "Whole")
    async with page.events("c1", stamp) as events:
        await events.until(lambda: events.news == ["refresh"])
    texts, stamp = await shown(page)
    assert texts == ["Tell me", "Whole"]
    async with page.events("c1", stamp) as events:
        await page.post("/say", c="c1", text="More", key="22222222")
        await events.until(lambda: "22222222" in events.shells)
        assert "refresh" not in events.news


async def test_every_page_of_every_browser_is_told(world: World) -> None:
    """What is said in one is seen in the other."""
    one, other = await world.owner(), await world.stranger()
    other.session.cookie_jar.update_cookies({cookie.key: cookie.value for cookie in one.session.cookie_jar})
    assert (await other.get("/"))[0] == HTTPStatus.OK
    async with one.events("c1") as mine, other.events("c1") as theirs:
        await one.post("/say", c="c1", text="Hello", key="12345678")
        for events in (mine, theirs):
            await events.until(lambda e=events: "Hello" in e.shells.get("12345678", ""))  # type: ignore[misc]


async def test_what_is_taken_back_is_gone_everywhere(world: World) -> None:
    """From open pages, and from those that come later."""
    page = await world.owner()
    await page.post("/say", c="c1", text="Hello", key="12345678")
    async with page.events("c1") as events:
        sent = await world.core.answer("7", "Oops", kept=False)
        await events.until(lambda: events.states.get("7") == "final")
        await world.core.web.put(world.core.last.to, None, slot="7.0", was=sent)
        await events.until(lambda: events.states["7"] == "gone")
    assert (await shown(page))[0] == ["Hello"]


async def test_buttons_come_and_go_with_the_question(world: World) -> None:
    """On open pages as on those that are loaded again."""
    page = await world.owner()
    await page.post("/say", c="c1", text="Note it", key="12345678")
    async with page.events("c1") as events:
        sent = await world.core.answer("7q", "May I?", kept=False, choices=(Choice(label="Yes", token="t1"),))
        await events.until(lambda: events.choices.get("7q") == ["t1"])
        assert 'value="t1">Yes</button>' in (await page.get("/"))[1]
        (done,) = world.core.web.pages(world.core.web_reply("May I? (done)"), "markdown")
        await world.core.web.put(world.core.last.to, done, slot="7q.0", was=sent)
        await events.until(lambda: events.choices["7q"] == [])
    assert (await shown(page))[0] == ["Note it", "May I? (done)"]


async def test_what_was_asked_otherwise_is_shown_though_nobody_saw_it_answered(world: World) -> None:
    """A quick answer is in the archive before a page has heard that it is being written."""
    world.archive.kept["c1"] = [said("Dog?"), answered("A dog.")]
    page = await world.owner()
    await page.post("/do", c="c1", what="again", text="Cat?")
    world.archive.kept["c1"] = [said("Cat?"), answered("A cat.")]
    (whole,) = world.core.web.pages(world.core.web_reply("A cat."), "markdown")
    await world.core.web.put(world.core.last.to, whole, slot="7.0", was=None)
    assert (await shown(page))[0] == ["Cat?", "A cat."]


async def test_a_question_and_its_buttons_outlive_the_process(
    tmp_path: Path, memo: FakeMemo, archive: FakeArchive
) -> None:
    """So does what is still being answered: it stands there while the answer is written anew."""
    archive.kept["c1"] = [said("Before"), answered("Yes")]
    async with living(tmp_path, memo, archive) as world:
        page = await world.owner()
        await page.post("/say", c="c1", text="Note it", key="12345678")
        await world.core.answer("7q", "May I?", kept=False, choices=(Choice(label="Yes", token="t1"),))
        await page.post("/say", c="c1", text="And what else?", key="22222222")
        await world.core.draft("8", "Half of")
    async with living(tmp_path, memo, archive) as world:
        page = await world.owner()
        assert (await shown(page))[0] == ["Before", "Yes", "Note it", "May I?", "And what else?"]
        assert 'value="t1">Yes</button>' in (await page.get("/"))[1]


async def test_an_answer_finds_its_conversation_after_a_restart(
    tmp_path: Path, memo: FakeMemo, archive: FakeArchive
) -> None:
    """Its address says where it was asked; one that says nothing known is shown in the current one."""
    archive.kept = {"c1": [said("One")], "c2": [said("Two")]}
    archive.current = "c2"
    async with living(tmp_path, memo, archive) as world:
        page = await world.owner()
        for handle, path in (("c1", "/c/c1"), ("new-gone", "/c/c2"), ("", "/c/c2")):
            to = Address(adapter="web", chat="owner", handle=handle)
            (said_later,) = world.core.web.pages(world.core.web_reply(f"For {handle}"), "markdown")
            await world.core.web.put(to, said_later, slot=f"{len(handle)}.0", was=None)
            assert (await shown(page, path))[0][-1] == f"For {handle}".strip()


async def test_a_conversation_that_was_begun_gets_its_name_in_open_pages(world: World) -> None:
    """As soon as the answer begins, so that its address can be kept."""
    world.archive.kept["c1"] = [said("Old")]
    page = await world.owner()
    _, html = await page.get("/new")
    name = re.findall(r'data-c="(new-[^"]+)"', html)[0]
    async with page.events(name) as events:
        await page.post("/say", c=name, text="New", key="12345678")
        await world.core.working("7")
        await events.until(lambda: "moved" in events.news)
    assert (await shown(page, "/c/c2"))[0][0] == "New"


async def test_a_page_that_reads_slowly_is_told_the_latest_only() -> None:
    """Nothing piles up for it: a thousand changes are one message, and it knows everything then."""
    tab = Tab("session", dict, lambda item: f"<article>{item.id}</article>")
    item = Item(id="7", mine=False, after="", state="growing")
    for end in range(0, len(LONG), 3):
        item.html.grow(LONG[:end])
        tab.tell(item)
    item.html.finish(LONG)
    tab.tell(item)
    news = await tab.next(1)
    assert news is not None
    assert news.count("event: item") == 1
    assert await tab.next(0.01) == ": still here\n\n"
    tab.close()
    assert await tab.next(1) is None


async def test_drawing_leaves_most_of_the_time_to_others(world: World) -> None:
    """However fast a model speaks, an answer is drawn so often as can be seen, and no more."""
    page = await world.owner()
    await page.post("/say", c="c1", text="Tell me", key="12345678")
    async with page.events("c1") as events:
        taken = 0
        for end in range(0, len(LONG), 2):
            await world.core.draft("7", LONG[:end])
            await asyncio.sleep(0.001)
            taken += 1
        await world.core.answer("7", LONG)
        await events.until(lambda: events.states.get("7") == "final")
    assert taken > 400
    assert events.count < taken / 10


async def test_an_answer_that_was_kept_in_an_earlier_life_is_there_once(world: World) -> None:
    """It was committed before the end and is delivered after the start: the archive has it already."""
    world.archive.kept["c1"] = [said("Tell me"), answered("The *answer*.")]
    page = await world.owner()
    to = Address(adapter="web", chat="owner", handle="c1")
    (late,) = world.core.web.pages(world.core.web_reply("The *answer*."), "markdown")
    await world.core.web.put(to, late, slot="7.0", was=None)
    assert (await shown(page))[0] == ["Tell me", "The answer ."]


async def test_an_answer_that_is_delivered_after_the_next_one_was_kept_is_there_once(world: World) -> None:
    """Questions that waited are answered faster than the answers are shown: the archive is ahead of the page."""
    for number in range(4):
        world.archive.kept["c1"] += [said(f"Question {number}"), answered(f"Answer {number}.")]
    page = await world.owner()
    before = (await shown(page))[0]
    for number in range(4):
        to = Address(adapter="web", chat="owner", handle="c1")
        (late,) = world.core.web.pages(world.core.web_reply(f"Answer {number}."), "markdown")
        await world.core.web.put(to, late, slot=f"{number}.0", was=None)
    assert (await shown(page))[0] == before
