"""What is one act of a person's is one question on every platform, in however many messages it arrives."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import get_args

import pytest

from conformance.mortal import Death, Moment
from conformance.play import Play, halting
from conformance.stage import ANN_IN_GROUP, BOB_IN_GROUP, Stage, needs
from conformance.test_killed import MOMENTS, killed, met
from core.exchange import Request
from core.testing import answer
from core.turn.hearing import WhileBusy
from turns import Script

_A_MOMENT_S = 0.3
LINE = "the-quick-brown-fox-jumps-over-the-lazy-dog;"


def pieces(stage: Stage, lead: str = "") -> list[str]:
    """A text of more than two messages, as an app cuts it: at the limit, then a little before it."""
    text = lead + LINE * (stage.typed * 3 // len(LINE))
    first, second = text[: stage.typed], text[stage.typed : stage.typed * 2 - 30]
    return [first, second, text[stage.typed * 2 - 30 : stage.typed * 2 + 200] + " The end?"]


def about(play: Play) -> list[str]:
    """What was asked, each question in short."""
    return [f"{len(asked)} {asked[:5]} … {asked[-8:]}" for asked in play.model.questions()]


def whole(parts: list[str]) -> str:
    """What a model is to be asked that gets all of a text, in short."""
    return f"{sum(map(len, parts)) + 1} {parts[0][:5]} … The end?"


@pytest.fixture
def quiet(play: Play) -> None:
    """A model with one answer to everything."""
    play.model.scripts_for(lambda _: answer("Understood."))


class Patient:
    """A model whose first answer stands still until it is let go."""

    def __init__(self, play: Play) -> None:
        self.halt = asyncio.Event()
        self._first = True
        play.model.scripts_for(self._says)

    def _says(self, request: Request) -> Script:
        del request
        first, self._first = self._first, False
        return halting(self.halt, "Under", "stood.") if first else answer("Understood.")


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("while_busy", get_args(WhileBusy))
async def test_a_text_in_pieces_is_one_question(play: Play, while_busy: WhileBusy) -> None:
    """All of it is asked about at once, put together again, and answered once."""
    needs(play.stage, "pieces")
    parts = pieces(play.stage)
    async with play.life(while_busy=while_busy):
        for part in parts:
            await play.stage.say(part)
        await play.reads("Understood.")
        await asyncio.sleep(_A_MOMENT_S)
        await play.reads("Understood.")
    assert about(play) == [whole(parts)]


@pytest.mark.parametrize("while_busy", get_args(WhileBusy))
async def test_a_piece_that_comes_late_joins_the_answer(play: Play, while_busy: WhileBusy) -> None:
    """Which begins again, and is no second one."""
    needs(play.stage, "pieces")
    *first, last = pieces(play.stage)
    model = Patient(play)
    async with play.life(while_busy=while_busy):
        for part in first:
            await play.stage.say(part)
        await play.until(lambda: play.model.requests)
        await play.stage.say(last)
        await play.reads("Understood.")
        model.halt.set()
        await asyncio.sleep(_A_MOMENT_S)
        await play.reads("Understood.")
    assert about(play)[1:] == [whole([*first, last])]


@pytest.mark.parametrize("moment", MOMENTS[:2])
@pytest.mark.parametrize("at", [1, 2])
async def test_a_text_in_pieces_survives_a_kill_between_them(play: Play, moment: Moment, at: int) -> None:
    """What was taken in before and what comes after are one question all the same."""
    needs(play.stage, "pieces")
    parts = pieces(play.stage)
    death = Death(moment, at)
    await met(play)
    play.model.scripts_for(lambda _: answer("Understood."))

    async def sent() -> None:
        for part in parts[:2]:
            await play.stage.say(part)
            await asyncio.sleep(0.05)  # each is brought by itself

    async with asyncio.TaskGroup() as tasks:
        async with play.life(death=death):
            doing = tasks.create_task(sent())
            await killed(death)
        async with play.life():
            await doing
            await play.hears(1 + len(parts[:2]))
            await play.stage.say(parts[2])
            await play.sees("Understood.")
            await asyncio.sleep(1.0)
            texts = await play.texts()
    assert texts[1:] == ["Understood."]
    assert len(play.model.questions()[-1]) == sum(map(len, parts)) + 1


@pytest.mark.usefixtures("quiet")
@pytest.mark.parametrize("named", [0, 1, 2])
async def test_in_a_group_it_is_enough_that_one_piece_names_us(play: Play, named: int) -> None:
    """Also where it is the last; what others say meanwhile does not come between."""
    needs(play.stage, "pieces", "groups")
    parts = pieces(play.stage)
    parts = [part[40:] if number < 2 else part for number, part in enumerate(parts)]  # room for a name
    async with play.life():
        for number, part in enumerate(parts):
            await (play.stage.mention if number == named else play.stage.say)(part, ANN_IN_GROUP)
            await play.stage.say(f"remark {number}", BOB_IN_GROUP)
        await play.reads("Understood.", chat=ANN_IN_GROUP)
        await asyncio.sleep(_A_MOMENT_S)
        await play.reads("Understood.", chat=ANN_IN_GROUP)
    (asked,) = play.model.questions()
    assert asked.startswith(f"Ann: {parts[0][:20]}")
    assert asked.endswith("The end?")
    assert len(asked) >= sum(map(len, parts))
    assert "remark" not in asked


@pytest.mark.parametrize("while_busy", get_args(WhileBusy))
@pytest.mark.parametrize("first", ["comment", "forward"])
async def test_a_forward_and_its_comment_are_one_question(play: Play, first: str, while_busy: WhileBusy) -> None:
    """In either order."""
    needs(play.stage, "forwards")
    acts: dict[str, Callable[[], Coroutine[None, None, object]]] = {
        "comment": lambda: play.stage.say("Is this true?"),
        "forward": lambda: play.stage.forward("It rains in Bonn."),
    }
    model = Patient(play)
    async with play.life(while_busy=while_busy):
        await acts.pop(first)()
        await next(iter(acts.values()))()
        await play.hears(2)
        model.halt.set()
        await play.reads("Understood.")
        await asyncio.sleep(_A_MOMENT_S)
        await play.reads("Understood.")
    asked = play.model.questions()[-1]
    assert "Is this true?" in asked
    assert "> It rains in Bonn." in asked


async def test_a_forward_joins_the_answer_to_its_comment(play: Play) -> None:
    """No comment waits for a forward that may never come: the answer begins, and begins again with it."""
    needs(play.stage, "forwards")
    model = Patient(play)
    async with play.life():
        await play.stage.say("Is this true?")
        await play.until(lambda: play.model.requests)
        await play.stage.forward("It rains in Bonn.")
        await play.stage.forward("It snows in Köln.")
        await play.reads("Understood.")
        model.halt.set()
    asked = play.model.questions()[-1]
    assert all(words in asked for words in ("Is this true?", "> It rains in Bonn.", "> It snows in Köln."))


@pytest.mark.parametrize("first", ["comment", "forward"])
async def test_in_a_group_what_is_forwarded_belongs_to_the_comment_that_names_us(play: Play, first: str) -> None:
    """By itself nobody asks us about it."""
    needs(play.stage, "forwards", "groups")
    model = Patient(play)
    async with play.life():
        if first == "forward":
            await play.stage.forward("It rains in Bonn.", ANN_IN_GROUP)
        await play.stage.mention("Is this true?")
        if first == "comment":
            await play.stage.forward("It rains in Bonn.", ANN_IN_GROUP)
        await play.hears(2)
        model.halt.set()
        await play.reads("Understood.", chat=ANN_IN_GROUP)
        await asyncio.sleep(_A_MOMENT_S)
        await play.reads("Understood.", chat=ANN_IN_GROUP)
    asked = play.model.questions()[-1]
    assert "Is this true?" in asked
    assert "> It rains in Bonn." in asked


@pytest.mark.usefixtures("quiet")
async def test_what_is_short_and_follows_at_once_is_a_question_of_its_own(play: Play) -> None:
    """Whoever writes two short messages asks two things."""
    async with play.life():
        await play.stage.say("x" * max(10, play.stage.typed // 3))
        await play.stage.say("And what is two?")
        await play.reads("Understood.", "Understood.")
    assert [asked[-4:] for asked in play.model.questions()] == ["xxxx", "two?"]
