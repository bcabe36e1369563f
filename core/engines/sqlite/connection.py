"""A connection to the database file, and the file brought up to date.

A migration is applied inside a transaction and recorded; a database that records one we do not know was written by a
newer version and is left alone.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database, Migrations

from core.engines.sqlite.errors import worded
from core.engines.tables.schema import MIGRATIONS
from core.errors import StoreError

_PATIENCE_S = 10.0
"""How long a write waits for another program that holds the database, such as one that makes a backup."""

_CACHE_KB = 512
"""Of pages each connection keeps: the system keeps the rest, once for all of them."""

_CHECKPOINT_PAGES = 4000
"""The write-ahead log's pages (16 MB) before they go into the database: most lie there many times, and go once."""


def connect(path: Path, *, writes: bool = True) -> sqlite3.Connection:
    """Open the database file with the settings everything here relies on.

    Raises:
        StoreError: The file is no database of ours, or cannot be used.
    """
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=_PATIENCE_S)
    except sqlite3.Error as error:
        raise worded(error, path) from error
    try:
        (mode,) = connection.execute("PRAGMA journal_mode = WAL").fetchone()
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA cache_size = -{_CACHE_KB}")
        connection.execute("PRAGMA temp_store = MEMORY")  # a savepoint's journal is a few pages: no file each
        connection.execute(f"PRAGMA wal_autocheckpoint = {_CHECKPOINT_PAGES}")
        if not writes:
            connection.execute("PRAGMA query_only = ON")
    except sqlite3.Error as error:
        connection.close()
        raise worded(error, path) from error
    if mode != "wal":
        connection.close()
        msg = f"{path} lies on a disk that cannot keep a write-ahead log (a network drive?). Set another data_dir."
        raise StoreError(msg)
    return connection


def migrate(path: Path) -> None:
    """Bring the database up to date; refuse one that is ahead of us.

    Raises:
        StoreError: It was written by a newer version, or a migration failed (and left nothing behind).
    """
    with closing(connect(path)) as connection, closing(Database(memory=True)) as empty:
        db, migrations = Database(connection), _migrations()
        try:
            known = {one.name for one in migrations.pending(empty)}
            if newer := sorted({one.name for one in migrations.applied(db)} - known):
                msg = (
                    f"{path} was last used by a newer version of Waystation (it has {', '.join(newer)}). "
                    "Run that version, or restore a backup from before it."
                )
                raise StoreError(msg)
            migrations.apply(db)
        except sqlite3.Error as error:
            raise worded(error, path) from error


def _migrations() -> Migrations:
    """Ours, as sqlite-utils applies and records them."""
    migrations = Migrations("waystation")
    for migration in MIGRATIONS:

        @migrations(name=migration.name)
        def apply(db: Database, statements: tuple[str, ...] = migration.statements) -> None:
            for statement in statements:
                db.execute(statement)

    return migrations
