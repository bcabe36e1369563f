"""Hosts in one way of writing, and the operator's list of those that may be fetched although they are not public."""

import ipaddress
import re
from collections.abc import Collection
from ipaddress import IPv4Address, IPv6Address

from core.errors import AddressRefused

_LABEL = "[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?"
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(?:\.{_LABEL})*")
_NUMBER = re.compile(r"[0-9]+|0x[0-9a-f]*")
_ENTRY = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:/@\[\]]+)(?::(?P<port>[0-9]{1,5}))?")
_INNER = frozenset({"alt", "internal", "invalid", "lan", "local", "localdomain", "localhost", "onion", "test"})
"""Ends of names that are never public, most of them by https://www.iana.org/assignments/special-use-domain-names."""

WEB_PORTS = frozenset({80, 443})


def canonical(host: str) -> tuple[str, IPv4Address | IPv6Address | None]:
    """A host (of ASCII characters) in its one way of writing; the address itself where it is one.

    Raises:
        AddressRefused: It is no host, or an address written in a way that some read otherwise.
    """
    if ":" in host:
        try:
            literal = IPv6Address(host)
        except ValueError as error:
            raise AddressRefused("that is no address of a page") from error
        if literal.scope_id:
            raise AddressRefused("an address of one network link is not fetched")
        return str(literal), literal
    host = host.lower().removesuffix(".")
    if not _NAME.fullmatch(host):
        raise AddressRefused("that is no address of a page")
    if not _NUMBER.fullmatch(host.rpartition(".")[2]):
        return host, None
    try:
        # Only four plain numbers: some readers take 0177.0.0.1, 0x7f.1 and 2130706433 for an address as well.
        return host, ipaddress.IPv4Address(host)
    except ValueError as error:
        raise AddressRefused("an address in numbers has to be four of them, like 192.0.2.1") from error


def is_inner(name: str) -> bool:
    """Whether a name belongs to an inner network: to ask about it would already tell somebody something."""
    end = name.rpartition(".")[2]
    return end == name or end in _INNER or name.endswith(".home.arpa")


def allowed(entries: Collection[str]) -> frozenset[tuple[str, int]]:
    """The operator's list: ``wiki.lan``, ``10.1.2.3:8080``, ``[fd00::1]:80``; without a port the web's two.

    Raises:
        ValueError: An entry is none; the sentence says which.
    """
    found: set[tuple[str, int]] = set()
    for entry in entries:
        match = _ENTRY.fullmatch(entry.strip())
        if match is None:
            raise ValueError(f"{entry!r} should be a host, or a host and a port, like wiki.lan:8080")
        try:
            host, _ = canonical(match["host"].strip("[]").encode("idna").decode())
        except (AddressRefused, UnicodeError) as error:
            raise ValueError(f"{entry!r} names no host") from error
        found |= {(host, port) for port in ([int(match["port"])] if match["port"] else WEB_PORTS)}
    return frozenset(found)
