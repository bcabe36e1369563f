"""Leaving a model alone that keeps failing: nobody waits for the next failure; one question tries whether it is over.

    closed ── failures in a row ──> open ── its rest is over ──> half open ── one question is answered ──> closed
                                      └──── it failed: twice as long ┘

A provider that only asks for a pause gets it, and is closed again after it. Time is given, so that all of this is a
plain calculation.
"""

from collections import deque

from core.errors import ProviderDown, ProviderError

FAILURES, WITHIN_S = 5, 600.0  # one that hangs fails once a minute
REST_S, LONGEST_GROWN_S, LONGEST_REST_S = 15.0, 240.0, 600.0


class Breaker:
    """One model of one provider.

    Args:
        failures: So many with no answer between them open it, all of them ``within_s``.
        rest_s: How long it then stays open, unless the provider asked for more: twice as long after each question that
            tried it in vain, up to ``LONGEST_GROWN_S``.
    """

    def __init__(self, *, failures: int = FAILURES, within_s: float = WITHIN_S, rest_s: float = REST_S) -> None:
        self._within_s = within_s
        self._rest_s = self._first_rest_s = rest_s
        self._failed_at: deque[float] = deque(maxlen=failures)
        self._until = float("-inf")
        self._open = False
        self._probing = False
        self._last: ProviderError = ProviderDown("somebody else's question tries it at present")

    def admits(self, now: float) -> bool:
        """Whether it may be asked now. Whoever is let in says what came of it: the first after a rest goes alone."""
        if now < self._until or self._probing:
            return False
        self._probing = self._open
        return True

    def rests_s(self, now: float) -> float:
        """How long it will not be asked."""
        return max(0.0, self._until - now)

    def reason(self) -> ProviderError:
        """Why it is left alone, to be raised."""
        return _bare(self._last)

    def succeeded(self) -> None:
        """It answered."""
        self._failed_at.clear()
        self._rest_s = self._first_rest_s
        self._open = self._probing = False

    def failed(self, error: ProviderError, now: float) -> None:
        """It did not."""
        self._failed_at.append(now)
        self._last = _bare(error)
        often = len(self._failed_at) == self._failed_at.maxlen and now - self._failed_at[0] <= self._within_s
        if self._open and self._probing:
            self._rest_s = max(self._rest_s, min(2 * self._rest_s, LONGEST_GROWN_S))
        self._open, self._probing = self._open or often, False
        asked_for = min(error.retry_after_s or 0.0, LONGEST_REST_S)
        self._until = max(self._until, now + max(asked_for, self._rest_s if self._open else 0.0))

    def dropped(self) -> None:
        """Nobody knows: the question was withdrawn."""
        self._probing = False


def _bare(error: ProviderError) -> ProviderError:
    """The same without what Python hangs on it: where it was raised, and with it all that was said there."""
    return type(error)(str(error), retry_after_s=error.retry_after_s)
