"""The pages over HTTP: who is let in, what is said on, what is shown, and how files come back."""

import asyncio
import re
from collections.abc import Callable
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path

import pytest

from bots.web.opening import opened
from core.config.settings import Server as ServerSettings
from core.errors import StoreError
from core.server import Server
from core.site import AssistantInfo, Operator
from core.testing import FakeMemo, bot_site
from core.values import Command, Message, Tap
from simulators.pages import FakeArchive, World, answered, living, said

PRESSED = {"Sec-Fetch-Site": "same-origin"}
PNG = b"\x89PNG\r\n\x1a\n rest"
INSIDE = ["/", "/new", "/c/c1", "/log?c=c1", "/list?c=c1", "/events?c=c1", f"/files/{'0' * 32}.{'0' * 32}"]


def bubbles(html: str) -> list[str]:
    """What the person said, on a page."""
    return re.findall(r'<div class="bubble">(.*?)</div>', html, re.DOTALL)


def answers(html: str) -> list[str]:
    """What was answered, on a page."""
    found = re.findall(r'<div class="body">(.*?)</div>\s*(?:<ul|<div class="choices">)', html, re.DOTALL)
    return [re.sub(r"<[^>]*>", "", body) for body in found]


# --- the door --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", INSIDE)
async def test_nobody_without_a_session_is_shown_anything(world: World, path: str) -> None:
    """They are told how to get in, and nothing of what is inside."""
    world.archive.kept["c1"] = [said("a secret")]
    page = await world.stranger()
    status, text = await page.get(path)
    assert status == HTTPStatus.UNAUTHORIZED
    assert "secret" not in text
    assert "waystation link" in text


@pytest.mark.parametrize("path", ["/say", "/do", "/leave", "/files"])
async def test_nobody_without_a_session_does_anything(world: World, path: str) -> None:
    """Whatever they send."""
    page = await world.stranger()
    status, _ = await page.post(path, text="hello", what="stop", c="c1")
    assert status == HTTPStatus.UNAUTHORIZED
    assert world.core.batches == []


async def test_the_cookie_is_for_this_browser_and_no_script(world: World) -> None:
    """No script reads it, no other site sends it along, and it says nothing."""
    page = await world.stranger()
    async with page.session.post(world.url + world.link, headers=PRESSED, allow_redirects=False) as response:
        assert response.status == HTTPStatus.SEE_OTHER
        (cookie,) = response.cookies.values()
    assert cookie["httponly"]
    assert cookie["samesite"] == "Lax"
    assert not cookie["secure"]
    assert cookie["path"] == "/"


async def test_behind_tls_the_cookie_is_sent_over_tls_only(
    tmp_path: Path, memo: FakeMemo, archive: FakeArchive
) -> None:
    """And bound to exactly this host by its name."""
    async with living(tmp_path, memo, archive, public_url="https://chat.example.org") as world:
        page = await world.stranger()
        async with page.session.post(world.url + world.link, headers=PRESSED, allow_redirects=False) as response:
            (cookie,) = response.cookies.values()
    assert cookie["secure"]
    assert cookie.key.startswith("__Host-")


PREVIEWS = ("TelegramBot (like TwitterBot)", "WhatsApp/2", "Mozilla/5.0 (compatible; Discordbot/2.0)", "Mozilla/5.0")


async def test_a_link_that_robots_open_is_not_used_up(world: World) -> None:
    """Previews, scanners and browsers that load ahead only ever GET: that shows a button, and spends nothing."""
    page = await world.stranger()
    for agent in PREVIEWS * 3:
        status, html = await page.get(world.link, **{"User-Agent": agent, "Sec-Purpose": "prefetch;prerender"})
        assert (status, html.count("<button")) == (HTTPStatus.OK, 1)
    async with page.session.head(world.url + world.link) as response:
        assert response.status == HTTPStatus.METHOD_NOT_ALLOWED
    assert (await page.get("/"))[0] == HTTPStatus.UNAUTHORIZED
    assert (await page.come_in(world.link))[0] == HTTPStatus.OK
    assert (await page.get("/"))[0] == HTTPStatus.OK


async def test_a_link_is_kept_nowhere_on_the_way(world: World) -> None:
    """Not by a browser, not by a proxy, and no other site is told where one came from."""
    page = await world.stranger()
    async with page.session.get(world.url + world.link) as response:
        assert response.headers["Cache-Control"] == "no-store"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        text = await response.text()
    assert world.link.rpartition("/")[2] not in text
    assert "<script" not in text
    assert 'method="post"' in text


async def test_a_link_that_was_used_lets_nobody_else_in(world: World) -> None:
    """Of two presses at once one wins; whoever is inside gets on by any old link."""
    one, other = await world.stranger(), await world.stranger()
    pressed = await asyncio.gather(one.come_in(world.link), other.come_in(world.link))
    assert sorted(status for status, _ in pressed) == [HTTPStatus.OK, HTTPStatus.FORBIDDEN]
    inside = one if pressed[0][0] == HTTPStatus.OK else other
    assert (await inside.get(world.link))[0] == HTTPStatus.OK
    assert (await inside.come_in(world.link))[0] == HTTPStatus.OK
    status, html = await (await world.stranger()).get(world.link)
    assert (status, "does not work any more" in html) == (HTTPStatus.FORBIDDEN, True)


async def test_a_button_that_another_site_presses_lets_nobody_in(world: World) -> None:
    """A page elsewhere cannot make a browser enter, and a robot that follows forms says no origin."""
    page = await world.stranger()
    for headers in ({"Sec-Fetch-Site": "cross-site"}, {"Origin": "https://evil.example"}, {}):
        async with page.session.post(world.url + world.link, headers=headers) as response:
            assert response.status == HTTPStatus.FORBIDDEN
    assert (await page.come_in(world.link))[0] == HTTPStatus.OK


async def test_the_link_stands_in_no_journal(tmp_path: Path, memo: FakeMemo, archive: FakeArchive) -> None:
    """What anybody may keep says where the chat is and how to get a link; a terminal alone is shown one."""
    told: list[Callable[[], str]] = []
    shown: list[Callable[[], str]] = []
    server = Server(ServerSettings(port=0))
    async with server.listening():
        place = replace(
            bot_site(tmp_path, "web", memo=memo),
            server=server,
            assistant=AssistantInfo(archive=archive),
            operator=Operator(announce=told.append, announce_at_terminal=shown.append),
        )
        async with opened(place, most_bytes=1000):
            assert "/enter/" not in told[0]()
            assert "waystation link" in told[0]()
            assert f"{server.url}/enter/" in shown[0]()


async def test_leaving_ends_the_session_and_its_streams_at_once(world: World) -> None:
    """An open stream of that session is closed; others go on."""
    page = await world.owner()
    async with page.events("c1") as events:
        await page.post("/leave")
        assert await events._response.content.read() is not None
    assert (await page.get("/"))[0] == HTTPStatus.UNAUTHORIZED


# --- saying ----------------------------------------------------------------------------------------------------------


async def test_a_message_reaches_the_core_with_its_conversation(world: World) -> None:
    """From the owner, under a key of its own, to be answered where it was asked."""
    page = await world.owner()
    status, told = await page.post("/say", c="c1", text="Hello", key="12345678-a")
    assert (status, told) == (HTTPStatus.OK, {"c": "c1"})
    event = world.core.last
    assert (event.sender, event.to.chat, event.to.handle, event.to.private) == ("owner", "owner", "c1", True)
    assert event.body == Message(id="12345678-a", text="Hello")
    await page.post("/say", c="c1", text="Hello", key="12345678-a")
    assert world.core.last.key == event.key
    assert bubbles((await page.get("/"))[1]) == ["Hello"]


@pytest.mark.parametrize(
    "text, body",
    [
        ("/help", Command(name="help")),
        ("/Retry  now ", Command(name="retry", args="now")),
        ("/usr/bin is a folder", Message(id="12345678", text="/usr/bin is a folder")),
        ("a /stop", Message(id="12345678", text="a /stop")),
    ],
)
async def test_a_line_that_is_a_command_is_one(world: World, text: str, body: object) -> None:
    """As in every messenger."""
    page = await world.owner()
    await page.post("/say", c="c1", text=text, key="12345678")
    assert world.core.last.body == body


async def test_what_another_conversation_is_told_turns_to_it_first(world: World) -> None:
    """In one batch, so that nothing comes between; and only where it is not the current one."""
    world.archive.kept = {"c1": [said("One")], "c2": [said("Two")]}
    world.archive.current = "c2"
    page = await world.owner()
    await page.post("/say", c="c1", text="Go on", key="11111111")
    assert world.core.bodies == [Command(name="switch", args="c1"), Message(id="11111111", text="Go on")]
    await page.post("/say", c="c1", text="And on", key="22222222")
    assert world.core.bodies == [Message(id="22222222", text="And on")]


async def test_a_new_conversation_begins_with_its_first_message(world: World) -> None:
    """Opening the page changes nothing; and one in which nothing was said is new enough."""
    page = await world.owner()
    _, html = await page.get("/new")
    name = re.findall(r'data-c="(new-[^"]+)"', html)[0]
    await page.post("/say", c=name, text="First", key="11111111")
    assert world.core.bodies == [Message(id="11111111", text="First")]
    await world.core.answer("1", "Yes")
    _, html = await page.get("/new")
    name = re.findall(r'data-c="(new-[^"]+)"', html)[0]
    await page.post("/say", c=name, text="Second", key="22222222")
    assert world.core.bodies == [Command(name="new"), Message(id="22222222", text="Second")]
    await world.core.answer("2", "Yes")
    _, html = await page.get(f"/c/{name}")
    assert 'data-c="c2"' in html
    assert bubbles(html) == ["Second"]


async def test_stop_retry_and_taps_reach_the_core(world: World) -> None:
    """A stop needs no turning, and says nothing on the page; a changed question travels with the retry."""
    world.archive.kept["c1"] = [said("One"), answered("Two")]
    page = await world.owner()
    await page.post("/do", c="c1", what="stop")
    assert (world.core.bodies, world.core.last.to.handle) == ([Command(name="stop")], "-")
    await page.post("/do", c="c1", what="again")
    assert world.core.bodies == [Command(name="retry")]
    await page.post("/do", c="c1", what="again", text="Uno")
    assert world.core.bodies == [Command(name="retry", args="Uno")]
    await page.post("/do", c="c1", tap="token-1")
    assert world.core.bodies == [Tap(token="token-1")]
    assert (await page.post("/do", c="c1", what="nonsense"))[0] == HTTPStatus.BAD_REQUEST


async def test_what_could_not_be_kept_is_not_shown(world: World) -> None:
    """The person is told to try again, and the same message goes through then."""
    page = await world.owner()
    world.core.deaf = StoreError("the disk is full")
    status, text = await page.post("/say", c="c1", text="Hello", key="12345678")
    assert status == HTTPStatus.SERVICE_UNAVAILABLE
    assert "disk" not in text
    assert bubbles((await page.get("/"))[1]) == []
    assert (await page.post("/say", c="c1", text="Hello", key="12345678"))[0] == HTTPStatus.OK


@pytest.mark.parametrize("told", [{}, {"text": "  "}, {"text": "x", "files": "nowhere"}])
async def test_nothing_is_not_sent(world: World, told: dict[str, str]) -> None:
    """Neither is a message whose file got lost."""
    page = await world.owner()
    assert (await page.post("/say", c="c1", **told))[0] == HTTPStatus.BAD_REQUEST
    assert world.core.batches == []


async def test_a_form_without_a_script_is_answered_by_the_page(world: World) -> None:
    """It says the same, and leads back to the conversation."""
    page = await world.owner()
    headers = {"Origin": "null", "Sec-Fetch-Site": "same-origin"}
    async with page.session.post(f"{world.url}/say", data={"c": "c1", "text": "Hello"}, headers=headers) as response:
        assert str(response.url) == f"{world.url}/c/c1"
        assert bubbles(await response.text()) == ["Hello"]


async def test_halves_of_characters_do_no_harm(world: World) -> None:
    """Nobody could store or send them."""
    page = await world.owner()
    headers = {"Origin": world.url, "Content-Type": "application/json"}
    body = b'{"c": "c1", "text": "a\\ud800b"}'
    async with page.session.post(f"{world.url}/say", data=body, headers=headers) as response:
        assert response.status == HTTPStatus.OK
    assert bubbles((await page.get("/"))[1]) == ["a\ufffdb"]


# --- showing ---------------------------------------------------------------------------------------------------------


async def test_a_page_shows_the_conversation_with_everything_escaped(world: World) -> None:
    """What people call things and write is text."""
    evil = "<script>alert(1)</script>"
    world.archive.kept["c1"] = [said(evil), answered(evil)]
    page = await world.owner()
    status, html = await page.get("/")
    assert status == HTTPStatus.OK
    assert "<script>alert" not in html
    assert bubbles(html) == ["&lt;script&gt;alert(1)&lt;/script&gt;"]
    assert re.findall(r'src="([^"]*)"', html)
    assert all(source.startswith("/static/") for source in re.findall(r'(?:src|href)="(/[^"]*\.(?:js|css|svg))"', html))
    assert "style=" not in html


async def test_an_unknown_conversation_leads_to_the_current_one(world: World) -> None:
    """A link that is old, or somebody else's."""
    world.archive.kept["c1"] = [said("Mine")]
    page = await world.owner()
    for name in ("nowhere", "new-gone", "../..", "%00"):
        _, html = await page.get(f"/c/{name}")
        assert bubbles(html) == ["Mine"]


async def test_the_list_names_what_there_is(world: World) -> None:
    """An empty conversation is listed only where one stands in it."""
    world.archive.kept = {"c1": [said("One <b>")], "c2": [said("Two")], "c3": []}
    page = await world.owner()
    _, html = await page.get("/list?c=c2")
    assert re.findall(r"<span>(.*?)</span>", html) == ["Two", "One &lt;b&gt;"]
    assert 'href="/c/c2" aria-current="page"' in html


@pytest.mark.parametrize("name", ["app.js", "stream.js", "files.js", "page.css", "answer.css", "icon.svg"])
async def test_our_own_files_are_served_and_remembered(world: World, name: str) -> None:
    """Also to those who are not inside, since that page is to look well too."""
    page = await world.stranger()
    async with page.session.get(f"{world.url}/static/{name}") as response:
        assert response.status == HTTPStatus.OK
        tag = response.headers["ETag"]
        assert "unsafe" not in await response.text()
    status, _ = await page.get(f"/static/{name}", **{"If-None-Match": tag})
    assert status == HTTPStatus.NOT_MODIFIED


@pytest.mark.parametrize("path", ["/static/../door.py", "/static/%2e%2e/door.py", "/static/", "/static/nothing.js"])
async def test_no_other_file_is_served(world: World, path: str) -> None:
    """Whatever the path."""
    page = await world.stranger()
    assert (await page.get(path))[0] in {HTTPStatus.NOT_FOUND, HTTPStatus.UNAUTHORIZED}


# --- files -----------------------------------------------------------------------------------------------------------


async def hand_in(world: World, body: bytes, name: str, *, origin: str = "") -> tuple[int, str]:
    """Hand in a file; the status and its reference."""
    page = world.pages[0]
    headers = {"Origin": origin or world.url}
    async with page.session.post(f"{world.url}/files", params={"name": name}, data=body, headers=headers) as response:
        ok = response.status == HTTPStatus.OK
        return response.status, (await response.json())["ref"] if ok else await response.text()


async def test_a_file_goes_with_the_message_and_can_be_had_again(world: World) -> None:
    """As what it is by its bytes; and the core fetches the same."""
    page = await world.owner()
    _, ref = await hand_in(world, PNG, "dot.png")
    assert (await page.post("/say", c="c1", text="Look", files=ref))[0] == HTTPStatus.OK
    assert isinstance(world.core.last.body, Message)
    (media,) = world.core.last.body.media
    assert (media.adapter, media.ref, media.kind, media.name) == ("web", ref, "photo", "dot.png")
    assert b"".join([piece async for piece in world.core.web.fetch(media)]) == PNG
    async with page.session.get(f"{world.url}/files/{ref}/dot.png") as response:
        assert (response.content_type, await response.read()) == ("image/png", PNG)
        assert response.headers["Content-Disposition"] == "inline"
        assert "sandbox" in response.headers["Content-Security-Policy"]


@pytest.mark.parametrize("name", ["a.html", "a.svg", "a.pdf", "a.js", "a.png"])
async def test_what_is_no_picture_is_only_ever_saved(world: World, name: str) -> None:
    """A browser runs and shows none of it."""
    page = await world.owner()
    _, ref = await hand_in(world, b"<svg onload=alert(1)>", name)
    async with page.session.get(f"{world.url}/files/{ref}/{name}") as response:
        assert response.content_type == "application/octet-stream"
        assert response.headers["Content-Disposition"] == "attachment"
        assert response.headers["X-Content-Type-Options"] == "nosniff"


async def test_a_file_is_taken_from_our_page_only_and_up_to_its_size(world: World) -> None:
    """Another site can hand in nothing; what is too large is refused with its size."""
    await world.owner()
    assert (await hand_in(world, b"x", "a", origin="https://evil.example"))[0] == HTTPStatus.FORBIDDEN
    assert (await hand_in(world, b"x" * 10_001, "a"))[0] == HTTPStatus.REQUEST_ENTITY_TOO_LARGE
