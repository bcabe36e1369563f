"""The composition root, over an engine, adapters and providers made here."""

import asyncio
import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from core.app import Stop, serve
from core.config.settings import Section, Server, Settings, Timeouts
from core.errors import AddressRefused, PlatformRefusedUs, StoreError
from core.plugin import Plugin
from core.process import report
from core.process.control import connect
from core.process.report import Report
from core.seams import Accept, Adapter, Records, Turn
from core.site import BotSite, Spec
from core.testing import FakeAdapter
from core.values import HOUSE, Inbound, Outcome, Receipt, Record
from turns import FakeTool

PATIENCE_S = 10.0


class NoSettings(BaseModel):
    """Nothing to set."""


class FakeRecords:
    """What was committed, in memory."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], bytes] = {}

    async def get(self, table: str, row: str) -> Record | None:
        body = self.rows.get((table, row))
        return None if body is None else Record(row=row, body=body, version=1)

    async def latest(self, table: str, prefix: str, limit: int) -> tuple[Record, ...]:
        return ()

    async def before(self, table: str, prefix: str, row: str, limit: int) -> tuple[Record, ...]:
        return ()

    async def after(self, table: str, prefix: str, row: str, limit: int) -> tuple[Record, ...]:
        return ()

    async def owned(self, scope: str, after: tuple[str, str], limit: int) -> tuple[tuple[str, Record], ...]:
        return ()


class FakeEngine:
    """An engine that only tells what happens to it; it needs ``finish_s`` to finish."""

    def __init__(self, diary: list[str], finish_s: float = 0.0, problem: Exception | None = None) -> None:
        self.diary = diary
        self.kept = FakeRecords()
        self.scopes: list[str] = []
        self._finish_s = finish_s
        self._problem = problem

    @property
    def records(self) -> Records:
        return self.kept

    async def run(self, turn: Turn, adapters: Sequence[Adapter], /) -> None:
        assert not adapters, "adapters join when they are open"
        self.diary.append("engine runs")
        if self._problem:
            raise self._problem
        try:
            await asyncio.Event().wait()
        finally:
            self.diary.append("engine is to finish")
            await asyncio.sleep(self._finish_s)
            self.diary.append("engine finished")

    async def join(self, adapter: Adapter, /) -> None:
        self.diary.append(f"{adapter.name} joins")

    async def accept(self, events: Sequence[Inbound | Receipt], /) -> tuple[bool, ...]:
        return (True,) * len(events)

    async def commit(self, outcome: Outcome, /) -> None:
        for put in outcome.writes:
            self.scopes.append(put.scope)
            self.kept.rows[put.table, put.row] = put.body or b""

    async def counts(self) -> dict[str, int]:
        return {"inbox": 3}

    @asynccontextmanager
    async def lease(self, name: str, /) -> AsyncGenerator[int, None]:
        yield 1


class Listening(FakeAdapter):
    """An adapter that tells when it stops listening."""

    def __init__(self, name: str, diary: list[str], problem: Exception | None = None) -> None:
        super().__init__(name)
        self.site: Any = None
        self._diary = diary
        self._problem = problem

    async def run(self, accept: Accept) -> None:
        if self._problem:
            raise self._problem
        try:
            await super().run(accept)
        finally:
            self._diary.append(f"{self.name} stops listening")


def opens(make: Callable[[BotSite], Any], diary: list[str], after_s: float = 0.0) -> Spec[Any, Any, Any]:
    """A spec that takes its time, and tells when it is opened and closed, and whether by the same task."""

    @asynccontextmanager
    async def open_it(site: BotSite, settings: NoSettings) -> AsyncGenerator[Any, None]:
        task = asyncio.current_task()
        await asyncio.sleep(after_s)
        made = make(site)
        diary.append(f"{site.name} opens")
        try:
            yield made
        finally:
            diary.append(f"{site.name} closes" + ("" if asyncio.current_task() is task else " elsewhere"))

    return Spec(name="made here", settings=NoSettings, open=open_it)


class World:
    """Settings over fakes, and what happened."""

    def __init__(self, data_dir: Path, *, finish_s: float = 0.0, problem: Exception | None = None) -> None:
        self.diary: list[str] = []
        self.engine = FakeEngine(self.diary, finish_s, problem)
        self.bots: list[Section] = []
        self.plugins: list[Section] = []
        self.sites: dict[str, Any] = {}
        self._data_dir = data_dir

    def bot(self, name: str, *, after_s: float = 0.0, broken: str = "", problem: Exception | None = None) -> None:
        """Configure an adapter."""

        def make(site: object) -> Listening:
            self.sites[name] = site
            if broken:
                raise ValueError(broken)
            return Listening(name, self.diary, problem)

        spec = opens(make, self.diary, after_s)
        self.bots.append(Section(name=name, spec=spec, settings=NoSettings()))

    def plugin(self, name: str, *tools: str) -> None:
        """Configure a plugin with these tools."""

        def make(site: object) -> Plugin:
            self.sites[name] = site
            return Plugin(name=name, tools=tuple(FakeTool(tool).tool for tool in tools))

        self.plugins.append(Section(name=name, spec=opens(make, self.diary), settings=NoSettings()))

    def settings(self) -> Settings:
        """The configuration."""
        engine = opens(lambda _: self.engine, self.diary)
        return Settings(
            data_dir=self._data_dir,
            server=Server(port=0),
            engine=engine,
            bots=tuple(self.bots),
            plugins=tuple(self.plugins),
            timeouts=Timeouts(grace_s=5),
        )

    @asynccontextmanager
    async def running(self) -> AsyncGenerator[tuple[Report, Stop, "asyncio.Task[None]"], None]:
        """Everything, until the block asks it to stop or ends."""
        stop = Stop()
        began: asyncio.Future[Report] = asyncio.get_running_loop().create_future()
        task = asyncio.create_task(serve(self.settings(), stop, began.set_result))
        task.add_done_callback(lambda ended: began.done() or began.cancel())
        try:
            started = await asyncio.wait_for(began, PATIENCE_S)
        except asyncio.CancelledError:
            await task
            raise
        await asyncio.sleep(0)
        yield started, stop, task
        if not stop.asked.is_set():
            stop.ask()
        await asyncio.wait_for(task, PATIENCE_S)


async def status(data_dir: Path) -> Report:
    """What the control socket says."""

    def ask() -> str:
        connection = connect(data_dir)
        assert connection is not None
        with connection:
            connection.send("status")
            return connection.receive() or ""

    return report.load(await asyncio.to_thread(ask))


async def test_everything_is_opened_wired_run_and_closed_in_the_reverse_order(tmp_path: Path) -> None:
    """Intake ends before the engine finishes; what was opened in a task is closed in it."""
    world = World(tmp_path)
    world.bot("one")
    async with world.running():
        pass
    assert world.diary == [
        "made here opens",
        "engine runs",
        "one opens",
        "one joins",
        "one stops listening",
        "engine is to finish",
        "engine finished",
        "one closes",
        "made here closes",
    ]


async def test_a_plugin_that_would_confuse_is_off_and_the_rest_goes_on(tmp_path: Path) -> None:
    """The first one keeps its name: what is installed comes before what lies in a folder."""
    world = World(tmp_path)
    world.plugin("good", "save", "look")
    world.plugin("evil", "look", "send")
    world.plugin("other", "send")
    world.plugin("double", "see", "see")
    world.plugins.append(Section(name="empty", spec=opens(lambda _: object(), []), settings=NoSettings()))
    async with world.running() as (report, *_):
        assert report.plugins == ("good", "other")
        assert [(off.section, off.why) for off in report.off] == [
            ("plugins.evil", "its tool look is called as one of good"),
            ("plugins.double", "its tool see is called as one of double"),
            ("plugins.empty", "it opens no Plugin"),
        ]


async def test_plugins_are_handed_the_gate(tmp_path: Path) -> None:
    """One for all, which lets nobody in where nothing was allowed."""
    world = World(tmp_path)
    world.plugin("one")
    world.plugin("two")
    async with world.running():
        assert world.sites["one"].egress is world.sites["two"].egress
        with pytest.raises(AddressRefused, match="not public"):
            await world.sites["one"].egress.get("http://127.0.0.1/")


async def test_what_is_slow_to_open_delays_nothing_but_itself(tmp_path: Path) -> None:
    """Adapters are opened at once, not one after the other."""
    world = World(tmp_path)
    for name in ("slow", "slower", "slowest"):
        world.bot(name, after_s=0.3)
    began = time.monotonic()
    async with world.running() as (started, _, _):
        assert time.monotonic() - began < 0.6
        assert [bot.name for bot in started.bots] == ["slow", "slower", "slowest"]


async def test_an_adapter_that_is_open_does_not_wait_for_one_that_is_not(tmp_path: Path) -> None:
    """The page is up before a slow library is in."""
    world = World(tmp_path)
    world.bot("slow", after_s=60)
    world.bot("quick")
    stop = Stop()
    task = asyncio.create_task(serve(world.settings(), stop, lambda _: None))
    async with asyncio.timeout(PATIENCE_S):
        while "quick joins" not in world.diary:  # noqa: ASYNC110  a fake tells by its diary
            await asyncio.sleep(0.01)
    stop.ask()
    await asyncio.wait_for(task, PATIENCE_S)
    assert "slow opens" not in world.diary


async def test_what_cannot_be_opened_is_off_with_its_reason_and_the_rest_goes_on(tmp_path: Path) -> None:
    """One broken adapter is no outage."""
    world = World(tmp_path)
    world.bot("broken", broken="its library is missing")
    world.bot("well")
    async with world.running() as (started, _, _):
        assert [bot.name for bot in started.bots] == ["well"]
        assert [(off.section, off.why) for off in started.off] == [("bots.broken", "its library is missing")]


async def test_a_refused_adapter_stops_and_the_rest_goes_on(tmp_path: Path) -> None:
    """``status`` says so."""
    world = World(tmp_path)
    world.bot("refused", problem=PlatformRefusedUs("wrong token"))
    world.bot("well")
    async with world.running():
        states = {bot.name: bot.state for bot in (await status(tmp_path)).bots}
    assert (states["refused"].doing, states["refused"].reason) == ("stopped", "wrong token")
    assert states["well"].doing == "listening"


async def test_the_engine_is_given_its_time_to_finish(tmp_path: Path) -> None:
    """A stop is not a kill."""
    world = World(tmp_path, finish_s=0.2)
    async with world.running():
        pass
    assert "engine finished" in world.diary


async def test_asked_twice_it_ends_at_once(tmp_path: Path) -> None:
    """Whoever presses Ctrl-C again means it; what is unfinished is finished after the next start."""
    world = World(tmp_path, finish_s=60)
    async with world.running() as (_, stop, task):
        stop.ask()
        await asyncio.sleep(0.05)
        assert not task.done()
        stop.ask()
        await asyncio.wait_for(task, 2)
    assert "engine finished" not in world.diary
    assert world.diary[-1] == "made here closes"


async def test_asked_while_it_is_still_opening_it_does_not_wait_for_that(tmp_path: Path) -> None:
    """A start that hangs can be ended."""
    world = World(tmp_path)
    world.bot("endless", after_s=60)
    stop = Stop()
    task = asyncio.create_task(serve(world.settings(), stop, lambda _: None))
    await asyncio.sleep(0.05)
    stop.ask()
    await asyncio.wait_for(task, 2)
    assert world.diary[-3:] == ["engine is to finish", "engine finished", "made here closes"]
    assert "endless opens" not in world.diary


async def test_an_engine_that_fails_ends_everything_in_order(tmp_path: Path) -> None:
    """Without its store nothing is promised to anybody."""
    world = World(tmp_path, problem=StoreError("the disk is full"))
    world.bot("one")
    with pytest.raises(StoreError, match="the disk is full"):
        async with world.running() as (_, _, task):
            await asyncio.wait_for(task, PATIENCE_S)
    assert world.diary[-2:] == ["one closes", "made here closes"]


async def test_a_second_process_on_the_same_folder_is_refused(tmp_path: Path) -> None:
    """One process owns the store."""
    world = World(tmp_path)
    async with world.running():
        with pytest.raises(StoreError, match="Another process"):
            await serve(World(tmp_path).settings(), Stop(), lambda _: None)


async def test_a_memo_is_kept_in_the_store_under_its_owner_s_name(tmp_path: Path) -> None:
    """It outlives the process, and two adapters never read each other's."""
    world = World(tmp_path)
    world.bot("one")
    world.bot("two")
    async with world.running():
        assert await world.sites["one"].memo.get("menu") == ""
        await world.sites["one"].memo.keep("menu", "hash")
        assert await world.sites["one"].memo.get("menu") == "hash"
        assert await world.sites["two"].memo.get("menu") == ""
    assert world.engine.scopes == [HOUSE]


async def test_an_adapter_is_told_the_commands(tmp_path: Path) -> None:
    """A menu shows what the core understands."""
    world = World(tmp_path)
    world.bot("telegram")
    world.bot("other")
    async with world.running():
        assert {"retry", "stop", "help"} <= {name for name, _ in world.sites["telegram"].assistant.commands}


async def test_status_tells_what_is_on_what_is_off_and_the_code_to_claim_a_messenger(tmp_path: Path) -> None:
    """Everything an operator asks first."""
    world = World(tmp_path)
    world.bot("pigeon")
    async with world.running() as (started, _, _):
        now = await status(tmp_path)
    assert (now.counts, now.unowned, now.data_dir) == ({"inbox": 3}, ("pigeon",), str(tmp_path))
    assert now.code == started.code != ""
    said = "\n".join(report.of_status(now))
    assert "listening" in said
    assert f"Nobody owns pigeon yet. Send this code there, in a private chat, to be its owner: {now.code}" in said
