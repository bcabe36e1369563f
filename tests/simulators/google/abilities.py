"""What the simulated Gemini API does beside talking: vectors, images, listening, speaking."""

from __future__ import annotations

import asyncio
import base64
from typing import Any

from aiohttp import web

PICTURE = b"\x89PNG\r\n\x1a\n and so on"
SAMPLES = bytes(range(100)) * 2
HEARD = "Where is the river?"

Json = dict[str, Any]


class Beside:
    """The paths, and what was asked of them.

    Attributes:
        asked: Model, method and body of each request.
        barred: Keys that have reached their limit.
        takes_s: How long it is at each.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Json]] = []
        self.barred: set[str] = set()
        self.takes_s = 0.0

    def route(self, router: web.UrlDispatcher) -> None:
        """Register them."""
        router.add_post("/v1beta/models/{model}:{method}", self._do)

    async def _do(self, request: web.Request) -> web.Response:
        body: Json = await request.json()
        method = request.match_info["method"]
        if request.headers["x-goog-api-key"] in self.barred:
            error = {"code": 429, "message": "Quota exceeded.", "status": "RESOURCE_EXHAUSTED"}
            wait = {"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "9s"}
            return web.json_response({"error": error | {"details": [wait]}}, status=429)
        if self.takes_s:
            await asyncio.sleep(self.takes_s)
        self.asked.append((request.match_info["model"], method, body))
        if method == "batchEmbedContents":
            rows = [{"values": [3.0, 4.0]} for _ in body["requests"]]
            return web.json_response({"embeddings": rows})
        if method == "embedContent":
            return web.json_response({"embedding": {"values": [3.0, 4.0]}})
        wanted = body.get("generationConfig", {}).get("responseModalities")
        return web.json_response(_made(wanted))


def _made(wanted: object) -> Json:
    part: Json = {"text": f" {HEARD}\n"}
    if wanted == ["IMAGE"]:
        part = {"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PICTURE).decode()}}
    if wanted == ["AUDIO"]:
        sound = base64.b64encode(SAMPLES).decode()
        part = {"inlineData": {"mimeType": "audio/L16;codec=pcm;rate=24000", "data": sound}}
    usage = {"promptTokenCount": 11, "candidatesTokenCount": 7, "totalTokenCount": 18}
    candidate = {"content": {"role": "model", "parts": [part]}, "finishReason": "STOP"}
    return {"candidates": [candidate], "usageMetadata": usage}
