"""What goes out: slots and their pages, and what is known of each page's delivery.

Plain functions of a connection, run by a worker's thread, many to a transaction.
"""

import sqlite3
from collections.abc import Collection, Sequence

from core.codec import dump, load
from core.engines.vault import Vault, now_ms
from core.errors import StoreError
from core.storage import OutboxRow, Written
from core.values import Address, Outbound, Page, value


@value
class Said:
    """What a slot keeps of its outbound."""

    to: Address


class OutboxTable:
    """The statements over slots and outbox."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def _slot(self, db: sqlite3.Connection, lane: str, space: str, out: Outbound, chat: str) -> tuple[int, str]:
        """The slot's number and the scope it is sealed under."""
        row = db.execute("SELECT id, space FROM slots WHERE slot = ?", (out.slot,)).fetchone()
        if row is not None:
            if out.final:
                db.execute("UPDATE slots SET final = 1 WHERE id = ?", (row[0],))
            return row[0], row[1]
        body = self._vault.seal(db, space, "slots", out.slot, dump(Said, Said(to=out.to)))
        cursor = db.execute(
            "INSERT INTO slots (slot, lane, space, adapter, chat, body, final, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (out.slot, lane, space, out.to.adapter, chat, body, int(out.final), now_ms()),
        )
        return int(cursor.lastrowid or 0), space

    def say(self, db: sqlite3.Connection, lane: str, space: str, one: Written) -> None:
        """Make a slot read what its pages say."""
        slot, space = self._slot(db, lane, space, one.out, one.chat)
        there = dict(db.execute("SELECT page, id FROM outbox WHERE slot = ?", (slot,)).fetchall())
        for number, page in enumerate(one.pages):
            body = self._vault.seal(db, space, "outbox", f"{one.out.slot}.{number}", dump(Page, page))
            if number in there:
                db.execute(
                    "UPDATE outbox SET state = 'pending', final = 1, body = ?, attempts = 0, due_ms = 0 WHERE id = ?",
                    (body, there[number]),
                )
            else:
                db.execute(
                    "INSERT INTO outbox (slot, page, chat, state, final, body) VALUES (?, ?, ?, 'pending', 1, ?)",
                    (slot, number, one.chat, body),
                )
        self._drop_pages(db, slot, len(one.pages))

    def _drop_pages(self, db: sqlite3.Connection, slot: int, keep: int) -> None:
        """Pages a shorter answer no longer has: gone if never shown, else (or if on their way) to be taken back."""
        db.execute(
            "DELETE FROM outbox WHERE slot = ? AND page >= ? AND sent_as IS NULL AND state <> 'sending'", (slot, keep)
        )
        db.execute(
            "UPDATE outbox SET state = 'pending', final = 1, body = NULL, attempts = 0, due_ms = 0"
            " WHERE slot = ? AND page >= ?",
            (slot, keep),
        )

    def take_back(self, db: sqlite3.Connection, lane: str) -> None:
        """Previews this turn began in slots it then did not fill."""
        for (slot,) in db.execute("SELECT id FROM slots WHERE lane = ? AND final = 0", (lane,)).fetchall():
            self._drop_pages(db, slot, 0)
            db.execute("UPDATE slots SET final = 1 WHERE id = ?", (slot,))

    def waiting_chats(
        self, db: sqlite3.Connection, limit: int, but: Collection[str]
    ) -> tuple[tuple[str, Address], ...]:
        """Chats with pages to deliver, the longest waiting first, each with the address of its first."""
        rows = db.execute(
            "SELECT slots.chat, slots.slot, slots.space, slots.body, min(outbox.id) AS first FROM outbox"
            " JOIN slots ON slots.id = outbox.slot WHERE outbox.state = 'pending'"
            " GROUP BY slots.chat ORDER BY first LIMIT ?",
            (limit + len(but),),
        ).fetchall()
        return tuple((chat, self._to(db, slot, space, body)) for chat, slot, space, body, _ in rows if chat not in but)[
            :limit
        ]

    def _to(self, db: sqlite3.Connection, slot: str, space: str, body: bytes) -> Address:
        return load(Said, self._vault.open(db, space, "slots", slot, body)).to

    def take(self, db: sqlite3.Connection, chat: str) -> OutboxRow | float | None:
        """The chat's next page, now "sending"; or the seconds until one is due; or nothing."""
        row = db.execute(
            "SELECT outbox.id, slots.slot, slots.space, slots.body, page, outbox.body, sent_as, attempts, due_ms"
            " FROM outbox JOIN slots ON slots.id = outbox.slot WHERE outbox.chat = ? AND outbox.state = 'pending'"
            " ORDER BY outbox.slot, page LIMIT 1",
            (chat,),
        ).fetchone()
        if row is None:
            return None
        number, slot, space, said, page, body, sent_as, attempts, due_ms = row
        if (early := due_ms - now_ms()) > 0:
            return float(early / 1000)
        db.execute("UPDATE outbox SET state = 'sending' WHERE id = ?", (number,))
        name = f"{slot}.{page}"
        return OutboxRow(
            id=number,
            slot=slot,
            number=page,
            to=self._to(db, slot, space, said),
            page=None if body is None else load(Page, self._vault.open(db, space, "outbox", name, body)),
            sent_as=None if sent_as is None else self._vault.open(db, space, "sent", name, sent_as).decode(),
            attempts=attempts,
        )

    def sent(self, db: sqlite3.Connection, row: int, sent_as: str) -> None:
        """It is there. What was said is forgotten here; the conversation keeps it."""
        if (place := self._place(db, row)) is None:
            return
        name, space = place
        sealed = self._vault.seal(db, space, "sent", name, sent_as.encode()) if sent_as else None
        # A preview's page may have become final text meanwhile: then only the id is news.
        db.execute(
            "UPDATE outbox SET sent_as = ?1, body = CASE state WHEN 'sending' THEN NULL ELSE body END,"
            " state = CASE state WHEN 'sending' THEN 'sent' ELSE state END WHERE id = ?2",
            (sealed, row),
        )

    def dropped(self, db: sqlite3.Connection, row: int, state: str) -> None:
        """It will not be tried again."""
        db.execute("UPDATE outbox SET state = ?, body = NULL WHERE id = ? AND state = 'sending'", (state, row))

    def put_off(self, db: sqlite3.Connection, row: int, delay_s: float, *, counts: bool, as_new: bool) -> None:
        """Try again later."""
        db.execute(
            "UPDATE outbox SET state = 'pending', due_ms = ?, attempts = attempts + ?"
            " WHERE id = ? AND state = 'sending'",
            (now_ms() + round(delay_s * 1000), int(counts), row),
        )
        if as_new:
            db.execute("UPDATE outbox SET sent_as = NULL WHERE id = ?", (row,))

    def reform(self, db: sqlite3.Connection, row: int, pages: Sequence[Page]) -> None:
        """Replace one page by others, moving what stands behind it."""
        slot, first, chat = db.execute("SELECT slot, page, chat FROM outbox WHERE id = ?", (row,)).fetchone()
        name, space = db.execute("SELECT slot, space FROM slots WHERE id = ?", (slot,)).fetchone()
        if more := len(pages) - 1:
            self._shift(db, slot, first, more)
        for offset, page in enumerate(pages):
            body = self._vault.seal(db, space, "outbox", f"{name}.{first + offset}", dump(Page, page))
            if offset == 0:
                db.execute("UPDATE outbox SET state = 'pending', body = ?, due_ms = 0 WHERE id = ?", (body, row))
            else:
                db.execute(
                    "INSERT INTO outbox (slot, page, chat, state, final, body) VALUES (?, ?, ?, 'pending', 1, ?)",
                    (slot, first + offset, chat, body),
                )

    def _shift(self, db: sqlite3.Connection, slot: int, after: int, by: int) -> None:
        """Renumber the pages behind one; their bodies are sealed to their number, so they are sealed anew."""
        rows = db.execute(
            "SELECT id, page, body, sent_as FROM outbox WHERE slot = ? AND page > ? ORDER BY page DESC", (slot, after)
        ).fetchall()
        name, space = db.execute("SELECT slot, space FROM slots WHERE id = ?", (slot,)).fetchone()
        for row, page, body, sent_as in rows:
            old, new = f"{name}.{page}", f"{name}.{page + by}"
            moved = [
                None
                if cell is None
                else self._vault.seal(db, space, table, new, self._vault.open(db, space, table, old, cell))
                for table, cell in (("outbox", body), ("sent", sent_as))
            ]
            db.execute("UPDATE outbox SET page = ?, body = ?, sent_as = ? WHERE id = ?", (page + by, *moved, row))

    def preview_rows(self, db: sqlite3.Connection, slot: str) -> dict[int, str]:
        """Page number to platform id, of what the slot already shows."""
        rows = db.execute(
            "SELECT page, space, sent_as FROM outbox JOIN slots ON slots.id = outbox.slot"
            " WHERE slots.slot = ? AND sent_as IS NOT NULL",
            (slot,),
        ).fetchall()
        return {
            page: self._vault.open(db, space, "sent", f"{slot}.{page}", sent).decode() for page, space, sent in rows
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
        slot, _ = self._slot(db, lane, row[0], out, chat)
        return int(
            db.execute(
                "INSERT INTO outbox (slot, page, chat, state, final) VALUES (?, ?, ?, 'sending', 0)"
                " ON CONFLICT (slot, page) DO UPDATE SET state = 'sending' RETURNING id",
                (slot, page, chat),
            ).fetchone()[0]
        )

    def _place(self, db: sqlite3.Connection, row: int) -> tuple[str, str] | None:
        """The name and scope a row's content is sealed to."""
        found = db.execute(
            "SELECT slots.slot, page, space FROM outbox JOIN slots ON slots.id = outbox.slot WHERE outbox.id = ?",
            (row,),
        ).fetchone()
        return None if found is None else (f"{found[0]}.{found[1]}", found[2])

    def recover(self, db: sqlite3.Connection, marked: Collection[str]) -> dict[str, int]:
        """Settle what a killed process left in "sending": sent again, or marked unknown for these adapters.

        A preview's row only loses its state: the turn runs again and fills the slot.
        """
        cut = db.execute(
            "SELECT outbox.id, adapter, sent_as IS NOT NULL, outbox.final FROM outbox"
            " JOIN slots ON slots.id = outbox.slot WHERE outbox.state = 'sending'"
        ).fetchall()
        counts = {"resent": 0, "unknown": 0}
        for row, adapter, edits, final in cut:
            unknown = final and not edits and adapter in marked
            state = "unknown" if unknown else "pending" if final else "sent"
            db.execute("UPDATE outbox SET state = ? WHERE id = ?", (state, row))
            if final:
                counts["unknown" if unknown else "resent"] += 1
        return counts
