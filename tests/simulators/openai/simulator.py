"""The whole simulated model server in one object: start it, script it, read what it was asked."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType, TracebackType
from typing import Self

from aiohttp import web

from .control import Control
from .judge import Judge
from .records import Json, Recorded
from .replies import Pace, Reply, echo
from .script import Predicate, Rule, Script
from .server import ModelServer
from .strictness import Complaint

MODELS: Mapping[str, int | None] = MappingProxyType({"sim-small": None, "sim-large": None})


class OpenAISimulator:
    """An OpenAI-compatible server on loopback.

    Use it as an async context manager; `base_url` is then what a client takes.

    Args:
        models: What it serves: each model's id and its context window in tokens (None: without end). An empty
            mapping serves any model.
        answer: What is said where the script says nothing; by default the person's last message is repeated.
        words: How many words of filler the default answer adds.
        pace: How fast answers come; by default at once.
        keys: The API keys that are let in; none: any.
        tolerate: Fields that no specification knows and that are no violation, such as a vendor's extras.
        host: The address to listen on.
        port: The port; 0 takes a free one.
        seed: Makes chances repeatable.
        control: Whether another process may steer it: `POST /control/<verb>`, see `control`.
        unstreamed: Answer whole, under this content type, also who asks for a stream; empty: do as asked.
        strict: What it refuses beside what all servers of its kind do; see `strictness`.
    """

    def __init__(
        self,
        *,
        models: Mapping[str, int | None] = MODELS,
        answer: Callable[[Recorded], Reply] | None = None,
        words: int = 0,
        pace: Pace | None = None,
        keys: frozenset[str] = frozenset(),
        tolerate: frozenset[str] = frozenset(),
        host: str = "127.0.0.1",
        port: int = 0,
        seed: int = 0,
        control: bool = False,
        unstreamed: str = "",
        strict: Callable[[Json], Complaint | None] | None = None,
    ) -> None:
        self.script = Script(seed)
        self.server = ModelServer(
            models=models,
            answer=answer or (lambda record: echo(record, words)),
            pace=pace or Pace(),
            keys=keys,
            script=self.script,
            judge=Judge(tolerate),
            unstreamed=unstreamed,
        )
        if strict is not None:
            self.server.strict = strict
        self._host = host
        self._port = port
        self._control = control
        self._runner: web.AppRunner | None = None

    async def __aenter__(self) -> Self:
        app = self.server.app()
        if self._control:
            Control(self).add_to(app)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, self._host, self._port, backlog=2048).start()
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.server.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def base_url(self) -> str:
        """Return where it listens, with the version: "http://127.0.0.1:<port>/v1"."""
        return f"http://{self._host}:{self._port}/v1"

    @property
    def requests(self) -> list[Recorded]:
        """Return every request for a completion so far, in order of arrival."""
        return self.server.requests

    @property
    def violations(self) -> list[str]:
        """Return what requests held that the published description does not know or allow."""
        return [detail for record in self.requests for detail in record.violations]

    def on(self, when: Predicate | str | None = None) -> Rule:
        """Begin a rule of the script: `on("weather").reply([tool_call("look_up", city="Bonn")])`."""
        return self.script.on(when)
