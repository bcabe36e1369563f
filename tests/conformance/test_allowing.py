"""A tool with an effect waits for its person's tap, on every platform, and is done exactly once."""

import json
import re
from datetime import UTC, datetime, timedelta

import pytest
import time_machine

from conformance.play import Play
from conformance.stage import Button, Shown
from core import phrases
from core.testing import answer
from core.tools import tool
from core.turn.approvals import LASTS
from turns import FakeTool, calls

ARGUMENTS = '{"sum": "12 credits"}'


def paying(play: Play) -> FakeTool:
    """A tool that spends something, and a model that wants to use it."""
    play.model.on("and then?", answer("Nothing more."))
    play.model.on("I allowed", answer("It is paid."))
    play.model.on("I did not allow", answer("Very well."))
    play.model.on("Please pay", calls(("pay", ARGUMENTS)))
    return FakeTool("pay", "spends")


async def asked(play: Play) -> Shown:
    """The question with its buttons."""
    await play.stage.say("Please pay")
    shown = await play.sees(phrases.ASK_FIRST)
    assert "12 credits" in shown.text
    assert [button.label for button in shown.buttons] == [phrases.ALLOW, phrases.DENY]
    return shown


def labelled(shown: Shown, label: str) -> Button:
    """One of a message's buttons."""
    return next(button for button in shown.buttons if button.label == label)


def mark(text: str) -> str:
    """A mark of the house as it is read."""
    return text.strip("_()")


async def test_what_was_allowed_is_done_once(play: Play) -> None:
    """A second tap, on buttons that are still on somebody's screen, does nothing."""
    paid = paying(play)
    async with play.life(paid.tool):
        question = await asked(play)
        assert paid.made == []
        await play.stage.press(question, labelled(question, phrases.ALLOW))
        await play.sees("It is paid.")
        done = await play.sees(mark(phrases.DONE_MARK))
        assert done.buttons == ()
        await play.stage.press(question, labelled(question, phrases.ALLOW))
        await play.stage.press(question, labelled(question, phrases.DENY))
        await play.stage.say("and then?")
        await play.sees("Nothing more.")
        assert len(await play.texts()) == 3 + play.stage.appends
    assert paid.made == [ARGUMENTS]


WORDS = [f"word{number:04}" for number in range(900)]


async def test_a_long_argument_is_shown_whole_and_done_as_shown(play: Play) -> None:
    """Over as many messages as it takes, with the buttons below the last; what nobody sees is told by number."""
    sent: list[str] = []
    hidden = "\u202e\u3164\U000e0041\u0430"
    text = f"{' '.join(WORDS)} https://\u0430pple.example/{hidden}\nend"

    @tool(effect="sends", summary="Send this?")
    async def send(text: str) -> str:
        """Send it."""
        sent.append(text)
        return "sent"

    play.model.on("I allowed", answer("It is sent."))
    play.model.on("Please send", calls(("send", json.dumps({"text": text}))))
    async with play.life(send):
        await play.stage.say("Please send")
        await play.sees("U+E0041")
        shown = await play.stage.shown()
        told = "".join(re.sub(r"\n⟨↩⟩|[\s\u200e]|```", "", one.text) for one in shown)
        assert "".join(WORDS) in told.replace("⟨↩⟩", "")
        assert "⟨=xn--pple-43d.example⟩/⟨U+202E⟩⟨U+3164⟩⟨U+E0041⟩\u0430" in told.replace("⟨↩⟩", "")
        assert [bool(one.buttons) for one in shown] == [False] * (len(shown) - 1) + [True]
        assert sent == []
        await play.stage.press(shown[-1], labelled(shown[-1], phrases.ALLOW))
        await play.sees("It is sent.")
    assert sent == [text]


async def test_what_was_denied_is_not_done(play: Play) -> None:
    """The question says so, and so does the model."""
    paid = paying(play)
    async with play.life(paid.tool):
        question = await asked(play)
        await play.stage.press(question, labelled(question, phrases.DENY))
        await play.sees("Very well.")
        await play.sees(mark(phrases.DENIED_MARK))
    assert paid.made == []


async def test_a_question_outlives_the_process(play: Play) -> None:
    """Asked in one life and tapped in the next, it is done once."""
    paid = paying(play)
    async with play.life(paid.tool):
        question = await asked(play)
    async with play.life(paid.tool):
        await play.stage.press(question, labelled(question, phrases.ALLOW))
        await play.sees("It is paid.")
    assert paid.made == [ARGUMENTS]


@pytest.mark.parametrize("label", [phrases.ALLOW, phrases.DENY])
async def test_an_expired_question_says_so(play: Play, label: str) -> None:
    """A tap that comes too late does nothing."""
    paid = paying(play)
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        async with play.life(paid.tool):
            question = await asked(play)
        clock.shift(LASTS + timedelta(minutes=1))
        async with play.life(paid.tool):
            expired = await play.sees(mark(phrases.EXPIRED_MARK))
            assert expired.buttons == ()
            await play.stage.press(question, labelled(question, label))
            await play.stage.say("and then?")
            await play.sees("Nothing more.")
    assert paid.made == []
