"""Runs the tools that plugins add: each call within its limits, each failure told to the model in one of two ways."""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TypeVar

import structlog

from core.arguments import unfit
from core.config.settings import Tools
from core.context.parts import cut, result, whole
from core.errors import AddressRefused, CallMalformed, EgressError, SettingsError, StoreError, ToolError, ToolFailed
from core.exchange import Entry, Part, ToolSchema
from core.plugin import Plugin, Tool, ToolContext, no_addresses
from core.site import TEXT, Egress, Fetched, NoEgress
from core.text.fencing import outside
from core.text.invisible import cleaned, cleaned_line
from core.turn.given import Given
from core.turn.guarding import FAILED, PluginBroke, guarding, in_time
from core.turn.results import Produced, brought, context_of
from core.values import Media, Put, Received, value

log = structlog.get_logger(__name__)

Questions = Mapping[int, str | Part]
"""By place among a step's calls: what a person is to be asked first, or what the model is told instead of a result."""

T = TypeVar("T")

_TOLD_CHARS = 1000
_MALFORMED = "These arguments cannot be used: "


def utc_now() -> datetime:
    """What time it is."""
    return datetime.now(UTC)


@value
class Caller:
    """Whom a call is made for: the event that it answers, its lane, and the files that came with the question.

    Attributes:
        asked: Whether they were asked about just this call.
    """

    received: Received
    lane: str
    files: tuple[Media, ...] = ()
    asked: bool = False

    def context(self, now: datetime, egress: Egress) -> ToolContext:
        """What the tool is told of them."""
        return context_of(self.received, self.lane, now, self.files, _OneHost(egress) if self.asked else egress)


class _OneHost:
    """The gate for what somebody allowed by the address that they saw: another host is another question."""

    def __init__(self, egress: Egress) -> None:
        self._egress = egress

    async def get(
        self, url: str, *, types: Sequence[str] = TEXT, most_bytes: int | None = None, one_host: bool = True
    ) -> Fetched:
        """See ``Egress``."""
        del one_host
        return await self._egress.get(url, types=types, most_bytes=most_bytes, one_host=True)


@value
class Ran:
    """What came of a call: what the model is told, what else it brought, and the rows to keep with it."""

    part: Part
    produced: Produced = Produced()
    writes: tuple[Put, ...] = ()


class Toolbox:
    """The tools of all opened plugins.

    Args:
        limits: What they may take of an answer.
        now: The time that tools are told.
        egress: The gate by which they fetch.

    Raises:
        SettingsError: Two plugins offer a tool of one name: which of them a person allows would be left to chance.
    """

    def __init__(
        self,
        plugins: Iterable[Plugin],
        limits: Tools | None = None,
        now: Callable[[], datetime] = utc_now,
        egress: Egress | None = None,
    ) -> None:
        self.limits = limits or Tools()
        self._tools, self._owners = _named(plugins)
        self._now = now
        self._egress = egress or NoEgress()

    def schemas(self) -> tuple[ToolSchema, ...]:
        """What a model is offered, always in the same order."""
        return tuple(self._tools[name].schema for name in sorted(self._tools))

    def has(self, name: str) -> bool:
        """Whether there is a tool of this name."""
        return name in self._tools

    def questions(self, calls: Sequence[Part], steps: Sequence[Entry], given: Given | None = None) -> Questions:
        """Which of a step's calls are not made at once, and why.

        Args:
            steps: The steps of this answer before: what it has tried too often is not tried again.
            given: The addresses that the conversation has given.
        """
        asked = ((place, self._question(call, place, steps, given or Given())) for place, call in enumerate(calls))
        return {place: question for place, question in asked if question is not None}

    def _question(self, call: Part, place: int, steps: Sequence[Entry], given: Given) -> str | Part | None:
        most = self.limits
        if place >= most.calls:
            return result(call, f"Not done: one step may hold {most.calls} calls. Make it in the next.", failed=True)
        if call.name in self._tools and _malformed_before(call.name, steps) >= most.mends:
            why = f"Not done: {most.mends} calls of {call.name} could not be used. Go on without it."
            return result(call, why, failed=True)
        return self.question(call, given)

    def question(self, call: Part, given: Given | None = None) -> str | Part | None:
        """What a person is to be asked before this call is made.

        Returns:
            The question; or what the model is told where none can be put; or None for a call that needs no leave.
        """
        tool = self._tools.get(call.name)
        if tool is None or (tool.effect == "reads" and tool.addresses is no_addresses):
            return None
        try:
            with guarding(self._owners[call.name]):
                _check(tool, call)
                if tool.effect == "reads" and all(map((given or Given()).holds, tool.addresses(call.body))):
                    return None
                question = tool.summary(call.body)
        except CallMalformed as error:
            return _malformed(call, error)
        except AddressRefused as error:
            return _could_not(call, error)
        except (*FAILED, StoreError):
            log.exception("tool broke", tool=call.name)
            return _broke(call)
        return question if isinstance(question, str) and question.strip() else _broke(call)

    async def run(self, call: Part, caller: Caller) -> Ran:
        """Make a call; whatever happens becomes a result for the model.

        Args:
            caller: Whom the tool works for.
        """
        tool = self._tools.get(call.name)
        if tool is None:
            return Ran(part=result(call, f"There is no tool named {call.name}.", failed=True))
        began = asyncio.get_running_loop().time()
        ran = await self._run(tool, call, caller)
        took_s = asyncio.get_running_loop().time() - began
        part = ran.part
        log.info("tool called", tool=call.name, failed=part.failed, chars=len(part.body), took_s=round(took_s, 3))
        return ran

    def context(self, caller: Caller) -> ToolContext:
        """What a plugin is told of whom it works for."""
        return caller.context(self._now(), self._egress)

    def fitting(self, results: Sequence[Part], most_bytes: int) -> tuple[Part, ...]:
        """The results of one step as they are kept, in no more than so many bytes."""
        return cut(results, min(most_bytes, self.limits.step_bytes))

    async def _run(self, tool: Tool, call: Part, caller: Caller) -> Ran:
        context = self.context(caller)
        try:
            with guarding(plugin := self._owners[call.name]):
                _check(tool, call)
                returned = await in_time(tool.call(call.body, context), self.limits.call_s)
                told = brought(returned, caller.received, plugin, effect=tool.effect)
            part = result(call, self._kept(tool, told.text), origin="outside" if tool.outside else "")
            return Ran(part=part, produced=told.produced, writes=told.writes)
        except CallMalformed as error:
            return Ran(part=_malformed(call, error))
        except (ToolFailed, EgressError) as error:
            return Ran(part=_could_not(call, error))
        except TimeoutError:
            why = "The tool took too long and was stopped; whether it did anything is not known."
            return Ran(part=result(call, why, failed=True))
        except (PluginBroke, ToolError, StoreError):
            log.exception("tool broke", tool=call.name)
            return Ran(part=_broke(call))

    def _kept(self, tool: Tool, text: str) -> str:
        most = self.limits.result_chars
        kept = whole(text[:most])
        if len(text) > most:
            kept = f"{kept}\n[cut: the result was {len(text)} characters long]"
        return outside(kept) if tool.outside else cleaned(kept)


def _check(tool: Tool, call: Part) -> None:
    """Hold a call's arguments against the tool's schema.

    Raises:
        CallMalformed: What of it they do not keep to.
    """
    if not tool.checks and (wrong := unfit(tool.schema.parameters, call.body)):
        raise CallMalformed(wrong)


def asks_leave(questions: Questions) -> bool:
    """Whether all that stands in a step's way is a person's leave."""
    return bool(questions) and all(isinstance(question, str) for question in questions.values())


def tool_named(tools: Iterable[Tool], name: str) -> Tool:
    """The tool of this name among some, for tests and plugins that build on one another."""
    return next(tool for tool in tools if tool.schema.name == name)


def _named(plugins: Iterable[Plugin]) -> tuple[Mapping[str, Tool], Mapping[str, str]]:
    tools: dict[str, Tool] = {}
    owners: dict[str, str] = {}
    for plugin in plugins:
        for tool in plugin.tools:
            name = tool.schema.name
            if name in tools:
                both = f"{owners[name]} and {plugin.name}"
                raise SettingsError(f"The plugins {both} both offer a tool named {name}. Switch one of them off.")
            tools[name], owners[name] = tool, plugin.name
    return tools, owners


def _malformed_before(name: str, steps: Iterable[Entry]) -> int:
    """How many calls of a tool made no sense so far; told by the results, so that a run after a crash counts alike."""
    results = (part for entry in steps for part in entry.parts if part.kind == "result" and part.name == name)
    return sum(part.failed and part.body.startswith(_MALFORMED) for part in results)


def _malformed(call: Part, error: CallMalformed) -> Part:
    log.info("tool call malformed", tool=call.name)
    return result(call, f"{_MALFORMED}{cleaned(str(error))}. You may call again with better ones.", failed=True)


def _could_not(call: Part, error: Exception) -> Part:
    """Its own words, which may hold some of a stranger's: in one line, so that none of them stands by itself."""
    return result(call, f"The tool could not do it: {cleaned_line(str(error), _TOLD_CHARS)}", failed=True)


def _broke(call: Part) -> Part:
    return result(call, "The tool broke.", failed=True)
