"""What comes in, and what a turn makes of it: inbox, steps, jobs.

Plain functions of a connection, run by a worker's thread, many to a transaction.
"""

import sqlite3
from collections.abc import Callable, Collection, Sequence
from contextlib import suppress
from datetime import datetime

from core.codec import dump, load
from core.engines.outbox import OutboxTable
from core.engines.vault import HOUSE, Vault, now_ms
from core.errors import StoreError
from core.schedule import following
from core.storage import Opened, Written
from core.values import Address, Fired, Inbound, Job, Outcome, Put, Receipt, Received, value


@value
class Arrival:
    """An event made ready for the inbox outside of the transaction."""

    event: str
    sender: str
    group: str
    body: bytes


class Names:
    """Which hashed name stands for what."""

    def __init__(self, name: Callable[..., str]) -> None:
        self._name = name

    def event(self, key: str) -> str:
        """An event's key."""
        return self._name("event", key)

    def sender(self, adapter: str, sender: str) -> str:
        """Somebody on one adapter."""
        return self._name("sender", adapter, sender)

    def group(self, to: Address) -> str:
        """A group chat, or a topic of it."""
        return self._name("group", to.adapter, to.chat, to.thread)

    def chat(self, to: Address) -> str:
        """What shares one budget: a chat with all its topics."""
        return self._name("chat", to.adapter, to.chat)

    def arrival(self, event: Inbound) -> Arrival:
        """An event made ready for the inbox."""
        to = event.to
        return Arrival(
            event=self.event(event.key),
            sender=self.sender(to.adapter, event.sender),
            group="" if to.private else self.group(to),
            body=dump(Inbound, event),
        )


def fired(job: Job, due: datetime) -> Inbound:
    """The event a due job becomes."""
    return Inbound(
        key=f"job:{job.id}:{round(due.timestamp())}", sender=job.sender, to=job.to, body=Fired(job=job.id, due=due)
    )


class InboxTable:
    """The statements over inbox, steps and jobs."""

    def __init__(self, vault: Vault, outbox: OutboxTable) -> None:
        self._vault = vault
        self._outbox = outbox

    def accept(self, db: sqlite3.Connection, arrivals: Sequence[Arrival | Receipt]) -> list[tuple[bool, str]]:
        """One flag an event (False: seen before), with the lane it woke ("" for none)."""
        return [
            self._receipt(db, arrival) if isinstance(arrival, Receipt) else self._arrive(db, arrival)
            for arrival in arrivals
        ]

    def _arrive(self, db: sqlite3.Connection, arrival: Arrival) -> tuple[bool, str]:
        now = now_ms()
        if db.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?)", (arrival.event, now)).rowcount == 0:
            return False, ""
        scope, person = self._vault.scope(db, arrival.sender)
        space = self._vault.scope(db, arrival.group)[0] if arrival.group else person
        lane = f"g{space}" if arrival.group else f"p{space}"
        db.execute(
            "INSERT INTO inbox (lane, scope, space, event, body, at_ms) VALUES (?, ?, ?, ?, ?, ?)",
            (lane, scope, space, arrival.event, self._vault.seal(db, scope, "inbox", arrival.event, arrival.body), now),
        )
        return True, lane

    def _receipt(self, db: sqlite3.Connection, receipt: Receipt) -> tuple[bool, str]:
        if db.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?)", (receipt.key, now_ms())).rowcount == 0:
            return False, ""
        slot, _, page = receipt.slot.rpartition(".")
        with suppress(ValueError):  # a slot that is not one of ours settles nothing
            db.execute(
                "UPDATE outbox SET state = ? WHERE slot = (SELECT id FROM slots WHERE slot = ?) AND page = ?"
                " AND state IN ('sending', 'unknown', 'sent')",
                (receipt.state, slot, int(page)),
            )
        return True, ""

    def waiting_lanes(self, db: sqlite3.Connection, limit: int, but: Collection[str]) -> tuple[str, ...]:
        """Lanes with open rows, the longest waiting first."""
        rows = db.execute(
            "SELECT lane FROM inbox GROUP BY lane ORDER BY min(id) LIMIT ?", (limit + len(but),)
        ).fetchall()
        return tuple(lane for (lane,) in rows if lane not in but)[:limit]

    def open_lane(self, db: sqlite3.Connection, lane: str, after: int, limit: int) -> Opened:
        """The lane's open rows beyond a row, and the steps of its turn."""
        rows = db.execute(
            "SELECT id, scope, space, event, body FROM inbox WHERE lane = ? AND id > ? ORDER BY id LIMIT ?",
            (lane, after, limit),
        ).fetchall()
        events = tuple(
            Received(
                row=row,
                scope=scope,
                space=space,
                inbound=load(Inbound, self._vault.open(db, scope, "inbox", key, body)),
            )
            for row, scope, space, key, body in rows
        )
        if after or not events:
            return Opened(events=events)
        steps = db.execute("SELECT number, space, body FROM steps WHERE lane = ? ORDER BY number", (lane,)).fetchall()
        return Opened(
            events=events,
            steps=tuple(
                self._vault.open(db, space, "steps", f"{lane}/{number}", body) for number, space, body in steps
            ),
        )

    def record(self, db: sqlite3.Connection, lane: str, step: bytes, writes: Sequence[Put]) -> None:
        """Keep one more step."""
        number, space = db.execute(
            "SELECT (SELECT coalesce(max(number), 0) + 1 FROM steps WHERE lane = ?1),"
            " (SELECT space FROM inbox WHERE lane = ?1 LIMIT 1)",
            (lane,),
        ).fetchone()
        if space is None:
            msg = f"lane {lane} has nothing open, so there is no turn to record a step of"
            raise StoreError(msg)
        sealed = self._vault.seal(db, space, "steps", f"{lane}/{number}", step)
        db.execute("INSERT INTO steps VALUES (?, ?, ?, ?)", (lane, number, space, sealed))
        self._vault.put(db, writes)

    def settle(
        self, db: sqlite3.Connection, lane: str, outcome: Outcome, written: Sequence[Written], jobs: Sequence[str]
    ) -> None:
        """Apply an outcome; with a lane, as the end of its turn. ``jobs`` are the hashed senders of its jobs."""
        space = self._vault.scope(db, HOUSE)[0]
        if lane:
            row = db.execute("SELECT space FROM inbox WHERE lane = ? LIMIT 1", (lane,)).fetchone()
            space = row[0] if row else space
        for done in outcome.done:
            if db.execute("DELETE FROM inbox WHERE id = ? AND lane = ?", (done, lane)).rowcount != 1:
                msg = f"row {done} of lane {lane} was settled by somebody else; this turn's outcome is dropped"
                raise StoreError(msg)
        if lane:
            db.execute("DELETE FROM steps WHERE lane = ?", (lane,))
        self._vault.put(db, outcome.writes)
        for job, sender in zip(outcome.jobs, jobs, strict=True):
            self._job(db, job, sender)
        for one in written:
            self._outbox.say(db, lane, space, one)
        if lane:
            self._outbox.take_back(db, lane)

    def _job(self, db: sqlite3.Connection, job: Job, sender: str) -> None:
        due = None if job.cancel else following(job.rule, job.zone, None)
        if due is None:
            db.execute("DELETE FROM jobs WHERE id = ?", (job.id,))
            return
        scope, _ = self._vault.scope(db, sender)
        body = self._vault.seal(db, scope, "jobs", job.id, dump(Job, job))
        due_ms = round(due.timestamp() * 1000)
        db.execute("INSERT OR REPLACE INTO jobs VALUES (?, ?, ?, ?)", (job.id, scope, due_ms, body))

    def next_job(self, db: sqlite3.Connection) -> int | None:
        """When the next job is due, in milliseconds since 1970."""
        row = db.execute("SELECT min(due_ms) FROM jobs").fetchone()
        return None if row is None else row[0]

    def due_jobs(self, db: sqlite3.Connection, limit: int) -> list[tuple[Job, datetime]]:
        """Jobs that are due, with the time each was due at."""
        rows = db.execute(
            "SELECT id, scope, due_ms, body FROM jobs WHERE due_ms <= ? ORDER BY due_ms LIMIT ?", (now_ms(), limit)
        ).fetchall()
        return [
            (
                load(Job, self._vault.open(db, scope, "jobs", name, body)),
                datetime.fromtimestamp(due / 1000).astimezone(),
            )
            for name, scope, due, body in rows
        ]

    def fire(self, db: sqlite3.Connection, job: Job, due: datetime, arrival: Arrival) -> tuple[bool, str]:
        """Turn a due job into an event, and set it to its next time: both or neither."""
        after = following(job.rule, job.zone, max(due, datetime.now(due.tzinfo)))
        if after is None:
            gone = db.execute("DELETE FROM jobs WHERE id = ?", (job.id,)).rowcount
        else:
            gone = db.execute(
                "UPDATE jobs SET due_ms = ? WHERE id = ?", (round(after.timestamp() * 1000), job.id)
            ).rowcount
        return self._arrive(db, arrival) if gone else (False, "")
