"""How implementations are found and opened: what each says of itself, and what it is handed."""

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from pydantic import BaseModel

from core.checks import refused
from core.errors import AddressRefused, MediaUnavailable
from core.exchange import Entry, Model
from core.proxies import NO_PROXIES, Proxies
from core.values import Conversation, Media, value

T_co = TypeVar("T_co", covariant=True)
S = TypeVar("S", bound=BaseModel)


class Wire(Protocol):
    """One connection to the control socket, in lines of text."""

    async def receive(self) -> str | None:
        """The next line without its end, None when the other side is gone."""

    async def send(self, line: str) -> None:
        """Send one line; silently nothing when the other side is gone."""


@value
class Excerpt:
    """A part of a conversation, oldest first.

    Attributes:
        places: Where each entry stands in it: names that sort as the entries do, and that an entry keeps.
        begins: Whether nothing stands before the first entry.
        ends: Whether nothing stands after the last one.
    """

    entries: tuple[Entry, ...] = ()
    places: tuple[str, ...] = ()
    begins: bool = True
    ends: bool = True

    def __post_init__(self) -> None:
        if len(self.places) != len(self.entries):
            reason = f"are {len(self.places)} for {len(self.entries)} entries"
            raise refused("Excerpt.places", self.places, reason, "name one place an entry")


class Archive(Protocol):
    """A person's own conversations, for an adapter that shows more than the last messages.

    Whose they are is decided by adapter and sender, as in an ``Inbound``: from a verified session only.
    """

    async def conversations(self, sender: str) -> tuple[Conversation, ...]:
        """All of them, the latest first; there is always a current one."""

    async def read(
        self, sender: str, conversation: str, *, before: str | None = None, after: str | None = None, limit: int = 200
    ) -> Excerpt:
        """What was said in one of them: its end, or a part of it; nothing for one that is not theirs.

        Args:
            before: Read what stands before this place, the last of it.
            after: Read what stands after this place, the first of it; "" for the beginning of the conversation.
            limit: How many entries at most.
        """


@value
class AnsweringModel:
    """Which model answers somebody.

    Attributes:
        name: As people write it: ``provider/model``.
        chosen: They chose it themselves; else it is the first in the operator's order.
    """

    name: str
    model: Model
    chosen: bool


class Models(Protocol):
    """Which model answers people of one adapter, and which others there are. Choosing one is the command ``/model``."""

    async def answering(self, sender: str) -> AnsweringModel | None:
        """Which one answers somebody in private, None where none can."""

    async def offered(self) -> Mapping[str, tuple[Model, ...] | str]:
        """What each provider has, best first, or why it has nothing; in the operator's order."""


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

    @property
    def public_url(self) -> str:
        """Where it is reached from outside this machine, "" where it is not."""

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


Fetch = Callable[[Media], AsyncGenerator[bytes, None]]
"""The bytes of a file, from whichever adapter it came by; see ``Adapter.fetch``. ``core/files.py`` reads it whole."""


def nothing_to_fetch(media: Media) -> AsyncGenerator[bytes, None]:
    """A ``Fetch`` of a place without adapters."""
    raise MediaUnavailable(f"there is no adapter {media.adapter!r}")


TEXT = ("text/*", "application/json", "application/*+json", "application/xml", "application/*+xml")
"""The types of what can be read as text."""


@value
class Fetched:
    """What an address holds.

    Attributes:
        url: Where it was found in the end, after redirects.
        status: HTTP's.
        mime: Without parameters, in small letters; "" where the server did not say.
        charset: As the server said it, "" where it did not.
        body: Unpacked. Empty unless the status says that it was found.
    """

    url: str
    status: int
    mime: str
    charset: str
    body: bytes


class Egress(Protocol):
    """The one way to fetch what people, pages and models name: only from the public internet, and never too much.

    Anything else a plugin reaches is a fixed address of its own, which no model has a say in.
    """

    async def get(
        self, url: str, *, types: Sequence[str] = TEXT, most_bytes: int | None = None, one_host: bool = False
    ) -> Fetched:
        """Fetch an address.

        Args:
            types: What is taken, with ``*`` for anything; other types are refused before they are read.
            most_bytes: More is refused; never more than the operator allows, and that much if not given.
            one_host: Refuse to be led on to another host.

        Raises:
            EgressError: In the kinds of ``core/errors.py``.
        """


class NoEgress:
    """The ``Egress`` of a place from where nothing is fetched."""

    async def get(
        self, url: str, *, types: Sequence[str] = TEXT, most_bytes: int | None = None, one_host: bool = False
    ) -> Fetched:
        """See ``Egress``."""
        del url, types, most_bytes, one_host
        raise AddressRefused("nothing is fetched from here")


async def nobody_told(text: str) -> None:
    """The ``tell_owner`` of a place without an owner."""
    del text


Register = Callable[[str, Callable[[Wire], Awaitable[None]]], None]
"""Register what answers a command that arrives on the control socket."""


def _not_registered(command: str, answer: Callable[[Wire], Awaitable[None]]) -> None:
    """The control of a place that no command reaches."""
    del command, answer


@value
class Operator:
    """Whoever runs this deployment, as a part of it may reach them.

    Attributes:
        control: Registers what answers a command of theirs; see ``Register``.
        announce: Registers what makes a line for them, told at the start and when asked how it is doing; it may end up
            in a journal.
        announce_at_terminal: The same for a line that holds a way in: shown at a terminal only, and not where it is "".
        tell_owner: Says something to the owner, by another messenger; never fails. For what cannot wait to be asked.
    """

    control: Register = _not_registered
    announce: Callable[[Callable[[], str]], None] = lambda _: None
    announce_at_terminal: Callable[[Callable[[], str]], None] = lambda _: None
    tell_owner: Callable[[str], Awaitable[None]] = nobody_told


@value
class AssistantInfo:
    """What an adapter may show of the assistant beside answers.

    Attributes:
        commands: What a menu of commands should show: names without the slash, and what each does.
        archive: People's conversations, None where they cannot be had.
        models: Which models answer, None where that cannot be told.
    """

    commands: tuple[tuple[str, str], ...] = ()
    archive: Archive | None = None
    models: Models | None = None


@dataclass(frozen=True, kw_only=True)
class BotSite:
    """What an adapter is handed when it is opened.

    Attributes:
        name: What this one is called in the configuration.
        data_dir: Where this deployment keeps its files.
        memo: What this adapter wants to find again after a restart.
        fetch: Yields the bytes of a file that came in by any adapter.
        server: The HTTP server, None where nothing is to be served.
        connect_s: How long to wait for a connection.
        proxies: Which proxy leads where; ``core/egress/sessions.py`` opens sessions that go by it.
    """

    name: str
    data_dir: Path
    memo: Memo
    fetch: Fetch = nothing_to_fetch
    server: Routes | None = None
    assistant: AssistantInfo = field(default_factory=AssistantInfo)
    operator: Operator = field(default_factory=Operator)
    connect_s: float = 5.0
    proxies: Proxies = NO_PROXIES


@dataclass(frozen=True, kw_only=True)
class ProviderSite:
    """What a provider is handed when it is opened.

    Attributes:
        name: What this one is called in the configuration.
        memo: What this provider wants to find again after a restart.
        fetch: Yields the bytes of a file that a conversation refers to.
        is_own: Whether an address leads to this process's HTTP server, so that nobody asks it about itself.
        connect_s: How long to wait for a connection; likewise for a model's first token, and for its next.
        proxies: See ``BotSite``.
    """

    name: str
    memo: Memo
    fetch: Fetch = nothing_to_fetch
    is_own: Callable[[str], bool] = lambda _: False
    connect_s: float = 5.0
    first_token_s: float = 60.0
    idle_s: float = 60.0
    proxies: Proxies = NO_PROXIES


@dataclass(frozen=True, kw_only=True)
class EngineSite:
    """What an engine is handed when it is opened.

    Attributes:
        name: What this one is called in the configuration.
        data_dir: Where this deployment keeps its files.
        grace_s: How long what is being done may take to end once a stop was asked for.
    """

    name: str
    data_dir: Path
    grace_s: float = 10.0


Site = TypeVar("Site")


@dataclass(frozen=True, kw_only=True)
class Spec(Generic[Site, S, T_co]):
    """An entry point's target: importable without its SDK.

    Attributes:
        settings: The pydantic model of its configuration section.
        open: Opens one, given its kind's site and its settings; what it yields is ready for use and closed at exit.
        configured: None where the settings suffice to open it, else one sentence that says what is missing.
        local: Only whoever runs this machine can reach it: what it says comes from the owner.
        paid: Each message that it sends costs money, so that nothing is said which nobody has asked for.
        renamed: Keys of its section by the full names under which they used to be written, and are still read.
    """

    name: str
    settings: type[S]
    open: Callable[[Site, S], AbstractAsyncContextManager[T_co]]
    configured: Callable[[S], str | None] = lambda _: None
    local: bool = False
    paid: bool = False
    renamed: Mapping[str, str] = field(default_factory=dict)
