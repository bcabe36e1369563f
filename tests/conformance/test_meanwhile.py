"""What is said while an answer is being written means the same on every platform, and people are kept apart."""

import asyncio
from typing import get_args

import pytest

from conformance.play import Play, halting
from conformance.stage import ANN, BOB, needs
from core import phrases
from core.testing import answer
from core.turn.commands import table
from core.turn.hearing import WhileBusy

BURST = [f"question {number}" for number in range(1, 6)]


async def test_an_edit_of_what_is_being_answered_is_what_is_answered(play: Play) -> None:
    """There is one answer, and it is to what the question reads now."""
    needs(play.stage, "edits")
    play.model.on("old", halting(asyncio.Event(), "The old ", "answer."))
    async with play.life():
        asked = await play.stage.say("the old question")
        await play.until(lambda: play.model.requests)
        await play.stage.edit(asked, "the new question")
        await play.reads("You said: the new question")
    assert play.model.unfinished == 1


@pytest.mark.parametrize("while_busy", get_args(WhileBusy))
async def test_a_burst_is_answered_as_the_operator_wants(play: Play, while_busy: WhileBusy) -> None:
    """Each by itself, the rest together, or all at once; no word is lost and none is answered twice."""
    halt = asyncio.Event()
    if while_busy == "interrupt":
        play.model.on(BURST[-1], answer("Everything: ", "done."))
    play.model.on(BURST[0], halting(halt, "First: ", "done."))
    play.model.on(BURST[1], answer("The rest: ", "done."))
    async with play.life(while_busy=while_busy):
        await play.stage.say(BURST[0])
        await play.until(lambda: play.model.requests)
        for text in BURST[1:]:
            await play.stage.say(text)
        await play.hears(len(BURST))
        match while_busy:
            case "queue":
                halt.set()
                others = [f"You said: {text}" for text in BURST[2:]]
                await play.reads("First: done.", "The rest: done.", *others)
            case "merge":
                halt.set()
                await play.reads("First: done.", "The rest: done.")
                assert all(text in play.model.questions()[-1] for text in BURST[1:])
            case "interrupt":
                await play.reads("Everything: done.")
                assert all(text in play.model.questions()[-1] for text in BURST)


async def test_stop_ends_the_answer_at_once(play: Play) -> None:
    """What was said until then stays and is marked, the model is cut off, and the next question is answered."""
    play.model.on("story", halting(asyncio.Event(), "Once upon a time. ", "The end."))
    async with play.life():
        await play.stage.say("Tell me a story")
        await play.until(lambda: play.model.requests)
        await play.stage.command("stop")
        await play.sees("topped")
        await play.until(lambda: play.model.unfinished == 1)
        await play.stage.say("And now?")
        await play.sees("You said: And now?")
        texts = await play.texts()
    assert len(texts) == 2
    assert "The end." not in texts[0]


async def test_a_new_conversation_knows_nothing_of_the_old(play: Play) -> None:
    """However it is begun there."""
    async with play.life():
        await play.stage.say("My secret is 12345")
        await play.sees("You said: My secret is 12345")
        await play.stage.command("new")
        await play.stage.say("What is my secret?")
        await play.sees("You said: What is my secret?")
    told = [part.body for entry in play.model.requests[-1].entries for part in entry.parts]
    assert told == ["What is my secret?"]


async def test_help_lists_every_command(play: Play) -> None:
    """The same on all platforms, and no model is asked."""
    async with play.life():
        await play.stage.command("help")
        shown = await play.sees(phrases.HELP_HEAD)
        assert all(f"/{name}" in shown.text and description in shown.text for name, description in table(()))
    assert play.model.requests == []


async def test_an_unknown_command_says_where_to_look(play: Play) -> None:
    """It is no question for a model."""
    async with play.life():
        await play.stage.say("/fly me to the moon")
        await play.reads(phrases.UNKNOWN_COMMAND.format(name="fly"))
    assert play.model.requests == []


async def test_two_people_at_once_never_get_each_others_words(play: Play) -> None:
    """Neither in their chats, nor in what the model is told of their conversations."""
    needs(play.stage, "people")
    halt = asyncio.Event()
    play.model.on("Ann's secret", halting(halt, "To Ann: ", "kept."))
    play.model.on("Bob's secret", halting(halt, "To Bob: ", "kept."))
    async with play.life():
        await asyncio.gather(play.stage.say("Ann's secret", ANN), play.stage.say("Bob's secret", BOB))
        await play.until(lambda: len(play.model.requests) == 2)
        halt.set()
        await play.reads("To Ann: kept.", chat=ANN)
        await play.reads("To Bob: kept.", chat=BOB)
        await asyncio.gather(play.stage.say("more", ANN), play.stage.say("more", BOB))
        await play.reads("To Ann: kept.", "You said: more", chat=ANN)
        await play.reads("To Bob: kept.", "You said: more", chat=BOB)
    for request in play.model.requests:
        told = " ".join(part.body for entry in request.entries for part in entry.parts)
        assert ("Ann" in told) != ("Bob" in told)
