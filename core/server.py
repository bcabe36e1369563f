"""The one HTTP server: it keeps out what should not come in, and hands the rest to whoever registered the path.

Nothing a web page elsewhere makes a browser do gets through: the name it was called by must be one of ours (DNS
rebinding), and whatever changes something must come from our own pages (forged requests). Bodies are capped, and every
answer forbids foreign content, framing and guessing at types. What is said on a path, and to whom, is its adapter's
affair; a webhook checks its own signature. A server that cannot listen says why, and everything else goes on.
"""

import errno
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import asynccontextmanager
from importlib.metadata import version
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import structlog

from core.config.settings import LOOPBACK
from core.config.settings import Server as ServerSettings
from core.errors import SettingsError
from core.site import Handler
from core.values import value

if TYPE_CHECKING:
    from aiohttp import web

log = structlog.get_logger(__name__)

_SAFE = frozenset({"GET", "HEAD"})
_WEBHOOKS = "/webhooks/"
_SHUTDOWN_S = 0.2  # for handlers to end, and as long again once they were told to
_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self';"
        " frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
}


@value
class Refusal:
    """Why a request goes no further: an HTTP status, a sentence for whoever reads it, and whether to ask again."""

    status: int
    why: str
    later: bool = False


@value
class _Route:
    pattern: str
    handler: Handler
    most_bytes: int


class Server:
    """Listens on one address. See ``Routes`` for what adapters see of it."""

    def __init__(self, settings: ServerSettings) -> None:
        self._settings = settings
        self._routes: dict[str, dict[str, _Route]] = {}
        self._why = "The HTTP server is not running yet."
        self._settled = False
        self._address = ""
        self._states: Callable[[], Mapping[str, str]] | None = None

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

    def settle(self, states: Callable[[], Mapping[str, str]]) -> None:
        """Everyone has registered; from now on it is known how the adapters (by name) are doing."""
        self._settled = True
        self._states = states

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """Listen while the block runs; it runs also where that is not possible, see ``trouble``."""
        from aiohttp import web  # noqa: PLC0415 - a third of a second, which a command beside the process spares

        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._answer)
        app.on_response_prepare.append(_protect)
        # No access log: the paths of one-time links and of files are secrets.
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=_SHUTDOWN_S)
        await runner.setup()
        try:
            await self._listen(runner, web.TCPSite(runner, self._settings.host, self._settings.port))
            yield
        finally:
            self._address, self._why = "", "The HTTP server is not running any more."
            await runner.cleanup()

    async def _listen(self, runner: "web.AppRunner", site: "web.TCPSite") -> None:
        host, port = self._settings.host, self._settings.port
        try:
            await site.start()
        except OSError as problem:
            self._why = _trouble(host, port, problem)
            log.error("http server off", reason=self._why)  # noqa: TRY400 - one calm line
            return
        port = runner.addresses[0][1]  # it may have been any free one
        self._address = f"http://{f'[{host}]' if ':' in host else host}:{port}"

    # -- a request

    async def _answer(self, request: "web.Request") -> "web.StreamResponse":
        from aiohttp import web  # noqa: PLC0415 - it is there by now

        found = self._admit(request.method, request.path, request.headers.getall("Host", []), request.headers)
        if isinstance(found, Refusal):
            again = {"Refresh": "1", "Retry-After": "1"} if found.later else {}
            return web.Response(status=found.status, text=f"{found.why}\n", headers=again)
        if found is None:
            return web.json_response(self._health())
        try:
            response: web.StreamResponse = await found.handler(request.clone(client_max_size=found.most_bytes))
        except (web.HTTPException, ConnectionError):
            raise
        except Exception:
            # A handler's bug costs its own request; the path itself may be secret, so its pattern is logged.
            log.exception("request failed", method=request.method, route=found.pattern)
            return web.Response(status=500, text="Something went wrong here. Please try again.\n")
        return response

    def _admit(self, method: str, path: str, hosts: list[str], headers: Mapping[str, str]) -> _Route | Refusal | None:
        """The route of a request that may go on, None for the health check."""
        if path == "/healthz" and method in _SAFE:  # whoever asks for it by a number is no browser led astray
            return None
        own = {host_of(urlsplit(self.url).netloc), self._settings.host, *LOOPBACK}
        if len(hosts) != 1 or host_of(hosts[0]) not in own:
            why = f"Waystation does not answer to this name. Open it as {self.url}, or set public_url in [server]."
            return Refusal(status=421, why=why)
        route = self._find(method, path)
        if isinstance(route, Refusal):
            return route
        origins = {self._settings.public_url, f"http://{hosts[0]}", f"https://{hosts[0]}"} - {""}
        refusal = forged(method, headers, origins, programs=path.startswith(_WEBHOOKS)) or too_large(
            headers, route.most_bytes
        )
        return refusal or route

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


# ---------------------------------------------------------------------------------------------------------------------
# Rules


def host_of(netloc: str) -> str:
    """The name in a Host header, small, without its port."""
    name = netloc.rpartition(":")[0] if not netloc.endswith("]") and ":" in netloc else netloc
    return name.strip("[]").lower()


def forged(method: str, headers: Mapping[str, str], origins: set[str], *, programs: bool) -> Refusal | None:
    """Refuse what another site made a browser ask for.

    Browsers say where a request comes from: by ``Origin`` on whatever may change something, and all current ones by
    ``Sec-Fetch-Site``, which no page can forge. A program says neither, and only a webhook is meant for programs.

    Args:
        origins: Ours. The scheme before the name we were called by is not known behind a proxy, so it is not compared.
    """
    origin, site = headers.get("Origin"), headers.get("Sec-Fetch-Site")
    foreign = Refusal(status=403, why="This request comes from another site.")
    if method in _SAFE:
        # Being opened by a link elsewhere is harmless; being embedded or read there is not.
        opened = headers.get("Sec-Fetch-Mode", "navigate") == "navigate"
        return foreign if site in {"cross-site", "same-site"} and not opened else None
    if site in {"cross-site", "same-site"} or origin not in {None, "null", *origins}:
        return foreign
    if programs or origin in origins or site == "same-origin":
        return None
    return Refusal(status=403, why="This request does not say where it comes from.")


def too_large(headers: Mapping[str, str], most_bytes: int) -> Refusal | None:
    """Refuse a body that says itself that it is too long; one that says nothing is counted while it is read."""
    length = headers.get("Content-Length", "0")
    if length.isascii() and length.isdecimal() and int(length[:20]) <= most_bytes:
        return None
    return Refusal(status=413, why=f"This is too large: at most {most_bytes:,} bytes are taken.")


async def _protect(_: "web.Request", response: "web.StreamResponse") -> None:
    """Headers every answer has; a handler's own are stricter and stay."""
    for name, text in _HEADERS.items():
        response.headers.setdefault(name, text)
    response.headers.setdefault("Cache-Control", "no-store")
    response.headers.pop("Server", None)


def _trouble(host: str, port: int, problem: OSError) -> str:
    mend = "or set another port in [server] (0 takes any free one)"
    match problem.errno:
        case errno.EADDRINUSE:
            return f"Port {port} on {host} is in use by another program: stop that one, {mend}."
        case errno.EACCES:
            return f"Port {port} on {host} is not for ordinary users to open: {mend.removeprefix('or ')}."
        case _:
            return f"Nothing can listen on {host}, port {port} ({problem.strerror}): check host and port in [server]."
