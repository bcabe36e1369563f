"""Which addresses are the public internet. Each row of the tables is one that somebody has been attacked by."""

from ipaddress import ip_address, ip_network

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.egress.addresses import is_public

INNER = [
    *("0.0.0.7", "0.1.2.3", "10.0.0.1", "10.255.255.255", "127.0.0.1", "127.255.255.254"),
    *("100.64.0.1", "100.100.100.200", "100.127.255.255"),
    *("169.254.169.254", "169.254.170.2", "169.254.0.1", "168.63.129.16"),
    *("172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255"),
    *("192.0.0.1", "192.0.0.170", "192.0.0.192", "192.0.0.9", "192.0.2.1", "192.31.196.1", "192.52.193.1"),
    *("192.88.99.1", "192.175.48.1", "198.18.0.1", "198.19.255.255", "198.51.100.7", "203.0.113.9"),
    *("224.0.0.1", "239.255.255.250", "233.252.0.1", "240.0.0.1", "255.255.255.255"),
    *("::", "::1", "::2", "::127.0.0.1", "::8.8.8.8"),
    *("::ffff:127.0.0.1", "::ffff:8.8.8.8", "::ffff:0:127.0.0.1", "::ffff:169.254.169.254"),
    *("64:ff9b::7f00:1", "64:ff9b::808:808", "64:ff9b:1::7f00:1", "100::1", "100:0:0:1::1"),
    *("2001::1", "2001:0:7f00:1::", "2001:2::1", "2001:10::1", "2001:20::1", "2001:4:112::1", "2001:1::1"),
    *("2001:db8::1", "2002:7f00:1::", "2002:a00:1::1", "2002:808:808::1", "2620:4f:8000::1", "3fff::1", "5f00::1"),
    *("fc00::1", "fd00:ec2::254", "fd20:ce::254", "fd00::1", "fe80::1", "fe80::1%eth0", "febf::1", "fec0::1"),
    *("ff00::1", "ff02::1", "ff0e::1", "4000::1", "8000::1", "1::1"),
]
OUTER = [
    *("1.1.1.1", "8.8.8.8", "93.184.216.34", "9.255.255.255", "11.0.0.1", "100.63.255.255", "100.128.0.1"),
    *("128.0.0.1", "126.255.255.255", "168.63.129.15", "168.63.129.17", "169.253.255.255", "169.255.0.1"),
    *("172.15.255.255", "172.32.0.1", "192.0.1.1", "192.167.255.255", "192.169.0.1", "198.17.255.255", "198.20.0.1"),
    *("223.255.255.255", "2001:200::1", "2001:4860:4860::8888", "2606:2800:220:1::1", "2a00:1450::1", "2003::1"),
]


@pytest.mark.parametrize("address", INNER)
def test_what_is_not_public_is_known(address: str) -> None:
    """This machine, this network, private ones, a cloud's own services, translated and reserved addresses."""
    assert not is_public(ip_address(address))


@pytest.mark.parametrize("address", OUTER)
def test_what_is_public_is_let_through(address: str) -> None:
    """Also right before and right after a range that is not."""
    assert is_public(ip_address(address))


@given(st.ip_addresses(v=6))
def test_of_ipv6_only_the_unicast_part_is_public(address: object) -> None:
    """An eighth of it: whatever is invented in the rest is refused until somebody looks at it."""
    inside = ip_address(str(address)) in ip_network("2000::/3")
    assert inside or not is_public(ip_address(str(address)))


@given(st.ip_addresses(v=4))
def test_an_ipv4_address_in_ipv6_is_never_public(address: object) -> None:
    """Mapped, compatible, translated or tunnelled: some system on the way would unpack it."""
    inner = f"{int(ip_address(str(address))):08x}"
    high, low = inner[:4], inner[4:]
    for written in (f"::ffff:{high}:{low}", f"::{high}:{low}", f"64:ff9b::{high}:{low}", f"2002:{high}:{low}::1"):
        assert not is_public(ip_address(written))
