"""One run: the simulators, the people and the product together, killed and started again until it is over."""

import asyncio
import contextlib
import logging
import sys
import time
from collections import Counter
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

from chaos import model
from chaos.cuts import Taken
from chaos.killer import Killer, NoStart, started
from chaos.people import Asker
from chaos.product import Life, settings
from chaos.script import END
from chaos.stages import STAGES
from simulators.openai import OpenAISimulator
from simulators.telegram import Call, TelegramSimulator
from simulators.waiting import until

_SENDS = frozenset({"sendMessage", "sendRichMessage"})
_PUTS = _SENDS | {"editMessageText"}
_SPEAKS = _PUTS | {"sendMessageDraft", "sendRichMessageDraft", "deleteMessage"}
_ON_THE_WAY_S = (0.001, 0.02)
"""How long a call takes to the platform, and its answer back."""
_QUIET_S, _LONGEST_S = 2.0, 20.0
_GRACE_S = 15.0
_REQUESTS_KEPT = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run is to be.

    Attributes:
        groups: Chats beside the people's private ones, where a bot has no drafts and edits messages instead.
        drafts: Whether the platform knows drafts; without them private chats are served by edits, too.
        stages: What is aimed at.
        seconds: No more kills after that time.
        patience_s: How long somebody waits for an answer, kills or not.
    """

    kills: int = 100
    people: int = 30
    groups: int = 6
    seed: int = 1
    mark: bool = False
    drafts: bool = True
    stages: tuple[str, ...] = STAGES
    seconds: float = 7200.0
    patience_s: float = 120.0


@dataclass(slots=True)
class Run:
    """What came of it, for judge and report; times are ``time.monotonic()`` seconds."""

    plan: Plan
    telegram: TelegramSimulator
    lab: OpenAISimulator
    killer: Killer
    folder: Path
    people: list[Asker] = field(default_factory=list)
    lives: list[Life] = field(default_factory=list)
    taken: list[Taken] = field(default_factory=list)
    spoken_at: float = 0.0
    began_at: float = field(default_factory=time.monotonic)
    wall_offset_s: float = field(default_factory=lambda: time.time() - time.monotonic())
    over_at: float = 0.0
    model_calls: int = 0
    deaths_of_its_own: int = 0
    ended_well: bool = False
    complaints: Counter[str] = field(default_factory=Counter)

    @property
    def notes(self) -> Path:
        """Where notes are saved."""
        return self.folder / "notes"

    @property
    def answered(self) -> int:
        """How many questions were seen answered."""
        return sum(len(asker.asked) - len(asker.given_up) for asker in self.people)


@contextlib.asynccontextmanager
async def arena(plan: Plan, folder: Path, tell: Callable[[Run], None] = lambda _: None) -> AsyncGenerator[Run]:
    """Hold a run, and yield what came of it while the simulated chats still stand.

    Raises:
        NoStart: The product did not come up.
    """
    logging.getLogger("aiohttp.server").setLevel(logging.CRITICAL)  # each kill breaks off streams, which is no news
    before = sys.getswitchinterval()
    sys.setswitchinterval(0.0005)  # so that the thread that kills need not wait for the simulators' turn to end
    try:
        async with (
            TelegramSimulator(seed=plan.seed) as telegram,
            OpenAISimulator(answer=model.reply, seed=plan.seed) as lab,
        ):
            telegram.world.drafts = plan.drafts
            stages = [stage for stage in plan.stages if stage != "preview" or not plan.mark]  # marked, there are none
            run = Run(plan, telegram, lab, Killer(Random(f"{plan.seed} killer"), stages), folder)
            await _Director(run, tell).direct()
            yield run
    finally:
        sys.setswitchinterval(before)


class _Director:
    """Starts, kills, and in the end lets everybody finish."""

    def __init__(self, run: Run, tell: Callable[[Run], None]) -> None:
        self._run = run
        self._tell = tell
        self._way = Random(f"{run.plan.seed} way")
        self._by_chat: dict[int, Asker] = {}
        run.telegram.on_call("*", "received").each(self._received)
        run.telegram.on_call("*", "accepted").each(self._accepted)

    async def direct(self) -> None:
        run, plan = self._run, self._run.plan
        closing = asyncio.Event()
        self._invite()
        crowd = [asyncio.create_task(asker.run(closing), name=f"person {asker.number}") for asker in run.people]
        telling = asyncio.create_task(self._keep_telling(), name="telling")
        try:
            while run.killer.kills < plan.kills and time.monotonic() - run.began_at < plan.seconds:
                if not await run.killer.kill(self._begin(), run.killer.aim()):
                    self._died()
                await asyncio.sleep(0.05)  # what was still on the line arrives in the name of the dead
            closing.set()
            await self._let_finish(crowd)
        finally:
            telling.cancel()
            for task in crowd:
                task.cancel()
            await asyncio.gather(telling, *crowd, return_exceptions=True)
            await self._bury()
            run.over_at = time.monotonic()

    def _invite(self) -> None:
        run = self._run
        for number in range(1, run.plan.people + run.plan.groups + 1):
            private = number <= run.plan.people
            chat = run.telegram.chat(1000 + number) if private else run.telegram.group(-1_001_000_000_000 - number)
            random = Random(f"{run.plan.seed} person {number}")
            asker = Asker(run.telegram, number, chat, random, patience_s=run.plan.patience_s)
            run.people.append(asker)
            self._by_chat[chat.id] = asker

    def _begin(self) -> Life:
        run = self._run
        environment = settings(
            data_dir=run.folder / "data",
            notes=run.notes,
            telegram=run.telegram.base_url,
            token=run.telegram.token,
            models=run.lab.base_url,
            mark=run.plan.mark,
        )
        run.lives.append(Life(len(run.lives) + 1, environment, run.folder))
        return run.lives[-1]

    def _died(self) -> None:
        """It went by itself, which it never should."""
        self._run.deaths_of_its_own += 1
        if self._run.deaths_of_its_own > 3:
            raise NoStart("it keeps dying by itself:\n" + "\n".join(self._run.lives[-1].log.last))

    async def _let_finish(self, crowd: list[asyncio.Task[None]]) -> None:
        """One more life, not killed, until everybody has what they asked for and nothing moves any more."""
        run = self._run
        life = self._begin()
        await started(life)
        await asyncio.wait(crowd, timeout=run.plan.patience_s + _LONGEST_S)
        for task in crowd:
            if task.done():
                task.result()
        with contextlib.suppress(TimeoutError):
            await until(lambda: time.monotonic() > run.spoken_at + _QUIET_S, timeout_s=_LONGEST_S)
        run.ended_well = await life.end(_GRACE_S)

    async def _bury(self) -> None:
        for life in self._run.lives:
            if not life.ended.is_set():
                life.kill()
                await life.buried()
            self._run.complaints.update(life.log.trouble)

    async def _keep_telling(self) -> None:
        while True:
            await asyncio.sleep(0.5)
            self._run.model_calls += max(0, len(self._run.lab.requests) - _REQUESTS_KEPT)
            del self._run.lab.requests[:-_REQUESTS_KEPT]  # each holds a whole conversation
            self._tell(self._run)

    # -- what the simulated platform sees

    async def _received(self, call: Call) -> None:
        if call.method == "getUpdates":
            life = self._run.lives[-1]
            life.ready_at = life.ready_at or time.monotonic()
        if call.method in _SPEAKS | {"getUpdates"}:
            await asyncio.sleep(self._way.uniform(*_ON_THE_WAY_S))

    async def _accepted(self, call: Call) -> None:
        if call.method not in _SPEAKS or call.chat_id is None:
            return
        self._run.spoken_at = time.monotonic()
        if call.method in _PUTS:
            self._note(call, call.chat_id)
        self._by_chat[call.chat_id].news.set()
        await asyncio.sleep(self._way.uniform(*_ON_THE_WAY_S))

    def _note(self, call: Call, chat: int) -> None:
        sends = call.method in _SENDS
        message = call.answer["message_id"] if sends else call.params["message_id"]
        self._run.taken.append(Taken((chat, int(message)), sends, call.received_at))
        life = self._run.lives[-1]
        if life.answered_at is None and call.received_at > life.began_at and END in call.text:
            life.answered_at = time.monotonic()
