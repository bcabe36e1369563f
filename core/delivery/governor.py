"""One budget a chat: when the next call to a platform may be made.

Sends, edits, drafts, typing and deletes all draw on it, since platforms count them together. A platform's "wait"
stops the chat, or the whole bot, and is remembered over a restart. Only a bot that was told to wait as a whole is
paced as a whole for a while: platforms take large bursts to many chats, until they do not.
"""

import asyncio
import time
from collections import OrderedDict
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from core.values import Capabilities, value

_NAMES_REMEMBERED = 20_000
_PACED_FOR_S = 30.0
_PACE_S = 1 / 25


@value
class _Bucket:
    calls: float
    at: float


@dataclass(slots=True)
class _Pace:
    """A bot that calls at a steady pace for a while. Callers wait at the gate, first come first served."""

    until: float
    free_at: float
    gate: asyncio.Lock = field(default_factory=asyncio.Lock)


class Governor:
    """The budgets of all chats.

    Args:
        paused: Names told to wait before a restart, with the seconds left (see ``wait_s``).
        bots: Which of all names are adapters'; the others are chats'.
    """

    def __init__(self, paused: Mapping[str, float], bots: Collection[str] = ()) -> None:
        self._until: OrderedDict[str, float] = OrderedDict()
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._paced: dict[str, _Pace] = {}
        for name, seconds in paused.items():
            self.pause(name, seconds, whole_bot=name in bots)

    def wait_s(self, adapter: str, chat: str, can: Capabilities, *, reserve: int = 0) -> float:
        """Seconds until a call may be made; with a reserve, until that many more could be made at once.

        A reserve is what keeps previews from using up what the final text needs; while a bot is paced, all is kept
        for that.
        """
        now = time.monotonic()
        wait = max(self._paused(adapter, now), self._paused(chat, now))
        if reserve and (pace := self._paced.get(adapter)) is not None:
            wait = max(wait, pace.until - now)
        if can.rest_s:
            needed = 1 + min(reserve, can.burst - 1)
            wait = max(wait, (needed - self._calls(chat, can, now)) * can.rest_s)
        return max(wait, 0.0)

    async def pace(self, adapter: str) -> None:
        """Wait for one's turn where a bot is paced as a whole; else return at once. Ask ``wait_s`` again after it."""
        pace = self._paced.get(adapter)
        if pace is None:
            return
        async with pace.gate:
            if time.monotonic() >= pace.until:
                self._paced.pop(adapter, None)
                return
            await asyncio.sleep(max(0.0, pace.free_at - time.monotonic()))
            pace.free_at = max(pace.free_at, time.monotonic()) + _PACE_S

    def spend(self, chat: str, can: Capabilities) -> None:
        """A call is being made."""
        if can.rest_s:
            now = time.monotonic()
            self._buckets[chat] = _Bucket(calls=self._calls(chat, can, now) - 1, at=now)
            _remember(self._buckets, chat)

    def pause(self, name: str, seconds: float, *, whole_bot: bool) -> None:
        """A platform told a chat or a bot to wait."""
        until = max(time.monotonic() + seconds, self._until.get(name, 0.0))
        self._until[name] = until
        _remember(self._until, name)
        if whole_bot:
            pace = self._paced.setdefault(name, _Pace(until=until, free_at=until))
            pace.until, pace.free_at = until + _PACED_FOR_S, max(pace.free_at, until)

    def joined(self, bot: str) -> None:
        """A name turns out to be a bot's: what is left of its wait is a whole bot's."""
        if (left := self._paused(bot, time.monotonic())) > 0:
            self.pause(bot, left, whole_bot=True)

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


def _remember(memory: OrderedDict[str, _Bucket] | OrderedDict[str, float], name: str) -> None:
    """Keep the latest; whoever was silent for so long has rested, and a pause is short beside that."""
    memory.move_to_end(name)
    if len(memory) > _NAMES_REMEMBERED:
        memory.popitem(last=False)
