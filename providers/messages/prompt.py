"""Saying a request in the words of Anthropic's Messages API.

https://docs.claude.com/en/api/messages . What it refuses shapes this file: a conversation begins with the user, roles
take turns, a call's result stands first in the very next message, and no text is empty. What of the model's own words
it takes back is in ``returned.py``.

What is the same from one request to the next is read from the lab's cache up to a mark: one stands behind tools and
instructions, which many conversations share, one (``cache_control`` of the whole) behind the last word.
https://docs.claude.com/en/docs/build-with-claude/prompt-caching
"""

import base64
from collections.abc import Mapping

from core.exchange import Entry, Part, Request
from core.values import Media
from providers import ids
from providers.attachments import Shown, attachment
from providers.gallery import Limits
from providers.messages.returned import append, fit
from providers.replay import Piece, recalled
from providers.schemas import plain
from providers.words import JSON, arguments, clean, sendable

# By itself the tool is called from code that the lab runs, which not every model can, and whose blocks we do not know.
_SEARCH: JSON = {
    "type": "web_search_20260318",
    "name": "web_search",
    "max_uses": 5,
    "allowed_callers": ["direct"],
}
# https://docs.claude.com/en/docs/build-with-claude/vision#evaluate-image-size ; the request may have 32 MB in all.
LIMITS = Limits(image_bytes=5 << 20, all_bytes=24 << 20, side=8000, images=100, few=20, side_of_many=2000)
_MARK: JSON = {"type": "ephemeral"}


def body(request: Request, files: Mapping[Media, Shown], provider: str) -> JSON:
    """The parameters of ``messages.create``, less what belongs to the connection.

    Args:
        files: How the model is shown each file.
        provider: Whose opaque parts are handed back.
    """
    said: JSON = {
        "model": request.model,
        "max_tokens": request.max_output_tokens,
        "messages": _messages(request, files, provider),
        "cache_control": _MARK,
        "stream": True,
    }
    tools: list[JSON] = [
        {"name": tool.name, "description": tool.description, "input_schema": plain(tool.parameters)}
        for tool in request.tools
    ]
    if request.search:
        tools.append(_SEARCH)
    if request.system.strip():
        said["system"] = [_text(request.system) | {"cache_control": _MARK}]
    elif tools:
        tools[-1] = tools[-1] | {"cache_control": _MARK}
    if tools:
        said["tools"] = tools
    return clean(said)


def _messages(request: Request, files: Mapping[Media, Shown], provider: str) -> list[JSON]:
    said: list[JSON] = []
    results = {part.id: part for entry in request.entries for part in entry.parts if part.kind == "result"}
    called = {part.id for entry in request.entries for part in entry.parts if part.kind == "call"}
    for entry in request.entries:
        if entry.role == "assistant":
            blocks = _assistant(entry, request.model, provider)
            if blocks and not said:
                append(said, "user", [_text("[The conversation goes on.]")])
            append(said, "assistant", blocks)
            append(said, "user", _answers(entry, results))
        else:
            append(said, "user", _user(entry, called, files))
    return fit(said) or [{"role": "user", "content": [_text("[an empty message]")]}]


def _assistant(entry: Entry, model: str, provider: str) -> list[JSON]:
    return [block for piece in recalled(provider, model, entry.parts) if (block := _block(piece))]


def _block(piece: Piece) -> JSON | None:
    part, own = piece.part, piece.own or {}
    if part is None:
        return own or None
    if piece.kind == "call":
        return {
            "type": "tool_use",
            "id": ids.valid(part.id),
            "name": ids.named(part.name),
            "input": arguments(part.body),
        }
    return _text(part.body) | own if part.body.strip() else None


def _answers(entry: Entry, results: dict[str, Part]) -> list[JSON]:
    return [_answer(part, results.get(part.id)) for part in entry.parts if part.kind == "call"]


def _answer(call: Part, result: Part | None) -> JSON:
    content = result.body if result is not None else "There is no result."
    content = sendable(content) or "(nothing)"
    answer: JSON = {"type": "tool_result", "tool_use_id": ids.valid(call.id), "content": content}
    return answer | {"is_error": True} if result is None or result.failed else answer


def _user(entry: Entry, called: set[str], files: Mapping[Media, Shown]) -> list[JSON]:
    blocks: list[JSON] = []
    for part in entry.parts:
        if part.kind == "media":
            blocks.append(_file(part, files))
        elif part.kind == "text" and part.body.strip():
            blocks.append(_text(part.body))
        elif part.kind == "result" and part.id not in called:  # its call was trimmed away
            blocks.append(_text(f"[what the tool {part.name} said: {part.body}]"))
    return blocks


def _file(part: Part, files: Mapping[Media, Shown]) -> JSON:
    file = files.get(part.media) if part.media is not None else None
    if file is None:
        file = Shown(kind="words", text=attachment(part.media))
    if file.kind == "words":
        return _text(file.text)
    source = {"type": "base64", "media_type": file.mime, "data": base64.b64encode(file.data).decode()}
    block: JSON = {"type": file.kind, "source": source}
    return block | {"title": file.name[:200]} if file.kind == "document" else block


def _text(text: str) -> JSON:
    return {"type": "text", "text": sendable(text)}
