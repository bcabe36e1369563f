"""What strangers can do to the HTTP server before anything is known of them: little, and it tells nobody's secrets."""

import asyncio
import gzip
import logging
import socket
import tracemalloc
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace
from http import HTTPStatus

import pytest
from aiohttp import ClientSession, web
from hypothesis import given, settings
from hypothesis import strategies as st
from structlog.testing import capture_logs

from core.config.settings import Server as Settings
from core.errors import RequestRejected
from core.server import Server
from core.server.admission import HEADERS
from core.server.bodies import read_body
from core.server.limits import Limits, limits_of, raise_file_limit
from core.server.rejections import Rejections

SECRET = "c0ffee-session-of-the-owner"
SHORT = Limits(head_s=0.1, idle_s=0.1)
QUICK = Limits(
    max_connections=20, max_peer_connections=20, head_s=0.3, idle_s=0.6, watch_s=0.1, min_body_bytes=10, stalled_s=0.3
)
BIG = 8 << 20


async def hello(request: web.Request) -> web.Response:
    """Say how much came."""
    return web.Response(text=str(len(await request.read())))


async def webhook(request: web.Request) -> web.Response:
    """A webhook that never finds a signature."""
    await read_body(request, max_bytes=1 << 20, within_s=5.0)
    raise RequestRejected(403, "the signature is wrong")


async def big(_: web.Request) -> web.Response:
    """A long answer."""
    return web.Response(body=bytes(BIG))


async def buggy(request: web.Request) -> web.Response:
    """A handler whose error repeats what was sent, and names it as its cause."""
    known: dict[str, web.Response] = {}
    try:
        return known[request.path]
    except KeyError as error:
        raise ValueError(str(dict(request.headers)) + (await request.text())) from error


@asynccontextmanager
async def serving(limits: Limits = QUICK) -> AsyncGenerator[Server]:
    """A server on any free port."""
    server = Server(Settings(port=0), limits)
    async with server.listening():
        server.add("POST", "/hello", hello, most_bytes=1 << 20)
        server.add("GET", "/hello", hello)
        server.add("GET", "/big", big)
        server.add("GET", "/buggy/*", buggy)
        server.add("POST", "/buggy/*", buggy)
        server.add("POST", "/webhooks/someone", webhook, most_bytes=1 << 20)
        server.settle(dict)
        yield server


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """One that listens."""
    async with serving() as opened:
        yield opened


@pytest.fixture
async def hasty() -> AsyncIterator[Server]:
    """One that closes what says nothing almost at once."""
    async with serving(SHORT) as opened:
        yield opened


class Raw:
    """A connection without any manners."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer

    async def send(self, data: bytes) -> None:
        """Send bytes as they are."""
        self.writer.write(data)
        await self.writer.drain()

    async def drip(self, data: bytes, every_s: float) -> None:
        """Send byte after byte, until the other side closes or all is sent."""
        for number in range(len(data)):
            await self.send(data[number : number + 1])
            await asyncio.sleep(every_s)

    async def answer(self, within_s: float = 5.0) -> bytes:
        """All that comes until the other side closes, or for so long."""
        got = bytearray()
        with suppress(ConnectionError, TimeoutError):
            async with asyncio.timeout(within_s):
                while piece := await self.reader.read(65536):
                    got += piece
        return bytes(got)

    async def is_closed(self, within_s: float = 5.0) -> bool:
        """Whether the other side closes it in time."""
        await self.answer(within_s)
        return self.reader.at_eof() or self.reader.exception() is not None


@asynccontextmanager
async def connected(server: Server) -> AsyncGenerator[Raw]:
    """Connect to a server."""
    host, port = server.url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        yield Raw(reader, writer)
    finally:
        writer.close()


def get(path: str = "/hello", *fields: str) -> bytes:
    """A request."""
    return "\r\n".join([f"GET {path} HTTP/1.1", "Host: 127.0.0.1", "Connection: close", *fields, "", ""]).encode()


async def healthy(server: Server) -> bool:
    """Whether the health check is answered."""
    async with ClientSession() as session, asyncio.timeout(5), session.get(f"{server.url}/healthz") as response:
        return response.status == HTTPStatus.OK


# --- nothing of a request is told ------------------------------------------------------------------------------------

HOST = b"Host: 127.0.0.1\r\n"
POST = "POST /hello HTTP/1.1\r\nSec-Fetch-Site: same-origin"


def written(line: str, *fields: str, body: str = "") -> bytes:
    """A request to our name, with whatever somebody puts into it."""
    return "\r\n".join([line, "Host: 127.0.0.1", *fields, "", body]).encode("latin-1")


GET = "GET /hello HTTP/1.1"
COOKIE = f"Cookie: {SECRET}"
BROKEN = {
    "a cookie of 8 kB": written(GET, f"Cookie: s={SECRET}; x={'x' * 8192}"),
    "an overlong link": written(f"GET /enter/{SECRET}{'x' * 9000} HTTP/1.1"),
    "an overlong query": written(f"GET /log?c={SECRET}{'x' * 9000} HTTP/1.1"),
    "a control character in a field": written(GET, f"{COOKIE}\x01"),
    "a control character in a path": written(f"GET /enter/{SECRET}\x01 HTTP/1.1"),
    "a NUL in a field": written(GET, f"{COOKIE}\x00"),
    "a bare line feed": f"GET / HTTP/1.1\n{COOKIE}\n\n".encode(),
    "a field without a name": written(GET, f": {SECRET}"),
    "a space in a name": written(GET, f"Cookie {SECRET}: x"),
    "a folded field": written(GET, f"Cookie: a\r\n {SECRET}"),
    "an unknown method": written(f"{SECRET} / HTTP/1.1"),
    "an unknown version": written(f"GET /enter/{SECRET} HTTP/9.9"),
    "no version": f"GET /enter/{SECRET}\r\n\r\n".encode(),
    "no host": f"GET /enter/{SECRET} HTTP/1.1\r\n{COOKIE}\r\n\r\n".encode(),
    "two hosts": written(GET, "Host: 127.0.0.1", COOKIE),
    "two lengths": written(GET, "Content-Length: 1", "Content-Length: 2", COOKIE),
    "a length and chunks": written(POST, "Content-Length: 1", "Transfer-Encoding: chunked", COOKIE),
    "a length that is a word": written(POST, f"Content-Length: {SECRET}"),
    "an endless length": written(POST, f"Content-Length: {'9' * 40}", COOKIE),
    "a strange encoding": written(POST, f"Transfer-Encoding: {SECRET}"),
    "bad chunks": written(POST, "Transfer-Encoding: chunked", body=f"{SECRET}\r\n\r\n"),
    "too many fields": written(GET, *[f"X: {SECRET}"] * 200),
    "an odd expectation": written(POST, f"Expect: {SECRET}"),
    "an old socket key": written(GET, f"Sec-WebSocket-Key1: {SECRET}"),
    "an upgrade": written(GET, "Connection: Upgrade", "Upgrade: websocket", COOKIE, body=f"{SECRET}\r\n\r\n"),
    "another server's name": written(f"GET http://{SECRET}@[::1/{SECRET} HTTP/1.1"),
    "an address without a host": written(f"GET {SECRET} HTTP/1.1"),
    "a tunnel": written(f"CONNECT {SECRET}:x HTTP/1.1"),
    "a star": written("OPTIONS * HTTP/1.1", COOKIE),
    "the beginning of TLS": b"\x16\x03\x01\x02\x00\x01" + SECRET.encode() + b"\r\n\r\n",
    "another protocol": f"SSH-2.0-{SECRET}\r\n".encode(),
    "a second request behind a good one": written(GET) + f"x{SECRET} \r\n\r\n".encode(),
    "letters that are none": written(f"GET /enter/\xff\xfe{SECRET} HTTP/1.1"),
    "a handler's error": written(f"GET /buggy/{SECRET}?q={SECRET} HTTP/1.1", COOKIE),
    "a handler's error with a body": written(
        POST.replace("/hello", "/buggy/x"), f"Content-Length: {len(SECRET)}", body=SECRET
    ),
    "a packed body": written(POST, f"Content-Encoding: {SECRET}", "Content-Length: 3", body="abc"),
    "a strange origin": written("POST /hello HTTP/1.1", f"Origin: https://{SECRET}"),
    "a name that is not ours": f"GET / HTTP/1.1\r\nHost: {SECRET}\r\n\r\n".encode(),
    "an odd type": written(POST, f"Content-Type: {SECRET};;=", "Content-Length: 0"),
}
SILENT = {"another protocol"}
"""What is no request at all may be closed without an answer."""


async def told(server: Server, data: bytes, caplog: pytest.LogCaptureFixture) -> tuple[bytes, str]:
    """What a client is answered, and what is logged about it."""
    caplog.set_level(logging.DEBUG)
    with capture_logs() as logs:
        async with connected(server) as raw:
            await raw.send(data)
            answer = await raw.answer()
        server.rejections.close()
    return answer, caplog.text + str(logs)


@pytest.mark.parametrize("kind", BROKEN)
async def test_nothing_of_a_broken_request_is_logged_or_sent_back(
    hasty: Server, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """A request that cannot be read may hold a session or a link all the same; it is counted, and that is all."""
    answer, log = await told(hasty, BROKEN[kind], caplog)
    assert SECRET not in log
    assert SECRET not in answer.decode("latin-1")
    assert "Traceback" not in log
    assert kind in SILENT or answer


@pytest.mark.parametrize("kind", BROKEN)
async def test_each_error_page_has_the_headers_of_all_others(
    hasty: Server, caplog: pytest.LogCaptureFixture, kind: str
) -> None:
    """Also those that aiohttp makes by itself."""
    answer, _ = await told(hasty, BROKEN[kind], caplog)
    head = answer.rpartition(b"HTTP/1.1 ")[2].partition(b"\r\n\r\n")[0].decode("latin-1").lower()
    if kind not in SILENT:
        assert all(f"{name}: ".lower() in head for name in HEADERS), head
        assert "server: " not in head


@settings(max_examples=60, deadline=None)
@given(
    before=st.binary(max_size=40), inside=st.binary(max_size=40), after=st.binary(max_size=60), place=st.integers(0, 4)
)
async def test_no_bytes_at_all_make_it_talk(before: bytes, inside: bytes, after: bytes, place: int) -> None:
    """Whatever is put wherever in a request that holds a secret."""
    parts = [b"GET /enter/", SECRET.encode(), b" HTTP/1.1\r\n" + HOST + b"Cookie: ", SECRET.encode(), b"\r\n\r\n"]
    parts.insert(place, before + SECRET.encode() + inside)
    async with serving(SHORT) as server:
        with capture_logs() as logs:
            async with connected(server) as raw:
                await raw.send(b"".join(parts) + after)
                answer = await raw.answer(within_s=0.05)
    assert SECRET not in str(logs)
    assert SECRET.encode() not in answer


async def test_a_handlers_error_is_logged_by_kind_and_place(hasty: Server, caplog: pytest.LogCaptureFixture) -> None:
    """Enough to find the bug by, and not a word of what it says."""
    _, log = await told(hasty, BROKEN["a handler's error"], caplog)
    assert "ValueError" in log
    assert "KeyError" in log
    assert "in buggy" in log
    assert "/buggy/*" in log


# --- time ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent",
    [b"", b"GET /hel", b"GET /hello HTTP/1.1\r\nHost: 127.0.0.1\r\nX: ", b"\r\n\r\n", b"POST"],
    ids=["nothing", "half a line", "half a field", "empty lines", "a method"],
)
async def test_half_a_head_is_not_waited_for(server: Server, sent: bytes) -> None:
    """A connection that says nothing, or never comes to the end, is closed."""
    async with connected(server) as raw:
        await raw.send(sent)
        assert await raw.is_closed(within_s=3.0)


async def test_a_head_that_drips_is_not_waited_for(server: Server) -> None:
    """However lively it looks: the time is for the whole head."""
    async with connected(server) as raw:
        with pytest.raises(ConnectionError):
            await raw.drip(get("/" + "x" * 5000), every_s=0.01)
        assert server.rejections.total == {"the head of the request came too slowly": 1}


async def test_a_head_that_drips_behind_an_answer_is_not_waited_for_either(server: Server) -> None:
    """A connection that has asked once is no better."""
    async with connected(server) as raw:
        await raw.send(get().replace(b"close", b"keep-alive"))
        assert b"200" in await raw.reader.readuntil(b"\r\n\r\n0")
        with pytest.raises(ConnectionError):
            await raw.drip(get("/" + "x" * 5000), every_s=0.01)


async def test_an_idle_connection_is_kept_for_a_while_and_then_closed(server: Server) -> None:
    """As long as the next request may come soon, it saves opening another."""
    async with connected(server) as raw:
        for _ in range(3):
            await raw.send(get().replace(b"close", b"keep-alive"))
            assert b"200" in await raw.reader.readuntil(b"\r\n\r\n0")
            await asyncio.sleep(0.35)  # longer than a head may take
        assert await raw.is_closed(within_s=3.0)


async def test_a_body_that_drips_is_not_waited_for(server: Server) -> None:
    """The rate counts: whoever sends a few bytes now and then holds a connection for nothing."""
    async with connected(server) as raw:
        await raw.send(written(POST, "Content-Length: 1000"))
        with pytest.raises(ConnectionError):
            await raw.drip(b"x" * 200, every_s=0.02)
        assert server.rejections.total == {"the body came too slowly": 1}


async def test_a_slow_body_that_goes_on_is_taken(server: Server) -> None:
    """A telephone in a train is slow, and no attack."""
    async with connected(server) as raw:
        await raw.send(written(POST, "Content-Length: 1500", "Connection: close"))
        for _ in range(15):
            await raw.send(b"x" * 100)
            await asyncio.sleep(0.05)
        assert (await raw.answer()).endswith(b"1500")


async def test_an_answer_that_nobody_reads_is_given_up(server: Server) -> None:
    """It would lie in memory for ever."""
    host, port = server.url.removeprefix("http://").split(":")
    with socket.socket() as lazy:
        lazy.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        lazy.setblocking(False)
        await asyncio.get_running_loop().sock_connect(lazy, (host, int(port)))
        await asyncio.get_running_loop().sock_sendall(lazy, get("/big"))
        await asyncio.sleep(1.5)  # five times as long as it is waited for
    assert server.rejections.total == {"the answer was not read": 1}


async def test_an_answer_that_is_read_slowly_is_sent_to_its_end(server: Server) -> None:
    """Slow is no attack either."""
    async with connected(server) as raw:
        await raw.send(get("/big"))
        got = 0
        while piece := await raw.reader.read(256 * 1024):
            got += len(piece)
            await asyncio.sleep(0.03)
    assert got > BIG


# --- number ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "sent", [b"", b"GET /he", get().replace(b"close", b"keep-alive")], ids=["silent", "half", "idle"]
)
async def test_any_number_of_connections_keeps_nobody_out(sent: bytes) -> None:
    """The longest idle goes for the newest, so that whoever asks at once is answered."""
    async with serving(replace(QUICK, head_s=30.0, idle_s=30.0)) as server:
        others = []
        try:
            for _ in range(60):
                manager = connected(server)
                raw = await manager.__aenter__()
                await raw.send(sent)
                others.append((manager, raw))
            assert await healthy(server)
            assert await others[0][1].is_closed()
            assert not await others[-1][1].is_closed(within_s=0.2)
            assert sum(server.rejections.total.values()) >= 40
        finally:
            for manager, _ in others:
                await manager.__aexit__(None, None, None)


async def test_bodies_that_never_end_keep_nobody_out() -> None:
    """Where none is idle, the oldest goes whose request has not come whole."""
    head = written(POST, "Content-Length: 1000")
    async with serving(replace(QUICK, watch_s=30.0)) as server:
        others = []
        try:
            for _ in range(40):
                manager = connected(server)
                raw = await manager.__aenter__()
                await raw.send(head)
                others.append(manager)
                await asyncio.sleep(0)
            assert await healthy(server)
        finally:
            for manager in others:
                await manager.__aexit__(None, None, None)


async def test_what_is_being_answered_is_not_closed_for_others() -> None:
    """A stream of news stays open, whatever strangers do."""

    async def stream(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b"first")
        await asyncio.sleep(1.0)
        await response.write(b"last")
        return response

    async with serving(replace(QUICK, max_connections=5, max_peer_connections=5)) as server:
        server.add("GET", "/stream", stream)
        async with connected(server) as mine:
            await mine.send(get("/stream"))
            assert b"first" in await mine.reader.readuntil(b"first")
            for _ in range(20):
                async with connected(server) as other:
                    await other.send(b"GET")
            assert b"last" in await mine.answer()


async def test_where_all_are_being_answered_one_more_is_told_so() -> None:
    """In a sentence, with the headers of every other answer."""
    over = asyncio.Event()

    async def wait(_: web.Request) -> web.Response:
        await over.wait()
        return web.Response(text="done")

    async with serving(replace(QUICK, max_connections=3, max_peer_connections=3)) as server:
        server.add("GET", "/wait", wait)
        async with connected(server) as one, connected(server) as two, connected(server) as three:
            for raw in (one, two, three):
                await raw.send(get("/wait"))
            await asyncio.sleep(0.05)
            async with connected(server) as fourth:
                answer = await fourth.answer()
            assert answer.startswith(b"HTTP/1.1 503 ")
            assert all(name.encode() in answer for name in HEADERS)
            over.set()
            assert b"done" in await one.answer()


def test_one_address_holds_a_part_of_all_unless_it_is_a_proxys() -> None:
    """Behind a proxy everybody has the same one."""
    assert limits_of(Settings(max_connections=400)).max_peer_connections == 100
    proxied = limits_of(Settings(max_connections=400, public_url="https://chat.example.org"))
    assert proxied.max_peer_connections == 400
    assert limits_of(Settings(max_connections_per_address=7)).max_peer_connections == 7


def test_connections_leave_files_for_everything_else() -> None:
    """The store, the control socket and the platforms need some, whatever the system allows."""
    allowed = raise_file_limit()
    assert limits_of(Settings(max_connections=10**6)).max_connections <= max(16, allowed - 200)


# --- memory ----------------------------------------------------------------------------------------------------------


async def test_a_compressed_body_is_refused_unopened(server: Server) -> None:
    """Three kilobytes may be three megabytes: nothing is unpacked before it is known who sent it."""
    bomb = gzip.compress(bytes(3 << 20))
    tracemalloc.start()
    try:
        async with ClientSession() as session:
            before = tracemalloc.get_traced_memory()[0]
            tracemalloc.reset_peak()
            for path in ("/webhooks/someone", "/hello"):
                for encoding in ("gzip", "GZIP", "deflate", "br", "zstd", "gzip, gzip", "x-gzip", "nonsense"):
                    headers = {"Content-Encoding": encoding, "Origin": server.url}
                    async with session.post(server.url + path, data=bomb, headers=headers) as response:
                        assert response.status == HTTPStatus.UNSUPPORTED_MEDIA_TYPE
            assert tracemalloc.get_traced_memory()[1] - before < 2 << 20
    finally:
        tracemalloc.stop()


async def test_a_body_that_says_it_is_not_compressed_is_taken(server: Server) -> None:
    """As it is."""
    async with ClientSession() as session:
        headers = {"Content-Encoding": "identity", "Origin": server.url}
        async with session.post(f"{server.url}/hello", data=b"12345", headers=headers) as response:
            assert await response.text() == "5"


async def test_unsigned_bodies_share_a_bounded_memory() -> None:
    """Large ones wait for each other to end; a small one, as platforms send, always finds room."""
    async with serving(replace(QUICK, max_waiting_bytes=2 << 20, watch_s=30.0)) as server, ClientSession() as session:

        async def send(size: int) -> int:
            async with session.post(f"{server.url}/webhooks/someone", data=bytes(size)) as response:
                return response.status

        head = written("POST /webhooks/someone HTTP/1.1", "Content-Length: 1000000")
        async with connected(server) as one, connected(server) as two:
            await one.send(head)
            await two.send(head)
            await asyncio.sleep(0.05)
            assert await send(900_000) == HTTPStatus.SERVICE_UNAVAILABLE
            assert await send(50_000) == HTTPStatus.FORBIDDEN
        await asyncio.sleep(0.05)
        assert await send(900_000) == HTTPStatus.FORBIDDEN


async def test_a_body_that_comes_behind_its_refusal_is_let_pass(server: Server) -> None:
    """A browser hears why, also where it was still sending; the rest is no head of another request."""
    async with connected(server) as raw:
        await raw.send(written("POST /hello HTTP/1.1", "Content-Length: 500000"))
        assert b"HTTP/1.1 403" in await raw.reader.readuntil(b"\r\n\r\n")
        await raw.reader.readuntil(b"comes from.\n")
        for _ in range(5):
            await raw.send(b"x" * 100_000)
            await asyncio.sleep(0.01)
        await raw.send(get())
        assert b"HTTP/1.1 200" in await raw.answer()
    assert list(server.rejections.total) == ["This request does not say where it comes from."]


async def test_pipelined_requests_are_answered_in_order_and_bounded(server: Server) -> None:
    """Many at once are many answers, one after the other, and nothing else waits."""
    async with connected(server) as raw:
        requests = get("/hello").replace(b"close", b"keep-alive") * 300 + get("/hello")
        sending = asyncio.create_task(raw.send(requests))
        assert await healthy(server)
        answer = await raw.answer()
        await sending
    assert answer.count(b"HTTP/1.1 200 OK") == 301


async def test_a_body_in_tiny_chunks_is_one_body(server: Server) -> None:
    """With extensions and trailers, which mean nothing to us."""
    async with connected(server) as raw:
        await raw.send(written(POST, "Transfer-Encoding: chunked", "Connection: close"))
        await raw.send(b"1;x=y\r\nz\r\n" * 5000 + b"0\r\nX-Trailer: z\r\n\r\n")
        assert (await raw.answer()).endswith(b"5000")


async def test_a_body_is_asked_for_only_where_it_would_be_taken(server: Server) -> None:
    """``Expect: 100-continue`` of a request that is refused gets the refusal, and no body is sent at all."""
    for origin, wanted in (("same-origin", b"HTTP/1.1 100 Continue"), ("cross-site", b"HTTP/1.1 403 ")):
        async with connected(server) as raw:
            fields = (f"Sec-Fetch-Site: {origin}", "Expect: 100-continue", "Content-Length: 5", "Connection: close")
            await raw.send(written("POST /hello HTTP/1.1", *fields))
            assert (await raw.reader.readline()).startswith(wanted)


# --- counting --------------------------------------------------------------------------------------------------------


async def test_a_thousand_rejections_are_two_lines() -> None:
    """The first is told at once, the others as a number."""
    rejections = Rejections(every_s=0.05)
    with capture_logs() as logs:
        for _ in range(1000):
            rejections.count("the signature is wrong", "/webhooks/someone")
        await asyncio.sleep(0.1)
        rejections.close()
    assert [(line["event"], line.get("count")) for line in logs] == [
        ("webhook call rejected", None),
        ("more requests rejected", 999),
    ]
    assert rejections.total == {"the signature is wrong": 1000}


async def test_rejections_that_go_on_are_told_again_and_again() -> None:
    """One line a while, for as long as it lasts; after a calm the first is told at once again."""
    rejections = Rejections(every_s=0.05)
    with capture_logs() as logs:
        for _ in range(4):
            rejections.count("one")
            rejections.count("one")
            await asyncio.sleep(0.06)
        await asyncio.sleep(0.12)
        rejections.count("one")
        rejections.close()
    assert sum(line.get("count", 1) for line in logs) == 9
    assert logs[-1]["event"] == "request rejected"


async def test_kinds_of_rejections_are_bounded() -> None:
    """No number of kinds makes it grow."""
    rejections = Rejections()
    for number in range(1000):
        rejections.count(f"kind {number}")
    rejections.close()
    assert len(rejections.total) <= 201
    assert sum(rejections.total.values()) == 1000


async def test_unsigned_calls_are_counted_by_the_server(server: Server) -> None:
    """What a webhook rejects is told with its route, and the sender hears the status alone."""
    with capture_logs() as logs:
        async with ClientSession() as session:
            for _ in range(5):
                async with session.post(f"{server.url}/webhooks/someone", data=b"x") as response:
                    assert (response.status, await response.text()) == (HTTPStatus.FORBIDDEN, "")
    assert server.rejections.total == {"the signature is wrong": 5}
    assert [line["route"] for line in logs] == ["/webhooks/someone"]
