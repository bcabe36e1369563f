"""The reader: what is there now, and nothing but reading."""

import sqlite3
from collections.abc import Generator
from contextlib import closing
from pathlib import Path

import pytest

from core.engines.sqlite.connection import connect
from core.engines.sqlite.reader import Reader
from core.errors import StoreError


@pytest.fixture
def writing(tmp_path: Path) -> Generator[sqlite3.Connection]:
    """A connection that writes, to a database with one table."""
    with closing(connect(tmp_path / "t.db")) as db:
        db.execute("CREATE TABLE t (n INTEGER PRIMARY KEY) STRICT")
        yield db


@pytest.fixture
def reader(writing: sqlite3.Connection, tmp_path: Path) -> Generator[Reader]:
    """A reader of the same database."""
    del writing  # made before it is read
    one = Reader(lambda: connect(tmp_path / "t.db", writes=False))
    one.open()
    yield one
    one.close()


def count(db: sqlite3.Connection) -> int:
    """How many rows there are."""
    (number,) = db.execute("SELECT count(*) FROM t").fetchone()
    return int(number)


def test_it_reads_what_is_committed_while_somebody_writes(reader: Reader, writing: sqlite3.Connection) -> None:
    """It waits for nobody, and sees each commit as soon as it is one."""
    writing.execute("BEGIN IMMEDIATE")
    writing.execute("INSERT INTO t VALUES (1)")
    assert reader.do(count) == 0
    writing.execute("COMMIT")
    assert reader.do(count) == 1


def test_it_cannot_write(reader: Reader) -> None:
    """What only reads can damage nothing."""
    with pytest.raises(StoreError, match="readonly"):
        reader.do(lambda db: db.execute("INSERT INTO t VALUES (1)"))
    assert reader.do(count) == 0


def test_a_database_that_is_none_is_said_at_the_start(tmp_path: Path) -> None:
    """And nothing is read from it."""
    (tmp_path / "t.db").write_bytes(b"this is no database, whatever its name says. " * 100)
    reader = Reader(lambda: connect(tmp_path / "t.db", writes=False))
    with pytest.raises(StoreError, match="restore a backup"):
        reader.open()
    with pytest.raises(StoreError, match="closed"):
        reader.do(count)


def test_what_is_closed_refuses(reader: Reader) -> None:
    """In words."""
    reader.close()
    with pytest.raises(StoreError, match="closed"):
        reader.do(count)
