"""Judges requests for chat completions by the published description and by what the server is known to refuse."""

from __future__ import annotations

import re
from collections.abc import Iterator

from ..specs import load_spec  # noqa: TID252 - the folder above is a plain folder of simulators
from .records import Json, Recorded, dicts
from .schema import Schemas

# The published names, for when the description is not at hand.
_ASKING = frozenset({"messages", "model", "stream", "stream_options", "n", "seed", "user", "metadata", "store", "stop"})
_TOOLS = frozenset({"tools", "tool_choice", "parallel_tool_calls", "functions", "function_call", "web_search_options"})
_SAMPLING = frozenset({"temperature", "top_p", "top_k", "frequency_penalty", "presence_penalty", "logit_bias"})
_ANSWERING = frozenset({"max_tokens", "max_completion_tokens", "response_format", "reasoning_effort", "verbosity"})
_EXTRAS = frozenset({"logprobs", "top_logprobs", "modalities", "audio", "prediction", "moderation", "service_tier"})
_CACHING = frozenset({"prompt_cache_key", "prompt_cache_retention", "prompt_cache_options", "safety_identifier"})
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_TOP_LEVEL = _ASKING | _TOOLS | _SAMPLING | _ANSWERING | _EXTRAS | _CACHING


class Judge:
    """Finds what is wrong with a request.

    Args:
        tolerate: Top-level or message fields that are let through though no specification knows them.
    """

    def __init__(self, tolerate: frozenset[str] = frozenset()) -> None:
        document = load_spec("openai", "openapi.json")
        self._schemas = None if document is None else Schemas(document)
        self._tolerated = tolerate

    def faults_of(self, body: Json) -> Iterator[str]:
        """Say what the published description does not know or allow in a body."""
        for name in ("model", "messages"):
            if name not in body:
                yield f"{name} is missing"
        known = _TOP_LEVEL
        if self._schemas is not None:
            schema = self._schemas.named("CreateChatCompletionRequest")
            known = frozenset(schema["properties"])
            yield from self._schemas.faults_of(body, {**schema, "required": []}, "body")
            yield from self._unknown_message_fields(body)
        yield from (f"unknown field {name}" for name in body if name not in known and name not in self._tolerated)
        yield from orphans(body)
        for message in dicts(body.get("messages")):
            for call in dicts(message.get("tool_calls")):
                if not _NAME.fullmatch(str(call["function"]["name"])):
                    yield f"tool_calls.function.name: {call['function']['name']!r} is no name of a function"

    def _unknown_message_fields(self, body: Json) -> Iterator[str]:
        assert self._schemas is not None
        for i, message in enumerate(dicts(body.get("messages"))):
            name = f"ChatCompletionRequest{str(message.get('role')).title()}Message"
            try:
                known = self._schemas.named(name)["properties"]
            except KeyError:
                continue
            for key in message.keys() - known.keys() - self._tolerated:
                yield f"unknown field messages[{i}].{key}"


def orphans(body: Json) -> Iterator[str]:
    """Say which tool calls are not answered right after, and which answers have no call.

    The server refuses both: https://platform.openai.com/docs/guides/function-calling .
    """
    open_calls: set[str] = set()
    for i, message in enumerate(dicts(body.get("messages"))):
        if message.get("role") == "tool":
            call_id = str(message.get("tool_call_id"))
            if call_id not in open_calls:
                yield f"messages[{i}] answers the tool call {call_id}, which was not asked for just before"
            open_calls.discard(call_id)
            continue
        yield from (f"tool call {call_id} is not answered before messages[{i}]" for call_id in sorted(open_calls))
        open_calls = {str(call.get("id")) for call in dicts(message.get("tool_calls"))}
    yield from (f"tool call {call_id} is not answered" for call_id in sorted(open_calls))


def refusal(record: Recorded) -> str:
    """Return why the server would refuse a request with 400, or an empty string."""
    if not record.model:
        return "you must provide a model parameter"
    if not record.messages:
        return (
            "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."
        )
    broken = next(orphans(record.body), "")
    if broken:
        return f"Messages with tool calls must be followed by their tool messages, and only by these: {broken}."
    return ""
