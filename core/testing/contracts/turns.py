"""What tests of engines have turns do, and how they wait for what nothing tells of."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from core.seams import Adapter, Engine, Turn, Work
from core.values import Message, Outbound, Outcome, Received, Reply


@asynccontextmanager
async def running(engine: Engine, turn: Turn, *adapters: Adapter) -> AsyncGenerator[asyncio.Task[None]]:
    """Run an engine for as long as the block lasts, then stop it as a shutdown does."""
    task = asyncio.create_task(engine.run(turn, adapters))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.wait({task})
        if not task.cancelled() and (error := task.exception()) is not None:
            raise error


async def until(true: Callable[[], object], within_s: float = 10.0) -> None:
    """Wait until something holds that nothing tells of."""
    async with asyncio.timeout(within_s):
        while not true():  # noqa: ASYNC110  see above
            await asyncio.sleep(0.002)


def text_of(received: Received) -> str:
    """What was said, or what kind of event it is."""
    body = received.inbound.body
    return body.text if isinstance(body, Message) else body.kind


def say(received: Received, text: str, *, final: bool = True) -> Outbound:
    """Something said in answer to an event, in the slot of its row."""
    return Outbound(slot=str(received.row), to=received.inbound.to, reply=Reply(markdown=text), final=final)


def answered(received: Received, text: str = "") -> Outcome:
    """The outcome that answers one event, with its own words if there are no others."""
    return Outcome(done=(received.row,), out=(say(received, text or text_of(received)),))


async def echo(work: Work) -> Outcome:
    """Say the first event again."""
    return answered(work.events[0])


@dataclass
class Diary:
    """A turn that notes what it sees, answers nothing, and lets tests wait."""

    seen: list[tuple[str, ...]] = field(default_factory=list)
    steps: list[tuple[bytes, ...]] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self, work: Work) -> Outcome:
        """See ``Turn``."""
        self.note(work.events, work.steps)
        return Outcome(done=tuple(received.row for received in work.events))

    def note(self, events: Sequence[Received], steps: Sequence[bytes] = ()) -> None:
        """Keep what a turn, or its ``later``, was given."""
        self.seen.append(tuple(text_of(received) for received in events))
        self.steps.append(tuple(steps))
        self._changed.set()

    @property
    def texts(self) -> list[str]:
        """Everything seen, in order."""
        return [text for texts in self.seen for text in texts]

    async def until(self, count: int, within_s: float = 10.0) -> None:
        """Wait until so many events were seen."""
        async with asyncio.timeout(within_s):
            while len(self.texts) < count:
                self._changed.clear()
                await self._changed.wait()
