"""One thread that owns a SQLite connection and runs jobs on it, many jobs to one commit.

While a commit waits for the disk, jobs gather; the next transaction takes them all, each but the first in a savepoint
of its own, so that one that fails takes nobody with it. Under load the disk is asked once for dozens of jobs; alone, a
job waits for nobody.
"""

import asyncio
import sqlite3
import threading
from collections.abc import Callable
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from core.engines.sqlite.errors import worded
from core.errors import StoreError

T = TypeVar("T")

_Job = tuple[Callable[[sqlite3.Connection], Any], "asyncio.Future[Any]"]
_Result = tuple["asyncio.Future[Any]", Any, BaseException | None]
_AT_ONCE = 256


class Writer:
    """Runs jobs on one connection in one thread, in the order they were given.

    Args:
        connect: Makes the connection, in the thread that will use it.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._open = False
        self._loop = asyncio.get_running_loop()
        self._started: asyncio.Future[None] = self._loop.create_future()
        # A daemon: a program that ends without stopping us ends; what was committed is safe, and nothing else was told.
        self._thread = threading.Thread(target=self._run, name="store-writer", daemon=True)

    async def start(self) -> None:
        """Open the connection; whatever that raises is raised here."""
        self._thread.start()
        await self._started
        self._open = True

    async def do(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job; returns after it is committed.

        A caller that is cancelled meanwhile does not undo the job: ask the store, not your memory.

        Raises:
            StoreError: The database did not do it; nothing of the job was kept. What else a job raises is raised.
        """
        if not self._open:
            raise StoreError("the store is closed")
        future: asyncio.Future[T] = self._loop.create_future()
        self._jobs.put((job, future))
        return await future

    async def stop(self) -> None:
        """Finish what was given, then close."""
        self._open = False
        self._jobs.put(None)
        await asyncio.to_thread(self._thread.join)

    # -- in the thread

    def _run(self) -> None:
        try:
            connection = self._connect()
        except (sqlite3.Error, StoreError, OSError) as error:
            self._tell([(self._started, None, error)])
            return
        self._tell([(self._started, None, None)])
        try:
            going_on = True
            while going_on and (first := self._jobs.get()) is not None:
                going_on = self._commit(connection, first)
        finally:
            connection.close()

    def _commit(self, connection: sqlite3.Connection, first: _Job) -> bool:
        """Run one job and those that wait behind it as one transaction; False when told to stop."""
        taken: list[_Job] = []
        results: list[_Result] = []
        going_on = True
        job: _Job | None = first
        try:
            connection.execute("BEGIN IMMEDIATE")
            while job is not None:
                taken.append(job)
                results.append(_saved(connection, job) if results else _first(connection, job))
                if len(taken) >= _AT_ONCE:
                    break
                try:
                    job = self._jobs.get_nowait()
                except Empty:
                    break
                going_on = job is not None
            connection.execute("COMMIT")
        except sqlite3.Error as error:
            with suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            failure = worded(error)
            failure.__cause__ = error
            results = [(future, None, failure) for _, future in taken or [first]]
        self._tell(results)
        return going_on

    def _tell(self, results: list[_Result]) -> None:
        with suppress(RuntimeError):  # the loop is gone: nobody is left to tell
            self._loop.call_soon_threadsafe(_settle, results)


def _first(connection: sqlite3.Connection, job: _Job) -> _Result:
    """Run a transaction's first job: where it fails, nothing else is lost with the transaction, and another begins."""
    result = _result(connection, job)
    if result[2] is not None:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        connection.execute("BEGIN IMMEDIATE")
    return result


def _saved(connection: sqlite3.Connection, job: _Job) -> _Result:
    """Run a job in a savepoint of its own.

    Raises:
        sqlite3.Error: The whole transaction is lost, as after some errors of the disk.
    """
    connection.execute("SAVEPOINT job")
    result = _result(connection, job)
    if result[2] is not None:
        if not connection.in_transaction:
            cause = result[2].__cause__
            raise cause if isinstance(cause, sqlite3.Error) else sqlite3.OperationalError("the transaction was lost")
        connection.execute("ROLLBACK TO job")
    connection.execute("RELEASE job")
    return result


def _result(connection: sqlite3.Connection, job: _Job) -> _Result:
    run, future = job
    try:
        return future, run(connection), None
    except sqlite3.Error as error:
        failure = worded(error)
        failure.__cause__ = error
        return future, None, failure
    except Exception as error:  # noqa: BLE001  whoever gave the job gets it
        return future, None, error


def _settle(results: list[_Result]) -> None:
    for future, result, error in results:
        if future.done():
            continue
        if error is None:
            future.set_result(result)
        else:
            future.set_exception(error)
