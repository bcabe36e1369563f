"""One lane in memory: what a turn sees of an engine, for tests of the turn alone.

``Lane`` keeps rows, steps, records, jobs and slots as an engine would, runs one turn at a time, and applies its outcome
whole or not at all. The real engine has tests of its own, and runs the real turn in ``tests/e2e``.
"""

import asyncio
import json
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from datetime import UTC, datetime
from itertools import count
from typing import Literal

from core.config.settings import Tools
from core.context.conversation import NewConversations
from core.errors import CallMalformed
from core.exchange import Delta, Effort, Entry, Finished, Model, ModelEvent, Part, Request, ToolSchema, Usage
from core.models.display import StoredModelChoice
from core.models.routing import Router
from core.people.access import Access
from core.plugin import Effect, Plugin, Tool, ToolContext
from core.seams import Provider, Records, Work
from core.testing import FakeProvider
from core.turn.answering import Means
from core.turn.assistant import Assistant
from core.turn.hearing import WhileBusy
from core.turn.plugins import Plugins
from core.turn.toolbox import Caller, Toolbox
from core.values import (
    Address,
    Body,
    Command,
    Fired,
    Inbound,
    Job,
    Message,
    Outbound,
    Outcome,
    Put,
    Received,
    Record,
    Tap,
)
from plugins.conversation import conversation_plugin
from plugins.model import model_plugin

HERE = Address(adapter="fake", chat="1")
GROUP = Address(adapter="fake", chat="g", private=False)


def commanding(records: Records, router: Router) -> list[Plugin]:
    """The plugins whose commands people expect."""
    choice = StoredModelChoice(records, lambda: router)
    return [conversation_plugin("conversation", NewConversations()), model_plugin("model", choice)]


async def ran(toolbox: Toolbox, call: Part, scope: str = "ann") -> Part:
    """Make a call for somebody; what the model is told."""
    inbound = Inbound(key="1", sender=scope, to=HERE, body=Message(id="1", text="?"))
    asked = Received(row=1, scope=scope, space=scope, at=datetime.now(UTC), inbound=inbound)
    return (await toolbox.run(call, Caller(received=asked, lane="plane"))).part


Script = Sequence[ModelEvent | Exception | asyncio.Event]


class Killed(BaseException):
    """The process ended here."""


class FakeRecords:
    """Records in memory."""

    def __init__(self) -> None:
        self.rows: dict[tuple[str, str], bytes] = {}

    async def get(self, table: str, row: str) -> Record | None:
        body = self.rows.get((table, row))
        return None if body is None else Record(row=row, body=body, version=1)

    async def latest(self, table: str, prefix: str, limit: int) -> tuple[Record, ...]:
        found = sorted((row, body) for (tbl, row), body in self.rows.items() if tbl == table and row.startswith(prefix))
        return tuple(Record(row=row, body=body, version=1) for row, body in found[-limit:])

    async def before(self, table: str, prefix: str, row: str, limit: int) -> tuple[Record, ...]:
        return tuple([one for one in await self.latest(table, prefix, len(self.rows) or 1) if one.row < row][-limit:])

    async def after(self, table: str, prefix: str, row: str, limit: int) -> tuple[Record, ...]:
        return tuple([one for one in await self.latest(table, prefix, len(self.rows) or 1) if one.row > row][:limit])

    async def owned(self, scope: str, after: tuple[str, str], limit: int) -> tuple[tuple[str, Record], ...]:
        raise NotImplementedError

    def apply(self, writes: Iterable[Put]) -> None:
        for put in writes:
            if put.body is None:
                self.rows.pop((put.table, put.row), None)
            else:
                self.rows[put.table, put.row] = put.body


class FakeWork:
    """What one turn sees."""

    def __init__(self, lane: "Lane", events: tuple[Received, ...]) -> None:
        self.lane = lane.name
        self.events = events
        self.steps = tuple(lane.steps)
        self._lane = lane
        self._seen = events[-1].row

    async def later(self) -> tuple[Received, ...]:
        while True:
            newer = tuple(received for received in self._lane.rows if received.row > self._seen)
            if newer:
                self._seen = newer[-1].row
                return newer
            self._lane.news.clear()
            await self._lane.news.wait()

    async def record(self, step: bytes, *writes: Put, out: Sequence[Outbound] = ()) -> None:
        await self._lane.at("record", json.loads(step)["kind"])
        self._lane.steps.append(step)
        self._lane.records.apply(writes)
        self._lane.say(out)

    async def show(self, out: Outbound) -> bool:
        self._lane.shown.append(out)
        self._lane.drawn.set()
        return self._lane.shows_words

    async def pause(self, seconds: float) -> None:
        self._lane.pauses.append(seconds)
        await asyncio.sleep(seconds)


class Lane:
    """One context.

    Attributes:
        said: What each slot reads, in the order they were first filled.
        shown: Every preview.
        shows_words: Whether the chat shows more than that something is being done.
        pauses: How long each pause of a turn was to be.
        kill: Called with the name of a moment; what it raises ends the run there.
    """

    def __init__(self, *, window: int = 64, name: str = "plane") -> None:
        self.name = name
        self.records = FakeRecords()
        self.rows: list[Received] = []
        self.steps: list[bytes] = []
        self.said: dict[str, Outbound] = {}
        self.shown: list[Outbound] = []
        self.shows_words = True
        self.pauses: list[float] = []
        self.jobs: dict[str, Job] = {}
        self.news = asyncio.Event()
        self.drawn = asyncio.Event()
        self.kill: Callable[[str, str], None] = lambda moment, what: None
        self._window = window
        self._numbers = count(1)

    def hear(self, *events: Inbound | Body | str, scope: str = "ann", to: Address = HERE, name: str = "") -> list[int]:
        """Somebody does these things; the rows they became."""
        for event in events:
            number = next(self._numbers)
            body: Body
            if isinstance(event, Inbound):
                inbound = event
            else:
                body = Message(id=str(number), text=event) if isinstance(event, str) else event
                inbound = Inbound(key=str(number), sender=scope, to=to, body=body, name=name)
            space = scope if inbound.to.private else "group"
            now = datetime.now(UTC)
            self.rows.append(Received(row=number, scope=scope, space=space, inbound=inbound, at=now))
        self.news.set()
        return [received.row for received in self.rows[-len(events) :]]

    async def at(self, moment: str, what: str = "") -> None:
        """A moment at which the process might be killed."""
        self.kill(moment, what)
        await asyncio.sleep(0)

    async def turn(self, assistant: Callable[[Work], object]) -> Outcome:
        """Run one turn and apply what came of it."""
        work = FakeWork(self, tuple(self.rows[: self._window]))
        outcome = await assistant(work)  # type: ignore[misc]
        assert isinstance(outcome, Outcome)
        await self.at("commit")
        self.settle(outcome)
        return outcome

    def settle(self, outcome: Outcome) -> None:
        """What an engine does with an outcome."""
        assert outcome.done
        assert set(outcome.done) <= {received.row for received in self.rows}, "a row that is not open"
        self.rows = [received for received in self.rows if received.row not in outcome.done]
        self.steps.clear()
        self.records.apply(outcome.writes)
        self.say(outcome.out)
        for job in outcome.jobs:
            self.jobs.pop(job.id, None)
            if not job.cancel:
                self.jobs[job.id] = job

    def say(self, outs: Iterable[Outbound]) -> None:
        """Slots read what they are to read."""
        for out in outs:
            assert len(out.slot) <= 22, "no room for a page's number"
            self.said[out.slot] = out

    async def run(self, assistant: Callable[[Work], object]) -> None:
        """Run turns, and jobs that continue one, until nothing is left to do."""
        while True:
            while self.rows:
                await self.turn(assistant)
            due = [job for job in self.jobs.values() if job.id.startswith("goon/")]
            if not due:
                return
            self.fire(due[0])

    def fire(self, job: Job) -> None:
        """The job comes due."""
        del self.jobs[job.id]
        scope = "ann" if job.sender == "" else job.sender
        body = Fired(job=job.id, due=datetime.now(UTC))
        self.hear(Inbound(key=f"job {job.id}", sender=scope, to=job.to, body=body), scope=scope)

    def texts(self) -> list[str]:
        """What the chat reads."""
        return [out.reply.markdown for out in self.said.values()]

    def buttons(self) -> tuple[str, str]:
        """The tokens for yes and no of the newest question that has its buttons."""
        choices = [out.reply.choices for out in self.said.values() if out.reply.choices][-1]
        return choices[0].token, choices[1].token

    async def showing(self, text: str) -> None:
        """Wait until a preview shows this."""
        async with asyncio.timeout(5):
            while not any(text in out.reply.markdown for out in self.shown):
                self.drawn.clear()
                await self.drawn.wait()


class Windowed(FakeProvider):
    """A model with a window of so many tokens; 0 is unknown."""

    def __init__(
        self, *scripts: Script, window: int = 0, name: str = "fake", tools: bool = True, effort: bool = False
    ) -> None:
        super().__init__(*scripts, name=name)
        self.effort = effort
        self.window = window
        self.tools = tools
        self.asked = asyncio.Event()
        self._says: Callable[[Request], Script] | None = None

    def scripts_for(self, says: Callable[[Request], Script]) -> None:
        """Say what this makes of a request."""
        self._says = says

    async def models(self) -> tuple[Model, ...]:
        return (
            Model(
                id="fake", context_tokens=self.window, images=True, documents=True, tools=self.tools, effort=self.effort
            ),
        )

    async def stream(self, request: Request) -> AsyncGenerator[ModelEvent, None]:
        self.asked.set()
        if self._says is not None:
            self._scripts.clear()
            self._scripts.append(self._says(request))
        stream = super().stream(request)
        try:
            async for event in stream:
                yield event
        finally:
            await stream.aclose()


def assistant(
    lane: Lane,
    *providers: Provider,
    tools: Iterable[Tool] = (),
    plugins: Iterable[Plugin] = (),
    while_busy: WhileBusy = "queue",
    policy: Literal["pairing", "open"] = "open",
    local: Sequence[str] = (),
    busy_s: float = 0.2,
    turn_s: float = 30.0,
    call_s: float = 30.0,
    limits: Tools | None = None,
    system: str = "Be brief.",
    search: bool = False,
    effort: Effort = "",
    album_s: float = 0.01,
    max_age_s: float = 0.0,
) -> Assistant:
    """The real turn over a lane's records."""
    limits = limits or Tools(call_s=call_s)
    router = Router(providers, "auto")
    opened = [Plugin(name="test", tools=tuple(tools)), *commanding(lane.records, router), *plugins]
    toolbox = Toolbox(opened, limits)
    means = Means(
        records=lane.records,
        router=router,
        toolbox=toolbox,
        plugins=Plugins(opened),
        system=system,
        search=search,
        effort=effort,
        while_busy=while_busy,
        busy_s=busy_s,
        turn_s=turn_s,
        album_s=album_s,
        max_age_s=max_age_s,
    )
    return Assistant(means, Access(lane.records, policy, local))


def calls(*wanted: tuple[str, str], text: str = "", ids: Sequence[str] = ()) -> Script:
    """A model's step that calls these tools with these arguments."""
    names = ids or [f"call{number}" for number in range(len(wanted))]
    parts = [Part(kind="text", body=text)] if text else []
    parts += [
        Part(kind="call", id=identity, name=name, body=body)
        for identity, (name, body) in zip(names, wanted, strict=True)
    ]
    deltas = [Delta(text=text)] if text else []
    return (*deltas, Finished(reason="tools", parts=tuple(parts), usage=Usage()))


def ended(reason: Literal["stop", "tools", "length", "refusal", "pause"], *parts: Part, said: str = "") -> Script:
    """A model's answer that ends for this reason."""
    texts = [Part(kind="text", body=said)] if said else []
    deltas = [Delta(text=said)] if said else []
    return (*deltas, Finished(reason=reason, parts=(*texts, *parts), usage=Usage()))


class FakeTool:
    """A tool that notes what it was asked.

    Args:
        does: Called with the arguments; what it returns is the result, what it raises happens to the tool.
    """

    def __init__(
        self, name: str, effect: Effect = "reads", does: Callable[[str], object] | None = None, *, nameless: str = "bad"
    ) -> None:
        self.made: list[str] = []
        self.contexts: list[ToolContext] = []
        self.began = asyncio.Event()
        self.go = asyncio.Event()
        self.go.set()
        self.tool = Tool(
            schema=ToolSchema(name=name, description=f"The tool {name}.", parameters='{"type": "object"}'),
            effect=effect,
            call=self._call,
            summary=self._summary,
        )
        self._does = does or (lambda arguments: f"did {arguments}")
        self._bad = nameless

    async def _call(self, arguments: str, context: ToolContext) -> str:
        self.made.append(arguments)
        self.contexts.append(context)
        self.began.set()
        await self.go.wait()
        return self._does(arguments)  # type: ignore[return-value]

    def _summary(self, arguments: str) -> str:
        if self._bad in arguments:
            raise CallMalformed("it is bad")
        return f"Do {arguments}."


def said(entry: Entry) -> str:
    """The words of an entry, results included."""
    return "\n".join(part.body for part in entry.parts if part.kind in {"text", "result"})


def question(request: Request) -> str:
    """What a model was asked last."""
    return said(request.entries[-1])


def stop() -> Command:
    """What a person says who has heard enough."""
    return Command(name="stop")


def tap(token: str) -> Tap:
    """A button is pressed."""
    return Tap(token=token)
