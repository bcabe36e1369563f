"""The tables, as one numbered list of migrations: DDL as SQLite writes it.

Content stands only in columns named ``body``, ``sent_as`` and ``wrapped``, which a sealer made; everything else is an
id of ours, a keyed hash, a number or a state. A migration that was once released is never changed: stores record its
name.
"""

from core.values import value


@value
class Migration:
    """One step from an older store to a newer one: all of its statements or none."""

    name: str
    sql: str

    @property
    def statements(self) -> tuple[str, ...]:
        """One after the other; there is no semicolon within any of them."""
        return tuple(filter(None, map(str.strip, self.sql.split(";"))))


_GROUND = """
CREATE TABLE scopes (
    id TEXT PRIMARY KEY, lookup TEXT NOT NULL, person TEXT NOT NULL, wrapped BLOB NOT NULL, made_ms INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX idx_scopes_lookup ON scopes (lookup);

CREATE TABLE inbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, lane TEXT NOT NULL, scope TEXT NOT NULL, space TEXT NOT NULL,
    event TEXT NOT NULL, body BLOB NOT NULL, at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX inbox_lane ON inbox (lane, id);

CREATE TABLE tombstones (event TEXT PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE INDEX tombstones_at ON tombstones (at_ms);

CREATE TABLE steps (
    lane TEXT NOT NULL, number INTEGER NOT NULL, space TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (lane, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE slots (
    id INTEGER PRIMARY KEY AUTOINCREMENT, slot TEXT NOT NULL UNIQUE, lane TEXT NOT NULL, space TEXT NOT NULL,
    adapter TEXT NOT NULL, chat TEXT NOT NULL, body BLOB NOT NULL, final INTEGER NOT NULL, at_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX slots_unfinished ON slots (lane) WHERE final = 0;
CREATE INDEX slots_at ON slots (at_ms);

CREATE TABLE outbox (
    id INTEGER PRIMARY KEY AUTOINCREMENT, slot INTEGER NOT NULL REFERENCES slots (id), page INTEGER NOT NULL,
    chat TEXT NOT NULL, state TEXT NOT NULL, final INTEGER NOT NULL, body BLOB, sent_as BLOB,
    attempts INTEGER NOT NULL DEFAULT 0, due_ms INTEGER NOT NULL DEFAULT 0, stale INTEGER NOT NULL DEFAULT 0,
    UNIQUE (slot, page)
) STRICT;
CREATE INDEX outbox_pending ON outbox (chat, slot, page) WHERE state = 'pending';
CREATE INDEX outbox_sending ON outbox (id) WHERE state = 'sending';

CREATE TABLE jobs (id TEXT PRIMARY KEY, scope TEXT NOT NULL, due_ms INTEGER NOT NULL, body BLOB NOT NULL) STRICT;
CREATE INDEX jobs_due ON jobs (due_ms);

CREATE TABLE leases (name TEXT PRIMARY KEY, fence INTEGER NOT NULL) STRICT, WITHOUT ROWID;
CREATE TABLE pauses (name TEXT PRIMARY KEY, until_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE records (
    tbl TEXT NOT NULL, row TEXT NOT NULL, scope TEXT NOT NULL, body BLOB NOT NULL, PRIMARY KEY (tbl, row)
) STRICT, WITHOUT ROWID;
CREATE INDEX records_scope ON records (scope)
"""
"""People, what came in, what goes out, what is to come, and what is kept.

A page's ``state`` and its other columns are those of ``Standing`` in ``transitions.py``; without a ``body`` what is
there is taken back. There is one index a state, since a planner takes a partial index only for a query with the very
same words.
"""

_COST_OF_A_PAGE = "ALTER TABLE outbox ADD COLUMN microcredits INTEGER NOT NULL DEFAULT 0"
"""What the platform charges for a message, in millionths of a credit."""

_WHICH_MESSAGE_OF_A_PAGE = "ALTER TABLE outbox ADD COLUMN renewed INTEGER NOT NULL DEFAULT 0"
"""How often a page was said anew, its message being gone: a later word about the former is not about the latter."""

_VERSIONS_AND_ENDS = """
ALTER TABLE records ADD COLUMN version INTEGER NOT NULL DEFAULT 1;
ALTER TABLE records ADD COLUMN until_ms INTEGER;
CREATE INDEX records_until ON records (until_ms) WHERE until_ms IS NOT NULL
"""
"""Which of its bodies a record has, and when it is forgotten by itself."""

MIGRATIONS = (
    Migration(name="m001_ground", sql=_GROUND),
    Migration(name="m002_cost_of_a_page", sql=_COST_OF_A_PAGE),
    Migration(name="m003_which_message_of_a_page", sql=_WHICH_MESSAGE_OF_A_PAGE),
    Migration(name="m004_versions_and_ends", sql=_VERSIONS_AND_ENDS),
)
