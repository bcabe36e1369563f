"""Steering a simulator from another process: verbs over HTTP, the client for them, and the program around both.

Every verb is `POST /control/<verb>` with a JSON object of arguments, answered by JSON. What the verbs are is left to
each simulator. There is no password: simulators listen on loopback.
"""

from __future__ import annotations

import asyncio
import inspect
import json
import signal
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Protocol, Self

import aiohttp
from aiohttp import web

Verb = Callable[..., Any]


class ControlError(Exception):
    """A verb was refused; the message says why."""


class Server(Protocol):
    """A simulator, as far as the program around it must know it."""

    @property
    def base_url(self) -> str:
        """Return where it listens."""
        ...


def add_verbs(app: web.Application, verbs: Mapping[str, Verb]) -> None:
    """Let an application answer these verbs."""

    async def handle(request: web.Request) -> web.Response:
        name = request.match_info["verb"]
        if name not in verbs:
            return web.json_response({"error": f"no verb {name!r}; there are {sorted(verbs)}"}, status=404)
        try:
            arguments = json.loads(await request.read() or b"{}")
            result = verbs[name](**arguments)
            if inspect.isawaitable(result):
                result = await result
        except (LookupError, TypeError, ValueError, TimeoutError) as error:
            return web.json_response({"error": f"{type(error).__name__}: {error}"}, status=400)
        return web.json_response({"result": result})

    app.router.add_post("/control/{verb}", handle)


class Remote:
    """A simulator in another process: `await remote("visible", chat_id=42)`.

    Use it as an async context manager.
    """

    def __init__(self, base_url: str) -> None:
        self._url = base_url.removesuffix("/").removesuffix("/v1") + "/control/"
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def __call__(self, verb: str, /, **arguments: object) -> Any:  # noqa: ANN401 - any JSON
        """Do a verb and return its result.

        Raises:
            ControlError: When it was refused.
        """
        if self._session is None:
            raise ControlError("enter the Remote first: async with Remote(url) as remote")
        async with self._session.post(self._url + verb, json=arguments) as answer:
            body = await answer.json()
        if "error" in body:
            raise ControlError(body["error"])
        return body["result"]


async def serve(simulator: Server) -> None:
    """Say on standard output where a running simulator listens, then wait for SIGINT or SIGTERM."""
    print(json.dumps({"base_url": simulator.base_url}), flush=True)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    await stop.wait()
