"""The one HTTP server: what it lets through, what it refuses and how, and that its troubles stay its own."""

import asyncio
import socket
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from http import HTTPStatus

import pytest
from aiohttp import ClientSession, web
from pydantic import ValidationError

from core.config.settings import Server as Settings
from core.errors import SettingsError
from core.server import Server, forged, host_of, too_large

HERE = "http://127.0.0.1:9297"
ANYWHERE = "0.0.0.0"  # noqa: S104 - it is what is refused


async def hello(request: web.Request) -> web.Response:
    """Say what came."""
    return web.Response(text=f"{request.method} {len(await request.read())}")


async def broken(request: web.Request) -> web.Response:
    """A handler with a bug."""
    raise RuntimeError(f"secret {request.path}")


async def endless(request: web.Request) -> web.StreamResponse:
    """A stream that never ends by itself."""
    response = web.StreamResponse()
    await response.prepare(request)
    await response.write(b"hello")
    await asyncio.Event().wait()
    return response


@asynccontextmanager
async def serving(settings: Settings | None = None) -> AsyncGenerator[Server]:
    """A server on any free port, with something to say on a few paths."""
    server = Server(settings or Settings(port=0))
    async with server.listening():
        if not server.trouble:
            for method in ("GET", "POST"):
                server.add(method, "/hello", hello, most_bytes=1000)
                server.add(method, "/below/*", hello)
            server.add("POST", "/webhooks/someone", hello)
            server.add("GET", "/broken", broken)
            server.add("GET", "/endless", endless)
        yield server


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    """One that listens."""
    async with serving() as opened:
        yield opened


@pytest.fixture
async def client() -> AsyncIterator[ClientSession]:
    """Somebody who asks it."""
    async with ClientSession() as session:
        yield session


async def status(client: ClientSession, method: str, url: str, **headers: str) -> int:
    """How a request is answered."""
    named = {name.replace("_", "-"): text for name, text in headers.items()}
    async with client.request(method, url, headers=named) as response:
        return response.status


# --- where a request comes from --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "netloc, name",
    [("Example.ORG:80", "example.org"), ("localhost", "localhost"), ("[::1]:8080", "::1"), ("[::1]", "::1"), ("", "")],
)
def test_a_host_is_a_name_without_its_port(netloc: str, name: str) -> None:
    """The port is of no use against rebinding, and differs behind a mapping."""
    assert host_of(netloc) == name


@pytest.mark.parametrize("host", ["evil.example", "evil.example:8080", "127.0.0.1.evil.example", "", ANYWHERE])
async def test_a_name_that_is_not_ours_is_refused(server: Server, client: ClientSession, host: str) -> None:
    """A page elsewhere whose name was made to lead here (DNS rebinding) reads nothing."""
    assert await status(client, "GET", f"{server.url}/hello", Host=host) == HTTPStatus.MISDIRECTED_REQUEST


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost:1234", "LOCALHOST", "[::1]:80", "chat.example.org"])
async def test_our_own_names_are_answered(client: ClientSession, host: str) -> None:
    """This machine's, whatever port is mapped to ours, and the one people open."""
    async with serving(Settings(port=0, public_url="https://chat.example.org")) as server:
        port = server._address.rpartition(":")[2]
        assert await status(client, "GET", f"http://127.0.0.1:{port}/hello", Host=host) == HTTPStatus.OK


@pytest.mark.parametrize(
    "method, headers, passes",
    [
        ("POST", {"Origin": HERE}, True),
        ("POST", {"Origin": HERE, "Sec-Fetch-Site": "same-origin"}, True),
        ("POST", {"Origin": "null", "Sec-Fetch-Site": "same-origin"}, True),
        ("POST", {"Sec-Fetch-Site": "same-origin"}, True),
        ("POST", {}, False),
        ("POST", {"Origin": "null"}, False),
        ("POST", {"Origin": "http://127.0.0.1:3000"}, False),
        ("POST", {"Origin": "https://evil.example"}, False),
        ("POST", {"Origin": "https://evil.example", "Sec-Fetch-Site": "same-origin"}, False),
        ("POST", {"Origin": HERE, "Sec-Fetch-Site": "cross-site"}, False),
        ("POST", {"Origin": HERE, "Sec-Fetch-Site": "same-site"}, False),
        ("POST", {"Sec-Fetch-Site": "none"}, False),
        ("DELETE", {}, False),
        ("GET", {}, True),
        ("GET", {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}, True),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}, True),
        ("GET", {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, False),
        ("GET", {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"}, False),
    ],
)
def test_what_another_site_asks_for_is_refused(method: str, headers: dict[str, str], passes: bool) -> None:
    """What may change something has to come from our own page, and say so; another port of this machine is not ours."""
    refusal = forged(method, headers, {HERE}, programs=False)
    assert (refusal is None) == passes
    assert refusal is None or refusal.status == HTTPStatus.FORBIDDEN


@pytest.mark.parametrize(
    "headers, passes",
    [({}, True), ({"Origin": "https://evil.example"}, False), ({"Sec-Fetch-Site": "cross-site"}, False)],
)
def test_a_webhook_is_for_programs_and_not_for_browsers(headers: dict[str, str], passes: bool) -> None:
    """A platform says no origin; a browser that was led here does."""
    assert (forged("POST", headers, {HERE}, programs=True) is None) == passes


async def test_only_paths_below_webhooks_are_for_programs(server: Server, client: ClientSession) -> None:
    """So that nobody has to think of it for any other path."""
    assert await status(client, "POST", f"{server.url}/webhooks/someone") == HTTPStatus.OK
    assert await status(client, "POST", f"{server.url}/hello") == HTTPStatus.FORBIDDEN
    assert await status(client, "POST", f"{server.url}/hello", Origin=server.url) == HTTPStatus.OK


# --- how much comes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "length, passes", [("0", True), ("1000", True), ("1001", False), ("-1", False), ("1e3", False)]
)
def test_a_length_that_is_too_long_or_none_is_refused(length: str, passes: bool) -> None:
    """Before a single byte of it is read."""
    assert (too_large({"Content-Length": length}, 1000) is None) == passes


async def test_a_body_that_hides_its_length_is_counted(server: Server, client: ClientSession) -> None:
    """Chunks have no length, and end where the route's cap is."""

    async def chunks(count: int) -> AsyncGenerator[bytes]:
        for _ in range(count):
            yield b"x" * 100

    for count, wanted in ((5, HTTPStatus.OK), (50, HTTPStatus.REQUEST_ENTITY_TOO_LARGE)):
        headers = {"Origin": server.url}
        async with client.post(f"{server.url}/hello", data=chunks(count), headers=headers) as response:
            assert response.status == wanted


# --- answers ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("path", ["/hello", "/nowhere", "/broken", "/healthz"])
async def test_every_answer_forbids_what_a_page_of_ours_never_needs(
    server: Server, client: ClientSession, path: str
) -> None:
    """No foreign script, no framing, no guessing at types, no word to other sites of what is read here."""
    async with client.get(server.url + path) as response:
        policy = response.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        assert response.headers["Referrer-Policy"] == "no-referrer"
        assert response.headers["Cache-Control"] == "no-store"


async def test_a_handlers_bug_is_told_to_nobody_outside(
    server: Server, client: ClientSession, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever asked hears that something went wrong; the log names the route, never a path, which may be a secret."""
    async with client.get(f"{server.url}/broken") as response:
        assert response.status == HTTPStatus.INTERNAL_SERVER_ERROR
        assert "secret" not in await response.text()


async def test_paths_and_methods_nobody_registered_are_refused(server: Server, client: ClientSession) -> None:
    """While it starts, one is asked to come again in a moment, since the path may still come."""
    async with client.get(f"{server.url}/nowhere") as response:
        assert (response.status, response.headers["Refresh"]) == (HTTPStatus.SERVICE_UNAVAILABLE, "1")
    server.settle(dict)
    assert await status(client, "GET", f"{server.url}/nowhere") == HTTPStatus.NOT_FOUND
    assert await status(client, "PUT", f"{server.url}/hello", Origin=server.url) == HTTPStatus.METHOD_NOT_ALLOWED
    assert await status(client, "GET", f"{server.url}/below/this/and/that") == HTTPStatus.OK


async def test_the_health_check_says_how_the_adapters_are_doing(server: Server, client: ClientSession) -> None:
    """It needs no session, holds no secret, and is answered under any name, as probes ask by number."""
    async with client.get(f"{server.url}/healthz") as response:
        assert (await response.json())["ok"] is False
    server.settle(lambda: {"telegram": "listening", "web": "waiting"})
    async with client.get(f"{server.url}/healthz", headers={"Host": "10.0.0.7"}) as response:
        told = await response.json()
    assert told == {"ok": True, "version": told["version"], "adapters": {"telegram": "listening", "web": "waiting"}}
    assert await status(client, "HEAD", f"{server.url}/healthz") == HTTPStatus.OK


# --- beginning and end -----------------------------------------------------------------------------------------------


async def test_a_port_in_use_is_one_sentence_and_no_end() -> None:
    """It says which port and what to set; whoever wanted to be served hears that it cannot be."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        async with serving(Settings(port=port)) as server:
            assert str(port) in server.trouble
            assert "[server]" in server.trouble
            assert server.url == ""
            with pytest.raises(SettingsError):
                server.add("GET", "/", hello)


@pytest.mark.parametrize("public_url", ["", "https://chat.example.org"])
async def test_a_port_that_nobody_chose_may_be_another_one(public_url: str) -> None:
    """The next free one, which the links say; not where a proxy leads to that one."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = Settings.model_construct(host="127.0.0.1", port=port, public_url=public_url, _fields_set=set())
        async with serving(settings) as server:
            if public_url:
                assert str(port) in server.trouble
            else:
                assert port < int(server.url.rpartition(":")[2]) < port + 20


def test_the_default_port_is_no_other_programs() -> None:
    """Neither a model server nor another bot or panel that people run beside it listens there (Ollama, llama.cpp …)."""
    others = {
        11434,
        1234,
        8000,
        8080,
        3000,
        5000,
        3080,
        18789,
        7860,
        8188,
        5678,
        1337,
        4000,
        4891,
        5001,
        6185,
        9090,
        8888,
    }
    assert Settings().port not in others


async def test_it_knows_its_own_addresses() -> None:
    """So that nobody who looks for model servers on this machine asks this process about itself."""
    async with serving(Settings(port=0, public_url="https://chat.example.org")) as server:
        port = server._address.rpartition(":")[2]
        own = [f"http://127.0.0.1:{port}/v1", f"http://localhost:{port}", "https://chat.example.org/v1"]
        assert all(map(server.is_own, own))
        others = [f"http://127.0.0.1:{int(port) - 1}/v1", f"http://192.0.2.1:{port}/v1", "https://example.org", ""]
        assert not any(map(server.is_own, others))
    assert not server.is_own(own[0])


async def test_it_ends_within_a_second_though_streams_are_open(client: ClientSession) -> None:
    """Nobody waits at a shutdown for a page somebody forgot to close."""
    async with serving() as server:
        response = await client.get(f"{server.url}/endless")
        assert await response.content.read(5) == b"hello"
        began = time.monotonic()
    assert time.monotonic() - began < 1.0
    response.close()


async def test_nothing_is_served_before_and_after() -> None:
    """A route needs a server that listens."""
    server = Server(Settings(port=0))
    with pytest.raises(SettingsError):
        server.add("GET", "/", hello)
    async with server.listening():
        server.add("GET", "/", hello)
        assert server.url.startswith("http://127.0.0.1:")
    assert server.url == ""


# --- the door to the world -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given",
    [
        {"host": ANYWHERE},
        {"host": "::"},
        {"host": "192.168.1.5", "public_url": "http://chat.example.org"},
        {"public_url": "http://chat.example.org"},
        {"public_url": "https://chat.example.org/path"},
        {"public_url": "https://me:secret@chat.example.org"},
        {"public_url": "chat.example.org"},
        {"public_url": "https://chat.example.org?x=1"},
        {"port": 65536},
    ],
)
def test_an_open_door_without_encryption_is_refused(given: dict[str, str]) -> None:
    """Other machines get in only by https, through a proxy the operator named."""
    with pytest.raises(ValidationError):
        Settings.model_validate(given)


@pytest.mark.parametrize(
    "given",
    [
        {},
        {"host": "::1"},
        {"host": "localhost"},
        {"host": ANYWHERE, "public_url": "https://chat.example.org"},
        {"host": ANYWHERE, "public_url": "http://localhost:8080"},
        {"public_url": "https://chat.example.org:8443"},
    ],
)
def test_this_machine_and_an_encrypted_way_are_let_in(given: dict[str, str]) -> None:
    """A container that is reached from its own machine only says so by a public_url of that machine."""
    assert Settings.model_validate(given).port


def test_a_slash_at_the_end_of_the_public_url_changes_nothing() -> None:
    """Paths are put behind it."""
    assert Settings(public_url="https://chat.example.org/").public_url == "https://chat.example.org"
