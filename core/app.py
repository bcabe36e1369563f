"""The composition root: opens everything the settings name, wires it together, runs it, and closes it in order.

Nothing else in ``core`` knows which implementations there are. Whoever runs it decides when it ends (``Stop``) and is
told when it has begun; signals, the console and exit codes are ``core/cli/running.py``'s affair.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from importlib.metadata import version
from typing import TypeVar

import structlog

from core.codec import dump
from core.config.settings import Off, Section, Settings
from core.context.archive import StoredArchive
from core.context.conversation import NewConversations
from core.egress.gate import open_gate
from core.errors import ProviderError, SettingsError
from core.files import Files
from core.limited.process import open_limited
from core.limited.tasks import Limited
from core.models.configured import prices_of, retiring, router_of, survey_of
from core.models.display import DisplayedModels, StoredModelChoice
from core.models.routing import AUTO, Chosen, Router
from core.models.survey import Survey
from core.people.access import Access
from core.people.owners import Owners
from core.plugin import Plugin, PluginSite
from core.process import report
from core.process.control import Control, claim
from core.process.logs import watch
from core.process.memos import Notes
from core.process.opening import Opened, open_all, open_apart, told_apart
from core.process.report import Report
from core.process.supervision import Supervisor
from core.proxies import Proxies
from core.seams import Adapter, Engine, Records, Turn
from core.server import Server
from core.site import (
    AssistantInfo,
    BotSite,
    Egress,
    EngineSite,
    Fetch,
    Memo,
    NoEgress,
    Operator,
    ProviderSite,
    Wire,
    nobody_told,
    nothing_to_fetch,
)
from core.turn import commands
from core.turn.answering import Means
from core.turn.assistant import Assistant
from core.turn.plugins import Plugins
from core.turn.prompt import system_prompt
from core.turn.toolbox import Toolbox, utc_now

log = structlog.get_logger(__name__)

T = TypeVar("T")


class Stop:
    """Asked once: finish what is being done, within the grace time. Asked again: at once."""

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.hurried = asyncio.Event()

    def ask(self) -> None:
        """Call it from the loop's own thread."""
        (self.hurried if self.asked.is_set() else self.asked).set()


async def serve(settings: Settings, stop: Stop, ready: Callable[[Report], None]) -> None:
    """Run Waystation until it is asked to stop.

    Args:
        ready: Called once everything is open and listening.

    Raises:
        StoreError: The data folder or the store cannot be used.
    """
    watch(asyncio.get_running_loop())
    with claim(settings.data_dir):
        async with AsyncExitStack() as stack:
            control = Control()
            await stack.enter_async_context(control.serve(settings.data_dir))
            running = await _unless_stopped(_open(stack, settings, control), stop)
            if running is not None:
                await _run(running, stack, stop, ready)


@dataclass(kw_only=True)
class _Running:
    """All that is open, wired together. Adapters join as they open: a slow one keeps nobody waiting.

    Attributes:
        added: What the plugins add.
    """

    settings: Settings
    house: "_House"
    engine: Engine
    turn: Turn
    added: Plugins
    router: Router
    access: Access
    providers: tuple[str, ...]
    plugins: tuple[str, ...]
    off: tuple[Off, ...]
    since: datetime
    supervisors: list[Supervisor] = field(default_factory=list)

    async def listen(self, stack: AsyncExitStack, ready: Callable[[Report], None]) -> None:
        """Open the adapters and keep them going until cancelled."""
        async with asyncio.TaskGroup() as tasks:

            async def arrived(adapter: Adapter) -> None:
                self.house.files.join(adapter)
                await self.engine.join(adapter)
                supervisor = Supervisor(adapter, self.engine.accept)
                self.supervisors.append(supervisor)
                self.supervisors.sort(key=lambda bot: configured.index(bot.name))
                tasks.create_task(supervisor.run(), name=f"bot {supervisor.name}")

            configured = [bot.name for bot in self.settings.bots]
            sites = [(bot, self.house.bot_site(bot, self.engine, self.added)) for bot in self.settings.bots]
            bots = await open_all(stack, "bots", sites, arrived)
            self.off = (*self.off, *bots.off)
            self.house.settle(self.states)
            ready(await self.report(ask=False))

    def states(self) -> dict[str, str]:
        """What each adapter is doing, in a word."""
        return {bot.name: bot.state.doing for bot in self.supervisors}

    async def report(self, *, ask: bool) -> Report:
        """How it is doing; with ``ask``, providers are asked for their models, which may take a moment."""
        offered = await self.router.offered() if ask else dict.fromkeys(self.providers, ())
        providers = tuple(
            report.Provider(name=name, trouble=models)
            if isinstance(models, str)
            else report.Provider(name=name, models=tuple(model.id for model in models))
            for name, models in offered.items()
        )
        chosen = await self._chosen() if ask else None
        unowned = await self.access.unowned([bot.name for bot in self.supervisors])
        return Report(
            version=version("waystation"),
            pid=os.getpid(),
            since=self.since,
            data_dir=str(self.settings.data_dir),
            source=str(self.settings.source or ""),
            bots=tuple(report.Bot(name=bot.name, state=bot.state) for bot in self.supervisors),
            providers=providers,
            plugins=self.plugins,
            counts=await self.engine.counts(),
            off=self.off,
            model=f"{chosen.provider.name}/{chosen.model.id}" if chosen else "",
            note=chosen.model.note if chosen else "",
            unowned=unowned,
            code=self.access.code if unowned else "",
            notices=(
                *self.settings.renamed,
                *self.settings.exposed,
                *(notice() for notice in self.house.notices),
                *retiring(self.settings, chosen),
            ),
            at_terminal=tuple(notice() for notice in self.house.at_terminal),
            rejected=tuple(self.house.server.rejections.total.items()) if self.house.server else (),
        )

    async def _chosen(self) -> Chosen | None:
        try:
            return await self.router.choose()
        except ProviderError:
            return None


# ---------------------------------------------------------------------------------------------------------------------
# Opening


@dataclass(kw_only=True)
class _House:
    """What there is once, and every implementation is handed something of.

    Attributes:
        proxies: Which proxy leads where.
        limited: Where is read what strangers made.
        server: None where nothing is to be served.
        notices: Make what adapters want whoever runs this to know; ``at_terminal`` what no journal may hold.
        files: What people sent, by whichever adapter.
        egress: The gate to what people, pages and models name.
        router: Chooses models, once the providers are open.
    """

    settings: Settings
    control: Control
    proxies: Proxies
    limited: Limited
    server: Server | None = None
    notices: list[Callable[[], str]] = field(default_factory=list)
    at_terminal: list[Callable[[], str]] = field(default_factory=list)
    files: Files = field(default_factory=Files)
    egress: Egress = field(default_factory=NoEgress)
    router: Router = field(default_factory=lambda: Router((), AUTO))

    def bot_site(self, section: Section, engine: Engine, plugins: Plugins) -> BotSite:
        """What an adapter is handed."""
        owners = Owners(engine, [bot.name for bot in self.settings.bots])
        return BotSite(
            name=section.name,
            data_dir=self.settings.data_dir,
            memo=Notes(engine, section.name),
            fetch=self.files.fetch,
            server=self.server,
            assistant=AssistantInfo(
                commands=commands.table(plugins.commands),
                archive=StoredArchive(engine, section.name),
                models=DisplayedModels(engine, section.name, self.router),
            ),
            operator=Operator(
                control=self.control.register,
                announce=self.notices.append,
                announce_at_terminal=self.at_terminal.append,
                tell_owner=partial(owners.tell, but=section.name),
            ),
            connect_s=self.settings.timeouts.connect_s,
            proxies=self.proxies,
        )

    def provider_site(self, section: Section, engine: Engine) -> ProviderSite:
        """What a provider is handed."""
        memo = Notes(engine, f"provider:{section.name}")
        made = provider_site(self.settings, section.name, memo, self.proxies, self.files.fetch)
        return replace(made, is_own=self.server.is_own) if self.server else made

    def plugin_site(self, section: Section, engine: Engine) -> PluginSite:
        """What a plugin is handed."""
        return PluginSite(
            name=section.name,
            data_dir=self.settings.data_dir,
            memo=Notes(engine, f"plugin:{section.name}"),
            egress=self.egress,
            limited=self.limited,
            models=StoredModelChoice(engine.records, lambda: self.router),
            conversations=NewConversations(),
        )

    def settle(self, states: Callable[[], dict[str, str]]) -> None:
        """Everyone has registered what they answer."""
        self.control.settle()
        if self.server is not None:
            self.server.settle(states)

    @property
    def off(self) -> tuple[Off, ...]:
        """What of it could not be had."""
        trouble = self.server.trouble if self.server is not None else ""
        return (Off(section="server", why=trouble),) if trouble else ()


async def _open(stack: AsyncExitStack, settings: Settings, control: Control) -> _Running:
    server = await _open_server(stack, settings)
    proxies = settings.egress.proxies
    limited = await stack.enter_async_context(open_limited())
    egress = await stack.enter_async_context(open_gate(settings.egress, limited, proxies))
    house = _House(settings=settings, control=control, proxies=proxies, limited=limited, server=server, egress=egress)
    engine = await _open_engine(stack, settings)

    providers, plugins = await asyncio.gather(
        open_all(stack, "providers", [(one, house.provider_site(one, engine)) for one in settings.providers]),
        open_all(stack, "plugins", [(one, house.plugin_site(one, engine)) for one in settings.plugins]),
    )
    running = _wire(settings, house, engine, providers, told_apart(plugins))

    async def status(wire: Wire) -> None:
        await wire.send(report.dump(await running.report(ask=True)))

    async def models(wire: Wire) -> None:
        await wire.send(dump(Survey, await survey_of(settings, running.router)).decode())

    control.register("status", status)
    control.register("models", models)
    return running


async def _open_server(stack: AsyncExitStack, settings: Settings) -> Server | None:
    """First of all, so that a browser is answered while the rest opens."""
    if settings.server is None:
        return None
    server = Server(settings.server)
    await open_apart(stack, server.listening())
    return server


async def _open_engine(stack: AsyncExitStack, settings: Settings) -> Engine:
    if settings.engine is None:
        raise SettingsError("The configuration names no store (database).")
    site = EngineSite(name=settings.engine.name, data_dir=settings.data_dir, grace_s=settings.timeouts.grace_s)
    engine: Engine = await open_apart(stack, settings.engine.open(site, settings.engine.settings()))
    return engine


def provider_site(
    settings: Settings, name: str, memo: Memo, proxies: Proxies, fetch: Fetch = nothing_to_fetch
) -> ProviderSite:
    """What a provider of this name is handed."""
    times = settings.timeouts
    return ProviderSite(
        name=name,
        memo=memo,
        fetch=fetch,
        connect_s=times.connect_s,
        first_token_s=times.first_token_s,
        idle_s=times.idle_s,
        proxies=proxies,
    )


# ---------------------------------------------------------------------------------------------------------------------
# Wiring


def _wire(settings: Settings, house: _House, engine: Engine, providers: Opened, plugins: Opened) -> _Running:
    router = house.router = router_of(settings, [provider for _, provider in providers.parts])
    added = Plugins(plugin for _, plugin in plugins.parts)
    house.files.keep_made_in(engine.records)
    owners = Owners(engine, [bot.name for bot in settings.bots])
    local = [section.name for section in settings.bots if section.spec.local]
    access = Access(
        engine.records,
        settings.access.policy,
        local,
        paid=[section.name for section in settings.bots if section.spec.paid],
        max_paid_replies_per_day=settings.access.max_paid_replies_per_day,
    )
    return _Running(
        settings=settings,
        house=house,
        engine=engine,
        turn=build_turn(
            settings,
            engine.records,
            router,
            access,
            [plugin for _, plugin in plugins.parts],
            egress=house.egress,
            tell_owner=owners.tell,
        ),
        added=added,
        router=router,
        access=access,
        providers=tuple(section.name for section, _ in providers.parts),
        plugins=tuple(section.name for section, _ in plugins.parts),
        off=(*settings.off, *house.off, *providers.off, *plugins.off),
        since=datetime.now(UTC),
    )


def build_turn(
    settings: Settings,
    records: Records,
    router: Router,
    access: Access,
    plugins: Sequence[Plugin],
    *,
    egress: Egress | None = None,
    tell_owner: Callable[[str], Awaitable[None]] = nobody_told,
    now: Callable[[], datetime] = utc_now,
) -> Turn:
    """What answers people; ``now`` is the time that tools are told."""
    means = Means(
        records=records,
        router=router,
        toolbox=Toolbox(plugins, settings.tools, now, egress),
        plugins=Plugins(plugins),
        tell_owner=tell_owner,
        system=system_prompt(settings.conversation.system_prompt),
        prices=prices_of(settings),
        search=settings.conversation.web_search,
        effort=settings.router.effort,
        while_busy=settings.conversation.while_busy,
        busy_s=settings.timeouts.busy_s,
        turn_s=settings.timeouts.turn_s,
        max_age_s=settings.conversation.max_age_s,
    )
    return Assistant(means, access)


# ---------------------------------------------------------------------------------------------------------------------
# Running


async def _run(running: _Running, stack: AsyncExitStack, stop: Stop, ready: Callable[[Report], None]) -> None:
    """Listen and answer until asked to stop, or until the engine fails."""
    try:
        async with asyncio.TaskGroup() as tasks:
            engine = tasks.create_task(running.engine.run(running.turn, ()), name="engine")
            bots = tasks.create_task(running.listen(stack, ready), name="bots")
            await stop.asked.wait()
            bots.cancel()
            await asyncio.gather(bots, return_exceptions=True)
            await _finish(engine, stop)
    except ExceptionGroup as failures:
        raise _first(failures) from failures


async def _finish(engine: "asyncio.Task[None]", stop: Stop) -> None:
    """Nothing new comes in: let the engine finish what it can, unless it has to be at once."""
    engine.cancel()
    hurried = asyncio.create_task(stop.hurried.wait())
    await asyncio.wait({engine, hurried}, return_when=asyncio.FIRST_COMPLETED)
    hurried.cancel()
    engine.cancel()


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    """What it began with."""
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first


async def _unless_stopped(opening: Coroutine[None, None, T], stop: Stop) -> T | None:
    """What it returns, or None where the end was asked for first."""
    task = asyncio.create_task(opening)
    asked = asyncio.create_task(stop.asked.wait())
    await asyncio.wait({task, asked}, return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    if task.done():
        return task.result()
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    return None
