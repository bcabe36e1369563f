"""Leases, pauses, upkeep and counts: the store's small change.

Plain functions of a connection, run by the writer or the reader.
"""

import sqlite3

from core.engines.tables.vault import now_ms


def lease(db: sqlite3.Connection, name: str) -> int:
    """The next fence of a name."""
    return int(
        db.execute(
            "INSERT INTO leases VALUES (?, 1) ON CONFLICT (name) DO UPDATE SET fence = fence + 1 RETURNING fence",
            (name,),
        ).fetchone()[0]
    )


def pauses(db: sqlite3.Connection) -> dict[str, float]:
    """Names that still have to wait, with the seconds left."""
    now = now_ms()
    db.execute("DELETE FROM pauses WHERE until_ms <= ?", (now,))
    return {name: (until - now) / 1000 for name, until in db.execute("SELECT name, until_ms FROM pauses")}


def pause(db: sqlite3.Connection, name: str, seconds: float) -> None:
    """Remember that a name has to wait."""
    until = now_ms() + round(seconds * 1000)
    db.execute("INSERT OR REPLACE INTO pauses VALUES (?, ?)", (name, until))


def prune(db: sqlite3.Connection, tombstones_before_ms: int, sent_before_ms: int, limit: int) -> bool:
    """Forget keys of events no platform delivers again, records whose time is over, and messages nobody edits any more.

    Returns:
        Whether there may be more of them.
    """
    keys = db.execute(
        "DELETE FROM tombstones WHERE event IN (SELECT event FROM tombstones WHERE at_ms < ? LIMIT ?)",
        (tombstones_before_ms, limit),
    ).rowcount
    over = db.execute(
        "DELETE FROM records WHERE (tbl, row) IN (SELECT tbl, row FROM records WHERE until_ms <= ? LIMIT ?)",
        (now_ms(), limit),
    ).rowcount
    old = [
        slot
        for (slot,) in db.execute(
            "SELECT id FROM slots WHERE at_ms < ? AND final = 1 AND NOT EXISTS (SELECT 1 FROM outbox"
            " WHERE outbox.slot = slots.id AND outbox.state IN ('pending', 'sending')) LIMIT ?",
            (sent_before_ms, limit),
        )
    ]
    db.executemany("DELETE FROM outbox WHERE slot = ?", [(slot,) for slot in old])
    db.executemany("DELETE FROM slots WHERE id = ?", [(slot,) for slot in old])
    return max(keys, over, len(old)) >= limit


def counts(db: sqlite3.Connection) -> dict[str, int]:
    """How much is where, for ``status``."""
    return {
        "people": db.execute("SELECT count(*) FROM scopes").fetchone()[0],
        "inbox": db.execute("SELECT count(*) FROM inbox").fetchone()[0],
        "jobs": db.execute("SELECT count(*) FROM jobs").fetchone()[0],
        **dict(db.execute("SELECT state, count(*) FROM outbox WHERE state <> 'sent' GROUP BY state").fetchall()),
    }
