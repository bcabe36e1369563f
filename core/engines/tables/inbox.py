"""What comes in, and what a turn makes of it: inbox and steps.

Plain functions of a connection, run by the writer, many to a transaction, or by the reader.
"""

import sqlite3
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import lru_cache

from core.codec import dump
from core.engines.tables.jobs import Appointment, Due, JobTable
from core.engines.tables.outbox import OutboxTable
from core.engines.tables.records import RecordsTable
from core.engines.tables.vault import Vault, now_ms
from core.errors import StoreError
from core.storage import Opened, Written
from core.values import HOUSE, Address, Inbound, Outcome, Put, Receipt, Received, value

_CHATS = 512
"""Whose names are at hand."""


def lane_of(person: str) -> str:
    """The lane of a person's private chats."""
    return f"p{person}"


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
        self._chat = lru_cache(_CHATS)(lambda adapter, chat: name("chat", adapter, chat))

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
        """What shares one budget: a chat with all its topics. It is asked for whenever an answer has grown."""
        return self._chat(to.adapter, to.chat)

    def receipt(self, receipt: Receipt) -> Receipt:
        """The receipt under a hashed key: a platform's own may contain a phone number."""
        return replace(receipt, key=self.event(receipt.key))

    def arrival(self, event: Inbound) -> Arrival:
        """An event made ready for the inbox."""
        to = event.to
        return Arrival(
            event=self.event(event.key),
            sender=self.sender(to.adapter, event.sender),
            group="" if to.private else self.group(to),
            body=dump(Inbound, event),
        )


class InboxTable:
    """The statements over inbox and steps."""

    def __init__(self, vault: Vault, records: RecordsTable, outbox: OutboxTable, jobs: JobTable) -> None:
        self._vault = vault
        self._records = records
        self._outbox = outbox
        self._jobs = jobs

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
        lane = f"g{space}" if arrival.group else lane_of(space)
        db.execute(
            "INSERT INTO inbox (lane, scope, space, event, body, at_ms) VALUES (?, ?, ?, ?, ?, ?)",
            (lane, scope, space, arrival.event, self._vault.seal(db, scope, "inbox", arrival.event, arrival.body), now),
        )
        return True, lane

    def _receipt(self, db: sqlite3.Connection, receipt: Receipt) -> tuple[bool, str]:
        """A platform's later word; ``receipt.key`` is hashed by now."""
        if db.execute("INSERT OR IGNORE INTO tombstones VALUES (?, ?)", (receipt.key, now_ms())).rowcount == 0:
            return False, ""
        self._outbox.receipt(db, receipt)
        return True, ""

    def waiting_lanes(self, db: sqlite3.Connection, limit: int, but: Collection[str]) -> tuple[str, ...]:
        """Lanes with open rows, the longest waiting first."""
        rows = db.execute(
            "SELECT lane FROM inbox GROUP BY lane ORDER BY min(id) LIMIT ?", (limit + len(but),)
        ).fetchall()
        return tuple(lane for (lane,) in rows if lane not in but)[:limit]

    def open_lane(self, db: sqlite3.Connection, lane: str, after: int, limit: int) -> tuple[Opened, list[int]]:
        """The lane's open rows beyond a row, and the steps of its turn; also which rows cannot be read any more."""
        rows = db.execute(
            "SELECT id, scope, space, event, body, at_ms FROM inbox WHERE lane = ? AND id > ? ORDER BY id LIMIT ?",
            (lane, after, limit),
        ).fetchall()
        events, lost = [], []
        for row, scope, space, key, body, at_ms in rows:
            inbound = self._vault.read(db, Inbound, (scope, "inbox", key), body)
            if inbound is None:
                lost.append(row)
            else:
                at = datetime.fromtimestamp(at_ms / 1000, UTC)
                events.append(Received(row=row, scope=scope, space=space, inbound=inbound, at=at))
        steps = () if after or not events else self._steps(db, lane)
        return Opened(events=tuple(events), steps=steps), lost

    def _steps(self, db: sqlite3.Connection, lane: str) -> tuple[bytes, ...]:
        rows = db.execute("SELECT number, space, body FROM steps WHERE lane = ? ORDER BY number", (lane,)).fetchall()
        return tuple(self._vault.open(db, space, "steps", f"{lane}/{number}", body) for number, space, body in rows)

    def drop(self, db: sqlite3.Connection, rows: Sequence[int]) -> None:
        """Forget rows that cannot be read any more."""
        db.executemany("DELETE FROM inbox WHERE id = ?", [(row,) for row in rows])

    def record(
        self, db: sqlite3.Connection, lane: str, step: bytes, writes: Sequence[Put], written: Sequence[Written]
    ) -> None:
        """Keep one more step, with what is said along with it."""
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
        self._records.put(db, writes)
        for one in written:
            self._outbox.say(db, lane, space, one)

    def settle(
        self,
        db: sqlite3.Connection,
        lane: str,
        outcome: Outcome,
        written: Sequence[Written],
        appointments: Sequence[Appointment],
    ) -> tuple[tuple[str, Address], ...]:
        """Apply an outcome; with a lane, as the end of its turn. Returns the chats where something is taken back."""
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
        self._records.put(db, outcome.writes)
        for appointment in appointments:
            self._jobs.keep(db, appointment)
        for one in written:
            self._outbox.say(db, lane, space, one)
        return self._outbox.take_back(db, lane) if lane else ()

    def fire(self, db: sqlite3.Connection, due: Due, arrival: Arrival, after_ms: int | None) -> str:
        """Turn a due job into an event, and set it to its next time: both or neither. The lane it woke, or ""."""
        return self._arrive(db, arrival)[1] if self._jobs.advance(db, due, after_ms) else ""
