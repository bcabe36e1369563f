"""The seams: what an adapter, a provider, a plugin and an engine promise each other.

Each is a small protocol with one contract in ``core/testing/contracts`` that every implementation passes.
Nothing here has optional methods or a lifecycle: abilities are data (``Capabilities``), and whatever has to be
opened and closed is opened by a ``Spec``'s async context manager, which the composition root holds.
"""

from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Literal, Protocol, TypeVar

from pydantic import BaseModel

from core.exchange import Blob, Embedded, Model, ModelEvent, Painted, Request, Spoken, Transcript
from core.site import BotSite, EngineSite, ProviderSite, Spec
from core.values import (
    Address,
    Capabilities,
    Inbound,
    Media,
    Outbound,
    Outcome,
    Page,
    Put,
    Receipt,
    Received,
    Record,
    Reply,
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
            slot: The idempotency key where the platform has one: 1 to 24 letters from A to z, digits, - _ and dots.
            was: The platform's id of the message to edit, None to send a new one.

        Returns:
            The platform's id of the message, never "" for one that is there.

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


class Embedder(Protocol):
    """Texts into vectors."""

    async def embed(self, texts: Sequence[str], *, model: str = "") -> Embedded:
        """Embed texts; without a model, by the provider's own.

        Raises:
            ProviderError: In the kinds of ``core/errors.py``; likewise below.
        """


class Painter(Protocol):
    """Words into images."""

    async def paint(self, description: str, *, model: str = "", like: Sequence[Blob] = ()) -> Painted:
        """Make an image, or change those it is to be ``like``."""


class Listener(Protocol):
    """Speech into text."""

    async def transcribe(self, sound: Blob, *, model: str = "") -> Transcript:
        """Write down what is said."""


class Speaker(Protocol):
    """Text into speech."""

    async def speak(self, text: str, *, model: str = "", voice: str = "") -> Spoken:
        """Read a text aloud."""


@value
class Abilities:
    """What a provider does beside talking; None where it does not."""

    embedder: Embedder | None = None
    painter: Painter | None = None
    listener: Listener | None = None
    speaker: Speaker | None = None


class Provider(Protocol):
    """One lab's or protocol's models."""

    @property
    def name(self) -> str:
        """The name as configured (``local``)."""

    @property
    def abilities(self) -> Abilities:
        """What it does beside talking."""

    async def models(self) -> tuple[Model, ...]:
        """What can be asked for here, best first.

        Raises:
            ProviderError: The provider cannot say.
        """

    def stream(self, request: Request) -> AsyncGenerator[ModelEvent, None]:
        """Ask a model. Consume under ``aclosing``: closing it closes the connection at once.

        Yields:
            Any number of ``Delta`` and ``Spent``, rarely a ``Retracted``, then exactly one ``Finished``.

        Raises:
            ProviderError: In the kinds of ``core/errors.py``, before or in the middle of the stream.
        """


class Records(Protocol):
    """Reading what ``Put`` wrote, unsealed. Rows are in the order of their names' code points."""

    async def get(self, table: str, row: str) -> Record | None:
        """One row, None where there is none."""

    async def latest(self, table: str, prefix: str, limit: int) -> tuple[Record, ...]:
        """At most ``limit`` rows whose names begin so, the last by name, in ascending order."""

    async def before(self, table: str, prefix: str, row: str, limit: int) -> tuple[Record, ...]:
        """At most ``limit`` rows whose names begin so and come before ``row``, the last of them, in ascending order."""

    async def after(self, table: str, prefix: str, row: str, limit: int) -> tuple[Record, ...]:
        """At most ``limit`` rows whose names begin so and come after ``row``, the first of them, in ascending order."""

    async def owned(self, scope: str, after: tuple[str, str], limit: int) -> tuple[tuple[str, Record], ...]:
        """At most ``limit`` rows of a scope beyond a table and a row, by table and row; each with its table.

        Begin after ("", ""), and go on after the last.
        """


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

    async def record(self, step: bytes, *writes: Put, out: Sequence[Outbound] = ()) -> None:
        """Commit a step now, apart from the outcome, and what is said along with it in slots of its own.

        Steps are forgotten when the turn commits.
        """

    async def show(self, out: Outbound) -> bool:
        """Show an unfinished answer. Never blocks; only the latest counts. An empty one means "working on it".

        Returns:
            Whether the chat shows its words, and not only that something is being done.
        """

    async def pause(self, seconds: float) -> None:
        """Do nothing for a while. A turn that only waits ends here when the process does, and runs again."""


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
    """Turns content into what is stored, and back. Keys are per scope; a place is scope, table and row.

    "Sealed" in what is said of the store means: gone through this. What that hides is the sealer's affair; the one that
    ships (``core/engines/sealing.py``) hides nothing.
    """

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
# What entry points name

_S = TypeVar("_S", bound=BaseModel)

BotSpec = Spec[BotSite, _S, Adapter]
ProviderSpec = Spec[ProviderSite, _S, Provider]
EngineSpec = Spec[EngineSite, _S, Engine]
