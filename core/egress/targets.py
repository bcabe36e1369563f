"""Reading an address somebody named: one way to write it.

What is read here is what is connected to: the very object that was checked goes on to the HTTP client, so no two
readers of one address can disagree about its host.
"""

import re
from ipaddress import IPv4Address, IPv6Address

from yarl import URL

from core.errors import AddressRefused
from core.hosts import canonical
from core.values import value

_LONGEST = 4096
_ODD = re.compile(r"[\x00-\x20\x7f\\]")


@value
class Target:
    """Where to fetch from.

    Attributes:
        url: Small letters, punycode, no fragment, no dot at the host's end.
        literal: The host where it is an address already, None where it is a name.
    """

    url: URL
    host: str
    port: int
    literal: IPv4Address | IPv6Address | None


def read(named: str, base: Target | None = None) -> Target:
    """Read what somebody named, or where a redirect leads from ``base``.

    Raises:
        AddressRefused: It is nothing that could be fetched, whatever stands behind it.
    """
    named = named.strip()
    if len(named) > _LONGEST:
        raise AddressRefused("the address is too long")
    if _ODD.search(named):
        raise AddressRefused("the address holds characters that none may hold")
    try:
        url = URL(named)
        url = (base.url.join(url) if base else url).with_fragment(None)
        scheme, host, port = url.scheme, url.raw_host or "", url.port
        authority = named.partition("//")[2].partition("/")[0]
    except (ValueError, IndexError) as error:  # the latter for brackets in strange places
        raise AddressRefused("that is no address of a page") from error
    if scheme not in {"http", "https"} or port is None:
        raise AddressRefused("only addresses that begin with http:// or https:// can be fetched")
    if "@" in authority or "@" in url.raw_authority:
        raise AddressRefused("an address with a name or a password in it is not fetched")
    if "[" in authority and ":" not in host:
        raise AddressRefused("that is no address of a page")  # of a kind that nobody has ever used
    host, literal = canonical(host)
    return Target(url=url.with_host(host), host=host, port=port, literal=literal)
