"""Edits: one that changes nothing is nobody's news, one may ask us only now, and one may take a question back."""

import asyncio

import pytest

from core import phrases
from core.exchange import Delta
from core.testing import answer
from core.turn.hearing import WhileBusy
from core.values import Address, Command, Media, Message, Place, Quote
from turns import GROUP, FakeTool, Lane, Script, Windowed, assistant, calls, question, said

ELSEWHERE = Address(adapter="fake", chat="h", private=False)
ALL_MODES = pytest.mark.parametrize("while_busy", ["queue", "merge", "interrupt"])


def held(word: str) -> tuple[Script, asyncio.Event]:
    """An answer that stands still after a word."""
    hold = asyncio.Event()
    return (Delta(text=word), hold, *answer(word)[-1:]), hold


def edit(text: str, identity: str = "7", *, addressed: bool = True) -> Message:
    """What a message reads now."""
    return Message(id=identity, text=text, edited=True, addressed=addressed)


def told(model: Windowed) -> str:
    """All that was told to a model the last time."""
    return "\n".join(map(said, model.requests[-1].entries))


class TestNothingChanged:
    @ALL_MODES
    async def test_it_restarts_nothing(self, while_busy: WhileBusy) -> None:
        """A reaction, a preview or a keyboard below a question leaves its answer alone."""
        lane = Lane()
        stream, hold = held("Once")
        model = Windowed(stream)
        lane.hear(Message(id="7", text="Why?"))
        running = asyncio.create_task(lane.run(assistant(lane, model, while_busy=while_busy)))
        await lane.showing("Once")
        for _ in range(3):
            lane.hear(edit("Why?"))
        await asyncio.sleep(0.02)
        hold.set()
        await running
        assert lane.texts() == ["Once"]
        assert (len(model.requests), model.unfinished) == (1, 0)
        assert not lane.rows

    @pytest.mark.parametrize("fresh", [False, True], ids=["the same conversation", "a new one"])
    async def test_it_is_told_to_nobody(self, *, fresh: bool) -> None:
        """Nor is an answered question answered again, in whichever conversation it stands."""
        lane, model = Lane(), Windowed(answer("One"), answer("Two"))
        talker = assistant(lane, model)
        lane.hear(Message(id="7", text="Why?"), *([Command(name="new")] if fresh else []))
        await lane.run(talker)
        before = dict(lane.records.rows)
        lane.hear(edit("Why?"))
        await lane.run(talker)
        assert lane.records.rows == before
        lane.hear("And?")
        await lane.run(talker)
        assert "edited" not in told(model)

    async def test_a_file_that_is_told_of_again_is_the_same(self) -> None:
        """Though a platform may name it otherwise each time."""
        files = [Media(adapter="fake", ref=ref, kind="photo", size_bytes=9) for ref in ("1", "2")]
        lane, model = Lane(), Windowed(answer("A dog."))
        talker = assistant(lane, model)
        lane.hear(Message(id="7", text="This?", media=files[:1]))  # type: ignore[arg-type]
        await lane.run(talker)
        before = dict(lane.records.rows)
        lane.hear(Message(id="7", text="This?", media=files[1:], edited=True))  # type: ignore[arg-type]
        await lane.run(talker)
        assert lane.records.rows == before

    @pytest.mark.parametrize(
        "now",
        [
            Message(id="7", text="Where?", edited=True),
            Message(id="7", text="Why?", media=(Media(adapter="fake", ref="1", kind="photo"),), edited=True),
            Message(id="7", text="Why?", places=(Place(latitude=1, longitude=2),), edited=True),
        ],
        ids=["words", "a file", "a place"],
    )
    async def test_whatever_has_changed_is_told_once(self, now: Message) -> None:
        """The conversation knows of it; when the platform says so again, nothing more."""
        lane, model = Lane(), Windowed(answer("One"), answer("Two"))
        talker = assistant(lane, model)
        lane.hear(Message(id="7", text="Why?"))
        await lane.run(talker)
        for _ in range(2):
            lane.hear(now)
            await lane.run(talker)
        lane.hear("And?")
        await lane.run(talker)
        assert told(model).count("[I have edited an earlier message. It now reads:]") == 1
        assert lane.texts() == ["One", "Two"]

    async def test_talk_between_others_that_reads_the_same_is_not_told_again(self) -> None:
        """Previews come below what others say, too."""
        lane, model = Lane(), Windowed(answer("One"), answer("Two"))
        talker = assistant(lane, model)
        lane.hear(Message(id="1", text="first"), to=GROUP)
        await lane.run(talker)
        for text, edited in (("see https://example.org", False), ("see https://example.org", True), ("see it", True)):
            lane.hear(Message(id="7", text=text, addressed=False, edited=edited), to=GROUP, scope="bob")
            await lane.run(talker)
        lane.hear(Message(id="2", text="second"), to=GROUP)
        await lane.run(talker)
        assert told(model).count("see https://example.org") == 1
        assert told(model).count("correcting an earlier message:]\n> see it") == 1


class TestOursByAnEdit:
    @pytest.mark.parametrize("begun", [False, True])
    async def test_it_is_answered(self, *, begun: bool) -> None:
        """Whoever forgot our name and adds it wants an answer, also where nobody has asked us before."""
        lane, model = Lane(), Windowed(*([answer("Hi")] if begun else []), answer("An unknown."))
        talker = assistant(lane, model)
        if begun:
            lane.hear("hello", to=GROUP)
            await lane.run(talker)
        lane.hear(Message(id="7", text="what is x?", addressed=False), to=GROUP)
        await lane.run(talker)
        assert lane.texts() == ["Hi"][: int(begun)]
        lane.hear(edit("what is x?"), to=GROUP)
        await lane.run(talker)
        assert lane.texts()[-1] == "An unknown."
        assert question(model.requests[-1]).endswith("what is x?")

    async def test_it_is_answered_once(self) -> None:
        """Further edits are of something that was answered."""
        lane, model = Lane(), Windowed(answer("An unknown."))
        talker = assistant(lane, model)
        for now in (edit("what is x?"), edit("what is x?"), edit("what is x then?")):
            lane.hear(now, to=GROUP)
            await lane.run(talker)
        assert lane.texts() == ["An unknown."]

    async def test_an_edit_that_waits_behind_what_it_edits_counts(self) -> None:
        """Both came while another answer was written."""
        lane, model = Lane(), Windowed(answer("An unknown."))
        lane.hear(Message(id="7", text="what is x?", addressed=False), edit("what is x?"), to=GROUP)
        await lane.run(assistant(lane, model))
        assert lane.texts() == ["An unknown."]
        assert len(model.requests) == 1

    async def test_an_edit_of_what_was_answered_is_not_answered_again(self) -> None:
        """In a group as in private, also after a new conversation has begun."""
        lane, model = Lane(), Windowed(answer("One"), answer("Two"))
        talker = assistant(lane, model)
        lane.hear(Message(id="7", text="what is x?"), to=GROUP)
        await lane.run(talker)
        lane.hear(edit("what is y?"), to=GROUP)
        await lane.run(talker)
        lane.hear(Command(name="new"), to=GROUP)
        await lane.run(talker)
        lane.hear(edit("what is z?"), to=GROUP)
        await lane.run(talker)
        assert len(model.requests) == 1

    async def test_what_is_answered_anew_is_still_known(self) -> None:
        """An edit after /retry is one of an answered question."""
        lane, model = Lane(), Windowed(answer("One"), answer("Better"))
        talker = assistant(lane, model)
        lane.hear(Message(id="7", text="what is x?"), Command(name="retry"), to=GROUP)
        await lane.run(talker)
        lane.hear(edit("what is x?"), edit("what is y?"), to=GROUP)
        await lane.run(talker)
        assert lane.texts() == ["One", "Better"]

    async def test_a_stranger_who_adds_our_name_is_not_answered(self) -> None:
        """Nor told anything: in a group nobody is."""
        lane, model = Lane(), Windowed(answer("no"))
        lane.records.rows["people", "owner/fake"] = b"ann"
        lane.hear(edit("what is x?"), to=GROUP, scope="eve")
        await lane.run(assistant(lane, model, policy="pairing"))
        assert (lane.texts(), model.requests) == ([], [])

    async def test_messages_of_two_chats_are_told_apart_by_their_chat(self) -> None:
        """Ids are a chat's."""
        lane, model = Lane(), Windowed(answer("One"), answer("Two"))
        talker = assistant(lane, model)
        lane.hear(Message(id="7", text="what is x?"), to=GROUP)
        await lane.run(talker)
        lane.hear(edit("what is x?"), to=ELSEWHERE)
        await lane.run(talker)
        assert lane.texts() == ["One", "Two"]


class TestTakenBack:
    @ALL_MODES
    async def test_an_edit_that_no_longer_asks_us_ends_the_answer(self, while_busy: WhileBusy) -> None:
        """Nothing is said, and what the group said among itself stays known."""
        lane = Lane()
        stream, _ = held("An un")
        model = Windowed(stream, answer("Two"))
        talker = assistant(lane, model, while_busy=while_busy)
        lane.hear("hello", to=GROUP)
        model.scripts_for(lambda _: answer("Hi"))
        await lane.run(talker)
        model.scripts_for(lambda _: stream)
        lane.hear(Message(id="7", text="what is x?"), to=GROUP, name="Ann")
        running = asyncio.create_task(lane.run(talker))
        await lane.showing("An un")
        lane.hear(edit("never mind", addressed=False), to=GROUP, name="Ann")
        async with asyncio.timeout(5):
            await running
        assert lane.texts() == ["Hi"]
        assert model.unfinished == 1
        assert not lane.rows
        model.scripts_for(lambda _: answer("Two"))
        lane.hear("and you?", to=GROUP)
        await lane.run(talker)
        assert "[Ann, to others:]\n> never mind" in told(model)
        assert "what is x?" not in told(model)

    async def test_a_question_that_was_deleted_is_not_answered(self) -> None:
        """Of what is deleted on WhatsApp an edit to nothing is told."""
        lane = Lane()
        stream, _ = held("An un")
        model = Windowed(stream)
        lane.hear(Message(id="7", text="what is x?"))
        running = asyncio.create_task(lane.run(assistant(lane, model)))
        await lane.showing("An un")
        lane.hear(edit(""))
        async with asyncio.timeout(5):
            await running
        assert (lane.texts(), len(model.requests)) == ([], 1)

    async def test_one_of_two_questions_that_is_taken_back_leaves_the_other(self) -> None:
        """The answer begins again without it."""
        lane = Lane()
        stream, _ = held("Both")
        model = Windowed(stream, answer("Y"))
        lane.hear(Message(id="7", text="what is x?"), Message(id="8", text="what is y?"))
        running = asyncio.create_task(lane.run(assistant(lane, model, while_busy="merge")))
        await lane.showing("Both")
        lane.hear(edit(""))
        await running
        assert lane.texts() == ["Y"]
        assert "what is x?" not in question(model.requests[1])

    async def test_it_ends_a_tool_as_well(self) -> None:
        """A tool that only reads is not waited for."""
        lane, tool = Lane(), FakeTool("look")
        tool.go.clear()
        model = Windowed(calls(("look", "{}"), text="Let me look."))
        lane.hear(Message(id="7", text="what is x?"), to=GROUP)
        running = asyncio.create_task(lane.run(assistant(lane, model, tools=[tool.tool])))
        await tool.began.wait()
        lane.hear(edit("what is x?", addressed=False), to=GROUP)
        async with asyncio.timeout(5):
            await running
        assert lane.texts() == []


class TestCommands:
    async def test_a_question_that_is_edited_into_a_stop_is_one(self) -> None:
        """What is being answered reads /stop now."""
        lane = Lane()
        stream, _ = held("Half")
        model = Windowed(stream)
        lane.hear(Message(id="7", text="Tell me all"))
        running = asyncio.create_task(lane.run(assistant(lane, model)))
        await lane.showing("Half")
        lane.hear(Command(name="stop", edits="7"))
        async with asyncio.timeout(5):
            await running
        assert lane.texts() == [f"Half\n\n{phrases.STOPPED_MARK}"]

    @pytest.mark.parametrize("name", ["stop", "new", "retry", "help"])
    async def test_a_command_that_is_told_of_again_is_not_obeyed_again(self, name: str) -> None:
        """A reaction below an old command is told of as its edit."""
        lane = Lane()
        stream, hold = held("Whole")
        model = Windowed(stream)
        lane.hear("Tell me all")
        running = asyncio.create_task(lane.run(assistant(lane, model)))
        await lane.showing("Whole")
        lane.hear(Command(name=name, edits="3"))
        await asyncio.sleep(0.01)
        hold.set()
        await running
        assert lane.texts() == ["Whole"]

    async def test_a_question_that_is_edited_into_a_command_later_gives_it(self) -> None:
        """It is known to have read otherwise."""
        lane, model = Lane(), Windowed(answer("One"))
        talker = assistant(lane, model)
        lane.hear(Message(id="7", text="help"))
        await lane.run(talker)
        lane.hear(Command(name="help", edits="7"))
        await lane.run(talker)
        assert phrases.HELP_HEAD in lane.texts()[-1]


async def test_what_a_message_replies_to_does_not_make_it_another() -> None:
    """Some servers leave the reply out when they tell of an edit."""
    lane, model = Lane(), Windowed(answer("One"))
    talker = assistant(lane, model)
    lane.hear(Message(id="7", text="Why?", quotes=(Quote(text="It rains."),)))
    await lane.run(talker)
    before = dict(lane.records.rows)
    lane.hear(edit("Why?"))
    await lane.run(talker)
    assert lane.records.rows == before
