"""A simulated OpenAI: the Responses API on loopback, judged by its published description where that is at hand.

Nothing is stored, as with ``store`` off: what it thought comes encrypted, and is wanted back as it was. What it does
beside talking is in ``abilities``.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator

from aiohttp import web

from simulators.lab import PIECE, Asked, Event, Json, Lab, Said
from simulators.responses.abilities import Beside
from simulators.responses.judge import Judge

MODELS = ("gpt-6.2-sol", "gpt-6-luna")
_CODES = {401: "invalid_api_key", 404: "model_not_found", 429: "rate_limit_exceeded", 503: "service_unavailable"}


def encrypted(text: str) -> str:
    """A thought as the lab hands it out."""
    return hashlib.sha256(f"openai {text}".encode()).hexdigest()


class ResponsesSimulator(Lab):
    """The lab."""

    def __init__(self, *, words_per_s: float | None = 200.0) -> None:
        super().__init__(models=MODELS, words_per_s=words_per_s)
        self._judge = Judge()
        self._thoughts: set[str] = set()
        self.beside = Beside()

    def route(self, router: web.UrlDispatcher) -> None:
        """See ``Lab``."""
        router.add_post("/v1/responses", self._respond)
        router.add_get("/v1/models", self._list)
        self.beside.route(router)

    def faults_of(self, asked: Asked) -> Iterator[str]:
        """See ``Lab``."""
        return self._judge.faults_of(asked.body, self._thoughts)

    def error(self, status: int, message: str) -> Json:
        """See ``Lab``."""
        code = "context_length_exceeded" if "context" in message else _CODES.get(status)
        kind = "server_error" if status >= 500 else "invalid_request_error"
        return {"error": {"message": message, "type": kind, "param": None, "code": code}}

    def events(self, said: Said, asked: Asked) -> Iterator[Event]:
        """See ``Lab``."""
        head: Json = {"id": f"resp_{asked.number}", "object": "response", "model": asked.model, "store": False}
        yield _event("response.created", response=head | {"status": "in_progress", "output": []})
        output: list[Json] = []
        words = 0
        for place, item in enumerate(self._items(said, asked)):
            for event in _item_events(place, item):
                words += event.word
                yield event
            output.append(item)
        counted = said.usage or {"prompt": asked.prompt_tokens, "output": words}
        usage = {
            "input_tokens": counted["prompt"],
            "input_tokens_details": {"cached_tokens": counted.get("cached", 0)},
            "output_tokens": counted["output"],
            "output_tokens_details": {"reasoning_tokens": counted.get("thoughts", 0)},
        }
        whole = head | {"status": "completed", "output": output, "usage": usage}
        if said.end in {"length", "refusal"}:
            why = "max_output_tokens" if said.end == "length" else "content_filter"
            whole |= {"status": "incomplete", "incomplete_details": {"reason": why}}
        yield _event(f"response.{whole['status']}", response=whole)

    def _items(self, said: Said, asked: Asked) -> Iterator[Json]:
        if said.thoughts:
            sealed = encrypted(said.thoughts)
            self._thoughts.add(sealed)
            yield {"type": "reasoning", "id": f"rs_{asked.number}", "summary": [], "encrypted_content": sealed}
        if said.sources:
            action = {"type": "search", "query": asked.last_user}
            yield {"type": "web_search_call", "id": f"ws_{asked.number}", "status": "completed", "action": action}
        text, annotations = said.text, []
        for part, title, url in said.sources:
            start, text = len(text), text + part
            where = {"start_index": start, "end_index": len(text)}
            annotations.append({"type": "url_citation", "url": url, "title": title} | where)
        if text:
            content = {"type": "output_text", "text": text, "annotations": annotations}
            message = {"type": "message", "id": f"msg_{asked.number}", "role": "assistant", "status": "completed"}
            yield message | {"content": [content], "phase": "final_answer"}
        for place, call in enumerate(said.calls):
            written = json.dumps(call.arguments, ensure_ascii=False)
            ids = {"id": f"fc_{asked.number}_{place}", "call_id": f"call_{asked.number}_{place}"}
            yield {"type": "function_call", "name": call.name, "arguments": written, "status": "completed"} | ids

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        body: Json = json.loads(await request.read())
        headers = {key.lower(): value for key, value in request.headers.items()}
        asked = Asked(0, body, headers, str(body.get("model")))
        asked.most_tokens = body.get("max_output_tokens", 1 << 30)
        items = body.get("input", [])
        if items and "role" in items[-1]:
            content = items[-1]["content"]
            parts = [{"text": content}] if isinstance(content, str) else content
            asked.last_user = "\n".join(str(part["text"]) for part in parts if "text" in part)
        while items and items[-1].get("type") == "function_call_output":
            asked.results = (str(items[-1]["output"]), *asked.results)
            items = items[:-1]
        return await self.answer(request, asked)

    async def _list(self, request: web.Request) -> web.Response:
        if request.headers.get("authorization", "").removeprefix("Bearer ") in self.refused_keys:
            return self.refused(401, "Incorrect API key provided.")
        names = [*reversed(self.models), "text-embedding-3-small", "gpt-realtime-2.1", "gpt-image-2"]
        dates = {"gpt-6-luna": "2027-04-01"}
        data = [{"id": name, "object": "model", "created": 1, "owned_by": "openai"} for name in names]
        return web.json_response(
            {"object": "list", "data": [one | {"shutdown_date": dates.get(str(one["id"]))} for one in data]}
        )


def _item_events(place: int, item: Json) -> Iterator[Event]:
    yield _event("response.output_item.added", output_index=place, item={"type": item["type"], "id": item["id"]})
    if item["type"] == "message":
        where = {"output_index": place, "item_id": item["id"], "content_index": 0}
        for piece in PIECE.findall(item["content"][0]["text"]):
            yield _event("response.output_text.delta", word=True, delta=piece, **where)
    if item["type"] == "function_call":
        written = item["arguments"]
        for at in range(0, len(written), 9):
            yield _event("response.function_call_arguments.delta", word=True, delta=written[at : at + 9])
    if item["type"] == "web_search_call":
        yield _event("response.web_search_call.searching", output_index=place, item_id=item["id"])
    yield _event("response.output_item.done", output_index=place, item=item)


def _event(name: str, *, word: bool = False, **data: object) -> Event:
    return Event({"type": name} | data, name=name, word=word)
