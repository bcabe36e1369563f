"""What a failing database means, in words for whoever runs this."""

import sqlite3
from pathlib import Path

from core.errors import StoreError

_MEANINGS = {
    sqlite3.SQLITE_BUSY: "another program holds it; close that program",
    sqlite3.SQLITE_LOCKED: "another program holds it; close that program",
    sqlite3.SQLITE_FULL: "its disk is full; make room, then everything goes on where it stopped",
    sqlite3.SQLITE_READONLY: "it may not be written; give the user this runs as the right to write in its folder",
    sqlite3.SQLITE_IOERR: "its disk fails; look at the disk and at the system's log",
    sqlite3.SQLITE_CANTOPEN: "its file cannot be opened; look at the rights of its folder",
    sqlite3.SQLITE_CORRUPT: "it is damaged; stop, and restore a backup",
    sqlite3.SQLITE_NOTADB: "its file is not a database; restore a backup, or set another data_dir",
}


def worded(error: sqlite3.Error, path: Path | None = None) -> StoreError:
    """The error as one of ours; raise it from the original."""
    code = getattr(error, "sqlite_errorcode", None)
    meaning = None if code is None else _MEANINGS.get(code & 0xFF)
    said = f"The database{f' {path}' if path else ''} cannot be used: {error}"
    return StoreError(f"{said} ({meaning})." if meaning else f"{said}.")
