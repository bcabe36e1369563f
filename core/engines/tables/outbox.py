"""What goes out: slots and their pages, and what is known of each page's delivery.

What may become of a page is decided in ``transitions.py``; here it is read and written. Plain functions of a
connection, run by the writer, many to a transaction, or by the reader.
"""

import math
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from core.codec import dump
from core.engines.tables.records import RecordsTable
from core.engines.tables.transitions import (
    WAITS_MS,
    Confirmed,
    Cut,
    Event,
    GivenUp,
    Interrupted,
    Paged,
    Previewed,
    PutOff,
    Reworded,
    Said,
    Standing,
    Taken,
    Told,
    after,
)
from core.engines.tables.vault import Vault, now_ms
from core.errors import StoreError
from core.storage import DueChats, Ended, OutboxRow, Written
from core.values import Address, Outbound, Page, Put, Receipt, value

_STANDING = (
    "outbox.state, outbox.final, outbox.body IS NOT NULL, outbox.sent_as IS NOT NULL, outbox.attempts, outbox.due_ms,"
    " outbox.stale, outbox.renewed"
)
"""The columns that ``_standing`` reads."""


def _standing(columns: Sequence[Any]) -> Standing:
    state, final, says, there, attempts, due_ms, stale, renewed = columns
    return Standing(
        state=state,
        final=bool(final),
        says=bool(says),
        there=bool(there),
        attempts=attempts,
        due_ms=due_ms,
        stale=bool(stale),
        renewed=renewed,
    )


@value
class Where:
    """What a slot keeps of its outbound."""

    to: Address


class OutboxTable:
    """The statements over slots and outbox."""

    def __init__(self, vault: Vault, records: RecordsTable) -> None:
        self._vault = vault
        self._records = records

    # -- what turns say

    def _slot(
        self, db: sqlite3.Connection, lane: str, space: str, out: Outbound, chat: str, *, final: bool
    ) -> tuple[int, str]:
        """The slot's number and the scope it is sealed under."""
        row = db.execute("SELECT id, space FROM slots WHERE slot = ?", (out.slot,)).fetchone()
        if row is not None:
            if final:
                db.execute("UPDATE slots SET final = 1 WHERE id = ?", (row[0],))
            return row[0], row[1]
        body = self._vault.seal(db, space, "slots", out.slot, dump(Where, Where(to=out.to)))
        (number,) = db.execute(
            "INSERT INTO slots (slot, lane, space, adapter, chat, body, final, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)"
            " RETURNING id",
            (out.slot, lane, space, out.to.adapter, chat, body, int(final), now_ms()),
        ).fetchone()
        return int(number), space

    def say(self, db: sqlite3.Connection, lane: str, space: str, one: Written) -> None:
        """Make a slot read what its pages say: for good, as whatever is committed."""
        slot, space = self._slot(db, lane, space, one.out, one.chat, final=True)
        there = self._pages(db, slot)
        for number, page in enumerate(one.pages):
            text = self._vault.seal(db, space, "outbox", f"{one.out.slot}.{number}", dump(Page, page))
            if number in there:
                self._move(db, *there[number], Said(), text=text)
            else:
                self._begin(db, slot, number, one.chat, Said(), text=text)
        for number in range(len(one.pages), max(there, default=-1) + 1):
            if number in there:
                self._move(db, *there[number], Cut())
        db.execute(
            "UPDATE outbox SET due_ms = 0 WHERE chat = ? AND state = 'pending' AND due_ms = ?", (one.chat, WAITS_MS)
        )

    def take_back(self, db: sqlite3.Connection, lane: str) -> tuple[tuple[str, Address], ...]:
        """Previews this turn began in slots it then did not fill; returns the chats they are in."""
        rows = db.execute(
            "SELECT id, chat, slot, space, body FROM slots WHERE lane = ? AND final = 0", (lane,)
        ).fetchall()
        for slot, *_ in rows:
            for row, was in self._pages(db, slot).values():
                self._move(db, row, was, Cut())
            db.execute("UPDATE slots SET final = 1 WHERE id = ?", (slot,))
        return self._addressed(db, [row[1:] for row in rows])

    # -- which chats have something to do

    def due_chats(self, db: sqlite3.Connection, adapter: str, limit: int, but: Collection[str]) -> DueChats:
        """Chats of an adapter whose next page is due, the longest waiting first, and when another one's will be."""
        now = now_ms()
        # A chat's next page is its first: one that was put off holds up those behind it. (SQLite takes the columns
        # beside a lone min() from the row that has it: https://sqlite.org/lang_select.html#bareagg)
        firsts = (
            "SELECT outbox.chat AS chat, outbox.id AS id, outbox.slot AS slot, due_ms, min(outbox.slot * 65536 + page)"
            " FROM outbox JOIN slots ON slots.id = outbox.slot WHERE outbox.state = 'pending' AND slots.adapter = ?"
            " GROUP BY outbox.chat"
        )
        due = db.execute(
            f"SELECT firsts.chat, slots.slot, space, body FROM ({firsts}) AS firsts"  # noqa: S608
            " JOIN slots ON slots.id = firsts.slot WHERE due_ms <= ? ORDER BY firsts.id LIMIT ?",
            (adapter, now, limit + len(but)),
        ).fetchall()
        (later,) = db.execute(
            f"SELECT min(due_ms) FROM ({firsts}) WHERE due_ms > ? AND due_ms < ?",  # noqa: S608
            (adapter, now, WAITS_MS),
        ).fetchone()
        chats = self._addressed(db, [row for row in due if row[0] not in but][:limit])
        return DueChats(chats=chats, next_s=None if later is None else (later - now) / 1000)

    def _addressed(
        self, db: sqlite3.Connection, rows: Sequence[tuple[str, str, str, bytes]]
    ) -> tuple[tuple[str, Address], ...]:
        """Chats with where they are, of rows of chat, slot, scope and what is sealed."""
        said = ((chat, self._vault.read(db, Where, (space, "slots", slot), body)) for chat, slot, space, body in rows)
        return tuple((chat, one.to) for chat, one in said if one is not None)

    # -- one page's delivery

    def take(self, db: sqlite3.Connection, chat: str) -> OutboxRow | float | None:
        """The chat's next page, now "sending"; or the seconds until one is due; or nothing."""
        while True:
            row = db.execute(
                f"SELECT outbox.id, slots.slot, slots.space, slots.body, page, outbox.body, sent_as, {_STANDING}"  # noqa: S608
                " FROM outbox JOIN slots ON slots.id = outbox.slot"
                " WHERE outbox.chat = ? AND outbox.state = 'pending' ORDER BY outbox.slot, page LIMIT 1",
                (chat,),
            ).fetchone()
            if row is None:
                return None
            was = _standing(row[7:])
            if was.due_ms == WAITS_MS:
                return None
            if (early := was.due_ms - now_ms()) > 0:
                return early / 1000
            taken = self._taken(db, row[:7], was)
            self._move(db, row[0], was, Taken(readable=taken is not None))
            if taken is not None:
                return taken

    def _taken(self, db: sqlite3.Connection, row: tuple[Any, ...], was: Standing) -> OutboxRow | None:
        """A row as ``take`` selects it; None where it cannot be read any more."""
        number, slot, space, said, page, body, sent_as = row
        name = f"{slot}.{page}"
        where = self._vault.read(db, Where, (space, "slots", slot), said)
        text = None if body is None else self._vault.read(db, Page, (space, "outbox", name), body)
        there = None if sent_as is None else self._vault.readable(db, (space, "sent", name), sent_as)
        if where is None or (text is None and was.says) or (there is None and was.there):
            return None
        return OutboxRow(
            id=number,
            slot=slot,
            number=page,
            to=where.to,
            page=text,
            sent_as=None if there is None else there.decode(),
            attempts=was.attempts,
            stale=was.stale,
            renewed=was.renewed,
            space=space,
        )

    def sent(self, db: sqlite3.Connection, row: int, sent_as: str, *, settles: bool = False) -> None:
        """It is there, or with "" is not any more. What was said is forgotten here; the conversation keeps it.

        Where a receipt is to come it is forgotten with that, since the receipt may undo it.
        """
        found = db.execute(
            f"SELECT slots.slot, page, space, {_STANDING} FROM outbox JOIN slots ON slots.id = outbox.slot"  # noqa: S608
            " WHERE outbox.id = ?",
            (row,),
        ).fetchone()
        if found is None:
            return
        slot, page, space = found[:3]
        sealed = self._vault.seal(db, space, "sent", f"{slot}.{page}", sent_as.encode()) if sent_as else None
        confirmed = Confirmed(there=sealed is not None, settles=settles)
        self._move(db, row, _standing(found[3:]), confirmed, sent_as=sealed)

    def dropped(self, db: sqlite3.Connection, row: int, state: Ended) -> None:
        """It will not be tried again."""
        self._happened(db, row, GivenUp(state=state))

    def put_off(self, db: sqlite3.Connection, row: int, delay_s: float, *, counts: bool, as_new: bool) -> None:
        """Try again later."""
        due_ms = WAITS_MS if math.isinf(delay_s) else now_ms() + round(delay_s * 1000)
        self._happened(db, row, PutOff(due_ms=due_ms, counts=counts, as_new=as_new))

    def receipt(self, db: sqlite3.Connection, receipt: Receipt) -> None:
        """A platform's later word about a page; a slot that is not one of ours settles nothing."""
        slot, _, number = receipt.slot.rpartition(".")
        page, _, renewed = number.partition("-")
        if not all(one.isascii() and one.isdecimal() for one in (page, renewed or "0")):
            return
        found = db.execute(
            "UPDATE outbox SET microcredits = microcredits + ?"  # noqa: S608
            f" WHERE slot = (SELECT id FROM slots WHERE slot = ?) AND page = ? RETURNING id, {_STANDING}",
            (receipt.microcredits, slot, int(page[:9])),
        ).fetchone()
        if found is not None:
            told = Told(state=receipt.state, renewed=int(renewed[:9] or 0))
            self._move(db, found[0], _standing(found[1:]), told)

    def reform(self, db: sqlite3.Connection, row: int, pages: Sequence[Page], writes: Sequence[Put] = ()) -> None:
        """Say a page in these instead; one that was given another text meanwhile keeps that.

        Messages that are there already stay where they are in the chat, so it is the texts behind this page that move
        on, each to the next message.
        """
        found = db.execute(
            "SELECT slot, page, chat, state = 'sending' FROM outbox"
            " WHERE id = ? AND (state = 'sending' OR (state = 'pending' AND attempts > 0))",
            (row,),
        ).fetchone()
        if found is None:
            return
        self._records.put(db, writes)
        slot, first, chat, refused = found
        event = Reworded() if refused else Paged()
        name, space = db.execute("SELECT slot, space FROM slots WHERE id = ?", (slot,)).fetchone()
        behind = db.execute(
            "SELECT page, body FROM outbox WHERE slot = ? AND page > ? AND body IS NOT NULL AND state <> 'sent'"
            " ORDER BY page",
            (slot, first),
        ).fetchall()
        there = self._pages(db, slot)
        bodies: list[bytes | None] = [dump(Page, page) for page in pages]
        bodies += [self._vault.readable(db, (space, "outbox", f"{name}.{page}"), body) for page, body in behind]
        for number, body in enumerate(filter(None, bodies), first):
            text = self._vault.seal(db, space, "outbox", f"{name}.{number}", body)
            if number in there:
                self._move(db, *there[number], event, text=text)
            else:
                self._begin(db, slot, number, chat, event, text=text)

    def preview_rows(self, db: sqlite3.Connection, slot: str) -> dict[int, tuple[int, str]]:
        """Page number to row and platform id, of what the slot already shows."""
        rows = db.execute(
            "SELECT page, outbox.id, space, sent_as FROM outbox JOIN slots ON slots.id = outbox.slot"
            " WHERE slots.slot = ? AND sent_as IS NOT NULL",
            (slot,),
        ).fetchall()
        return {
            page: (row, self._vault.open(db, space, "sent", f"{slot}.{page}", sent).decode())
            for page, row, space, sent in rows
        }

    def begin_preview(self, db: sqlite3.Connection, lane: str, out: Outbound, page: int, chat: str) -> int:
        """Commit the intent to send a slot's first sight."""
        row = db.execute("SELECT space FROM inbox WHERE lane = ? LIMIT 1", (lane,)).fetchone()
        if row is None:
            msg = f"lane {lane} has nothing open, so nothing can be shown for it"
            raise StoreError(msg)
        over = db.execute("SELECT 1 FROM slots WHERE slot = ? AND final = 1", (out.slot,)).fetchone()
        if over is not None:
            msg = f"slot {out.slot} is final already"
            raise StoreError(msg)
        slot, _ = self._slot(db, lane, row[0], out, chat, final=False)
        if (there := self._pages(db, slot).get(page)) is None:
            return self._begin(db, slot, page, chat, Previewed())
        self._move(db, *there, Previewed())
        return there[0]

    def recover(self, db: sqlite3.Connection, adapters: Mapping[str, float]) -> dict[str, int]:
        """Settle what a killed process left in "sending", for these adapters: sent again after so many seconds.

        What is not to be sent again has to wait for ever, and is marked unknown. What belongs to an adapter that is
        off waits for it as it is.
        """
        cut = db.execute(
            f"SELECT outbox.id, adapter, {_STANDING} FROM outbox JOIN slots ON slots.id = outbox.slot"  # noqa: S608
            " WHERE outbox.state = 'sending'"
        ).fetchall()
        counts = {"resent": 0, "unknown": 0}
        for row, adapter, *columns in cut:
            if adapter not in adapters:
                continue
            was, wait_s = _standing(columns), adapters[adapter]
            again_ms = None if math.isinf(wait_s) else now_ms() + round(wait_s * 1000) if wait_s else 0
            self._move(db, row, was, now := Interrupted(again_ms=again_ms))
            if was.final:
                counts["unknown" if (stands := after(was, now)) and stands.state == "unknown" else "resent"] += 1
        return counts

    # -- how pages stand

    def _pages(self, db: sqlite3.Connection, slot: int) -> dict[int, tuple[int, Standing]]:
        """A slot's pages by number: the row of each, and how it stands."""
        rows = db.execute(f"SELECT page, id, {_STANDING} FROM outbox WHERE slot = ?", (slot,)).fetchall()  # noqa: S608
        return {page: (row, _standing(columns)) for page, row, *columns in rows}

    def _happened(self, db: sqlite3.Connection, row: int, event: Event) -> None:
        """Something happened to a page; one that has gone meanwhile is left alone."""
        found = db.execute(f"SELECT {_STANDING} FROM outbox WHERE id = ?", (row,)).fetchone()  # noqa: S608
        if found is not None:
            self._move(db, row, _standing(found), event)

    def _begin(
        self, db: sqlite3.Connection, slot: int, page: int, chat: str, event: Event, *, text: bytes | None = None
    ) -> int:
        """Keep a page that was none before; returns its row."""
        now = after(None, event)
        if now is None:
            msg = f"no page begins with {event}"
            raise ValueError(msg)
        (row,) = db.execute(
            "INSERT INTO outbox (slot, page, chat, state, final, body) VALUES (?, ?, ?, ?, ?, ?) RETURNING id",
            (slot, page, chat, now.state, int(now.final), text),
        ).fetchone()
        return int(row)

    def _move(
        self,
        db: sqlite3.Connection,
        row: int,
        was: Standing,
        event: Event,
        *,
        text: bytes | None = None,
        sent_as: bytes | None = None,
    ) -> None:
        """Write how a page stands after an event.

        Args:
            text: Its text, sealed, where the event gives it another one.
            sent_as: The platform's id of its message, sealed, where the event tells it.
        """
        now = after(was, event)
        if now is was:
            return
        if now is None:
            db.execute("DELETE FROM outbox WHERE id = ?", (row,))
            return
        columns: dict[str, Any] = {
            "state": now.state,
            "final": int(now.final),
            "attempts": now.attempts,
            "due_ms": now.due_ms,
            "stale": int(now.stale),
            "renewed": now.renewed,
        }
        if text is not None or not now.says:
            columns["body"] = text
        if sent_as is not None or not now.there:
            columns["sent_as"] = sent_as
        names = ", ".join(f"{name} = ?" for name in columns)
        db.execute(f"UPDATE outbox SET {names} WHERE id = ?", (*columns.values(), row))  # noqa: S608
