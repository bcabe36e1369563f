"""Reading the SQLite database where one stands: no thread, no waiting for one.

What we read are a few rows by key, some microseconds each: handing that to a thread and back costs many times as
much, and makes everybody wait for Python's one lock. In a write-ahead log no reader waits for a writer.
See https://www.sqlite.org/wal.html#concurrency.
"""

import sqlite3
from collections.abc import Callable
from typing import TypeVar

from core.engines.sqlite.errors import worded
from core.errors import StoreError

T = TypeVar("T")


class Reader:
    """Runs jobs that only read, at once, in the thread it was opened in.

    Args:
        connect: Makes a connection that cannot write.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection]) -> None:
        self._connect = connect
        self._connection: sqlite3.Connection | None = None

    def open(self) -> None:
        """Open the connection; whatever that raises is raised here."""
        self._connection = self._connect()

    def do(self, job: Callable[[sqlite3.Connection], T]) -> T:
        """Run a job.

        Raises:
            StoreError: The database could not be read. What else a job raises is raised.
        """
        if self._connection is None:
            raise StoreError("the store is closed")
        try:
            return job(self._connection)
        except sqlite3.Error as error:
            raise worded(error) from error

    def close(self) -> None:
        """Close the connection; what is asked from now on is refused."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None
