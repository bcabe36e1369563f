"""The contract of plugins: tools that every lab takes, that refuse nonsense calmly, and that say what they would do."""

import json
import re
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from importlib.metadata import entry_points
from pathlib import Path
from typing import Any

import pytest

from contracts.rigs.plugins import RIGS
from core.errors import CallMalformed
from core.plugin import Plugin, PluginSpec, Tool, ToolContext
from core.testing import plugin_site, tool_context

OURS = {entry.name: entry for entry in entry_points(group="waystation.plugins") if entry.value.startswith("plugins.")}
NONSENSE = ("", "no JSON", "null", "[]", '"text"', "{}", '{"no_such_argument": 1}', "[" * 5000)

every_plugin = pytest.mark.parametrize("name", sorted(RIGS))


@asynccontextmanager
async def opened(name: str, folder: Path) -> AsyncGenerator[Plugin, None]:
    """The plugin, switched on."""
    spec: PluginSpec[Any] = OURS[name].load()
    async with spec.open(plugin_site(folder, name, egress=RIGS[name].egress), RIGS[name].settings(folder)) as plugin:
        yield plugin


def caller(name: str) -> ToolContext:
    """Whom a call is made for, with what there is in the web."""
    return tool_context("somebody", egress=RIGS[name].egress)


def tools_and_calls(name: str, plugin: Plugin) -> list[tuple[Tool, str]]:
    """Each tool with arguments it can work with."""
    return [(tool, RIGS[name].calls[tool.schema.name]) for tool in plugin.tools]


def left_in(folder: Path) -> list[Path]:
    """What lies there."""
    return list(folder.iterdir())


def test_every_entry_point_has_a_rig() -> None:
    """A plugin that is shipped is under this contract."""
    assert sorted(RIGS) == sorted(OURS)


@every_plugin
async def test_a_plugin_has_its_entry_points_name_and_a_rig_for_each_tool(name: str, tmp_path: Path) -> None:
    """What an operator switches on by a name is found by it in the log."""
    async with opened(name, tmp_path) as plugin:
        assert plugin.name == name
        assert sorted(tool.schema.name for tool in plugin.tools) == sorted(RIGS[name].calls)


@every_plugin
async def test_tools_are_described_as_every_lab_takes_them(name: str, tmp_path: Path) -> None:
    """Names of letters, digits, _ and -; a description; arguments as the schema of an object, each with its own."""
    async with opened(name, tmp_path) as plugin:
        for tool in plugin.tools:
            assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", tool.schema.name)
            assert tool.schema.description.strip()
            schema = json.loads(tool.schema.parameters)
            assert schema["type"] == "object"
            assert [name for name, about in schema["properties"].items() if not about.get("description")] == []


@every_plugin
async def test_a_call_that_makes_sense_returns_text(name: str, tmp_path: Path) -> None:
    """A model has something to go on with."""
    async with opened(name, tmp_path) as plugin:
        for tool, call in tools_and_calls(name, plugin):
            result = await tool.call(call, caller(name))
            assert (result if isinstance(result, str) else result.text).strip()


@every_plugin
@pytest.mark.parametrize("nonsense", NONSENSE, ids=range(len(NONSENSE)))
async def test_nonsense_is_refused_so_that_the_model_may_mend_it(name: str, nonsense: str, tmp_path: Path) -> None:
    """Arguments come from a model: whatever they are, the call says what is wrong with them and does nothing."""
    async with opened(name, tmp_path) as plugin:
        for tool, _ in tools_and_calls(name, plugin):
            with pytest.raises(CallMalformed, match=r"\w"):
                await tool.call(nonsense, caller(name))
            if tool.effect != "reads":
                with pytest.raises(CallMalformed, match=r"\w"):
                    tool.summary(nonsense)
        assert not left_in(tmp_path)


@every_plugin
async def test_a_question_shows_every_argument_exactly(name: str, tmp_path: Path) -> None:
    """What a person allows is what will be done, word for word."""
    async with opened(name, tmp_path) as plugin:
        for tool, call in tools_and_calls(name, plugin):
            if tool.effect != "reads":
                assert all(str(argument) in tool.summary(call) for argument in json.loads(call).values())


@every_plugin
async def test_opening_and_closing_does_nothing_else(name: str, tmp_path: Path) -> None:
    """A plugin nobody uses leaves nothing behind."""
    async with opened(name, tmp_path):
        pass
    assert not left_in(tmp_path)
