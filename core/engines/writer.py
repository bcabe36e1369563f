"""One thread that owns a SQLite connection and runs jobs on it, many jobs to one commit.

While a commit waits for the disk, jobs gather; the next transaction takes them all, each in a savepoint of its own,
so that one that fails takes nobody with it. Under load the disk is asked once for dozens of jobs; alone, a job
waits for nobody.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from core.errors import StoreError

T = TypeVar("T")

_Job = tuple[Callable[[sqlite3.Connection], Any], "asyncio.Future[Any]"]
_AT_ONCE = 256


class Worker:
    """Runs jobs on one connection in one thread, in the order they were given.

    Args:
        connect: Makes the connection, in the thread that will use it.
        writes: Whether jobs are committed together; a reading worker runs them bare.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, writes: bool) -> None:
        self._connect = connect
        self._writes = writes
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._loop = asyncio.get_running_loop()
        self._started: asyncio.Future[None] = self._loop.create_future()
        self._thread = threading.Thread(target=self._run, name="store-writer" if writes else "store-reader")

    async def start(self) -> None:
        """Open the connection; whatever that raises is raised here."""
        self._thread.start()
        await self._started

    async def do(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job; returns after it is committed.

        A caller that is cancelled meanwhile does not undo the job: ask the store, not your memory.
        """
        if not self._thread.is_alive():
            raise StoreError("the store is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((job, future))
        return await future

    async def stop(self) -> None:
        """Finish what was given, then close."""
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    def _run(self) -> None:
        try:
            connection = self._connect()
        except (sqlite3.Error, StoreError, OSError) as error:
            self._tell([(self._started, None, error)])
            return
        self._tell([(self._started, None, None)])
        try:
            while (first := self._jobs.get()) is not None:
                if not self._together(connection, first):
                    break
        finally:
            connection.close()

    def _together(self, connection: sqlite3.Connection, first: _Job) -> bool:
        """Run one job and those that wait behind it; False when told to stop."""
        results: list[tuple[asyncio.Future[Any], Any, BaseException | None]] = []
        going_on = True
        try:
            if self._writes:
                connection.execute("BEGIN IMMEDIATE")
            job: _Job | None = first
            while job is not None:
                results.append((job[1], *self._one(connection, job[0])))
                if len(results) >= _AT_ONCE:
                    break
                try:
                    job = self._jobs.get_nowait()
                except Empty:
                    break
                going_on = job is not None
            if self._writes:
                connection.execute("COMMIT")
        except sqlite3.Error as error:
            failure = StoreError(f"the database cannot be written: {error}")
            failure.__cause__ = error
            results = [(future, None, failure) for future, _, _ in results] or [(first[1], None, failure)]
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
        self._tell(results)
        return going_on

    def _one(
        self, connection: sqlite3.Connection, job: Callable[[sqlite3.Connection], Any]
    ) -> tuple[Any, BaseException | None]:
        if not self._writes:
            try:
                return job(connection), None
            except Exception as error:  # noqa: BLE001  whoever gave the job gets it
                return None, error
        connection.execute("SAVEPOINT job")
        try:
            result = job(connection)
        except Exception as error:  # noqa: BLE001  whoever gave the job gets it
            connection.execute("ROLLBACK TO job")
            connection.execute("RELEASE job")
            return None, error
        connection.execute("RELEASE job")
        return result, None

    def _tell(self, results: list[tuple["asyncio.Future[Any]", Any, BaseException | None]]) -> None:
        with suppress(RuntimeError):  # the loop is gone: nobody is left to tell
            self._loop.call_soon_threadsafe(_settle, results)


def _settle(results: list[tuple["asyncio.Future[Any]", Any, BaseException | None]]) -> None:
    for future, result, error in results:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
