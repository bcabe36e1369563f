"""Runs the tools that plugins add: each call within its time, each failure told to the model in one of two ways."""

import asyncio
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime

import structlog

from core.context.parts import result, whole
from core.errors import CallMalformed, SettingsError, ToolFailed
from core.exchange import Part, ToolSchema
from core.seams import Plugin, Tool, ToolContext

log = structlog.get_logger(__name__)

_CALL_S = 60.0
_RESULT_CHARS = 40_000


class Toolbox:
    """The tools of all opened plugins.

    Args:
        call_s: The longest a call may take.

    Raises:
        SettingsError: Two plugins offer a tool of one name: which of them a person allows would be left to chance.
    """

    def __init__(self, plugins: Iterable[Plugin], *, call_s: float = _CALL_S) -> None:
        self._tools = _named(plugins)
        self._call_s = call_s

    def schemas(self) -> tuple[ToolSchema, ...]:
        """What a model is offered, always in the same order."""
        return tuple(self._tools[name].schema for name in sorted(self._tools))

    def has(self, name: str) -> bool:
        """Whether there is a tool of this name."""
        return name in self._tools

    def question(self, call: Part) -> str | Part | None:
        """What a person is to be asked before this call is made.

        Returns:
            The question; or what the model is told where none can be put; or None for a call that needs no leave.
        """
        tool = self._tools.get(call.name)
        if tool is None or tool.effect == "reads":
            return None
        try:
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
        answer = await self._run(tool, call, ToolContext(scope=scope, now=datetime.now(UTC)))
        took_s = asyncio.get_running_loop().time() - began
        log.info("tool called", tool=call.name, failed=answer.failed, chars=len(answer.body), took_s=round(took_s, 3))
        return answer

    async def _run(self, tool: Tool, call: Part, context: ToolContext) -> Part:
        try:
            async with asyncio.timeout(self._call_s):
                return result(call, _fitting(await tool.call(call.body, context)))
        except CallMalformed as error:
            return _malformed(call, error)
        except ToolFailed as error:
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
        except (Exception, SystemExit):
            # A plugin is a stranger's code: it may cost its own call, nothing else.
            log.exception("tool broke", tool=call.name)
            return _broke(call)


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


def _fitting(text: str) -> str:
    if not isinstance(text, str):
        raise TypeError(f"a tool returned {type(text).__name__}, not text")
    text = whole(text)
    if len(text) <= _RESULT_CHARS:
        return text
    return f"{text[:_RESULT_CHARS]}\n[cut: the result was {len(text)} characters long]"


def _malformed(call: Part, error: CallMalformed) -> Part:
    log.info("tool call malformed", tool=call.name)
    return result(call, f"These arguments cannot be used: {error}. You may call again with better ones.", failed=True)


def _broke(call: Part) -> Part:
    return result(call, "The tool broke.", failed=True)
