"""The embedded engine: one SQLite file, one process, nothing else to install."""

from core.engines.sqlite.engine import SqliteEngine, SqliteSettings, open_sqlite, spec

__all__ = ["SqliteEngine", "SqliteSettings", "open_sqlite", "spec"]
