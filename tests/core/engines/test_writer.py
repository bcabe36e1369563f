"""The writer: many jobs to a commit, each whole or not at all, and every caller is told."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from functools import partial
from pathlib import Path

import pytest

from core.engines.sqlite.connection import connect
from core.engines.sqlite.writer import Writer
from core.errors import StoreError

PAGES = 40


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A database with one table."""
    path = tmp_path / "t.db"
    with closing(connect(path)) as db:
        db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, body BLOB) STRICT")
    return path


@asynccontextmanager
async def begun(connect: Callable[[], sqlite3.Connection]) -> AsyncGenerator[Writer]:
    """A writer that has begun."""
    one = Writer(connect)
    await one.start()
    try:
        yield one
    finally:
        await one.stop()


def insert(number: int, size: int = 0) -> Callable[[sqlite3.Connection], int]:
    """A job that keeps a row."""

    def job(db: sqlite3.Connection) -> int:
        db.execute("INSERT INTO t VALUES (?, ?)", (number, b"x" * size))
        return number

    return job


def kept(path: Path) -> list[int]:
    """What another process finds."""
    with closing(sqlite3.connect(path)) as db:
        return [number for (number,) in db.execute("SELECT n FROM t ORDER BY n")]


async def test_a_job_is_committed_when_its_caller_goes_on(path: Path) -> None:
    """Another connection sees it at once."""
    async with begun(lambda: connect(path)) as writer:
        assert await writer.do(insert(1)) == 1
        assert kept(path) == [1]


async def test_jobs_that_wait_share_a_commit(path: Path) -> None:
    """Hundreds of callers at once cost few commits, and run in the order they came."""
    commits = 0
    ran: list[int] = []

    def counting() -> sqlite3.Connection:
        db = connect(path)

        def trace(statement: str) -> None:
            nonlocal commits
            commits += statement == "COMMIT"

        db.set_trace_callback(trace)
        return db

    async with begun(counting) as writer:

        def job(number: int, db: sqlite3.Connection) -> int:
            ran.append(number)
            return insert(number)(db)

        await asyncio.gather(*(writer.do(partial(job, number)) for number in range(1000)))
    assert ran == list(range(1000)) == kept(path)
    assert commits < 100


async def test_a_job_that_fails_takes_nobody_with_it(path: Path) -> None:
    """Of jobs in one commit, the one that fails is undone wholly and told why; the others stand."""

    def half(db: sqlite3.Connection) -> None:
        insert(50)(db)
        raise LookupError("in the middle")

    async with begun(lambda: connect(path)) as writer:
        results = await asyncio.gather(
            writer.do(insert(1)), writer.do(half), writer.do(insert(1)), writer.do(insert(2)), return_exceptions=True
        )
    assert results[0] == 1
    assert isinstance(results[1], LookupError)
    assert isinstance(results[2], StoreError)
    assert results[3] == 2
    assert kept(path) == [1, 2]


async def test_a_caller_that_leaves_does_not_undo_its_job(path: Path) -> None:
    """A cancelled wait is only a wait; those behind it are served."""
    async with begun(lambda: connect(path)) as writer:
        leaving = asyncio.create_task(writer.do(insert(1)))
        await asyncio.sleep(0)
        leaving.cancel()
        await writer.do(insert(2))
    assert kept(path) == [1, 2]


async def test_stopping_finishes_what_was_given_and_refuses_more(path: Path) -> None:
    """Nobody waits for ever for a store that is closed."""
    async with begun(lambda: connect(path)) as writer:
        waiting = [asyncio.create_task(writer.do(insert(number))) for number in range(100)]
        await asyncio.sleep(0)
    assert await asyncio.gather(*waiting) == list(range(100))
    with pytest.raises(StoreError, match="closed"):
        await writer.do(insert(1000))
    assert len(kept(path)) == 100


async def test_a_store_that_cannot_be_opened_says_so_at_the_start(tmp_path: Path) -> None:
    """And its thread has ended."""
    (tmp_path / "t.db").write_bytes(b"this is no database, whatever its name says. " * 100)
    writer = Writer(lambda: connect(tmp_path / "t.db"))
    with pytest.raises(StoreError, match="restore a backup"):
        await writer.start()
    with pytest.raises(StoreError, match="closed"):
        await writer.do(insert(1))


def small(path: Path) -> sqlite3.Connection:
    """A connection to a disk that is soon full."""
    db = connect(path)
    db.execute(f"PRAGMA max_page_count = {PAGES}")
    return db


async def test_a_full_disk_is_said_in_words_and_loses_nothing(path: Path) -> None:
    """Every caller is told whether its job was kept, and what was told to be kept is; smaller jobs go on."""
    async with begun(lambda: small(path)) as writer:
        results = await asyncio.gather(
            *(writer.do(insert(number, 8000)) for number in range(40)), return_exceptions=True
        )
        failures = [result for result in results if isinstance(result, BaseException)]
        assert all(isinstance(failure, StoreError) and "full" in str(failure) for failure in failures)
        assert failures
        assert kept(path) == [result for result in results if isinstance(result, int)]
        await writer.do(lambda db: db.execute("DELETE FROM t"))
        assert await writer.do(insert(1, 8000)) == 1


async def test_an_error_that_loses_the_transaction_fails_all_of_it(path: Path) -> None:
    """Where SQLite itself rolls everything back, nobody is told that his job was kept."""

    def lose(db: sqlite3.Connection) -> None:
        db.execute("CREATE TEMP TRIGGER lost BEFORE INSERT ON t BEGIN SELECT RAISE(ROLLBACK, 'lost'); END")
        db.execute("INSERT INTO t VALUES (1000, x'')")

    async with begun(lambda: connect(path)) as writer:
        results = await asyncio.gather(
            *(writer.do(job) for job in (insert(1), lose, insert(2))), return_exceptions=True
        )
        told = [isinstance(result, StoreError) for result in results]
        assert told[1]
        assert kept(path) == [number for number, failed in zip((1, 1000, 2), told, strict=True) if not failed]
        assert await writer.do(insert(3)) == 3


async def test_a_database_another_program_holds_is_said_in_words(path: Path) -> None:
    """And is used again as soon as it is free."""

    def impatient() -> sqlite3.Connection:
        db = connect(path)
        db.execute("PRAGMA busy_timeout = 20")
        return db

    async with begun(impatient) as writer:
        with closing(sqlite3.connect(path, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            with pytest.raises(StoreError, match="another program"):
                await writer.do(insert(1))
            other.execute("ROLLBACK")
        assert await writer.do(insert(1)) == 1
