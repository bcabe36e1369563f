"""The HTTP side of the simulated model server: requests in, answers out whole or streamed.

See https://platform.openai.com/docs/api-reference/chat. How an answer travels is left to `delivery`.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Mapping

from aiohttp import web

from .delivery import CREATED, Delivery, Gone, stream, whole
from .faults import Fault, error_body
from .judge import Judge, refusal
from .records import Json, Recorded
from .replies import Pace, Reply, estimate_prompt, prepare
from .script import Script, as_reply
from .strictness import Complaint

_MAX_BODY = 64 * 1024 * 1024


class ModelServer:
    """Answers chat completions by a script, else by `answer`, and records every request.

    Args:
        models: What it serves: each model's id and its context window in tokens (None: without end).
        answer: What is said where the script says nothing.
        pace: How fast, where a reply does not say.
        keys: The API keys that are let in; none: any key.
        unstreamed: The content type of whole answers to whoever asks for a stream; empty: they get one.

    Attributes:
        strict: What this server refuses beside what all of its kind do; see `strictness`.
    """

    def __init__(
        self,
        *,
        models: Mapping[str, int | None],
        answer: Callable[[Recorded], Reply],
        pace: Pace,
        keys: frozenset[str],
        script: Script,
        judge: Judge,
        unstreamed: str = "",
    ) -> None:
        self.models = dict(models)
        self.answer = answer
        self.pace = pace
        self.keys = keys
        self.requests: list[Recorded] = []
        self.strict: Callable[[Json], Complaint | None] = lambda body: None
        self._script = script
        self._judge = judge
        self._unstreamed = unstreamed
        self._numbers = itertools.count(1)
        self._closing = False

    def app(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_get("/v1/models", self._list_models)
        app.router.add_get("/v1/models/{model:.+}", self._one_model)
        app.router.add_post("/v1/chat/completions", self._complete)
        return app

    def close(self) -> None:
        """Note that connections which end from now on are ended by the server."""
        self._closing = True

    async def _list_models(self, request: web.Request) -> web.Response:
        refused = self._let_in(request)
        if refused is not None:
            return refused
        return web.json_response({"object": "list", "data": [_model(name) for name in self.models]})

    async def _one_model(self, request: web.Request) -> web.Response:
        name = request.match_info["model"]
        refused = self._let_in(request)
        if refused is not None:
            return refused
        return web.json_response(_model(name)) if name in self.models else _error(404, _no_model(name))

    def _let_in(self, request: web.Request) -> web.Response | None:
        key = request.headers.get("Authorization", "").removeprefix("Bearer ")
        if self.keys and key not in self.keys:
            return _error(401, "Incorrect API key provided.")
        return None

    async def _complete(self, request: web.Request) -> web.StreamResponse:
        try:
            body = json.loads(await request.read())
        except ValueError:
            body = None
        if not isinstance(body, dict):
            return _error(400, "We could not parse the JSON body of your request.")
        headers = {name.lower(): value for name, value in request.headers.items()}
        record = Recorded(next(self._numbers), body, headers, time.monotonic())
        self.requests.append(record)
        record.violations.extend(self._judge.faults_of(body))
        response = self._let_in(request) or self._refused(record)
        if response is not None:
            record.status = response.status
            record.finished_at = time.monotonic()
            return response
        return await self._answer(request, record)

    def _refused(self, record: Recorded) -> web.Response | None:
        """Return the error for a request that a real server would not take."""
        reason = refusal(record)
        if reason:
            return _error(400, reason, param="messages")
        if self.models and record.model not in self.models:
            return _error(404, _no_model(record.model))
        complaint = self.strict(record.body)
        if complaint is not None:
            return web.json_response(complaint.body, status=complaint.status)
        window = self.models.get(record.model)
        size = estimate_prompt(record)
        if window is not None and size > window:
            text = f"This model's maximum context length is {window} tokens. However, your messages resulted in {size}."
            return _error(400, text, code="context_length_exceeded", param="messages")
        return None

    async def _answer(self, request: web.Request, record: Recorded) -> web.StreamResponse:
        said = self._script.take(record)
        chosen = self.answer(record) if said is None else as_reply(said, record)
        fault = chosen if isinstance(chosen, Fault) else None
        reply = self.answer(record) if isinstance(chosen, Fault) else chosen
        if fault is not None:
            record.fault = fault.name
            if fault.status:
                record.status, record.finished_at = fault.status, time.monotonic()
                return web.json_response(fault.body, status=fault.status, headers=fault.headers)
        delivery = Delivery(record, reply, prepare(reply, record), reply.pace or self.pace, fault)
        record.planned_tokens = delivery.prepared.token_count
        try:
            if record.stream and not self._unstreamed:
                return await stream(request, delivery)
            return await whole(request, delivery, self._unstreamed or "application/json")
        except Gone:
            return web.Response(status=500)
        except (asyncio.CancelledError, ConnectionError):
            if not self._closing and record.finished_at is None:
                record.closed_early_at = time.monotonic()
            raise


def _model(name: str) -> Json:
    return {"id": name, "object": "model", "created": CREATED, "owned_by": "simulator"}


def _no_model(name: str) -> str:
    return f"The model `{name}` does not exist or you do not have access to it."


def _error(status: int, message: str, *, code: str | None = None, param: str | None = None) -> web.Response:
    return web.json_response(error_body(status, message, code=code, param=param), status=status)
