"""Long conversations: a page shows a part, both ends can be reached from it, and each message is there once."""

import re
from html import unescape

import pytest

from bots.web.history import Line, MessageWindow, window
from bots.web.views import View
from core.exchange import Entry, Part
from core.site import Excerpt
from simulators.pages import Page, World, answered, said


def exchanges(count: int) -> list[Entry]:
    """Questions with their answers."""
    return [entry for n in range(count) for entry in (said(f"Q{n}."), answered(f"A{n}."))]


MESSAGE = re.compile(r'<div class="(?:bubble|body)">(.*?)</div>\s*(?:<footer|<ul|<div class="choices")', re.DOTALL)
PAGER = re.compile(r'<nav class="pager"[^>]*>.*?</nav>', re.DOTALL)


def texts(html: str) -> list[str]:
    """What the messages of a page say, in order."""
    return [re.sub(r"<[^>]*>", "", text).strip() for text in MESSAGE.findall(html)]


def link(html: str, go: str) -> str:
    """Where a link of the page leads, "" where it is not shown."""
    shown = [part for part in PAGER.findall(html) if " hidden>" not in part]
    found = re.search(rf'href="([^"]*)" data-go="{go}"', "".join(shown))
    return unescape(found[1]) if found else ""


async def walk(page: Page, path: str, go: str) -> list[list[str]]:
    """Follow a link from page to page to its end; what each page says."""
    pages = []
    while path:
        _, html = await page.get(path)
        pages.append(texts(html))
        path = link(html, go)
        assert len(pages) < 1000
    return pages


@pytest.mark.parametrize("count", [1, 49, 50, 51, 100, 101, 150, 333])
async def test_every_message_is_there_once_from_either_end(world: World, count: int) -> None:
    """Without any script: the links lead through all of it, forth and back."""
    world.archive.kept["c1"] = exchanges(count)
    whole = [f"{kind}{n}." for n in range(count) for kind in "QA"]
    page = await world.owner()
    back = await walk(page, "/c/c1", "before")
    assert [text for part in reversed(back) for text in part] == whole
    forth = await walk(page, "/c/c1?after=", "after")
    assert [text for part in forth for text in part] == whole
    assert max(map(len, [*back, *forth])) <= 100


async def test_both_ends_are_one_step_away(world: World) -> None:
    """From wherever one is."""
    world.archive.kept["c1"] = exchanges(500)
    page = await world.owner()
    _, html = await page.get("/c/c1")
    assert (texts(html)[-1], link(html, "after"), link(html, "last")) == ("A499.", "", "")
    _, html = await page.get(link(html, "before"))
    _, first = await page.get(link(html, "first"))
    assert (texts(first)[0], link(first, "before"), link(first, "first")) == ("Q0.", "", "")
    _, last = await page.get(link(html, "last"))
    assert texts(last)[-1] == "A499."


async def test_ten_thousand_messages_cost_no_more_than_a_hundred(world: World) -> None:
    """What is read, drawn and sent has a bound, whatever the length; only counted, since clocks are slow here."""
    page = await world.owner()
    sizes = {}
    html = ""
    for count in (100, 5000):
        world.archive.kept["c1"] = exchanges(count)
        world.archive.reads.clear()
        for path in ("/c/c1", "/log?c=c1", "/log?c=c1&after=", "/log?c=c1&before=0000000000000150.0000"):
            _, html = await page.get(path)
            assert len(texts(html)) <= 100
        await page.post("/say", c="c1", text="More", key="12345678")
        sizes[count] = len(html)
        assert max(world.archive.reads) <= 100
        assert len(world.archive.reads) < 12
    assert sizes[5000] < 1.2 * sizes[100]


async def test_from_the_hundred_and_first_exchange_on_each_message_is_shown_once(world: World) -> None:
    """While it goes on, and read again: what the archive takes over is forgotten here."""
    world.archive.kept["c1"] = exchanges(99)
    page = await world.owner()
    for number in range(99, 120):
        await page.post("/say", c="c1", text=f"Q{number}.", key=f"key-{number:08d}")
        await world.core.answer(f"slot{number}", f"A{number}.")
        _, html = await page.get("/c/c1")
        assert texts(html)[-4:] == [f"{kind}{n}." for n in (number - 1, number) for kind in "QA"]
        assert len(set(texts(html))) == len(texts(html))


async def test_what_the_archive_never_has_stays_where_it_was_said(world: World) -> None:
    """A word of help among old messages is on the part where it belongs, and on no other."""
    world.archive.kept["c1"] = exchanges(60)
    page = await world.owner()
    await page.post("/say", c="c1", text="/help", key="12345678")
    await world.core.answer("1", "I help.", kept=False)
    world.archive.kept["c1"] += [entry for n in range(60, 160) for entry in (said(f"Q{n}."), answered(f"A{n}."))]
    parts = await walk(page, "/c/c1", "before")
    whole = [text for part in reversed(parts) for text in part]
    assert whole.count("I help.") == 1
    assert whole[whole.index("I help.") - 2 : whole.index("I help.") + 2] == ["A59.", "/help", "I help.", "Q60."]


async def test_the_part_that_is_shown_is_read_again_from_its_first_message(world: World) -> None:
    """As long as that is not too much; else its end."""
    world.archive.kept["c1"] = exchanges(200)
    page = await world.owner()
    _, html = await page.get("/c/c1")
    _, earlier = await page.get(link(html, "before").replace("/c/c1?", "/log?c=c1&"))
    since = re.findall(r'data-after="([^"]*)"', earlier)[0]
    _, html = await page.get(f"/log?c=c1&since={since}")
    assert texts(html) == [f"{kind}{n}." for n in range(100, 200) for kind in "QA"]
    _, html = await page.get("/log?c=c1&since=")
    assert texts(html)[-1] == "A199."
    assert len(texts(html)) <= 100


async def test_an_old_link_to_all_of_it_begins_at_the_beginning(world: World) -> None:
    """And says that there is more."""
    world.archive.kept["c1"] = exchanges(140)
    page = await world.owner()
    _, html = await page.get("/c/c1?all=1")
    assert texts(html) == [f"{kind}{n}." for n in range(140) for kind in "QA"]
    world.archive.kept["c1"] = exchanges(400)
    _, html = await page.get("/c/c1?all=1")
    assert texts(html)[0] == "Q0."
    assert link(html, "after")


# --- where a window may be cut ---------------------------------------------------------------------------------------


def steps(number: int, count: int) -> list[Entry]:
    """A question, and an answer in so many steps of tools."""
    found = [said(f"Q{number}.")]
    for step in range(count):
        call = Part(kind="call", id=f"{number}.{step}", name="look", body="{}")
        found.append(Entry(role="assistant", parts=(Part(kind="text", body=f"S{step}."), call)))
        found.append(Entry(role="user", parts=(Part(kind="result", id=f"{number}.{step}", name="look", body="x"),)))
    return [*found, answered(f"A{number}.")]


async def test_an_answer_of_many_steps_is_never_cut(world: World) -> None:
    """A part begins with a question, and ends with an answer."""
    world.archive.kept["c1"] = [entry for n in range(40) for entry in steps(n, 5)]
    page = await world.owner()
    for path, go in (("/c/c1", "before"), ("/c/c1?after=", "after")):
        for part in await walk(page, path, go):
            assert part[0].startswith("Q")
            assert all(text.startswith("S0.") for text in part[1::2])
            assert all(text.endswith(f"A{question[1:]}") for question, text in zip(part[::2], part[1::2], strict=True))


async def test_an_answer_longer_than_a_part_is_shown_in_parts(world: World) -> None:
    """All of it can be reached all the same."""
    world.archive.kept["c1"] = [
        *(said("Before."), answered("So.")),
        *steps(1, 130),
        *(said("After."), answered("Well.")),
    ]
    page = await world.owner()
    for path, go in (("/c/c1", "before"), ("/c/c1?after=", "after")):
        parts = await walk(page, path, go)
        parts = list(reversed(parts)) if go == "before" else parts
        whole = " ".join(text for part in parts for text in part)
        found = re.findall(r"S(\d+)\.", whole)
        assert found == [str(number) for number in range(130)]
        assert (whole.startswith("Before."), whole.endswith("Well.")) == (True, True)


def test_a_window_without_messages_has_no_ends() -> None:
    """Nothing was said."""
    assert window(Excerpt()) == MessageWindow(lines=(), after="", ends=True)
    assert window(Excerpt()).begins


def test_messages_of_an_earlier_version_are_shown_once() -> None:
    """They were kept with a number instead of a place, and may be in the archive by now."""
    view = View("c1", "boot")
    view.said("1", "Hello")
    (item,) = view.merged(MessageWindow())
    item.after = "~"  # type: ignore[union-attr]
    line = Line(mine=True, text="Hello", place="1", end="1")
    assert view.merged(MessageWindow(lines=(line,))) == [line]
