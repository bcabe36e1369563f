"""One bot's queue of updates: numbering, confirmation, and the long poll that empties it.

See https://core.telegram.org/bots/api#getting-updates.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Sequence

from .calls import Json, Refused

MAX_POLL_S = 50
# Kinds that a bot gets only if it names them: https://core.telegram.org/bots/api#getupdates
_ON_REQUEST = frozenset({"chat_member", "message_reaction", "message_reaction_count"})
_OTHER_POLL = "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
_WEBHOOK_SET = "Conflict: terminated by setWebhook request"
_HAS_WEBHOOK = (
    "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first"
)


class Inbox:
    """The updates that a bot has not confirmed yet, oldest first.

    `conflicts` counts long polls that were ended by another one.
    """

    def __init__(self, first_update_id: int) -> None:
        self.pending: deque[Json] = deque()
        self.webhook_url = ""
        self.conflicts = 0
        self.changed = asyncio.Event()
        self._next_id = first_update_id
        self._allowed: frozenset[str] = frozenset()
        self._poll: asyncio.Future[str] | None = None

    @property
    def last_update_id(self) -> int:
        """Return the id of the newest update that was ever queued."""
        return self._next_id - 1

    def allow(self, kinds: Sequence[str] | None) -> None:
        """Set which kinds later updates may be of; empty: the default ones, None: as before."""
        if kinds is not None:
            self._allowed = frozenset(kinds)

    @property
    def allowed(self) -> tuple[str, ...]:
        """Return the kinds that were asked for; empty means the default ones."""
        return tuple(sorted(self._allowed))

    def put(self, kind: str, payload: Json) -> int | None:
        """Queue an update and return its id, or None when the bot did not ask for this kind."""
        wanted = kind in self._allowed if self._allowed else kind not in _ON_REQUEST
        if not wanted:
            return None
        return self.put_raw({kind: payload})

    def put_raw(self, update: Json) -> int:
        """Queue any update as it is; without an update_id it gets the next one."""
        update_id = int(update.get("update_id", self._next_id))
        self._next_id = max(self._next_id, update_id + 1)
        self.pending.append({"update_id": update_id, **update})
        self._wake()
        return update_id

    def confirm(self, offset: int) -> None:
        """Forget what `offset` confirms; a negative one keeps only the last -offset updates."""
        if offset < 0:
            while len(self.pending) > -offset:
                self.pending.popleft()
        elif offset > 0:
            self.pending = deque(u for u in self.pending if u["update_id"] >= offset)

    def clear(self) -> None:
        """Drop all that is pending."""
        self.pending.clear()

    def set_webhook(self, url: str) -> None:
        """Switch to a webhook, or back with an empty url; a running long poll ends with 409."""
        self.webhook_url = url
        if url:
            self._end_poll(_WEBHOOK_SET)
        self.changed.set()

    async def poll(
        self, *, offset: int = 0, limit: int = 100, timeout_s: int = 0, allowed: Sequence[str] | None = None
    ) -> list[Json]:
        """Answer one getUpdates call, waiting up to `timeout_s` seconds for something to come.

        Raises:
            Refused: With 409 when a webhook is set, or when another call ends this one.
        """
        if self.webhook_url:
            raise Refused(409, _HAS_WEBHOOK)
        if self._poll is not None and not self._poll.done():
            self.conflicts += 1
        self._end_poll(_OTHER_POLL)
        self.allow(allowed)
        self.confirm(offset)
        limit = min(100, max(1, limit))
        if not self.pending and timeout_s > 0:
            await self._wait(min(timeout_s, MAX_POLL_S))
        return [self.pending[i] for i in range(min(limit, len(self.pending)))]

    async def _wait(self, timeout_s: float) -> None:
        mine: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._poll = mine
        try:
            async with asyncio.timeout(timeout_s):
                ended_by = await mine
        except TimeoutError:
            return
        finally:
            if self._poll is mine:
                self._poll = None
        if ended_by:
            raise Refused(409, ended_by)

    def _wake(self) -> None:
        self.changed.set()
        if self._poll is not None and not self._poll.done():
            self._poll.set_result("")

    def _end_poll(self, reason: str) -> None:
        if self._poll is not None and not self._poll.done():
            self._poll.set_result(reason)
        self._poll = None
