"""Catching up: what was said while nobody listened, read from the channels in which something was said lately.

Discord brings again what a session missed, but a session ends with its process. So the last message of each channel is
remembered, and after a new session the channels are asked for what came after it
(https://discord.com/developers/docs/resources/message#get-channel-messages). What was heard already is recognised by
its key.
"""

import json
import time
from collections import OrderedDict
from collections.abc import AsyncGenerator
from typing import Any, Final

import structlog

from bots.discord.line import Cut, Line, Refused, Unsent
from core.site import Memo

log = structlog.get_logger(__name__)

Json = dict[str, Any]

_MEMO: Final = "channels"
_CHANNELS: Final = 50
_AT_ONCE: Final = 100
_PIECES: Final = 5
_EVERY_S: Final = 20.0


class Catching:
    """Remembers where something was said last, and asks for what came after."""

    def __init__(self, line: Line, memo: Memo) -> None:
        self._line = line
        self._memo = memo
        self._last: OrderedDict[str, tuple[str, str]] = OrderedDict()
        self._kept_at = 0.0
        self._changed = False

    async def load(self) -> None:
        """Find again what was remembered."""
        kept = await self._memo.get(_MEMO)
        for channel, last, guild in json.loads(kept) if kept else ():
            self._last[channel] = (last, guild)

    async def heard(self, message: Json) -> None:
        """This message is safe; a channel that is new is remembered at once, others now and then."""
        channel, identity = str(message.get("channel_id")), str(message.get("id"))
        guild = str(message.get("guild_id") or "")
        before, known = self._last.pop(channel, ("0", guild))
        self._last[channel] = (max(before, identity, key=int), known or guild)
        while len(self._last) > _CHANNELS:
            self._last.popitem(last=False)
        self._changed = True
        if before == "0" or time.monotonic() - self._kept_at > _EVERY_S:
            await self.keep()

    async def keep(self) -> None:
        """Write down what is remembered."""
        if self._changed:
            rows = [(channel, last, guild) for channel, (last, guild) in self._last.items()]
            await self._memo.keep(_MEMO, json.dumps(rows))
            self._kept_at, self._changed = time.monotonic(), False

    async def missed(self) -> AsyncGenerator[Json, None]:
        """What was said since, in each channel in order."""
        for channel, (last, guild) in list(self._last.items()):
            async for message in self._after(channel, last):
                yield message | ({"guild_id": guild} if guild else {})

    async def _after(self, channel: str, last: str) -> AsyncGenerator[Json, None]:
        for _ in range(_PIECES):
            try:
                query = {"after": last, "limit": str(_AT_ONCE)}
                found = await self._line.call("GET", f"/channels/{channel}/messages", query=query)
            except (Refused, Unsent, Cut) as error:
                log.info("channel not caught up", reason=str(error))
                if isinstance(error, Refused) and error.status in {403, 404}:
                    self._last.pop(channel, None)
                return
            messages = sorted(found or (), key=lambda message: int(message["id"]))
            for message in messages:
                yield message
            if len(messages) < _AT_ONCE:
                return
            last = str(messages[-1]["id"])
