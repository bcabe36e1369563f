"""Saying a request in the words of OpenAI's Responses API.

https://platform.openai.com/docs/api-reference/responses/create . Nothing is left with the lab (``store`` is off), so
its models' reasoning travels with the conversation, encrypted.
"""

import base64
import re
from collections.abc import Iterator, Mapping

from core.exchange import Entry, Part, Request
from core.values import Media
from providers import ids
from providers.attachments import Shown, attachment
from providers.gallery import Limits
from providers.replay import Piece, recalled
from providers.schemas import plain
from providers.words import GO_ON, JSON, clean, sendable

LIMITS = Limits(image_bytes=20 << 20, all_bytes=48 << 20)  # https://platform.openai.com/docs/guides/images-vision
_LEAST_TOKENS = 16  # the lab refuses to be asked for fewer
_REASONS = re.compile(r"gpt-([5-9]|[1-9]\d)|o\d")


def body(request: Request, files: Mapping[Media, Shown], provider: str) -> JSON:
    """The parameters of ``responses.create``.

    Args:
        files: How the model is shown each file.
        provider: Whose opaque parts are handed back.
    """
    said: JSON = {
        "model": request.model,
        "input": _items(request, files, provider),
        "max_output_tokens": max(_LEAST_TOKENS, request.max_output_tokens),
        "store": False,
        "stream": True,
    }
    if request.system:
        said["instructions"] = request.system
    if request.thread:
        said["prompt_cache_key"] = request.thread[:64]
    if _REASONS.match(request.model):
        said["include"] = ["reasoning.encrypted_content"]
        if request.effort:
            said["reasoning"] = {"effort": request.effort}
    tools: list[JSON] = [
        {
            "type": "function",
            "name": tool.name,
            "description": tool.description,
            "parameters": plain(tool.parameters),
            "strict": False,
        }
        for tool in request.tools
    ]
    if request.search:
        tools.append({"type": "web_search"})
    if tools:
        said["tools"] = tools
    return clean(said)


def _items(request: Request, files: Mapping[Media, Shown], provider: str) -> list[JSON]:
    items: list[JSON] = []
    results = {part.id: part for entry in request.entries for part in entry.parts if part.kind == "result"}
    called = {part.id for entry in request.entries for part in entry.parts if part.kind == "call"}
    for entry in request.entries:
        if entry.role == "assistant":
            items += [item for piece in recalled(provider, request.model, entry.parts) for item in _said(piece)]
            items += [_answer(part, results.get(part.id)) for part in entry.parts if part.kind == "call"]
        elif content := _content(entry, called, files):
            items.append({"role": "user", "content": content})
    items = list(_followed(items))
    if items and items[-1].get("role") == "assistant":
        items.append({"role": "user", "content": [_text(GO_ON)]})
    return items or [{"role": "user", "content": "[an empty message]"}]


def _followed(items: list[JSON]) -> Iterator[JSON]:
    """The items less the thoughts that the lab would refuse: those without what they led to, or that it cannot read."""
    leads = False  # whether what comes next is the model's, so that a thought may stand before it
    kept: list[JSON] = []
    for item in reversed(items):
        kind = item.get("type")
        if kind == "reasoning" and not (leads and item.get("encrypted_content")):
            continue
        leads = kind in {"reasoning", "function_call", "web_search_call"} or item.get("role") == "assistant"
        kept.append(item)
    return reversed(kept)


def _said(piece: Piece) -> Iterator[JSON]:
    part, own = piece.part, piece.own or {}
    if part is None:
        yield own
    elif piece.kind == "call":
        yield {
            "type": "function_call",
            "call_id": ids.valid(part.id),
            "name": ids.named(part.name),
            "arguments": sendable(part.body),
        }
    elif part.body:
        yield {"role": "assistant", "content": sendable(part.body)} | own


def _answer(call: Part, result: Part | None) -> JSON:
    told = "There is no result." if result is None else result.body
    failed = result is not None and result.failed
    output = sendable(f"It failed: {told}" if failed else told)
    return {"type": "function_call_output", "call_id": ids.valid(call.id), "output": output}


def _content(entry: Entry, called: set[str], files: Mapping[Media, Shown]) -> list[JSON]:
    content: list[JSON] = []
    for part in entry.parts:
        if part.kind == "media":
            content.append(_file(part, files))
        elif part.kind == "text" and part.body:
            content.append(_text(part.body))
        elif part.kind == "result" and part.id not in called:  # its call was trimmed away
            content.append(_text(f"[what the tool {part.name} said: {part.body}]"))
    return content


def _file(part: Part, files: Mapping[Media, Shown]) -> JSON:
    file = files.get(part.media) if part.media is not None else None
    if file is None:
        file = Shown(kind="words", text=attachment(part.media))
    if file.kind == "words":
        return _text(file.text)
    address = f"data:{file.mime};base64,{base64.b64encode(file.data).decode()}"
    if file.kind == "image":
        return {"type": "input_image", "image_url": address, "detail": "auto"}
    return {"type": "input_file", "filename": file.name, "file_data": address}


def _text(text: str) -> JSON:
    return {"type": "input_text", "text": sendable(text)}
