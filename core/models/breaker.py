"""Leaving a model alone that keeps failing, as long as there is another; single calls try whether it is over.

    closed ── too many of the last calls failed ──> open ── its rest is over ──> one call tries ── it answers ──> closed
                                                     └──────── it fails: twice as long a rest ────────┘

What counts is the share of calls that failed, and never a few in a row: failures are quick and answers are slow, so of
many calls that begin together the failures end first. A call that is still under way has not failed, and counts as such
for a while. A provider that asks for a pause gets it, and is closed again after it.

A breaker only says whom to prefer: where there is nobody else the model is asked all the same (``failover.py``). Time
is given, so that all of this is a plain calculation.
"""

from collections import deque
from dataclasses import dataclass

from core.errors import ProviderError
from core.values import value


@value
class Limits:
    """When a model is left alone, and for how long.

    Attributes:
        min_calls: Fewer calls that ended say nothing yet.
        failure_rate: From this share of failures on it is left alone, 0 to 1.
        max_calls: How many of the last calls are looked at; older than ``window_s`` they count no more.
        under_way_s: How long a call that has not ended counts as one that has not failed.
        rest_s: The first rest. Each try in vain doubles it, up to ``max_rest_s``.
        max_pause_s: The longest pause a provider is granted that asks for one.
    """

    min_calls: int = 5
    failure_rate: float = 0.5
    max_calls: int = 20
    window_s: float = 600.0
    under_way_s: float = 60.0
    rest_s: float = 15.0
    max_rest_s: float = 240.0
    max_pause_s: float = 600.0


LIMITS = Limits()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Trial:
    """A call under way, to be given back with what came of it."""

    began: float


@value
class _Ended:
    at: float
    failed: bool


class Breaker:
    """One model of one provider.

    Attributes:
        is_open: It fails too often, and nobody has seen it answer since.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self.is_open = False
        self._limits = limits
        self._ended: deque[_Ended] = deque(maxlen=limits.max_calls)
        self._under_way: set[Trial] = set()
        self._probe: Trial | None = None
        self._opened = self._until = float("-inf")
        self._rest_s = limits.rest_s

    def admits(self, now: float) -> bool:
        """Whether it is to be asked where somebody else could be."""
        return now >= self._until and self._probe is None

    def rests_s(self, now: float) -> float:
        """How long it is to be left alone."""
        return max(0.0, self._until - now)

    def began(self, now: float) -> Trial:
        """A call begins, admitted or not; the first that is admitted after a rest tries alone."""
        trial = Trial(began=now)
        if self.is_open and self.admits(now):
            self._probe = trial
        self._under_way.add(trial)
        return trial

    def succeeded(self, trial: Trial, now: float) -> None:
        """It answered. One that was asked before the failures began tells nothing of the time after."""
        self._end(trial)
        self._ended.append(_Ended(at=now, failed=False))
        if self.is_open and trial.began >= self._opened:
            self._ended.clear()
            self._rest_s = self._limits.rest_s
            self.is_open, self._probe, self._until = False, None, now

    def failed(self, trial: Trial, error: ProviderError, now: float) -> None:
        """It did not answer."""
        tried = self._end(trial)
        self._ended.append(_Ended(at=now, failed=True))
        if tried:
            self._rest_s = max(self._rest_s, min(2 * self._rest_s, self._limits.max_rest_s))
            self._until = max(self._until, now + self._rest_s)
        elif not self.is_open and self._fails_often(now):
            self.is_open, self._opened = True, now
            self._until = max(self._until, now + self._rest_s)
        asked_s = min(error.retry_after_s or 0.0, self._limits.max_pause_s)
        self._until = max(self._until, now + asked_s)

    def dropped(self, trial: Trial) -> None:
        """Nobody knows what would have come of it: the question was withdrawn."""
        self._end(trial)

    def _end(self, trial: Trial) -> bool:
        """Whether it was the one that tried alone."""
        self._under_way.discard(trial)
        if self._probe is not trial:
            return False
        self._probe = None
        return True

    def _fails_often(self, now: float) -> bool:
        limits = self._limits
        ended = [call.failed for call in self._ended if now - call.at <= limits.window_s]
        under_way = sum(now - trial.began <= limits.under_way_s for trial in self._under_way)
        return len(ended) >= limits.min_calls and sum(ended) >= limits.failure_rate * (len(ended) + under_way)
