"""The whole way with discord.py and the real store: what each channel finally shows, whatever the gateway does."""

import asyncio
import json
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from bots.discord.adapter import Discord
from bots.discord.interactions import handle
from contracts.rigs.discord import opened
from contracts.rigs.engines import until
from core import phrases, testing
from core.errors import PlatformRefusedUs
from core.exchange import Delta, Finished, ModelEvent, Part, Request, Usage
from core.site import AssistantInfo, Memo
from core.testing import deployed
from core.values import Address, Reply
from simulators.discord import DiscordSimulator, Fault
from simulators.discord.simulator import APPLICATION, TOKEN
from simulators.discord.world import Said, snowflake


class Echo(testing.FakeProvider):
    """A model that repeats the last words.

    Attributes:
        halt: It stands still until this is set.
    """

    def __init__(self) -> None:
        super().__init__(())
        self.halt: asyncio.Event | None = None

    async def stream(self, request: Request) -> AsyncGenerator[ModelEvent, None]:
        self.requests.append(request)
        if self.halt is not None:
            await self.halt.wait()
        text = "".join(part.body for part in request.entries[-1].parts if part.kind == "text")
        yield Delta(text=f"You said {text}")
        part = Part(kind="text", body=f"You said {text}")
        yield Finished(reason="stop", parts=(part,), usage=Usage(input_tokens=1, output_tokens=1))


@asynccontextmanager
async def living(
    folder: Path, discord: DiscordSimulator, memo: Memo | None = None, **more: object
) -> AsyncGenerator[Echo]:
    """One life of a deployment, connected; the store outlives it."""
    model = Echo()
    site = testing.bot_site(folder, "discord", memo=memo)
    begun = discord.gateway.identified
    async with opened(site, discord, **more) as adapter, deployed(folder, adapter, model):
        await until(lambda: discord.gateway.identified > begun and discord.gateway.connected)
        yield model
    await discord.gateway.forget()


async def shows(screen: Callable[[], list[str]], wanted: list[str]) -> None:
    """Wait until a channel shows this, and for a moment more, in case it shows more."""
    try:
        await until(lambda: screen() == wanted, within_s=15)
    except TimeoutError:
        assert screen() == wanted
    await asyncio.sleep(0.05)
    assert screen() == wanted


async def test_a_question_is_answered_in_its_chat(tmp_path: Path) -> None:
    """By an edit of what was shown meanwhile, or at once."""
    async with DiscordSimulator() as discord:
        ann, chat = discord.person(), discord.dm()
        async with living(tmp_path, discord):
            chat.say(ann, "Hello")
            await shows(chat.screen, ["You said Hello"])
        assert discord.violations == []


async def test_in_a_server_it_answers_when_spoken_to_and_knows_the_rest(tmp_path: Path) -> None:
    """What others said before is context."""
    async with DiscordSimulator() as discord:
        ann, bob = discord.person(), discord.person("Bob")
        room = discord.channel()
        async with living(tmp_path, discord) as model:
            room.mention(ann, "first")
            await until(lambda: len(room.screen()) == 1)
            room.say(bob, "It rains in Bonn.")
            room.mention(ann, "where does it rain?")
            await until(lambda: len(room.screen()) == 2)
            assert "It rains in Bonn." in str(model.requests[-1].entries)
        assert discord.violations == []


@pytest.mark.slow
async def test_nothing_is_lost_or_doubled_whatever_the_gateway_does(tmp_path: Path) -> None:
    """Reconnects, cut lines, invalid sessions, dead connections: each question has its one answer."""
    async with DiscordSimulator() as discord:
        people = [discord.person(f"P{number}") for number in range(4)]
        chats = [discord.dm() for _ in people]
        gateway = discord.gateway
        async with living(tmp_path, discord):

            async def round_of(name: str, trouble: Callable[[], object]) -> None:
                for person, chat in zip(people, chats, strict=True):
                    chat.say(person, f"{name} before")
                done = trouble()
                if asyncio.iscoroutine(done):
                    await done
                for person, chat in zip(people, chats, strict=True):
                    chat.say(person, f"{name} after")
                for chat in chats:
                    await until(lambda chat=chat: f"You said {name} after" in chat.screen(), within_s=20)  # type: ignore[misc]

            await round_of("calm", lambda: None)
            await round_of("reconnect", gateway.reconnect)
            await round_of("cut", gateway.drop)
            await round_of("invalid", lambda: gateway.invalidate(resumable=False))
            await round_of("again", gateway.again)
        words = [f"{n} {w}" for n in ("calm", "reconnect", "cut", "invalid", "again") for w in ("before", "after")]
        for chat in chats:
            assert sorted(chat.screen()) == sorted(f"You said {word}" for word in words)
        assert gateway.resumed >= 2
        assert discord.violations == []


async def test_a_connection_that_is_dead_and_does_not_know_it_is_left(tmp_path: Path) -> None:
    """Heartbeats that nobody answers end it."""
    async with DiscordSimulator() as discord:
        discord.gateway.heartbeat_s = 0.3
        ann, chat = discord.person(), discord.dm()
        async with living(tmp_path, discord):
            opened_before = discord.gateway.opened
            discord.gateway.deaf = True
            await until(lambda: discord.gateway.opened > opened_before, within_s=20)
            discord.gateway.deaf = False
            await until(lambda: discord.gateway.connected, within_s=20)
            chat.say(ann, "Hello")
            await shows(chat.screen, ["You said Hello"])


async def test_what_was_said_while_nobody_listened_is_answered_after_the_start(tmp_path: Path) -> None:
    """In the channels where something was said lately; what was answered already stays so."""
    async with DiscordSimulator() as discord:
        ann, chat, room = discord.person(), discord.dm(), discord.channel()
        memo = testing.FakeMemo()
        async with living(tmp_path, discord, memo):
            chat.say(ann, "one")
            room.mention(ann, "uno")
            await shows(chat.screen, ["You said one"])
            await until(lambda: len(room.screen()) == 1)
        chat.say(ann, "two")
        chat.say(ann, "three")
        room.mention(ann, "due")
        async with living(tmp_path, discord, memo):
            await shows(chat.screen, ["You said one", "You said two", "You said three"])
            await until(lambda: len(room.screen()) == 2)
        assert discord.violations == []


async def test_a_slash_command_is_answered_in_time(tmp_path: Path) -> None:
    """First "thinking", then the answer in the same message; the menu was published once."""
    async with DiscordSimulator() as discord:
        ann, chat = discord.person(), discord.dm()
        commands = (("new", "Start a new conversation"), ("help", "What else there is"))
        site = replace(
            testing.bot_site(tmp_path, "discord", memo=testing.FakeMemo()), assistant=AssistantInfo(commands=commands)
        )

        async def life() -> None:
            async with opened(site, discord) as adapter, deployed(tmp_path, adapter, Echo()):
                await until(lambda: discord.gateway.connected)
                made = discord.command(ann, chat, "help")
                await until(lambda: made.answered == 5)
                await until(lambda: "/help" in " ".join(chat.screen()))
            await discord.gateway.forget()

        await life()
        await life()
        assert [command["name"] for command in discord.commands] == ["ask", "new", "help"]
        assert discord.published == 1
        assert "is thinking…" not in chat.screen()
        assert discord.violations == []


async def test_a_stop_is_no_promise_of_an_answer(tmp_path: Path) -> None:
    """Its sign is seen by nobody else, and nothing says "thinking" for a quarter of an hour."""
    async with DiscordSimulator() as discord:
        ann, chat = discord.person(), discord.dm()
        async with living(tmp_path, discord):
            made = discord.command(ann, chat, "stop")
            await until(lambda: made.answered == 4)
            await until(lambda: chat.messages[0].text == "There is nothing to stop.", within_s=5)
        assert chat.screen() == []
        assert discord.violations == []


async def test_what_was_said_anywhere_in_a_server_meanwhile_is_answered(tmp_path: Path) -> None:
    """In channels where nothing was said before, in threads, and in posts begun while nobody listened."""
    async with DiscordSimulator() as discord:
        ann, memo = discord.person(), testing.FakeMemo()
        room, forum = discord.channel(), discord.channel()
        thread = discord.channel(room.guild, room.id, "Rain")
        async with living(tmp_path, discord, memo, channels=(room.id, forum.id)):
            room.say(ann, "one")
            await shows(room.screen, ["You said Ann: one"])
        thread.say(ann, "two")
        post = discord.post(ann, forum, "Bread", "How is it baked?")
        other = discord.channel(room.guild)
        other.mention(ann, "three")
        async with living(tmp_path, discord, memo, channels=(room.id, forum.id)):
            await shows(thread.screen, ["You said Ann: two"])
            await shows(post.screen, ["You said Ann: Bread\n\nHow is it baked?"])
            await shows(other.screen, ["You said Ann: three"])
            await shows(room.screen, ["You said Ann: one"])
        assert discord.violations == []


@pytest.mark.parametrize(
    "fault", [Fault(status=502), Fault(retry_after_s=0.05), Fault(retry_after_s=0.05, everywhere=True), Fault(cut=True)]
)
async def test_a_channel_that_cannot_be_read_at_first_is_read_later(tmp_path: Path, fault: Fault) -> None:
    """And what is said there meanwhile waits its turn."""
    async with DiscordSimulator() as discord:
        ann, chat, memo = discord.person(), discord.dm(), testing.FakeMemo()
        async with living(tmp_path, discord, memo):
            chat.say(ann, "one")
            await shows(chat.screen, ["You said one"])
        chat.say(ann, "two")
        discord.unreadable.extend([fault] * 4)
        async with living(tmp_path, discord, memo):
            chat.say(ann, "three")
            await shows(chat.screen, ["You said one", "You said two", "You said three"])
        assert discord.violations == []


async def test_a_gap_outlives_the_process(tmp_path: Path) -> None:
    """What could not be read in one life is read in the next, though much was heard since."""
    async with DiscordSimulator() as discord:
        ann, bob, memo = discord.person(), discord.person("Bob"), testing.FakeMemo()
        chat, other = discord.dm(), discord.dm()
        async with living(tmp_path, discord, memo):
            chat.say(ann, "one")
            other.say(bob, "eins")
            await shows(chat.screen, ["You said one"])
            await shows(other.screen, ["You said eins"])
        chat.say(ann, "two")
        kept = json.loads(memo.kept["heard"])
        kept["gaps"] = {chat.id: (int(chat.messages[0].id), "")}
        kept["mark"] = int(chat.messages[-1].id)
        memo.kept["heard"] = json.dumps(kept)
        async with living(tmp_path, discord, memo):
            await shows(chat.screen, ["You said one", "You said two"])
        assert json.loads(memo.kept["heard"])["gaps"] == {}


async def test_nobody_waits_long_behind_a_gap(tmp_path: Path) -> None:
    """A channel that Discord does not let us read is heard all the same."""
    async with DiscordSimulator() as discord:
        ann, chat, memo = discord.person(), discord.dm(), testing.FakeMemo()
        async with living(tmp_path, discord, memo):
            chat.say(ann, "one")
            await shows(chat.screen, ["You said one"])
        discord.unreadable.extend([Fault(status=503)] * 1000)
        site = testing.bot_site(tmp_path, "discord", memo=memo)
        async with opened(site, discord) as adapter:
            assert isinstance(adapter, Discord)
            adapter._patience = {"pause_s": (0.05, 0.05), "held_s": 0.2}
            async with deployed(tmp_path, adapter, Echo()):
                await until(lambda: discord.gateway.connected)
                chat.say(ann, "two")
                await shows(chat.screen, ["You said one", "You said two"])
                assert discord.unreadable
        assert chat.id in json.loads(memo.kept["heard"])["gaps"]


async def test_a_server_that_was_away_is_caught_up_when_it_is_back(tmp_path: Path) -> None:
    """An outage of Discord's own: what was said there meanwhile is brought by nobody."""
    async with DiscordSimulator() as discord:
        ann, room = discord.person(), discord.channel()
        async with living(tmp_path, discord):
            room.mention(ann, "one")
            await until(lambda: len(room.screen()) == 1)
            discord.gateway.dispatch("GUILD_DELETE", {"id": room.guild, "unavailable": True})
            room.dispatch = lambda kind, data: None
            room.mention(ann, "two")
            room.dispatch = discord.gateway.dispatch
            discord.gateway.dispatch("GUILD_CREATE", {"id": room.guild, "channels": [room.facts], "threads": []})
            await shows(room.screen, ["You said Ann: one", "You said Ann: two"])


async def test_a_server_that_is_joined_has_nothing_to_catch_up(tmp_path: Path) -> None:
    """What was said there before was said to nobody of us."""
    async with DiscordSimulator() as discord:
        ann, room = discord.person(), discord.channel()
        async with living(tmp_path, discord):
            joined = discord.channel()
            joined.dispatch = lambda kind, data: None
            joined.mention(ann, "before")
            joined.dispatch = discord.gateway.dispatch
            discord.gateway.dispatch("GUILD_CREATE", {"id": joined.guild, "channels": [joined.facts], "threads": []})
            room.mention(ann, "after")
            await shows(room.screen, ["You said Ann: after"])
            assert joined.screen() == []
            assert f"GET /api/v10/channels/{joined.id}/messages" not in discord.calls


async def test_interactions_are_acknowledged_side_by_side(tmp_path: Path) -> None:
    """Each is on its way before the first has come back, and each is answered in the message that said "thinking"."""
    async with DiscordSimulator() as discord:
        people = [discord.person(f"P{number}") for number in range(6)]
        chats = [discord.dm() for _ in people]
        async with living(tmp_path, discord):
            discord.prompt.clear()
            for person, chat in zip(people, chats, strict=True):
                discord.command(person, chat, "ask", "it")
            await until(lambda: sum(call.endswith("/callback") for call in discord.calls) == len(people))
            await asyncio.sleep(0.2)
            assert [chat.screen() for chat in chats] == [[]] * len(people)
            discord.prompt.set()
            for chat in chats:
                await shows(chat.screen, ["You said it"])
        assert discord.violations == []


async def test_a_promise_to_nobody_is_taken_back(tmp_path: Path) -> None:
    """A stranger's command in a server is not answered, nor does it say "thinking" for a quarter of an hour."""
    async with DiscordSimulator() as discord:
        room, ann, bob = discord.channel(), discord.person(), discord.person("Bob")
        async with opened(testing.bot_site(tmp_path, "discord"), discord) as adapter:
            assert isinstance(adapter, Discord)
            adapter._signs._nobody_s = 0.2
            listening = asyncio.create_task(adapter.run(_deaf))
            await until(lambda: discord.gateway.connected)
            discord.command(ann, room, "help")
            made = discord.command(bob, room, "ask", "it")
            await until(lambda: room.screen() == ["is thinking…"] * 2)
            to = Address(
                adapter="discord",
                chat=room.id,
                handle=handle({"application_id": APPLICATION, "token": made.token, "type": 2}, time.time()),
            )
            await adapter.signal(to, "typing", slot="7")
            await until(lambda: len(room.screen()) == 1)
            (page,) = adapter.pages(Reply(markdown="Hello"), "markdown")
            await adapter.put(to, page, slot="7.0", was=None)
            await shows(room.screen, ["Hello"])
            listening.cancel()
        assert discord.violations == []


async def test_a_gateway_that_sends_us_away_again_and_again_is_not_stormed(tmp_path: Path) -> None:
    """Each connection that did not last makes the next wait longer, whoever ended it."""
    async with DiscordSimulator() as discord, opened(testing.bot_site(tmp_path, "discord"), discord) as adapter:
        assert isinstance(adapter, Discord)
        adapter._pace |= {"pause_s": (0.05, 10.0)}
        listening = asyncio.create_task(adapter.run(_deaf))

        async def send_away() -> None:
            while True:
                discord.gateway.reconnect()
                await asyncio.sleep(0.005)

        sending = asyncio.create_task(send_away())
        await asyncio.sleep(2.0)
        listening.cancel()
        sending.cancel()
        assert 2 <= discord.gateway.opened <= 8


@pytest.mark.parametrize(
    "break_it, words",
    [
        (lambda discord: setattr(discord.gateway, "content", False), "Message Content Intent"),
        (lambda discord: setattr(discord.gateway, "_token", "another"), "does not accept the token"),
    ],
)
async def test_what_the_operator_has_to_change_is_said_in_a_sentence(
    tmp_path: Path, break_it: Callable[[DiscordSimulator], None], words: str
) -> None:
    """And nobody knocks again and again."""
    async with DiscordSimulator() as discord:
        break_it(discord)
        async with opened(testing.bot_site(tmp_path, "discord"), discord) as adapter:
            with pytest.raises(PlatformRefusedUs, match=words):
                await asyncio.wait_for(adapter.run(_deaf), 10)
        assert discord.gateway.opened == 1


async def test_a_wrong_token_is_told_before_anything_else(tmp_path: Path) -> None:
    """The REST API says so."""
    async with DiscordSimulator() as discord, opened(testing.bot_site(tmp_path, "discord"), discord) as adapter:
        assert isinstance(adapter, Discord)
        adapter._line._headers["Authorization"] = "Bot wrong"
        with pytest.raises(PlatformRefusedUs, match="reset it"):
            await adapter.run(_deaf)
        assert TOKEN not in str(discord.calls)


async def _deaf(events: object) -> tuple[bool, ...]:
    del events
    return ()


@pytest.mark.parametrize("limit", [2000, 4000])
async def test_a_text_cut_by_hand_at_the_limit_is_one_question(tmp_path: Path, limit: int) -> None:
    """Of whoever has Nitro and of who has not; what is far from the limit is a question of its own."""
    async with DiscordSimulator() as discord:
        ann, chat = discord.person(), discord.dm()
        async with living(tmp_path, discord) as model:
            chat.say(ann, "a" * limit)
            await asyncio.sleep(0.1)
            chat.say(ann, "b" * (limit - 20))
            await asyncio.sleep(0.1)
            chat.say(ann, "c" * 500)
            await until(lambda: len(model.requests) == 1 and len(chat.screen()) >= 1, within_s=15)
            chat.say(ann, "d" * (limit - 500))
            chat.say(ann, "e" * 600)
            await until(lambda: len(model.requests) == 3)
        asked = ["".join(part.body for part in request.entries[-1].parts) for request in model.requests]
        assert asked == [
            "a" * limit + "b" * (limit - 20) + " " + "c" * 500,
            "d" * (limit - 500),
            "e" * 600,
        ]
        assert discord.violations == []


async def test_an_update_that_changes_no_word_restarts_nothing(tmp_path: Path) -> None:
    """Embeds are found, a message is pinned, or its edit is told of once more."""
    async with DiscordSimulator() as discord:
        ann, chat = discord.person(), discord.dm()
        async with living(tmp_path, discord) as model:
            model.halt = asyncio.Event()
            first = chat.say(ann, "see https://example.org")
            await until(lambda: model.requests)
            facts = chat.message(next(said for said in chat.messages if said.id == first))
            embeds = [{"type": "link", "url": "https://example.org"}]
            for change in (
                {"embeds": embeds},
                {"embeds": embeds, "edited_timestamp": "2026-11-20T12:00:00+00:00"},
                {"pinned": True, "edited_timestamp": "2026-11-20T12:00:01.5+00:00"},
            ):
                discord.gateway.dispatch("MESSAGE_UPDATE", facts | change)
            await asyncio.sleep(0.2)
            model.halt.set()
            await shows(chat.screen, ["You said see https://example.org"])
            assert len(model.requests) == 1
            discord.gateway.dispatch("MESSAGE_UPDATE", facts | {"flags": 4, "edited_timestamp": "2026-11-20T12:01:00"})
            chat.say(ann, "and?")
            await shows(chat.screen, ["You said see https://example.org", "You said and?"])
            assert "edited" not in str(model.requests[-1].entries)


async def test_a_question_becomes_ours_by_an_edit(tmp_path: Path) -> None:
    """Whoever adds the mention wants an answer, and gets it once."""
    async with DiscordSimulator() as discord:
        ann, room = discord.person(), discord.channel()
        async with living(tmp_path, discord):
            first = room.say(ann, "what is x?")
            await asyncio.sleep(0.1)
            (said,) = [one for one in room.messages if one.id == first]
            said.body |= {"mentions": [discord.me.user]}
            room.edit(first, f"<@{discord.me.id}> what is x?")
            await shows(room.screen, ["You said Ann: what is x?"])
            room.edit(first, f"<@{discord.me.id}> what is x then?")
            await asyncio.sleep(0.2)
            await shows(room.screen, ["You said Ann: what is x?"])


async def test_what_is_caught_up_after_days_is_read_and_told_of_once(tmp_path: Path) -> None:
    """Nothing ran for a weekend: whoever wrote then may still want an answer, or not."""
    async with DiscordSimulator() as discord:
        ann, chat, memo = discord.person(), discord.dm(), testing.FakeMemo()
        long_ago = time.time() - 5 * 86400
        async with living(tmp_path, discord, memo):
            chat.say(ann, "one")
            await shows(chat.screen, ["You said one"])
        kept = json.loads(memo.kept["heard"])
        kept["mark"] = int(snowflake(long_ago - 3600))
        memo.kept["heard"] = json.dumps(kept)
        old = [Said(snowflake(long_ago + number), ann, {"content": f"old {number}"}) for number in range(3)]
        chat.messages[:0] = old
        async with living(tmp_path, discord, memo) as model:
            await until(lambda: len(chat.screen()) == 2)
            assert chat.screen()[1] == phrases.LATE.format(ago="5 days")
            chat.say(ann, "two")
            await until(lambda: len(chat.screen()) == 3)
            told = str(model.requests[-1].entries)
            assert [f"old {number}" in told for number in range(3)] == [True] * 3
            assert len(model.requests) == 1
        assert discord.violations == []
