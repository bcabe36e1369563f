"""One budget a chat: when the next call to a platform may be made.

Sends, edits, drafts, typing and deletes all draw on it, since platforms count them together. A platform's "wait"
stops the chat, or the whole bot, and is remembered over a restart. Only a bot that was told to wait as a whole is
paced as a whole for a while: platforms take large bursts to many chats, until they do not.
"""

import time
from collections import OrderedDict
from collections.abc import Mapping

from core.values import Capabilities, value

_CHATS_REMEMBERED = 20_000
_PACED_FOR_S = 30.0
_PACE_S = 1 / 25


@value
class _Bucket:
    calls: float
    at: float


class Governor:
    """The budgets of all chats.

    Args:
        paused: Names told to wait before a restart, with the seconds left (see ``waits``).
    """

    def __init__(self, paused: Mapping[str, float]) -> None:
        now = time.monotonic()
        self._until = {name: now + seconds for name, seconds in paused.items()}
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._paced: dict[str, tuple[float, float]] = {}

    def wait_s(self, adapter: str, chat: str, can: Capabilities, *, reserve: int = 0) -> float:
        """Seconds until a call may be made; with a reserve, until that many more could be made at once.

        A reserve is what keeps previews from using up what the final text needs.
        """
        now = time.monotonic()
        wait = max(self._paused(adapter, now), self._paused(chat, now))
        if adapter in self._paced:
            until, free_at = self._paced[adapter]
            wait = max(wait, free_at - now)
            if now > until:
                del self._paced[adapter]
        if can.rest_s:
            needed = 1 + min(reserve, can.burst - 1)
            wait = max(wait, (needed - self._calls(chat, can, now)) * can.rest_s)
        return max(wait, 0.0)

    def spend(self, adapter: str, chat: str, can: Capabilities) -> None:
        """A call is being made."""
        now = time.monotonic()
        if can.rest_s:
            self._buckets[chat] = _Bucket(calls=self._calls(chat, can, now) - 1, at=now)
            self._buckets.move_to_end(chat)
            if len(self._buckets) > _CHATS_REMEMBERED:
                self._buckets.popitem(last=False)
        if adapter in self._paced:
            until, free_at = self._paced[adapter]
            self._paced[adapter] = (until, max(free_at, now) + _PACE_S)

    def pause(self, name: str, seconds: float, *, whole_bot: bool) -> None:
        """A platform told a chat or a bot to wait."""
        until = time.monotonic() + seconds
        self._until[name] = max(until, self._until.get(name, 0.0))
        if whole_bot:
            self._paced[name] = (until + _PACED_FOR_S, until)

    def _paused(self, name: str, now: float) -> float:
        until = self._until.get(name)
        if until is None:
            return 0.0
        if until <= now:
            del self._until[name]
            return 0.0
        return until - now

    def _calls(self, chat: str, can: Capabilities, now: float) -> float:
        bucket = self._buckets.get(chat)
        if bucket is None:
            return float(can.burst)
        return min(float(can.burst), bucket.calls + (now - bucket.at) / can.rest_s)
