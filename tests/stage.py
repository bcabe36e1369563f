"""An engine over a folder, a messenger in memory, and turns that a test plays by hand: every race has one end."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager, closing
from dataclasses import replace

from contracts.rigs.engines import SqliteRig, running, until
from core.seams import Engine, Work
from core.testing import Call, FakeAdapter, Fault, message
from core.values import Choice, Outbound, Outcome, Received, Reply


class Scene:
    """One turn, waiting for the test to say what it does."""

    def __init__(self, work: Work) -> None:
        self.work = work
        self.outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()

    @property
    def first(self) -> Received:
        """The event it is about."""
        return self.work.events[0]

    def out(self, text: str, *, part: str = "", choices: tuple[Choice, ...] = ()) -> Outbound:
        """Something said in the turn's slot, or in a further one of it."""
        reply = Reply(markdown=text, choices=choices)
        return Outbound(slot=f"{self.first.row}{part}", to=self.first.inbound.to, reply=reply)

    async def show(self, text: str, *, part: str = "") -> None:
        """Show an unfinished answer."""
        await self.work.show(replace(self.out(text, part=part), final=False))

    def end(self, *out: str | Outbound) -> None:
        """End the turn with these answers."""
        said = tuple(self.out(one) if isinstance(one, str) else one for one in out)
        self.outcome.set_result(Outcome(done=(self.first.row,), out=said))


class Stage:
    """What a test of delivery plays on."""

    def __init__(self, engine: Engine, adapter: FakeAdapter) -> None:
        self.engine = engine
        self.adapter = adapter
        self._scenes: asyncio.Queue[Scene] = asyncio.Queue()

    async def turn(self, work: Work) -> Outcome:
        """Make each turn a scene."""
        scene = Scene(work)
        self._scenes.put_nowait(scene)
        return await scene.outcome

    async def scene(self, within_s: float = 5.0) -> Scene:
        """The next turn that begins."""
        async with asyncio.timeout(within_s):
            return await self._scenes.get()

    async def ask(self, chat: str = "1", *, sender: str = "ann", private: bool = True) -> Scene:
        """Let somebody ask; the turn that begins."""
        await self.engine.accept([message("?", chat=chat, sender=sender, private=private)])
        return await self.scene()

    async def reads(self, *texts: str, chat: str = "1") -> None:
        """Wait until the chat shows just this."""
        try:
            await self.adapter.until(lambda: self.adapter.texts(chat) == list(texts))
        except TimeoutError:
            raise AssertionError(f"the chat shows {self.adapter.texts(chat)}, not {list(texts)}") from None

    async def called(self, count: int) -> None:
        """Wait until so many calls were begun."""
        await self.adapter.until(lambda: len(self.adapter.calls) >= count)


class Fails(FakeAdapter):
    """Fails the calls that a test picks."""

    def __init__(self, picks: Callable[[Call], Fault | None]) -> None:
        super().__init__()
        self.picks = picks

    def fault(self, call: Call) -> Fault | None:
        return self.picks(call)


@asynccontextmanager
async def staged(rig: SqliteRig, *adapters: FakeAdapter) -> AsyncGenerator[Stage]:
    """Open an engine and run it with the stage's turns; the first adapter is the one the stage looks at."""
    async with rig.open() as engine:
        stage = Stage(engine, adapters[0] if adapters else FakeAdapter())
        async with running(engine, stage.turn, *adapters):
            yield stage


async def settled(rig: SqliteRig, *states: str) -> None:
    """Wait until nothing is on its way, or until the pages have these states."""

    def holds() -> bool:
        now = outbox(rig)
        return now == list(states) if states else not {"pending", "sending"} & set(now)

    await until(holds, within_s=5)


def outbox(rig: SqliteRig) -> list[str]:
    """The states of all pages, oldest first, as another process would read them."""
    path = rig.folder / "waystation.db"
    with closing(sqlite3.connect(path)) as db:
        return [state for (state,) in db.execute("SELECT state FROM outbox ORDER BY id")]
