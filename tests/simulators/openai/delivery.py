"""How one answer travels: whole, or as server-sent events at a pace, with the fault that may strike it on the way.

See https://platform.openai.com/docs/api-reference/chat-streaming. Streams are written as raw bytes with little made
for each token, so that hundreds of them at once cost little.
"""

from __future__ import annotations

import asyncio
import json
import math
import time
from dataclasses import dataclass
from functools import lru_cache

from aiohttp import web

from .faults import Fault
from .records import Json, Recorded
from .replies import Pace, Prepared, Reply, call_ids

CREATED = 1_760_000_000
_SSE = {"Content-Type": "text/event-stream; charset=utf-8", "Cache-Control": "no-cache"}


class Gone(Exception):
    """The connection was cut on purpose."""


@dataclass(frozen=True, slots=True)
class Delivery:
    """All there is to know about one answer before it sets out."""

    record: Recorded
    reply: Reply
    prepared: Prepared
    pace: Pace
    fault: Fault | None


async def stream(request: web.Request, delivery: Delivery) -> web.StreamResponse:
    """Send an answer piece by piece.

    Raises:
        Gone: When a fault cut the connection.
    """
    return await _Stream(request, delivery).run()


class _Stream:
    """One answer on its way as server-sent events."""

    def __init__(self, request: web.Request, delivery: Delivery) -> None:
        self._request = request
        self._record = delivery.record
        self._deltas = delivery.prepared.deltas
        self._pace = delivery.pace
        self._fault = delivery.fault
        self._events = _Events(delivery)
        self._response = web.StreamResponse(headers=_SSE | {"x-request-id": f"req_{self._record.number}"})

    async def run(self) -> web.StreamResponse:
        fault = self._fault
        if fault is not None and fault.after_tokens == 0:
            await self._strike(fault)
        await self._response.prepare(self._request)
        self._record.status = 200
        stop = len(self._deltas)
        if fault is not None and fault.after_tokens:
            # The first chunk carries only the role.
            stop = min(stop, 1 + fault.after_tokens)
        await asyncio.sleep(self._pace.first_token_s)
        started = time.monotonic()
        await self._write(0, stop, started)
        if fault is not None and fault.after_tokens:
            await self._strike(fault)
            if fault.end:
                await self._response.write_eof()
                self._record.finished_at = time.monotonic()
                return self._response
            await self._write(stop, len(self._deltas), started)
        await self._response.write(self._events.tail)
        await self._response.write_eof()
        self._record.finished_at = time.monotonic()
        return self._response

    async def _write(self, start: int, stop: int, started: float) -> None:
        """Write the chunks from `start` to `stop`, each when it is due."""
        record, rate = self._record, self._pace.tokens_per_s
        while start < stop:
            due = stop
            if rate is not None:
                due = min(stop, 2 + math.floor((time.monotonic() - started) * rate))
            if due > start:
                await self._response.write(self._events.bytes_of(start, due))
                if record.first_token_at is None and due > 1:
                    record.first_token_at = time.monotonic()
                record.tokens = due - 1
                record.text += "".join(str(d.get("content") or "") for d in self._deltas[start:due])
                start = due
            if start < stop:
                await asyncio.sleep(self._pace.tick_s)

    async def _strike(self, fault: Fault) -> None:
        await _pause(fault.delay_s)
        if fault.raw:
            await self._response.write(fault.raw)
        if fault.cut:
            _cut(self._request)


async def whole(request: web.Request, delivery: Delivery, content_type: str = "application/json") -> web.StreamResponse:
    """Send an answer in one piece, as late as its last token would have come.

    Raises:
        Gone: When a fault cut the connection.
    """
    record, reply, prepared, fault = delivery.record, delivery.reply, delivery.prepared, delivery.fault
    if fault is not None:
        await _pause(fault.delay_s)
        if fault.cut:
            _cut(request)
        if fault.raw or fault.end:
            record.status, record.finished_at = 200, time.monotonic()
            return web.Response(body=fault.raw, content_type="application/json")
    rate = delivery.pace.tokens_per_s
    await asyncio.sleep(delivery.pace.first_token_s + (prepared.token_count / rate if rate else 0.0))
    message: Json = {"role": "assistant", "content": prepared.text or None, "refusal": None}
    if reply.reasoning:
        message["reasoning_content"] = reply.reasoning
    if prepared.finish == "tool_calls":
        ids = call_ids(list(reply.tool_calls), record.number)
        message["tool_calls"] = [
            {"id": call_id, "type": "function", "function": {"name": call.name, "arguments": call.arguments}}
            for call, call_id in zip(reply.tool_calls, ids, strict=True)
        ]
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": prepared.finish}
    body = _head(record, "chat.completion") | {"choices": [choice], "usage": prepared.usage} | reply.extra
    record.status, record.text, record.tokens = 200, prepared.text, prepared.token_count
    record.first_token_at = record.finished_at = time.monotonic()
    headers = {"x-request-id": f"req_{record.number}"}
    return web.Response(text=json.dumps(body), content_type=content_type, headers=headers)


class _Events:
    """The events of one stream: the same bytes around each delta, and the ones that end it."""

    def __init__(self, delivery: Delivery) -> None:
        record, reply, prepared = delivery.record, delivery.reply, delivery.prepared
        options = record.body.get("stream_options") or {}
        counted = bool(options.get("include_usage"))
        head = json.dumps(_head(record, "chat.completion.chunk") | reply.extra | ({"usage": None} if counted else {}))
        self._before = b"data: " + head[:-1].encode() + b', "choices": [{"index": 0, "delta": '
        self._after = b', "logprobs": null, "finish_reason": null}]}\n\n'
        self._between = self._after + self._before
        self._extra = reply.extra
        self._deltas = prepared.deltas
        finish = json.dumps(prepared.finish).encode()
        self.tail = self._before + b'{}, "logprobs": null, "finish_reason": ' + finish + b"}]}\n\n"
        if counted:
            last = _head(record, "chat.completion.chunk") | {"choices": [], "usage": prepared.usage}
            self.tail += b"data: " + json.dumps(last).encode() + b"\n\n"
        self.tail += b"data: [DONE]\n\n"

    def bytes_of(self, start: int, stop: int) -> bytes:
        """Return the events of the deltas from `start` to `stop`."""
        deltas = self._between.join(_delta(delta | self._extra) for delta in self._deltas[start:stop])
        return self._before + deltas + self._after


def _delta(delta: Json) -> bytes:
    """Return a delta as JSON; plain words come from a cache."""
    if len(delta) == 1 and isinstance(delta.get("content"), str):
        return _word(delta["content"])
    return json.dumps(delta).encode()


@lru_cache(maxsize=4096)
def _word(content: str) -> bytes:
    return json.dumps({"content": content}).encode()


def _head(record: Recorded, kind: str) -> Json:
    facts = {"id": f"chatcmpl-sim{record.number}", "object": kind, "created": CREATED, "model": record.model}
    return facts | {"system_fingerprint": "fp_simulated"}


async def _pause(seconds: float) -> None:
    """Wait, without end if need be; the connection's end ends it too."""
    if math.isinf(seconds):
        await asyncio.get_running_loop().create_future()
    await asyncio.sleep(seconds)


def _cut(request: web.Request) -> None:
    """Cut the connection.

    Raises:
        Gone: Always, so that nothing more is written.
    """
    if request.transport is not None:
        request.transport.abort()
    raise Gone
