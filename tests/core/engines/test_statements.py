"""What one message costs at the store: how many statements, from its arrival until nothing is left to do for it.

A statement is the price of a message on any engine, BEGIN and COMMIT included. They are counted, not timed: who adds
one to the way of every message sees it here.
"""

from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from contracts.rigs.engines import SqliteRig, echo, running, until
from core.engines.sqlite import SqliteEngine
from core.testing import FakeAdapter, FakeProvider, answer, deployed, message


@dataclass
class Counted:
    """What was asked of the database."""

    statements: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """Each statement with how often it ran, for whoever exceeds a figure here."""
        said = Counter(statement[:100] for statement in self.statements)
        return "\n".join([f"{len(self.statements)} statements", *(f"{n:3} {head}" for head, n in said.items())])


@asynccontextmanager
async def counted(engine: SqliteEngine) -> AsyncGenerator[Counted]:
    """Count what an engine asks of its database meanwhile."""
    store, count = engine._store, Counted()
    trace = count.statements.append
    await store._writer.do(lambda db: db.set_trace_callback(trace))
    store._reader.do(lambda db: db.set_trace_callback(trace))
    count.statements.clear()
    try:
        yield count
    finally:
        store._reader.do(lambda db: db.set_trace_callback(None))
        await store._writer.do(lambda db: db.set_trace_callback(None))
    assert count.statements.pop().startswith("BEGIN")  # ours, to stop counting


async def answered(engine: SqliteEngine, adapter: FakeAdapter) -> None:
    """Somebody says something, is answered, and nothing is left to do."""
    said = len(adapter.texts())
    await engine.accept([message("Hello?")])
    await adapter.until(lambda: len(adapter.texts()) > said)
    lanes, delivery = engine._lanes, engine._delivery
    assert lanes is not None
    assert delivery is not None
    await until(lambda: not (lanes.running or delivery._desks))


async def test_what_a_message_costs(tmp_path: Path) -> None:
    """Of somebody known, answered at once and in one page."""
    adapter = FakeAdapter()
    async with SqliteRig(tmp_path / "data").open() as engine, running(engine, echo, adapter):
        assert isinstance(engine, SqliteEngine)
        await answered(engine, adapter)
        async with counted(engine) as count:
            await answered(engine, adapter)
    assert len(count.statements) <= 31, str(count)


async def test_what_a_message_costs_with_a_preview_and_a_conversation(tmp_path: Path) -> None:
    """The same with the real turn, which reads and keeps what was said, and shows what is being written."""
    adapter = FakeAdapter()
    async with deployed(tmp_path / "data", adapter, FakeProvider(answer("Hello."))) as engine:
        assert isinstance(engine, SqliteEngine)
        await answered(engine, adapter)
        async with counted(engine) as count:
            await answered(engine, adapter)
    assert len(count.statements) <= 57, str(count)
