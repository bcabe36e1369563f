"""A note that needs a tap, over the real embedded engine and the real turn: nothing is done twice, however it dies.

A life of the process ends as a kill would end it: at one moment everything stands still, the store is copied as it is
on the disk, and the next life opens the copy. The messenger and the notes' folder live on, as they would.
"""

import asyncio
import json
import os
import signal
import subprocess
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
import time_machine

from contracts.rigs.engines import SqliteRig, running, until
from core import phrases
from core.errors import PlatformDown
from core.exchange import Request
from core.models.routing import Router
from core.people.access import Access
from core.plugin import Tool
from core.seams import Engine, Turn, Work
from core.testing import BY_EDITS, Call, FakeAdapter, Fault, answer, message, plugin_site, tap
from core.turn.answering import Means
from core.turn.approvals import LASTS
from core.turn.assistant import Assistant
from core.turn.toolbox import Toolbox
from core.values import Fired, Message, Outbound, Outcome, Put, Received, Tap
from plugins.notes import NotesSettings, open_notes
from stage import outbox
from turns import Script, Windowed, calls, said

NOTE = {"title": "Tea", "text": "Buy tea."}
QUESTION = "May I do this?\n\nSave this note:\n\n```\nTea\n\nBuy tea.\n```"


def model() -> Windowed:
    """A model that wants to save a note, and then says what came of it."""

    def says(request: Request) -> Script:
        last = said(request.entries[-1])
        if "I allowed this" in last:
            return answer("Saved." if "Saved as" in last else "I am not sure.")
        if "I did not allow" in last:
            return answer("Very well.")
        return calls(("save_note", json.dumps(NOTE)), text="I will note that.")

    provider = Windowed()
    provider.scripts_for(says)
    return provider


class Line(FakeAdapter):
    """One life's line to a messenger that outlives it; once cut, nothing gets through."""

    def __init__(self, platform: FakeAdapter) -> None:
        super().__init__(can=BY_EDITS, page_chars=4000)
        self.chats = platform.chats
        self._ids = platform._ids
        self._cut = False

    def cut(self) -> None:
        """The process is gone."""
        self._cut = True

    def fault(self, call: Call) -> Fault | None:
        return Fault(error=PlatformDown("gone")) if self._cut else None


class Standstill:
    """A turn in which everything stops at one moment: before or after a record, around a call, before the commit.

    Args:
        moment: Which one, counted from the first event of these kinds; 0 for never.
    """

    def __init__(self, turn: Turn, moment: int, kinds: tuple[type, ...]) -> None:
        self.reached = asyncio.Event()
        self.passed = 0
        self._turn = turn
        self._moment = moment
        self._kinds = kinds

    async def __call__(self, work: Work) -> Outcome:
        if not isinstance(work.events[0].inbound.body, self._kinds):
            return await self._turn(work)
        outcome = await self._turn(_Halting(work, self.pass_))
        await self.pass_()
        return outcome

    async def pass_(self) -> None:
        """One more moment."""
        self.passed += 1
        if self.passed == self._moment:
            self.reached.set()
            await asyncio.Event().wait()


class _Halting:
    """A turn's work with a moment before and after each record."""

    def __init__(self, work: Work, pass_: Callable[[], Awaitable[None]]) -> None:
        self.lane, self.events, self.steps = work.lane, work.events, work.steps
        self._work = work
        self._pass = pass_

    async def later(self) -> tuple[Received, ...]:
        return await self._work.later()

    async def record(self, step: bytes, *writes: Put) -> None:
        await self._pass()
        await self._work.record(step, *writes)
        await self._pass()

    async def show(self, out: Outbound) -> None:
        await self._work.show(out)


class House:
    """One deployment over several lives."""

    def __init__(self, folder: Path, mended: Callable[[Tool], Tool] = lambda tool: tool) -> None:
        self.notes = folder / "notes"
        self._mended = mended
        self.platform = FakeAdapter(page_chars=4000)
        self.rig = SqliteRig(folder / "data")
        self.model = model()

    @asynccontextmanager
    async def life(
        self, moment: int = 0, kinds: tuple[type, ...] = (Tap, Fired)
    ) -> AsyncGenerator[tuple[Engine, Standstill]]:
        """From a start to an end."""
        line = Line(self.platform)
        async with AsyncExitStack() as stack:
            plugin = await stack.enter_async_context(
                open_notes(plugin_site(self.notes), NotesSettings(folder=self.notes))
            )
            engine = await stack.enter_async_context(self.rig.open())
            means = Means(
                records=engine.records,
                router=Router([self.model], "auto"),
                toolbox=Toolbox([replace(plugin, tools=tuple(map(self._mended, plugin.tools)))]),
                system="Be brief.",
            )
            turn = Standstill(Assistant(means, Access(engine.records, "open", [])), moment, kinds)
            _ = await stack.enter_async_context(running(engine, turn, line))
            try:
                yield engine, turn
            finally:
                line.cut()

    def killed(self) -> None:
        """What the next life finds."""
        self.rig = self.rig.killed()

    def texts(self) -> list[str]:
        """What the chat shows."""
        return self.platform.texts()

    def saved(self) -> list[str]:
        """The notes there are."""
        return sorted(path.name for path in self.notes.iterdir()) if self.notes.exists() else []

    def buttons(self) -> tuple[str, ...]:
        """The tokens the chat shows."""
        return tuple(choice.token for shown in self.platform.chats.get("1", []) for choice in shown.page.choices)

    async def asked(self, engine: Engine) -> tuple[str, ...]:
        """A person asks, and is asked."""
        await engine.accept([message("Note: buy tea")])
        await until(lambda: len(self.buttons()) == 2)
        return self.buttons()

    async def settled(self, last: str) -> None:
        """The chat ends with this, without buttons."""
        await until(lambda: self.texts()[-1:] == [last] and not self.buttons())


@pytest.fixture
def house(tmp_path: Path) -> House:
    """A deployment of the test's own."""
    return House(tmp_path)


async def test_a_tap_saves_the_note_that_was_shown(house: House) -> None:
    """The whole way: question, buttons, tap, file, and the model's last word."""
    async with house.life() as (engine, _):
        yes, _no = await house.asked(engine)
        assert house.texts() == ["I will note that.", QUESTION]
        assert house.saved() == []
        await engine.accept([tap(yes)])
        await house.settled("Saved.")
    assert house.texts() == ["I will note that.", f"{QUESTION}\n\n{phrases.DONE_MARK}", "Saved."]
    (name,) = house.saved()
    assert (house.notes / name).read_text() == "# Tea\n\nBuy tea.\n"


async def test_a_denial_saves_nothing(house: House) -> None:
    """The question says so, and so does the model."""
    async with house.life() as (engine, _):
        _yes, no = await house.asked(engine)
        await engine.accept([tap(no)])
        await house.settled("Very well.")
    assert house.texts()[1] == f"{QUESTION}\n\n{phrases.DENIED_MARK}"
    assert house.saved() == []


async def test_two_taps_at_once_save_one_note(house: House) -> None:
    """Also yes and no together: the first counts."""
    async with house.life() as (engine, _):
        yes, no = await house.asked(engine)
        await engine.accept([tap(yes), tap(yes), tap(no)])
        await house.settled("Saved.")
    assert len(house.saved()) == 1
    assert len(house.texts()) == 3


async def test_a_strangers_tap_changes_nothing(house: House) -> None:
    """It is not even used up."""
    async with house.life() as (engine, _):
        yes, _no = await house.asked(engine)
        await engine.accept([tap(yes, sender="eve")])
        await engine.accept([message("hello", sender="eve", chat="2")])
        await until(lambda: house.platform.texts("2"))
        assert house.texts() == ["I will note that.", QUESTION]
        assert house.saved() == []
        await engine.accept([tap(yes)])
        await house.settled("Saved.")


async def test_a_restart_between_question_and_tap_loses_nothing(house: House) -> None:
    """Nothing waits in memory."""
    async with house.life() as (engine, _):
        yes, _no = await house.asked(engine)
    async with house.life() as (engine, _):
        await engine.accept([tap(yes)])
        await house.settled("Saved.")
    assert len(house.saved()) == 1


async def test_after_ten_minutes_the_buttons_are_gone_even_over_a_restart(house: House) -> None:
    """The job that ends the question is kept with it, and a tap afterwards does nothing."""
    with time_machine.travel(datetime.now(UTC), tick=True) as clock:
        async with house.life() as (engine, _):
            yes, _no = await house.asked(engine)
        clock.shift(LASTS)
        async with house.life() as (engine, _):
            await until(lambda: not house.buttons())
            assert house.texts() == ["I will note that.", f"{QUESTION}\n\n{phrases.EXPIRED_MARK}"]
            await engine.accept([tap(yes)])
            await engine.accept([message("Hi", sender="bob", chat="2")])
            await until(lambda: house.platform.texts("2"))
    assert house.saved() == []
    assert len(house.texts()) == 2


@pytest.mark.parametrize("choice", [0, 1], ids=["yes", "no"])
async def test_a_kill_at_any_moment_after_the_tap_does_at_most_one_thing(
    house: House, tmp_path: Path, choice: int
) -> None:
    """Every moment around every commit of both turns is tried, each in a deployment of its own."""
    seen = set()
    for moment in range(1, 40):
        house = House(tmp_path / str(moment))
        async with house.life(moment) as (engine, turn):
            tokens = await house.asked(engine)
            await engine.accept([tap(tokens[choice])])
            last = asyncio.create_task(house.settled("Saved." if choice == 0 else "Very well."))
            reached = asyncio.create_task(turn.reached.wait())
            await asyncio.wait({last, reached}, return_when=asyncio.FIRST_COMPLETED)
            over = last.done()
            last.cancel()
            reached.cancel()
            house.killed()
        if over:
            break
        async with house.life():
            await until(lambda: len(house.texts()) == 3 and not house.buttons())  # noqa: B023  awaited here
            await until(lambda: house.texts()[2] in {"Saved.", "I am not sure.", "Very well."})  # noqa: B023
        assert len(house.saved()) <= 1
        seen.add((house.texts()[1].removeprefix(QUESTION).strip(), len(house.saved())))
    else:
        pytest.fail("the turns never came to their end")
    if choice == 0:
        # Between intent and result nobody knows; on both sides of it, it was done, once.
        assert seen == {(phrases.DONE_MARK, 1), (phrases.UNKNOWN_MARK, 0), (phrases.UNKNOWN_MARK, 1)}
    else:
        assert seen == {(phrases.DENIED_MARK, 0)}


async def test_a_kill_at_any_moment_of_the_question_asks_once(house: House, tmp_path: Path) -> None:
    """The turn that asks is killed before its commit: the next run edits what is on the screen."""
    async with house.life(1, (Message,)) as (engine, turn):
        await engine.accept([message("Note: buy tea")])
        await turn.reached.wait()
        await until(lambda: outbox(house.rig) == ["sent"])  # while a send is on its way nobody would know of it
        house.killed()
    async with house.life() as (engine, _):
        await until(lambda: len(house.buttons()) == 2)
        assert house.texts() == ["I will note that.", QUESTION]
        await engine.accept([tap(house.buttons()[0])])
        await house.settled("Saved.")
    assert len(house.saved()) == 1


@pytest.mark.parametrize("dies", ["before", "after"])
def test_a_process_that_dies_in_the_middle_of_saving_does_not_save_again(tmp_path: Path, dies: str) -> None:
    """A real process, ended by the system between intent and result: at most one note, and it says it does not know."""
    program = [sys.executable, str(Path(__file__).with_name("dying.py")), str(tmp_path)]
    here = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    first = subprocess.run([*program, dies], env=here, capture_output=True, text=True, timeout=30, check=False)
    assert first.returncode == -signal.SIGKILL, first.stderr
    second = subprocess.run([*program, ""], env=here, capture_output=True, text=True, timeout=30, check=False)
    assert second.returncode == 0, second.stderr
    chat = json.loads(second.stdout.splitlines()[-1])
    assert chat["texts"][-2:] == [f"{QUESTION}\n\n{phrases.UNKNOWN_MARK}", "I am not sure."]
    assert len(chat["saved"]) == (0 if dies == "before" else 1)
