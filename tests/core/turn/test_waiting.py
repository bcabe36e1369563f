"""A question whose model is busy: it waits, says so once, hears its lane meanwhile, and ends in a button that works."""

import asyncio

import pytest

from contracts.rigs.engines import until
from core import phrases
from core.errors import ProviderBusy, ProviderDown
from core.exchange import Delta
from core.testing import answer
from core.values import Choice, Command, Message, Tap
from labs import Lab, answering
from turns import GROUP, Killed, Lane, Windowed, assistant

BUSY = (ProviderBusy("529"),)


def choices(lane: Lane) -> list[Choice]:
    """The buttons below what was said last."""
    return list(list(lane.said.values())[-1].reply.choices)


async def apologised(lane: Lane, lab: Lab, *, scope: str = "ann", busy_s: float = 0.1) -> str:
    """A question waits in vain; the token of its button."""
    lane.hear("Why?", scope=scope)
    await lane.run(answering(lane, lab, busy_s=busy_s))
    (button,) = choices(lane)
    assert button.label == phrases.TRY_AGAIN
    return button.token


async def waiting(lane: Lane, lab: Lab, *, busy_s: float = 20.0) -> "asyncio.Task[None]":
    """A question that waits for its model."""
    lane.hear("Why?")
    running = asyncio.create_task(lane.run(answering(lane, lab, busy_s=busy_s)))
    await until(lambda: bool(lane.pauses), within_s=5)
    return running


class TestMeanwhile:
    async def test_a_stop_ends_the_wait(self) -> None:
        """At once, and with no button."""
        lane, lab = Lane(), Lab("a", ["m"], BUSY)
        running = await waiting(lane, lab)
        lane.hear(Command(name="stop"))
        await asyncio.wait_for(running, 5)
        assert lane.texts() == [phrases.STOPPED]
        assert choices(lane) == []

    async def test_an_edit_is_asked_instead(self) -> None:
        """And not after the pause that the old question had."""
        lane = Lane()
        lab = Lab("a", ["m"], BUSY, answer("Because."))
        running = await waiting(lane, lab)
        lane.hear(Message(id="1", text="Why not?", edited=True))
        await asyncio.wait_for(running, 5)
        assert lane.texts() == ["Because."]

    async def test_it_is_told_once_and_where_words_are_shown_without_a_message(self) -> None:
        """The preview says it; where there is none, one message does, and a restart says nothing twice."""
        seen, unseen = Lane(), Lane()
        unseen.shows_words = False
        for lane in (seen, unseen):
            await apologised(lane, Lab("a", ["m"], BUSY), busy_s=0.6)
        assert phrases.LONGER in [out.reply.markdown for out in seen.shown]
        assert phrases.LONGER not in seen.texts()
        assert unseen.texts().count(phrases.LONGER) == 1

    async def test_a_restart_in_the_middle_says_nothing_twice(self) -> None:
        """What was told is a step; the wait goes on with at least half of its time."""
        lane, lab = Lane(), Lab("a", ["m"], BUSY)
        lane.shows_words = False
        talker = answering(lane, lab, busy_s=0.6)
        lane.hear("Why?")

        def die(moment: str, what: str) -> None:
            if moment == "commit":
                raise Killed

        lane.kill = die
        with pytest.raises(Killed):
            await lane.run(talker)
        lane.kill = lambda moment, what: None
        await lane.run(talker)
        assert lane.texts().count(phrases.LONGER) == 1
        assert lane.texts()[-1] == phrases.MODEL_BUSY


class TestButton:
    async def test_it_asks_the_question_again_once(self) -> None:
        """The apology loses its button, the answer stands below, and a second tap does nothing."""
        lane, lab = Lane(), Lab("a", ["m"], BUSY)
        token = await apologised(lane, lab)
        talker = answering(lane, Lab("a", ["m"], answer("Because.")))
        lane.hear(Tap(token=token))
        await lane.run(talker)
        assert lane.texts() == [phrases.MODEL_BUSY, "Because."]
        assert not any(out.reply.choices for out in lane.said.values())
        lane.hear(Tap(token=token))
        await lane.run(talker)
        assert lane.texts() == [phrases.MODEL_BUSY, "Because."]

    async def test_nobody_elses_tap_counts(self) -> None:
        """In a group the button belongs to whoever asked."""
        lane, lab = Lane(), Lab("a", ["m"], BUSY)
        lane.hear("Why?", scope="ann", to=GROUP)
        await lane.run(answering(lane, lab, busy_s=0.1))
        (button,) = choices(lane)
        lane.hear(Tap(token=button.token), scope="bob", to=GROUP)
        talker = answering(lane, Lab("a", ["m"], answer("Because.")))
        await lane.run(talker)
        assert lane.texts() == [phrases.MODEL_BUSY]
        lane.hear(Tap(token=button.token), scope="ann", to=GROUP)
        await lane.run(talker)
        assert lane.texts()[-1] == "Because."

    async def test_it_goes_after_a_day(self) -> None:
        """Its job takes the button away, and what it stood for."""
        lane, lab = Lane(), Lab("a", ["m"], BUSY)
        token = await apologised(lane, lab)
        (job,) = (job for job in lane.jobs.values() if job.id.startswith("repeat/"))
        lane.fire(job)
        talker = answering(lane, Lab("a", ["m"], answer("Because.")))
        await lane.run(talker)
        assert choices(lane) == []
        lane.hear(Tap(token=token))
        await lane.run(talker)
        assert lane.texts() == [phrases.MODEL_BUSY]

    async def test_the_conversation_holds_the_question_once(self) -> None:
        """Neither the apology nor the question of before stand in what the model reads next."""
        lane = Lane()
        token = await apologised(lane, Lab("a", ["m"], BUSY))
        model = Windowed(answer("Because."), answer("Well."))
        lane.hear(Tap(token=token), "And now?")
        await lane.run(assistant(lane, model))
        told = [part.body for entry in model.requests[-1].entries for part in entry.parts]
        assert told == ["Why?", "Because.", "And now?"]


async def test_an_answer_that_broke_off_for_good_can_be_asked_for_again() -> None:
    """What there was of it stands until then."""
    lane, lab = Lane(), Lab("a", ["m"], (Delta(text="It is"), ProviderDown("x")))
    await apologised(lane, lab)
    assert lane.texts() == [f"It is\n\n{phrases.BROKE_OFF}"]
