"""What the Messages API refuses: https://docs.claude.com/en/api/messages , and its errors as they are met."""

from __future__ import annotations

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
    yield from _tools(body.get("tools", []))
    yield from _messages(body.get("messages", []), signed)


def _tools(tools: list[Json]) -> Iterator[str]:
    names = [tool.get("name") for tool in tools]
    if len(set(names)) < len(names):
        yield "tools: Tool names must be unique."
    for tool in tools:
        if "type" in tool and tool["type"] != "custom":
            if tool["type"] != "web_search_20260318" or tool.keys() - {"type", "name", "max_uses"}:
                yield f"tools: unknown {tool}"
        elif tool.keys() != {"name", "description", "input_schema"} or tool["input_schema"].get("type") != "object":
            yield f"tools: {tool.get('name')} is not described as it should be"


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
        for block in blocks:
            yield from _block(block, str(role), where, signed)
        open_calls = [block["id"] for block in blocks if block.get("type") == "tool_use"]
    if open_calls:
        yield "messages: tool_use ids were found without tool_result blocks immediately after"
    last = messages[-1] if messages else {}
    searching = any(block.get("type") == "server_tool_use" for block in last.get("content") or () if block)
    if last.get("role") == "assistant" and not searching:
        yield "This model does not support assistant message prefill."


def _calls(blocks: list[Json], open_calls: list[str], where: str) -> Iterator[str]:
    answered = [block.get("tool_use_id") for block in blocks if block.get("type") == "tool_result"]
    if sorted(map(str, answered)) != sorted(open_calls):
        yield f"{where}: tool_result blocks {answered} for tool_use blocks {open_calls}"
    first = [block.get("type") for block in blocks[: len(answered)]]
    if answered and set(first) != {"tool_result"}:
        yield f"{where}: tool_result blocks must come first"


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
