"""The stage of a measurement: a simulated Telegram with people who ask, and a simulated model in its own process.

Telegram is simulated in the measuring process itself, which has nothing else to do: so each call of a bot is stamped
where it arrives. All times are ``time.monotonic()``, which all processes of a machine share.
"""

import asyncio
import itertools
import json
import os
import sys
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from simulators.control import Remote
from simulators.telegram import Call, TelegramSimulator

ROOT = Path(__file__).resolve().parents[1]
MODEL = "sim-small"
_SENDS = frozenset({"sendmessage", "sendrichmessage"})
_QUESTION = "Q{number}: What is **left** of it, and why?\n\n- what `this` was\n- what _that_ is"
_END = "."


@dataclass(frozen=True, kw_only=True)
class Speech:
    """How the model speaks: words of an answer, seconds to the first, words a second (None: all at once)."""

    words: int
    first_token_s: float = 0.0
    tokens_per_s: float | None = None
    tick_s: float = 0.005


@dataclass(eq=False, kw_only=True)
class Ask:
    """One question and what became of it.

    Attributes:
        shown_at: When the first text of an answer was seen, be it a draft.
        answered_at: When the whole answer arrived.
        answers: How often it did.
    """

    number: int
    person: int
    asked_at: float
    shown_at: float | None = None
    answered_at: float | None = None
    answers: int = 0
    done: asyncio.Event = field(default_factory=asyncio.Event)


@dataclass(frozen=True, kw_only=True)
class Thought:
    """When the model began and ended an answer."""

    received_at: float
    first_token_at: float
    finished_at: float


class Stage:
    """People who ask, and a log of when they saw what."""

    def __init__(self, telegram: TelegramSimulator, model: Remote, model_url: str) -> None:
        self.asks: list[Ask] = []
        self.strays = 0
        self.listening_at: float | None = None
        self.listening = asyncio.Event()
        self.model_url = model_url
        self._telegram = telegram
        self._model = model
        self._last: dict[int, Ask] = {}
        self._numbers = itertools.count(1)
        telegram.hooks.on("*", "received").each(self._received)

    @property
    def telegram_url(self) -> str:
        """Where Telegram is."""
        return self._telegram.base_url

    @property
    def token(self) -> str:
        """The bot's token."""
        return self._telegram.token

    def ask(self, person: int) -> Ask:
        """Let a person ask something new. They have nothing open, or the answers would be mistaken."""
        ask = Ask(number=next(self._numbers), person=person, asked_at=time.monotonic())
        self._last[person] = ask
        self.asks.append(ask)
        self._telegram.person(person).say(_QUESTION.format(number=ask.number))
        return ask

    async def thoughts(self) -> dict[int, Thought]:
        """What the model did, by the question's number."""
        return {
            int(request["last_user"].partition(":")[0][1:]): Thought(
                received_at=request["received_at"],
                first_token_at=request["first_token_at"],
                finished_at=request["finished_at"],
            )
            for request in await self._model("requests")
            if request["finished_at"] is not None
        }

    def lost(self) -> int:
        """How many questions have no answer."""
        return sum(not ask.answers for ask in self.asks)

    def doubled(self) -> int:
        """How many answers came more than once, or to nobody's question."""
        return self.strays + sum(ask.answers > 1 for ask in self.asks)

    def _received(self, call: Call) -> None:
        method = call.method.lower()
        if method == "getupdates":
            if self.listening_at is None:
                self.listening_at = call.received_at
                self.listening.set()
            return
        ask = self._last.get(call.chat_id or 0)
        if ask is None or not call.text.strip():
            return
        if ask.shown_at is None:
            ask.shown_at = call.received_at
        if method not in _SENDS:
            return
        if f"Q{ask.number}:" not in call.text or not call.text.rstrip().endswith(_END):
            self.strays += 1
            return
        ask.answers += 1
        if ask.answered_at is None:
            ask.answered_at = call.received_at
            ask.done.set()


@asynccontextmanager
async def open_stage(speech: Speech) -> AsyncGenerator[Stage]:
    """Start both simulators, and end them."""
    async with TelegramSimulator() as telegram, _model(speech) as url, Remote(url) as model:
        yield Stage(telegram, model, url)


@asynccontextmanager
async def _model(speech: Speech) -> AsyncGenerator[str]:
    command = [sys.executable, "-m", "simulators.openai", "--control", "--model", MODEL]
    command += ["--words", str(speech.words), "--first-token-s", str(speech.first_token_s)]
    command += ["--tick-s", str(speech.tick_s)]
    if speech.tokens_per_s is not None:
        command += ["--tokens-per-s", str(speech.tokens_per_s)]
    process = await asyncio.create_subprocess_exec(
        *command, cwd=ROOT / "tests", env=clean_environment(), stdout=asyncio.subprocess.PIPE
    )
    try:
        if process.stdout is None:
            raise RuntimeError("The model has no standard output.")
        yield json.loads(await process.stdout.readline())["base_url"]
    finally:
        process.terminate()
        await process.wait()


def clean_environment() -> dict[str, str]:
    """Our environment without any setting of the product's or the tests'."""
    return {name: value for name, value in os.environ.items() if not name.startswith("WAYSTATION_")}
