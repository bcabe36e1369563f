"""The seams: what an adapter, a provider, a plugin and an engine promise each other.

Each is a small protocol with one contract suite in ``tests/contracts`` that every implementation passes.
Nothing here has optional methods or a lifecycle: abilities are data (``Capabilities``), and whatever has to be
opened and closed is opened by a ``Spec``'s async context manager, which the composition root holds.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Generic, Literal, Protocol, TypeVar

from pydantic import BaseModel

from core.values import (
    Address,
    Capabilities,
    Conversation,
    Entry,
    Inbound,
    Media,
    Model,
    ModelEvent,
    Outbound,
    Outcome,
    Page,
    Put,
    Receipt,
    Received,
    Reply,
    Request,
    ToolSchema,
    value,
)

Accept = Callable[[Sequence[Inbound | Receipt]], Awaitable[tuple[bool, ...]]]
"""Make events durable. Returns after the commit, one flag an event: False for one that was seen before."""


class Adapter(Protocol):
    """One messenger. ``open`` yields it ready to ``put``; ``run`` listens until it is cancelled."""

    @property
    def name(self) -> str:
        """The name in its addresses, as configured."""

    def capabilities(self, to: Address) -> Capabilities:
        """What this chat can do. Pure and quick: it is asked for every page."""

    async def run(self, accept: Accept) -> None:
        """Push events into ``accept`` and acknowledge them to the platform only after it returned.

        Raises:
            PlatformRefusedUs: Our credentials are not accepted: final.
            AdapterError: Anything else; the supervisor starts it again after a while.
        """

    def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
        """Render a reply in one of the forms and split it by rendered length. Pure; at least one page.

        Choices go on the last page. An unfinished reply (a preview) must render calmly too.
        """

    async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:
        """Say the page in the chat, or make what is there (``was``) read so; None takes it back.

        Args:
            slot: The idempotency key where the platform has one; at most 24 characters.
            was: The platform's id of the message to edit, None to send a new one.

        Returns:
            The platform's id of the message.

        Raises:
            AdapterError: In the kinds of ``core/errors.py``; an edit that changes nothing is no error.
        """

    async def signal(self, to: Address, activity: Page | Literal["typing", "seen"], *, slot: str) -> None:
        """Show that something is going on: a draft, typing, a read mark. Best effort, leaves nothing behind.

        Raises:
            AdapterError: The caller goes on without it; PlatformBusy is heeded.
        """

    def fetch(self, media: Media) -> AsyncGenerator[bytes, None]:
        """The bytes of a file one of our events referred to, in pieces, capped in size.

        Raises:
            MediaUnavailable: Gone, or larger than allowed.
        """


class Provider(Protocol):
    """One lab's or protocol's models."""

    @property
    def name(self) -> str:
        """The name as configured (``local``)."""

    async def models(self) -> tuple[Model, ...]:
        """What can be asked for here, best first.

        Raises:
            ProviderError: The provider cannot say.
        """

    def stream(self, request: Request) -> AsyncGenerator[ModelEvent, None]:
        """Ask a model. Consume under ``aclosing``: closing it closes the connection at once.

        Yields:
            Any number of ``Delta`` and ``Spent``, then exactly one ``Finished``.

        Raises:
            ProviderError: In the kinds of ``core/errors.py``, before or in the middle of the stream.
        """


class Records(Protocol):
    """Reading what ``Put`` wrote. Bodies come back unsealed."""

    async def get(self, table: str, row: str) -> bytes | None:
        """One row, None where there is none."""

    async def latest(self, table: str, prefix: str, limit: int) -> tuple[tuple[str, bytes], ...]:
        """At most ``limit`` rows whose names begin so, the last by name, in ascending order."""


class Work(Protocol):
    """What a turn sees of the engine."""

    @property
    def lane(self) -> str:
        """The context's name; stable, and without any platform's id in it."""

    @property
    def events(self) -> tuple[Received, ...]:
        """The lane's open rows, in order; never empty. A very long queue comes in pieces."""

    @property
    def steps(self) -> tuple[bytes, ...]:
        """What an earlier run of this turn, which was killed, had recorded."""

    async def later(self) -> tuple[Received, ...]:
        """Wait for newer rows of the lane, while the turn runs; each row comes once."""

    async def record(self, step: bytes, *writes: Put) -> None:
        """Commit a step now, apart from the outcome. Steps are forgotten when the turn commits."""

    async def show(self, out: Outbound) -> None:
        """Show an unfinished answer. Never blocks; only the latest counts. An empty one means "working on it"."""


Turn = Callable[[Work], Awaitable[Outcome]]


class Engine(Protocol):
    """Keeps what was accepted, runs turns in order, and delivers what they say."""

    @property
    def records(self) -> Records:
        """The committed rows."""

    async def run(self, turn: Turn, adapters: Sequence[Adapter], /) -> None:
        """Run turns and deliver until cancelled; then finish what can be finished within the grace time."""

    async def join(self, adapter: Adapter, /) -> None:
        """Let in an adapter that was not ready when ``run`` began; what waits for it is delivered from now on."""

    async def accept(self, events: Sequence[Inbound | Receipt], /) -> tuple[bool, ...]:
        """See ``Accept``."""

    async def commit(self, outcome: Outcome, /) -> None:
        """What a turn's end does, outside of any turn (something said by itself, administration)."""

    async def lane(self, adapter: str, sender: str, /) -> str:
        """The lane of somebody's private chats, "" for whom we have never heard of."""

    async def counts(self) -> dict[str, int]:
        """How much is where, for people to read."""

    def lease(self, name: str, /) -> AbstractAsyncContextManager[int]:
        """Hold a name alone (one poller a bot); yields a fence, larger each time the name is taken."""


class Sealer(Protocol):
    """Turns content into what is stored, and back. Keys are per scope; a place is scope, table and row."""

    def new_key(self) -> bytes:
        """A fresh data key, wrapped for storing beside its scope."""

    def seal(self, key: bytes, place: tuple[str, str, str], body: bytes) -> bytes:
        """Seal a body to one place: it opens nowhere else."""

    def open(self, key: bytes, place: tuple[str, str, str], sealed: bytes) -> bytes:
        """The body again.

        Raises:
            StoreError: It was changed, or belongs to another place.
        """


# ---------------------------------------------------------------------------------------------------------------------
# Plugins

Effect = Literal["reads", "writes", "sends", "spends"]
"""What a tool does to the world. Everything but ``reads`` needs the person's tap on the exact arguments."""


@value
class ToolContext:
    """What a tool may know about its caller; who it is comes from here, never from the model's arguments."""

    scope: str
    now: datetime


@value
class Tool:
    """Something a model may call.

    Attributes:
        schema: Name, description and parameters as the model sees them.
        effect: See ``Effect``.
        summary: The question put to the person before a call with an effect, of its exact arguments (JSON text).
        call: Does it. Gets the arguments as JSON text and returns text for the model;
            raises ``CallMalformed`` or ``ToolFailed``.
    """

    schema: ToolSchema
    effect: Effect
    call: Callable[[str, ToolContext], Awaitable[str]]
    summary: Callable[[str], str]


@value
class Plugin:
    """What one plugin adds."""

    name: str
    tools: tuple[Tool, ...] = ()


# ---------------------------------------------------------------------------------------------------------------------
# How implementations are found and opened

T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S", bound=BaseModel)


class Wire(Protocol):
    """One connection to the control socket, in lines of text."""

    async def receive(self) -> str | None:
        """The next line without its end, None when the other side is gone."""

    async def send(self, line: str) -> None:
        """Send one line; silently nothing when the other side is gone."""


class Archive(Protocol):
    """A person's own conversations, for an adapter that shows more than the last messages.

    Whose they are is decided by adapter and sender, as in an ``Inbound``: from a verified session only.
    """

    async def conversations(self, sender: str) -> tuple[Conversation, ...]:
        """All of them, the latest first; there is always a current one."""

    async def read(self, sender: str, conversation: str) -> tuple[Entry, ...]:
        """What was said in one of them, oldest first; nothing for one that is not theirs."""


Handler = Callable[[Any], Awaitable[Any]]
"""Answers an HTTP request: a handler of ``aiohttp.web``, which whoever registers one imports by itself."""


class Routes(Protocol):
    """The one HTTP server, as whoever is reached over it sees it.

    It has checked the name it was called by, the origin and the length that is claimed before a handler is called.
    Paths below ``/webhooks/`` are for other programs: those say no origin, and prove themselves to the handler.
    """

    @property
    def url(self) -> str:
        """Where people reach it, without a slash at the end."""

    def add(self, method: str, path: str, handler: Handler, *, most_bytes: int = 1 << 20) -> None:
        """Answer a path, or with a ``*`` at its end whatever begins so. The body is untouched, to be read or streamed.

        Args:
            most_bytes: Longer bodies are refused.

        Raises:
            SettingsError: There is no server to be reached by; the sentence says why.
        """


class Memo(Protocol):
    """A few small facts an implementation wants to find again after a restart (a hash); nothing personal."""

    async def get(self, name: str) -> str:
        """What was kept under the name, "" where nothing was."""

    async def keep(self, name: str, text: str) -> None:
        """Keep it."""


@dataclass(frozen=True, kw_only=True)
class Site:
    """What the composition root hands to whatever it opens.

    Attributes:
        name: What this one is called in the configuration.
        data_dir: Where this deployment keeps its files.
        control: Register what answers a command that arrives on the control socket.
        routes: The HTTP server, None where nothing is to be served.
        public_url: Where it is reached from outside, "" where it is not.
        archive: People's conversations, None where they cannot be had.
        announce: Register what makes a line for whoever runs this, told at the start and when asked how it is doing.
        unknown: What the operator wants done after a send of which nobody knows whether it arrived.
        commands: What a menu of commands should show: names without the slash, and what each does.
        connect_s: How long to wait for a connection; likewise for a model's first token, for its next, and at shutdown.
    """

    name: str
    data_dir: Path
    memo: Memo
    control: Callable[[str, Callable[[Wire], Awaitable[None]]], None]
    routes: Routes | None = None
    public_url: str = ""
    archive: Archive | None = None
    announce: Callable[[Callable[[], str]], None] = lambda _: None
    unknown: Literal["resend", "mark"] = "resend"
    commands: tuple[tuple[str, str], ...] = ()
    connect_s: float = 5.0
    first_token_s: float = 60.0
    idle_s: float = 60.0
    grace_s: float = 10.0


@dataclass(frozen=True, kw_only=True)
class Spec(Generic[S, T_co]):
    """An entry point's target: importable without its SDK.

    Attributes:
        settings: The pydantic model of its configuration section.
        open: Opens one, given the site and its settings; what it yields is ready for use and closed at exit.
        configured: None where the settings suffice to open it, else one sentence that says what is missing.
        local: Only whoever runs this machine can reach it: what it says comes from the owner.
    """

    name: str
    settings: type[S]
    open: Callable[[Site, S], AbstractAsyncContextManager[T_co]]
    configured: Callable[[S], str | None] = lambda _: None
    local: bool = False
