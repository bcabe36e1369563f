"""Records: the rows that ``Put`` keeps, by table and name, each sealed under the scope it belongs to."""

import sqlite3
from collections.abc import Sequence
from datetime import datetime
from secrets import randbits
from typing import Any

from core.engines.tables.vault import Vault, now_ms
from core.errors import Outdated
from core.values import HOUSE, Put, Record

_BEYOND = "\U0010ffff"
"""Stands after every character that a name may have."""
_VERSION_BITS = 52

_THERE = "(until_ms IS NULL OR until_ms > ?)"
_KEEP = "INSERT INTO records (tbl, row, scope, body, version, until_ms) VALUES"
_REPLACE = (
    " ON CONFLICT (tbl, row) DO UPDATE SET scope = excluded.scope, body = excluded.body, version = excluded.version,"
    " until_ms = excluded.until_ms"
)
_AT_ONCE = 100
"""Rows to a statement."""


class RecordsTable:
    """The statements over records."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    def put(self, db: sqlite3.Connection, puts: Sequence[Put]) -> None:
        """Keep or delete rows, the last of a name being the one that counts.

        Raises:
            Outdated: One of them was another than it was to be.
        """
        simple: dict[tuple[str, str], Put] = {}
        for put in puts:
            if put.was is None and put.body is not None:
                simple[put.table, put.row] = put
                continue
            self._keep(db, tuple(simple.values()))
            simple.clear()
            self._delete(db, put) if put.body is None else self._compare_and_keep(db, put)
        self._keep(db, tuple(simple.values()))

    def _keep(self, db: sqlite3.Connection, puts: Sequence[Put]) -> None:
        for start in range(0, len(puts), _AT_ONCE):
            some = puts[start : start + _AT_ONCE]
            rows = ", ".join(["(?, ?, ?, ?, ?, ?)"] * len(some))
            db.execute(f"{_KEEP} {rows}{_REPLACE}", [cell for put in some for cell in self._sealed(db, put)])

    def _compare_and_keep(self, db: sqlite3.Connection, put: Put) -> None:
        cells, now = self._sealed(db, put), now_ms()
        if put.was == 0:  # one whose time is over is there no more
            only = f"{_KEEP} (?, ?, ?, ?, ?, ?){_REPLACE} WHERE NOT {_THERE.replace('until_ms', 'records.until_ms')}"
            done = db.execute(only, (*cells, now)).rowcount
        else:
            done = db.execute(
                f"UPDATE records SET scope = ?, body = ?, version = ?, until_ms = ?"  # noqa: S608
                f" WHERE tbl = ? AND row = ? AND version = ? AND {_THERE}",
                (*cells[2:], *cells[:2], put.was, now),
            ).rowcount
        if done != 1:
            raise _outdated(put)

    def _delete(self, db: sqlite3.Connection, put: Put) -> None:
        name = (put.table, put.row)
        if put.was is None:
            db.execute("DELETE FROM records WHERE tbl = ? AND row = ?", name)
            return
        there = f"FROM records WHERE tbl = ? AND row = ? AND {_THERE}"
        if put.was == 0:
            done = db.execute(f"SELECT count(*) {there}", (*name, now_ms())).fetchone()[0] == 0
        else:
            done = db.execute(f"DELETE {there} AND version = ?", (*name, now_ms(), put.was)).rowcount == 1
        if not done:
            raise _outdated(put)

    def _sealed(self, db: sqlite3.Connection, put: Put) -> tuple[Any, ...]:
        if put.scope == HOUSE:
            self._vault.scope(db, HOUSE)
        sealed = self._vault.seal(db, put.scope, put.table, put.row, put.body or b"")
        # By chance, and not by counting: a row that was deleted and made again is not taken for the former one.
        return put.table, put.row, put.scope, sealed, randbits(_VERSION_BITS) + 1, _ms(put.until)

    # -- reading

    def get(self, db: sqlite3.Connection, table: str, row: str) -> Record | None:
        """See ``Records``."""
        found = db.execute(
            f"SELECT scope, body, version FROM records WHERE tbl = ? AND row = ? AND {_THERE}",  # noqa: S608
            (table, row, now_ms()),
        ).fetchone()
        return None if found is None else self._record(db, table, (row, *found))

    def latest(self, db: sqlite3.Connection, table: str, prefix: str, limit: int) -> tuple[Record, ...]:
        """See ``Records``."""
        return self.before(db, table, prefix, prefix + _BEYOND, limit)

    def before(self, db: sqlite3.Connection, table: str, prefix: str, row: str, limit: int) -> tuple[Record, ...]:
        """See ``Records``."""
        rows = db.execute(
            f"SELECT row, scope, body, version FROM records WHERE tbl = ? AND row >= ? AND row < ? AND {_THERE}"  # noqa: S608
            " ORDER BY row DESC LIMIT ?",
            (table, prefix, min(row, prefix + _BEYOND), now_ms(), limit),
        ).fetchall()
        return tuple(self._record(db, table, found) for found in reversed(rows))

    def after(self, db: sqlite3.Connection, table: str, prefix: str, row: str, limit: int) -> tuple[Record, ...]:
        """See ``Records``."""
        rows = db.execute(
            f"SELECT row, scope, body, version FROM records WHERE tbl = ? AND row >= ? AND row > ? AND row < ?"  # noqa: S608
            f" AND {_THERE} ORDER BY row LIMIT ?",
            (table, prefix, row, prefix + _BEYOND, now_ms(), limit),
        ).fetchall()
        return tuple(self._record(db, table, found) for found in rows)

    def owned(
        self, db: sqlite3.Connection, scope: str, after: tuple[str, str], limit: int
    ) -> tuple[tuple[str, Record], ...]:
        """See ``Records``."""
        rows = db.execute(
            f"SELECT tbl, row, scope, body, version FROM records WHERE scope = ? AND (tbl, row) > (?, ?) AND {_THERE}"  # noqa: S608
            " ORDER BY tbl, row LIMIT ?",
            (scope, *after, now_ms(), limit),
        ).fetchall()
        return tuple((table, self._record(db, table, found)) for table, *found in rows)

    def _record(self, db: sqlite3.Connection, table: str, found: Sequence[Any]) -> Record:
        row, scope, body, version = found
        return Record(row=row, body=self._vault.open(db, scope, table, row, body), version=version)


def _outdated(put: Put) -> Outdated:
    return Outdated(f"the row {put.row!r} of {put.table!r} was changed meanwhile")


def _ms(until: datetime | None) -> int | None:
    return None if until is None else round(until.timestamp() * 1000)
