"""Listening, and answering each request: by its route's handler, or with the reason why not.

A server that cannot listen says why, and everything else goes on. A port that nobody chose may be busy: then the next
one is taken, and ``url`` says which.
"""

import asyncio
import errno
import traceback
from collections.abc import AsyncGenerator, Callable, Generator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import structlog

from core.config.settings import LOOPBACK
from core.config.settings import Server as ServerSettings
from core.errors import RequestRejected, SettingsError
from core.server.admission import HEADERS, SAFE, Refusal, forged, host_of, packed, too_large, too_long
from core.server.limits import Limits, limits_of
from core.server.rejections import Rejections
from core.site import Handler
from core.values import value

if TYPE_CHECKING:
    from aiohttp import web

log = structlog.get_logger(__name__)

_WEBHOOKS: Final = "/webhooks/"
_SHUTDOWN_S: Final = 0.2  # for handlers to end, and as long again once they were told to
_NEXT_PORTS: Final = 20
_SMALL_BYTES: Final = 64 * 1024
_USUAL: Final = frozenset({404, 405, 503})
"""What people's browsers and our own start bring about: not counted as rejections."""


@value
class _Route:
    pattern: str
    handler: Handler
    most_bytes: int


class Server:
    """Listens on one address. See ``Routes`` for what adapters see of it.

    Args:
        limits: What strangers may take; None for what the settings say.
    """

    def __init__(self, settings: ServerSettings, limits: Limits | None = None) -> None:
        self._settings = settings
        self._limits = limits
        self._routes: dict[str, dict[str, _Route]] = {}
        self._why = "The HTTP server is not running yet."
        self._settled = False
        self._address = ""
        self._states: Callable[[], Mapping[str, str]] | None = None
        self._waiting_bytes = 0
        self.rejections = Rejections()

    # -- what adapters see

    @property
    def url(self) -> str:
        """See ``Routes``."""
        return self._settings.public_url or self._address

    @property
    def public_url(self) -> str:
        """See ``Routes``."""
        return self._settings.public_url

    def add(self, method: str, path: str, handler: Handler, *, most_bytes: int = 1 << 20) -> None:
        """See ``Routes``."""
        if not self._address:
            raise SettingsError("The HTTP server is off, over which it would be reached.")
        route = _Route(pattern=path, handler=handler, most_bytes=most_bytes)
        self._routes.setdefault(path, {})[method] = route

    # -- what the composition root sees

    @property
    def trouble(self) -> str:
        """Why it does not listen, "" where it does."""
        return "" if self._address else self._why

    def is_own(self, url: str) -> bool:
        """Whether it is this server that answers at an address."""
        own, there = urlsplit(self._address), urlsplit(url)
        near = there.hostname in {own.hostname, *LOOPBACK} and there.port == own.port
        return bool(self._address) and (near or f"{there.scheme}://{there.netloc}" == self._settings.public_url)

    def settle(self, states: Callable[[], Mapping[str, str]]) -> None:
        """Everyone has registered; from now on it is known how the adapters (by name) are doing."""
        self._settled = True
        self._states = states

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """Listen while the block runs; it runs also where that is not possible, see ``trouble``."""
        from aiohttp import web  # noqa: PLC0415 - a third of a second, which a command beside the process spares

        from core.server.connections import HttpConnection, HttpConnections  # noqa: PLC0415 - likewise

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer, expect_handler=self._expected)
        app.on_response_prepare.append(_protect)
        runner = web.AppRunner(app, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        connections = HttpConnections(self._limits or limits_of(self._settings), self.rejections)
        self._limits = connections.limits

        def connected(loop: asyncio.AbstractEventLoop) -> HttpConnection:
            assert runner.server is not None  # noqa: S101 - it is there between setup and cleanup
            return HttpConnection(runner.server, connections, loop)

        listener = await self._listen(connected)
        try:
            yield
        finally:
            self._address, self._why = "", "The HTTP server is not running any more."
            if listener is not None:
                listener.close()
            await runner.cleanup()
            self.rejections.close()

    async def _listen(
        self, connected: Callable[[asyncio.AbstractEventLoop], asyncio.Protocol]
    ) -> asyncio.Server | None:
        loop, host = asyncio.get_running_loop(), self._settings.host
        for port in self._ports():
            try:
                listener = await loop.create_server(lambda: connected(loop), host, port, backlog=512)
            except OSError as problem:
                self._why = _trouble(host, port, problem)
                if problem.errno != errno.EADDRINUSE:
                    break
            else:
                taken = listener.sockets[0].getsockname()[1]  # 0 asks for any free one
                self._address = f"http://{f'[{host}]' if ':' in host else host}:{taken}"
                return listener
        log.error("http server off", reason=self._why)
        return None

    def _ports(self) -> Iterator[int]:
        """The configured port alone; those after it only where nobody, and no proxy, counts on that one."""
        first = self._settings.port
        yield first
        if not self._settings.is_port_chosen:
            yield from range(first + 1, first + _NEXT_PORTS)

    # -- a request

    async def _expected(self, request: "web.Request") -> "web.StreamResponse | None":
        """Answer ``Expect``: a body is asked for only where it would be taken."""
        from aiohttp import web  # noqa: PLC0415 - it is there by now

        found = self._admitted(request)
        if isinstance(found, Refusal):
            return self._refused(found)
        if request.headers.get("Expect", "").lower() != "100-continue":
            return web.Response(status=417, text="This expectation is not met here.\n")
        await request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        request.writer.output_size = 0  # the answer itself has not begun
        return None

    async def _answer(self, request: "web.Request") -> "web.StreamResponse":
        from aiohttp import web  # noqa: PLC0415 - it is there by now

        found = self._admitted(request)
        if isinstance(found, Refusal):
            return self._refused(found)
        if found is None:
            return web.json_response(self._health())
        try:
            with self._memory_for(request, found):
                response: web.StreamResponse = await found.handler(request.clone(client_max_size=found.most_bytes))
        except RequestRejected as rejected:
            self.rejections.count(str(rejected), found.pattern)
            return web.Response(status=rejected.status)
        except web.HTTPRequestEntityTooLarge:
            return self._refused(too_long(found.most_bytes))
        except web.RequestPayloadError:
            return self._refused(Refusal(status=400, why="The body of this request could not be read."))
        except (web.HTTPException, ConnectionError):
            raise
        except Exception as problem:  # noqa: BLE001 - a handler's bug costs its own request
            # Its path may be secret and its text may repeat what was sent: the pattern and the places are logged.
            log.error("request failed", method=request.method, route=found.pattern, stack=_places(problem))  # noqa: TRY400
            if request.writer.output_size:
                raise ConnectionError("An answer has begun already.") from None
            return web.Response(status=500, text="Something went wrong here. Please try again.\n")
        return response

    def _admitted(self, request: "web.Request") -> _Route | Refusal | None:
        return self._admit(request.method, request.path, request.headers.getall("Host", []), request.headers)

    def _refused(self, refusal: Refusal) -> "web.Response":
        from aiohttp import web  # noqa: PLC0415 - it is there by now

        if refusal.status not in _USUAL:
            self.rejections.count(refusal.why)
        again = {"Refresh": "1", "Retry-After": "1"} if refusal.later else {}
        return web.Response(status=refusal.status, text=f"{refusal.why}\n", headers=again)

    def _admit(self, method: str, path: str, hosts: list[str], headers: Mapping[str, str]) -> _Route | Refusal | None:
        """The route of a request that may go on, None for the health check."""
        if path == "/healthz" and method in SAFE:  # whoever asks for it by a number is no browser led astray
            return None
        own = {host_of(urlsplit(self.url).netloc), self._settings.host, *LOOPBACK}
        if len(hosts) != 1 or host_of(hosts[0]) not in own:
            why = f"Waystation does not answer to this name. Open it as {self.url}, or set public_url in [server]."
            return Refusal(status=421, why=why)
        route = self._find(method, path)
        if isinstance(route, Refusal):
            return route
        origins = {self._settings.public_url, f"http://{hosts[0]}", f"https://{hosts[0]}"} - {""}
        refusal = (
            forged(method, headers, origins, programs=path.startswith(_WEBHOOKS))
            or packed(headers)
            or too_large(headers, route.most_bytes)
        )
        return refusal or route

    @contextmanager
    def _memory_for(self, request: "web.Request", route: _Route) -> Generator[None]:
        """Hold memory for a body of which nobody knows yet who sent it.

        Raises:
            RequestRejected: Such bodies take up all there is. Small ones are always let in.
        """
        claimed = 0
        if route.pattern.startswith(_WEBHOOKS):
            length = request.content_length
            claimed = route.most_bytes if length is None and request.can_read_body else length or 0
        claimed = claimed if claimed > _SMALL_BYTES else 0
        assert self._limits is not None  # noqa: S101 - it is set before anybody can ask
        if claimed and self._waiting_bytes + claimed > self._limits.max_waiting_bytes:
            raise RequestRejected(503, "too many large bodies at a time")
        self._waiting_bytes += claimed
        try:
            yield
        finally:
            self._waiting_bytes -= claimed

    def _find(self, method: str, path: str) -> _Route | Refusal:
        below = (routes for name, routes in self._routes.items() if name.endswith("*") and path.startswith(name[:-1]))
        routes = self._routes.get(path) or next(below, None)
        if routes is None and not self._settled:
            return Refusal(status=503, why="Waystation is starting …", later=True)
        if routes is None:
            return Refusal(status=404, why="There is nothing here.")
        return routes.get(method) or Refusal(status=405, why="This cannot be done here.")

    def _health(self) -> dict[str, object]:
        states = dict(self._states()) if self._states else {}
        return {"ok": self._settled, "version": version("waystation"), "adapters": states}


async def _protect(_: "web.Request", response: "web.StreamResponse") -> None:
    """Headers every answer has; a handler's own are stricter and stay."""
    for name, text in HEADERS.items():
        response.headers.setdefault(name, text)
    response.headers.pop("Server", None)


def _places(problem: BaseException) -> str:
    """Where an exception came from, and of which kind it and its causes are, without what they say."""
    told: list[str] = []
    seen: set[int] = set()
    one: BaseException | None = problem
    while one is not None and id(one) not in seen:
        seen.add(id(one))
        frames = traceback.extract_tb(one.__traceback__)
        told.append("\n".join([type(one).__name__, *(f"  {at.filename}:{at.lineno} in {at.name}" for at in frames)]))
        one = one.__cause__ or one.__context__
    return "\nbecause of ".join(told)


def _trouble(host: str, port: int, problem: OSError) -> str:
    mend = "or set another port in [server] (0 takes any free one)"
    match problem.errno:
        case errno.EADDRINUSE:
            return f"Port {port} on {host} is in use by another program: stop that one, {mend}."
        case errno.EACCES:
            return f"Port {port} on {host} is not for ordinary users to open: {mend.removeprefix('or ')}."
        case _:
            return f"Nothing can listen on {host}, port {port} ({problem.strerror}): check host and port in [server]."
