"""Questions from end to end: an album is asked about once, a picture by a reply, and what others said is known."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from contracts.rigs.engines import SqliteRig, running, until
from contracts.rigs.telegram import Rig, accepting
from core.exchange import Request
from core.models.routing import Router
from core.people.access import Access
from core.testing import FakeProvider, answer
from core.turn.answering import Means
from core.turn.assistant import Assistant
from core.turn.toolbox import Toolbox

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
