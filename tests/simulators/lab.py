"""What the simulators of the labs' own protocols have in common: a server on loopback, what it says next, its bad days.

A lab's simulator says how its protocol words a request, an answer and an error; here is how answers travel: as
server-sent events at a pace, with the fault that may strike them on the way. A request that the lab would refuse is
refused, and noted in ``violations``.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import re
import time
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

from aiohttp import web

Json = dict[str, Any]

_HALF = re.compile("[\ud800-\udfff]")
PIECE = re.compile(r"\s*\S{1,8}|\s+$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call the model asks for."""

    name: str
    arguments: Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """One answer of the model.

    Attributes:
        thoughts: What it thinks first, where the protocol shows it.
        sources: Texts with the title and address of what bears each out; they follow the text.
        end: Why it ends, in our words: stop, tools, length, refusal or pause.
        usage: Tokens as the lab counts them (``prompt``, ``cached``, ``output``, ``thoughts``); None: counted here.
        stays_open: The stream is not ended after it.
    """

    text: str = ""
    calls: tuple[Call, ...] = ()
    thoughts: str = ""
    sources: tuple[tuple[str, str, str], ...] = ()
    end: str = ""
    usage: dict[str, int] | None = None
    stays_open: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way for an answer to go wrong.

    With a ``status``, the whole answer is that error. Otherwise the answer begins as usual, and after so many words (0:
    before the first byte, headers included) ``raw`` is written, or nothing more comes for ever (``silent``), or the
    connection is cut, or the stream just ends.
    """

    status: int = 0
    message: str = ""
    retry_after_s: float | None = None
    after_words: int = 0
    raw: bytes = b""
    silent: bool = False
    cut: bool = False


@dataclass(slots=True, eq=False)
class Asked:
    """One request, and what became of its answer."""

    number: int
    body: Json
    headers: dict[str, str]
    model: str
    last_user: str = ""
    results: tuple[str, ...] = ()
    most_tokens: int = 1 << 30
    finished: bool = False
    closed_early_at: float | None = None
    violations: list[str] = field(default_factory=list)

    @property
    def prompt_tokens(self) -> int:
        """A steady estimate of how many tokens it holds."""
        return 3 + len(json.dumps(self.body, ensure_ascii=False)) // 4


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a stream; ``word`` where it carries some of the answer."""

    data: Json
    name: str = ""
    word: bool = False

    def encoded(self) -> bytes:
        head = f"event: {self.name}\n" if self.name else ""
        return f"{head}data: {json.dumps(self.data, ensure_ascii=False)}\n\n".encode()


class Lab(ABC):
    """A lab's server on loopback.

    Args:
        models: What it serves.
        words_per_s: How fast it speaks; None: at once.

    Attributes:
        refused_keys: Those that are told no models.
        strict: What it refuses beside what all labs of its kind do, which is no violation: the complaint about a body,
            "" for none; see ``strictness.py``.
    """

    def __init__(self, *, models: tuple[str, ...], words_per_s: float | None = 200.0) -> None:
        self.models = models
        self.requests: list[Asked] = []
        self.refused_keys: set[str] = set()
        self.strict: Callable[[Json], str] = lambda body: ""
        self._words_per_s = words_per_s
        self._next: deque[Said | Fault] = deque()
        self._numbers = itertools.count(1)
        self._runner: web.AppRunner | None = None
        self._port = 0
        self._closing = False

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=64 << 20)
        self.route(app.router)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self._port = int(self._runner.addresses[0][1])
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def address(self) -> str:
        """Where it listens, without a path."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def violations(self) -> list[str]:
        """What requests held that the lab does not allow."""
        return [detail for asked in self.requests for detail in asked.violations]

    def reply(self, *said: Said | Fault) -> None:
        """Say these things, one for each coming request; after them, what was asked is repeated."""
        self._next.extend(said)

    # -- what a lab's own protocol says

    @abstractmethod
    def route(self, router: web.UrlDispatcher) -> None:
        """Register the paths."""

    @abstractmethod
    def faults_of(self, asked: Asked) -> Iterator[str]:
        """What is wrong with a request."""

    @abstractmethod
    def events(self, said: Said, asked: Asked) -> Iterator[Event]:
        """An answer as it is streamed."""

    @abstractmethod
    def error(self, status: int, message: str) -> Json:
        """An error as the lab words it."""

    # -- how it travels

    async def answer(self, request: web.Request, asked: Asked) -> web.StreamResponse:
        """Answer one request for an answer."""
        asked.number = next(self._numbers)
        self.requests.append(asked)
        asked.violations.extend(self.faults_of(asked))
        if _HALF.search(json.dumps(asked.body, ensure_ascii=False)):
            asked.violations.append("The request body is not valid JSON: no low surrogate in string")
        if asked.violations:
            return self.refused(400, asked.violations[0])
        if asked.model not in self.models:
            return self.refused(404, self.no_model(asked.model))
        if complaint := self.strict(asked.body):
            return self.refused(400, complaint)
        said = self._next.popleft() if self._next else None
        fault = said if isinstance(said, Fault) else None
        if fault is not None and fault.status:
            wait = {} if fault.retry_after_s is None else {"retry-after": f"{fault.retry_after_s:g}"}
            return self.refused(fault.status, fault.message or f"Simulated error {fault.status}.", wait)
        whole = said if isinstance(said, Said) else _echo(asked)
        if whole.stays_open:
            fault = Fault(silent=True, after_words=1 << 30)
        return await self._stream(request, asked, list(self.events(_shortened(whole, asked), asked)), fault)

    def no_model(self, name: str) -> str:
        """What is said of a model that is not there."""
        return f"The model `{name}` does not exist."

    def refused(self, status: int, message: str, headers: dict[str, str] | None = None) -> web.Response:
        """An error as a response."""
        return web.json_response(self.error(status, message), status=status, headers=headers)

    async def _stream(
        self, request: web.Request, asked: Asked, events: list[Event], fault: Fault | None
    ) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/event-stream"})
        words = 0
        try:
            if fault is not None and fault.after_words == 0:
                await _strike(request, None, fault)
            await response.prepare(request)
            for event in events:
                await response.write(event.encoded())
                words += event.word
                if fault is not None and words >= fault.after_words:
                    await _strike(request, response, fault)
                    if not fault.raw:
                        break
                    fault = None
                if event.word and self._words_per_s:
                    await asyncio.sleep(1 / self._words_per_s)
            if fault is not None and fault.silent and words < fault.after_words:
                await _strike(request, response, fault)
            await response.write_eof()
            asked.finished = True
        except _CutError:
            pass
        except (asyncio.CancelledError, ConnectionError):
            if not self._closing and not asked.finished:
                asked.closed_early_at = time.monotonic()
            raise
        return response


def _echo(asked: Asked) -> Said:
    told = f"\n\nThe tools said: {' | '.join(asked.results)}" if asked.results else ""
    return Said(text=f"You said: {asked.last_user}{told}")


def _shortened(said: Said, asked: Asked) -> Said:
    pieces = PIECE.findall(said.text)
    if len(pieces) <= asked.most_tokens:
        return said
    return Said(text="".join(pieces[: asked.most_tokens]), end="length", usage=said.usage)


class _CutError(Exception):
    """The connection was cut on purpose."""


async def _strike(request: web.Request, response: web.StreamResponse | None, fault: Fault) -> None:
    if fault.silent:
        await asyncio.get_running_loop().create_future()
    if fault.raw and response is not None:
        await response.write(fault.raw)
    if fault.cut and request.transport is not None:
        request.transport.abort()
        raise _CutError
