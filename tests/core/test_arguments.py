"""Arguments of tools that do not read them by themselves are held against the whole schema."""

import json
from dataclasses import replace

import pytest

from core.arguments import unfit
from core.exchange import Part, ToolSchema
from core.plugin import Plugin
from core.turn.toolbox import Toolbox
from turns import FakeTool, ran

SCHEMA = json.dumps(
    {
        "type": "object",
        "properties": {
            "text": {"type": "string", "maxLength": 5, "pattern": "^[a-z]+$"},
            "tags": {"type": "array", "items": {"$ref": "#/$defs/Tag"}, "maxItems": 2},
        },
        "required": ["text"],
        "additionalProperties": False,
        "$defs": {"Tag": {"type": "string", "minLength": 2}},
    }
)


@pytest.mark.parametrize(
    "arguments, wrong",
    [
        ('{"text": "short"}', ()),
        ('{"text": "short", "tags": ["one", "two"]}', ()),
        ('{"text": "toolong"}', ("text", "maxLength is 5")),
        (json.dumps({"text": "x" * 20_000}), ("text", "maxLength is 5")),
        ('{"text": "NO"}', ("text", '"^[a-z]+$"')),
        ('{"text": "a", "tags": ["a"]}', ("tags.0", "minLength is 2")),
        ('{"text": "a", "tags": ["aa", "bb", "cc"]}', ("tags", "maxItems is 2")),
        ("{}", ("arguments", "'text' is a required property")),
        ("", ("'text' is a required property",)),
        ('{"text": "a", "other": 1}', ("'other'",)),
        ('{"text": ', ()),
    ],
)
def test_what_is_wrong_is_said_with_its_place_and_the_limit(arguments: str, wrong: tuple[str, ...]) -> None:
    """Shortly, whatever was given; what is no JSON is for the tool to say."""
    said = unfit(SCHEMA, arguments)
    assert bool(said) == bool(wrong)
    assert all(word in said for word in wrong)
    assert len(said) < 600


@pytest.mark.parametrize(
    "schema",
    [
        "no JSON",
        "[]",
        '{"type": "nonsense"}',
        '{"properties": {"text": {"$ref": "#/nowhere"}}}',
        '{"properties": {"text": {"$ref": "http://192.0.2.1/schema.json"}}}',
        '{"$ref": "#"}',
    ],
)
def test_a_schema_that_makes_no_sense_stands_in_nobodys_way(schema: str) -> None:
    """Nothing is fetched for it, and the tool is called."""
    assert unfit(schema, '{"text": "a"}') == ""


@pytest.mark.parametrize("effect", ["reads", "writes"])
async def test_a_call_that_breaks_a_limit_is_not_made(effect: str) -> None:
    """Nor is a person asked for leave; the model is told which limit it was."""
    fake = FakeTool("keep", effect)  # type: ignore[arg-type]
    tool = replace(fake.tool, schema=ToolSchema(name="keep", description="Keep.", parameters=SCHEMA))
    toolbox = Toolbox([Plugin(name="p", tools=(tool,))])
    wrong = Part(kind="call", id="1", name="keep", body='{"text": "toolong"}')
    answer = toolbox.question(wrong) if effect == "writes" else await ran(toolbox, wrong)
    assert isinstance(answer, Part)
    assert answer.failed
    assert "maxLength is 5" in answer.body
    assert fake.made == []
    right = Part(kind="call", id="1", name="keep", body='{"text": "short"}')
    assert (await ran(toolbox, right)).failed is False
    assert fake.made == ['{"text": "short"}']
