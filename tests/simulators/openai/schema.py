"""As much of JSON Schema as the published OpenAPI description of chat completions uses."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from .records import Json

_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
    "null": (type(None),),
}


class Schemas:
    """The named schemas of one OpenAPI document."""

    def __init__(self, document: Json) -> None:
        self._named: Json = document["components"]["schemas"]
        self._merged: dict[int, Json] = {}

    def resolve(self, schema: Json) -> Json:
        """Follow references and merge `allOf` into one schema."""
        while "$ref" in schema:
            schema = self._named[str(schema["$ref"]).rsplit("/", 1)[1]]
        if "allOf" not in schema:
            return schema
        if id(schema) in self._merged:
            return self._merged[id(schema)]
        parts = [self.resolve(part) for part in schema["allOf"]]
        if not any("properties" in part for part in parts):
            return {key: value for part in (*parts, schema) for key, value in part.items() if key != "allOf"}
        merged: Json = {"type": "object", "properties": {}, "required": []}
        for part in parts:
            merged["properties"] |= part.get("properties", {})
            merged["required"] += part.get("required", [])
        self._merged[id(schema)] = merged
        return merged

    def named(self, name: str) -> Json:
        """Return a schema by name, resolved."""
        return self.resolve(self._named[name])

    def faults_of(self, value: Any, schema: Json, path: str) -> Iterator[str]:  # noqa: ANN401 - any JSON
        """Say where a value does not fit a schema. Fields that no schema names are let through."""
        schema = self.resolve(schema)
        if value is None and schema.get("nullable"):
            return
        options = schema.get("anyOf") or schema.get("oneOf")
        if options:
            yield from self._best(value, [self.resolve(option) for option in options], path)
            return
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        if kinds and not any(_is_of(value, kind) for kind in kinds):
            yield f"{path} is not {' or '.join(kinds)}"
            return
        if "enum" in schema and value not in schema["enum"]:
            yield f"{path} is {value!r}, none of {schema['enum']}"
        if isinstance(value, dict):
            yield from self._object(value, schema, path)
        if isinstance(value, list):
            if len(value) < schema.get("minItems", 0):
                yield f"{path} has too few items"
            for i, item in enumerate(value):
                yield from self.faults_of(item, schema.get("items", {}), f"{path}[{i}]")

    def _object(self, value: Json, schema: Json, path: str) -> Iterator[str]:
        for name in schema.get("required", ()):
            if name not in value:
                yield f"{path}.{name} is missing"
        properties = schema.get("properties", {})
        for name, item in value.items():
            if name in properties:
                yield from self.faults_of(item, properties[name], f"{path}.{name}")

    def _best(self, value: object, options: list[Json], path: str) -> Iterator[str]:
        """Yield the faults by the option that fits best, choosing by role or type where there is one."""
        if isinstance(value, dict):
            options = [option for option in options if _tag_fits(value, option)] or options
        best: list[str] | None = None
        for option in options:
            wrong = list(self.faults_of(value, option, path))
            if not wrong:
                return
            if best is None or len(wrong) < len(best):
                best = wrong
        yield from best or ()


def _is_of(value: object, kind: str) -> bool:
    return isinstance(value, _TYPES[kind]) and (kind == "boolean" or not isinstance(value, bool))


def _tag_fits(value: Json, option: Json) -> bool:
    """Tell whether a value's role and type are among those that an option is for."""
    for tag in ("role", "type"):
        allowed = option.get("properties", {}).get(tag, {}).get("enum")
        if allowed and tag in value and value[tag] not in allowed:
            return False
    return True
