"""The configuration as values: the fixed sections, and what is to be opened.

What adapters, providers and plugins want to be told stands in their own ``Spec``; their sections
(``[bots.<name>]``, ``[providers.<any name>]``, ``[plugins.<name>]``) are made from it, so that adding one takes no
line here. How all this is read and checked is ``core/config/configuration.py``'s affair.
"""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    NonNegativeFloat,
    NonNegativeInt,
    PositiveFloat,
    PositiveInt,
    SecretStr,
    model_validator,
)

from core.config.models import ModelNotes, PriceNotes
from core.config.specs import AnySpec
from core.exchange import Effort
from core.hosts import allowed
from core.proxies import NO_PROXY, Proxies, proxies_of, read_proxy
from core.values import value


class Keys(BaseModel):
    """A section: frozen, and no key is silently accepted."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Conversation(Keys):
    """``[conversation]``: how it talks.

    Attributes:
        while_busy: What a message does that arrives while an answer is being written.
        system_prompt: What every model is told first, "" for Waystation's own words.
        web_search: Whether a lab whose models can may look things up in the web, which costs about a credit each.
        max_age_s: What was said longer ago, by its messenger's clock, is read and not answered; 0 for no limit.
    """

    while_busy: Literal["queue", "merge", "interrupt"] = "queue"
    system_prompt: str = ""
    web_search: bool = True
    max_age_s: NonNegativeFloat = 36 * 3600.0


class Timeouts(Keys):
    """``[timeouts]``, in seconds: a connection, a model's first token, its next one, a whole turn, a shutdown.

    Attributes:
        busy_s: How long a question waits where no model answers, before it gets an apology; 0 for not at all.
    """

    connect_s: PositiveFloat = 5.0
    first_token_s: PositiveFloat = 60.0
    idle_s: PositiveFloat = 60.0
    busy_s: NonNegativeFloat = 120.0
    turn_s: PositiveFloat = 600.0
    grace_s: NonNegativeFloat = 10.0


class Access(Keys):
    """``[access]``: what happens to people nobody has let in yet.

    Attributes:
        max_paid_replies_per_day: How many strangers hear a sentence a day (UTC) by each messenger that takes money
            for a message.
    """

    policy: Literal["pairing", "open"] = "pairing"
    max_paid_replies_per_day: NonNegativeInt = 10


def _auto_or_a_model(name: str) -> str:
    provider, _, model = name.partition("/")
    if name != "auto" and not (provider and model):
        message = 'it should be "auto", or a provider and its model as "provider/model"'
        raise ValueError(message)
    return name


def _some_provider(name: str) -> str:
    provider, slash, model = name.partition("/")
    if not provider or (slash and not model):
        message = f'{name!r} should be a provider, or a provider and its model as "provider/model"'
        raise ValueError(message)
    return name


class Router(Keys):
    """``[router]``: which model answers.

    Attributes:
        model: ``auto`` or ``provider/model``.
        fallbacks: Who takes over when it fails, in this order: ``provider/model``, or a provider for its first that
            will do. Under ``auto`` the whole order; without any, that of the providers.
        effort: How long models that can be told are to think.
    """

    model: Annotated[str, AfterValidator(_auto_or_a_model)] = "auto"
    fallbacks: tuple[Annotated[str, AfterValidator(_some_provider)], ...] = ()
    effort: Effort = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All that is named here."""
        return (*([] if self.model == "auto" else [self.model]), *self.fallbacks)


LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})
"""Names of this machine that no other machine can reach."""


def _a_safe_url(url: str) -> str:
    parts = urlsplit(url)
    if url and not (parts.scheme in {"http", "https"} and parts.hostname and parts.geturl() == url):
        message = "it should be the address people open, like https://chat.example.org"
        raise ValueError(message)
    if parts.path.strip("/") or parts.query or parts.fragment or parts.username is not None:
        message = "it should end after the name (and port): Waystation wants that address for itself"
        raise ValueError(message)
    if parts.scheme == "http" and parts.hostname not in LOOPBACK:
        message = "it should begin with https://: whoever is on the way would read along, and could take over"
        raise ValueError(message)
    return url.rstrip("/")


DEFAULT_PORT = 9297
"""W-A-Y-S on a telephone's keys. IANA has given it to nobody, and no program people run beside a bot listens there."""


class Server(Keys):
    """``[server]``: where the one HTTP server listens, for the web chat and for webhooks.

    Attributes:
        port: 0 for any free one. Where none is written, the next free one after the default.
        public_url: Where people and platforms reach it, behind a proxy that speaks TLS; "" for this machine alone.
        max_connections: Open at a time.
        max_connections_per_address: The same for one address; 0 for a quarter of all, or all of them behind a proxy,
            whose address everybody has.
    """

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65535)] = DEFAULT_PORT
    public_url: Annotated[str, AfterValidator(_a_safe_url)] = ""
    max_connections: PositiveInt = 1000
    max_connections_per_address: NonNegativeInt = 0

    @property
    def is_port_chosen(self) -> bool:
        """Whether somebody counts on the port: the operator who wrote it, or a proxy that leads to it."""
        return "port" in self.model_fields_set or bool(self.public_url)

    @model_validator(mode="after")
    def _open_only_on_purpose(self) -> Self:
        if self.host not in LOOPBACK and not self.public_url:
            message = (
                f"host {self.host} lets other machines in, without encryption: set public_url to the https:// address"
                " of the proxy before it (or, where only this machine can reach it, to http://localhost:<port>)"
            )
            raise ValueError(message)
        return self


def _hosts(entries: tuple[str, ...]) -> tuple[str, ...]:
    allowed(entries)
    return entries


def _a_proxy(written: SecretStr) -> SecretStr:
    if (text := written.get_secret_value()) and text.lower() != NO_PROXY:
        read_proxy(text)
    return written


class Egress(Keys):
    """``[egress]``: how the internet is reached, and what may be fetched of what people, pages and models name.

    Attributes:
        proxy: Leads to messengers, models and pages alike; ``none`` for no proxy at all, "" for the environment's.
        allow: Hosts that may be fetched although they are not public, or by another port than the web's.
        max_mb: The most that is read of one address, unpacked.
        timeout_s: The longest that fetching one may take, with all redirects.
    """

    proxy: Annotated[SecretStr, AfterValidator(_a_proxy)] = SecretStr("")
    allow: Annotated[tuple[str, ...], AfterValidator(_hosts)] = ()
    max_mb: PositiveFloat = 5.0
    timeout_s: PositiveFloat = 20.0

    @property
    def max_bytes(self) -> int:
        """The same in bytes."""
        return int(self.max_mb * 1_000_000)

    @property
    def proxies(self) -> Proxies:
        """Which proxy leads where; the environment is looked at now."""
        return proxies_of(self.proxy.get_secret_value())


class Tools(Keys):
    """``[tools]``: what tools may take of an answer.

    Attributes:
        steps: How often the model may be asked again with what its tools returned.
        calls: How many calls one step may hold; others are not made.
        mends: How often a model may call one tool with arguments that make no sense, in one answer.
        call_s: The longest a call may take.
        result_chars: How many characters are kept of one result.
        step_bytes: How many bytes are kept of all results of one step.
    """

    steps: PositiveInt = 12
    calls: PositiveInt = 16
    mends: PositiveInt = 3
    call_s: PositiveFloat = 60.0
    result_chars: PositiveInt = 40_000
    step_bytes: PositiveInt = 200_000


class Logging(Keys):
    """``[logging]``: how much is written to standard error, and for whom: ``auto`` is pretty on a terminal."""

    level: Literal["debug", "info", "warning", "error"] = "info"
    format: Literal["auto", "pretty", "json"] = "auto"


class Fixed(Keys):
    """The keys that do not depend on what is installed."""

    data_dir: Path = Path("data")
    plugins_dir: Annotated[Path | None, BeforeValidator(lambda given: given or None)] = None
    database: str = "sqlite"
    conversation: Conversation = Conversation()
    timeouts: Timeouts = Timeouts()
    access: Access = Access()
    router: Router = Router()
    models: dict[str, ModelNotes] = {}
    prices: dict[str, PriceNotes] = {}
    server: Server | None = Server()
    egress: Egress = Egress()
    tools: Tools = Tools()
    logging: Logging = Logging()


@value
class Section:
    """Something to be opened: an implementation, and what it is to be told.

    Attributes:
        name: As configured: a provider's is free, the others have their entry point's.
        named: False where the operator did not write the section and its defaults suffice.
    """

    name: str
    spec: AnySpec
    settings: BaseModel
    named: bool = True


@value
class Off:
    """Something known that is not opened, and why; ``section`` is its full name (``bots.telegram``)."""

    section: str
    why: str


class Settings(Fixed):
    """The whole configuration, checked.

    Attributes:
        data_dir: Absolute, as ``plugins_dir``.
        bots: The adapters to open; likewise ``providers``, in the order they were written, and ``plugins``.
        engine: The store that ``database`` names.
        off: What is not opened.
        renamed: A sentence for each key that was written by the name it used to have.
        exposed: A sentence for each file with secrets that other users of the machine may read.
        server: None where nothing is to be served.
        source: The file that was read, None where there was none.
    """

    model_config = ConfigDict(arbitrary_types_allowed=True)

    bots: tuple[Section, ...] = ()
    providers: tuple[Section, ...] = ()
    plugins: tuple[Section, ...] = ()
    engine: AnySpec | None = None
    off: tuple[Off, ...] = ()
    renamed: tuple[str, ...] = ()
    exposed: tuple[str, ...] = ()
    source: Path | None = None

    @property
    def named_models(self) -> tuple[str, ...]:
        """Every model that is named somewhere, as ``provider/model``; where the router names a provider, that alone."""
        lists = ((section.name, getattr(section.settings, "models", ())) for section in self.providers)
        return tuple(dict.fromkeys([*self.router.names, *(f"{name}/{one}" for name, ids in lists for one in ids)]))

    def secrets(self) -> tuple[str, ...]:
        """Every secret value in here, for whoever has to keep them out of sight."""
        sections = (*self.bots, *self.providers, *self.plugins)
        return tuple(text for section in sections for text in _secrets(section.settings) if text)


_A_KEY_CHARS = 8  # of several keys in one text each is a secret by itself; a word of a passphrase is not


def _secrets(item: object) -> Iterator[str]:
    match item:
        case SecretStr():
            text = item.get_secret_value()
            yield text
            yield from (part for part in re.split(r"[,\s]+", text) if part != text and len(part) >= _A_KEY_CHARS)
        case BaseModel():
            for _, below in item:
                yield from _secrets(below)
        case dict():
            for below in item.values():
                yield from _secrets(below)
        case list() | tuple() | set() | frozenset():
            for below in item:
                yield from _secrets(below)
