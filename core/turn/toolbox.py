"""Runs the tools that plugins add: each call within its limits, each failure told to the model in one of two ways."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from datetime import UTC, datetime

import structlog

from core.arguments import unfit
from core.config.settings import Tools
from core.context.parts import cut, result, whole
from core.errors import CallMalformed, EgressError, SettingsError, ToolFailed
from core.exchange import Entry, Part, ToolSchema
from core.plugin import Plugin, Tool, ToolContext
from core.text.fencing import outside

log = structlog.get_logger(__name__)

Questions = Mapping[int, str | Part]
"""By place among a step's calls: what a person is to be asked first, or what the model is told instead of a result."""

_STOPPING_S = 1.0  # for a tool to clean up after itself once it is stopped
_MALFORMED = "These arguments cannot be used: "


def utc_now() -> datetime:
    """What time it is."""
    return datetime.now(UTC)


class Toolbox:
    """The tools of all opened plugins.

    Args:
        limits: What they may take of an answer.
        now: The time that tools are told.

    Raises:
        SettingsError: Two plugins offer a tool of one name: which of them a person allows would be left to chance.
    """

    def __init__(
        self, plugins: Iterable[Plugin], limits: Tools | None = None, now: Callable[[], datetime] = utc_now
    ) -> None:
        self.limits = limits or Tools()
        self._tools = _named(plugins)
        self._now = now

    def schemas(self) -> tuple[ToolSchema, ...]:
        """What a model is offered, always in the same order."""
        return tuple(self._tools[name].schema for name in sorted(self._tools))

    def has(self, name: str) -> bool:
        """Whether there is a tool of this name."""
        return name in self._tools

    def questions(self, calls: Sequence[Part], steps: Sequence[Entry]) -> Questions:
        """Which of a step's calls are not made at once, and why.

        Args:
            steps: The steps of this answer before: what it has tried too often is not tried again.
        """
        asked = ((place, self._question(call, place, steps)) for place, call in enumerate(calls))
        return {place: question for place, question in asked if question is not None}

    def _question(self, call: Part, place: int, steps: Sequence[Entry]) -> str | Part | None:
        most = self.limits
        if place >= most.calls:
            return result(call, f"Not done: one step may hold {most.calls} calls. Make it in the next.", failed=True)
        if call.name in self._tools and _malformed_before(call.name, steps) >= most.mends:
            why = f"Not done: {most.mends} calls of {call.name} could not be used. Go on without it."
            return result(call, why, failed=True)
        return self.question(call)

    def question(self, call: Part) -> str | Part | None:
        """What a person is to be asked before this call is made.

        Returns:
            The question; or what the model is told where none can be put; or None for a call that needs no leave.
        """
        tool = self._tools.get(call.name)
        if tool is None or tool.effect == "reads":
            return None
        try:
            _check(tool, call)
            question = tool.summary(call.body)
        except CallMalformed as error:
            return _malformed(call, error)
        except Exception:
            log.exception("tool broke", tool=call.name)
            return _broke(call)
        return question if isinstance(question, str) and question.strip() else _broke(call)

    async def run(self, call: Part, scope: str) -> Part:
        """Make a call; whatever happens becomes a result for the model."""
        tool = self._tools.get(call.name)
        if tool is None:
            return result(call, f"There is no tool named {call.name}.", failed=True)
        began = asyncio.get_running_loop().time()
        answer = await self._run(tool, call, ToolContext(scope=scope, now=self._now()))
        took_s = asyncio.get_running_loop().time() - began
        log.info("tool called", tool=call.name, failed=answer.failed, chars=len(answer.body), took_s=round(took_s, 3))
        return answer

    def fitting(self, results: Sequence[Part], most_bytes: int) -> tuple[Part, ...]:
        """The results of one step as they are kept, in no more than so many bytes."""
        return cut(results, min(most_bytes, self.limits.step_bytes))

    async def _run(self, tool: Tool, call: Part, context: ToolContext) -> Part:
        try:
            _check(tool, call)
            return result(call, self._kept(tool, await _in_time(tool.call(call.body, context), self.limits.call_s)))
        except CallMalformed as error:
            return _malformed(call, error)
        except (ToolFailed, EgressError) as error:
            return result(call, f"The tool could not do it: {error}", failed=True)
        except TimeoutError:
            return result(
                call, "The tool took too long and was stopped; whether it did anything is not known.", failed=True
            )
        except asyncio.CancelledError:
            task = asyncio.current_task()
            if task is not None and task.cancelling():
                raise
            log.exception("tool broke", tool=call.name)  # it ended itself as if it had been cancelled
            return _broke(call)
        except Exception:
            # A plugin is a stranger's code: it may cost its own call, nothing else.
            log.exception("tool broke", tool=call.name)
            return _broke(call)

    def _kept(self, tool: Tool, text: str) -> str:
        if not isinstance(text, str):
            raise TypeError(f"a tool returned {type(text).__name__}, not text")
        most = self.limits.result_chars
        kept = whole(text[:most])
        if len(text) > most:
            kept = f"{kept}\n[cut: the result was {len(text)} characters long]"
        return outside(kept) if tool.outside else kept


def _check(tool: Tool, call: Part) -> None:
    """Hold a call's arguments against the tool's schema.

    Raises:
        CallMalformed: What of it they do not keep to.
    """
    if not tool.checks and (wrong := unfit(tool.schema.parameters, call.body)):
        raise CallMalformed(wrong)


async def _in_time(running: Awaitable[str], most_s: float) -> str:
    """What a tool returns, waited for no longer than this: a tool that does not let itself be stopped is left behind.

    Raises:
        TimeoutError: It took longer.
    """
    task = asyncio.ensure_future(_ending(running))
    try:
        done, _ = await asyncio.wait({task}, timeout=most_s)
        if not done:
            raise TimeoutError
    finally:
        if not task.done():
            task.cancel()
            task.add_done_callback(_left_behind)
            await asyncio.wait({task}, timeout=_STOPPING_S)
    return task.result()


async def _ending(running: Awaitable[str]) -> str:
    """The same, with what would end the whole process made a failure like any other."""
    try:
        return await running
    except (SystemExit, KeyboardInterrupt, BaseExceptionGroup) as problem:
        raise RuntimeError(f"the tool ended by {type(problem).__name__}") from problem


def _left_behind(task: asyncio.Task[str]) -> None:
    """Nobody waits for it any more: what it fails with is no news."""
    if not task.cancelled():
        task.exception()


def asks_leave(questions: Questions) -> bool:
    """Whether all that stands in a step's way is a person's leave."""
    return bool(questions) and all(isinstance(question, str) for question in questions.values())


def tool_named(tools: Iterable[Tool], name: str) -> Tool:
    """The tool of this name among some, for tests and plugins that build on one another."""
    return next(tool for tool in tools if tool.schema.name == name)


def _named(plugins: Iterable[Plugin]) -> Mapping[str, Tool]:
    tools: dict[str, Tool] = {}
    owners: dict[str, str] = {}
    for plugin in plugins:
        for tool in plugin.tools:
            name = tool.schema.name
            if name in tools:
                both = f"{owners[name]} and {plugin.name}"
                raise SettingsError(f"The plugins {both} both offer a tool named {name}. Switch one of them off.")
            tools[name], owners[name] = tool, plugin.name
    return tools


def _malformed_before(name: str, steps: Iterable[Entry]) -> int:
    """How many calls of a tool made no sense so far; told by the results, so that a run after a crash counts alike."""
    results = (part for entry in steps for part in entry.parts if part.kind == "result" and part.name == name)
    return sum(part.failed and part.body.startswith(_MALFORMED) for part in results)


def _malformed(call: Part, error: CallMalformed) -> Part:
    log.info("tool call malformed", tool=call.name)
    return result(call, f"{_MALFORMED}{error}. You may call again with better ones.", failed=True)


def _broke(call: Part) -> Part:
    return result(call, "The tool broke.", failed=True)
