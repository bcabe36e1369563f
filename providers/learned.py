"""What was seen of a server, each fact for a while: servers are changed, and nobody tells us."""

import time
from collections.abc import Callable, Hashable, Iterator

FORGOTTEN_AFTER_S = 3600.0
"""A wrong guess, or a fact that is none any more, costs at most one needless request an hour."""
_MOST = 1000


class Learned:
    """Facts by name, each forgotten some time after it was last seen.

    Args:
        after_s: Seconds until then.
        now: Tells the time, in seconds since whenever.
    """

    def __init__(self, after_s: float = FORGOTTEN_AFTER_S, now: Callable[[], float] = time.monotonic) -> None:
        self._after_s = after_s
        self._now = now
        self._until: dict[Hashable, float] = {}

    def __contains__(self, fact: Hashable) -> bool:
        return self._until.get(fact, float("-inf")) > self._now()

    def __iter__(self) -> Iterator[Hashable]:
        """All that are remembered, in the order in which they were learned."""
        return iter([fact for fact in self._until if fact in self])

    def add(self, fact: Hashable) -> None:
        """Remember this; of very many facts the oldest are forgotten early."""
        self._until.pop(fact, None)
        self._until[fact] = self._now() + self._after_s
        while len(self._until) > _MOST:
            del self._until[next(iter(self._until))]

    def discard(self, fact: Hashable) -> None:
        """Forget this, if it was known."""
        self._until.pop(fact, None)
