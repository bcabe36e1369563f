"""Connections of the HTTP server: how many there may be, how long each may take, and what a broken request is told.

aiohttp reads requests; what it lacks against strangers is here. By itself it waits for a request's head for ever, takes
any number of connections, unpacks bodies while it reads them, and logs and sends back what it could not read. Its
``RequestHandler`` is an ``asyncio.Protocol``: https://docs.python.org/3/library/asyncio-protocol.html#streaming-protocols.
"""

import asyncio
import ipaddress
from collections import Counter
from typing import Any

import structlog
from aiohttp import StreamReader, web
from aiohttp.web_request import BaseRequest
from aiohttp.web_response import StreamResponse

from core.server.admission import HEADERS
from core.server.limits import Limits
from core.server.rejections import Rejections

log = structlog.get_logger(__name__)

_UNREADABLE = (
    "This request could not be read. If your browser sent it, its address or its cookies may be too long: delete this"
    " site's cookies and try again.\n"
)
_TOO_LONG = "The head of this request is too long.\n"
_TOO_MANY = "There are too many connections. Please try again in a moment.\n"


class HttpConnections:
    """All open connections, and which of them are closed when there are too many.

    An idle one goes first, the one that has been idle for the longest; then the oldest whose request has not come
    whole. What is being answered stays. So whoever opens a connection and asks at once is answered, however many
    others do nothing.
    """

    def __init__(self, limits: Limits, rejections: Rejections) -> None:
        self.limits = limits
        self.rejections = rejections
        self._waiting: dict[HttpConnection, None] = {}  # in the order in which they began to wait
        self._busy: dict[HttpConnection, None] = {}
        self._peers: Counter[str] = Counter()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._busy)

    def admit(self, connection: "HttpConnection") -> bool:
        """Take in a new connection; False where there is no room and nothing to close."""
        peer = connection.peer
        if self._peers[peer] >= self.limits.max_peer_connections and not self._close_one(peer):
            return False
        if len(self) >= self.limits.max_connections and not self._close_one():
            return False
        self._peers[peer] += 1
        self._waiting[connection] = None
        return True

    def busy(self, connection: "HttpConnection") -> None:
        """A request has come on it."""
        if connection in self._waiting:
            del self._waiting[connection]
            self._busy[connection] = None

    def waits(self, connection: "HttpConnection") -> None:
        """All its requests are answered."""
        if connection in self._busy:
            del self._busy[connection]
            self._waiting[connection] = None

    def forget(self, connection: "HttpConnection") -> None:
        """It is closed."""
        if connection in self._waiting or connection in self._busy:
            self._waiting.pop(connection, None)
            self._busy.pop(connection, None)
            self._peers[connection.peer] -= 1
            if not self._peers[connection.peer]:
                del self._peers[connection.peer]

    def _close_one(self, peer: str = "") -> bool:
        """Close one connection, of this peer if one is given; False where all are being answered."""
        idle = (one for one in self._waiting if peer in {"", one.peer})
        unfinished = (one for one in self._busy if one.is_receiving and peer in {"", one.peer})
        one = next(idle, None) or next(unfinished, None)
        if one is None:
            return False
        one.drop("closed for a newer connection: there are too many")
        return True


class HttpConnection(web.RequestHandler):
    """One connection. It waits for a request, receives it, answers it, and waits again.

    Args:
        manager: aiohttp's part of the server.
    """

    __slots__ = (
        "_body_bytes",
        "_connections",
        "_head_bytes",
        "_limits",
        "_open",
        "_pending",
        "_stalled_s",
        "_timer",
        "_unread",
        "_unsent_bytes",
        "peer",
    )

    def __init__(self, manager: web.Server, connections: HttpConnections, loop: asyncio.AbstractEventLoop) -> None:
        limits = connections.limits
        # Bodies stay packed, since unpacking is done while they are read and before anybody has checked a signature;
        # ours is the timer for idle connections, and aiohttp's must not be earlier.
        super().__init__(
            manager,
            loop=loop,
            access_log=None,  # type: ignore[arg-type] # it is how aiohttp is told to have none
            auto_decompress=False,
            keepalive_timeout=2 * limits.idle_s,
            lingering_time=limits.head_s / 2,
        )
        self._connections = connections
        self._limits = limits
        self._open: asyncio.Transport | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._pending = 0  # requests that have come and are not answered
        self._head_bytes = 0
        self._body_bytes = 0  # since the last look
        self._unread: StreamReader | None = None
        self._unsent_bytes = 0
        self._stalled_s = 0.0
        self.peer = ""

    @property
    def is_receiving(self) -> bool:
        """Whether a request has not come whole: the one being answered, or one that was answered before its end."""
        content = self._current_request.content if self._current_request is not None else self._unread
        return content is not None and not content.is_eof()

    def drop(self, reason: str) -> None:
        """Close it at once, and count that."""
        self._connections.rejections.count(reason)
        self._connections.forget(self)
        if self._open is not None:
            self._open.abort()

    # -- what the loop calls

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """See ``asyncio.Protocol``."""
        super().connection_made(transport)
        self._open = self.transport
        self.peer = _peer(transport.get_extra_info("peername"))
        if not self._connections.admit(self):
            self._refuse(503, _TOO_MANY, "too many connections")
            return
        self._wait(self._limits.head_s, self._expire)

    def connection_lost(self, exc: BaseException | None) -> None:
        """See ``asyncio.Protocol``."""
        self._connections.forget(self)
        if self._timer is not None:
            self._timer.cancel()
        self._open = None
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """See ``asyncio.Protocol``."""
        if self._force_close or self._close:
            return
        before, in_body = self._request_count, self._pending > 0 or self.is_receiving
        try:
            super().data_received(data)
        except Exception:  # noqa: BLE001 - whatever it is, asyncio would log it with what the stranger sent
            self.drop("the request is not HTTP")
            return
        if arrived := self._request_count - before:
            self._head_bytes = 0
            self._begin(arrived)
        elif in_body:
            self._body_bytes += len(data)
        elif data:
            self._read_head(len(data))

    def _read_head(self, count: int) -> None:
        if not self._head_bytes:
            self._wait(self._limits.head_s, self._drip)
        self._head_bytes += count
        if self._head_bytes > self._limits.max_head_bytes:
            self._refuse(431, _TOO_LONG, "the head of the request is too long")

    def _begin(self, arrived: int) -> None:
        if not self._pending:
            self._connections.busy(self)
            self._body_bytes = self._unsent_bytes = 0
            self._stalled_s = 0.0
            self._wait(self._limits.watch_s, self._watch)
        self._pending += arrived

    # -- what aiohttp calls

    async def finish_response(
        self, request: BaseRequest, resp: StreamResponse, start_time: float | None
    ) -> tuple[StreamResponse, bool]:
        """See ``web.RequestHandler``: the answer is written."""
        try:
            return await super().finish_response(request, resp, start_time)
        finally:
            self._pending = max(0, self._pending - 1)
            self._unread = request.content  # of which aiohttp reads the rest for a while, to close in good order
            if not self._pending and self._open is not None:
                self._connections.waits(self)
                self._wait(self._limits.idle_s, self._expire)

    def handle_error(
        self,
        request: BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> StreamResponse:
        """See ``web.RequestHandler``: what could not be read is neither logged nor sent back.

        Raises:
            ConnectionError: Always, which tells aiohttp that there is nothing left to send.
        """
        del request, message
        if status == web.HTTPBadRequest.status_code:
            self._refuse(status, _UNREADABLE, "the request is not HTTP, or its head is too long")
        else:
            log.error("request failed", kind=type(exc).__name__, status=status)
            self.drop("the server failed")
        raise ConnectionError("The connection is closed.")

    def log_exception(self, *args: Any, exc_info: object = None, **kw: Any) -> None:  # noqa: ANN401 - as overridden
        """See ``web.RequestHandler``: the kind of an error alone, since its text may repeat what was sent."""
        del args, kw
        self._connections.rejections.count(f"the connection failed ({type(exc_info).__name__})")

    # -- time

    def _wait(self, seconds: float, then: Any) -> None:  # noqa: ANN401 - one of the methods below
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, then)

    def _expire(self) -> None:
        """Close an idle connection. Browsers open some ahead of time and ask nothing, so it is not counted."""
        self._connections.forget(self)
        if self._open is not None:
            self._open.abort()

    def _drip(self) -> None:
        self.drop("the head of the request came too slowly")

    def _watch(self) -> None:
        """Look at a body that is coming and at an answer that is being sent."""
        transport = self._open
        if transport is None:
            return
        if self.is_receiving and transport.is_reading() and self._body_bytes < self._limits.min_body_bytes:
            self.drop("the body came too slowly")
            return
        unsent = transport.get_write_buffer_size()
        stalls = unsent and unsent >= self._unsent_bytes > 0
        self._stalled_s = self._stalled_s + self._limits.watch_s if stalls else 0.0
        if self._stalled_s >= self._limits.stalled_s:
            self.drop("the answer was not read")
            return
        self._body_bytes, self._unsent_bytes = 0, unsent
        self._wait(self._limits.watch_s, self._watch)

    # -- refusing

    def _refuse(self, status: int, text: str, reason: str) -> None:
        """Answer what never became a request, and close once that is sent."""
        self._connections.rejections.count(reason)
        self._connections.forget(self)
        transport = self._open
        if transport is not None:
            transport.write(_raw(status, text))
            self.force_close()
            self._wait(self._limits.head_s, transport.abort)


def _raw(status: int, text: str) -> bytes:
    """A whole answer, for where there is no request that aiohttp could answer."""
    fields = {**HEADERS, "Content-Type": "text/plain; charset=utf-8", "Content-Length": str(len(text.encode()))}
    head = "".join(f"{name}: {field}\r\n" for name, field in {**fields, "Connection": "close"}.items())
    return f"HTTP/1.1 {status} Refused\r\n{head}\r\n{text}".encode()


def _peer(peername: Any) -> str:  # noqa: ANN401 - as the system says it
    """Whose connection it is: an address, of IPv6 the network of one household, "" for none."""
    if not isinstance(peername, tuple):
        return ""
    address = ipaddress.ip_address(str(peername[0]).partition("%")[0])
    return str(address) if address.version == 4 else address.packed[:8].hex()  # noqa: PLR2004 - the version's number
