"""HTTP sessions whose every connection goes through the proxy that leads to it, WebSockets and downloads alike.

aiohttp can look into the environment by itself, but does so in a thread for each request, lets ``~/.netrc`` replace
our tokens, and knows no SOCKS. So the connector asks ``core/proxies.py`` as it connects.
"""
# ruff: noqa: ASYNC109, ANN401 - signatures of aiohttp's

import socket
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp import ClientRequest, ClientTimeout, TCPConnector, encode_basic_auth, hdrs
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler
from aiohttp.resolver import DefaultResolver
from yarl import URL

from core.proxies import NO_PROXIES, Proxies, Proxy

if TYPE_CHECKING:
    import asyncio

    from aiohttp.connector import Connection
    from aiohttp.tracing import Trace


UNSENT = (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError, aiohttp.ClientHttpProxyError)
"""What is raised where there was no connection, nor a proxy that would make one: nothing can have arrived."""


def open_session(proxies: Proxies = NO_PROXIES, **how: Any) -> aiohttp.ClientSession:
    """A session without cookies; it has to be closed.

    Args:
        how: What ``aiohttp.ClientSession`` takes beside; ``connector`` for one of ``connector()``.
    """
    how.setdefault("connector", connector(proxies))
    return aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar(), **how)


def connector(proxies: Proxies, **how: Any) -> TCPConnector:
    """A connector that goes through proxies, for whoever makes a session by itself; how as ``aiohttp.TCPConnector``."""
    return _Connector(proxies, **how) if proxies.any else TCPConnector(**how)


class _Connector(TCPConnector):
    def __init__(self, proxies: Proxies, *, resolver: AbstractResolver | None = None, **how: Any) -> None:
        super().__init__(resolver=_Resolver(proxies, resolver), **how)
        self._resolver_owner = True  # or nobody would close it
        self._proxies = proxies

    async def connect(self, req: ClientRequest, traces: "list[Trace]", timeout: ClientTimeout) -> "Connection":
        """See ``aiohttp.BaseConnector``: which connection is used again depends on the proxy, so it is said first."""
        if (proxy := self._to(req)) is not None and not proxy.is_socks:
            said = {hdrs.PROXY_AUTHORIZATION: encode_basic_auth(proxy.user, proxy.password)} if proxy.user else {}
            req.update_proxy(URL(proxy.url), None, said)
            if not req.is_ssl():
                req.headers.update(said)  # nothing is asked of the proxy but this request itself
        return await super().connect(req, traces, timeout)

    def _to(self, req: ClientRequest) -> Proxy | None:
        return self._proxies.of(req.url.scheme, req.url.host or "", req.url.port or 0)

    async def _wrap_create_connection(
        self,
        *args: Any,
        addr_infos: Any,
        req: ClientRequest,
        timeout: ClientTimeout,
        **how: Any,
    ) -> "tuple[asyncio.Transport, ResponseHandler]":
        """Where aiohttp opens a socket; its own place for this is where SOCKS has to come in, as in aiohttp-socks."""
        proxy = self._to(req)
        if proxy is None or not proxy.is_socks:
            return await super()._wrap_create_connection(*args, addr_infos=addr_infos, req=req, timeout=timeout, **how)
        host, port = addr_infos[0][4][:2]
        try:
            opened = await _through(proxy, host, port, timeout.sock_connect)
        except OSError as error:
            raise aiohttp.ClientProxyConnectionError(req.connection_key, error) from error
        return await self._wrap_existing_connection(*args, sock=opened, req=req, timeout=timeout, **how)


async def _through(proxy: Proxy, host: str, port: int, within_s: float | None) -> socket.socket:
    """A connection to a host that a SOCKS proxy makes for us."""
    from python_socks import ProxyConnectionError, ProxyError, ProxyTimeoutError, ProxyType  # noqa: PLC0415
    from python_socks.async_.asyncio import Proxy as Socks  # noqa: PLC0415 - few have one

    kind = ProxyType.SOCKS4 if proxy.scheme == "socks4" else ProxyType.SOCKS5
    through = Socks(kind, proxy.host, proxy.port, proxy.user or None, proxy.password or None, rdns=True)
    try:
        made: socket.socket = await through.connect(host, port, timeout=within_s)
    except (ProxyConnectionError, ProxyError, ProxyTimeoutError) as error:
        raise ConnectionError(f"the proxy {proxy.url} did not connect: {error}") from error
    return made


class _Resolver(AbstractResolver):
    """Leaves names to the SOCKS proxy that will connect to them: here they may mean nothing, or something else.

    Args:
        inner: Whom to ask for all others, except proxies themselves; None for the system.
    """

    def __init__(self, proxies: Proxies, inner: AbstractResolver | None) -> None:
        self._proxies = proxies
        self._inner = inner
        self._usual: AbstractResolver | None = None

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """See ``AbstractResolver``."""
        proxy = self._proxies.of("https" if port != _HTTP else "http", host, port)
        if self._proxies.is_one(host, port):
            return await self._default().resolve(host, port, family)
        if self._inner is None and proxy is not None and proxy.is_socks:
            return [
                {"hostname": host, "host": host, "port": port, "family": socket.AF_INET, "proto": 0, "flags": 0},
            ]
        return await (self._inner or self._default()).resolve(host, port, family)

    def _default(self) -> AbstractResolver:
        if self._usual is None:
            self._usual = DefaultResolver()
        return self._usual

    async def close(self) -> None:
        """See ``AbstractResolver``."""
        for resolver in (self._inner, self._usual):
            if resolver is not None:
                await resolver.close()


_HTTP = 80
