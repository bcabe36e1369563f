"""Counts requests that were rejected, so that a thousand of them are a line in the log and not a thousand.

The first of a kind is logged at once, those that follow are counted, and the count is logged after a while. Nothing of
a request is kept or logged: its path, its header fields and its body may hold secrets, or whatever a stranger likes.
"""

import asyncio
from collections import Counter

import structlog

log = structlog.get_logger(__name__)

_EVERY_S = 60.0
_MAX_KINDS = 200
_WEBHOOKS = "/webhooks/"


class Rejections:
    """Counts by reason and by the route that was asked for.

    Args:
        every_s: How long rejections are counted before their number is logged.
    """

    def __init__(self, every_s: float = _EVERY_S) -> None:
        self._every_s = every_s
        self._total: Counter[tuple[str, str]] = Counter()
        self._new: Counter[tuple[str, str]] = Counter()
        self._timer: asyncio.TimerHandle | None = None

    @property
    def total(self) -> dict[str, int]:
        """How many there were since the start, by reason; most first."""
        reasons: Counter[str] = Counter()
        for (_, reason), count in self._total.items():
            reasons[reason] += count
        return dict(reasons.most_common())

    def count(self, reason: str, route: str = "") -> None:
        """Count one.

        Args:
            reason: A sentence of ours, with nothing of the request in it.
            route: The pattern that a handler was registered for, "" where it is not known.
        """
        kind = (route, reason)
        if kind not in self._total and len(self._total) >= _MAX_KINDS:
            kind = ("", "of other kinds")
        self._total[kind] += 1
        if kind in self._new:
            self._new[kind] += 1
            return
        self._new[kind] = 0
        event = "webhook call rejected" if route.startswith(_WEBHOOKS) else "request rejected"
        log.warning(event, reason=reason, **_named(route))
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(self._every_s, self._tell)

    def close(self) -> None:
        """Log what was counted and not logged yet."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._summarise()
        self._new.clear()

    def _tell(self) -> None:
        self._summarise()
        self._new = Counter({kind: 0 for kind, count in self._new.items() if count})
        again = bool(self._new)
        self._timer = asyncio.get_running_loop().call_later(self._every_s, self._tell) if again else None

    def _summarise(self) -> None:
        for (route, reason), count in self._new.items():
            if count:
                log.warning("more requests rejected", count=count, reason=reason, **_named(route))


def _named(route: str) -> dict[str, str]:
    return {"route": route} if route else {}
