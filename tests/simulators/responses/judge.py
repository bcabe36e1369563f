"""What the Responses API refuses: by its published description, and by what it is known to say no to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from simulators.openai.schema import Schemas
from simulators.specs import load_spec

Json = dict[str, Any]

_KNOWN = frozenset(
    {
        "model",
        "input",
        "instructions",
        "max_output_tokens",
        "store",
        "stream",
        "include",
        "reasoning",
        "tools",
        "prompt_cache_key",
    }
)
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_LEAST_TOKENS = 16
_FIELDS = {
    "function_call": {"type", "call_id", "name", "arguments"},
    "function_call_output": {"type", "call_id", "output"},
    "reasoning": {"type", "id", "summary", "encrypted_content"},
    "web_search_call": {"type", "id", "status", "action"},
}
_MESSAGE = {"role", "content", "phase"}


class Judge:
    """Finds what is wrong with a request."""

    def __init__(self) -> None:
        document = load_spec("openai", "openapi.json")
        self._schemas = None if document is None else Schemas(document)

    def faults_of(self, body: Json, thoughts: set[str]) -> Iterator[str]:
        """Say what the lab does not know or allow.

        Args:
            thoughts: What it has encrypted, and takes back.
        """
        if self._schemas is not None:
            schema = self._schemas.named("CreateResponse")
            yield from self._schemas.faults_of(body, {**schema, "required": []}, "body")
        yield from (f"Unknown parameter: {name!r}." for name in body.keys() - _KNOWN)
        if body.get("max_output_tokens", _LEAST_TOKENS) < _LEAST_TOKENS:
            yield f"Invalid 'max_output_tokens': integer below minimum value. Expected a value >= {_LEAST_TOKENS}."
        if body.get("store") is not False:
            yield "something would be stored"
        yield from _items(body.get("input", []), thoughts)


def _items(items: list[Json], thoughts: set[str]) -> Iterator[str]:
    if not items:
        yield "input: too short"
    open_calls: dict[str, bool] = {}
    for place, item in enumerate(items):
        where = f"input[{place}]"
        kind = item.get("type", "message")
        if extra := item.keys() - _FIELDS.get(kind, _MESSAGE):
            yield f"Unknown parameter: '{where}.{min(extra)}'."
        match kind:
            case "function_call":
                if item["call_id"] in open_calls:
                    yield f"{where}: the same call_id twice"
                open_calls[item["call_id"]] = False
            case "function_call_output":
                if open_calls.get(item["call_id"], True):
                    yield f"No tool call found for function call output with call_id {item['call_id']}."
                open_calls[item["call_id"]] = True
            case "reasoning":
                if item.get("encrypted_content") not in thoughts:
                    yield f"{where}: The encrypted content could not be verified."
                if not _may_follow(items[place + 1 :]):
                    yield f"Item '{item.get('id')}' of type 'reasoning' was provided without what follows it."
            case "message" if not item.get("content"):
                yield f"{where}: empty content"
    names = (item["name"] for item in items if item.get("type") == "function_call")
    yield from (f"Invalid 'input.name': {name!r}" for name in names if not _NAME.fullmatch(name))
    yield from (f"No tool output found for function call {call}." for call, done in open_calls.items() if not done)


def _may_follow(rest: list[Json]) -> bool:
    """Whether what comes next can be what a thought led to."""
    following = rest[0] if rest else {}
    return following.get("type") in {"function_call", "web_search_call"} or following.get("role") == "assistant"
