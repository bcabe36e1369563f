"""What the Messages API refuses: https://docs.claude.com/en/api/messages , and its errors as they are met."""

from __future__ import annotations

import base64
import re
from collections.abc import Callable, Iterator
from typing import Any

Json = dict[str, Any]

_KNOWN = frozenset(
    {
        "model",
        "max_tokens",
        "messages",
        "system",
        "tools",
        "tool_choice",
        "thinking",
        "output_config",
        "cache_control",
        "container",
        "metadata",
        "service_tier",
        "stop_sequences",
        "stream",
    }
)
_USER = frozenset({"text", "image", "document", "tool_result", "search_result"})
_ASSISTANT = frozenset(
    {"text", "thinking", "redacted_thinking", "tool_use", "server_tool_use", "web_search_tool_result"}
)
_FIELDS = {
    "text": {"type", "text", "citations", "cache_control"},
    "image": {"type", "source", "cache_control"},
    "document": {"type", "source", "title", "context", "citations", "cache_control"},
    "tool_result": {"type", "tool_use_id", "content", "is_error", "cache_control"},
    "tool_use": {"type", "id", "name", "input", "caller", "cache_control"},
    "server_tool_use": {"type", "id", "name", "input", "caller", "cache_control"},
    "web_search_tool_result": {"type", "tool_use_id", "content", "caller", "cache_control"},
    "thinking": {"type", "thinking", "signature"},
    "redacted_thinking": {"type", "data"},
}
_ID = re.compile(r"[a-zA-Z0-9_-]+")
_NAME = re.compile(r"[a-zA-Z0-9_-]{1,128}")
_SEARCH = {"type", "name", "max_uses", "allowed_callers", "cache_control"}
_MOST_MARKS = 4
_IMAGE_BYTES = 5 << 20
_FEW_IMAGES = 20
_THOUGHTS = {"thinking", "redacted_thinking"}
_IMAGES = {"image/jpeg", "image/png", "image/gif", "image/webp"}
_EFFORTS = {"low", "medium", "high", "xhigh", "max"}


def faults_of(body: Json, headers: dict[str, str], signed: Callable[[str], str]) -> Iterator[str]:
    """What is wrong with a request."""
    if headers.get("anthropic-version") != "2026-10-21":
        yield "anthropic-version: unknown"
    if not headers.get("authorization", "").startswith("Bearer "):
        yield "authorization: missing"
    yield from (f"{name}: Extra inputs are not permitted" for name in body.keys() - _KNOWN)
    if not isinstance(body.get("max_tokens"), int) or body["max_tokens"] < 1:
        yield "max_tokens: Field required"
    if body.get("output_config", {}).get("effort", "low") not in _EFFORTS:
        yield "output_config.effort: unknown"
    if body.get("thinking", {}).get("type", "adaptive") not in {"adaptive", "disabled", "between_tools"}:
        yield "thinking.type: not supported for this model"
    if "system" in body and not body["system"]:
        yield "system: must not be empty"
    if sum("cache_control" in block for block in _marked(body)) > _MOST_MARKS:
        yield f"A maximum of {_MOST_MARKS} blocks with cache_control may be provided."
    yield from _pictures([block for block in _marked(body) if block.get("type") == "image"])
    yield from _tools(body.get("tools", []), str(body.get("model")))
    yield from _messages(body.get("messages", []), signed)


def _pictures(images: list[Json]) -> Iterator[str]:
    """How large images may be, and how many of what size; only of PNG, which tells its size where anybody finds it."""
    most = 2000 if len(images) > _FEW_IMAGES else 8000
    for image in images:
        head = base64.b64decode(image["source"]["data"][:64])
        if max(int.from_bytes(head[at : at + 4], "big") for at in (16, 20)) > most and head.startswith(b"\x89PNG"):
            yield f"At least one of the image dimensions exceed max allowed size: {most} pixels"


def _marked(body: Json) -> Iterator[Json]:
    """Whatever may bear a mark for the cache."""
    system = body.get("system", [])
    yield body
    yield from body.get("tools", [])
    yield from () if isinstance(system, str) else system
    for message in body.get("messages", []):
        yield from () if isinstance(message.get("content"), str) else message.get("content") or ()


def _tools(tools: list[Json], model: str) -> Iterator[str]:
    names = [tool.get("name") for tool in tools]
    if len(set(names)) < len(names):
        yield "tools: Tool names must be unique."
    for tool in tools:
        if "type" in tool and tool["type"] != "custom":
            if tool["type"] != "web_search_20260318" or tool.keys() - _SEARCH:
                yield f"tools: unknown {tool}"
            if "haiku" in model and tool.get("allowed_callers") != ["direct"]:
                yield f"'{model}' does not support programmatic tool calling: set allowed_callers to [\"direct\"]"
        elif tool.keys() - {"cache_control"} != {"name", "description", "input_schema"} or not _may_call(tool):
            yield f"tools: {tool.get('name')} is not described as it should be"


def _may_call(tool: Json) -> bool:
    return tool["input_schema"].get("type") == "object" and bool(_NAME.fullmatch(tool["name"]))


def _messages(messages: list[Json], signed: Callable[[str], str]) -> Iterator[str]:
    if not messages or messages[0].get("role") != "user":
        yield "messages: first message must use the user role"
    open_calls: list[str] = []
    for place, message in enumerate(messages):
        role, content = message.get("role"), message.get("content")
        where = f"messages.{place}"
        if message.keys() != {"role", "content"} or role not in {"user", "assistant"}:
            yield f"{where}: malformed"
        if place and messages[place - 1].get("role") == role:
            yield f"{where}: roles must alternate"
        blocks: list[Json] = [{"type": "text", "text": content}] if isinstance(content, str) else (content or [])
        if not blocks:
            yield f"{where}: content must not be empty"
        yield from _calls(blocks, open_calls, where)
        yield from _searches(blocks, where, last=place == len(messages) - 1)
        for block in blocks:
            yield from _block(block, str(role), where, signed)
        open_calls = [block["id"] for block in blocks if block.get("type") == "tool_use"]
    if open_calls:
        yield "messages: tool_use ids were found without tool_result blocks immediately after"
    last = messages[-1] if messages else {}
    ends = str(last["content"][-1].get("type")) if isinstance(last.get("content"), list) and last["content"] else ""
    if last.get("role") == "assistant" and ends not in {"server_tool_use", "web_search_tool_result"}:
        yield "This model does not support assistant message prefill."


def _calls(blocks: list[Json], open_calls: list[str], where: str) -> Iterator[str]:
    answered = [block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"]
    if sorted(map(str, answered)) != sorted(open_calls):
        yield f"{where}: tool_result blocks {answered} for tool_use blocks {open_calls}"
    first = [block.get("type") for block in blocks[: len(answered)]]
    if answered and set(first) != {"tool_result"}:
        yield f"{where}: tool_result blocks must come first"


def _searches(blocks: list[Json], where: str, *, last: bool) -> Iterator[str]:
    """A search has its result behind it, but for one of a paused turn that is to go on."""
    if blocks and blocks[-1].get("type") in _THOUGHTS:
        yield f"{where}: The final block in an assistant message cannot be `thinking`."
    open_searches: list[str] = []
    for block in blocks:
        kind = block.get("type")
        if open_searches and kind not in {"server_tool_use", "web_search_tool_result"}:
            yield f"{where}: `web_search` tool use with id `{open_searches[0]}` was found without its result"
        if kind == "server_tool_use":
            open_searches.append(block["id"])
        elif kind == "web_search_tool_result":
            if block["tool_use_id"] not in open_searches:
                yield f"{where}: unexpected `tool_use_id` found in `web_search_tool_result` blocks"
            else:
                open_searches.remove(block["tool_use_id"])
    if open_searches and not last:
        yield f"{where}: `web_search` tool use with id `{open_searches[0]}` was found without its result"


def _block(block: Json, role: str, where: str, signed: Callable[[str], str]) -> Iterator[str]:
    kind = str(block.get("type"))
    if kind not in (_ASSISTANT if role == "assistant" else _USER):
        yield f"{where}: no {kind} block in what the {role} says"
        return
    if extra := block.keys() - _FIELDS[kind]:
        yield f"{where}.{kind}: Extra inputs are not permitted: {sorted(extra)}"
    check = _CHECKS.get(kind)
    if check is not None:
        yield from (f"{where}: {wrong}" for wrong in check(block, role, signed))


def _text(block: Json, role: str, signed: Callable[[str], str]) -> Iterator[str]:
    if not str(block.get("text", "")).strip():
        yield "text content blocks must contain non-whitespace text"
    if role == "user" and block.get("citations"):
        yield "citations are not permitted in user messages"
    for one in block.get("citations") or ():
        if one.get("encrypted_index") != signed(one.get("url", "") + block["text"]):
            yield "Invalid encrypted_index"


def _thinking(block: Json, role: str, signed: Callable[[str], str]) -> Iterator[str]:
    del role
    if block.get("signature") != signed(block.get("thinking", "")):
        yield "Invalid `signature` in `thinking` block"


def _call(block: Json, role: str, signed: Callable[[str], str]) -> Iterator[str]:
    del role, signed
    if not _ID.fullmatch(str(block.get("id"))) or not isinstance(block.get("input"), dict):
        yield "a call is malformed"
    if not _NAME.fullmatch(str(block.get("name"))):
        yield "tool_use.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'"


def _found(block: Json, role: str, signed: Callable[[str], str]) -> Iterator[str]:
    del role
    for one in block.get("content") or ():
        if one.get("encrypted_content") != signed(one.get("url", "")):
            yield "Invalid encrypted_content"


def _file(block: Json, role: str, signed: Callable[[str], str]) -> Iterator[str]:
    del role, signed
    source = block.get("source", {})
    allowed = _IMAGES if block["type"] == "image" else {"application/pdf"}
    if source.get("type") != "base64" or source.get("media_type") not in allowed or not source.get("data"):
        yield f"{block['type']} of a kind that is not taken"
    if block["type"] == "image" and len(source.get("data", "")) > _IMAGE_BYTES:
        yield f"image exceeds 5 MB maximum: {len(source['data'])} bytes > {_IMAGE_BYTES} bytes"


def _result(block: Json, role: str, signed: Callable[[str], str]) -> Iterator[str]:
    del role, signed
    if not block.get("content"):
        yield "tool_result without content"


_CHECKS: dict[str, Callable[[Json, str, Callable[[str], str]], Iterator[str]]] = {
    "text": _text,
    "thinking": _thinking,
    "tool_use": _call,
    "server_tool_use": _call,
    "web_search_tool_result": _found,
    "image": _file,
    "document": _file,
    "tool_result": _result,
}
