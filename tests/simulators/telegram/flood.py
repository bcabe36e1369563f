"""The flood governor: how often a bot may speak before the platform answers 429.

Telegram publishes about one message a second in one chat with short bursts allowed, 20 a minute in
one group, and about 30 a second over all chats (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this).
How large a burst may be, that edits count like messages, and what drafts and actions cost are not
published; the defaults here are assumptions, and each is a field.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

_COSTS = MappingProxyType({"sendchataction": 0.0, "sendmessagedraft": 0.2, "sendrichmessagedraft": 0.2})


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodLimits:
    """Rates and bursts; a method's cost defaults to 1 for `send…`, `edit…`, `copy…`, `forward…`, else 0."""

    chat_per_s: float = 1.0
    chat_burst: int = 5
    group_per_min: int = 20
    bot_per_s: float = 30.0
    bot_burst: int = 30
    costs: Mapping[str, float] = field(default_factory=lambda: _COSTS)

    def cost(self, method: str) -> float:
        """Return how much one call of `method` takes out of the budgets."""
        name = method.lower()
        if name in self.costs:
            return self.costs[name]
        return 1.0 if name.startswith(("send", "edit", "copy", "forward")) else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class FloodViolation:
    """One call that came too soon."""

    bot_id: int
    chat_id: int | None
    method: str
    limit: str
    at: float
    retry_after: int


@dataclass(slots=True)
class _Bucket:
    """A token bucket: `rate` units flow in a second, up to `size`."""

    rate: float
    size: float
    level: float = field(init=False)
    at: float = 0.0

    def __post_init__(self) -> None:
        self.level = self.size

    def wait(self, cost: float, now: float) -> float:
        """Return how many seconds are missing for `cost`, 0 if it is there."""
        self.level = min(self.size, self.level + (now - self.at) * self.rate)
        self.at = now
        return max(0.0, (cost - self.level) / self.rate)


class Governor:
    """Judges calls by the limits; a bot that was told to wait is refused until the wait is over."""

    def __init__(self, limits: FloodLimits) -> None:
        self.limits = limits
        self.violations: list[FloodViolation] = []
        self._buckets: dict[tuple[str, int, int], _Bucket] = {}
        self._until: dict[tuple[int, int], float] = {}

    def judge(self, bot_id: int, chat_id: int | None, method: str, now: float) -> int | None:
        """Return the seconds to wait if this call comes too soon, else None and count it."""
        cost = self.limits.cost(method)
        if cost <= 0:
            return None
        pause = self._until.get((bot_id, chat_id or 0), 0.0) - now
        if pause > 0:
            return self._refuse(bot_id, chat_id, method, limit="paused", wait=pause, now=now)
        buckets = list(self._relevant(bot_id, chat_id))
        for limit, bucket in buckets:
            missing = bucket.wait(cost, now)
            if missing > 0:
                return self._refuse(bot_id, chat_id, method, limit=limit, wait=missing, now=now)
        for _, bucket in buckets:
            bucket.level -= cost
        return None

    def _relevant(self, bot_id: int, chat_id: int | None) -> list[tuple[str, _Bucket]]:
        """List the budgets that a call in this chat draws on."""
        limits = self.limits
        found = [("bot", self._bucket("bot", bot_id, 0, limits.bot_per_s, limits.bot_burst))]
        if chat_id is None:
            return found
        found.append(("chat", self._bucket("chat", bot_id, chat_id, limits.chat_per_s, limits.chat_burst)))
        if chat_id < 0:
            per_s = limits.group_per_min / 60
            found.append(("group", self._bucket("group", bot_id, chat_id, per_s, limits.group_per_min)))
        return found

    def _bucket(self, limit: str, bot_id: int, chat_id: int, rate: float, size: float) -> _Bucket:
        key = (limit, bot_id, chat_id)
        if key not in self._buckets:
            self._buckets[key] = _Bucket(rate, size)
        return self._buckets[key]

    def _refuse(self, bot_id: int, chat_id: int | None, method: str, *, limit: str, wait: float, now: float) -> int:
        retry_after = max(1, math.ceil(wait))
        self._until[bot_id, chat_id or 0] = now + wait
        self.violations.append(
            FloodViolation(
                bot_id=bot_id,
                chat_id=chat_id,
                method=method,
                limit=limit,
                at=now,
                retry_after=retry_after,
            )
        )
        return retry_after
