"""The embedded engine: one SQLite file, one process, nothing else to install.

All writes go through one worker, many to a commit (``writer.py``); reads of committed rows have a connection of
their own. What is waiting lives on disk; memory holds only what is being worked on.
"""

import asyncio
import sqlite3
import time
from collections.abc import AsyncGenerator, Collection, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from functools import partial
from pathlib import Path

import structlog
from pydantic import BaseModel, ConfigDict

from core.delivery import Delivery
from core.engines import upkeep
from core.engines.inbox import InboxTable, Names, fired
from core.engines.outbox import OutboxTable
from core.engines.schema import connect, migrate
from core.engines.vault import Vault
from core.engines.writer import Worker
from core.governor import Governor
from core.lanes import Lanes
from core.sealing import Hasher, PlainSealer, load_secret
from core.seams import Adapter, Engine, Records, Sealer, Site, Spec, Turn
from core.storage import LaneStore, Opened, Outbox, OutboxRow, Written
from core.values import Address, Inbound, Job, Outbound, Outcome, Page, Put, Receipt

log = structlog.get_logger(__name__)

_UPKEEP_EVERY_S = 6 * 3600.0
_TOMBSTONES_KEPT_S = 30 * 86400.0
_SENT_KEPT_S = 7 * 86400.0
_JOBS_AT_ONCE = 100
_LATEST_JOB_S = 3600.0


class SqliteSettings(BaseModel):
    """The embedded engine has nothing to set."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SqliteStore:
    """The tables behind their two workers: what ``LaneStore``, ``Outbox`` and ``Records`` ask for."""

    def __init__(self, writer: Worker, reader: Worker, sealer: Sealer, names: Names) -> None:
        self._writer = writer
        self._reader = reader
        self._names = names
        # Each worker has a vault of its own, since each remembers keys and they run in different threads.
        writing, reading = Vault(sealer), Vault(sealer)
        self._out = OutboxTable(writing)
        self._in = InboxTable(writing, self._out)
        self._read_in = InboxTable(reading, OutboxTable(reading))
        self._read_out = OutboxTable(reading)
        self._reading = reading

    # -- the inbox

    async def accept(self, events: Sequence[Inbound | Receipt]) -> list[tuple[bool, str]]:
        """One flag an event, with the lane it woke."""
        arrivals = [event if isinstance(event, Receipt) else self._names.arrival(event) for event in events]
        return await self._writer.do(lambda db: self._in.accept(db, arrivals))

    async def waiting_lanes(self, limit: int, but: Collection[str]) -> tuple[str, ...]:
        """See ``LaneStore``."""
        but = tuple(but)
        return await self._reader.do(lambda db: self._read_in.waiting_lanes(db, limit, but))

    async def open_lane(self, lane: str, after: int, limit: int) -> Opened:
        """See ``LaneStore``."""
        return await self._reader.do(lambda db: self._read_in.open_lane(db, lane, after, limit))

    async def record(self, lane: str, step: bytes, writes: tuple[Put, ...]) -> None:
        """See ``LaneStore``."""
        await self._writer.do(lambda db: self._in.record(db, lane, step, writes))

    async def settle(self, lane: str, outcome: Outcome, written: tuple[Written, ...]) -> None:
        """See ``LaneStore``."""
        senders = [self._names.sender(job.to.adapter, job.sender) for job in outcome.jobs]
        await self._writer.do(lambda db: self._in.settle(db, lane, outcome, written, senders))

    async def next_job_s(self) -> float | None:
        """Seconds until the next job is due, negative when it is late; None without any."""
        due_ms = await self._writer.do(self._in.next_job)
        return None if due_ms is None else due_ms / 1000 - time.time()

    async def fire(self) -> tuple[str, ...]:
        """Turn the jobs that are due into events; the lanes they woke."""
        due = await self._reader.do(lambda db: self._read_in.due_jobs(db, _JOBS_AT_ONCE))
        woken = [await self._writer.do(partial(self._fire, job, when)) for job, when in due]
        return tuple(lane for _, lane in woken if lane)

    def _fire(self, job: Job, due: datetime, db: sqlite3.Connection) -> tuple[bool, str]:
        arrival = self._names.arrival(fired(job, due))
        return self._in.fire(db, job, due, arrival)

    # -- the outbox

    def chat(self, to: Address) -> str:
        """See ``Outbox``."""
        return self._names.chat(to)

    async def waiting_chats(self, limit: int, but: Collection[str]) -> tuple[tuple[str, Address], ...]:
        """See ``Outbox``."""
        return await self._reader.do(lambda db: self._read_out.waiting_chats(db, limit, but))

    async def take(self, chat: str) -> OutboxRow | float | None:
        """See ``Outbox``."""
        return await self._writer.do(lambda db: self._out.take(db, chat))

    async def sent(self, row: int, sent_as: str) -> None:
        """See ``Outbox``."""
        await self._writer.do(lambda db: self._out.sent(db, row, sent_as))

    async def dropped(self, row: int, state: str) -> None:
        """See ``Outbox``."""
        await self._writer.do(lambda db: self._out.dropped(db, row, state))

    async def put_off(self, row: int, delay_s: float, *, counts: bool, as_new: bool) -> None:
        """See ``Outbox``."""
        await self._writer.do(lambda db: self._out.put_off(db, row, delay_s, counts=counts, as_new=as_new))

    async def reform(self, row: int, pages: tuple[Page, ...]) -> None:
        """See ``Outbox``."""
        await self._writer.do(lambda db: self._out.reform(db, row, pages))

    async def preview_rows(self, slot: str) -> dict[int, str]:
        """See ``Outbox``."""
        return await self._reader.do(lambda db: self._read_out.preview_rows(db, slot))

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

    async def get(self, table: str, row: str) -> bytes | None:
        """See ``Records``."""
        return await self._reader.do(lambda db: self._reading.get(db, table, row))

    async def latest(self, table: str, prefix: str, limit: int) -> tuple[tuple[str, bytes], ...]:
        """See ``Records``."""
        return await self._reader.do(lambda db: self._reading.latest(db, table, prefix, limit))

    async def lease(self, name: str) -> int:
        """The next fence of a name."""
        return await self._writer.do(lambda db: upkeep.lease(db, name))

    async def recover(self, marked: Collection[str]) -> dict[str, int]:
        """Settle what a killed process left half sent."""
        return await self._writer.do(lambda db: self._out.recover(db, marked))

    async def prune(self) -> None:
        """Forget what nobody asks for any more."""
        now = time.time()
        tombstones, sent = round((now - _TOMBSTONES_KEPT_S) * 1000), round((now - _SENT_KEPT_S) * 1000)
        await self._writer.do(lambda db: upkeep.prune(db, tombstones, sent))

    async def counts(self) -> dict[str, int]:
        """How much is where."""
        return await self._reader.do(upkeep.counts)


class SqliteEngine:
    """See ``Engine``."""

    def __init__(self, store: SqliteStore, grace_s: float) -> None:
        self._store = store
        self._grace_s = grace_s
        self._lanes: Lanes | None = None
        self._delivery: Delivery | None = None
        self._leases: dict[str, asyncio.Lock] = {}
        self._jobs_changed = asyncio.Event()

    @property
    def records(self) -> Records:
        """See ``Engine``."""
        return self._store

    async def accept(self, events: Sequence[Inbound | Receipt], /) -> tuple[bool, ...]:
        """See ``Engine``."""
        log.debug("stage", stage="accept", phase="begin", count=len(events))
        results = await self._store.accept(events)
        log.debug("stage", stage="accept", phase="done", count=len(events))
        self._heard(lane for _, lane in results if lane)
        return tuple(new for new, _ in results)

    async def commit(self, outcome: Outcome, /) -> None:
        """See ``Engine``."""
        if self._delivery is None:
            written = tuple(
                Written(
                    out=out, chat=self._store.chat(out.to), pages=(Page(body="", form="", source=out.reply.markdown),)
                )
                for out in outcome.out
            )
            await self._store.settle("", outcome, written)
            return
        written = tuple(self._delivery.written(out) for out in outcome.out)
        with self._delivery.closing("", written):
            await self._store.settle("", outcome, written)
        self._jobs_changed.set()

    @asynccontextmanager
    async def lease(self, name: str, /) -> AsyncGenerator[int]:
        """See ``Engine``. One process owns the file, so holding a name means holding it in this process."""
        async with self._leases.setdefault(name, asyncio.Lock()):
            yield await self._store.lease(name)

    async def run(self, turn: Turn, adapters: Sequence[Adapter], /) -> None:
        """See ``Engine``."""
        marked = {adapter.name for adapter in adapters if adapter.capabilities(_nowhere(adapter)).unknown == "mark"}
        recovered = await self._store.recover(marked)
        if any(recovered.values()):
            log.info("recovered", **recovered)
        self._delivery = Delivery(self._store, adapters, Governor(await self._store.pauses()))
        self._lanes = Lanes(self._store, self._delivery, self._jobs_changed.set)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._delivery.run(), name="delivery")
                tasks.create_task(self._lanes.run(turn), name="lanes")
                tasks.create_task(self._keep_time(), name="jobs")
                tasks.create_task(self._keep_house(), name="upkeep")
        finally:
            began = time.monotonic()
            await self._lanes.drain(self._grace_s)
            await self._delivery.drain(max(1.0, self._grace_s - (time.monotonic() - began)))
            self._lanes = self._delivery = None

    async def counts(self) -> dict[str, int]:
        """How much is where, for ``status``."""
        running = self._lanes.running if self._lanes is not None else 0
        return {"turns": running, **await self._store.counts()}

    def _heard(self, lanes: Iterable[str]) -> None:
        if self._lanes is not None:
            self._lanes.heard(lanes)

    async def _keep_time(self) -> None:
        """Fire jobs when they are due."""
        while True:
            self._jobs_changed.clear()
            wait_s = await self._store.next_job_s()
            if wait_s is not None and wait_s <= 0:
                self._heard(await self._store.fire())
                continue
            try:  # clocks may be set: look again now and then
                async with asyncio.timeout(None if wait_s is None else min(wait_s, _LATEST_JOB_S)):
                    await self._jobs_changed.wait()
            except TimeoutError:
                continue

    async def _keep_house(self) -> None:
        while True:
            await self._store.prune()
            await asyncio.sleep(_UPKEEP_EVERY_S)


def _nowhere(adapter: Adapter) -> Address:
    return Address(adapter=adapter.name, chat="")


@asynccontextmanager
async def open_sqlite(site: Site, settings: SqliteSettings) -> AsyncGenerator[SqliteEngine]:
    """Open the store in the site's data folder, brought up to date.

    Raises:
        StoreError: It cannot be used; the message says why.
    """
    del settings
    site.data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
    secret = load_secret(site.data_dir / "secret")
    path = site.data_dir / "waystation.db"
    await asyncio.to_thread(_prepare, path)
    writer = Worker(lambda: connect(path), writes=True)
    reader = Worker(lambda: connect(path, writes=False), writes=False)
    await writer.start()
    try:
        await reader.start()
        try:
            store = SqliteStore(writer, reader, PlainSealer(), Names(Hasher(secret).name))
            yield SqliteEngine(store, site.grace_s)
        finally:
            await reader.stop()
    finally:
        await writer.stop()


def _prepare(path: Path) -> None:
    path.touch(mode=0o600)
    migrate(path)


_lanes: type[LaneStore] = SqliteStore
_outbox: type[Outbox] = SqliteStore
spec: Spec[SqliteSettings, Engine] = Spec(name="sqlite", settings=SqliteSettings, open=open_sqlite)
