"""Whatever breaks on the way, nothing is lost, nothing is said twice, and nothing internal shows in a chat."""

import asyncio
import re
import time

import pytest

from conformance.play import Play, halting
from conformance.stage import ANN, BOB, needs
from core import phrases
from core.errors import ContextTooLong, ModelUnknown, ProviderDown, ProviderRefusedUs, RequestRefused
from core.exchange import ModelEvent
from core.testing import answer
from turns import FakeTool, calls

WAIT_S = 2
INTERNAL = re.compile(r"Traceback|Error\b|Exception|\{\"|0x[0-9a-f]{6}|\.py\b|sk-secret|10\.0\.0\.1", re.IGNORECASE)
LEAKY = "sk-secret was refused by 10.0.0.1 in models.py"


async def test_told_to_wait_we_wait_and_say_it_once(play: Play) -> None:
    """The answer comes after the wait; nobody else waits where only this chat was meant."""
    needs(play.stage, "waits", "people")
    waiting = play.stage.make_wait(WAIT_S)
    async with play.life():
        await play.stage.say("hello", ANN)
        await play.until(waiting)
        told = time.monotonic()
        await play.stage.say("hello", BOB)
        await play.reads("You said: hello", chat=BOB)
        if not play.stage.waits_for_all and time.monotonic() - told < WAIT_S:
            assert await play.texts(ANN) == []
        await play.reads("You said: hello", chat=ANN)
        assert time.monotonic() - told > WAIT_S * 0.9
        await play.stage.say("still there?", ANN)
        await play.reads("You said: hello", "You said: still there?", chat=ANN)


async def test_a_line_that_is_cut_while_we_send_loses_nothing(play: Play) -> None:
    """What was taken and not answered is said again only where the platform leaves no other way."""
    needs(play.stage, "cuts")
    play.stage.cut()
    async with play.life():
        await play.stage.say("hello")
        await play.sees("You said: hello")
        await play.stage.say("still there?")
        await play.sees("You said: still there?")
        texts = await play.texts()
    assert set(texts) == {"You said: hello", "You said: still there?"}
    assert texts.count("You said: still there?") == 1
    assert texts.count("You said: hello") in ({1, 2} if play.stage.doubles else {1})


async def test_an_apology_has_a_button_that_asks_again(play: Play) -> None:
    """It works once, also after a restart, and the answer comes below."""
    play.model.on("Why", (ProviderDown(LEAKY),))
    async with play.life():
        await play.stage.say("Why is that so?")
        apology = await play.sees(phrases.MODEL_DOWN)
    (again,) = apology.buttons
    assert again.label == phrases.TRY_AGAIN
    play.model.on("Why", answer("Because."))
    play.model.forget("Why")
    async with play.life():
        await play.stage.press(apology, again)
        await play.sees("Because.")
        await play.stage.press(apology, again)
        await play.stage.say("And?")
        await play.sees("You said: And?")
        assert [text for text in await play.texts() if "Because." in text] == ["Because."]


async def test_an_event_that_comes_twice_is_answered_once(play: Play) -> None:
    """Platforms deliver again whatever they are not sure of."""
    async with play.life():
        await play.stage.say("hello", times=2)
        await play.until(lambda: play.repeats == 1)
        await play.stage.say("still there?")
        await play.reads("You said: hello", "You said: still there?")
    assert play.model.questions() == ["hello", "still there?"]


async def test_an_answer_that_was_being_written_is_finished_in_the_next_life(play: Play) -> None:
    """The process ends in its middle: the question was kept, and is answered once."""
    play.model.on("hello", halting(asyncio.Event(), "Half of ", "it."), answer("All of it."))
    async with play.life():
        await play.stage.say("hello")
        await play.until(lambda: play.model.requests)
    async with play.life():
        await play.sees("All of it.")
        await play.stage.say("still there?")
        await play.reads("All of it.", "You said: still there?")


async def test_a_tool_that_breaks_shows_nothing_of_it(play: Play) -> None:
    """The model is told that it failed; the person reads what the model makes of that."""

    def breaks(arguments: str) -> str:
        raise RuntimeError(f"{LEAKY}: {arguments}")

    play.model.on("weather", calls(("weather", '{"city": "Paris"}')), answer("I could not find out."))
    play.model.on("", answer("I could not find out."))
    async with play.life(FakeTool("weather", "reads", breaks).tool):
        await play.stage.say("How is the weather?")
        await play.sees("I could not find out.")
        assert not INTERNAL.search("\n".join(await play.texts()))


@pytest.mark.parametrize(
    "error",
    [
        ProviderRefusedUs(LEAKY),
        ProviderDown(LEAKY),
        RequestRefused(LEAKY),
        ContextTooLong(LEAKY),
        ModelUnknown(LEAKY),
        RuntimeError(LEAKY),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_model_that_breaks_shows_nothing_of_it(play: Play, error: Exception) -> None:
    """One sentence, and the next question is answered."""
    script: list[ModelEvent | Exception | asyncio.Event] = [error]
    play.model.on("hello", script)
    async with play.life():
        await play.stage.say("hello")
        await play.shows(lambda shown: [one.text[-1:] for one in shown][-1:] == ["."], ANN, "one sentence")
        *longer, said = await play.texts()
        assert len(longer) <= 1  # that it takes longer, where nothing unfinished can be shown
        assert not INTERNAL.search(said)
