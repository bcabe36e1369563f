"""Saying a request in the words of the chat-completions protocol: messages and functions.

https://platform.openai.com/docs/api-reference/chat/create
"""

import base64
import json
from collections.abc import Iterator, Mapping
from types import MappingProxyType

from core.exchange import Entry, Part, Request, ToolSchema
from core.values import Media
from providers import ids
from providers.attachments import Shown, attachment
from providers.chat.returned import give_back
from providers.gallery import Limits
from providers.schemas import plain
from providers.words import GO_ON, JSON, arguments, json_object, sendable

LIMITS = Limits(image_bytes=20 << 20, all_bytes=20 << 20)
"""What xAI and many gateways take."""


def messages(request: Request, provider: str, files: Mapping[Media, Shown] = MappingProxyType({})) -> list[JSON]:
    """The conversation as messages.

    Neighbours of one role become one message, since many chat templates demand that roles alternate. Every call is
    followed by its result, as the protocol demands, also where the conversation has none (any more, or yet).

    Args:
        provider: Opaque parts of this provider are handed back to it; those of others mean nothing to it.
        files: How the model is shown each file; what is not among them is told in words.
    """
    said: list[JSON] = []
    if request.system:
        said.append({"role": "system", "content": request.system})
    results = {part.id: part for entry in request.entries for part in entry.parts if part.kind == "result"}
    called = {part.id for entry in request.entries for part in entry.parts if part.kind == "call"}
    for entry in request.entries:
        if entry.role == "assistant":
            _append(said, _assistant(entry, provider, request.model))
            said.extend(_answers(entry, results))
        else:
            _append(said, {"role": "user", "content": _user(entry, called, files)})
    if said and said[-1]["role"] == "assistant":  # templates would have the model end its own words, or refuse
        said.append({"role": "user", "content": GO_ON})
    for message in said:
        content = message["content"]
        message["content"] = content if isinstance(content, list) else sendable(str(content))
    return said


def functions(tools: tuple[ToolSchema, ...]) -> list[JSON]:
    """The tools as functions a model may call."""
    return [
        {
            "type": "function",
            "function": {"name": tool.name, "description": tool.description, "parameters": plain(tool.parameters)},
        }
        for tool in tools
    ]


def _append(said: list[JSON], message: JSON) -> None:
    last = said[-1] if said else {}
    if not message["content"] and "tool_calls" not in message:
        return
    if last.get("role") == message["role"] and last.keys() == message.keys() == {"role", "content"}:
        one, other = last["content"], message["content"]
        plain = isinstance(one, str) and isinstance(other, str)
        last["content"] = f"{one}\n\n{other}" if plain else [*_pieces(one), *_pieces(other)]
    else:
        said.append(message)


def _pieces(content: object) -> list[JSON]:
    """A content as typed parts."""
    return content if isinstance(content, list) else [{"type": "text", "text": sendable(str(content))}]


def _user(entry: Entry, called: set[str], files: Mapping[Media, Shown]) -> str | list[JSON]:
    """What a person said: plain words, or words and images where there are some."""
    seen = [file for part in entry.parts if (file := _file(part, files)).kind == "image"]
    words = "\n\n".join(filter(None, (_told(part, called, files) for part in entry.parts)))
    if not seen:
        return words
    return [*(_pieces(words) if words else ()), *map(_image, seen)]


def _file(part: Part, files: Mapping[Media, Shown]) -> Shown:
    """How a file is shown; ``words`` without any for what is none."""
    found = files.get(part.media) if part.media is not None else None
    return found or Shown(kind="words", text=attachment(part.media) if part.kind == "media" else "")


def _image(file: Shown) -> JSON:
    address = f"data:{file.mime};base64,{base64.b64encode(file.data).decode()}"
    return {"type": "image_url", "image_url": {"url": address}}


def _told(part: Part, called: set[str], files: Mapping[Media, Shown]) -> str:
    match part.kind:
        case "text":
            return part.body
        case "media":
            return _file(part, files).text
        case "result":  # one whose call was trimmed away would be refused as a tool's message
            return "" if part.id in called else f"[what the tool {part.name} said: {part.body}]"
        case "call" | "citation" | "opaque":
            return ""


def _assistant(entry: Entry, provider: str, model: str) -> JSON:
    message: JSON = {"role": "assistant", "content": _said(entry)}
    calls = [_call(part) for part in entry.parts if part.kind == "call"]
    if calls:
        message["tool_calls"] = calls
        mine = [part for part in entry.parts if part.kind == "opaque" and part.name == provider]
        give_back(message, calls, mine, model)
    return message


def _said(entry: Entry) -> str:
    """The words of an answer: what a source parts belongs together, the texts of two steps do not."""
    said, parted = "", True
    for part in entry.parts:
        if part.kind == "text" and part.body:
            said += ("\n\n" if said and parted else "") + part.body
            parted = True
        elif part.kind == "citation":
            parted = False
    return said


def _call(part: Part) -> JSON:
    # Chat templates parse the arguments again, and a server that fails at that would fail for ever after.
    given = part.body if json_object(part.body) else json.dumps(arguments(part.body), ensure_ascii=False)
    return {"id": part.id, "type": "function", "function": {"name": ids.named(part.name), "arguments": sendable(given)}}


def _answers(entry: Entry, results: dict[str, Part]) -> Iterator[JSON]:
    for part in entry.parts:
        if part.kind == "call":
            result = results.get(part.id)
            content = "There is no result." if result is None else result.body
            failed = result is not None and result.failed
            yield {"role": "tool", "tool_call_id": part.id, "content": f"It failed: {content}" if failed else content}
