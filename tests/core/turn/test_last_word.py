"""At the limit of steps a model is asked once more, without tools: the person gets what was found."""

import pytest

from core import phrases
from core.config.settings import Tools
from core.errors import ProviderDown
from core.exchange import Delta, Part, Request, Usage
from core.testing import answer
from core.turn.assistant import Assistant
from labs import bill
from turns import FakeTool, Killed, Lane, Script, Windowed, assistant, calls, ended, said


def looking(last: Script) -> Windowed:
    """A model that looks as long as it may, and then says this."""
    model = Windowed()
    model.scripts_for(lambda request: calls(("look", '{"at": 1}')) if request.tools else last)
    return model


def bot(lane: Lane, model: Windowed, look: FakeTool, steps: int = 2) -> Assistant:
    """The real turn with this tool and so many steps."""
    return assistant(lane, model, tools=[look.tool], limits=Tools(steps=steps), search=True)


async def test_the_person_gets_what_was_found() -> None:
    """The last call offers no tools and nothing to look up, and tells in words what tools returned."""
    lane, look, model = Lane(), FakeTool("look", does=lambda _: "a tombstone"), looking(answer("It is a tombstone."))
    lane.hear("What is it?")
    await lane.run(bot(lane, model, look))
    assert lane.texts() == ["It is a tombstone."]
    assert len(look.made) == 2
    last = model.requests[-1]
    assert (last.tools, last.search) == ((), False)
    assert {part.kind for entry in last.entries for part in entry.parts} == {"text"}
    text = said(last.entries[-1])
    assert 'the tool look returned, called with {"at": 1}:]\na tombstone' in text
    assert "Answer now" in text


async def test_what_was_said_before_with_tools_is_told_in_words_too() -> None:
    """Labs take no calls in a request without tools, old ones no more than new ones."""
    lane, look = Lane(), FakeTool("look")
    model = Windowed(calls(("look", "{}")), answer("Seen."), calls(("look", "{}")), answer("Enough."))
    talker = bot(lane, model, look, steps=2)
    lane.hear("One")
    await lane.run(talker)
    lane.hear("Two")
    await lane.run(bot(lane, model, look, steps=1))
    assert lane.texts() == ["Seen.", "Enough."]
    assert not [part for entry in model.requests[-1].entries for part in entry.parts if part.kind != "text"]


@pytest.mark.parametrize(
    "last", [calls(("look", "{}")), ended("stop"), ended("length"), (ProviderDown("x", retry_after_s=0),)], ids=repr
)
async def test_the_sentence_is_for_where_there_is_no_last_word(last: Script) -> None:
    """It called again, said nothing, or could not be reached."""
    lane, look = Lane(), FakeTool("look")
    lane.hear("What is it?")
    await lane.run(bot(lane, looking(last), look))
    assert lane.texts() == [phrases.TOO_MANY_STEPS]
    assert len(look.made) == 2


async def test_a_call_in_the_last_word_is_not_made() -> None:
    """Its words count."""
    lane, look = Lane(), FakeTool("look")
    lane.hear("What is it?")
    await lane.run(bot(lane, looking(calls(("look", "{}"), text="A stone.")), look))
    assert lane.texts() == ["A stone."]
    assert len(look.made) == 2


async def test_a_last_word_that_breaks_off_says_so() -> None:
    """As any answer."""
    lane, look = Lane(), FakeTool("look")
    lane.hear("What is it?")
    await lane.run(bot(lane, looking((Delta(text="A sto"), ProviderDown("x"))), look))
    assert lane.texts() == [f"A sto\n\n{phrases.BROKE_OFF}"]


@pytest.mark.parametrize("moment", ["asked", "commit"])
async def test_a_kill_during_the_last_word_doubles_nothing(moment: str) -> None:
    """The next run asks for it again, in the same slot, and runs no tool again."""
    lane, look = Lane(), FakeTool("look")
    killed = False

    def once(*_: object) -> None:
        nonlocal killed
        if not killed:
            killed = True
            raise Killed

    def says(request: Request) -> Script:
        if request.tools:
            return calls(("look", "{}"))
        if moment == "asked":
            once()
        return answer("A stone.")

    model = Windowed()
    model.scripts_for(says)
    lane.kill = lambda at, _: once() if at == moment else None
    lane.hear("What is it?")
    with pytest.raises(Killed):
        await lane.run(bot(lane, model, look))
    await lane.run(bot(lane, model, look))
    assert killed
    assert lane.texts() == ["A stone."]
    assert len(look.made) == 2
    assert len(bill(lane)) == 3


async def test_a_pause_is_a_step_that_a_crash_does_not_forget() -> None:
    """What it said stays, its cost stays, and the model goes on after it."""
    lane, look = Lane(), FakeTool("look")
    paused = ended("pause", Part(kind="opaque", name="fake", body="{}"), said="Looking.")

    def says(request: Request) -> Script:
        return answer("Found.") if len(request.entries) > 1 else paused

    model = Windowed()
    model.scripts_for(says)
    killing = iter([True])

    def kill(moment: str, _: str) -> None:
        if moment == "commit" and next(killing, False):
            raise Killed

    lane.kill = kill
    lane.hear("What is it?")
    with pytest.raises(Killed):
        await lane.run(bot(lane, model, look))
    await lane.run(bot(lane, model, look))
    assert lane.texts() == ["Looking.\n\nFound."]
    assert len(model.requests) == 3
    assert [call.usage for call in bill(lane)] != [Usage()]
    assert len(bill(lane)) == 2
