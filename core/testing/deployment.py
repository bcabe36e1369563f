"""A whole deployment in a test: the real store and the real turn, between whatever the test puts at either end."""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path

from core.app import build_turn
from core.config.settings import Settings
from core.engines.sqlite import SqliteSettings, open_sqlite
from core.models.routing import Router
from core.people.access import Access
from core.plugin import Plugin
from core.seams import Adapter, Engine, Provider
from core.site import Egress, EngineSite, nobody_told
from core.turn.toolbox import utc_now

_GRACE_S = 0.1


@asynccontextmanager
async def deployed(
    folder: Path,
    adapter: Adapter,
    provider: Provider,
    *plugins: Plugin,
    now: Callable[[], datetime] = utc_now,
    tell_owner: Callable[[str], Awaitable[None]] = nobody_told,
    egress: Egress | None = None,
) -> AsyncGenerator[Engine, None]:
    """Let one messenger, one model and some plugins work together; everybody who writes is answered.

    Opened again over the same folder, it goes on where it stopped, as after a restart.

    Args:
        folder: Where the store is kept.
        now: The time that tools are told; a ``FakeClock`` stands still.
        tell_owner: Is told what an owner would be.
        egress: What tools fetch with, None for nothing.

    Raises:
        Exception: The adapter's ``run`` or the engine failed meanwhile.
    """
    async with open_sqlite(EngineSite(name="sqlite", data_dir=folder, grace_s=_GRACE_S), SqliteSettings()) as engine:
        access = Access(engine.records, "open", ())
        turn = build_turn(
            Settings(),
            engine.records,
            Router([provider], "auto"),
            access,
            plugins,
            egress=egress,
            tell_owner=tell_owner,
            now=now,
        )
        tasks = [
            asyncio.create_task(adapter.run(engine.accept), name="adapter"),
            asyncio.create_task(engine.run(turn, [adapter]), name="engine"),
        ]
        try:
            yield engine
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
        for task in tasks:
            if not task.cancelled() and (error := task.exception()) is not None:
                raise error
