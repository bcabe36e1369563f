"""What the Gemini API refuses: https://ai.google.dev/api/generate-content , and its errors as they are met."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

Json = dict[str, Any]

_KNOWN = {"contents", "systemInstruction", "tools", "toolConfig", "generationConfig", "safetySettings", "cachedContent"}
_CONFIG = {"maxOutputTokens", "thinkingConfig", "stopSequences", "responseModalities"}
_PARTS = {"text", "inlineData", "functionCall", "functionResponse", "toolCall", "toolResponse"}
_EXTRAS = {"thoughtSignature", "thought"}
_FILES = {"image/jpeg", "image/png", "image/webp", "application/pdf"}
_LEVELS = {"MINIMAL", "LOW", "MEDIUM", "HIGH", "XHIGH"}
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_.:-]{0,127}")
_DECLARED = {"name", "description", "parametersJsonSchema"}
_NO_SIGNATURE = "skip_thought_signature_validator"


def faults_of(body: Json, headers: dict[str, str], signatures: set[str]) -> Iterator[str]:
    """What is wrong with a request.

    Args:
        signatures: Those that it issued.
    """
    if not headers.get("x-goog-api-key"):
        yield "Method doesn't allow unregistered callers."
    yield from (f'Unknown name "{name}"' for name in body.keys() - _KNOWN)
    config = body.get("generationConfig", {})
    yield from (f'Unknown name "{name}" at generation_config' for name in config.keys() - _CONFIG)
    if config.get("thinkingConfig", {}).get("thinkingLevel", "LOW") not in _LEVELS:
        yield "thinking level is not one"
    yield from _tools(body)
    contents = body.get("contents", [])
    yield from _contents(contents)
    yield from _signatures(contents, signatures)
    if contents and contents[-1].get("role") == "model":
        yield "Please ensure that multiturn requests end with a user role or a function response."


def _tools(body: Json) -> Iterator[str]:
    kinds = [kind for tool in body.get("tools", []) for kind in tool]
    together = body.get("toolConfig", {}).get("includeServerSideToolInvocations")
    if len(kinds) > 1 and not together:
        yield "Tools of the lab and functions cannot be combined unless includeServerSideToolInvocations is set."
    for tool in body.get("tools", []):
        if tool.keys() - {"functionDeclarations", "googleSearch"}:
            yield f"unknown tool {sorted(tool)}"
        for function in tool.get("functionDeclarations", []):
            if function.keys() != _DECLARED or not _NAME.fullmatch(function["name"]):
                yield f"function {function.get('name')} is not declared as it should be"


def _contents(contents: list[Json]) -> Iterator[str]:
    if not contents or contents[0].get("role") != "user":
        yield "Please ensure that the conversation begins with a user turn."
    open_calls: list[tuple[str, str]] = []
    for place, content in enumerate(contents):
        role, parts = content.get("role"), content.get("parts") or []
        if content.keys() != {"role", "parts"} or role not in {"user", "model"} or not parts:
            yield f"contents[{place}] is malformed"
        if place and contents[place - 1].get("role") == role:
            yield f"contents[{place}]: two turns of one role"
        answers = [_named(part["functionResponse"]) for part in parts if "functionResponse" in part]
        if sorted(answers) != sorted(open_calls):
            yield f"the function response parts {answers} do not match the function call parts {open_calls}"
        for part in parts:
            yield from _part(part, str(role))
        made = [part["toolCall"]["id"] for part in parts if "toolCall" in part]
        if made != [part["toolResponse"]["id"] for part in parts if "toolResponse" in part]:
            yield f"contents[{place}]: toolCall parts need their toolResponse parts"
        open_calls = [_named(part["functionCall"]) for part in parts if "functionCall" in part]
    if open_calls:
        yield "Please ensure that function call turns are followed by their responses."


def _signatures(contents: list[Json], signatures: set[str]) -> Iterator[str]:
    """The first call of each step of the current turn needs one."""
    turn = max((place for place, content in enumerate(contents) if _is_question(content)), default=0)
    for place, content in enumerate(contents[turn:], turn):
        parts = content.get("parts") or []
        calls = [part for part in parts if "functionCall" in part]
        if calls and calls[0].get("thoughtSignature") not in {*signatures, _NO_SIGNATURE}:
            yield f"Function call in contents[{place}] is missing a thought_signature."
        for part in (part for part in parts if part.keys() & {"toolCall", "toolResponse"}):
            if part.get("thoughtSignature") not in signatures:
                yield f"Tool call in contents[{place}] is missing a thought_signature."


def _is_question(content: Json) -> bool:
    return content.get("role") == "user" and not any("functionResponse" in part for part in content.get("parts", []))


def _named(of: Json) -> tuple[str, str]:
    return str(of.get("id")), str(of.get("name"))


def _part(part: Json, role: str) -> Iterator[str]:
    kinds = part.keys() & _PARTS
    if len(kinds) != 1 or part.keys() - _PARTS - _EXTRAS:
        yield f"a part has to be of one kind: {sorted(part)}"
        return
    if role == "user" and ("functionCall" in kinds or part.keys() & _EXTRAS):
        yield "what a user says holds no calls and no signatures"
    if role == "model" and kinds & {"functionResponse", "inlineData"}:
        yield "what a model says holds no responses and no files of ours"
    file = part.get("inlineData")
    if file is not None and (file.get("mimeType") not in _FILES or not file.get("data")):
        yield "Unsupported MIME type"
    if "functionCall" in kinds and not _NAME.fullmatch(str(part["functionCall"].get("name"))):
        yield f"Invalid function name: {part['functionCall'].get('name')}"
    if "functionCall" in kinds and not isinstance(part["functionCall"].get("args"), dict):
        yield "args is no object"
    if "functionResponse" in kinds and not isinstance(part["functionResponse"].get("response"), dict):
        yield "response is no object"
