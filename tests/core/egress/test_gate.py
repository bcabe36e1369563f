"""The gate, over sites on loopback: what is connected to, what is followed, what is sent along, what is believed."""

import asyncio
import gzip
import socket
import threading
from collections.abc import AsyncGenerator, Sequence
from ipaddress import ip_address
from pathlib import Path

import pytest

from contracts.rigs.engines import until
from core.config.settings import Egress
from core.egress.addresses import IPAddress
from core.egress.gate import Gate, system
from core.errors import AddressRefused, ContentRefused, EgressError, NotFetched
from core.testing import UnlimitedTasks
from simulators.site import SimulatedSite, answer, endless, moved, served

PUBLIC, PRIVATE = "127.0.0.1", "127.0.0.2"


class Names:
    """A resolver that says, one after the other, what a test wrote down; the last one again and again."""

    def __init__(self, **says: Sequence[Sequence[str]]) -> None:
        self.asked: list[str] = []
        self._says = {f"{name}.example": list(answers) for name, answers in says.items()}

    async def __call__(self, name: str) -> Sequence[str]:
        self.asked.append(name)
        if name not in self._says:
            raise OSError("no such name")
        says = self._says[name]
        return says.pop(0) if len(says) > 1 else says[0]


def is_public(address: IPAddress) -> bool:
    """In these tests one loopback address stands for the internet, and another for what is within."""
    return address == ip_address(PUBLIC)


@pytest.fixture
async def site() -> AsyncGenerator[SimulatedSite, None]:
    """What is public."""
    async with served(PUBLIC) as site:
        site.says["/"] = answer(b"Hello")
        yield site


@pytest.fixture
async def inner(site: SimulatedSite) -> AsyncGenerator[SimulatedSite, None]:
    """What is within, at the same port."""
    async with served(PRIVATE, site.port) as inner:
        inner.says["/"] = answer(b"secret")
        yield inner


class Fetching:
    """A gate to the site."""

    def __init__(self, port: int, names: Names | None = None, **settings: object) -> None:
        self.names = names or Names(a=[[PUBLIC]], b=[[PUBLIC]], within=[[PRIVATE]])
        self.base = f"http://a.example:{port}"
        self.gate = Gate(
            Egress.model_validate(settings), UnlimitedTasks(), resolve=self.names, public=is_public, ports={port}
        )

    async def get(self, path: str = "/", **how: object) -> bytes:
        """Fetch, and close everything."""
        try:
            return (await self.gate.get(path if "://" in path else self.base + path, **how)).body  # type: ignore[arg-type]
        finally:
            await self.gate.aclose()


# --- where it goes ---------------------------------------------------------------------------------------------------


async def test_a_public_page_is_fetched(site: SimulatedSite) -> None:
    """With what the server says of it."""
    site.says["/x?y"] = answer("ä".encode("latin-1"), mime='Text/Plain; Charset="ISO-8859-1"')
    fetching = Fetching(site.port)
    fetched = await fetching.gate.get(f"{fetching.base}/x?y#z")
    await fetching.gate.aclose()
    assert (fetched.url, fetched.status) == (f"{fetching.base}/x?y", 200)
    assert (fetched.mime, fetched.charset, fetched.body) == ("text/plain", "iso-8859-1", b"\xe4")


async def test_what_is_not_found_is_told_without_its_body(site: SimulatedSite) -> None:
    """Whoever asked decides what to make of it."""
    fetching = Fetching(site.port)
    fetched = await fetching.gate.get(f"{fetching.base}/nowhere")
    await fetching.gate.aclose()
    assert (fetched.status, fetched.body) == (404, b"")


async def test_a_name_within_is_not_connected_to(site: SimulatedSite, inner: SimulatedSite) -> None:
    """However public it looks."""
    with pytest.raises(AddressRefused, match="not public"):
        await Fetching(site.port).get(f"http://within.example:{site.port}/")
    assert inner.asked == []


@pytest.mark.parametrize("among", [[PUBLIC, PRIVATE], [PRIVATE, PUBLIC], [PUBLIC, "::1"], [PUBLIC, "fe80::1%lo"]])
async def test_one_address_within_is_enough(site: SimulatedSite, inner: SimulatedSite, among: list[str]) -> None:
    """Or the first connection would fail, and the second would be the one that was meant."""
    with pytest.raises(AddressRefused, match="not public"):
        await Fetching(site.port, Names(a=[among])).get()
    assert site.asked == inner.asked == []


async def test_an_address_that_changes_its_mind_changes_nothing(site: SimulatedSite, inner: SimulatedSite) -> None:
    """DNS rebinding: public when it is looked at, private right after. There is no right after."""
    fetching = Fetching(site.port, Names(a=[[PUBLIC], [PRIVATE]]))
    assert await fetching.get() == b"Hello"
    assert fetching.names.asked == ["a.example"]
    assert inner.asked == []


async def test_each_request_looks_anew_and_keeps_no_connection(site: SimulatedSite, inner: SimulatedSite) -> None:
    """What was public a moment ago is checked again, and refused if it is not any more."""
    fetching = Fetching(site.port, Names(a=[[PUBLIC], [PRIVATE]]))
    await fetching.gate.get(f"{fetching.base}/")
    with pytest.raises(AddressRefused, match="not public"):
        await fetching.get()
    assert inner.asked == []


@pytest.mark.parametrize("host", [PRIVATE, "[::1]", "[::ffff:127.0.0.1]", "169.254.169.254", "0.0.0.7", "10.0.0.1"])
async def test_numbers_are_checked_without_a_look_up(site: SimulatedSite, inner: SimulatedSite, host: str) -> None:
    """The client asks no resolver about them, so they are looked at before."""
    fetching = Fetching(site.port)
    with pytest.raises(AddressRefused, match="not public"):
        await fetching.get(f"http://{host}:{site.port}/")
    assert fetching.names.asked == []
    assert inner.asked == []


@pytest.mark.parametrize("name", ["localhost", "router", "wiki.lan", "metadata.google.internal", "x.local"])
async def test_names_within_are_not_even_asked_about(site: SimulatedSite, name: str) -> None:
    """A question on the network is a message, too."""
    fetching = Fetching(site.port)
    with pytest.raises(AddressRefused, match="inner network"):
        await fetching.get(f"http://{name}:{site.port}/")
    assert fetching.names.asked == []


@pytest.mark.parametrize("port", [21, 22, 25, 6379, 8080, 11211])
async def test_only_the_webs_ports_are_knocked_at(port: int) -> None:
    """Other servers read an HTTP request as something else."""
    with pytest.raises(AddressRefused, match=f"port {port}"):
        await Fetching(80).get(f"http://a.example:{port}/")


async def test_the_operator_lets_in_what_is_within(inner: SimulatedSite) -> None:
    """By host and port, and nobody else does."""
    fetching = Fetching(1, allow=[f"Within.example:{inner.port}", f"{PRIVATE}:{inner.port}"])
    await fetching.gate.get(f"http://within.example:{inner.port}/")
    assert await fetching.get(f"http://{PRIVATE}:{inner.port}/") == b"secret"
    with pytest.raises(AddressRefused):
        await Fetching(1, allow=["within.example:1"]).get(f"http://within.example:{inner.port}/")
    assert len(inner.asked) == 2


# --- redirects -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", ["301 M", "302 M", "303 M", "307 M", "308 M"])
async def test_redirects_are_followed_and_each_is_looked_up(site: SimulatedSite, status: str) -> None:
    """Within a site and to others."""
    site.says["/old"] = moved(f"//b.example:{site.port}/new", status)
    site.says["/new"] = moved("/", status)
    fetching = Fetching(site.port)
    assert await fetching.get("/old") == b"Hello"
    assert fetching.names.asked == ["a.example", "b.example", "b.example"]


@pytest.mark.parametrize(
    "location",
    [
        "http://127.0.0.2:{port}/",
        "http://within.example:{port}/",
        "http://[::1]:{port}/",
        "http://2130706434:{port}/",
        "http://localhost:{port}/",
        "http://u:p@a.example:{port}/",
        "http://a.example:22/",
        "file:///etc/passwd",
        "ftp://a.example/",
        "//127.0.0.2:{port}/",
    ],
)
async def test_a_redirect_leads_no_further_than_an_address(
    site: SimulatedSite, inner: SimulatedSite, location: str
) -> None:
    """Each hop is checked from the start."""
    site.says["/"] = moved(location.format(port=site.port))
    with pytest.raises(AddressRefused):
        await Fetching(site.port).get()
    assert inner.asked == []


@pytest.mark.parametrize("hops, found", [(5, True), (6, False)])
async def test_redirects_come_to_an_end(site: SimulatedSite, hops: int, *, found: bool) -> None:
    """Five are many."""
    site.says.update({f"/{hop}": moved(f"/{hop - 1}") for hop in range(1, hops + 1)}, **{"/0": answer(b"found")})
    fetching = Fetching(site.port)
    if found:
        assert await fetching.get(f"/{hops}") == b"found"
    else:
        with pytest.raises(AddressRefused, match="more than 5 times"):
            await fetching.get(f"/{hops}")


async def test_a_redirect_to_itself_ends_as_well(site: SimulatedSite) -> None:
    """After as many."""
    site.says["/"] = moved("/")
    with pytest.raises(AddressRefused):
        await Fetching(site.port).get()
    assert len(site.asked) == 6


# --- what is sent along ----------------------------------------------------------------------------------------------


async def test_nothing_of_ours_is_sent_along(
    site: SimulatedSite, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No cookie that was set before, no password of the environment, no proxy of it, and no pretence."""
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy"):
        monkeypatch.setenv(name, f"http://{PRIVATE}:9/")
    (tmp_path / "netrc").write_text("machine a.example login ann password secret\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    site.says["/set"] = moved("/", "302 F\r\nSet-Cookie: a=b; Path=/")
    fetching = Fetching(site.port)
    await fetching.get("/set")
    for head in site.asked:
        fields = {line.partition(":")[0].lower() for line in head.splitlines()[1:] if line}
        assert fields == {"host", "user-agent", "accept", "accept-encoding", "connection"}
        assert "Waystation/" in head
        assert "Mozilla" not in head


# --- what is taken ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("mime", ["application/pdf", "image/png", "application/octet-stream", "", "video/mp4"])
async def test_other_types_are_refused_before_they_are_read(site: SimulatedSite, mime: str) -> None:
    """With the type, for whoever has more to say about it."""
    site.says["/"] = [endless(mime=mime).replace(b"Content-Type: \r\n", b""), 5.0]
    with pytest.raises(ContentRefused, match="type") as refused:
        await Fetching(site.port).get()
    assert refused.value.mime == mime


@pytest.mark.parametrize("mime", ["text/html", "application/json", "application/ld+json; x=y", "image/svg+xml"])
async def test_types_are_taken_as_asked(site: SimulatedSite, mime: str) -> None:
    """By patterns."""
    site.says["/"] = answer(b"x", mime=mime)
    assert await Fetching(site.port).get(types=["text/*", "application/*json", "image/*"]) == b"x"


async def test_a_large_page_is_refused_by_what_it_says_of_itself(site: SimulatedSite) -> None:
    """Before it is read."""
    site.says["/"] = [b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9000000\r\n\r\n", 5.0]
    with pytest.raises(ContentRefused, match="larger than 5000 kB"):
        await Fetching(site.port).get()


async def test_a_page_without_end_is_left_when_it_is_too_large(site: SimulatedSite) -> None:
    """And no more of it is taken."""
    site.says["/"] = [endless(), *([b"x" * 10_000] * 1000)]
    with pytest.raises(ContentRefused, match="larger than 100 kB"):
        await Fetching(site.port, max_mb=0.1).get()
    await until(lambda: not site.over)


async def test_less_may_be_asked_for_but_never_more(site: SimulatedSite) -> None:
    """The operator's word stands."""
    site.says["/"] = answer(b"x" * 5000)
    assert len(await Fetching(site.port).get(most_bytes=5000)) == 5000
    with pytest.raises(ContentRefused):
        await Fetching(site.port).get(most_bytes=4999)
    with pytest.raises(ContentRefused):
        await Fetching(site.port, max_mb=0.004).get(most_bytes=10_000)


async def test_a_packed_page_is_unpacked(site: SimulatedSite) -> None:
    """As servers do by themselves."""
    site.says["/"] = answer(gzip.compress(b"Hello" * 100, mtime=0), "Content-Encoding: gzip")
    assert await Fetching(site.port).get() == b"Hello" * 100


async def test_a_bomb_does_not_go_off(site: SimulatedSite) -> None:
    """A gigabyte in a megabyte is refused after what we would have taken."""
    site.says["/"] = answer(gzip.compress(b"\0" * 50_000_000, 9), "Content-Encoding: gzip")
    with pytest.raises(ContentRefused, match="larger"):
        await Fetching(site.port).get()


# --- how long, and what goes wrong -----------------------------------------------------------------------------------


@pytest.mark.parametrize("slow", ["head", "body", "answer", "hops"])
async def test_whoever_drips_is_left(site: SimulatedSite, slow: str) -> None:
    """One time holds for everything together: what comes byte by byte never seems to stand still."""
    drip: list[bytes | float] = [b"x", 0.01] * 500
    heads = {"head": b"HTTP/1.1 200 OK\r\nX: ", "body": endless(), "answer": b"", "hops": moved("/")}
    site.says["/"] = [0.06, heads["hops"]] if slow == "hops" else [heads[slow], *(drip if heads[slow] else [5.0])]
    with pytest.raises(NotFetched, match=r"longer than 0\.2 seconds"):
        await Fetching(site.port, timeout_s=0.2).get()


async def test_names_that_nobody_answers_for_take_no_place_from_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """No look-up can be stopped: where many hang, labs' names must be looked up all the same."""
    go, asked = threading.Event(), threading.Semaphore(0)

    def hangs(*args: object, **how: object) -> list[object]:
        asked.release()
        go.wait(20)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    resolve = system()
    looks = [asyncio.ensure_future(resolve("a.example")) for _ in range(40)]
    try:
        await until(lambda: asked.acquire(blocking=False))
        async with asyncio.timeout(10):
            assert await asyncio.to_thread(int, "1") == 1
    finally:
        go.set()
        for look in looks:
            look.cancel()
        await asyncio.wait(looks)


async def test_a_resolver_that_hangs_is_left() -> None:
    """The same."""

    async def hangs(name: str) -> Sequence[str]:
        del name
        await asyncio.Event().wait()
        return ()

    gate = Gate(Egress(timeout_s=0.05), UnlimitedTasks(), resolve=hangs)
    with pytest.raises(NotFetched, match="longer"):
        await gate.get("http://a.example/")
    await gate.aclose()


@pytest.mark.parametrize(
    "says, why",
    [
        (b"", "does not keep to HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "does not keep to HTTP"),
        (b"HTTP/1.1 200 OK\r\nX: " + b"x" * 100_000 + b"\r\n\r\n", "does not keep to HTTP"),
        (b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 5000 + b"\r\n", "does not keep to HTTP"),
        (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 9\r\n\r\nhalf", "broke off"),
        (answer(b"nonsense", "Content-Encoding: gzip"), "cannot be unpacked"),
        (answer(gzip.compress(b"Hello" * 1000, mtime=0)[:-20], "Content-Encoding: gzip"), "broke off"),
        (moved("http://["), "no address"),
    ],
    ids=range(8),
)
async def test_a_server_that_makes_no_sense_is_told_in_a_sentence(site: SimulatedSite, says: bytes, why: str) -> None:
    """None of the library's words and no address in it."""
    site.says["/"] = says
    with pytest.raises(EgressError, match=why) as problem:
        await Fetching(site.port).get()
    assert "127.0.0" not in str(problem.value)


async def test_names_and_ports_where_nobody_is_are_told(site: SimulatedSite) -> None:
    """A name nobody has, a name without an address, and a port nobody listens at."""
    with pytest.raises(NotFetched, match="no host of this name"):
        await Fetching(site.port).get(f"http://nobody.example:{site.port}/")
    with pytest.raises(NotFetched, match="no host of this name"):
        await Fetching(site.port, Names(a=[[]])).get()
    async with served() as gone:
        port = gone.port
    with pytest.raises(NotFetched, match="nobody answers"):
        await Fetching(port).get()


async def test_nothing_is_opened_before_something_is_fetched() -> None:
    """A deployment that never fetches imports and opens nothing for it."""
    gate = Gate(Egress(), UnlimitedTasks())
    await gate.aclose()
    with pytest.raises(AddressRefused):
        await gate.get("http://127.0.0.1/")
    assert gate._session is None
