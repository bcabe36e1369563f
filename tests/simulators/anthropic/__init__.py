"""A simulated Anthropic: the Messages API on loopback, strict about what it takes.

The rules are the published ones (https://docs.claude.com/en/api/messages and /en/docs/build-with-claude) and the types
of the SDK; what it signed or encrypted it wants back as it was.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from datetime import UTC, datetime

from aiohttp import web

from simulators.anthropic.judge import faults_of
from simulators.lab import PIECE, Asked, Event, Json, Lab, Said

MODELS = ("claude-sim-sonnet", "claude-sim-haiku")
_ENDS = {"": "end_turn", "stop": "end_turn", "length": "max_tokens", "refusal": "refusal", "pause": "pause_turn"}
_KINDS = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    500: "api_error",
    529: "overloaded_error",
}


def signed(text: str) -> str:
    """The signature of a thought, or the seal on a search result."""
    return hashlib.sha256(f"anthropic {text}".encode()).hexdigest()


class AnthropicSimulator(Lab):
    """The lab."""

    def __init__(self, *, words_per_s: float | None = 200.0) -> None:
        super().__init__(models=MODELS, words_per_s=words_per_s)

    def route(self, router: web.UrlDispatcher) -> None:
        """See ``Lab``."""
        router.add_post("/v1/messages", self._messages)
        router.add_get("/v1/models", self._list)

    def faults_of(self, asked: Asked) -> Iterator[str]:
        """See ``Lab``."""
        return faults_of(asked.body, asked.headers, signed)

    def no_model(self, name: str) -> str:
        """See ``Lab``."""
        return f"model: {name}"

    def error(self, status: int, message: str) -> Json:
        """See ``Lab``."""
        return {"type": "error", "error": {"type": _KINDS.get(status, "api_error"), "message": message}}

    def events(self, said: Said, asked: Asked) -> Iterator[Event]:
        """See ``Lab``."""
        prompt = (said.usage or {}).get("prompt", asked.prompt_tokens)
        cached = (said.usage or {}).get("cached", 0)
        counted = {"input_tokens": prompt - cached, "cache_read_input_tokens": cached}
        message: Json = {"id": f"msg_{asked.number}", "type": "message", "role": "assistant", "model": asked.model}
        message |= {"content": [], "stop_reason": None, "usage": counted | {"output_tokens": 1}}
        yield _event("message_start", message=message)
        yield _event("ping")
        words = 0
        for place, block in enumerate(_blocks(said, asked)):
            for event in _block_events(place, block):
                words += event.word
                yield event
        usage: Json = {"output_tokens": words + 1}
        if said.usage:
            thoughts = said.usage.get("thoughts", 0)
            usage = {"output_tokens": said.usage["output"], "output_tokens_details": {"thinking_tokens": thoughts}}
        if said.sources:
            usage["server_tool_use"] = {"web_search_requests": 1}
        end = "tool_use" if said.calls else _ENDS[said.end]
        yield _event("message_delta", delta={"stop_reason": end, "stop_sequence": None}, usage=counted | usage)
        yield _event("message_stop")

    async def _messages(self, request: web.Request) -> web.StreamResponse:
        body: Json = json.loads(await request.read())
        asked = Asked(0, body, {key.lower(): value for key, value in request.headers.items()}, str(body.get("model")))
        asked.most_tokens = body.get("max_tokens", 1)
        content = body["messages"][-1]["content"] if body.get("messages") else []
        blocks = [{"type": "text", "text": content}] if isinstance(content, str) else content
        asked.last_user = "\n".join(block.get("text", "") for block in blocks if block.get("type") == "text")
        asked.results = tuple(str(block.get("content")) for block in blocks if block.get("type") == "tool_result")
        return await self.answer(request, asked)

    async def _list(self, request: web.Request) -> web.Response:
        if request.headers.get("authorization", "").removeprefix("Bearer ") in self.refused_keys:
            return self.refused(401, "Incorrect API key provided.")
        data = [_model(name) for name in self.models]
        return web.json_response(
            {"data": data, "has_more": False, "first_id": data[0]["id"], "last_id": data[-1]["id"]}
        )


def _model(name: str) -> Json:
    can: Json = {"supported": True}
    capabilities: Json = dict.fromkeys(["batch", "citations", "code_execution", "image_input", "pdf_input"], can)
    capabilities |= {"structured_outputs": can, "server_tools": can | {"web_search": can, "code_execution": can}}
    capabilities |= {"effort": can | dict.fromkeys(["low", "medium", "high", "max"], can)}
    capabilities |= {"thinking": can | {"types": {"adaptive": can, "enabled": can}}, "context_management": can}
    made = datetime(2026, 9, 1, tzinfo=UTC).isoformat()
    facts = {"type": "model", "id": name, "display_name": name, "created_at": made, "lifecycle": "active"}
    return (
        facts
        | {"max_input_tokens": 1_000_000, "max_tokens": 64_000, "line": name.rsplit("-", 1)[1]}
        | {
            "capabilities": capabilities,
            "retires_at": datetime(2027, 9, 1, tzinfo=UTC).isoformat(),
        }
    )


def _blocks(said: Said, asked: Asked) -> Iterator[Json]:
    if said.thoughts:
        yield {"type": "thinking", "thinking": said.thoughts, "signature": signed(said.thoughts)}
    if said.sources:
        query = f"srvtoolu_{asked.number}"
        results = [
            {
                "type": "web_search_result",
                "url": url,
                "title": title,
                "encrypted_content": signed(url),
            }
            for _, title, url in said.sources
        ]
        yield {"type": "server_tool_use", "id": query, "name": "web_search", "input": {"query": asked.last_user}}
        yield {"type": "web_search_tool_result", "tool_use_id": query, "content": results}
    if said.text:
        yield {"type": "text", "text": said.text}
    for text, title, url in said.sources:
        citation = {"type": "web_search_result_location", "url": url, "title": title, "cited_text": text}
        yield {"type": "text", "text": text, "citations": [citation | {"encrypted_index": signed(url + text)}]}
    for place, call in enumerate(said.calls):
        identity = f"toolu_{asked.number}_{place}"
        yield {"type": "tool_use", "id": identity, "name": call.name, "input": call.arguments}


def _block_events(place: int, block: Json) -> Iterator[Event]:
    def delta(*, word: bool = False, **what: object) -> Event:
        return _event("content_block_delta", word=word, index=place, delta=what)

    kind = block["type"]
    empty = {"text": {"text": ""}, "thinking": {"thinking": "", "signature": ""}}.get(kind, {})
    start = {"type": kind} | (empty or {key: value for key, value in block.items() if key != "type"})
    if kind in {"tool_use", "server_tool_use"}:
        start["input"] = {}
    yield _event("content_block_start", index=place, content_block=start)
    if kind == "text":
        for piece in PIECE.findall(block["text"]):
            yield delta(word=True, type="text_delta", text=piece)
        for citation in block.get("citations", ()):
            yield delta(type="citations_delta", citation=citation)
    elif kind == "thinking":
        yield delta(type="thinking_delta", thinking=block["thinking"])
        yield delta(type="signature_delta", signature=block["signature"])
    elif "input" in block:
        written = json.dumps(block["input"], ensure_ascii=False)
        for at in range(0, len(written), 9):
            yield delta(word=True, type="input_json_delta", partial_json=written[at : at + 9])
    yield _event("content_block_stop", index=place)


def _event(name: str, *, word: bool = False, **data: object) -> Event:
    return Event({"type": name} | data, name=name, word=word)
