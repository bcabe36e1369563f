"""The contract of plugins: tools that every lab takes, that refuse nonsense calmly, and that say what they would do."""

import json
import re
from collections.abc import AsyncGenerator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from core.errors import CallMalformed
from core.plugin import Plugin, PluginSpec, Tool, ToolContext
from core.site import Egress, NoEgress
from core.testing import plugin_site, tool_context

EMPTY = ("", "{}")
NONSENSE = ("", "no JSON", "null", "[]", '"text"', "{}", '{"no_such_argument": 1}', "[" * 5000)


@dataclass(frozen=True)
class PluginRig:
    """A plugin, as a deployment would open it.

    Attributes:
        settings: What switches all of it on.
        calls: For each of its tools, arguments it can work with, as JSON text.
        egress: What there is in the web.
    """

    spec: PluginSpec[Any]
    settings: BaseModel
    calls: Mapping[str, str]
    egress: Egress = field(default_factory=NoEgress)


@asynccontextmanager
async def opened(rig: PluginRig, folder: Path) -> AsyncGenerator[Plugin, None]:
    """The plugin, switched on."""
    site = plugin_site(folder, rig.spec.name, egress=rig.egress)
    async with rig.spec.open(site, rig.settings) as plugin:
        yield plugin


def caller_of(rig: PluginRig) -> ToolContext:
    """Whom a call is made for, with what there is in the web."""
    return tool_context("somebody", egress=rig.egress)


def tools_and_calls(rig: PluginRig, plugin: Plugin) -> list[tuple[Tool, str]]:
    """Each tool with arguments it can work with."""
    return [(tool, rig.calls[tool.schema.name]) for tool in plugin.tools]


def left_in(folder: Path) -> list[Path]:
    """What lies there."""
    return list(folder.iterdir())


class PluginContract:
    """What holds for every ``Plugin``."""

    def make_rig(self, folder: Path) -> PluginRig:
        """Make the rig: to be written in each subclass.

        Args:
            folder: An empty one, for this test alone.
        """
        raise NotImplementedError("a subclass makes its own rig")

    @pytest.fixture
    def rig(self, tmp_path: Path) -> PluginRig:
        """The rig of one test."""
        return self.make_rig(tmp_path)

    async def test_a_plugin_has_its_specs_name_and_a_call_for_each_tool(self, rig: PluginRig, tmp_path: Path) -> None:
        """What an operator switches on by a name is found by it in the log."""
        async with opened(rig, tmp_path) as plugin:
            assert plugin.name == rig.spec.name
            assert sorted(tool.schema.name for tool in plugin.tools) == sorted(rig.calls)

    async def test_tools_are_described_as_every_lab_takes_them(self, rig: PluginRig, tmp_path: Path) -> None:
        """Names of letters, digits, _ and -; a description; arguments as the schema of an object, each with its own."""
        async with opened(rig, tmp_path) as plugin:
            for tool in plugin.tools:
                assert re.fullmatch(r"[A-Za-z0-9_-]{1,64}", tool.schema.name)
                assert tool.schema.description.strip()
                schema = json.loads(tool.schema.parameters)
                assert schema["type"] == "object"
                assert [
                    name for name, about in schema.get("properties", {}).items() if not about.get("description")
                ] == []

    async def test_a_call_that_makes_sense_returns_text(self, rig: PluginRig, tmp_path: Path) -> None:
        """A model has something to go on with."""
        async with opened(rig, tmp_path) as plugin:
            for tool, call in tools_and_calls(rig, plugin):
                result = await tool.call(call, caller_of(rig))
                assert (result if isinstance(result, str) else result.text).strip()

    @pytest.mark.parametrize("nonsense", NONSENSE, ids=range(len(NONSENSE)))
    async def test_nonsense_is_refused_so_that_the_model_may_mend_it(
        self, rig: PluginRig, nonsense: str, tmp_path: Path
    ) -> None:
        """Arguments come from a model: whatever they are, the call says what is wrong with them and does nothing."""
        async with opened(rig, tmp_path) as plugin:
            for tool, _ in tools_and_calls(rig, plugin):
                if nonsense in EMPTY and not json.loads(tool.schema.parameters).get("required"):
                    continue  # a call without arguments is one
                with pytest.raises(CallMalformed, match=r"\w"):
                    await tool.call(nonsense, caller_of(rig))
                if tool.effect != "reads":
                    with pytest.raises(CallMalformed, match=r"\w"):
                        tool.summary(nonsense)
            assert not left_in(tmp_path)

    async def test_a_question_shows_every_argument_exactly(self, rig: PluginRig, tmp_path: Path) -> None:
        """What a person allows is what will be done, word for word."""
        async with opened(rig, tmp_path) as plugin:
            for tool, call in tools_and_calls(rig, plugin):
                if tool.effect != "reads":
                    assert all(str(argument) in tool.summary(call) for argument in json.loads(call).values())

    async def test_opening_and_closing_does_nothing_else(self, rig: PluginRig, tmp_path: Path) -> None:
        """A plugin nobody uses leaves nothing behind."""
        async with opened(rig, tmp_path):
            pass
        assert not left_in(tmp_path)
