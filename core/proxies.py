"""Through which proxy an address is reached: the operator's, or the one that the environment names.

Everybody who connects to somewhere asks here, so that one setting holds for every messenger, every model and every
page. This machine is always reached without one.
"""

import ipaddress
from collections.abc import Callable, Mapping, Sequence
from ipaddress import IPv4Network, IPv6Network
from urllib.parse import SplitResult, unquote, urlsplit
from urllib.request import getproxies, proxy_bypass

from core.errors import SettingsError
from core.values import value

_PORTS = {"http": 80, "https": 443, "socks4": 1080, "socks5": 1080}
_WRITTEN = {"socks": "socks5", "socks5h": "socks5", "socks4a": "socks4"}
"""Kinds that are written in several ways. Whoever names a SOCKS proxy has it look names up, too."""
_DEFAULT = {"http": 80, "ws": 80, "https": 443, "wss": 443}
_LOOPBACK = frozenset({"localhost", "localhost.localdomain"})


@value
class Proxy:
    """A proxy as one connects to it; its password is never shown.

    Attributes:
        scheme: ``http`` or ``https`` (how it is spoken to itself), ``socks4`` or ``socks5``.
    """

    scheme: str
    host: str
    port: int
    user: str = ""
    password: str = ""

    @property
    def is_socks(self) -> bool:
        """Whether it takes bare connections."""
        return self.scheme.startswith("socks")

    @property
    def url(self) -> str:
        """Its address, without a name or a password."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}"

    def __repr__(self) -> str:
        return f"Proxy({self.url})"


def read_proxy(written: str) -> Proxy:
    """Read a proxy's address: ``http://user:password@proxy.example:3128``; without a scheme it speaks HTTP.

    Raises:
        ValueError: It is none; the sentence says why, and holds nothing of what was written.
    """
    text = written.strip().removeprefix("\ufeff").strip()
    try:
        parts = urlsplit(text if "://" in text else f"http://{text}")
        host, port = parts.hostname or "", parts.port
    except ValueError as error:
        message = "it should be a proxy's address, like http://proxy.example:3128"
        raise ValueError(message) from error
    scheme = _WRITTEN.get(parts.scheme, parts.scheme)
    if scheme not in _PORTS:
        message = f"a proxy is spoken to by http, https, socks4 or socks5, not by {parts.scheme}"
        raise ValueError(message)
    if not host or any(ch.isspace() for ch in parts.netloc) or parts.path.strip("/") or parts.query or parts.fragment:
        message = "it should be a proxy's address and nothing else, like http://proxy.example:3128"
        raise ValueError(message)
    return Proxy(
        scheme=scheme,
        host=host,
        port=port or _PORTS[scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
    )


class Proxies:
    """Which proxy leads where.

    Args:
        all: For every address; None for none.
        by_scheme: For addresses of one scheme (``http``, ``https``), where ``all`` is None.
        bypassed: Whether a host is reached without one, given as ``host`` and port.
    """

    def __init__(
        self,
        all: Proxy | None = None,  # noqa: A002 - as the environment calls it
        by_scheme: Mapping[str, Proxy] | None = None,
        bypassed: Callable[[str, int], bool] = lambda host, port: False,  # noqa: ARG005
    ) -> None:
        self._all = all
        self._by_scheme = dict(by_scheme or {})
        self._bypassed = bypassed
        self._known: dict[tuple[str, str, int], Proxy | None] = {}

    @property
    def any(self) -> bool:
        """Whether anything is reached by a proxy."""
        return self._all is not None or bool(self._by_scheme)

    def is_one(self, host: str, port: int) -> bool:
        """Whether a proxy itself is there."""
        mine = [self._all, *self._by_scheme.values()]
        return any(proxy is not None and (proxy.host, proxy.port) == (host, port) for proxy in mine)

    def of_url(self, url: str) -> Proxy | None:
        """The proxy that leads to an address, None for none."""
        parts: SplitResult = urlsplit(url)
        return self.of(parts.scheme, parts.hostname or "", parts.port or _DEFAULT.get(parts.scheme, 0))

    def of(self, scheme: str, host: str, port: int) -> Proxy | None:
        """The same for an address in parts."""
        if not self.any:
            return None
        asked = (scheme, host, port)
        if asked not in self._known:
            if len(self._known) > _MOST_KNOWN:  # whoever fetches names hosts without end
                self._known.clear()
            self._known[asked] = self._find(scheme, host.lower().rstrip("."), port)
        return self._known[asked]

    def _find(self, scheme: str, host: str, port: int) -> Proxy | None:
        if _is_here(host) or self._bypassed(host, port):
            return None
        scheme = {"ws": "http", "wss": "https"}.get(scheme, scheme)
        return self._all or self._by_scheme.get(scheme) or self._by_scheme.get("all")


_MOST_KNOWN = 1000
NO_PROXIES = Proxies()


NO_PROXY = "none"
"""What is written for no proxy at all, whatever the environment says."""


def proxies_of(setting: str = "") -> Proxies:
    """The proxies of this deployment: ``[egress] proxy``, else the environment's; what NO_PROXY names goes without.

    Args:
        setting: ``[egress] proxy``; ``none`` to heed no proxy at all, "" for the environment's.

    Raises:
        SettingsError: A variable of the environment holds no proxy.
    """
    if setting.strip().lower() == NO_PROXY:
        return NO_PROXIES
    found = {scheme: text.strip() for scheme, text in getproxies().items()}
    entries = found.pop("no", "").replace(",", " ").split()

    def bypassed(host: str, port: int) -> bool:
        return named_in(entries, host, port) or bool(proxy_bypass(host))

    if setting:
        return Proxies(all=read_proxy(setting), bypassed=bypassed)
    by_scheme = {}
    for scheme in ("http", "https", "all"):
        if text := found.get(scheme, ""):
            try:
                by_scheme[scheme] = read_proxy(text)
            except ValueError as wrong:
                name = f"{scheme.upper()}_PROXY"
                mend = "Mend it, or write the proxy under [egress] proxy."
                raise SettingsError(f"{name} in the environment: {wrong}. {mend}") from None
    return Proxies(by_scheme=by_scheme, bypassed=bypassed)


def named_in(entries: Sequence[str], host: str, port: int) -> bool:
    """Whether NO_PROXY names a host: by its name, an end of it, its address, a network, with or without a port."""
    return any(_names(entry, host, port) for entry in entries)


def _names(entry: str, host: str, port: int) -> bool:
    entry = entry.strip().lower()
    if entry == "*":
        return True
    if network := _network(entry.strip("[]")):
        address = _network(host)
        return address is not None and address.version == network.version and address.network_address in network
    name, _, number = entry.rpartition(":")
    if number.isdigit() and name:
        if int(number) != port:
            return False
        return _names(name, host, port)
    end = entry.removeprefix("*").strip(".")
    return bool(end) and (host == end or host.endswith(f".{end}"))


def _network(text: str) -> IPv4Network | IPv6Network | None:
    try:
        return ipaddress.ip_network(text, strict=False)
    except ValueError:
        return None


def _is_here(host: str) -> bool:
    """Whether it is this machine, by whatever name."""
    if host in _LOOPBACK or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False
