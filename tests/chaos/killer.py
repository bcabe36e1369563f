"""The killer: takes aim at a stage of the product's work and kills it there, again and again, at moments of its own."""

import asyncio
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from random import Random

from chaos.product import Life
from chaos.stages import Moment
from simulators.waiting import until

_START_S = 45.0
"""How long a start may take before it counts as failed; machines that run other things are slow."""
_LONGEST_WAIT_S = 8.0
_AT_RANDOM, _AS_IT_ENDS = 0.12, 0.25
_DELAYS_S = {"put": 0.03, "preview": 0.03}
_DELAY_S = 0.003


class NoStart(Exception):
    """The product did not come up; the message has its last words."""


@dataclass(frozen=True, slots=True)
class Aim:
    """When to kill: as a stage begins ("" for no matter which), after some others, a moment later.

    Attributes:
        ends: As the stage ends instead: between it and what comes next.
        not_before_s: Counted from when the product listens; negative: from its very start.
        latest_s: When to kill in any case.
    """

    stage: str
    ends: bool = False
    passing: int = 0
    delay_s: float = 0.0
    not_before_s: float = 0.0
    latest_s: float = _LONGEST_WAIT_S


class Killer:
    """Kills lives.

    Attributes:
        aimed: How often each stage was aimed at.
        hits: How often a kill came while each stage had begun and not ended.
        kills: How many there were.
    """

    def __init__(self, random: Random, stages: Sequence[str]) -> None:
        self.aimed: Counter[str] = Counter()
        self.hits: Counter[str] = Counter()
        self.kills = 0
        self._random = random
        self._stages = tuple(stages)

    def aim(self) -> Aim:
        """Take aim, at what was hit least so far above all."""
        random = self._random
        if random.random() < _AT_RANDOM:
            return Aim("", not_before_s=-1.0, latest_s=random.uniform(0.05, 5.0))
        weights = [1.0 / (1 + self.hits[stage]) for stage in self._stages]
        (stage,) = random.choices(self._stages, weights)
        delay_s = random.choice([0.0, random.uniform(0.0, _DELAYS_S.get(stage, _DELAY_S))])
        not_before_s = random.choice(
            [-1.0, random.uniform(0.1, 3.0), random.uniform(0.1, 3.0), random.uniform(2.0, 6.0)]
        )
        ends, passing = random.random() < _AS_IT_ENDS, random.choice([0, 0, 1, 2])
        return Aim(stage, ends=ends, passing=passing, delay_s=0.0 if ends else delay_s, not_before_s=not_before_s)

    async def kill(self, life: Life, aim: Aim) -> bool:
        """Let it live until the aimed moment; False where it died by itself.

        Raises:
            NoStart: It did not come to listen.
        """
        trigger = _Trigger(life, aim)
        if aim.not_before_s < 0:
            trigger.arm()
            if not aim.stage:
                return await self._finish(life, aim, aim.latest_s)
        await started(life)
        if life.ended.is_set():
            return await self._finish(life, aim, 0.0)
        await asyncio.sleep(max(0.0, aim.not_before_s))
        trigger.arm()
        return await self._finish(life, aim, aim.latest_s)

    async def _finish(self, life: Life, aim: Aim, latest_s: float) -> bool:
        try:
            async with asyncio.timeout(latest_s):
                await life.ended.wait()
        except TimeoutError:
            life.kill()
        await life.buried()
        if life.killed_at is None:
            return False
        self.kills += 1
        self.aimed[aim.stage] += 1
        self.hits.update({stage for stage, _ in life.log.open})
        return True


class _Trigger:
    """Watches stages begin and end, in the thread that reads them, and kills at the right one."""

    def __init__(self, life: Life, aim: Aim) -> None:
        self._life = life
        self._aim = aim
        self._armed = False
        self._left = aim.passing
        life.passes = self._passes

    def arm(self) -> None:
        """From now on."""
        self._armed = True

    def _passes(self, moment: Moment) -> None:
        if not self._armed or (moment.stage, moment.begins) != (self._aim.stage, not self._aim.ends):
            return
        if self._left > 0:
            self._left -= 1
            return
        self._armed = False
        if self._aim.delay_s:
            time.sleep(self._aim.delay_s)
        self._life.kill()


async def started(life: Life) -> None:
    """Wait until it listens, or is gone again.

    Raises:
        NoStart: It did neither for too long, or ended by itself.
    """
    try:
        await until(lambda: life.ready_at is not None or life.ended.is_set(), timeout_s=_START_S)
    except TimeoutError as late:
        life.kill()
        await life.buried()
        raise NoStart("it does not listen:\n" + "\n".join(life.log.last)) from late
    if life.killed_at is None and life.ended.is_set():
        await life.buried()
        raise NoStart("it ended by itself:\n" + "\n".join(life.log.last))
