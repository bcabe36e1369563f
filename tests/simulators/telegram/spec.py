"""Judges a call's parameters by the published machine-readable Bot API."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..specs import load_spec  # noqa: TID252 - the folder above is a plain folder of simulators
from .calls import Json, Upload

_PLAIN: dict[str, tuple[type, ...]] = {
    "String": (str,),
    "Integer": (int,),
    "Float": (int, float),
    "Boolean": (bool,),
}


def _is_form_value(value: object) -> bool:
    """Tell whether this is a number or truth value as a form spells it."""
    return isinstance(value, str) and bool(re.fullmatch(r"-?\d+(\.\d+)?|true|false|True|False", value))


class Spec:
    """The methods and types of one Bot API version."""

    def __init__(self, api: Json) -> None:
        self.version = str(api["version"])
        self._types: Json = api["types"]
        self._methods: Json = {name.lower(): method for name, method in api["methods"].items()}

    @classmethod
    def load(cls) -> Spec | None:
        """Read the specification where it is at hand."""
        api = load_spec("telegram", "api.json")
        return None if api is None else cls(api)

    def knows(self, method: str) -> bool:
        """Tell whether the Bot API has this method."""
        return method.lower() in self._methods

    def faults_of(self, method: str, params: Json, files: dict[str, Upload]) -> Iterator[str]:
        """Say what a call has that the method does not know, lacks, or has of the wrong type."""
        found = self._methods.get(method.lower())
        if found is None:
            yield f"unknown method {method}"
            return
        fields = {field["name"]: field for field in found.get("fields", ())}
        attached = {name for name in files if name not in fields}
        for name in params.keys() - fields.keys():
            yield f"unknown parameter {name}"
        for name, field in fields.items():
            value = params.get(name)
            if name in files:
                if "InputFile" not in field["types"]:
                    yield f"{name} is an upload"
            elif value is None:
                if field["required"]:
                    yield f"{name} is missing"
            else:
                yield from self._value(name, value, field["types"])
        yield from (f"upload {name} is not attached" for name in attached if f"attach://{name}" not in repr(params))

    def faults_of_object(self, value: object, name: str) -> Iterator[str]:
        """Say where a value does not fit a published type, such as Update or Message."""
        return self._object(name, value, name)

    def _value(self, path: str, value: object, types: list[str]) -> Iterator[str]:
        """Say what is wrong with a value by the type that fits it best."""
        best: list[str] | None = None
        for name in types:
            wrong = list(self._as(path, value, name))
            if not wrong:
                return
            if best is None or len(wrong) < len(best):
                best = wrong
        yield from best or ()

    def _as(self, path: str, value: Any, name: str) -> Iterator[str]:  # noqa: ANN401 - any JSON
        if name.startswith("Array of "):
            if not isinstance(value, list):
                yield f"{path} is not an array"
                return
            for i, item in enumerate(value):
                yield from self._value(f"{path}[{i}]", item, [name.removeprefix("Array of ")])
        elif name in _PLAIN:
            right = isinstance(value, _PLAIN[name]) or (name != "String" and _is_form_value(value))
            if not right or (isinstance(value, bool) and name != "Boolean"):
                yield f"{path} is not {name}: {value!r:.80}"
        elif name == "InputFile":
            if not isinstance(value, str):
                yield f"{path} is not a file"
        else:
            yield from self._object(path, value, name)

    def _object(self, path: str, value: Any, name: str) -> Iterator[str]:  # noqa: ANN401 - any JSON
        kind = self._types.get(name, {})
        subtypes = kind.get("subtypes")
        if subtypes and not kind.get("fields"):
            yield from self._value(path, value, subtypes)
            return
        if not isinstance(value, dict):
            yield f"{path} is not {name}"
            return
        fields = {field["name"]: field for field in kind.get("fields", ())}
        for key in value.keys() - fields.keys():
            yield f"unknown field {path}.{key}"
        for key, field in fields.items():
            if key in value:
                yield from self._value(f"{path}.{key}", value[key], field["types"])
            elif field["required"]:
                yield f"{path}.{key} is missing"
