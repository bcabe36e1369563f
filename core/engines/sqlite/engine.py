"""The embedded engine: one SQLite file, one process, nothing else to install.

All writes go through one thread, many to a commit (``writer.py``); committed rows are read in place, by a connection of
their own (``reader.py``). What is waiting lives on disk; memory holds only what is being worked on.
"""

import asyncio
import math
import time
from collections.abc import AsyncGenerator, Coroutine, Sequence
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import structlog
from pydantic import BaseModel, ConfigDict

from core.delivery.couriers import Delivery
from core.delivery.governor import Governor
from core.engines.sealing import Hasher, PlainSealer, load_secret
from core.engines.sqlite.connection import connect, migrate
from core.engines.sqlite.reader import Reader
from core.engines.sqlite.writer import Writer
from core.engines.store import SqliteStore
from core.engines.tables.inbox import Names
from core.errors import StoreError
from core.lanes import Lanes
from core.patience import patiently
from core.private import make_folder, tighten
from core.seams import Adapter, EngineSpec, Records, Turn
from core.site import EngineSite, Spec
from core.storage import Written, unpaged
from core.values import Address, Inbound, Outcome, Receipt

T = TypeVar("T")

log = structlog.get_logger(__name__)

_UPKEEP_EVERY_S = 6 * 3600.0
_LOOK_AGAIN_S = 60.0
"""How long a wait for a job may be trusted: clocks are set, and machines sleep."""


class SqliteSettings(BaseModel):
    """The embedded engine has nothing to set."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class SqliteEngine:
    """See ``Engine``."""

    def __init__(self, store: SqliteStore, grace_s: float) -> None:
        self._store = store
        self._grace_s = grace_s
        self._lanes: Lanes | None = None
        self._delivery: Delivery | None = None
        self._leases: dict[str, asyncio.Lock] = {}
        self._jobs_changed = asyncio.Event()
        self._up = asyncio.Event()
        self._committing: set[asyncio.Task[Any]] = set()

    @property
    def records(self) -> Records:
        """See ``Engine``."""
        return self._store

    async def accept(self, events: Sequence[Inbound | Receipt], /) -> tuple[bool, ...]:
        """See ``Engine``."""
        return await self._to_its_end(self._accept(events))

    async def _accept(self, events: Sequence[Inbound | Receipt]) -> tuple[bool, ...]:
        log.debug("stage", stage="accept", phase="begin", count=len(events))
        results = await self._store.accept(events)
        log.debug("stage", stage="accept", phase="done", count=len(events))
        self._heard(*(lane for _, lane in results))
        undone = any(isinstance(event, Receipt) and event.state == "undone" for event in events)
        if undone and self._delivery is not None:
            self._delivery.look()
        return tuple(new for new, _ in results)

    async def commit(self, outcome: Outcome, /) -> None:
        """See ``Engine``."""
        await self._to_its_end(self._commit(outcome))

    async def _commit(self, outcome: Outcome) -> None:
        delivery = self._delivery
        if delivery is None:
            written = (Written(out=o, chat=self._store.chat(o.to), pages=(unpaged(o.reply),)) for o in outcome.out)
            await self._store.settle("", outcome, tuple(written))
            if self._delivery is not None:  # begun meanwhile, and perhaps had looked already
                self._delivery.look()
        else:
            pages = tuple([await delivery.written(out) for out in outcome.out])
            with delivery.closing("", pages):
                await self._store.settle("", outcome, pages)
        self._jobs_changed.set()

    async def _to_its_end(self, work: Coroutine[Any, Any, T]) -> T:
        """Do it even if whoever waits for it is cancelled: what was committed must be told to those who act on it."""
        task = asyncio.create_task(work)
        self._committing.add(task)
        task.add_done_callback(self._committing.discard)
        return await asyncio.shield(task)

    @asynccontextmanager
    async def lease(self, name: str, /) -> AsyncGenerator[int]:
        """See ``Engine``. One process owns the file, so holding a name means holding it in this process."""
        async with self._leases.setdefault(name, asyncio.Lock()):
            yield await self._store.lease(name)

    async def run(self, turn: Turn, adapters: Sequence[Adapter], /) -> None:
        """See ``Engine``."""
        await self._recover(adapters)
        names = [adapter.name for adapter in adapters]
        delivery = Delivery(self._store, adapters, Governor(await self._store.pauses(), names))
        lanes = Lanes(self._store, delivery, self._jobs_changed.set)
        self._delivery, self._lanes = delivery, lanes
        self._up.set()
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(delivery.run(), name="delivery")
                tasks.create_task(lanes.run(turn), name="lanes")
                tasks.create_task(self._keep_time(), name="jobs")
                tasks.create_task(self._keep_house(), name="upkeep")
        finally:
            try:
                began = time.monotonic()
                await lanes.drain(self._grace_s)
                await delivery.drain(max(self._grace_s / 10, self._grace_s - (time.monotonic() - began)))
            finally:
                self._up.clear()
                self._lanes = self._delivery = None

    async def join(self, adapter: Adapter, /) -> None:
        """See ``Engine``."""
        await self._up.wait()
        await self._recover([adapter])
        if self._delivery is not None:
            self._delivery.join(adapter)

    async def _recover(self, adapters: Sequence[Adapter]) -> None:
        """Settle what a killed process left half sent. No courier of these adapters may be at work yet."""
        recovered = await self._store.recover({adapter.name: _again_after_s(adapter) for adapter in adapters})
        if any(recovered.values()):
            log.info("recovered", **recovered)

    async def lane(self, adapter: str, sender: str, /) -> str:
        """See ``Engine``."""
        return await self._store.lane(adapter, sender)

    async def counts(self) -> dict[str, int]:
        """How much is where, for ``status``."""
        running = self._lanes.running if self._lanes is not None else 0
        return {"turns": running, **await self._store.counts()}

    def _heard(self, *lanes: str) -> None:
        if self._lanes is not None:
            self._lanes.heard(filter(None, lanes))

    async def _keep_time(self) -> None:
        """Fire jobs when they are due."""
        while True:
            self._jobs_changed.clear()
            wait_s = await patiently(self._store.next_job_s)
            if wait_s is not None and wait_s <= 0:
                for due in await patiently(self._store.due_jobs):
                    self._heard(await patiently(partial(self._store.fire, due)))
                continue
            try:
                async with asyncio.timeout(None if wait_s is None else min(wait_s, _LOOK_AGAIN_S)):
                    await self._jobs_changed.wait()
            except TimeoutError:
                continue

    async def _keep_house(self) -> None:
        while True:
            await patiently(self._store.prune)
            await asyncio.sleep(_UPKEEP_EVERY_S)


def _again_after_s(adapter: Adapter) -> float:
    """When what may be there is sent again; infinite for what is only marked."""
    can = adapter.capabilities(Address(adapter=adapter.name, chat=""))
    return math.inf if can.unknown == "mark" and not can.idempotent else can.settles_s


@asynccontextmanager
async def open_sqlite(site: EngineSite, settings: SqliteSettings) -> AsyncGenerator[SqliteEngine]:
    """Open the store in the site's data folder, brought up to date. The folder must be this process's alone.

    Raises:
        StoreError: It cannot be used; the message says why.
    """
    del settings
    path = site.data_dir / "waystation.db"
    secret = await asyncio.to_thread(_prepare, path)
    writer, reader = Writer(lambda: connect(path)), Reader(lambda: connect(path, writes=False))
    await writer.start()
    try:
        reader.open()
        try:
            store = SqliteStore(writer, reader, PlainSealer(), Names(Hasher(secret).name))
            yield SqliteEngine(store, site.grace_s)
        finally:
            reader.close()
    finally:
        await writer.stop()


def _prepare(path: Path) -> bytes:
    """Make the database ready; returns the deployment's secret."""
    try:
        make_folder(path.parent)
        secret = load_secret(path.parent / "secret", expected=path.exists() and path.stat().st_size > 0)
        path.touch(mode=0o600)
        for suffix in ("", "-wal", "-shm"):
            tighten(path.with_name(path.name + suffix))
        tighten(path.parent / "secret")
    except OSError as error:
        raise StoreError(f"The folder {path.parent} (data_dir) cannot be used: {error.strerror}.") from error
    migrate(path)
    return secret


spec: EngineSpec[SqliteSettings] = Spec(name="sqlite", settings=SqliteSettings, open=open_sqlite)
