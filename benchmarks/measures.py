"""The measures: what is done to one contestant on a stage of its own, and the samples that come of it."""

import asyncio
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from benchmarks.contestants import Contestant, Running, running
from benchmarks.imports import bare_rss_mb, imported
from benchmarks.stage import Ask, Speech, Stage, open_stage

Samples = dict[str, list[float]]
Measure = Callable[[Contestant, "Size"], Awaitable[Samples]]

LONG = Speech(words=190, first_token_s=0.1, tokens_per_s=200.0)
MIDDLE = Speech(words=45, first_token_s=0.1, tokens_per_s=200.0)
SHORT = Speech(words=10, first_token_s=0.05, tokens_per_s=200.0)
CHAT = Speech(words=30, first_token_s=0.2, tokens_per_s=200.0)
TWO_SECONDS = Speech(words=90, tokens_per_s=55.0, tick_s=0.05)
AT_ONCE = Speech(words=10)

_PATIENCE_S = 120.0
_SETTLE_S = 1.0
_FIRST_PERSON = 1000


@dataclass(frozen=True, kw_only=True)
class Size:
    """How much is done.

    Attributes:
        answers: Answers whose CPU is counted; ``in_flight`` of them at a time.
        asks: Questions asked one after the other, of which the delays are taken.
        crowd: People who ask at the same moment.
        people: People who each have one answer, while memory is watched at so many ``looks``.
        idle_s: Seconds without anything to do.
        warm_up: People who are answered before anything counts.
    """

    answers: int = 500
    in_flight: int = 10
    asks: int = 60
    crowd: int = 500
    people: int = 10_000
    looks: int = 10
    idle_s: float = 20.0
    warm_up: int = 20


@asynccontextmanager
async def _performing(contestant: Contestant, size: Size, speech: Speech) -> AsyncGenerator[tuple[Stage, Running]]:
    """A contestant that listens and has answered some people already."""
    async with open_stage(speech) as stage, running(contestant, stage) as process:
        await _all(stage.ask(person) for person in range(1, 1 + size.warm_up))
        await asyncio.sleep(_SETTLE_S)
        stage.asks.clear()
        yield stage, process


async def cpu(contestant: Contestant, size: Size, speech: Speech, name: str) -> Samples:
    """CPU for each answer, milliseconds, a few at a time; each person asks twice."""
    async with _performing(contestant, size, speech) as (stage, process):
        before = process.cpu_s()
        await _in_flight(stage, size.answers, people=max(size.in_flight, size.answers // 2), at_once=size.in_flight)
        await asyncio.sleep(_SETTLE_S)
        spent_s = process.cpu_s() - before
        return {name: [1000 * spent_s / size.answers]} | _faults(stage)


async def cpu_long(contestant: Contestant, size: Size) -> Samples:
    """Answers of about 200 deltas."""
    return await cpu(contestant, size, LONG, "cpu_long_ms")


async def cpu_middle(contestant: Contestant, size: Size) -> Samples:
    """Answers of about 55 deltas."""
    return await cpu(contestant, size, MIDDLE, "cpu_middle_ms")


async def cpu_short(contestant: Contestant, size: Size) -> Samples:
    """Answers of about 20 deltas."""
    return await cpu(contestant, size, SHORT, "cpu_short_ms")


async def delay(contestant: Contestant, size: Size) -> Samples:
    """What is added to the model's own time, milliseconds: to the whole answer, and to the first text of it."""
    async with _performing(contestant, size, CHAT) as (stage, _):
        for number in range(size.asks):
            await _all([stage.ask(_FIRST_PERSON + number % 30)])
            await asyncio.sleep(0.05)
        thoughts = await stage.thoughts()
        whole: list[float] = []
        first: list[float] = []
        for ask in stage.asks:
            thought = thoughts.get(ask.number)
            if thought is None or ask.answered_at is None or ask.shown_at is None:
                continue
            took_s = ask.answered_at - ask.asked_at
            whole.append(1000 * (took_s - (thought.finished_at - thought.received_at)))
            began_s = ask.shown_at - ask.asked_at
            first.append(1000 * (began_s - (thought.first_token_at - thought.received_at)))
        return {"added_ms": whole, "first_text_ms": first} | _faults(stage)


async def crowd(contestant: Contestant, size: Size) -> Samples:
    """Seconds until everybody of a crowd has an answer that the model takes two seconds for."""
    async with _performing(contestant, size, TWO_SECONDS) as (stage, process):
        before, began = process.cpu_s(), time.monotonic()
        asks = [stage.ask(_FIRST_PERSON + number) for number in range(size.crowd)]
        await _all(asks)
        ended = max((ask.answered_at or time.monotonic()) for ask in asks)
        await asyncio.sleep(_SETTLE_S)
        return {"crowd_s": [ended - began], "crowd_cpu_s": [process.cpu_s() - before]} | _faults(stage)


async def memory(contestant: Contestant, size: Size) -> Samples:
    """Megabytes: idle, and while ever more people have had an answer; with what the bare imports take."""
    async with open_stage(AT_ONCE) as stage:
        modules = await imported(contestant, stage)
        baseline = [bare_rss_mb(modules) for _ in range(3)]
    async with open_stage(AT_ONCE) as stage, running(contestant, stage) as process:
        await asyncio.sleep(2 * _SETTLE_S)
        idle = process.rss_mb()
        looks: list[float] = []
        for look in range(size.looks):
            share = size.people // size.looks
            start = _FIRST_PERSON + look * share
            await _in_flight(stage, share, people=share, at_once=64, first=start)
            looks.append(process.rss_mb())
        return {
            "rss_idle_mb": [idle],
            "rss_people_mb": looks[-1:],
            "rss_curve_mb": looks,
            "rss_growth_mb": [looks[-1] - looks[len(looks) // 2 - 1]],
            "rss_imports_mb": baseline,
        } | _faults(stage)


async def start(contestant: Contestant, size: Size) -> Samples:
    """Seconds from the start of the process until it listens, and until a message that waited has its answer."""
    del size
    async with open_stage(AT_ONCE) as stage:
        waiting = stage.ask(_FIRST_PERSON)
        async with running(contestant, stage) as process:
            await _all([waiting])
            shown, listening = waiting.shown_at or 0.0, stage.listening_at or 0.0
            return {
                "listening_s": [listening - process.began_at],
                "first_reply_s": [shown - process.began_at],
                "first_reply_cpu_s": [process.cpu_s()],
            } | _faults(stage)


async def idle(contestant: Contestant, size: Size) -> Samples:
    """CPU while there is nothing to do, percent of one core."""
    async with _performing(contestant, size, AT_ONCE) as (_, process):
        await asyncio.sleep(2 * _SETTLE_S)
        before = process.cpu_s()
        await asyncio.sleep(size.idle_s)
        return {"idle_percent": [100 * (process.cpu_s() - before) / size.idle_s]}


async def _in_flight(stage: Stage, answers: int, *, people: int, at_once: int, first: int = _FIRST_PERSON) -> None:
    """Have so many questions answered, so many at a time; nobody asks again before having an answer."""
    left = iter(range(answers))

    async def askers(mine: Iterable[int]) -> None:
        persons = list(mine)
        for turn, _ in enumerate(left):
            await _all([stage.ask(first + persons[turn % len(persons)])])

    await asyncio.gather(*(askers(range(lane, people, at_once)) for lane in range(at_once)))


async def _all(asks: Iterable[Ask]) -> None:
    """Wait for the answers; who has none after a long time is counted as lost."""
    waiting = [asyncio.ensure_future(ask.done.wait()) for ask in asks]
    _, late = await asyncio.wait(waiting, timeout=_PATIENCE_S)
    for task in late:
        task.cancel()


def _faults(stage: Stage) -> Samples:
    return {"lost": [float(stage.lost())], "doubled": [float(stage.doubled())]}


MEASURES: Mapping[str, Measure] = {
    "start": start,
    "delay": delay,
    "cpu_long": cpu_long,
    "cpu_middle": cpu_middle,
    "cpu_short": cpu_short,
    "crowd": crowd,
    "idle": idle,
    "memory": memory,
}
