"""Jobs: what is to become an event later.

Plain functions of a connection, run by the writer or the reader. When a rule's next time is, is worked out before: a
rule may take long to think about, and the writer's thread is everybody's.
"""

import sqlite3
from datetime import UTC, datetime, timedelta
from secrets import token_hex

from core.codec import dump
from core.engines.tables.vault import Vault, now_ms
from core.schedule import following, upcoming
from core.values import Fired, Inbound, Job, value


@value
class Appointment:
    """A job made ready for the store.

    Attributes:
        sender: The hashed name of whom it belongs to.
        due_ms: Its first time, None to forget the job of this id.
    """

    job: Job
    sender: str
    due_ms: int | None


@value
class Due:
    """A job whose time has come."""

    job: Job
    due_ms: int

    def event(self) -> Inbound:
        """The event it becomes; its key is its own, since it is set to its next time in the same commit."""
        body = Fired(job=self.job.id, due=datetime.fromtimestamp(self.due_ms / 1000, UTC))
        return Inbound(key=f"job:{token_hex(16)}", sender=self.job.sender, to=self.job.to, body=body)


def first_ms(job: Job) -> int | None:
    """When a new job is due, in milliseconds since 1970; None for one that is to be forgotten.

    A rule whose times have all passed is due at once: it was agreed on, and the turn that did so may have been late.

    Raises:
        ValueError: Its rule or zone is none.
    """
    due = None if job.cancel else upcoming(job.rule, job.zone, datetime.now(UTC))
    return None if due is None else _ms(due)


def next_ms(due: Due) -> int | None:
    """When it is due after this; times that were missed are made up for by this one alone."""
    at = datetime.fromtimestamp(due.due_ms / 1000, UTC)
    after = following(due.job.rule, due.job.zone, max(at, datetime.now(UTC)))
    return None if after is None else _ms(after)


def _ms(time: datetime) -> int:
    """Milliseconds since 1970, rounded up: nothing is due early, and then due again."""
    return -((datetime(1970, 1, 1, tzinfo=UTC) - time) // timedelta(milliseconds=1))


class JobTable:
    """The statements over jobs."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def keep(self, db: sqlite3.Connection, appointment: Appointment) -> None:
        """Set a job, replace the one of its id, or forget it."""
        job, due_ms = appointment.job, appointment.due_ms
        if due_ms is None:
            db.execute("DELETE FROM jobs WHERE id = ?", (job.id,))
            return
        scope, _ = self._vault.scope(db, appointment.sender)
        body = self._vault.seal(db, scope, "jobs", job.id, dump(Job, job))
        db.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?)", (job.id, scope, due_ms, body))

    def next(self, db: sqlite3.Connection) -> int | None:
        """When the next job is due."""
        due: int | None = db.execute("SELECT min(due_ms) FROM jobs").fetchone()[0]
        return due

    def due(self, db: sqlite3.Connection, limit: int) -> list[Due]:
        """Jobs that are due, the latest last; those that cannot be read any more end."""
        rows = db.execute(
            "SELECT id, scope, due_ms, body FROM jobs WHERE due_ms <= ? ORDER BY due_ms LIMIT ?", (now_ms(), limit)
        ).fetchall()
        found = [
            (name, due_ms, self._vault.read(db, Job, (scope, "jobs", name), body)) for name, scope, due_ms, body in rows
        ]
        db.executemany("DELETE FROM jobs WHERE id = ?", [(name,) for name, _, job in found if job is None])
        return [Due(job=job, due_ms=due_ms) for _, due_ms, job in found if job is not None]

    def advance(self, db: sqlite3.Connection, due: Due, after_ms: int | None) -> bool:
        """Set a job that was due to its next time, or end it; False if it was changed or cancelled meanwhile."""
        same = (due.job.id, due.due_ms)
        if after_ms is None:
            return db.execute("DELETE FROM jobs WHERE id = ? AND due_ms = ?", same).rowcount == 1
        return db.execute("UPDATE jobs SET due_ms = ? WHERE id = ? AND due_ms = ?", (after_ms, *same)).rowcount == 1
