"""Tools' schemas in the part of JSON Schema that every server takes.

Servers that bind a model to a schema compile it into a grammar, and refuse the whole request where they cannot: a
``maxLength`` of some thousands, a pattern, a format, a reference that leads in a circle. Labs have a subset each:
https://ai.google.dev/gemini-api/docs/structured-output , https://platform.openai.com/docs/guides/structured-outputs .
So what is sent says of what shape the arguments are, and tells in words what else holds for them. Whether that was kept
to is checked when the call comes (``core/tools.py``, ``core/arguments.py``), and the model may mend it.
"""

import json
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Any

from providers.words import JSON

_MOST_DEPTH, _MOST_SCHEMAS = 12, 2000  # what leads nowhere near an end is left open
_MOST_CIRCLES = 2
_MOST_CHARS = 200  # of a pattern or a value that is told in words

# What a limit is called in words; {} is its value.
_LIMITS = (
    ("minLength", "at least {} characters"),
    ("maxLength", "at most {} characters"),
    ("minimum", "at least {}"),
    ("exclusiveMinimum", "more than {}"),
    ("maximum", "at most {}"),
    ("exclusiveMaximum", "less than {}"),
    ("multipleOf", "a multiple of {}"),
    ("minItems", "at least {} items"),
    ("maxItems", "at most {} items"),
    ("pattern", "matching {}"),
    ("format", "format {}"),
    ("default", "{} if left out"),
)


def plain(parameters: str) -> JSON:
    """A tool's parameters as they are sent: an object's schema without references and limits. Not to be changed."""
    return _plain(parameters)


@lru_cache(maxsize=500)
def _plain(parameters: str) -> JSON:
    try:
        root = json.loads(parameters)
    except ValueError:
        root = None
    schema = root if isinstance(root, dict) else {}
    made = _Reader(schema).read(schema)
    if "anyOf" in made:  # labs refuse a choice at the top
        made = _joined(made)
    properties = made.get("properties")
    told = {key: made[key] for key in ("description", "required") if key in made}
    return {"type": "object", "properties": properties if isinstance(properties, dict) else {}} | told


class _Reader:
    """Reads one tool's schema.

    Args:
        root: What references lead into.
    """

    def __init__(self, root: Mapping[str, Any]) -> None:
        self._root = root
        self._left = _MOST_SCHEMAS

    def read(self, schema: object, *, optional: bool = False, path: tuple[str, ...] = ()) -> JSON:
        """A schema within it.

        Args:
            optional: It may be left out, so that there need be no way to say nothing.
            path: The references that led here.
        """
        self._left -= 1
        if not isinstance(schema, dict) or len(path) > _MOST_DEPTH or self._left < 0:
            return {}
        followed, path = self._followed(schema, path)
        options = self._options(followed)
        if options is not None:
            return self._choice(followed, options, optional=optional, path=path)
        kind = _kind(followed)
        made: JSON = {"type": kind} if kind else {}
        words = []
        if kind == "object" or "properties" in followed:
            made |= self._object(followed, path)
        elif kind == "array":
            made["items"] = self._items(followed, path)
            words += ["no item twice"] if followed.get("uniqueItems") is True else []
        if "enum" in followed or "const" in followed:
            words += _values(followed, made)
        return _with_words(made, followed, words)

    def _followed(self, schema: dict[str, Any], path: tuple[str, ...]) -> tuple[dict[str, Any], tuple[str, ...]]:
        """A schema with what it refers to and what it is made up of; of one that leads in a circle, its type."""
        while isinstance(reference := schema.get("$ref"), str):
            found = self._found(reference)
            if path.count(reference) >= _MOST_CIRCLES:
                return {"type": _kind(found)} if _kind(found) else {}, path
            path = (*path, reference)
            schema = found | {key: value for key, value in schema.items() if key != "$ref"}
        parts = schema.get("allOf")
        if isinstance(parts, list):
            schema = {key: value for key, value in schema.items() if key != "allOf"}
            for part in parts:
                schema = _merged(schema, self._followed(part, path)[0] if isinstance(part, dict) else {})
        return schema, path

    def _found(self, reference: str) -> dict[str, Any]:
        found: Any = self._root
        for step in reference.removeprefix("#").strip("/").split("/"):
            name = step.replace("~1", "/").replace("~0", "~")
            found = found.get(name) if isinstance(found, dict) and step else found
        return found if isinstance(found, dict) else {}

    def _options(self, schema: dict[str, Any]) -> list[dict[str, Any]] | None:
        """What a schema leaves a choice of: other schemas, or several types."""
        for name in ("anyOf", "oneOf"):
            if isinstance(given := schema.get(name), list):
                return [option for option in given if isinstance(option, dict)]
        kinds = schema.get("type")
        if isinstance(kinds, list):
            rest = {key: value for key, value in schema.items() if key not in {"type", "description", "default"}}
            return [{"type": "null"} if kind == "null" else rest | {"type": kind} for kind in kinds]
        return None

    def _choice(
        self, schema: dict[str, Any], options: list[dict[str, Any]], *, optional: bool, path: tuple[str, ...]
    ) -> JSON:
        deeper = (*path, "anyOf")
        made = [self.read(option, path=deeper) for option in options]
        something = [one for one in made if one.get("type") != "null"]
        kept: list[JSON] = []
        for one in something if optional and something else made:
            if one not in kept:
                kept.append(one)
        if len(kept) > 1 and all(one.keys() == {"type", "enum"} for one in kept):
            values = [value for one in kept if isinstance(names := one["enum"], list) for value in names]
            kept = [{"type": "string", "enum": list(dict.fromkeys(values))}]
        outer: JSON = {key: schema[key] for key in ("description", "default") if key in schema}
        if len(kept) == 1:
            told = [text for text in (outer.get("description"), kept[0].get("description")) if isinstance(text, str)]
            return _with_words(kept[0], outer | ({"description": " ".join(dict.fromkeys(told))} if told else {}), [])
        return _with_words({"anyOf": kept} if kept else {}, outer, [])

    def _object(self, schema: dict[str, Any], path: tuple[str, ...]) -> JSON:
        given = schema.get("properties")
        names = given if isinstance(given, dict) else {}
        needed = schema.get("required")
        required = [name for name in needed if name in names] if isinstance(needed, list) else []
        deeper = (*path, "properties")
        made: JSON = {"type": "object"}
        if names:
            made["properties"] = {
                name: self.read(one, optional=name not in required, path=deeper)
                for name, one in names.items()
                if one is not False
            }
        if required:
            made["required"] = required
        rest = schema.get("additionalProperties")
        if isinstance(rest, dict) and (values := self.read(rest, path=deeper)):
            made["additionalProperties"] = values
        return made

    def _items(self, schema: dict[str, Any], path: tuple[str, ...]) -> JSON:
        """Of what its items are; of a row of different ones, any of them."""
        items, row = schema.get("items"), schema.get("prefixItems")
        row = items if isinstance(items, list) else row
        deeper = (*path, "items")
        if not isinstance(row, list):
            return self.read(items, path=deeper)
        return self._choice({}, [one for one in row if isinstance(one, dict)], optional=False, path=deeper)


def _kind(schema: Mapping[str, Any]) -> str:
    """A schema's type, also where it only follows from the rest of it; "" where anything goes."""
    kind = schema.get("type")
    if isinstance(kind, str):
        return kind
    if "properties" in schema or "additionalProperties" in schema:
        return "object"
    if "items" in schema or "prefixItems" in schema:
        return "array"
    given = schema.get("enum", [schema["const"]] if "const" in schema else [])
    kinds = {type(value) for value in given} if isinstance(given, list) else set()
    names = {str: "string", int: "integer", float: "number", bool: "boolean"}
    return names.get(kinds.pop(), "") if len(kinds) == 1 else ""


def _values(schema: Mapping[str, Any], made: JSON) -> list[str]:
    """Keep the texts that a value may be; tell all others in words, since not everybody takes numbers there."""
    given = schema.get("enum") if "enum" in schema else [schema["const"]]
    values = [value for value in given if value is not None] if isinstance(given, list) else []
    if values and all(isinstance(value, str) and value for value in values):
        made["enum"] = list(dict.fromkeys(values))
        return []
    told = ", ".join(_told(value) for value in values)
    return [f"one of {told}" if len(values) > 1 else f"always {told}"] if values else []


def _with_words(made: JSON, schema: Mapping[str, Any], words: Iterable[str]) -> JSON:
    """The schema with what is said of it, and the limits that are told in words."""
    limits = [
        text.format(_told(limit))
        for name, text in _LIMITS
        if (limit := schema.get(name)) is not None and not (limit == 0 and name in {"minLength", "minItems"})
    ]
    told = "; ".join([*words, *limits])
    said = schema.get("description")
    text = said if isinstance(said, str) else ""
    whole = f"{text} ({told})" if text and told else text or told
    return made | ({"description": whole} if whole else {})


def _told(value: object) -> str:
    text = value if isinstance(value, str) and value else json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]}…"


def _merged(whole: dict[str, Any], more: Mapping[str, Any]) -> dict[str, Any]:
    """Two schemas of which both hold."""
    merged = dict(more) | whole
    for name in ("properties", "required"):
        one, other = whole.get(name), more.get(name)
        if isinstance(one, dict) and isinstance(other, dict):
            merged[name] = other | one
        elif isinstance(one, list) and isinstance(other, list):
            merged[name] = [*one, *(each for each in other if each not in one)]
    return merged


def _joined(made: JSON) -> JSON:
    """The objects that a schema leaves a choice of as one, in which only what all of them need is needed."""
    options = made["anyOf"]
    objects = [one for one in options if isinstance(one, dict)] if isinstance(options, list) else []
    properties: JSON = {}
    needed: list[set[str]] = []
    for one in objects:
        given, required = one.get("properties"), one.get("required")
        properties |= given if isinstance(given, dict) else {}
        needed.append(set(required) if isinstance(required, list) else set())
    common = set.intersection(*needed) if needed else set()
    joined: JSON = {"properties": properties, "required": [name for name in properties if name in common]}
    return ({"description": made["description"]} if "description" in made else {}) | {
        key: value for key, value in joined.items() if value
    }
