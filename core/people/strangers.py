"""What strangers may cost: where each message costs money, only so many of them hear a sentence a day."""

import asyncio
from collections.abc import Collection
from datetime import UTC, datetime

import structlog

from core.seams import Records
from core.values import HOUSE, Put

log = structlog.get_logger(__name__)

_TABLE = "stranger-replies"
_OLD_ROWS = 256


class PaidReplies:
    """Counts what is said to strangers, by messenger and day (UTC), over restarts.

    Each reply is a row of its own, committed with it: turns run side by side, and a sum would be written over.

    Args:
        adapters: Those by which a message costs money.
        max_per_day: How many there may be by each of them.
    """

    def __init__(self, records: Records, adapters: Collection[str], max_per_day: int) -> None:
        self._records = records
        self._adapters = frozenset(adapters)
        self._max_per_day = max_per_day
        self._day = ""
        self._said: dict[str, set[str]] = {}
        self._full: set[str] = set()
        self._lock = asyncio.Lock()

    def costs(self, adapter: str) -> bool:
        """Whether a message by this messenger costs money."""
        return adapter in self._adapters

    async def take(self, adapter: str, row: int) -> tuple[Put, ...] | None:
        """Reserve a reply to what stands in this row of the inbox.

        Returns:
            What has to be committed with the reply; None where today's are used up.
        """
        if adapter not in self._adapters:
            return ()
        async with self._lock:
            day, gone = datetime.now(UTC).date().isoformat(), tuple[Put, ...]()
            if day != self._day:
                self._day, self._said, self._full = day, {}, set()
            if adapter not in self._said:
                self._said[adapter], gone = await self._load(adapter, day)
            said = self._said[adapter]
            if str(row) not in said and len(said) >= self._max_per_day:
                if adapter not in self._full:
                    self._full.add(adapter)
                    log.warning("strangers get no more replies today", adapter=adapter, max_per_day=self._max_per_day)
                return None
            said.add(str(row))
            return (Put(table=_TABLE, row=f"{adapter}/{day}/{row}", scope=HOUSE, body=b""), *gone)

    async def _load(self, adapter: str, day: str) -> tuple[set[str], tuple[Put, ...]]:
        """The rows that were replied to today, and what forgets those of the days before."""
        said: set[str] = set()
        gone: list[Put] = []
        for record in await self._records.latest(_TABLE, f"{adapter}/", self._max_per_day + _OLD_ROWS):
            _, on, row = record.row.rsplit("/", 2)
            if on == day:
                said.add(row)
            else:
                gone.append(Put(table=_TABLE, row=record.row, scope=HOUSE, body=None))
        return said, tuple(gone)
