"""Runs the tools that plugins add: each call within its time, each failure told to the model in one of two ways."""

import asyncio
from collections.abc import Iterable
from datetime import UTC, datetime

import structlog

from core.errors import CallMalformed, ToolFailed
from core.seams import Plugin, Tool, ToolContext
from core.values import Part, ToolSchema

log = structlog.get_logger(__name__)

_CALL_S = 60.0
_RESULT_CHARS = 40_000


class Toolbox:
    """The tools of all opened plugins."""

    def __init__(self, plugins: Iterable[Plugin]) -> None:
        self._tools = {tool.schema.name: tool for plugin in plugins for tool in plugin.tools}

    def schemas(self) -> tuple[ToolSchema, ...]:
        """What a model is offered, always in the same order."""
        return tuple(self._tools[name].schema for name in sorted(self._tools))

    def has_effect(self, call: Part) -> bool:
        """Whether this call may be made only with the person's leave."""
        tool = self._tools.get(call.name)
        return tool is not None and tool.effect != "reads"

    def summary(self, call: Part) -> str | None:
        """What a person is asked about a call; None where its arguments make no sense (the model is told, then)."""
        try:
            return self._tools[call.name].summary(call.body)
        except (CallMalformed, KeyError):
            return None

    async def run(self, call: Part, scope: str) -> Part:
        """Make a call; whatever happens becomes a result for the model."""
        tool = self._tools.get(call.name)
        if tool is None:
            return _failed(call, f"There is no tool named {call.name}.")
        try:
            async with asyncio.timeout(_CALL_S):
                text = await tool.call(call.body, ToolContext(scope=scope, now=datetime.now(UTC)))
        except CallMalformed as error:
            log.info("tool call malformed", tool=call.name)
            return _failed(call, f"These arguments cannot be used: {error}. You may call again with better ones.")
        except ToolFailed as error:
            log.info("tool failed", tool=call.name)
            return _failed(call, f"The tool could not do it: {error}")
        except TimeoutError:
            log.warning("tool timed out", tool=call.name, after_s=_CALL_S)
            return _failed(call, "The tool took too long and was stopped; whether it did anything is not known.")
        except Exception:
            # A plugin is a stranger's code: it may cost its own call, nothing else.
            log.exception("tool broke", tool=call.name)
            return _failed(call, "The tool broke.")
        log.info("tool called", tool=call.name, chars=len(text))
        if len(text) > _RESULT_CHARS:
            text = f"{text[:_RESULT_CHARS]}\n[cut: the result was {len(text)} characters long]"
        return Part(kind="result", id=call.id, name=call.name, body=text)


def tool_named(tools: Iterable[Tool], name: str) -> Tool:
    """The tool of this name among some, for tests and plugins that build on one another."""
    return next(tool for tool in tools if tool.schema.name == name)


def _failed(call: Part, text: str) -> Part:
    return Part(kind="result", id=call.id, name=call.name, body=text, failed=True)
