"""Tools' schemas as they are sent: of what shape arguments are, in what every server compiles; the rest in words."""

import json
from collections.abc import Iterator
from typing import Annotated, Any, Literal

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, Field

from core.errors import CallMalformed
from core.tools import tool
from providers.schemas import plain

KEPT = {"type", "properties", "required", "description", "enum", "items", "anyOf", "additionalProperties"}
KINDS = {"object", "array", "string", "integer", "number", "boolean", "null"}


def schemas_in(schema: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """A schema and all in it."""
    yield schema
    inner = [*schema.get("properties", {}).values(), *schema.get("anyOf", [])]
    inner += [schema[name] for name in ("items", "additionalProperties") if name in schema]
    for one in inner:
        yield from schemas_in(one)


def check(schema: dict[str, Any]) -> None:
    """It is a schema, an object's, and holds nothing that some server could not compile."""
    jsonschema.Draft202012Validator.check_schema(schema)
    assert schema["type"] == "object"
    assert "properties" in schema
    assert "anyOf" not in schema
    for one in schemas_in(schema):
        assert one.keys() <= KEPT
        assert one.get("type", "string") in KINDS
        assert one.get("required") != []
        assert set(one.get("required", [])) <= set(one.get("properties", {}))
        assert all(isinstance(value, str) and value for value in one.get("enum", ["x"]))
        assert one.get("type") != "array" or "items" in one


def sent(**properties: object) -> dict[str, Any]:
    """How the properties of a tool are sent; each may be left out."""
    made: Any = plain(json.dumps({"type": "object", "properties": properties}))
    check(made)
    return dict(made["properties"])


@pytest.mark.parametrize(
    "given, sent_as",
    [
        ({"type": "string", "maxLength": 20000}, {"type": "string", "description": "at most 20000 characters"}),
        (
            {"type": "string", "description": "Of a place.", "minLength": 1, "pattern": "^[a-z]{1,9999}$"},
            {"type": "string", "description": "Of a place. (at least 1 characters; matching ^[a-z]{1,9999}$)"},
        ),
        ({"type": "string", "format": "date-time"}, {"type": "string", "description": "format date-time"}),
        (
            {"type": "array", "items": {"type": "string"}, "minItems": 0, "maxItems": 5000, "uniqueItems": True},
            {"type": "array", "items": {"type": "string"}, "description": "no item twice; at most 5000 items"},
        ),
        ({"type": "integer", "minimum": 0, "maximum": 9}, {"type": "integer", "description": "at least 0; at most 9"}),
        ({"enum": [1, 2, 3]}, {"type": "integer", "description": "one of 1, 2, 3"}),
        ({"type": "string", "enum": ["a", "", "b"]}, {"type": "string", "description": 'one of a, "", b'}),
        ({"enum": ["a", "b", "a", None]}, {"enum": ["a", "b"]}),
        ({"const": "a"}, {"type": "string", "enum": ["a"]}),
        ({"const": 3}, {"type": "integer", "description": "always 3"}),
        ({"type": ["string", "null"], "default": None}, {"type": "string"}),
        (
            {"anyOf": [{"type": "string"}, {"type": "null"}], "default": "x"},
            {"type": "string", "description": "x if left out"},
        ),
        ({"type": ["string", "integer"]}, {"anyOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"oneOf": [{"const": "a"}, {"const": "b"}]}, {"type": "string", "enum": ["a", "b"]}),
        ({"allOf": [{"type": "string"}], "description": "A."}, {"type": "string", "description": "A."}),
        ({"type": "object", "additionalProperties": False}, {"type": "object"}),
        (
            {"type": "object", "additionalProperties": {"type": "integer", "maximum": 3}},
            {"type": "object", "additionalProperties": {"type": "integer", "description": "at most 3"}},
        ),
        (
            {"type": "object", "patternProperties": {"^a": {}}, "propertyNames": {}, "minProperties": 1},
            {"type": "object"},
        ),
        (
            {"type": "array", "prefixItems": [{"type": "integer"}, {"type": "string"}], "items": False},
            {"type": "array", "items": {"anyOf": [{"type": "integer"}, {"type": "string"}]}},
        ),
        ({"type": "array"}, {"type": "array", "items": {}}),
        ({}, {}),
        (True, {}),
        ({"if": {}, "then": {}, "not": {}, "$comment": "x", "title": "X", "examples": [1], "deprecated": True}, {}),
    ],
)
def test_a_limit_is_told_in_words(given: object, sent_as: object) -> None:
    """What a grammar cannot hold is for the model to read, and for us to check."""
    assert sent(it=given) == {"it": sent_as}


def test_what_has_to_be_said_may_be_said_to_be_nothing() -> None:
    """Where an argument may be left out there is no need for a way to say nothing; where it may not, there is."""
    nullable = {"anyOf": [{"type": "string"}, {"type": "null"}]}
    made: Any = plain(json.dumps({"properties": {"a": nullable, "b": nullable}, "required": ["a", "gone"]}))
    check(made)
    assert made["properties"] == {"a": nullable, "b": {"type": "string"}}
    assert made["required"] == ["a"]


def test_references_are_followed_and_circles_come_to_an_end() -> None:
    """Few servers follow them, and a grammar that never ends compiles nowhere."""
    node = {"type": "object", "properties": {"name": {"type": "string"}, "next": {"$ref": "#/$defs/Node"}}}
    made: Any = plain(json.dumps({"$defs": {"Node": node}, "properties": {"list": {"$ref": "#/$defs/Node"}}}))
    check(made)
    assert made["properties"]["list"]["properties"]["next"]["properties"]["name"] == {"type": "string"}
    assert len(json.dumps(made)) < 1000


def test_a_choice_at_the_top_becomes_one_object() -> None:
    """Labs refuse it there."""
    one = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}, "required": ["a", "b"]}
    other = {"type": "object", "properties": {"a": {"type": "string"}, "c": {"type": "integer"}}, "required": ["a"]}
    made: Any = plain(json.dumps({"anyOf": [one, other], "description": "Either."}))
    check(made)
    assert (list(made["properties"]), made["required"], made["description"]) == (["a", "b", "c"], ["a"], "Either.")


@pytest.mark.parametrize(
    "parameters",
    ["", "null", "[]", "{}", '{"type": "object"}', '{"$ref": "#/$defs/gone"}', '{"$ref": "#"}', '{"properties": 3}'],
)
def test_a_schema_that_says_nothing_is_that_of_an_object(parameters: str) -> None:
    """A tool without arguments, or whose author has erred, is offered all the same."""
    assert plain(parameters) == {"type": "object", "properties": {}}


def test_many_ways_through_the_same_references_come_to_an_end() -> None:
    """Each level twice the one before would fill the memory."""
    defs: dict[str, object] = {
        f"L{level}": {"properties": {name: {"$ref": f"#/$defs/L{level + 1}"} for name in "abcdefgh"}}
        for level in range(12)
    }
    made = plain(json.dumps({"$defs": defs, "properties": {"x": {"$ref": "#/$defs/L0"}}}))
    check(made)
    assert len(json.dumps(made)) < 200_000


_LEAVES = st.fixed_dictionaries(
    {},
    optional={
        "type": st.sampled_from([*KINDS, ["string", "null"], ["integer", "string", "null"]]),
        "enum": st.lists(st.one_of(st.text(max_size=3), st.integers(), st.none()), min_size=1, max_size=4, unique=True),
        "const": st.one_of(st.text(max_size=3), st.integers(), st.none(), st.booleans()),
        "maxLength": st.integers(0, 10**6),
        "pattern": st.just("^a{1,3000}$"),
        "default": st.one_of(st.none(), st.text(max_size=3), st.integers()),
        "description": st.text(max_size=9),
        "$ref": st.sampled_from(["#", "#/$defs/A", "#/$defs/gone"]),
        "title": st.just("T"),
    },
)
_SCHEMAS = st.recursive(
    st.one_of(_LEAVES, st.booleans()),
    lambda inner: st.fixed_dictionaries(
        {},
        optional={
            "type": st.sampled_from(["object", "array"]),
            "properties": st.dictionaries(st.text(min_size=1, max_size=3), inner, max_size=3),
            "required": st.lists(st.text(min_size=1, max_size=3), max_size=2, unique=True),
            "items": inner,
            "prefixItems": st.lists(inner, min_size=1, max_size=2),
            "additionalProperties": inner,
            "anyOf": st.lists(inner, min_size=1, max_size=3),
            "oneOf": st.lists(inner, min_size=1, max_size=2),
            "allOf": st.lists(inner, min_size=1, max_size=2),
        },
    ),
    max_leaves=8,
)


@given(schema=_SCHEMAS, definition=_SCHEMAS)
def test_whatever_the_schema_what_is_sent_compiles(schema: object, definition: object) -> None:
    """Of any shape, also one that refers to itself."""
    parameters = schema | {"$defs": {"A": definition}} if isinstance(schema, dict) else schema
    check(plain(json.dumps(parameters)))


class _Place(BaseModel):
    name: Annotated[str, Field(max_length=5)]
    inner: list["_Place"] = []


@tool
async def keep(
    text: Annotated[str, Field(max_length=20_000)], at: _Place, kind: Literal["a", "b"] | None = None
) -> str:
    """Keep a text."""
    return f"kept {len(text)} at {at.name} {kind}"


async def test_a_limit_that_is_not_sent_holds_all_the_same() -> None:
    """The model is told which one it broke, and may call again."""
    made = plain(keep.schema.parameters)
    check(made)
    assert "maxLength" not in json.dumps(made)
    with pytest.raises(CallMalformed, match="at most 20000 characters"):
        await keep.call(json.dumps({"text": "x" * 20_001, "at": {"name": "here"}}), None)  # type: ignore[arg-type]
    with pytest.raises(CallMalformed, match=r"at\.name: .*at most 5 characters"):
        await keep.call(json.dumps({"text": "x", "at": {"name": "far away"}}), None)  # type: ignore[arg-type]
