"""What a busy model costs: fifty people ask at once while a share of the model's calls fails, and we count who is left.

    make busy                       each fault at 5, 10 and 30 %, with one provider and with two; minutes each
    make busy ARGS="--rate 10"      one rate only; likewise --fault, --providers, --people

Telegram, too, answers every tenth send with 429. Beside us runs a bare bot over the openai SDK, which asks again by
itself. At 10 % nobody may be left without an answer; at 30 % the counts of both stand side by side.
"""

import argparse
import asyncio
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from benchmarks.contestants import BARE, OURS, Contestant, running  # noqa: E402
from simulators.openai import OpenAISimulator  # noqa: E402
from simulators.openai.faults import Fault, cut, hang, status  # noqa: E402
from simulators.openai.records import Recorded  # noqa: E402
from simulators.openai.replies import Pace, Reply  # noqa: E402
from simulators.telegram import Call, TelegramSimulator  # noqa: E402
from simulators.telegram.faults import too_many  # noqa: E402

FAULTS: dict[str, Callable[[], Fault]] = {
    "429": lambda: status(429),
    "500": lambda: status(500),
    "529": lambda: status(529),
    "cut": lambda: cut(after_tokens=4),
    "hang": hang,
}
RATES = (5, 10, 30)
_SENDS = frozenset({"sendmessage", "sendrichmessage"})
_TELEGRAM_BUSY = 0.1
_FIRST_PERSON = 1000
_PATIENCE_S = 240.0
_BARE_PATIENCE_S = 60.0  # it gives up within seconds
_HANGS_S = "5"  # a first token that takes longer is not waited for, so that a run with hangs takes minutes


@dataclass(frozen=True, kw_only=True)
class Plan:
    """One run: which fault, how often (in percent), how many providers, people and questions of each."""

    fault: str
    rate: int
    providers: int = 1
    people: int = 50
    questions: int = 2

    def __str__(self) -> str:
        """For a table."""
        return f"{self.fault:>4}  {self.rate:>2} %  {self.providers} provider{'s'[: self.providers > 1]}"


@dataclass(kw_only=True)
class Stage:
    """People on a simulated Telegram, and what became of each question; as contestants want it."""

    telegram: TelegramSimulator
    models: list[OpenAISimulator]
    listening: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.telegram.hooks.on("getUpdates", "received").each(lambda _: self.listening.set())

    @property
    def telegram_url(self) -> str:
        """Where Telegram is."""
        return self.telegram.base_url

    @property
    def token(self) -> str:
        """The bot's token."""
        return self.telegram.token

    @property
    def model_url(self) -> str:
        """Where the first model is."""
        return self.models[0].base_url

    def answered(self, person: int, number: int) -> bool:
        """Whether a question's whole answer stands in its chat."""
        said = self.telegram.chat(person).replies()
        return any(one.message_id and f"Answer {number} ends." in one.text for one in said)


def _says(record: Recorded) -> Reply:
    number = record.last_user.partition(":")[0].removeprefix("Q")
    return Reply(text=f"Answer {number} begins, and has some words. Answer {number} ends.", pace=Pace(tokens_per_s=20))


async def unanswered(contestant: Contestant, plan: Plan, patience_s: float = _PATIENCE_S) -> int:
    """How many questions have no answer in the end."""
    async with AsyncExitStack() as stack:
        telegram = await stack.enter_async_context(TelegramSimulator())
        models = [await stack.enter_async_context(OpenAISimulator()) for _ in range(plan.providers)]
        for model in models:
            model.on().sometimes(plan.rate / 100, FAULTS[plan.fault]())
            model.on().always(_says)
        telegram.fail("*", too_many(1), times=None, probability=_TELEGRAM_BUSY, when=_is_send)
        stage = Stage(telegram=telegram, models=models)
        await stack.enter_async_context(running(contestant, stage, extra=_environment(models)))  # type: ignore[arg-type]
        asked = [
            (_FIRST_PERSON + person, person * plan.questions + turn)
            for turn in range(plan.questions)
            for person in range(plan.people)
        ]
        left = set(asked)
        for person, number in asked:
            telegram.person(person).say(f"Q{number}: What is left of it?")
        end = time.monotonic() + patience_s
        while left and time.monotonic() < end:
            await asyncio.sleep(0.5)
            left = {one for one in left if not stage.answered(*one)}
        return len(left)


def _is_send(call: Call) -> bool:
    return call.method.lower() in _SENDS


def _environment(models: list[OpenAISimulator]) -> dict[str, str]:
    told = {"WAYSTATION_TIMEOUTS__FIRST_TOKEN_S": _HANGS_S, "WAYSTATION_TIMEOUTS__IDLE_S": _HANGS_S}
    for number, model in enumerate(models[1:], 2):
        section = f"WAYSTATION_PROVIDERS__SIM{number}__"
        told |= {
            f"{section}KIND": "compatible",
            f"{section}BASE_URL": model.base_url,
            f"{section}HOSTING": "self",
            f"{section}MODELS": '["sim-small"]',
        }
    return told


async def _all(plans: list[Plan]) -> int:
    failed = 0
    print("fault  rate  providers      questions  unanswered: waystation  bare bot")
    for plan in plans:
        ours = await unanswered(OURS, plan)
        beside = plan.providers == 1 and plan.rate == max(RATES)
        bare = str(await unanswered(BARE, plan, _BARE_PATIENCE_S)) if beside else "–"
        wrong = plan.rate < max(RATES) and ours > 0
        failed += wrong
        asked = plan.people * plan.questions
        print(f"{plan}  {asked:>9}  {ours:>23}  {bare:>8}{'  <- must be 0' if wrong else ''}", flush=True)
    return int(failed > 0)


def main() -> int:
    """Run what was asked for; 1 where a question was left unanswered at 10 % or less."""
    parser = argparse.ArgumentParser(prog="tests/chaos/busy.py", description="Counts what a busy model costs.")
    parser.add_argument("--fault", choices=[*FAULTS], action="append", help="only this one; may be repeated")
    parser.add_argument("--rate", type=int, action="append", help="in percent; may be repeated")
    parser.add_argument("--providers", type=int, action="append", choices=[1, 2], help="how many; may be repeated")
    parser.add_argument("--people", type=int, default=50)
    options = parser.parse_args()
    plans = [
        Plan(fault=fault, rate=rate, providers=providers, people=options.people)
        for providers in options.providers or (1, 2)
        for rate in options.rate or RATES
        for fault in options.fault or FAULTS
    ]
    return asyncio.run(_all(plans))


if __name__ == "__main__":
    sys.exit(main())
