"""What goes out: slots and their pages, and what is known of each page's delivery.

Plain functions of a connection, run by the writer, many to a transaction, or by the reader.
"""

import math
import sqlite3
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from core.codec import dump
from core.engines.vault import Vault, now_ms
from core.errors import StoreError
from core.storage import DueChats, OutboxRow, Written
from core.values import Address, Outbound, Page, Put, Receipt, value

_WAITS = 1 << 52
"""When what waits for its person to write again is due."""


@value
class Said:
    """What a slot keeps of its outbound."""

    to: Address


class OutboxTable:
    """The statements over slots and outbox."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def _slot(
        self, db: sqlite3.Connection, lane: str, space: str, out: Outbound, chat: str, *, final: bool
    ) -> tuple[int, str]:
        """The slot's number and the scope it is sealed under."""
        row = db.execute("SELECT id, space FROM slots WHERE slot = ?", (out.slot,)).fetchone()
        if row is not None:
            if final:
                db.execute("UPDATE slots SET final = 1 WHERE id = ?", (row[0],))
            return row[0], row[1]
        body = self._vault.seal(db, space, "slots", out.slot, dump(Said, Said(to=out.to)))
        cursor = db.execute(
            "INSERT INTO slots (slot, lane, space, adapter, chat, body, final, at_ms) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
            (out.slot, lane, space, out.to.adapter, chat, body, int(final), now_ms()),
        )
        return int(cursor.lastrowid or 0), space

    def say(self, db: sqlite3.Connection, lane: str, space: str, one: Written) -> None:
        """Make a slot read what its pages say: for good, as whatever is committed."""
        slot, space = self._slot(db, lane, space, one.out, one.chat, final=True)
        there = dict(db.execute("SELECT page, id FROM outbox WHERE slot = ?", (slot,)).fetchall())
        for number, page in enumerate(one.pages):
            body = self._vault.seal(db, space, "outbox", f"{one.out.slot}.{number}", dump(Page, page))
            if number in there:
                # A final page that was marked unknown may be there and cannot be edited: it is not to be said twice.
                db.execute(
                    "UPDATE outbox SET state = 'pending', final = 1,"
                    " stale = stale OR (sent_as IS NULL AND (attempts OR state IN ('sending', 'unknown'))),"
                    " body = ?, attempts = 0, due_ms = 0 WHERE id = ? AND NOT (final AND state = 'unknown')",
                    (body, there[number]),
                )
            else:
                db.execute(
                    "INSERT INTO outbox (slot, page, chat, state, final, body) VALUES (?, ?, ?, 'pending', 1, ?)",
                    (slot, number, one.chat, body),
                )
        self._drop_pages(db, slot, len(one.pages))
        db.execute(
            "UPDATE outbox SET due_ms = 0 WHERE chat = ? AND state = 'pending' AND due_ms = ?", (one.chat, _WAITS)
        )

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

    def take_back(self, db: sqlite3.Connection, lane: str) -> tuple[tuple[str, Address], ...]:
        """Previews this turn began in slots it then did not fill; returns the chats they are in."""
        rows = db.execute(
            "SELECT id, chat, slot, space, body FROM slots WHERE lane = ? AND final = 0", (lane,)
        ).fetchall()
        for slot, *_ in rows:
            self._drop_pages(db, slot, 0)
            db.execute("UPDATE slots SET final = 1 WHERE id = ?", (slot,))
        return self._addressed(db, [row[1:] for row in rows])

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
            (adapter, now, _WAITS),
        ).fetchone()
        chats = self._addressed(db, [row for row in due if row[0] not in but][:limit])
        return DueChats(chats=chats, next_s=None if later is None else (later - now) / 1000)

    def _addressed(
        self, db: sqlite3.Connection, rows: Sequence[tuple[str, str, str, bytes]]
    ) -> tuple[tuple[str, Address], ...]:
        """Chats with where they are, of rows of chat, slot, scope and what is sealed."""
        said = ((chat, self._vault.read(db, Said, (space, "slots", slot), body)) for chat, slot, space, body in rows)
        return tuple((chat, one.to) for chat, one in said if one is not None)

    def take(self, db: sqlite3.Connection, chat: str) -> OutboxRow | float | None:
        """The chat's next page, now "sending"; or the seconds until one is due; or nothing."""
        while True:
            row = db.execute(
                "SELECT outbox.id, slots.slot, slots.space, slots.body, page, outbox.body, sent_as, attempts, due_ms,"
                " stale, renewed FROM outbox JOIN slots ON slots.id = outbox.slot"
                " WHERE outbox.chat = ? AND outbox.state = 'pending' ORDER BY outbox.slot, page LIMIT 1",
                (chat,),
            ).fetchone()
            if row is None:
                return None
            if row[8] == _WAITS:
                return None
            if (early := row[8] - now_ms()) > 0:
                return float(early / 1000)
            taken = self._taken(db, row)
            state = "failed" if taken is None else "sending"
            db.execute("UPDATE outbox SET state = ? WHERE id = ?", (state, row[0]))
            if taken is not None:
                return taken

    def _taken(self, db: sqlite3.Connection, row: tuple[Any, ...]) -> OutboxRow | None:
        """A row as ``take`` selects it; None where it cannot be read any more."""
        number, slot, space, said, page, body, sent_as, attempts, _, stale, renewed = row
        name = f"{slot}.{page}"
        where = self._vault.read(db, Said, (space, "slots", slot), said)
        text = None if body is None else self._vault.read(db, Page, (space, "outbox", name), body)
        there = None if sent_as is None else self._vault.readable(db, (space, "sent", name), sent_as)
        if where is None or (text is None and body is not None) or (there is None and sent_as is not None):
            return None
        return OutboxRow(
            id=number,
            slot=slot,
            number=page,
            to=where.to,
            page=text,
            sent_as=None if there is None else there.decode(),
            attempts=attempts,
            stale=bool(stale),
            renewed=renewed,
            space=space,
        )

    def sent(self, db: sqlite3.Connection, row: int, sent_as: str, *, settles: bool = False) -> None:
        """It is there, or with "" is not any more. What was said is forgotten here; the conversation keeps it.

        Where a receipt is to come it is forgotten with that, since the receipt may undo it.
        """
        if (place := self._place(db, row)) is None:
            return
        name, space = place
        sealed = self._vault.seal(db, space, "sent", name, sent_as.encode()) if sent_as else None
        # A page may have been given another text meanwhile: then only the id is news.
        db.execute(
            "UPDATE outbox SET sent_as = ?1, stale = 0,"
            " body = CASE WHEN state = 'sending' AND NOT ?3 THEN NULL ELSE body END,"
            " state = CASE state WHEN 'sending' THEN 'sent' ELSE state END WHERE id = ?2",
            (sealed, row, settles),
        )

    def dropped(self, db: sqlite3.Connection, row: int, state: str) -> None:
        """It will not be tried again. A text it was given meanwhile will, unless the former may be there instead."""
        db.execute(
            "UPDATE outbox SET state = ?1, body = NULL WHERE id = ?2"
            " AND (state = 'sending' OR (state = 'pending' AND sent_as IS NULL AND ?1 = 'unknown'))",
            (state, row),
        )

    def receipt(self, db: sqlite3.Connection, receipt: Receipt) -> None:
        """A platform's later word about a page; a slot that is not one of ours settles nothing.

        A page that waits to be sent a second time, since nobody knew of the first, is there after all.
        """
        slot, _, number = receipt.slot.rpartition(".")
        page, _, renewed = number.partition("-")
        if not all(one.isascii() and one.isdecimal() for one in (page, renewed or "0")):
            return
        found = db.execute(
            "SELECT id, renewed FROM outbox WHERE slot = (SELECT id FROM slots WHERE slot = ?) AND page = ?",
            (slot, int(page[:9])),
        ).fetchone()
        if found is None:
            return
        db.execute("UPDATE outbox SET microcredits = microcredits + ? WHERE id = ?", (receipt.microcredits, found[0]))
        if found[1] != int(renewed[:9] or 0) or (receipt.state == "undone" and self._undo(db, found[0])):
            return  # of a message that was given up for another one, no word settles the other
        state = "sent" if receipt.state == "sent" else "failed"
        db.execute(
            "UPDATE outbox SET state = ?1, body = NULL WHERE id = ?2 AND (state IN ('unknown', 'sent')"
            " OR (state = 'sending' AND sent_as IS NULL)"
            " OR (state = 'pending' AND sent_as IS NULL AND attempts > 0 AND NOT stale AND ?1 = 'sent'))",
            (state, found[0]),
        )

    def _undo(self, db: sqlite3.Connection, row: int) -> bool:
        """Let a page be put again as if it never had been; False where nobody knows any more what it said."""
        cursor = db.execute(
            "UPDATE outbox SET state = 'pending', sent_as = NULL, attempts = 0, stale = 0, due_ms = 0"
            " WHERE id = ? AND body IS NOT NULL AND state IN ('sending', 'unknown', 'sent')",
            (row,),
        )
        return cursor.rowcount > 0

    def put_off(self, db: sqlite3.Connection, row: int, delay_s: float, *, counts: bool, as_new: bool) -> None:
        """Try again later."""
        db.execute(
            "UPDATE outbox SET state = 'pending', due_ms = ?, attempts = attempts + ?"
            " WHERE id = ? AND state = 'sending'",
            (_WAITS if math.isinf(delay_s) else now_ms() + round(delay_s * 1000), int(counts), row),
        )
        if as_new:
            db.execute("UPDATE outbox SET sent_as = NULL, renewed = renewed + 1 WHERE id = ?", (row,))

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
        self._vault.put(db, writes)
        slot, first, chat, sent_perhaps = found
        name, space = db.execute("SELECT slot, space FROM slots WHERE id = ?", (slot,)).fetchone()
        behind = db.execute(
            "SELECT page, body FROM outbox WHERE slot = ? AND page > ? AND body IS NOT NULL AND state <> 'sent'"
            " ORDER BY page",
            (slot, first),
        ).fetchall()
        bodies: list[bytes | None] = [dump(Page, page) for page in pages]
        bodies += [self._vault.readable(db, (space, "outbox", f"{name}.{page}"), body) for page, body in behind]
        for number, body in enumerate(filter(None, bodies), first):
            db.execute(
                "INSERT INTO outbox (slot, page, chat, state, final, body) VALUES (?, ?, ?, 'pending', 1, ?)"
                " ON CONFLICT (slot, page) DO UPDATE SET state = 'pending', final = 1, body = excluded.body,"
                " due_ms = 0, stale = stale OR (sent_as IS NULL AND attempts AND ?), attempts = attempts * ?",
                (
                    slot,
                    number,
                    chat,
                    self._vault.seal(db, space, "outbox", f"{name}.{number}", body),
                    sent_perhaps,
                    sent_perhaps,
                ),
            )

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
        return int(
            db.execute(
                "INSERT INTO outbox (slot, page, chat, state, final) VALUES (?, ?, ?, 'sending', 0)"
                # An earlier run's may be there, and stay there though this one fails: that is not to be forgotten.
                " ON CONFLICT (slot, page) DO UPDATE SET state = 'sending',"
                " stale = stale OR (sent_as IS NULL AND state IN ('sending', 'unknown')) RETURNING id",
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

    def recover(self, db: sqlite3.Connection, adapters: Mapping[str, float]) -> dict[str, int]:
        """Settle what a killed process left in "sending", for these adapters: sent again after so many seconds.

        What is not to be sent again has to wait for ever, and is marked unknown.

        A preview's is unknown in any case: the turn runs again and fills the slot. What belongs to an adapter that
        is off waits for it as it is.
        """
        cut = db.execute(
            "SELECT outbox.id, adapter, sent_as IS NOT NULL, outbox.final FROM outbox"
            " JOIN slots ON slots.id = outbox.slot WHERE outbox.state = 'sending'"
        ).fetchall()
        counts = {"resent": 0, "unknown": 0}
        for row, adapter, edits, final in cut:
            if adapter not in adapters:
                continue
            if not final:
                db.execute("UPDATE outbox SET state = 'unknown' WHERE id = ?", (row,))
            elif math.isinf(adapters[adapter]) and not edits:
                db.execute("UPDATE outbox SET state = 'unknown', body = NULL WHERE id = ?", (row,))
                counts["unknown"] += 1
            else:
                wait_s = 0.0 if edits else adapters[adapter]
                db.execute(
                    "UPDATE outbox SET state = 'pending', attempts = attempts + 1, due_ms = ? WHERE id = ?",
                    (now_ms() + round(wait_s * 1000) if wait_s else 0, row),
                )
                counts["resent"] += 1
        return counts
