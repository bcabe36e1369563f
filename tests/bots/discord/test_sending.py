"""Out: files, buttons and menus, interactions in time and too late, and what each refusal means."""

import json
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio
from aiohttp import web
from aiohttp.test_utils import TestServer

from bots.discord.interactions import handle
from bots.discord.line import Line, Refused, Unsent
from bots.discord.paging import pages
from contracts.rigs.discord import opened
from core import testing
from core.errors import (
    AdapterError,
    ChatGone,
    DeliveryUnknown,
    MarkupRefused,
    MediaUnavailable,
    MessageGone,
    PlatformBusy,
    PlatformDown,
    PlatformRefusedUs,
)
from core.files import read_whole
from core.seams import Adapter
from core.values import Address, Choice, Media, Reply
from simulators.discord import Channel, DiscordSimulator, Fault
from simulators.discord.simulator import APPLICATION, Interaction


async def file(media: Media) -> AsyncGenerator[bytes, None]:
    """A file of another adapter."""
    yield b"x" * (11 << 20) if media.ref == "large" else b"hello"


@pytest_asyncio.fixture
async def discord() -> AsyncIterator[DiscordSimulator]:
    """Discord, whose rules nobody breaks."""
    async with DiscordSimulator() as simulated:
        yield simulated
        assert simulated.violations == []


@pytest_asyncio.fixture
async def adapter(discord: DiscordSimulator) -> AsyncIterator[Adapter]:
    """The adapter, without anybody listening."""
    async with opened(replace(testing.bot_site(Path("/nonexistent"), "discord"), fetch=file), discord) as made:
        yield made


@pytest.fixture
def chat(discord: DiscordSimulator) -> Channel:
    """A direct chat."""
    return discord.dm()


def to(chat: Channel, right: str = "") -> Address:
    """Its address."""
    return Address(adapter="discord", chat=chat.id, handle=right)


async def say(adapter: Adapter, where: Address, reply: Reply, slot: str = "7") -> list[str]:
    """All pages of a reply; their ids."""
    pages = adapter.pages(reply, "markdown")
    return [await adapter.put(where, page, slot=f"{slot}.{n}", was=None) for n, page in enumerate(pages)]


def choices(count: int) -> tuple[Choice, ...]:
    """So many buttons."""
    return tuple(Choice(label=f"Choice {number}", token=f"token-{number}") for number in range(count))


async def test_files_go_with_the_first_words(adapter: Adapter, chat: Channel) -> None:
    """In one message."""
    media = (
        Media(adapter="web", ref="1", kind="photo", mime="image/png"),
        Media(adapter="web", ref="2", kind="document", name="notes.txt", mime="text/plain"),
    )
    await say(adapter, to(chat), Reply(markdown="Look", media=media))
    assert chat.screen() == ["Look[photo.png][notes.txt]"]


async def test_more_than_ten_files_go_in_more_messages(adapter: Adapter, chat: Channel) -> None:
    """Discord takes ten with one."""
    media = tuple(Media(adapter="web", ref="1", kind="document", name=f"{number}.txt") for number in range(23))
    await say(adapter, to(chat), Reply(markdown="Look", media=media, choices=choices(1)))
    assert [shown.count("[") for shown in chat.screen()] == [10, 10, 3]
    assert chat.screen()[0].startswith("Look[0.txt]")
    assert [len(said.buttons) for said in chat.messages] == [0, 0, 1]


async def test_where_files_may_not_be_attached_the_words_go_alone(
    discord: DiscordSimulator, adapter: Adapter, chat: Channel
) -> None:
    """The permission is one of its own."""
    discord.next(Fault(status=403, code=50013))
    with pytest.raises(MediaUnavailable, match="Attach Files"):
        await say(adapter, to(chat), Reply(markdown="Look", media=(Media(adapter="web", ref="1", kind="photo"),)))


async def test_a_file_larger_than_allowed_is_said_to_be_unavailable(adapter: Adapter, chat: Channel) -> None:
    """The words go without it."""
    with pytest.raises(MediaUnavailable):
        await say(adapter, to(chat), Reply(markdown="", media=(Media(adapter="web", ref="large", kind="photo"),)))
    assert not chat.messages


async def test_twenty_five_choices_are_buttons_and_more_are_menus(adapter: Adapter, chat: Channel) -> None:
    """Five rows of five; then menus of twenty-five."""
    await say(adapter, to(chat), Reply(markdown="?", choices=choices(25)), "1")
    await say(adapter, to(chat), Reply(markdown="?", choices=choices(60)), "2")
    assert [len(said.buttons) for said in chat.messages] == [25, 60]


async def test_the_same_slot_is_one_message(adapter: Adapter, chat: Channel) -> None:
    """Sent again after a crash, it is known by its nonce."""
    first = await say(adapter, to(chat), Reply(markdown="Hello"))
    assert await say(adapter, to(chat), Reply(markdown="Hello")) == first
    assert chat.screen() == ["Hello"]
    assert adapter.capabilities(to(chat)).idempotent
    assert not adapter.capabilities(to(chat, "x")).idempotent


def asked(discord: DiscordSimulator, chat: Channel, kind: int) -> tuple[Interaction, Address]:
    """An interaction that was acknowledged, and where to answer it."""
    made = Interaction("1", f"token-{kind}", kind, chat, answered=5 if kind == 2 else 6)
    discord.interactions[made.token] = made
    if kind == 2:
        chat.say(discord.me, "is thinking…")
        made.original = chat.messages[-1].id
    facts = {"application_id": APPLICATION, "token": made.token, "type": kind}
    return made, to(chat, handle(facts, time.time()))


async def test_a_command_is_answered_where_it_says_thinking(
    discord: DiscordSimulator, adapter: Adapter, chat: Channel
) -> None:
    """Its first page fills the message that is there; all further ones follow."""
    _, where = asked(discord, chat, 2)
    long = "\n\n".join(f"Part {number}. " + "word " * 60 for number in range(12))
    ids = await say(adapter, where, Reply(markdown=long))
    assert len(ids) > 1
    assert ids[0] == chat.messages[0].id
    assert "is thinking…" not in chat.screen()
    assert " ".join(chat.screen()).split() == long.split()


async def test_an_answer_to_a_button_is_a_message_of_its_own(
    discord: DiscordSimulator, adapter: Adapter, chat: Channel
) -> None:
    """It can be changed and taken back like any other."""
    _, where = asked(discord, chat, 3)
    (was,) = await say(adapter, where, Reply(markdown="Done"))
    (page,) = adapter.pages(Reply(markdown="Done!"), "markdown")
    await adapter.put(where, page, slot="7.0", was=was)
    assert chat.screen() == ["Done!"]
    await adapter.put(where, None, slot="7.0", was=was)
    assert chat.screen() == []


async def test_an_interaction_that_is_over_is_answered_in_its_channel(
    discord: DiscordSimulator, adapter: Adapter, chat: Channel
) -> None:
    """After a quarter of an hour, or a restart that took too long."""
    made, where = asked(discord, chat, 3)
    made.expired = True
    await say(adapter, where, Reply(markdown="Late"))
    assert chat.screen() == ["Late"]


async def test_a_promise_that_was_taken_back_is_answered_all_the_same(
    discord: DiscordSimulator, adapter: Adapter, chat: Channel
) -> None:
    """By a new message of the command's, which reaches places where the bot is not."""
    _, where = asked(discord, chat, 2)
    chat.messages.clear()
    chat.closed = 50001
    await say(adapter, where, Reply(markdown="Late"))
    assert chat.screen() == ["Late"]


async def test_what_follows_a_command_may_be_there_after_a_gateways_error(
    discord: DiscordSimulator, adapter: Adapter, chat: Channel
) -> None:
    """It has no number by which Discord would know it again."""
    _, where = asked(discord, chat, 3)
    discord.next(Fault(status=502))
    with pytest.raises(DeliveryUnknown):
        await say(adapter, where, Reply(markdown="Hello"))


async def test_where_the_bot_may_not_write_the_interaction_may(
    discord: DiscordSimulator, adapter: Adapter, chat: Channel
) -> None:
    """An app that somebody brought along speaks through the interaction alone."""
    chat.closed = 50001
    _, where = asked(discord, chat, 2)
    (was,) = await say(adapter, where, Reply(markdown="Hello"))
    (page,) = adapter.pages(Reply(markdown="Hello!"), "markdown")
    await adapter.put(where, page, slot="7.0", was=was)
    assert chat.screen() == ["Hello!"]


async def test_a_file_is_fetched_by_the_message_it_came_with(
    discord: DiscordSimulator, adapter: Adapter, chat: Channel
) -> None:
    """Its address holds for a day; the message stays."""
    kept = discord.keep(b"hello", "a.txt", "text/plain")
    said = chat.say(discord.person(), "", attachments=[kept])
    media = Media(adapter="discord", ref=f"{chat.id}/{said}/{kept['id']}", kind="document")
    assert await read_whole(adapter.fetch, media, 100) == b"hello"
    snapshot = {"message": {"content": "", "attachments": [discord.keep(b"passed on", "b.txt", "text/plain")]}}
    forward = chat.say(discord.person(), "", message_snapshots=[snapshot])
    passed = f"{chat.id}/{forward}/{snapshot['message']['attachments'][0]['id']}"  # type: ignore[index]
    assert await read_whole(adapter.fetch, replace(media, ref=passed), 100) == b"passed on"
    for ref in ("nowhere", f"{chat.id}/{said}/1", f"{chat.id}/1/1"):
        with pytest.raises(MediaUnavailable):
            await read_whole(adapter.fetch, replace(media, ref=ref), 100)


@pytest.mark.parametrize(
    "fault, error, facts",
    [
        (Fault(retry_after_s=7.5), PlatformBusy, {"retry_after_s": 7.5, "reach": "chat"}),
        (Fault(retry_after_s=2.0, everywhere=True), PlatformBusy, {"reach": "bot"}),
        (Fault(status=401), PlatformRefusedUs, {}),
        (Fault(status=403, code=50007), ChatGone, {}),
        (Fault(status=403, code=50013), ChatGone, {}),
        (Fault(status=404, code=10003), ChatGone, {}),
        (Fault(status=404, code=10008), MessageGone, {}),
        (Fault(status=400, code=50035), MarkupRefused, {}),
        (Fault(status=413, code=40005), MediaUnavailable, {}),
        (Fault(status=400, code=20028), PlatformBusy, {}),
        (Fault(status=500), PlatformDown, {}),
        (Fault(status=400, code=987654), MarkupRefused, {}),
        (Fault(cut=True), DeliveryUnknown, {}),
        (Fault(after=True), DeliveryUnknown, {}),
        (Fault(status=200), DeliveryUnknown, {}),
    ],
)
async def test_each_refusal_is_one_of_our_errors(
    discord: DiscordSimulator, adapter: Adapter, fault: Fault, error: type[AdapterError], facts: dict[str, object]
) -> None:
    """Policy reads our errors alone; the token stands in none of them."""
    discord.next(fault)
    with pytest.raises(error) as raised:
        await say(adapter, to(discord.dm()), Reply(markdown="Hello"))
    for name, value in facts.items():
        assert getattr(raised.value, name) == value
    assert "MTE" not in str(raised.value)


@pytest.mark.parametrize("code, words", [(50001, "View Channels"), (50013, "Send Messages"), (50007, "no direct")])
async def test_what_is_not_permitted_is_said_in_a_sentence(
    discord: DiscordSimulator, adapter: Adapter, chat: Channel, code: int, words: str
) -> None:
    """With what the operator can do about it."""
    chat.closed = code
    with pytest.raises(ChatGone, match=words):
        await say(adapter, to(chat), Reply(markdown="Hello"))


async def test_a_wall_before_discord_turns_away_the_whole_bot() -> None:
    """Cloudflare speaks no JSON, and means our address."""

    async def refuse(request: web.Request) -> web.Response:
        del request
        return web.Response(status=429, text="error code: 1015", headers={"Retry-After": "17"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", refuse)
    async with TestServer(app) as server, Line(str(server.make_url("/")), "token", connect_s=1.0) as line:
        with pytest.raises(Refused) as raised:
            await line.call("GET", "/users/@me")
    assert (raised.value.everywhere, raised.value.retry_after_s) == (True, 17.0)


async def test_a_connection_that_does_not_come_about_delivered_nothing() -> None:
    """Nobody takes it, in time: the request certainly did not go out."""
    with socket.create_server(("127.0.0.1", 0), backlog=1) as full:
        held = []
        for _ in range(8):  # what the system takes by itself is full after a few
            waiting = socket.socket()
            waiting.setblocking(False)
            waiting.connect_ex(full.getsockname())
            held.append(waiting)
        async with Line(f"http://127.0.0.1:{full.getsockname()[1]}", "token", connect_s=0.2) as line:
            with pytest.raises(Unsent):
                await line.call("GET", "/users/@me")
        for waiting in held:
            waiting.close()


async def test_a_discord_that_is_not_there_is_down(discord: DiscordSimulator, adapter: Adapter, chat: Channel) -> None:
    """It certainly did not arrive."""
    await discord.__aexit__(None, None, None)
    with pytest.raises(PlatformDown):
        await say(adapter, to(chat), Reply(markdown="Hello"))


@pytest.mark.parametrize(
    "markdown, shown",
    [
        ("# Title\n\n**bold** and *it*", "# Title\n\n**bold** and *it*"),
        ("a_b*c and 2 * 3 < 4", "a\\_b\\*c and 2 \\* 3 \\< 4"),
        ("see https://e.org/a_b_c", "see https://e.org/a_b_c"),
        ("[x](https://e.org)", "[x](<https://e.org>)"),
        ("@everyone <@1> <#2>", "@everyone \\<@1\\> \\<#2\\>"),
        ("`a``b`", "`a``b`"),
    ],
)
def test_what_is_said_means_itself(markdown: str, shown: str) -> None:
    """Discord's own marks are used where Markdown's were meant, and nowhere else."""
    (page,) = pages(Reply(markdown=markdown), "markdown")
    assert json.loads(page.body)["content"] == shown
