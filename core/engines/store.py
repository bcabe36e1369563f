"""The embedded store: the tables behind one writer and one reader, as lanes, delivery and everybody need them."""

import asyncio
import time
from collections.abc import Collection, Mapping, Sequence
from functools import partial

import structlog

from core.engines.sqlite.reader import Reader
from core.engines.sqlite.writer import Writer
from core.engines.tables import upkeep
from core.engines.tables.inbox import InboxTable, Names, lane_of
from core.engines.tables.jobs import Appointment, Due, JobTable, first_ms, next_ms
from core.engines.tables.outbox import OutboxTable
from core.engines.tables.records import RecordsTable
from core.engines.tables.vault import Vault
from core.seams import Records, Sealer
from core.storage import DueChats, Ended, LaneStore, Opened, Outbox, OutboxRow, Written
from core.values import Address, Inbound, Outbound, Outcome, Page, Put, Receipt, Record

log = structlog.get_logger(__name__)

_TOMBSTONES_KEPT_S = 30 * 86400.0
_SENT_KEPT_S = 7 * 86400.0
_PRUNED_AT_ONCE = 1000
_JOBS_AT_ONCE = 100


class SqliteStore:
    """What ``LaneStore``, ``Outbox`` and ``Records`` ask for, and jobs, leases and upkeep for the engine."""

    def __init__(self, writer: Writer, reader: Reader, sealer: Sealer, names: Names) -> None:
        self._writer = writer
        self._reader = reader
        self._names = names
        # Each has a vault of its own, since each remembers keys and they run in different threads.
        writing, self._reading = Vault(sealer), Vault(sealer)
        records, self._records = RecordsTable(writing), RecordsTable(self._reading)
        self._out, self._read_out = OutboxTable(writing, records), OutboxTable(self._reading, self._records)
        self._jobs, self._read_jobs = JobTable(writing), JobTable(self._reading)
        self._in = InboxTable(writing, records, self._out, self._jobs)
        self._read_in = InboxTable(self._reading, self._records, self._read_out, self._read_jobs)

    # -- the inbox

    async def accept(self, events: Sequence[Inbound | Receipt]) -> list[tuple[bool, str]]:
        """One flag an event, with the lane it woke."""
        arrivals = [
            self._names.receipt(event) if isinstance(event, Receipt) else self._names.arrival(event) for event in events
        ]
        return await self._writer.do(lambda db: self._in.accept(db, arrivals))

    async def waiting_lanes(self, limit: int, but: Collection[str]) -> tuple[str, ...]:
        """See ``LaneStore``."""
        but = frozenset(but)
        return self._reader.do(lambda db: self._read_in.waiting_lanes(db, limit, but))

    async def open_lane(self, lane: str, after: int, limit: int) -> Opened:
        """See ``LaneStore``."""
        while True:
            opened, lost = self._reader.do(lambda db: self._read_in.open_lane(db, lane, after, limit))
            if not lost:
                return opened
            await self._writer.do(partial(self._in.drop, rows=lost))

    async def record(self, lane: str, step: bytes, writes: tuple[Put, ...], written: tuple[Written, ...] = ()) -> None:
        """See ``LaneStore``."""
        await self._writer.do(lambda db: self._in.record(db, lane, step, writes, written))

    async def settle(
        self, lane: str, outcome: Outcome, written: tuple[Written, ...]
    ) -> tuple[tuple[str, Address], ...]:
        """See ``LaneStore``."""
        appointments = [
            Appointment(
                job=job,
                sender=self._names.sender(job.to.adapter, job.sender),
                due_ms=await asyncio.to_thread(first_ms, job),
            )
            for job in outcome.jobs
        ]
        return await self._writer.do(lambda db: self._in.settle(db, lane, outcome, written, appointments))

    # -- jobs

    async def next_job_s(self) -> float | None:
        """Seconds until the next job is due, negative when it is late; None without any."""
        due_ms = self._reader.do(self._read_jobs.next)
        return None if due_ms is None else due_ms / 1000 - time.time()

    async def due_jobs(self) -> list[Due]:
        """Jobs that are due, at most a hundred."""
        return await self._writer.do(lambda db: self._jobs.due(db, _JOBS_AT_ONCE))

    async def fire(self, due: Due) -> str:
        """Turn a job that is due into an event; the lane it woke, "" if the job was changed meanwhile."""
        try:
            after_ms = await asyncio.to_thread(next_ms, due)
        except ValueError as error:  # a zone that was one when the job was set, say: it must not hold up the others
            log.warning("job ends", job=due.job.id, reason=str(error))
            after_ms = None
        arrival = self._names.arrival(due.event())
        return await self._writer.do(lambda db: self._in.fire(db, due, arrival, after_ms))

    # -- the outbox

    def chat(self, to: Address) -> str:
        """See ``Outbox``."""
        return self._names.chat(to)

    async def due_chats(self, adapter: str, limit: int, but: Collection[str]) -> DueChats:
        """See ``Outbox``."""
        but = frozenset(but)
        return self._reader.do(lambda db: self._read_out.due_chats(db, adapter, limit, but))

    async def take(self, chat: str) -> OutboxRow | float | None:
        """See ``Outbox``."""
        return await self._writer.do(lambda db: self._out.take(db, chat))

    async def sent(self, row: int, sent_as: str, *, settles: bool = False) -> None:
        """See ``Outbox``."""
        await self._writer.do(lambda db: self._out.sent(db, row, sent_as, settles=settles))

    async def dropped(self, row: int, state: Ended) -> None:
        """See ``Outbox``."""
        await self._writer.do(lambda db: self._out.dropped(db, row, state))

    async def put_off(self, row: int, delay_s: float, *, counts: bool, as_new: bool) -> None:
        """See ``Outbox``."""
        await self._writer.do(lambda db: self._out.put_off(db, row, delay_s, counts=counts, as_new=as_new))

    async def reform(self, row: int, pages: tuple[Page, ...], writes: tuple[Put, ...] = ()) -> None:
        """See ``Outbox``."""
        await self._writer.do(lambda db: self._out.reform(db, row, pages, writes))

    async def preview_rows(self, slot: str) -> dict[int, tuple[int, str]]:
        """See ``Outbox``."""
        return self._reader.do(lambda db: self._read_out.preview_rows(db, slot))

    async def begin_preview(self, lane: str, out: Outbound, page: int) -> int:
        """See ``Outbox``."""
        chat = self._names.chat(out.to)
        return await self._writer.do(lambda db: self._out.begin_preview(db, lane, out, page, chat))

    async def pauses(self) -> dict[str, float]:
        """See ``Outbox``."""
        return await self._writer.do(upkeep.pauses)

    async def pause(self, name: str, seconds: float) -> None:
        """See ``Outbox``."""
        await self._writer.do(lambda db: upkeep.pause(db, name, seconds))

    # -- records, leases, upkeep

    async def get(self, table: str, row: str) -> Record | None:
        """See ``Records``."""
        return self._reader.do(lambda db: self._records.get(db, table, row))

    async def latest(self, table: str, prefix: str, limit: int) -> tuple[Record, ...]:
        """See ``Records``."""
        return self._reader.do(lambda db: self._records.latest(db, table, prefix, limit))

    async def before(self, table: str, prefix: str, row: str, limit: int) -> tuple[Record, ...]:
        """See ``Records``."""
        return self._reader.do(lambda db: self._records.before(db, table, prefix, row, limit))

    async def after(self, table: str, prefix: str, row: str, limit: int) -> tuple[Record, ...]:
        """See ``Records``."""
        return self._reader.do(lambda db: self._records.after(db, table, prefix, row, limit))

    async def owned(self, scope: str, after: tuple[str, str], limit: int) -> tuple[tuple[str, Record], ...]:
        """See ``Records``."""
        return self._reader.do(lambda db: self._records.owned(db, scope, after, limit))

    async def lease(self, name: str) -> int:
        """The next fence of a name."""
        return await self._writer.do(lambda db: upkeep.lease(db, name))

    async def recover(self, adapters: Mapping[str, float]) -> dict[str, int]:
        """Settle what a killed process left half sent by these adapters; see ``OutboxTable.recover``."""
        return await self._writer.do(lambda db: self._out.recover(db, adapters))

    async def prune(self) -> None:
        """Forget what nobody asks for any more, a little at a time, so that nobody waits for it."""
        now = time.time()
        tombstones, sent = round((now - _TOMBSTONES_KEPT_S) * 1000), round((now - _SENT_KEPT_S) * 1000)
        while await self._writer.do(lambda db: upkeep.prune(db, tombstones, sent, _PRUNED_AT_ONCE)):
            pass

    async def lane(self, adapter: str, sender: str) -> str:
        """The lane of somebody's private chats, "" for whom we have never heard of."""
        lookup = self._names.sender(adapter, sender)
        person = self._reader.do(lambda db: self._reading.person(db, lookup))
        return lane_of(person) if person else ""

    async def counts(self) -> dict[str, int]:
        """How much is where."""
        return self._reader.do(upkeep.counts)


_lanes: type[LaneStore] = SqliteStore
_outbox: type[Outbox] = SqliteStore
_records: type[Records] = SqliteStore
