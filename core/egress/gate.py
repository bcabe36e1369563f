"""The gate itself: every hop is checked from the start, and the address that was checked is the one connected to.

A name is resolved once a hop, inside the connector; every address it stands for has to be public, and the connection
goes to one of just these. There is no second look-up that could be answered otherwise, no connection that is used
again, and nothing is sent along: no cookie, no password. Where a proxy leads out, it is told the address that was
checked. What may be fetched although it is not public is the operator's list (``[egress] allow``) and nobody else's.
"""

import asyncio
import ipaddress
import socket
from collections.abc import AsyncGenerator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from functools import partial
from importlib.metadata import version
from ssl import SSLContext
from typing import TYPE_CHECKING, cast

import structlog
from yarl import URL

from core.config.settings import Egress as EgressSettings
from core.egress import targets
from core.egress.addresses import IPAddress, is_public
from core.egress.bodies import check_size, check_type, content_type, read_body
from core.egress.targets import Target
from core.errors import AddressRefused, EgressError, NotFetched
from core.hosts import WEB_PORTS, allowed, is_inner
from core.limited.tasks import Limited
from core.proxies import NO_PROXIES, Proxies
from core.site import TEXT, Egress, Fetched
from core.threads import Threads

if TYPE_CHECKING:
    from aiohttp import ClientError, ClientResponse, ClientSession
    from aiohttp.abc import AbstractResolver, ResolveResult

log = structlog.get_logger(__name__)

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""The addresses a name stands for."""

_MOST_REDIRECTS = 5
_AT_ONCE = 64
_MOVED = frozenset({301, 302, 303, 307, 308})
_FOUND = range(200, 300)
_NOT_PUBLIC = "that address is not public, and only the public internet is fetched"


@asynccontextmanager
async def open_gate(
    settings: EgressSettings, limited: Limited, proxies: Proxies = NO_PROXIES
) -> AsyncGenerator[Egress]:
    """The gate of a deployment. Nothing is opened before something is fetched."""
    gate = Gate(settings, limited, proxies=proxies)
    try:
        yield gate
    finally:
        await gate.aclose()


def system() -> Resolve:
    """Ask the system, in threads of its own: no look-up can be stopped, and labs' names are looked up in the loop's."""
    threads = Threads(at_once=16)

    async def resolve(name: str) -> Sequence[str]:
        ask = partial(socket.getaddrinfo, name, None, type=socket.SOCK_STREAM, flags=socket.AI_ADDRCONFIG)
        return [str(address[0]) for *_, address in await threads.run(ask)]

    return resolve


class Gate:
    """See ``Egress``.

    Args:
        limited: Where bodies are unpacked.
        resolve: Finds addresses, once for each hop; None to ask the system.
        public: Which of them may be connected to.
        ports: Which ports may be, on hosts the operator has not listed.
        tls: What certificates are trusted, None for the system's.
        proxies: Which proxy leads where. It is told the address that was checked, not the name.
    """

    def __init__(
        self,
        settings: EgressSettings,
        limited: Limited,
        *,
        resolve: Resolve | None = None,
        public: Callable[[IPAddress], bool] = is_public,
        ports: Collection[int] = WEB_PORTS,
        tls: SSLContext | None = None,
        proxies: Proxies = NO_PROXIES,
    ) -> None:
        self._settings = settings
        self._limited = limited
        self._allowed = allowed(settings.allow)
        self._resolve = resolve or system()
        self._public = public
        self._ports = ports
        self._tls = tls
        self._proxies = proxies
        self._session: ClientSession | None = None

    async def get(
        self, url: str, *, types: Sequence[str] = TEXT, most_bytes: int | None = None, one_host: bool = False
    ) -> Fetched:
        """See ``Egress``."""
        most = min(most_bytes or self._settings.max_bytes, self._settings.max_bytes)
        try:
            async with asyncio.timeout(self._settings.timeout_s):
                fetched = await self._followed(targets.read(url), types, most, one_host=one_host)
        except EgressError as error:
            log.info("not fetched", reason=str(error))
            raise
        except TimeoutError as error:
            log.info("not fetched", reason="too slow")
            raise NotFetched(f"it took longer than {self._settings.timeout_s:g} seconds") from error
        log.info("fetched", status=fetched.status, mime=fetched.mime, size_bytes=len(fetched.body))
        return fetched

    async def aclose(self) -> None:
        """Close what was opened."""
        if self._session is not None:
            await self._session.close()

    async def _followed(self, target: Target, types: Sequence[str], most_bytes: int, *, one_host: bool) -> Fetched:
        host = target.host
        for _ in range(_MOST_REDIRECTS + 1):
            self._check(target)
            answer = await self._hop(target, types, most_bytes)
            if isinstance(answer, Fetched):
                return answer
            target = _redirected(target, answer)
            if one_host and target.host.removeprefix("www.") != host.removeprefix("www."):
                raise AddressRefused(f"it leads on to another host, {target.host}, which nobody was asked about")
        raise AddressRefused(f"it leads on to another address more than {_MOST_REDIRECTS} times")

    def _check(self, target: Target) -> None:
        """What can be told before anybody is asked."""
        if (target.host, target.port) in self._allowed:
            return
        if self._proxies.is_one(target.host, target.port):
            raise AddressRefused("that is the way out, and nothing to be fetched")
        if target.port not in self._ports:
            raise AddressRefused(f"port {target.port} is none of the web's, and only those are fetched from")
        if target.literal is not None and not self._public(target.literal):
            raise AddressRefused(_NOT_PUBLIC)
        if target.literal is None and is_inner(target.host):
            raise AddressRefused("that is a name of an inner network, and only the public internet is fetched")

    async def _hop(self, target: Target, types: Sequence[str], most_bytes: int) -> Fetched | str:
        """One request: what it brought, or where it leads."""
        import aiohttp  # noqa: PLC0415 - a third of a second, for whoever fetches something

        # What an Accept header cannot say ("any kind of JSON") is left to the last word.
        wanted = ", ".join([*(kind for kind in types if "*+" not in kind), "*/*;q=0.5"])
        try:
            url, name = await self._way(target)
            headers = {"Accept": wanted, "Host": target.url.raw_authority}
            asking = self._opened().get(url, allow_redirects=False, headers=headers, server_hostname=name)
            async with asking as response:
                if response.status in _MOVED and (location := response.headers.get("Location")):
                    return location
                return await _fetched(target, response, types, most_bytes, self._limited)
        except aiohttp.ClientError as error:
            raise _translated(error) from error

    async def _way(self, target: Target) -> tuple[URL, str | None]:
        """What is asked for, and how: a proxy, which would look the name up again, is told the address instead."""
        if target.literal is not None or self._proxies.of_url(str(target.url)) is None:
            return target.url, None
        address = (await self._addresses(target.host, target.port))[0]
        return target.url.with_host(str(address)), target.host if target.url.scheme == "https" else None

    def _opened(self) -> "ClientSession":
        if self._session is None:
            import aiohttp  # noqa: PLC0415 - the same

            from core.egress.sessions import connector, open_session  # noqa: PLC0415 - the same

            self._session = open_session(
                auto_decompress=False,  # see bodies.py
                connector=connector(
                    self._proxies,
                    resolver=cast("AbstractResolver", _Pinned(self._addresses)),
                    use_dns_cache=False,
                    force_close=True,
                    limit=_AT_ONCE,
                    ssl=self._tls or True,
                ),
                headers={"User-Agent": _user_agent(), "Accept-Encoding": "gzip, deflate"},
                timeout=aiohttp.ClientTimeout(total=None),  # there is one over all hops
            )
        return self._session

    async def _addresses(self, host: str, port: int) -> Sequence[IPAddress]:
        """What a name stands for, if all of it may be connected to."""
        found = [ipaddress.ip_address(address) for address in await self._resolve(host)]
        if not found:
            raise NotFetched("there is no host of this name")
        if (host, port) not in self._allowed and not all(map(self._public, found)):
            raise AddressRefused(_NOT_PUBLIC)
        return found


class _Pinned:
    """The connector's resolver: what it returns is what is connected to, with nothing asked in between."""

    def __init__(self, addresses: Callable[[str, int], Awaitable[Sequence[IPAddress]]]) -> None:
        self._addresses = addresses

    async def resolve(self, host: str, port: int = 0, family: int = 0) -> "list[ResolveResult]":
        """See ``aiohttp.abc.AbstractResolver``."""
        del family
        return [
            {
                "hostname": host,
                "host": str(address),
                "port": port,
                "family": socket.AF_INET if address.version == 4 else socket.AF_INET6,  # noqa: PLR2004 - IPv4
                "proto": 0,
                "flags": socket.AI_NUMERICHOST,
            }
            for address in await self._addresses(host, port)
        ]

    async def close(self) -> None:
        """See ``aiohttp.abc.AbstractResolver``."""


def _redirected(target: Target, location: str) -> Target:
    onward = targets.read(location, target)
    if target.url.scheme == "https" and onward.url.scheme == "http":
        raise AddressRefused("it leads from an encrypted address to one that is not")
    return onward


async def _fetched(
    target: Target, response: "ClientResponse", types: Sequence[str], most_bytes: int, limited: Limited
) -> Fetched:
    mime, charset = content_type(response.headers.get("Content-Type", ""))
    body = b""
    if response.status in _FOUND:
        check_type(mime, types)
        check_size(response.content_length or 0, most_bytes)
        pieces = response.content.iter_any()
        body = await read_body(pieces, response.headers.get("Content-Encoding", ""), most_bytes, limited)
    return Fetched(url=str(target.url), status=response.status, mime=mime, charset=charset, body=body)


def _translated(error: "ClientError") -> EgressError:
    import aiohttp  # noqa: PLC0415 - it is there by now

    match error:
        case aiohttp.InvalidURL():
            return AddressRefused("that is no address of a page")
        case aiohttp.ClientConnectorCertificateError():
            return NotFetched("its certificate is not valid for this name")
        case aiohttp.ClientSSLError():
            return NotFetched("no encrypted connection can be made to it")
        case aiohttp.ClientConnectorDNSError():
            return NotFetched("there is no host of this name")
        case aiohttp.ClientConnectorError():
            return NotFetched("nobody answers there")
        case aiohttp.ClientPayloadError():
            return NotFetched("it broke off in the middle")
        case _:
            return NotFetched("what answers there does not keep to HTTP")


def _user_agent() -> str:
    """Who we are: not a browser, and here because a person asked."""
    return f"Waystation/{version('waystation')} (assistant; fetches what its person asks for)"


_: type[Egress] = Gate
