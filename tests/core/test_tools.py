"""Tools of functions: the signature is the schema and the check, the docstring what the model is told."""

import json
import threading
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field

from core.errors import CallMalformed, ToolFailed
from core.plugin import Tool, ToolContext
from core.testing import plugin_site, tool_context
from core.tools import Switch, plugin, rendered, tool

ANN = tool_context("ann", now=datetime(2026, 11, 26, tzinfo=UTC))


class Size(BaseModel):
    width: int
    height: int = 1


@tool
async def everything(  # noqa: PLR0917 - as a model may want it
    word: Annotated[str, Field(max_length=5, description="A short one.")],
    copy: int,
    caller: ToolContext,
    kind: Literal["a", "b"] = "a",
    day: date | None = None,
    size: Size | None = None,
    tags: tuple[str, ...] = (),
) -> str:
    """Show all that can be given.

    More about it.

    Args:
        word: Not for the model.
    """
    return repr((word, copy, caller.scope, kind, day, size, tags))


@tool
def thread() -> str:
    """Tell which thread this is."""
    return threading.current_thread().name


async def test_a_function_of_one_line_is_a_tool() -> None:
    """Its name, its docstring without the part for programmers, its arguments."""
    assert everything.schema.name == "everything"
    assert everything.schema.description == "Show all that can be given.\n\nMore about it."
    assert (everything.effect, everything.outside) == ("reads", False)
    schema = json.loads(everything.schema.parameters)
    assert schema["type"] == "object"
    assert schema["required"] == ["word", "copy"]
    assert schema["additionalProperties"] is False
    assert schema["properties"]["word"] == {"type": "string", "maxLength": 5, "description": "A short one."}
    assert schema["properties"]["kind"] == {"type": "string", "enum": ["a", "b"], "default": "a"}
    assert "caller" not in schema["properties"]
    assert "title" not in schema
    assert not any("title" in field for field in schema["properties"].values())


async def test_arguments_arrive_as_their_types() -> None:
    """Whatever JSON they were, and whoever asks comes from us."""
    given = '{"word": "tea", "copy": 2, "day": "2026-11-26", "size": {"width": 3}, "tags": ["x"]}'
    expected = ("tea", 2, "ann", "a", date(2026, 11, 26), Size(width=3), ("x",))
    assert await everything.call(given, ANN) == repr(expected)
    assert await everything.call('{"word": "tea", "copy": 2}', ANN) == repr(("tea", 2, "ann", "a", None, None, ()))


@pytest.mark.parametrize(
    "arguments, wrong",
    [
        ("", "arguments: Invalid JSON"),
        ("{", "arguments: Invalid JSON"),
        ("[]", "arguments: Input should be an object"),
        ("null", "arguments: Input should be an object"),
        ("[" * 5000, "arguments: Invalid JSON"),
        ("{}", "word: it is needed; copy: it is needed"),
        ('{"word": "longer", "copy": 1}', "word: String should have at most 5 characters"),
        ('{"word": "a", "copy": "many"}', "copy: Input should be a valid integer"),
        ('{"word": "a", "copy": 1, "kind": "c"}', "kind: Input should be 'a' or 'b'"),
        ('{"word": "a", "copy": 1, "size": {}}', "size.width: it is needed"),
        (
            '{"word": "a", "copy": 1, "caller": {"scope": "eve"}}',
            "caller: there is no such argument; there are: word, copy",
        ),
    ],
)
async def test_what_is_wrong_is_told_argument_by_argument(arguments: str, wrong: str) -> None:
    """So that the model may mend it; and nobody gives us who is asking."""
    with pytest.raises(CallMalformed) as refused:
        await everything.call(arguments, ANN)
    assert wrong in str(refused.value)


@pytest.mark.parametrize("arguments", ["", "  ", "{}"])
async def test_a_tool_without_arguments_takes_none(arguments: str) -> None:
    """Some models then send nothing at all."""
    assert await thread.call(arguments, ANN)
    assert json.loads(thread.schema.parameters)["properties"] == {}


async def test_a_plain_function_runs_in_a_thread() -> None:
    """It may take its time, and what it raises comes back."""
    assert await thread.call("{}", ANN) != threading.current_thread().name

    @tool
    def fails() -> str:
        """Fail."""
        raise ToolFailed("no signal")

    with pytest.raises(ToolFailed, match="no signal"):
        await fails.call("{}", ANN)


def saving(**how: object) -> Tool:
    """A tool with an effect."""

    async def save(title: str, text: str = "none", size: Size | None = None) -> str:
        """Save something."""
        return f"{title}{text}{size}"

    return tool(effect="writes", **how)(save)  # type: ignore[call-overload, no-any-return]


@pytest.mark.parametrize(
    "arguments, question",
    [
        ({"title": "Tea"}, "save:\n\n```\ntitle: Tea\ntext: none\nsize: null\n```"),
        (
            {"title": "Tea", "size": {"width": 2}},
            'save:\n\n```\ntitle: Tea\ntext: none\nsize: {"width":2,"height":1}\n```',
        ),
        (
            {"title": "a", "text": "b\ntitle: c"},
            "save:\n\n```\ntitle: a\nsize: null\n```\n\ntext:\n\n```\nb\ntitle: c\n```",
        ),
        ({"title": "a\u202eb\x1b```"}, "save:\n\n````\ntitle: a⟨U+202E⟩b⟨U+001B⟩```\ntext: none\nsize: null\n````"),
    ],
)
def test_a_question_shows_every_argument_exactly(arguments: dict[str, object], question: str) -> None:
    """Also those the model left out; none can pass for another, and nothing is there unseen."""
    assert saving().summary(json.dumps(arguments)) == question


def test_a_question_may_have_words_of_its_own_or_be_made() -> None:
    """Of the same arguments, checked in the same way."""
    assert saving(summary="Save this?").summary('{"title": "T"}').startswith("Save this?\n\n```\ntitle: T")
    made = saving(summary=lambda title, text, size: f"Save {title}, {text}, {size}?")
    assert made.summary('{"title": "T"}') == "Save T, none, None?"
    with pytest.raises(CallMalformed, match="title: it is needed"):
        made.summary("{}")


def test_a_question_without_arguments_is_its_words() -> None:
    """There is nothing to show."""
    assert rendered("Do it?", {}) == "Do it?"


def test_a_name_may_be_given() -> None:
    """Where the function is called otherwise, or not at all."""
    assert saving(name="keep").schema.name == "keep"
    assert saving(name="keep", outside=True).outside


def test_what_no_model_could_use_is_refused_when_it_is_made() -> None:
    """With a sentence for its author."""

    async def silent(word: str) -> str:
        return word

    async def untyped(word) -> str:  # type: ignore[no-untyped-def]  # noqa: ANN001
        """Say it."""
        return str(word)

    async def many(*words: str) -> str:
        """Say them."""
        return str(words)

    for function, why in (
        (silent, "no docstring"),
        (untyped, "one type"),
        (many, "one name"),
    ):
        with pytest.raises(TypeError, match=why):
            tool(function)
    with pytest.raises(TypeError, match="no name of a tool"):
        saving(name="größe")


async def test_a_plugin_of_functions_and_tools_opens_with_all_of_them() -> None:
    """Under the name it has in the configuration, on unless it is switched off."""

    async def hello(name: str) -> str:
        """Greet somebody by name."""
        return f"Hello, {name}!"

    spec = plugin("greeting", hello, thread)
    async with spec.open(plugin_site(Path("nowhere"), "greeting"), Switch()) as opened:
        assert opened.name == "greeting"
        assert [each.schema.name for each in opened.tools] == ["hello", "thread"]
        assert await opened.tools[0].call('{"name": "Ann"}', ANN) == "Hello, Ann!"
    assert spec.configured(Switch()) is None
    assert spec.configured(Switch(enabled=False)) == "it is switched off"
