"""Names of inner networks, and the operator's list of what may be fetched of them."""

import pytest

from core.hosts import allowed, is_inner


@pytest.mark.parametrize(
    "name, inner",
    [
        ("localhost", True),
        ("x.localhost", True),
        ("router", True),
        ("wiki.lan", True),
        ("printer.local", True),
        ("db.internal", True),
        ("metadata.google.internal", True),
        ("x.home.arpa", True),
        ("a.test", True),
        ("abc.onion", True),
        ("a.example", False),
        ("local.example", False),
        ("internal.co", False),
    ],
)
def test_names_of_inner_networks_are_known(name: str, *, inner: bool) -> None:
    """Nobody is even asked what they stand for."""
    assert is_inner(name) == inner


def test_the_operators_list_names_hosts_and_ports() -> None:
    """Without a port, those of the web."""
    assert allowed(["Wiki.LAN:8080", "10.1.2.3", "[FD00::1]:81", "bücher.lan:1"]) == {
        ("wiki.lan", 8080),
        ("10.1.2.3", 80),
        ("10.1.2.3", 443),
        ("fd00::1", 81),
        ("xn--bcher-kva.lan", 1),
    }


@pytest.mark.parametrize(
    "entry", ["", "http://a.lan", "a.lan/x", "a.lan:", "a.lan:x", "u@a.lan", "10.1.2.0/24", "127.1", "*"]
)
def test_an_entry_that_is_none_is_named(entry: str) -> None:
    """One that means nothing would be taken for protection."""
    with pytest.raises(ValueError, match=r"should be a host|names no host"):
        allowed([entry])
