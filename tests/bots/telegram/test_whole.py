"""Questions from end to end: an album is asked about once, a picture by a reply, and what others said is known."""

import asyncio
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import get_args

import pytest

from contracts.rigs.engines import SqliteRig, running, until
from contracts.rigs.telegram import Rig, accepting
from core import phrases
from core.exchange import Delta, Finished, ModelEvent, Part, Request, Usage
from core.models.routing import Router
from core.people.access import Access
from core.testing import FakeProvider, answer
from core.turn.answering import Means
from core.turn.assistant import Assistant
from core.turn.hearing import WhileBusy
from core.turn.toolbox import Toolbox
from simulators.telegram import Chat

US = "@sim700001_bot"


@pytest.fixture
async def model(rig: Rig, tmp_path: Path) -> AsyncGenerator[FakeProvider]:
    """The model that is asked, in a whole product over the simulated platform."""
    provider = FakeProvider(answer("The ", "second."))
    async with SqliteRig(tmp_path / "data").open() as engine:
        means = Means(
            records=engine.records,
            router=Router([provider], "auto"),
            toolbox=Toolbox([]),
            system="Be brief.",
            album_s=0.4,
        )
        turn = Assistant(means, Access(engine.records, "open", []))
        async with running(engine, turn, rig.adapter), accepting(rig.adapter, engine.accept):
            yield provider


def asked(request: Request) -> tuple[str, int]:
    """The words of a request's last entry, and how many files it has."""
    parts = request.entries[-1].parts
    return "".join(part.body for part in parts if part.kind == "text"), sum(part.kind == "media" for part in parts)


async def test_an_album_is_one_question(rig: Rig, model: FakeProvider) -> None:
    """Three pictures with one caption are looked at together, and there is one answer."""
    rig.person.album([b"1", b"2", b"3"], caption="Which one?")
    chat = rig.telegram.chat(42)
    await until(chat.replies)
    assert [shown.text for shown in chat.replies()] == ["The second."]
    assert [asked(request) for request in model.requests] == [("Which one?", 3)]


async def test_an_album_in_a_group_is_one_question_and_its_answer_replies_to_it(rig: Rig, model: FakeProvider) -> None:
    """Only its first picture names us, and all are asked about."""
    group = rig.telegram.group(-100_5)
    album = rig.person.album([b"1", b"2", b"3"], caption=f"{US} which one?", chat=group.id)
    await until(group.replies)
    (shown,) = group.replies()
    assert shown.text == "The second."
    assert shown.reply_to in {said.message_id for said in album}
    ((words, files),) = [asked(request) for request in model.requests]
    assert words.startswith("Alice: which one?")
    assert files == 3


async def test_a_picture_asked_about_by_a_reply_is_shown_to_the_model(rig: Rig, model: FakeProvider) -> None:
    """Somebody else sent it, and was not talking to us."""
    group = rig.telegram.group(-100_5)
    bob = rig.telegram.person(7, "Bob")
    picture = bob.photo(b"picture", chat=group.id)
    rig.person.say(f"{US} what is this?", chat=group.id, reply_to=picture.message_id)
    await until(group.replies)
    assert [shown.reply_to for shown in group.replies()] == [picture.message_id + 1]
    words, files = asked(model.requests[-1])
    assert "what is this?" in words
    assert files >= 1


async def test_what_was_said_to_others_is_known_when_we_are_asked(rig: Rig, model: FakeProvider) -> None:
    """Talk is not answered, but who said what is context for the question that follows."""
    group = rig.telegram.group(-100_5)
    rig.person.say(f"{US} hello", chat=group.id)
    await until(group.replies)
    bob = rig.telegram.person(7, "Bob")
    bob.say("I am for the red one", chat=group.id)
    rig.person.say("and I for the blue one", chat=group.id)
    rig.person.say(f"{US} who is right?", chat=group.id)
    await until(lambda: len(group.replies()) == 2)
    assert len(model.requests) == 2
    told = "\n".join(part.body for entry in model.requests[1].entries for part in entry.parts)
    for who, what in (("Bob", "I am for the red one"), ("Alice", "and I for the blue one")):
        assert told.index(who) < told.index(what) < told.index("who is right?")


class Slow(FakeProvider):
    """A model that repeats the question, a while after it was asked.

    Attributes:
        broken_off: How many of its answers were cut off.
    """

    def __init__(self, after_s: float) -> None:
        super().__init__(())
        self.broken_off = 0
        self._after_s = after_s

    async def stream(self, request: Request) -> AsyncGenerator[ModelEvent, None]:
        self.requests.append(request)
        yield Delta(text="You said: ")
        try:
            await asyncio.sleep(self._after_s)
        except asyncio.CancelledError:
            self.broken_off += 1
            raise
        said = f"You said: {asked(request)[0][-60:]}"
        yield Delta(text=said.removeprefix("You said: "))
        yield Finished(reason="stop", parts=(Part(kind="text", body=said),), usage=Usage())


@asynccontextmanager
async def living(rig: Rig, folder: Path, model: FakeProvider, **more: object) -> AsyncGenerator[None]:
    """One life of a product over the simulated platform, which outlives it."""
    async with SqliteRig(folder / "data").open() as engine:
        means = Means(
            records=engine.records,
            router=Router([model], "auto"),
            toolbox=Toolbox([]),
            system="Be brief.",
            **more,  # type: ignore[arg-type]
        )
        turn = Assistant(means, Access(engine.records, "open", []))
        async with running(engine, turn, rig.adapter), accepting(rig.adapter, engine.accept):
            yield


async def settled(chat: Chat, *texts: str) -> None:
    """Wait until a chat shows this, and a moment longer."""
    await until(lambda: [shown.text for shown in chat.replies()] == list(texts), within_s=10)
    await asyncio.sleep(0.3)
    assert [shown.text for shown in chat.replies()] == list(texts)


@pytest.mark.parametrize("while_busy", get_args(WhileBusy))
@pytest.mark.parametrize("gap_s", [0.0, 0.1, 1.2])
async def test_a_text_of_9265_letters_is_one_question(
    rig: Rig, tmp_path: Path, while_busy: WhileBusy, gap_s: float
) -> None:
    """It arrives as 4096, 4096 and 1073: at once, one after the other, or when its answer has begun."""
    text = "".join(f"{number:05}," for number in range(9265 // 6)).ljust(9265, "!")
    model = Slow(2.0 if gap_s > 1 else 0.0)
    async with living(rig, tmp_path, model, while_busy=while_busy):
        for at in (0, 4096, 8192):
            rig.say(text[at : at + 4096])
            await asyncio.sleep(gap_s)
        await settled(rig.telegram.chat(42), f"You said: {text[-60:]}")
    assert asked(model.requests[-1])[0] == text
    assert len(model.requests) == model.broken_off + 1
    assert model.broken_off == (2 if gap_s > 1 else 0)


async def test_the_first_short_message_is_not_waited_behind(rig: Rig, tmp_path: Path) -> None:
    """However long pieces would wait for each other, nothing else does."""
    model = Slow(0.0)
    async with living(rig, tmp_path, model, album_s=60.0):
        rig.say("hello")
        rig.say("x" * 3000)
        await settled(rig.telegram.chat(42), "You said: hello", f"You said: {'x' * 60}")


async def test_an_edit_that_changes_nothing_is_nobodys_news(rig: Rig, tmp_path: Path) -> None:
    """A reaction, a link preview and a keyboard are told of as edits, of what is being answered and of what was."""
    model, chat = Slow(0.6), rig.telegram.chat(42)
    async with living(rig, tmp_path, model):
        first = rig.say("see https://example.org")
        await until(lambda: model.requests)
        for _ in range(3):
            rig.edit(first, "see https://example.org")
            await asyncio.sleep(0.05)
        await settled(chat, "You said: see https://example.org")
        assert (len(model.requests), model.broken_off) == (1, 0)
        rig.edit(first, "see https://example.org")
        rig.say("and now?")
        await until(lambda: len(chat.replies()) == 2, within_s=10)
    assert "edited" not in str(model.requests[-1].entries)
    async with living(rig, tmp_path, model):  # and in the next life
        rig.edit(first, "see https://example.org")
        rig.say("and then?")
        await until(lambda: len(chat.replies()) == 3, within_s=10)
    assert "edited" not in str(model.requests[-1].entries)


async def test_a_command_below_which_somebody_reacts_is_not_given_again(rig: Rig, tmp_path: Path) -> None:
    """Telegram tells of it as of an edit."""
    model, chat = Slow(0.0), rig.telegram.chat(42)
    async with living(rig, tmp_path, model):
        command = rig.say("/help")
        await until(chat.replies)
        rig.edit(command, "/help")
        rig.say("hello")
        await until(lambda: len(chat.replies()) == 2)
        await asyncio.sleep(0.2)
    assert [shown.text[:9] for shown in chat.replies()][1:] == ["You said:"]


@pytest.mark.parametrize("begun", [False, True])
async def test_a_question_becomes_ours_by_an_edit(rig: Rig, tmp_path: Path, *, begun: bool) -> None:
    """And is answered in reply to where it stands; edited once more it is not answered again."""
    model, group = Slow(0.0), rig.telegram.group(-100_5)
    async with living(rig, tmp_path, model):
        if begun:
            rig.person.say(f"{US} hello", chat=group.id)
            await until(group.replies)
        first = rig.person.say("what is x?", chat=group.id)
        await asyncio.sleep(0.1)
        rig.person.edit(first.message_id, f"{US} what is x?", chat=group.id)
        await until(lambda: len(group.replies()) == 1 + begun)
        rig.person.edit(first.message_id, f"{US} what is x then?", chat=group.id)
        await asyncio.sleep(0.3)
    (answered,) = group.replies()[begun:]
    assert answered.text.endswith("Alice: what is x?")
    assert answered.reply_to == first.message_id


async def test_who_takes_our_name_out_of_a_question_takes_it_back(rig: Rig, tmp_path: Path) -> None:
    """The answer that was begun disappears, and the next question is answered."""
    model, group = Slow(0.8), rig.telegram.group(-100_5)
    async with living(rig, tmp_path, model):
        first = rig.person.say(f"{US} what is x?", chat=group.id)
        await until(lambda: model.requests)
        await asyncio.sleep(0.2)
        rig.person.edit(first.message_id, "what is x?", chat=group.id)
        await until(lambda: model.broken_off == 1)
        await asyncio.sleep(1.0)
        assert not group.replies()
        rig.person.say(f"{US} hello", chat=group.id)
        await settled(group, "You said: Alice: hello")


@pytest.mark.parametrize("order", ["comment first", "forward first"])
async def test_a_forwarded_picture_belongs_to_its_comment(rig: Rig, tmp_path: Path, order: str) -> None:
    """Somebody else's picture with one's own question."""
    model = Slow(0.3)
    async with living(rig, tmp_path, model):
        if order == "comment first":
            rig.say("What is this?")
        rig.person.photo(b"picture", caption="Bob's dog", forward_from="Bob")
        if order == "forward first":
            rig.say("What is this?")
        await until(rig.telegram.chat(42).replies, within_s=10)
        await asyncio.sleep(0.5)
    assert len(rig.telegram.chat(42).replies()) == 1
    words, files = asked(model.requests[-1])
    assert "What is this?" in words
    assert "[forwarded from Bob]\n> Bob's dog" in words
    assert files == 1


@pytest.mark.parametrize("named", [0, 2])
async def test_an_album_in_a_group_is_ours_whichever_picture_names_us(rig: Rig, tmp_path: Path, named: int) -> None:
    """Also where the pictures come one by one."""
    model, group = Slow(0.0), rig.telegram.group(-100_5)
    async with living(rig, tmp_path, model):
        for number in range(3):
            words = f"{US} which?" if number == named else ""
            rig.person.photo(bytes([number]), caption=words, chat=group.id, media_group_id="7")
            await asyncio.sleep(0.1)
        await until(group.replies, within_s=10)
        await asyncio.sleep(0.3)
    assert len(group.replies()) == 1
    words, files = asked(model.requests[-1])
    assert ("which?" in words, files) == (True, 3)


async def test_what_telegram_brings_days_late_is_read_and_told_of_once(rig: Rig, tmp_path: Path) -> None:
    """A server that was away brings it all the same."""
    model, chat = Slow(0.0), rig.telegram.chat(42)
    days = 3 * 86400
    async with living(rig, tmp_path, model, max_age_s=36 * 3600.0):
        for number in range(3):
            rig.person.raw({"text": f"old {number}", "date": int(time.time()) - days})
            await asyncio.sleep(0.1)
        await until(chat.replies)
        rig.say("new")
        await until(lambda: len(chat.replies()) == 2)
    told, answered = [shown.text for shown in chat.replies()]
    assert told == phrases.LATE.format(ago="3 days")
    assert answered.endswith("new")
    assert len(model.requests) == 1
    assert all(f"old {number}" in asked(model.requests[0])[0] for number in range(3))
