"""The embedded store's tables, as numbered migrations.

A migration is applied inside a transaction and recorded; a database that records one we do not know was written by a
newer version and is left alone. Content stands only in columns named ``body``, ``sent_as`` and ``wrapped``, all sealed;
everything else is an id of ours, a keyed hash, a number or a state.
"""

import sqlite3
from contextlib import closing
from pathlib import Path

from sqlite_utils import Database, Migrations

from core.engines.words import worded
from core.errors import StoreError

migrations = Migrations("waystation")

_PATIENCE_S = 10.0
"""How long a write waits for another program that holds the database, such as one that makes a backup."""

_CACHE_KB = 512
"""Of pages each connection keeps: the system keeps the rest, once for all of them."""

_CHECKPOINT_PAGES = 4000
"""The write-ahead log's pages (16 MB) before they go into the database: most lie there many times, and go once."""


@migrations()
def m001_ground(db: Database) -> None:
    """People, what came in, what goes out, what is to come, and what is kept."""
    db.table("scopes").create(
        {"id": str, "lookup": str, "person": str, "wrapped": bytes, "made_ms": int},
        pk="id",
        not_null={"lookup", "person", "wrapped", "made_ms"},
        strict=True,
    )
    db.table("scopes").create_index(["lookup"], unique=True)
    db.execute(
        "CREATE TABLE inbox (id INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL, scope TEXT NOT NULL,"
        " space TEXT NOT NULL, event TEXT NOT NULL, body BLOB NOT NULL, at_ms INTEGER NOT NULL) STRICT"
    )
    db.execute("CREATE INDEX inbox_lane ON inbox (lane, id)")
    db.execute("CREATE TABLE tombstones (event TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID")
    db.execute("CREATE INDEX tombstones_at ON tombstones (at_ms)")
    db.execute(
        "CREATE TABLE steps (lane TEXT NOT NULL, number INTEGER NOT NULL, space TEXT NOT NULL, body BLOB NOT NULL,"
        " PRIMARY KEY (lane, number)) STRICT, WITHOUT ROWID"
    )
    db.execute(
        "CREATE TABLE slots (id INTEGER PRIMARY KEY AUTOINCREMENT, slot TEXT NOT NULL UNIQUE, lane TEXT NOT NULL,"
        " space TEXT NOT NULL, adapter TEXT NOT NULL, chat TEXT NOT NULL, body BLOB NOT NULL, final INTEGER NOT NULL,"
        " at_ms INTEGER NOT NULL) STRICT"
    )
    db.execute("CREATE INDEX slots_unfinished ON slots (lane) WHERE final = 0")
    db.execute("CREATE INDEX slots_at ON slots (at_ms)")
    # state: pending, sending (intent committed), sent, unknown, failed; body NULL: take back what is there
    db.execute(
        "CREATE TABLE outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, slot INTEGER NOT NULL REFERENCES slots (id),"
        " page INTEGER NOT NULL, chat TEXT NOT NULL, state TEXT NOT NULL, final INTEGER NOT NULL, body BLOB,"
        " sent_as BLOB, attempts INTEGER NOT NULL DEFAULT 0, due_ms INTEGER NOT NULL DEFAULT 0,"
        " stale INTEGER NOT NULL DEFAULT 0, UNIQUE (slot, page)) STRICT"
    )
    # One index a state: the planner takes a partial index only for a query with the very same words.
    db.execute("CREATE INDEX outbox_pending ON outbox (chat, slot, page) WHERE state = 'pending'")
    db.execute("CREATE INDEX outbox_sending ON outbox (id) WHERE state = 'sending'")
    db.execute(
        "CREATE TABLE jobs (id TEXT PRIMARY KEY, scope TEXT NOT NULL, due_ms INTEGER NOT NULL, body BLOB NOT NULL)"
        " STRICT"
    )
    db.execute("CREATE INDEX jobs_due ON jobs (due_ms)")
    db.execute("CREATE TABLE leases (name TEXT PRIMARY KEY, fence INTEGER NOT NULL) STRICT, WITHOUT ROWID")
    db.execute("CREATE TABLE pauses (name TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID")
    db.execute(
        "CREATE TABLE records (tbl TEXT NOT NULL, row TEXT NOT NULL, scope TEXT NOT NULL, body BLOB NOT NULL,"
        " PRIMARY KEY (tbl, row)) STRICT, WITHOUT ROWID"
    )
    db.execute("CREATE INDEX records_scope ON records (scope)")


@migrations()
def m002_cost_of_a_page(db: Database) -> None:
    """What the platform charges for a message, in millionths of a credit."""
    db.execute("ALTER TABLE outbox ADD COLUMN microcredits INTEGER NOT NULL DEFAULT 0")


@migrations()
def m003_which_message_of_a_page(db: Database) -> None:
    """How often a page was said anew, its message being gone: a later word about the former is not about the latter."""
    db.execute("ALTER TABLE outbox ADD COLUMN renewed INTEGER NOT NULL DEFAULT 0")


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
        db = Database(connection)
        try:
            known = {migration.name for migration in migrations.pending(empty)}
            if newer := sorted({migration.name for migration in migrations.applied(db)} - known):
                msg = (
                    f"{path} was last used by a newer version of Waystation (it has {', '.join(newer)}). "
                    "Run that version, or restore a backup from before it."
                )
                raise StoreError(msg)
            migrations.apply(db)
        except sqlite3.Error as error:
            raise worded(error, path) from error
