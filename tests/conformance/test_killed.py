"""A process that is killed at any moment loses nothing, on every platform, and says nothing twice that it need not."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest
import time_machine

from conformance.mortal import Death, Moment
from conformance.play import PATIENCE_S, Play
from conformance.stage import Button, needs
from core import phrases
from core.plugin import Tool
from core.testing import answer
from turns import FakeTool, calls

LONG = "\n\n".join(f"Paragraph {number}: {'word ' * 180}" for number in range(12))
_A_MOMENT_S = 0.3
MOMENTS: tuple[Moment, ...] = ("hear", "heard", "say", "said")


async def killed(death: Death) -> None:
    """Wait for the end of the process."""
    async with asyncio.timeout(PATIENCE_S):
        await death.reached.wait()


async def met(play: Play) -> None:
    """They have talked before: where a platform brings nothing again, we ask what was said in chats that we know."""
    async with play.life():
        await play.stage.say("good morning")
        await play.sees("You said: good morning")


@asynccontextmanager
async def afterwards(
    play: Play, *tools: Tool, doing: asyncio.Task[None] | asyncio.Task[str] | None = None
) -> AsyncGenerator[None]:
    """The next life, in which the platform has had the time to tell what became of what was being sent."""
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        if play.stage.settles_s:
            async with play.life(*tools):
                await asyncio.sleep(_A_MOMENT_S)
            clock.shift(play.stage.settles_s)
        async with play.life(*tools):
            if doing is not None:
                await doing
            yield


def once(play: Play, texts: list[str], words: str, moment: Moment) -> None:
    """What was said is there, and there once; twice only where nobody can know whether it arrived."""
    count = sum(words in text for text in texts)
    assert count == 1 or (count == 2 and moment == "said" and play.stage.doubles), texts


@pytest.mark.parametrize("moment", MOMENTS)
async def test_a_question_survives_a_kill(play: Play, moment: Moment) -> None:
    """Whatever the platform was told by then, the question is answered, and so is the next one."""
    death = Death(moment)
    await met(play)
    async with asyncio.TaskGroup() as tasks:
        async with play.life(death=death):
            doing = tasks.create_task(play.stage.say("hello"))
            await killed(death)
        async with afterwards(play, doing=doing):
            await play.sees("You said: hello")
            await play.stage.say("still there?")
            await play.sees("You said: still there?")
            texts = await play.texts()
    once(play, texts, "You said: hello", moment)
    once(play, texts, "You said: still there?", "never")


@pytest.mark.parametrize("moment", MOMENTS[2:])
async def test_a_long_answer_survives_a_kill_between_its_messages(play: Play, moment: Moment) -> None:
    """All of it arrives, in order, and no message is missing or doubled."""
    play.model.on("everything", answer(LONG))
    death = Death(moment, 2 if play.stage.length(LONG) > play.stage.longest else 1)
    async with play.life(death=death):
        await play.stage.say("Tell me everything")
        await killed(death)
    async with afterwards(play):
        await play.sees("Paragraph 11")
        texts = await play.texts()
    for number in range(12):
        once(play, texts, f"Paragraph {number}:", moment)
    first = [next(at for at, text in enumerate(texts) if f"Paragraph {number}:" in text) for number in range(12)]
    assert first == sorted(first)


@pytest.mark.parametrize("moment", MOMENTS)
async def test_what_was_allowed_is_done_once_over_a_kill(play: Play, moment: Moment) -> None:
    """Tapped right before the end or right after it was done: never twice."""
    if moment == "hear":
        needs(play.stage, "kept taps")
    play.model.on("I allowed", answer("It is paid."))
    play.model.on("Please pay", calls(("pay", "{}")))
    tool = FakeTool("pay", "spends")
    async with play.life(tool.tool):
        await play.stage.say("Please pay")
        question = await play.sees(phrases.ASK_FIRST)
    allow: Button = next(button for button in question.buttons if button.label == phrases.ALLOW)
    death = Death(moment)
    async with asyncio.TaskGroup() as tasks:
        async with play.life(tool.tool, death=death):
            doing = tasks.create_task(play.stage.press(question, allow))
            await killed(death)
        async with afterwards(play, tool.tool, doing=doing):
            await play.sees("It is paid.")
            await play.sees(phrases.DONE_MARK.strip("_()"))
    assert tool.made == ["{}"]


@pytest.mark.parametrize("moment", MOMENTS)
async def test_pictures_survive_a_kill(play: Play, moment: Moment) -> None:
    """They are looked at together, or at least all of them, and can still be fetched."""
    needs(play.stage, "albums")
    pictures = [b"\x89PNG\r\n\x1a\n" + bytes([number]) for number in range(3)]
    death = Death(moment)
    await met(play)
    async with asyncio.TaskGroup() as tasks:
        async with play.life(death=death):
            doing = tasks.create_task(play.stage.album(pictures, "Which one?"))
            await killed(death)
        async with afterwards(play, doing=doing):
            await play.sees("Which one?")
            media = [part.media for request in play.model.requests for part in request.entries[-1].parts if part.media]
            seen = {await play.fetched(one) for one in media}
    assert seen == set(pictures)
