"""Catching up: what was said while nobody listened, read from the channels in which something was said meanwhile.

Discord brings again what a cut connection missed, but a session ends with its process. So it is remembered up to which
moment everything was heard (a message's id is a time: https://discord.com/developers/docs/reference#snowflakes), and
at a new session the direct chats, which nobody lists, and each channel and thread that a server says to hold something
newer are asked for what came after (https://discord.com/developers/docs/resources/message#get-channel-messages). What
was heard already is recognised by its key. A channel that cannot be read now stays a gap, in the next life too, until
it could; meanwhile what is said there waits behind the gap, though not for long.
"""

import asyncio
import json
import time
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog

from bots.discord.content import EPOCH_MS, dicts
from bots.discord.line import Cut, Line, Refused, Unsent
from core.site import Memo

log = structlog.get_logger(__name__)

Json = dict[str, Any]
Dispatched = tuple[str, Json]
Take = Callable[[Sequence[Dispatched]], Awaitable[None]]

_MEMO: Final = "heard"
_CHATS: Final = 500
_AT_ONCE: Final = 100
_SIDE_BY_SIDE: Final = 4
_KEPT_EVERY_S: Final = 20.0
_OUT_OF_ORDER_S: Final = 60.0  # two channels' messages may come in another order than their ids'
_OLDEST_S: Final = 28 * 86400.0  # keys are remembered for thirty days: nothing older can be told from what was answered
_HELD_S: Final = 10.0
_PAUSE_S: Final = (1.0, 60.0)
_READABLE: Final = frozenset({0, 2, 5, 10, 11, 12, 13})
"""Kinds of channels that hold messages; a forum holds threads."""


@dataclass
class _Gap:
    """A channel of which something may be unread.

    Attributes:
        after: The id of the last message that was heard.
        held: What came live and waits for what came before it, since ``held_at``.
        overdue: It waited long enough: nothing is held any more.
        busy: Somebody reads it, or it rests after a failure.
    """

    after: int
    guild: str
    held: list[Dispatched] = field(default_factory=list)
    held_at: float = 0.0
    overdue: bool = False
    busy: bool = False
    failures: int = 0


class Catching:
    """Remembers what was heard, and reads what was not.

    Args:
        pause_s: How long a channel rests after a failure: the first time, and at most.
        held_s: How long what is said in a channel waits for what was said there before.
    """

    def __init__(
        self, line: Line, memo: Memo, *, pause_s: tuple[float, float] = _PAUSE_S, held_s: float = _HELD_S
    ) -> None:
        self._line = line
        self._memo = memo
        self._pause_s = pause_s
        self._held_s = held_s
        self._mark = 0
        self._chats: OrderedDict[str, None] = OrderedDict()
        self._guilds: dict[str, int] = {}
        self._gaps: dict[str, _Gap] = {}
        self._wanted = asyncio.Event()
        self._kept_at = 0.0
        self._changed = False

    async def load(self) -> None:
        """Find again what was remembered."""
        kept = json.loads(await self._memo.get(_MEMO) or "{}")
        self._mark = int(kept.get("mark", 0))
        self._chats = OrderedDict.fromkeys(kept.get("chats", ()))
        self._guilds = {guild: int(after) for guild, after in kept.get("guilds", {}).items()}
        self._gaps = {channel: _Gap(int(after), guild) for channel, (after, guild) in kept.get("gaps", {}).items()}

    async def keep(self) -> None:
        """Write down what is to be remembered."""
        if self._changed:
            self._kept_at, self._changed = time.monotonic(), False
            kept = {
                "mark": self._mark,
                "chats": list(self._chats),
                "guilds": self._guilds,
                "gaps": {channel: (gap.after, gap.guild) for channel, gap in self._gaps.items()},
            }
            await self._memo.keep(_MEMO, json.dumps(kept))

    async def met(self, channels: Iterable[str]) -> None:
        """These are direct chats: one that is new is remembered before anything else becomes of what was said there."""
        news = False
        for channel in channels:
            news = news or channel not in self._chats
            self._chats[channel] = None
            self._chats.move_to_end(channel)
        while len(self._chats) > _CHATS:
            self._chats.popitem(last=False)
        if news:
            self._changed = True
            await self.keep()

    async def heard(self, messages: Iterable[Json]) -> None:
        """These messages are safe."""
        newest = max((int(message.get("id") or 0) for message in messages), default=0)
        mark = newest - _span(_OUT_OF_ORDER_S)
        if mark > self._mark:
            self._mark, self._changed = mark, True
        if time.monotonic() - self._kept_at > _KEPT_EVERY_S:
            await self.keep()

    def learn(self, kind: str, data: Json) -> None:
        """Note what an event says about where something may be unread."""
        match kind:
            case "READY":
                self._begin([str(guild.get("id")) for guild in dicts(data.get("guilds"))])
            case "GUILD_CREATE":
                self._look_into(data)
            case "GUILD_DELETE" if data.get("unavailable"):
                self._guilds.setdefault(str(data.get("id")), self._mark)
            case "GUILD_DELETE":
                self._guilds.pop(str(data.get("id")), None)
            case _:
                return
        self._changed = True

    def hold(self, kind: str, data: Json) -> bool:
        """Whether this has to wait, and does, until what was said before it in its channel has been read."""
        gap = self._gaps.get(str(data.get("channel_id")))
        if gap is None or gap.overdue or kind not in {"MESSAGE_CREATE", "MESSAGE_UPDATE"}:
            return False
        gap.held_at = gap.held_at or time.monotonic()
        gap.held.append((kind, data))
        return True

    async def run(self, take: Take) -> None:
        """Read what is unread until cancelled.

        Args:
            take: Makes messages safe.
        """
        async with asyncio.TaskGroup() as tasks:
            for _ in range(_SIDE_BY_SIDE):
                tasks.create_task(self._work(take), name="discord catching up")
            tasks.create_task(self._release(take), name="discord held messages")

    def _begin(self, guilds: Iterable[str]) -> None:
        """Count a session that begins: whatever came before it is brought by nobody."""
        self._mark = max(self._mark or _moment(time.time()), _moment(time.time() - _OLDEST_S))
        self._guilds = {guild: self._guilds.get(guild, self._mark) for guild in guilds}
        for chat in self._chats:
            self._gaps.setdefault(chat, _Gap(self._mark, ""))
        for gap in self._gaps.values():
            gap.after = max(gap.after, _moment(time.time() - _OLDEST_S))
        self._wanted.set()

    def _look_into(self, guild: Json) -> None:
        """Find what is unread in a server that a session began with, or that was away; one we come to has nothing."""
        identity = str(guild.get("id"))
        after = self._guilds.pop(identity, None)
        if after is None:
            return
        after = max(after, _moment(time.time() - _OLDEST_S))
        for channel in (*dicts(guild.get("channels")), *dicts(guild.get("threads"))):
            if int(channel.get("last_message_id") or 0) > after and channel.get("type", 0) in _READABLE:
                self._gaps.setdefault(str(channel.get("id")), _Gap(after, identity))
        self._wanted.set()

    async def _work(self, take: Take) -> None:
        while True:
            found = self._next()
            if found is None:
                self._wanted.clear()
                await self._wanted.wait()
                continue
            channel, gap = found
            gap.busy = True
            try:
                await self._close(channel, gap, take)
            except (Refused, Unsent, Cut) as error:
                await self._failed(channel, gap, error, take)

    def _next(self) -> tuple[str, _Gap] | None:
        """A channel to read now, one where somebody waits first."""
        free = [(channel, gap) for channel, gap in self._gaps.items() if not gap.busy]
        return next((one for one in free if one[1].held), free[0] if free else None)

    async def _close(self, channel: str, gap: _Gap, take: Take) -> None:
        """Read a channel to its end."""
        while True:
            query = {"after": str(gap.after), "limit": str(_AT_ONCE)}
            found = dicts(await self._line.call("GET", f"/channels/{channel}/messages", query=query))
            where = {"guild_id": gap.guild} if gap.guild else {}
            # To us a message is new, whatever was changed in it since.
            messages = [
                one | {"edited_timestamp": None} | where for one in sorted(found, key=lambda one: int(one["id"]))
            ]
            if messages:
                await take([("MESSAGE_CREATE", message) for message in messages])
                gap.after, self._changed = int(messages[-1]["id"]), True
            gap.failures = 0
            if len(messages) < _AT_ONCE:
                break
        await self._let_go(gap, take)
        del self._gaps[channel]
        self._changed = True
        if not self._gaps:
            log.info("caught up")
            await self.keep()

    async def _failed(self, channel: str, gap: _Gap, error: Exception, take: Take) -> None:
        """Leave a channel alone for a while; for good where it will never be read."""
        if isinstance(error, Refused) and error.status in {400, 403, 404}:
            log.info("channel cannot be read", channel=channel, reason=str(error))
            await self._let_go(gap, take)
            self._gaps.pop(channel)
            self._chats.pop(channel, None)
            self._changed = True
            return
        first_s, most_s = self._pause_s
        pause_s = min(most_s, first_s * 2 ** min(gap.failures, 10))
        if isinstance(error, Refused) and error.status == 429:  # noqa: PLR2004
            pause_s = max(pause_s if gap.failures else 0, error.retry_after_s)
        gap.failures += 1
        log.info("channel not caught up yet", channel=channel, again_s=round(pause_s, 1), reason=str(error))
        asyncio.get_running_loop().call_later(pause_s, self._free, gap)
        if isinstance(error, Refused) and error.everywhere:
            await asyncio.sleep(error.retry_after_s)

    def _free(self, gap: _Gap) -> None:
        gap.busy = False
        self._wanted.set()

    async def _release(self, take: Take) -> None:
        """Let go what has waited long enough: somebody sits there, and Discord does not answer."""
        while True:
            await asyncio.sleep(self._held_s / 10)
            late = time.monotonic() - self._held_s
            for gap in [gap for gap in self._gaps.values() if gap.held and gap.held_at < late]:
                await self._let_go(gap, take)
                gap.overdue = True

    async def _let_go(self, gap: _Gap, take: Take) -> None:
        while gap.held:
            held, gap.held = gap.held, []
            await take(held)


def _span(seconds: float) -> int:
    return int(seconds * 1000) << 22


def _moment(at: float) -> int:
    """The smallest id of a moment (seconds since 1970)."""
    return max(0, int(at * 1000) - EPOCH_MS) << 22
