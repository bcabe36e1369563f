"""What the simulated OpenAI does beside talking: vectors, images, listening, speaking."""

from __future__ import annotations

import base64
from typing import Any

from aiohttp import BodyPartReader, web

PICTURE = b"\x89PNG\r\n\x1a\n and so on"
SOUND = b"OggS and so on"
HEARD = "Where is the river?"

Json = dict[str, Any]


class Beside:
    """The paths, and what was asked of them (without the bytes of files).

    Attributes:
        asked: Path and fields of each request.
    """

    def __init__(self) -> None:
        self.asked: list[tuple[str, Json]] = []

    def route(self, router: web.UrlDispatcher) -> None:
        """Register them."""
        router.add_post("/v1/embeddings", self._embed)
        router.add_post("/v1/images/generations", self._paint)
        router.add_post("/v1/images/edits", self._edit)
        router.add_post("/v1/audio/transcriptions", self._listen)
        router.add_post("/v1/audio/speech", self._speak)

    async def _embed(self, request: web.Request) -> web.Response:
        body = await self._json(request)
        rows = [
            {"object": "embedding", "index": place, "embedding": [1.0, 0.0] if len(text) % 2 else [0.0, 1.0]}
            for place, text in enumerate(body["input"])
        ]
        usage = {"prompt_tokens": 5, "total_tokens": 5}
        return web.json_response({"object": "list", "data": rows[::-1], "model": body["model"], "usage": usage})

    async def _paint(self, request: web.Request) -> web.Response:
        await self._json(request)
        return self._picture()

    async def _edit(self, request: web.Request) -> web.Response:
        await self._form(request)
        return self._picture()

    def _picture(self) -> web.Response:
        details = {"text_tokens": 10, "image_tokens": 0}
        usage = {"input_tokens": 10, "output_tokens": 1000, "total_tokens": 1010, "input_tokens_details": details}
        image = {"b64_json": base64.b64encode(PICTURE).decode()}
        return web.json_response({"created": 1, "data": [image], "usage": usage})

    async def _listen(self, request: web.Request) -> web.Response:
        await self._form(request)
        usage = {"type": "tokens", "input_tokens": 30, "output_tokens": 6, "total_tokens": 36}
        return web.json_response({"text": HEARD, "usage": usage})

    async def _speak(self, request: web.Request) -> web.Response:
        await self._json(request)
        return web.Response(body=SOUND, content_type="audio/ogg")

    async def _json(self, request: web.Request) -> Json:
        body: Json = await request.json()
        self.asked.append((request.path, body))
        return body

    async def _form(self, request: web.Request) -> None:
        fields: Json = {}
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            data = await part.read()
            fields[str(part.name)] = part.filename or bytes(data).decode()
        self.asked.append((request.path, fields))
