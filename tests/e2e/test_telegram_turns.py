"""The whole product between a simulated Telegram and a simulated model server: turns as people see them."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from core import phrases
from core.app import Stop, serve
from core.config.configuration import load
from simulators.openai import OpenAISimulator
from simulators.openai.records import Recorded
from simulators.openai.replies import Pace, Reply, tool_call
from simulators.telegram import TelegramSimulator
from simulators.telegram.chats import Shown

ANN, BOB = 42, 43
GROUP = -1001000000001
CONFIG = """
data_dir = {data}
[bots.telegram]
token = {token}
api_base = {telegram}
[providers.lab]
kind = "compatible"
hosting = "self"
base_url = {lab}
models = ["sim-small"]
[plugins.notes]
folder = {notes}
"""
SLOW = Pace(tokens_per_s=5)


class World:
    """Telegram, a model server, and the deployment between them."""

    def __init__(self, folder: Path, telegram: TelegramSimulator, lab: OpenAISimulator) -> None:
        self.telegram, self.lab = telegram, lab
        self.notes = folder / "notes"
        self._config = folder / "config.toml"
        values = {
            "data": folder / "data",
            "notes": self.notes,
            "token": telegram.token,
            "telegram": telegram.base_url,
            "lab": lab.base_url,
        }
        self._config.write_text(CONFIG.format(**{name: json.dumps(str(value)) for name, value in values.items()}))

    @asynccontextmanager
    async def life(self) -> AsyncGenerator[str]:
        """From a start to an orderly end; the code for the owner."""
        stop, code = Stop(), asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve(load(self._config), stop, lambda report: code.set_result(report.code)))
        await asyncio.wait({task, code}, return_when=asyncio.FIRST_COMPLETED)
        try:
            yield code.result() if code.done() else task.result() or ""
        finally:
            stop.ask()
            await task

    def shown(self, chat: int = ANN) -> list[Shown]:
        """What the bot says in a chat."""
        return [shown for shown in self.telegram.chat(chat).replies() if shown.message_id]

    def texts(self, chat: int = ANN) -> list[str]:
        """The words of it."""
        return [shown.text for shown in self.shown(chat)]

    async def says(self, text: str, chat: int = ANN) -> Shown:
        """Wait for a message of the bot that contains this."""
        found = await self.telegram.until(lambda: [shown for shown in self.shown(chat) if text in shown.text])
        return found[0]

    async def owned(self, code: str) -> None:
        """Ann is the owner."""
        self.telegram.say(ANN, code)
        await self.says(phrases.WELCOME_OWNER[:20])

    def saved(self) -> list[Path]:
        """The notes there are."""
        return sorted(self.notes.iterdir()) if self.notes.exists() else []


@pytest.fixture
async def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncGenerator[World]:
    """Both platforms, and nothing running between them yet."""
    monkeypatch.setenv("CREDENTIALS_DIRECTORY", str(tmp_path / "none"))
    logging.getLogger("httpx").setLevel(logging.WARNING)
    async with TelegramSimulator() as telegram, OpenAISimulator() as lab:
        telegram.person(ANN, "Ann")
        telegram.person(BOB, "Bob")
        yield World(tmp_path, telegram, lab)


def wants_a_note(record: Recorded) -> bool:
    """Whether this is the question, and not what came of it."""
    return "note" in record.last_user and "I allowed" not in record.last_user


def note(text: str = "") -> Reply:
    """The model's wish to save one."""
    return Reply(text=text, tool_calls=(tool_call("save_note", title="Tea", text="Buy tea."),))


async def test_a_note_is_saved_by_a_tap_over_a_restart(world: World) -> None:
    """Paired by the code, asked in one life, tapped in the next: the file, the mark, and the model's last word."""
    world.lab.on(wants_a_note).reply(note("I will note that."))
    world.lab.on("I allowed this").reply("It is noted.")
    async with world.life() as code:
        await world.owned(code)
        world.telegram.say(ANN, "Please note: buy tea")
        asked = await world.says("May I do this?")
        assert "Tea\n\nBuy tea." in asked.text
        assert not world.saved()
    async with world.life():
        world.telegram.tap(ANN, asked.message_id, phrases.ALLOW)
        world.telegram.tap(ANN, asked.message_id, phrases.ALLOW)
        await world.says("It is noted.")
        done = await world.says("allowed and done")
    assert (done.message_id, done.buttons) == (asked.message_id, ())
    assert [path.read_text() for path in world.saved()] == ["# Tea\n\nBuy tea.\n"]
    assert len(world.texts()) == 4
    assert not world.telegram.violations
    assert not world.lab.violations


async def test_a_strangers_tap_in_a_group_is_nothing(world: World) -> None:
    """The owner's question stays as it is, and the owner's own tap still counts."""
    world.telegram.group(GROUP)
    world.lab.on(wants_a_note).reply(note())
    world.lab.on("I allowed this").reply("It is noted.")
    bot = world.telegram.world.bot().username
    async with world.life() as code:
        await world.owned(code)
        world.telegram.say(GROUP, f"@{bot} please note: buy tea", user=ANN)
        asked = await world.says("May I do this?", GROUP)
        world.telegram.tap(GROUP, asked.message_id, phrases.ALLOW, user=BOB)
        world.telegram.say(BOB, "hello")
        await world.says(phrases.STRANGER[:20], BOB)
        assert not world.saved()
        assert len(world.texts(GROUP)) == 1
        world.telegram.tap(GROUP, asked.message_id, phrases.ALLOW, user=ANN)
        await world.says("It is noted.", GROUP)
    assert len(world.saved()) == 1


async def test_stop_closes_the_models_connection_at_once(world: World) -> None:
    """What was said stays, marked; the server sees us go within a moment."""
    world.lab.on("tell").reply(Reply(text="word " * 200, pace=SLOW))
    async with world.life() as code:
        await world.owned(code)
        world.telegram.say(ANN, "tell me a story")
        await world.telegram.until(lambda: world.lab.requests and "word" in world.lab.requests[-1].text)
        world.telegram.say(ANN, "/stop")
        await world.says("stopped")
        request = world.lab.requests[-1]
        await world.telegram.until(lambda: request.closed_early_at)
    assert request.tokens < 50
    assert len(world.texts()) == 2


async def test_an_edit_of_the_running_question_restarts_it(world: World) -> None:
    """The old stream is closed, and there is one answer: to what the question reads now."""
    world.lab.on(lambda record: record.last_user == "old").reply(Reply(text="word " * 200, pace=SLOW))
    world.lab.on(lambda record: record.last_user == "new").reply("The new answer.")
    async with world.life() as code:
        await world.owned(code)
        asked = world.telegram.say(ANN, "old")
        await world.telegram.until(lambda: world.lab.requests and "word" in world.lab.requests[-1].text)
        world.telegram.edit(ANN, asked.message_id, "new")
        await world.says("The new answer.")
        await world.telegram.until(lambda: world.lab.requests[0].closed_early_at)
    assert len(world.lab.requests) == 2
    assert world.texts()[1:] == ["The new answer."]


async def test_an_album_is_answered_once(world: World) -> None:
    """Three pictures are one question."""
    async with world.life() as code:
        await world.owned(code)
        world.telegram.person(ANN).album([b"1", b"2", b"3"], caption="holiday")
        await world.says("holiday")
    assert len(world.lab.requests) == 1
    assert world.lab.requests[0].last_user.count("photo") == 3
