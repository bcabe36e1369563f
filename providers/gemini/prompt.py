"""Saying a request in the words of the Gemini API: https://ai.google.dev/api/generate-content .

Newer models refuse a call of the current turn without the signature of the thought that led to it; a call that another
lab's model made goes with the mark that the documentation names for it:
https://ai.google.dev/gemini-api/docs/thought-signatures
"""

import base64
from collections.abc import Mapping

from core.exchange import Entry, Part, Request
from core.values import Media
from providers import ids
from providers.attachments import Shown, attachment
from providers.gallery import Limits
from providers.replay import Piece, recalled
from providers.schemas import plain
from providers.stream import text
from providers.words import GO_ON, JSON, arguments, clean, sendable

# https://ai.google.dev/gemini-api/docs/image-understanding ; the request may have 20 MB in all.
LIMITS = Limits(kinds=frozenset({"image/jpeg", "image/png", "image/webp"}), image_bytes=14 << 20, all_bytes=14 << 20)
_NO_SIGNATURE = "skip_thought_signature_validator"


def body(request: Request, files: Mapping[Media, Shown], provider: str) -> JSON:
    """The body of ``streamGenerateContent``.

    Args:
        files: How the model is shown each file.
        provider: Whose opaque parts are handed back.
    """
    config: JSON = {"maxOutputTokens": request.max_output_tokens}
    if request.effort:
        config["thinkingConfig"] = {"thinkingLevel": request.effort.upper()}
    said: JSON = {"contents": _contents(request, files, provider), "generationConfig": config}
    if request.system:
        said["systemInstruction"] = {"parts": [{"text": sendable(request.system)}]}
    tools: list[JSON] = []
    if request.tools:
        tools.append(
            {
                "functionDeclarations": [
                    {
                        "name": tool.name,
                        "description": tool.description,
                        "parametersJsonSchema": plain(tool.parameters),
                    }
                    for tool in request.tools
                ]
            }
        )
    if request.search:
        tools.append({"googleSearch": {}})
    if len(tools) > 1:
        said["toolConfig"] = {"includeServerSideToolInvocations": True}  # or they may not stand side by side
    return clean(said | {"tools": tools} if tools else said)


def _contents(request: Request, files: Mapping[Media, Shown], provider: str) -> list[JSON]:
    contents: list[JSON] = []
    results = {part.id: part for entry in request.entries for part in entry.parts if part.kind == "result"}
    called = {part.id for entry in request.entries for part in entry.parts if part.kind == "call"}
    for entry in request.entries:
        if entry.role == "assistant":
            parts = _said(entry, request.model, provider)
            if parts and not contents:
                _append(contents, "user", [{"text": "[The conversation goes on.]"}])
            _append(contents, "model", parts)
            calls = [part for part in entry.parts if part.kind == "call"]
            _append(contents, "user", [_answer(call, results.get(call.id)) for call in calls])
        else:
            _append(contents, "user", _user(entry, called, files))
    if contents and contents[-1]["role"] == "model":
        _append(contents, "user", [{"text": GO_ON}])
    return contents or [{"role": "user", "parts": [{"text": "[an empty message]"}]}]


def _append(contents: list[JSON], role: str, parts: list[JSON]) -> None:
    if not parts:
        return
    last = contents[-1] if contents else {}
    before = last.get("parts")
    if last.get("role") == role and isinstance(before, list):
        before.extend(parts)
    else:
        contents.append({"role": role, "parts": parts})


def _said(entry: Entry, model: str, provider: str) -> list[JSON]:
    parts: list[JSON] = []
    signed = False  # only the first of several calls at once has a signature
    for piece in recalled(provider, model, entry.parts):
        part = _part(piece)
        if part is None:
            continue
        if piece.kind == "call" and not signed and "thoughtSignature" not in part:
            part["thoughtSignature"] = _NO_SIGNATURE
        signed = signed or piece.kind == "call"
        parts.append(part)
    return [part for part in parts if _whole(part, parts)]


def _whole(part: JSON, parts: list[JSON]) -> bool:
    """Whether a call of one of the lab's own tools has its response, and a response its call: neither goes alone."""
    for one, other in (("toolCall", "toolResponse"), ("toolResponse", "toolCall")):
        if one in part:
            return any(
                text(part[one], "id") == text(other_part.get(other), "id")
                for other_part in parts
                if other in other_part
            )
    return True


def _part(piece: Piece) -> JSON | None:
    part, own = piece.part, piece.own or {}
    if part is None:
        return dict(own) or None
    if piece.kind == "call":
        called = {"id": ids.valid(part.id), "name": ids.named(part.name), "args": arguments(part.body)}
        return {"functionCall": called} | own
    return {"text": sendable(part.body)} | own if part.body else None


def _answer(call: Part, result: Part | None) -> JSON:
    told = "There is no result." if result is None else sendable(result.body)
    failed = result is None or result.failed
    response = {"error" if failed else "result": told}
    return {"functionResponse": {"id": ids.valid(call.id), "name": ids.named(call.name), "response": response}}


def _user(entry: Entry, called: set[str], files: Mapping[Media, Shown]) -> list[JSON]:
    parts: list[JSON] = []
    for part in entry.parts:
        if part.kind == "media":
            parts.append(_file(part, files))
        elif part.kind == "text" and part.body:
            parts.append({"text": sendable(part.body)})
        elif part.kind == "result" and part.id not in called:  # its call was trimmed away
            parts.append({"text": sendable(f"[what the tool {part.name} said: {part.body}]")})
    return parts


def _file(part: Part, files: Mapping[Media, Shown]) -> JSON:
    file = files.get(part.media) if part.media is not None else None
    if file is None:
        file = Shown(kind="words", text=attachment(part.media))
    if file.kind == "words":
        return {"text": sendable(file.text)}
    return {"inlineData": {"mimeType": file.mime, "data": base64.b64encode(file.data).decode()}}
