"""The embedded store: what it refuses, what it survives, what it forgets, and that it tells nobody what people say."""

import asyncio
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from contracts.rigs.engines import Diary, SqliteRig, answered, running, text_of, until
from core.engines.sqlite import SqliteEngine, connection
from core.engines.store import SqliteStore
from core.engines.tables.schema import MIGRATIONS, Migration
from core.errors import StoreError
from core.schedule import at
from core.seams import Engine, Work
from core.testing import FakeAdapter, Fault, message
from core.values import Address, Job, Outbound, Outcome, Put, Receipt, Received, Reply
from stage import settled, staged

DAY_MS = 86_400_000


@pytest.fixture
def rig(tmp_path: Path) -> SqliteRig:
    """An empty store."""
    return SqliteRig(tmp_path / "data")


def sql(rig: SqliteRig, statement: str) -> list[tuple[Any, ...]]:
    """Ask, or change, the file behind the engine's back."""
    with closing(sqlite3.connect(rig.folder / "waystation.db", isolation_level=None)) as db:
        return db.execute(statement).fetchall()


def store_of(engine: Engine) -> SqliteStore:
    """What is behind an engine."""
    assert isinstance(engine, SqliteEngine)
    return engine._store


# --- what it refuses -------------------------------------------------------------------------------------------------


async def test_a_newer_database_is_refused_in_words_and_left_alone(rig: SqliteRig) -> None:
    """An older version does not touch what a newer one has changed."""
    async with rig.open() as engine:
        await engine.accept([message("a")])
    sql(rig, "INSERT INTO _sqlite_migrations VALUES (99, 'waystation', 'm099_better', '2030-01-01')")
    before = (rig.folder / "waystation.db").read_bytes()
    with pytest.raises(StoreError, match=r"newer version of Waystation \(it has m099_better\)"):
        async with rig.open():
            pass
    assert (rig.folder / "waystation.db").read_bytes() == before


async def test_a_migration_that_fails_leaves_nothing_behind(rig: SqliteRig, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each migration is kept whole or not at all, and is tried again at the next start."""
    half = Migration(name="m002_half", sql="CREATE TABLE half (n INTEGER); INSERT INTO nowhere VALUES (1)")
    monkeypatch.setattr(connection, "MIGRATIONS", (MIGRATIONS[0], half))
    with pytest.raises(StoreError, match="nowhere"):
        async with rig.open():
            pass
    assert sql(rig, "SELECT name FROM _sqlite_migrations") == [("m001_ground",)]
    assert sql(rig, "SELECT name FROM sqlite_master WHERE name = 'half'") == []


async def test_a_file_that_is_no_database_is_said_in_words(rig: SqliteRig) -> None:
    """And it is not overwritten."""
    async with rig.open():
        pass
    path = rig.folder / "waystation.db"
    path.write_bytes(b"not a database, but somebody's " * 100)
    for beside in rig.folder.glob("waystation.db-*"):
        beside.unlink()
    with pytest.raises(StoreError, match="restore a backup"):
        async with rig.open():
            pass
    assert path.read_bytes().startswith(b"not a database")


async def test_a_damaged_page_is_said_in_words_where_it_is_read(rig: SqliteRig) -> None:
    """A turn's failure has the reason; the process does not fall over."""
    async with rig.open() as engine:
        for number in range(50):
            await engine.accept([message("x" * 500, chat=str(number), sender=str(number))])
    path = rig.folder / "waystation.db"
    raw = bytearray(path.read_bytes())
    root = sql(rig, "SELECT rootpage FROM sqlite_master WHERE name = 'inbox_lane'")[0][0]
    raw[(root - 1) * 4096 : root * 4096] = b"\xff" * 4096
    path.write_bytes(raw)
    async with rig.open() as engine:
        with pytest.raises(StoreError, match="damaged"):
            await store_of(engine).waiting_lanes(10, ())


async def test_a_folder_that_cannot_be_used_is_said_in_words(tmp_path: Path) -> None:
    """A file stands where the folder should."""
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreError, match="data_dir"):
        async with SqliteRig(tmp_path / "data").open():
            pass


async def test_a_row_that_cannot_be_read_holds_up_nothing_else(rig: SqliteRig) -> None:
    """One flipped byte costs one message, one page or one job; the lane, the chat and the clock go on."""
    past = at(datetime.now(UTC) - timedelta(hours=1))
    here = Address(adapter="fake", chat="1")
    async with rig.open() as engine:
        await engine.accept([message("damaged"), message("whole")])
        jobs = tuple(Job(id=name, to=here, sender="ann", rule=past) for name in ("damaged", "whole"))
        outs = (Outbound(slot=name, to=here, reply=Reply(markdown=name)) for name in ("damaged", "whole"))
        await engine.commit(Outcome(jobs=jobs, out=tuple(outs)))
    for table in ("inbox", "outbox", "jobs"):
        sql(rig, f"UPDATE {table} SET body = x'ff' WHERE rowid = 1")  # noqa: S608
    diary = Diary()
    async with rig.open() as engine, running(engine, diary, adapter := FakeAdapter()):
        await adapter.until(lambda: adapter.texts() == ["whole"])
        await diary.until(2)
        await settled(rig, "failed", "sent")
    assert diary.texts == ["whole", "fired"]


# --- what it survives ------------------------------------------------------------------------------------------------


async def limit(engine: Engine, pragma: str) -> None:
    """Change a setting of the writer's connection."""
    await store_of(engine)._writer.do(lambda db: db.execute(f"PRAGMA {pragma}"))


async def test_on_a_full_disk_nothing_is_lost_and_all_goes_on_when_there_is_room(rig: SqliteRig) -> None:
    """Events are refused in words (so the platform keeps them), running turns and deliveries wait."""
    adapter = FakeAdapter()
    async with staged(rig, adapter) as stage:
        scene = await stage.ask()
        (pages,) = store_of(stage.engine)._reader.do(lambda db: db.execute("PRAGMA page_count").fetchone())
        await limit(stage.engine, f"max_page_count = {pages}")
        with pytest.raises(StoreError, match="disk is full"):
            await stage.engine.accept([message("x" * 50_000, key="long")])
        scene.end("y" * 50_000)
        await asyncio.sleep(0.05)
        assert adapter.calls == []
        await limit(stage.engine, "max_page_count = 100000")
        assert await stage.engine.accept([message("long", key="long")]) == (True,)
        again = await stage.scene()  # the turn whose outcome did not fit runs again
        again.end("y")
        (await stage.scene()).end("z")
        await stage.reads("y", "z")


async def test_a_backup_that_holds_the_file_only_delays(rig: SqliteRig) -> None:
    """Whatever a message's delivery has to write is written later; what is out is not sent again."""
    adapter = FakeAdapter()
    async with staged(rig, adapter) as stage:
        await limit(stage.engine, "busy_timeout = 20")
        goes = asyncio.Event()
        adapter.faults.append(Fault(hold=goes))
        (await stage.ask()).end("one")
        await stage.called(1)
        with closing(sqlite3.connect(rig.folder / "waystation.db", isolation_level=None)) as backup:
            backup.execute("BEGIN IMMEDIATE")
            goes.set()
            await stage.reads("one")
            with pytest.raises(StoreError, match="another program"):
                await stage.engine.accept([message("a")])
            backup.execute("ROLLBACK")
        await settled(rig, "sent")
    assert adapter.kinds() == ["send"]


KILLED = """
import asyncio, os, sys
from pathlib import Path
from core.engines.sqlite import SqliteSettings, open_sqlite
from core.site import EngineSite
from core.testing import message

async def deliver(engine, chat):
    for number in range(10_000):
        await engine.accept([message(str(number), chat=chat, sender=chat, key=f"{chat}:{number}")])
        print("told", chat, number, flush=True)

async def main():
    async with open_sqlite(EngineSite(name="sqlite", data_dir=Path(sys.argv[1])), SqliteSettings()) as engine:
        asyncio.get_running_loop().call_later(0.4, os.kill, os.getpid(), 9)
        await asyncio.gather(*(deliver(engine, chat) for chat in "abcdefgh"))

asyncio.run(main())
"""


async def test_a_killed_process_loses_nothing_it_had_accepted(rig: SqliteRig) -> None:
    """Every event whose accept returned before kill -9 is there afterwards, once and in order."""
    command = [sys.executable, "-c", KILLED, str(rig.folder)]
    done = await asyncio.to_thread(subprocess.run, command, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (-9, "")
    told = [line.split()[1] for line in done.stdout.splitlines() if line.startswith("told ")]
    assert told
    lanes: dict[str, list[str]] = {}

    async def turn(work: Work) -> Outcome:
        for received in work.events:
            lanes.setdefault(received.inbound.sender, []).append(getattr(received.inbound.body, "text", ""))
        return Outcome(done=tuple(received.row for received in work.events))

    async with rig.open() as engine, running(engine, turn):
        await until(lambda: not sql(rig, "SELECT 1 FROM inbox LIMIT 1"))
    for chat, texts in lanes.items():
        assert texts == [str(number) for number in range(len(texts))]
        assert len(texts) >= told.count(chat)


async def test_a_job_changed_while_it_comes_due_is_not_fired_in_its_old_form(rig: SqliteRig) -> None:
    """Whoever moved a reminder at the last moment is reminded at the new time alone."""
    now = datetime.now(UTC)

    def tea(when: datetime) -> Outcome:
        return Outcome(jobs=(Job(id="tea", to=Address(adapter="fake", chat="1"), sender="ann", rule=at(when)),))

    async with rig.open() as engine:
        store = store_of(engine)
        await engine.commit(tea(now - timedelta(minutes=1)))
        (due,) = await store.due_jobs()
        await engine.commit(tea(now + timedelta(hours=1)))
        assert await store.fire(due) == ""
        assert sql(rig, "SELECT count(*) FROM jobs") == [(1,)]
        assert sql(rig, "SELECT count(*) FROM inbox") == [(0,)]


# --- what it forgets -------------------------------------------------------------------------------------------------


async def test_old_keys_and_old_messages_are_forgotten_and_nothing_else(rig: SqliteRig) -> None:
    """Tombstones after a month, delivered messages after a week, a little at a time; what waits stays for ever."""
    async with rig.open() as engine:
        answers = (_to_chat(number) for number in range(1, 1203))
        async with running(engine, Diary(), adapter := FakeAdapter()):
            await engine.accept([message("old", key=f"old {n}") for n in range(1200)] + [message("new", key="new")])
            await engine.commit(Outcome(out=tuple(answers)))
            await adapter.until(lambda: len(adapter.chats) == 1202)
            await settled(rig)
        month, week = 31 * DAY_MS, 8 * DAY_MS
        (new,) = (store_of(engine)._names.event("new"),)
        sql(rig, f"UPDATE tombstones SET at_ms = at_ms - {month} WHERE event <> '{new}'")  # noqa: S608
        sql(rig, f"UPDATE slots SET at_ms = at_ms - {week} WHERE id <= 1200")  # noqa: S608
        sql(rig, "UPDATE outbox SET state = 'pending' WHERE slot = 7")
        await store_of(engine).prune()
        assert sql(rig, "SELECT event FROM tombstones") == [(new,)]
        assert sorted(sql(rig, "SELECT slot FROM outbox")) == [(7,), (1201,), (1202,)]
        assert sql(rig, "SELECT count(*) FROM slots") == [(3,)]
        assert await engine.accept([message("new", key="new"), message("old", key="old 1")]) == (False, True)


def _to_chat(number: int) -> Outbound:
    return Outbound(slot=f"s{number}", to=Address(adapter="fake", chat=str(number)), reply=Reply(markdown="x"))


# --- what it tells nobody --------------------------------------------------------------------------------------------

SEALED = {"body", "sent_as", "wrapped"}
SECRETS = ("4915112345678", "chat-77-private", "Ann Anders", "my doctor said", "the answer is no", "a step taken")


def cells(rig: SqliteRig) -> Iterator[tuple[str, str, Any]]:
    """Every cell of every table, with its table and column."""
    with closing(sqlite3.connect(rig.folder / "waystation.db")) as db:
        for (table,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'").fetchall():
            found = db.execute(f"SELECT * FROM {table}")  # noqa: S608
            columns = [column[0] for column in found.description]
            for row in found:
                yield from ((table, column, cell) for column, cell in zip(columns, row, strict=True))


async def test_nothing_of_what_people_say_or_who_they_are_stands_outside_of_sealed_columns(rig: SqliteRig) -> None:
    """Texts, chats, senders and platforms' ids of messages are content; an index holds none of it."""
    seen: list[Received] = []

    async def turn(work: Work) -> Outcome:
        first = work.events[0]
        await work.record(b"a step taken")
        if seen:
            await asyncio.Event().wait()
        seen.append(first)
        job = Job(
            id="j1", to=first.inbound.to, sender=first.inbound.sender, rule=at(datetime.now(UTC) + timedelta(hours=1))
        )
        note = Put(table="notes", row="n1", scope=first.scope, body=b"my doctor said")
        return replace(answered(first, "the answer is no"), jobs=(job,), writes=(note,))

    to = Address(adapter="fake", chat="chat-77-private")
    event = replace(message("my doctor said", sender="4915112345678"), to=to, name="Ann Anders")
    receipt_key = "wamid.4915112345678"
    async with rig.open() as engine, running(engine, turn, adapter := FakeAdapter()):
        await engine.accept([event, Receipt(key=receipt_key, slot="1.0", state="sent")])
        await engine.accept([replace(event, key="next"), replace(event, key="group", to=replace(to, private=False))])
        await adapter.until(lambda: adapter.texts("chat-77-private") != [])
        await until(lambda: sql(rig, "SELECT 1 FROM steps"))
        found = list(cells(rig))
    tables = {table for table, _, _ in found}
    assert tables >= {"scopes", "inbox", "steps", "slots", "outbox", "jobs", "tombstones", "records"}
    for table, column, cell in found:
        text = cell.decode("utf-8", "replace") if isinstance(cell, bytes) else str(cell)
        where = f"{table}.{column}"
        if column in SEALED:
            assert cell is None or isinstance(cell, bytes), where
        else:
            assert not isinstance(cell, bytes), where
            assert not [secret for secret in SECRETS if secret in text], where
    sealed = b"".join(cell for _, column, cell in found if column in SEALED and cell)
    assert all(secret.encode() in sealed for secret in SECRETS if secret != "the answer is no")  # the test can see


# --- how it asks -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "query",
    [
        "SELECT * FROM outbox WHERE outbox.chat = 'c' AND outbox.state = 'pending' ORDER BY outbox.slot, page LIMIT 1",
        "SELECT chat, min(outbox.slot * 65536 + page) FROM outbox WHERE outbox.state = 'pending' GROUP BY outbox.chat",
        "SELECT * FROM outbox WHERE outbox.state = 'sending'",
        "SELECT id FROM inbox WHERE lane = 'l' AND id > 1 ORDER BY id LIMIT 5",
        "SELECT min(due_ms) FROM jobs",
        "SELECT id FROM slots WHERE lane = 'l' AND final = 0",
    ],
)
async def test_what_is_asked_often_is_found_by_an_index(rig: SqliteRig, query: str) -> None:
    """A week of delivered messages does not make the next one slower."""
    async with rig.open():
        plan = " ".join(str(row[3]) for row in sql(rig, f"EXPLAIN QUERY PLAN {query}"))
    assert "INDEX" in plan
    assert "TEMP B-TREE" not in plan


# --- lanes and people ------------------------------------------------------------------------------------------------


async def test_a_persons_private_chats_share_a_lane_and_each_group_has_its_own(rig: SqliteRig) -> None:
    """Who speaks in a group speaks in the group's context, and is still known as who they are."""
    seen: dict[str, tuple[str, str, str]] = {}

    async def turn(work: Work) -> Outcome:
        seen.update({text_of(received): (work.lane, received.scope, received.space) for received in work.events})
        return Outcome(done=tuple(received.row for received in work.events))

    async with rig.open() as engine, running(engine, turn):
        await engine.accept([message("one", chat="1"), message("two", chat="2")])
        await engine.accept([message("group", chat="g", private=False)])
        await engine.accept([message("bob", chat="g", private=False, sender="bob")])
        await engine.accept([message("other", chat="h", private=False)])
        await engine.accept([replace(message("namesake"), to=Address(adapter="elsewhere", chat="1"))])
        await until(lambda: len(seen) == 6)
    lanes, scopes, spaces = ({name: one[part] for name, one in seen.items()} for part in range(3))
    assert lanes["one"] == lanes["two"]
    assert lanes["group"] == lanes["bob"]
    assert len(set(lanes.values())) == 4
    assert scopes["one"] == scopes["two"] == scopes["group"] == scopes["other"]
    assert len(set(scopes.values())) == 3
    assert spaces["one"] == scopes["one"]
    assert spaces["group"] == spaces["bob"] not in scopes.values()
