"""Scopes with their keys, and everything sealed under them: the part of the store that knows how content is kept.

Plain functions of a connection, run by the writer, many to a transaction, or by the reader. One instance for each.
"""

import sqlite3
import time
from collections import OrderedDict
from secrets import token_hex
from typing import TypeVar

import structlog

from core.codec import load
from core.errors import StoreError
from core.seams import Sealer
from core.values import HOUSE

T = TypeVar("T")

log = structlog.get_logger(__name__)

_KEYS_REMEMBERED = 4096


def now_ms() -> int:
    """Milliseconds since 1970, as the store counts."""
    return time.time_ns() // 1_000_000


class Vault:
    """Seals and opens, with a short memory of keys."""

    def __init__(self, sealer: Sealer) -> None:
        self._sealer = sealer
        self._keys: OrderedDict[str, bytes] = OrderedDict()

    def scope(self, db: sqlite3.Connection, lookup: str) -> tuple[str, str]:
        """The scope behind a hashed name and the person it is part of; both made with their key at first sight."""
        row = db.execute("SELECT id, person FROM scopes WHERE lookup = ?", (lookup,)).fetchone()
        if row is not None:
            return row[0], row[1]
        new = HOUSE if lookup == HOUSE else token_hex(8)
        db.execute("INSERT INTO scopes VALUES (?, ?, ?, ?, ?)", (new, lookup, new, self._sealer.new_key(), now_ms()))
        return new, new

    def person(self, db: sqlite3.Connection, lookup: str) -> str:
        """The person behind a hashed name, "" where the name was never seen."""
        row = db.execute("SELECT person FROM scopes WHERE lookup = ?", (lookup,)).fetchone()
        return "" if row is None else str(row[0])

    def _key(self, db: sqlite3.Connection, scope: str) -> bytes:
        key = self._keys.get(scope)
        if key is None:
            row = db.execute("SELECT wrapped FROM scopes WHERE id = ?", (scope,)).fetchone()
            if row is None:
                msg = f"there is no scope {scope}, so nothing can be kept for it"
                raise StoreError(msg)
            key = self._keys[scope] = row[0]
            if len(self._keys) > _KEYS_REMEMBERED:
                self._keys.popitem(last=False)
        return key

    def seal(self, db: sqlite3.Connection, scope: str, table: str, row: str, body: bytes) -> bytes:
        """A body sealed to its place."""
        return self._sealer.seal(self._key(db, scope), (scope, table, row), body)

    def open(self, db: sqlite3.Connection, scope: str, table: str, row: str, sealed: bytes) -> bytes:
        """The body that was sealed to this place."""
        return self._sealer.open(self._key(db, scope), (scope, table, row), sealed)

    def readable(self, db: sqlite3.Connection, place: tuple[str, str, str], sealed: bytes) -> bytes | None:
        """The body that was sealed to this place (scope, table, row).

        None, with a word in the log, where it cannot be read any more: what is damaged must not hold up what is not.
        """
        try:
            return self.open(db, *place, sealed)
        except StoreError as error:
            log.error("a row cannot be read", table=place[1], row=place[2], reason=str(error))  # noqa: TRY400  no bug
            return None

    def read(self, db: sqlite3.Connection, kind: type[T], place: tuple[str, str, str], sealed: bytes) -> T | None:
        """The value that was sealed to this place, None likewise."""
        if (body := self.readable(db, place, sealed)) is None:
            return None
        try:
            return load(kind, body)
        except ValueError:
            log.error("a row makes no sense", table=place[1], row=place[2])  # noqa: TRY400  its text is nobody's
            return None
