"""What a plugin may bring, and what it is given: tools, commands, hooks, jobs and pages of the web site.

Whom a plugin works for comes from ``ToolContext``, which we fill in, never from a model's arguments. What it changes it
returns as values, which are committed together with what else the turn changes, or not at all.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, Protocol, TypeVar, get_args

from pydantic import BaseModel

from core.checks import check_aware, check_key, check_name, refused
from core.exchange import Blob, Model, ToolSchema
from core.limited.tasks import Limited
from core.schedule import check_rule
from core.site import AnsweringModel, Egress, Memo, NoEgress, Spec
from core.values import Address, Media, Put, Reply, value

Effect = Literal["reads", "writes", "sends", "spends"]
"""What a tool does to the world. Everything but ``reads`` needs the person's tap on the exact arguments."""

_MAX_ID_CHARS: Final = 64
_MAX_DESCRIPTION_CHARS: Final = 100  # https://core.telegram.org/bots/api#botcommand takes more, Discord does not
_COMMAND: Final = re.compile(r"[a-z0-9]{1,32}")
_PATH: Final = re.compile(r"[a-z0-9-]+")
_PLUGIN: Final = re.compile(r"[a-z0-9_-]+")


# ---------------------------------------------------------------------------------------------------------------------
# What it is given


@value
class ToolContext:
    """Whom a tool, a command or a hook works for, and what it may use for that.

    Attributes:
        person: A stable id of the human who asks, also in a group; what belongs to them is named by it.
        scope: Whose key seals what they said; see ``Put.scope``.
        space: Whose key seals what belongs to the conversation: the person's in private, the group's in a group.
        context: A stable id of the conversation's owner: the person in private, else the group.
        event: The number of the event it is called for: the same when that runs again after a crash.
        to: The chat it was asked in.
        zone: The person's time zone (IANA), "" where it is not known; likewise their language (BCP 47).
        files: Those that came with the question.
        egress: Fetches what people, pages and models name. For a tool, it does so as far as the person was asked.
    """

    person: str
    scope: str
    space: str
    context: str
    event: int
    to: Address
    now: datetime
    zone: str = ""
    language: str = ""
    files: tuple[Media, ...] = ()
    egress: Egress = field(default_factory=NoEgress)

    def __post_init__(self) -> None:
        check_aware("ToolContext.now", self.now)


class ModelChoice(Protocol):
    """Which models there are, and which one answers in a conversation."""

    async def offered(self) -> Mapping[str, tuple[Model, ...] | str]:
        """Each provider's models, best first, or why it has none just now."""

    async def preferred(self, context: str) -> str:
        """What was chosen for a conversation as ``provider/model``, "" for nothing."""

    async def answering(self, preferred: str = "") -> AnsweringModel | None:
        """Which model would answer, given what was chosen; None where none can."""

    def prefer(self, caller: ToolContext, model: str) -> Put:
        """Choose ``provider/model`` for the caller's conversation from now on, "" to take the choice back."""


class Conversations(Protocol):
    """The conversations of whoever asks."""

    def begin(self, caller: ToolContext) -> tuple[Put, ...]:
        """Let what is said next begin a new one."""


@dataclass(frozen=True, kw_only=True)
class PluginSite:
    """What a plugin is handed when it is opened.

    Attributes:
        name: What this one is called in the configuration.
        data_dir: Where this deployment keeps its files.
        memo: What this plugin wants to find again after a restart, and that is nobody's in particular.
        egress: Fetches what people, pages and models name.
        limited: Runs functions of the plugin's on what strangers made (a page, a document), apart and within limits.
    """

    name: str
    data_dir: Path
    memo: Memo
    egress: Egress = field(default_factory=NoEgress)
    limited: Limited
    models: ModelChoice
    conversations: Conversations


# ---------------------------------------------------------------------------------------------------------------------
# What it returns


@value
class Source:
    """What a result rests on, to be cited by number and listed below the answer.

    Attributes:
        url: Its address; only those of the web are listed.
        passage: The words that bear the result out, "" where it is the whole.
    """

    url: str
    title: str = ""
    passage: str = ""


@value
class Schedule:
    """A job of the plugin's for the person who asks: ``Plugin.on_fired`` is called when it is due.

    Attributes:
        id: The plugin's own name for it, 1 to 64 characters; a second job with this id replaces the first.
        rule: See ``Job.rule``; likewise ``zone``. Neither is looked at where the job is cancelled.
        cancel: True to forget the job of this id.
    """

    id: str
    rule: str
    zone: str = "UTC"
    cancel: bool = False

    def __post_init__(self) -> None:
        check_key("Schedule.id", self.id)
        if len(self.id) > _MAX_ID_CHARS:
            reason = f"has {len(self.id)} characters"
            raise refused("Schedule.id", self.id, reason, f"there may be 1 to {_MAX_ID_CHARS}")
        if not self.cancel:
            check_rule(self.rule, self.zone)


@value
class ToolResult:
    """What a tool, a command or a fired job brings.

    Attributes:
        text: For the model, from a tool; for the person, from a command or a fired job, as Markdown. "" says nothing.
        files: Made files, shown to the person.
        sources: What the text rests on.
        writes: Rows to keep. They are committed with the result.
        jobs: What to be called for later. Not from a tool that only ``reads``; likewise messages.
        messages: Further things to say in this chat.
    """

    text: str = ""
    files: tuple[Blob, ...] = ()
    sources: tuple[Source, ...] = ()
    writes: tuple[Put, ...] = ()
    jobs: tuple[Schedule, ...] = ()
    messages: tuple[Reply, ...] = ()


# ---------------------------------------------------------------------------------------------------------------------
# What it brings


def no_addresses(arguments: str) -> tuple[str, ...]:
    """Those of a tool that is given none."""
    del arguments
    return ()


@value
class Tool:
    """Something a model may call.

    Attributes:
        schema: Name, description and parameters as the model sees them.
        effect: See ``Effect``.
        summary: The question put to the person before a call that needs their leave, of its exact arguments (JSON
            text).
        call: Does it. Gets the arguments as JSON text and returns text for the model, or more (``ToolResult``);
            raises ``CallMalformed``, ``ToolFailed`` or whatever ``Egress`` raises.
        outside: True where strangers wrote what it returns (a web page, a mail): the model is told so with each result.
            What it raises is in its own words.
        addresses: Which addresses a call (its arguments, as JSON text) names for somebody to be asked by: where the
            conversation has not given one of them as it stands, the person is asked first, since it may carry what the
            model knows to whoever it belongs to. Raises ``CallMalformed``.
        checks: Whether ``call`` itself holds the arguments against the schema; else that is done before it.
    """

    schema: ToolSchema
    effect: Effect
    call: Callable[[str, ToolContext], Awaitable[str | ToolResult]]
    summary: Callable[[str], str]
    outside: bool = False
    addresses: Callable[[str], tuple[str, ...]] = no_addresses
    checks: bool = False

    def __post_init__(self) -> None:
        if self.effect not in get_args(Effect):
            mend = f"say one of {', '.join(get_args(Effect))}"
            raise refused(f"the effect of the tool {self.schema.name},", self.effect, "is none", mend)


@value
class PluginCommand:
    """Something a person may type: ``/name words``.

    Attributes:
        name: 1 to 32 small letters (a to z) and digits, which every messenger's menu takes.
        description: What a menu says of it, 1 to 100 characters.
        call: Does it, given what was typed behind the name; the person gave the command, so there is no tap.
        rank: Its place in menus: lower ones stand first. Our own have 20 (stop), 30 (retry) and 90 (help).
    """

    name: str
    description: str
    call: Callable[[str, ToolContext], Awaitable[str | ToolResult]]
    rank: int = 50

    def __post_init__(self) -> None:
        mend = "rename it"
        check_name("PluginCommand.name", self.name, _COMMAND, "is not 1 to 32 of a-z and 0-9", mend)
        if not 0 < len(self.description) <= _MAX_DESCRIPTION_CHARS:
            what, reason = f"the description of /{self.name},", f"has {len(self.description)} characters"
            raise refused(what, self.description, reason, f"there may be 1 to {_MAX_DESCRIPTION_CHARS}")


@value
class Exchange:
    """What was said in one turn, in plain words."""

    question: str
    answer: str


@value
class WebPage:
    """A page of the web site, for people who are signed in.

    Attributes:
        path: Small letters (a to z), digits and dashes, not empty; the page is at ``/pages/<plugin>/<path>``.
        title: What the menu calls it.
        show: What it says, as Markdown, given the query of its address.
    """

    path: str
    title: str
    show: Callable[[Mapping[str, str], ToolContext], Awaitable[str]]

    def __post_init__(self) -> None:
        check_name("WebPage.path", self.path, _PATH, "is not made of a-z, 0-9 and -", "rename it")


@value
class Plugin:
    """What one plugin adds. All of it but the name may be left out.

    Attributes:
        name: ``PluginSite.name``: what it is called in the configuration.
        before_prompt: Called with what is asked; what it returns stands before the question, for the model alone and
            for this answer alone. "" adds nothing.
        after_turn: Called some time after an answer, once, with what was said. It gives way to people who ask
            meanwhile, and is then called again.
        on_fired: Called when a job of this plugin is due, with the id that its ``Schedule`` had.
    """

    name: str
    tools: tuple[Tool, ...] = ()
    commands: tuple[PluginCommand, ...] = ()
    pages: tuple[WebPage, ...] = ()
    before_prompt: tuple[Callable[[str, ToolContext], Awaitable[str]], ...] = ()
    after_turn: tuple[Callable[[Exchange, ToolContext], Awaitable[ToolResult]], ...] = ()
    on_fired: Callable[[str, ToolContext], Awaitable[str | ToolResult]] | None = None

    def __post_init__(self) -> None:
        mend = "give it the name in the configuration (PluginSite.name)"
        check_name("Plugin.name", self.name, _PLUGIN, "is not made of a-z, 0-9, - and _", mend)


_S = TypeVar("_S", bound=BaseModel)

PluginSpec = Spec[PluginSite, _S, Plugin]
