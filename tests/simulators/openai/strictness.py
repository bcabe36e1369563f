"""What single servers of the protocol refuse that others take, as they are known to: to be simulated one by one.

Each is a function of a request's body that gives its complaint, in the server's own words and form, or None. A
conversation that runs over one of them runs over the real one as far as that goes.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .records import Json, dicts

_NINE = re.compile(r"[a-zA-Z0-9]{9}")
_MOST_REPEATS = 2000
_FORMATS = {"date", "time", "date-time", "uuid"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Complaint:
    """An error as it is sent."""

    body: object
    status: int = 400


Strict = Callable[[Json], "Complaint | None"]


def openai_error(message: str, **more: object) -> Complaint:
    """As most word it."""
    return Complaint(body={"error": {"message": message, "type": "invalid_request_error", "param": None, **more}})


def mistral(body: Json) -> Complaint | None:
    """La Plateforme: ids of nine characters, no user right after a tool, no field that it does not know."""
    for place, message in enumerate(_messages(body)):
        role = message.get("role")
        if extra := message.keys() - {"role", "content", "tool_calls", "tool_call_id", "name", "prefix"}:
            fault = {"type": "extra_forbidden", "loc": ["body", "messages", place, role, min(extra)]}
            detail = [fault | {"msg": "Extra inputs are not permitted", "input": "…"}]
            body = {"object": "error", "message": {"detail": detail}, "type": "invalid_request_error"}
            return Complaint(body=body, status=422)
        if role == "user" and place and _messages(body)[place - 1].get("role") == "tool":
            return _mistral("Unexpected role 'user' after role 'tool'", "invalid_request_message_order", "3230")
        for identity in _ids(message):
            if not _NINE.fullmatch(identity):
                said = f"Tool call id was {identity} but must be a-z, A-Z, 0-9, with a length of 9."
                return _mistral(said, "invalid_function_call", "3280")
    return None


def _mistral(message: str, kind: str, code: str) -> Complaint:
    return Complaint(body={"object": "error", "message": message, "type": kind, "param": None, "code": code})


def kimi(body: Json) -> Complaint | None:
    """Moonshot with thinking on: each call with its thought, and no message without words or calls."""
    for place, message in enumerate(_messages(body)):
        if message.get("role") == "assistant" and message.get("tool_calls") and not _thought(message):
            return openai_error(
                f"thinking is enabled but reasoning_content is missing in assistant tool call message at index {place}"
            )
        if not message.get("content") and not message.get("tool_calls"):
            role = message.get("role")
            return openai_error(
                f"Invalid request: the message at position {place} with role '{role}' must not be empty"
            )
    return None


def deepseek(body: Json) -> Complaint | None:
    """DeepSeek with thinking on: each word of the model with its thought, and no pictures."""
    for message in _messages(body):
        if isinstance(message.get("content"), list):
            return openai_error(
                "Failed to deserialize the JSON body into the target type: messages[1]: unknown variant `image_url`,"
                " expected `text` at line 1 column 99"
            )
    tools = any(message.get("tool_calls") for message in _messages(body))
    for message in _messages(body):
        if tools and message.get("role") == "assistant" and not _thought(message):
            return openai_error("The `reasoning_content` in the thinking mode must be passed back to the API.")
    return None


def llama_cpp(body: Json) -> Complaint | None:
    """llama-server: schemas become grammars, and without a projector there are no pictures."""
    for tool in dicts(body.get("tools")):
        if not all(map(_compiles, _schemas(tool["function"]["parameters"]))):
            message = "Failed to initialize samplers: failed to parse grammar"
            return Complaint(body={"error": {"code": 400, "message": message, "type": "invalid_request_error"}})
    if any(isinstance(message.get("content"), list) for message in _messages(body)):
        message = "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj"
        return Complaint(body={"error": {"code": 500, "message": message, "type": "server_error"}}, status=500)
    return None


def gemma(body: Json) -> Complaint | None:
    """A template that knows two sides and nothing else, as llama-server and vLLM report it."""
    roles = [message.get("role") for message in _messages(body)]
    if "system" in roles:
        return _template("System role not supported")
    expected = ["user", "assistant"] * len(roles)
    if roles != expected[: len(roles)]:
        return _template("Conversation roles must alternate user/assistant/user/assistant/...")
    return None


def llama3(body: Json) -> Complaint | None:
    """The template of Llama 3: one call at a time."""
    if any(len(dicts(message.get("tool_calls"))) > 1 for message in _messages(body)):
        return _template("This model only supports single tool-calls at once!")
    return None


def _template(message: str) -> Complaint:
    return Complaint(body={"error": {"code": 500, "message": message, "type": "server_error"}}, status=500)


def _messages(body: Json) -> list[Json]:
    return dicts(body.get("messages"))


def _ids(message: Json) -> list[str]:
    ids = [str(call.get("id")) for call in dicts(message.get("tool_calls"))]
    return ids + ([str(message["tool_call_id"])] if "tool_call_id" in message else [])


def _thought(message: Json) -> bool:
    return bool(str(message.get("reasoning_content") or "").strip())


def _schemas(schema: object) -> Iterator[Json]:
    if isinstance(schema, dict):
        yield schema
        for one in schema.values():
            yield from _schemas(one)
    elif isinstance(schema, list):
        for one in schema:
            yield from _schemas(one)


def _compiles(schema: Json) -> bool:
    """Whether llama.cpp's converter and its parser of grammars take this, without what is in it."""
    repeats = [schema.get(name) for name in ("maxLength", "minLength", "maxItems", "minItems")]
    if any(isinstance(count, int) and count >= _MOST_REPEATS for count in repeats):
        return False
    pattern = schema.get("pattern")
    if isinstance(pattern, str) and not (pattern.startswith("^") and pattern.endswith("$")):
        return False
    return not isinstance(schema.get("format"), str) or schema["format"] in _FORMATS
