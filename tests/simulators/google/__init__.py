"""A simulated Gemini API on loopback, strict about what it takes.

The rules are the published ones (https://ai.google.dev/api and /gemini-api/docs) and the types of the SDK; a call of
the current turn without the signature that it issued is refused, as newer models do.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterator

from aiohttp import web

from simulators.google.abilities import Beside
from simulators.google.judge import faults_of
from simulators.lab import PIECE, Asked, Event, Json, Lab, Said

MODELS = ("gemini-sim-flash", "gemini-sim-pro")
_STATUS = {400: "INVALID_ARGUMENT", 401: "UNAUTHENTICATED", 403: "PERMISSION_DENIED", 404: "NOT_FOUND"}
_STATUS |= {429: "RESOURCE_EXHAUSTED", 500: "INTERNAL", 503: "UNAVAILABLE"}
_ENDS = {"length": "MAX_TOKENS", "refusal": "SAFETY"}


def signature(text: str) -> str:
    """The signature of the thought that led to a call."""
    return base64.b64encode(hashlib.sha256(f"google {text}".encode()).digest()).decode()


class GoogleSimulator(Lab):
    """The lab."""

    def __init__(self, *, words_per_s: float | None = 200.0) -> None:
        super().__init__(models=MODELS, words_per_s=words_per_s)
        self._signatures: set[str] = set()
        self.beside = Beside()

    def route(self, router: web.UrlDispatcher) -> None:
        """See ``Lab``."""
        router.add_get("/v1/models", self._list)
        router.add_post("/v1/models/{model}:streamGenerateContent", self._generate)
        self.beside.route(router)

    def faults_of(self, asked: Asked) -> Iterator[str]:
        """See ``Lab``."""
        return faults_of(asked.body, asked.headers, self._signatures)

    def no_model(self, name: str) -> str:
        """See ``Lab``."""
        return f"models/{name} is not found for API version v1, or is not supported for generateContent."

    def error(self, status: int, message: str) -> Json:
        """See ``Lab``."""
        return {"error": {"code": status, "message": message, "status": _STATUS.get(status, "UNKNOWN")}}

    def events(self, said: Said, asked: Asked) -> Iterator[Event]:
        """See ``Lab``."""
        words = 0
        if said.thoughts:
            yield _chunk({"text": said.thoughts, "thought": True})
        if said.sources and asked.body.get("toolConfig", {}).get("includeServerSideToolInvocations"):
            yield from self._searched(said, asked)
        for piece in PIECE.findall(said.text or "".join(text for text, _, _ in said.sources)):
            words += 1
            yield _chunk({"text": piece}, word=True)
        for place, call in enumerate(said.calls):
            identity = f"call_{asked.number}_{place}"
            part: Json = {"functionCall": {"id": identity, "name": call.name, "args": call.arguments}}
            if place == 0:
                part["thoughtSignature"] = signature(f"{asked.number} {said.thoughts}")
                self._signatures.add(part["thoughtSignature"])
            words += 1
            yield _chunk(part, word=True)
        last: Json = {"finishReason": _ENDS.get(said.end, "STOP"), "index": 0}
        if said.sources:
            last["groundingMetadata"] = _grounding(said, asked)
        counted = said.usage or {"prompt": asked.prompt_tokens, "output": words}
        thoughts = counted.get("thoughts", 0)
        usage = {
            "promptTokenCount": counted["prompt"],
            "cachedContentTokenCount": counted.get("cached", 0),
            "candidatesTokenCount": counted["output"] - thoughts,
            "thoughtsTokenCount": thoughts,
        }
        yield Event({"candidates": [last], "usageMetadata": usage})

    def _searched(self, said: Said, asked: Asked) -> Iterator[Event]:
        """What it looks up by itself, which it shows where functions stand beside it, and wants back."""
        about = {"id": f"search_{asked.number}", "toolType": "GOOGLE_SEARCH_WEB"}
        call = about | {"args": {"queries": [asked.last_user]}}
        found = about | {"response": {"pages": [url for _, _, url in said.sources]}}
        for name, what in (("toolCall", call), ("toolResponse", found)):
            signed = signature(f"{asked.number} {name}")
            self._signatures.add(signed)
            yield _chunk({name: what, "thoughtSignature": signed})

    async def _generate(self, request: web.Request) -> web.StreamResponse:
        body: Json = json.loads(await request.read())
        headers = {key.lower(): value for key, value in request.headers.items()}
        if request.query.get("alt") != "sse" or "key" in request.query:
            return self.refused(400, "the key belongs into a header, and alt=sse into the query")
        asked = Asked(0, body, headers, request.match_info["model"])
        asked.most_tokens = body.get("generationConfig", {}).get("maxOutputTokens", 1 << 30)
        parts = body["contents"][-1]["parts"] if body.get("contents") else []
        asked.last_user = "\n".join(part["text"] for part in parts if "text" in part)
        answers = [part["functionResponse"]["response"] for part in parts if "functionResponse" in part]
        asked.results = tuple(str(next(iter(answer.values()))) for answer in answers)
        return await self.answer(request, asked)

    async def _list(self, request: web.Request) -> web.Response:
        del request
        limits = {"inputTokenLimit": 1_048_576, "outputTokenLimit": 65_536}
        talks = {"supportedGenerationMethods": ["generateContent", "countTokens"]}
        names = [*reversed(self.models), "gemini-sim-flash-tts"]
        models: list[Json] = [{"name": f"models/{name}"} | limits | talks for name in names]
        models.append({"name": "models/gemini-embedding-2", "supportedGenerationMethods": ["embedContent"]})
        return web.json_response({"models": models})


def _chunk(part: Json, *, word: bool = False) -> Event:
    content = {"role": "model", "parts": [part]}
    return Event({"candidates": [{"content": content, "index": 0}]}, word=word)


def _grounding(said: Said, asked: Asked) -> Json:
    at, supports = 0, []
    for place, (text, _, _) in enumerate(said.sources):
        end = at + len(text.encode())
        segment = {"startIndex": at, "endIndex": end, "text": text}
        supports.append({"segment": segment, "groundingChunkIndices": [place]})
        at = end
    chunks = [{"web": {"uri": url, "title": title}} for _, title, url in said.sources]
    return {"webSearchQueries": [asked.last_user], "groundingChunks": chunks, "groundingSupports": supports}
