"""The HTTP side of the simulated Bot API: one call from arrival to answer, with the faults on its way.

See https://core.telegram.org/bots/api#making-requests.
"""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import Any

from aiohttp import web

from .calls import Call, Hooks, Json, Refused, Upload, bad_request
from .faults import Answer, Fault, Faults
from .flood import Governor
from .methods import find_method, run_method
from .params import read_params
from .spec import Spec
from .world import BotAccount, World

_MAX_BODY = 64 * 1024 * 1024


class BotApiServer:
    """Answers Bot API requests over one `World`, and logs them in `calls`."""

    def __init__(self, world: World, faults: Faults, hooks: Hooks, spec: Spec | None) -> None:
        self.world = world
        self.faults = faults
        self.hooks = hooks
        self.governor: Governor | None = None
        self.calls: list[Call] = []
        self.unauthorized = 0
        self._spec = spec
        self._numbers = itertools.count(1)
        self._closing = asyncio.Event()
        self._running: set[asyncio.Task[web.StreamResponse]] = set()

    def app(self) -> web.Application:
        """Return the aiohttp application."""
        app = web.Application(client_max_size=_MAX_BODY)
        app.router.add_route("*", "/bot{token:[^/]+}/{method:[^/]*}", self._serve)
        app.router.add_get("/file/bot{token:[^/]+}/{path:.+}", self._download)
        return app

    async def close(self) -> None:
        """Let go of every call that hangs."""
        self._closing.set()
        for task in tuple(self._running):
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    async def call_method(self, bot: BotAccount, method: str, params: Json) -> None:
        """Run a method that came in the answer to a webhook."""
        call = self._new_call(bot, method, params, {})
        await self._effect(call, bot)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        bot = self.world.bots.get(request.match_info["token"])
        if bot is None:
            self.unauthorized += 1
            return _json_answer(Refused(401, "Unauthorized").body(), 401)
        method = request.match_info["method"]
        try:
            params, files = await read_params(request)
        except Refused as refusal:
            return _json_answer(refusal.body(), refusal.code)
        call = self._new_call(bot, method, params, files)
        work = asyncio.create_task(self._run(request, call, bot))
        self._running.add(work)
        work.add_done_callback(self._running.discard)
        if method.lower() == "getupdates":
            # A long poll ends with its connection; whatever else arrived whole goes on without it.
            return await work
        return await asyncio.shield(work)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        bot = self.world.bots.get(request.match_info["token"])
        stored = self.world.files.at(request.match_info["path"])
        if bot is None or stored is None:
            return _json_answer(Refused(404, "Not Found").body(), 404)
        call = self._new_call(bot, "file", {"file_path": stored.path}, {})
        body = Answer(status=200, body=stored.data, content_type="application/octet-stream")
        return await self._run(request, call, bot, fixed=body)

    def _new_call(self, bot: BotAccount, method: str, params: Json, files: dict[str, Upload]) -> Call:
        call = Call(next(self._numbers), bot.id, method, params, self.world.clock(), files)
        self.calls.append(call)
        return call

    async def _run(
        self, request: web.Request, call: Call, bot: BotAccount, *, fixed: Answer | None = None
    ) -> web.StreamResponse:
        """Take a call through its phases and write the answer."""
        await self.hooks.fire(call, "received")
        fault = self.faults.take(call)
        answer: Answer | None = None
        if fault is not None and not fault.after:
            answer = await self._strike(request, call, fault)
            if fault.cut or self._closing.is_set():
                return _nothing()
        if answer is None:
            # Whether the client still listens makes no difference: its request arrived whole.
            answer = fixed or await self._effect(call, bot)
            if fixed is not None:
                await self._accepted(call)
            if fault is not None and fault.after:
                answer = await self._strike(request, call, fault) or answer
        return await self._write(request, call, answer)

    async def _effect(self, call: Call, bot: BotAccount) -> Answer:
        """Apply a call's effect and return the true answer."""
        try:
            result = await self._judged(call, bot)
        except Refused as refusal:
            return _refused(call, refusal)
        except (TypeError, AttributeError, KeyError, ValueError) as error:
            # A parameter of a shape that no rule above foresaw; the check by types has said which.
            self.world.violate(call, f"malformed parameters: {error!r}", refused=True)
            return _refused(call, bad_request("wrong parameters in request"))
        call.answer = result
        await self._accepted(call)
        return Answer(status=200, body=json.dumps({"ok": True, "result": result}).encode())

    async def _judged(self, call: Call, bot: BotAccount) -> Any:  # noqa: ANN401 - any JSON
        handler = find_method(self.world, call.method)
        if handler is None:
            if self._spec is not None and not self._spec.knows(call.method):
                self.world.violate(call, f"unknown method {call.method}", refused=True)
            raise Refused(404, "Not Found: method not found")
        if self._spec is not None:
            for detail in self._spec.faults_of(call.method, call.params, call.files):
                self.world.violate(call, detail)
        if self.governor is not None:
            wait = self.governor.judge(bot.id, call.chat_id, call.method, self.world.clock())
            if wait is not None:
                raise Refused(429, f"Too Many Requests: retry after {wait}", retry_after=wait)
        return await run_method(self.world, bot, call, handler)

    async def _accepted(self, call: Call) -> None:
        call.accepted_at = self.world.clock()
        await self.hooks.fire(call, "accepted")

    async def _strike(self, request: web.Request, call: Call, fault: Fault) -> Answer | None:
        """Let a fault happen; return the answer it gives, if it gives one."""
        call.fault = fault.name
        if fault.delay_s:
            wait = None if fault.delay_s == float("inf") else fault.delay_s
            try:
                async with asyncio.timeout(wait):
                    await self._closing.wait()
            except TimeoutError:
                pass
        if fault.cut and request.transport is not None:
            request.transport.abort()
        return fault.answer

    async def _write(self, request: web.Request, call: Call, answer: Answer) -> web.StreamResponse:
        if _is_cut(request):
            return _nothing()
        response = web.Response(status=answer.status, body=answer.body, content_type=answer.content_type)
        try:
            await response.prepare(request)
            await response.write_eof()
        except ConnectionError:
            return response
        call.status = answer.status
        call.answered_at = self.world.clock()
        await self.hooks.fire(call, "answered")
        return response


def _is_cut(request: web.Request) -> bool:
    return request.transport is None or request.transport.is_closing()


def _refused(call: Call, refusal: Refused) -> Answer:
    """Note a refusal in the log and return it as an answer."""
    call.answer = refusal.body()
    return Answer(status=refusal.code, body=json.dumps(call.answer).encode())


def _nothing() -> web.Response:
    """Return what the web server wants returned although the connection is gone."""
    return web.Response(status=500)


def _json_answer(body: Json, status: int) -> web.Response:
    return web.Response(status=status, body=json.dumps(body).encode(), content_type="application/json")
