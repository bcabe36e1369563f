"""Which proxy leads where: what the operator and the environment say, and what goes without."""

import pytest

from core.errors import SettingsError
from core.proxies import Proxy, named_in, proxies_of, read_proxy

_NAMES = [f"{scheme}_proxy" for scheme in ("http", "https", "all", "no")]


@pytest.fixture(autouse=True)
def bare(monkeypatch: pytest.MonkeyPatch) -> None:
    """An environment that says nothing."""
    for name in _NAMES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    "written, url",
    [
        ("http://proxy.example:3128", "http://proxy.example:3128"),
        ("https://proxy.example", "https://proxy.example:443"),
        (" \ufeffproxy.example:3128\n", "http://proxy.example:3128"),
        ("http://ann:p%40ss@proxy.example:3128/", "http://proxy.example:3128"),
        ("socks5h://127.0.0.1:9050", "socks5://127.0.0.1:9050"),
        ("socks://[::1]", "socks5://[::1]:1080"),
        ("socks4a://p.example", "socks4://p.example:1080"),
    ],
)
def test_a_proxy_is_read_as_people_write_it(written: str, url: str) -> None:
    """With what is usual where something is left out."""
    proxy = read_proxy(written)
    assert proxy.url == url
    assert "p@ss" not in repr(proxy)
    assert proxy.password in {"", "p@ss"}


@pytest.mark.parametrize(
    "written", ["ftp://p.example", "http://", "http://p.example:99999", "http://p.example/x", "a b"]
)
def test_what_is_no_proxy_is_refused(written: str) -> None:
    """In a sentence, without what was written: it may hold a password."""
    with pytest.raises(ValueError, match="proxy"):
        read_proxy(written)


def test_the_environment_says_by_scheme(monkeypatch: pytest.MonkeyPatch) -> None:
    """HTTPS_PROXY for https and wss, ALL_PROXY for the rest; what NO_PROXY names, and this machine, goes without."""
    monkeypatch.setenv("HTTPS_PROXY", "http://one.example:1")
    monkeypatch.setenv("ALL_PROXY", "socks5://two.example:2")
    monkeypatch.setenv("NO_PROXY", "inner.example, 10.0.0.0/8")
    proxies = proxies_of()
    assert proxies.of_url("https://api.telegram.org/bot") == Proxy(scheme="http", host="one.example", port=1)
    assert proxies.of_url("wss://gateway.discord.gg/?v=10") == Proxy(scheme="http", host="one.example", port=1)
    assert proxies.of_url("http://graph.facebook.com") == Proxy(scheme="socks5", host="two.example", port=2)
    for without in (
        "https://wiki.inner.example",
        "http://10.1.2.3",
        "http://localhost:1",
        "http://[::1]/",
        "http://127.9.9.9",
    ):
        assert proxies.of_url(without) is None


def test_the_setting_comes_before_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """NO_PROXY holds for both; "none" is for no proxy at all."""
    monkeypatch.setenv("HTTPS_PROXY", "http://one.example:1")
    monkeypatch.setenv("no_proxy", "*.inner.example")
    proxies = proxies_of("socks5://three.example:3")
    for url in ("https://a.example", "http://a.example", "ws://a.example"):
        assert proxies.of_url(url) == Proxy(scheme="socks5", host="three.example", port=3)
    assert proxies.of_url("https://x.inner.example") is None
    assert not proxies_of("None").any


def test_a_variable_that_makes_no_sense_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody would find out otherwise why nothing is reached."""
    monkeypatch.setenv("HTTPS_PROXY", "gopher://ann:secret@p.example")
    with pytest.raises(SettingsError, match="HTTPS_PROXY") as told:
        proxies_of()
    assert "secret" not in str(told.value)


@pytest.mark.parametrize(
    "entry, host, port, named",
    [
        ("*", "a.example", 443, True),
        ("a.example", "a.example", 443, True),
        ("A.Example", "a.example", 443, True),
        (".a.example", "x.a.example", 443, True),
        (".a.example", "a.example", 443, True),
        ("*.a.example", "x.a.example", 443, True),
        ("a.example", "ba.example", 443, False),
        ("a.example:8080", "a.example", 8080, True),
        ("a.example:8080", "a.example", 443, False),
        ("10.0.0.0/8", "10.200.3.4", 443, True),
        ("10.0.0.0/8", "11.0.0.1", 443, False),
        ("10.1.2.3", "10.1.2.3", 443, True),
        ("10.1.2.3:80", "10.1.2.3", 443, False),
        ("fd00::/8", "fd00::7", 443, True),
        ("[fd00::7]", "fd00::7", 443, True),
        ("[fd00::7]:443", "fd00::7", 443, True),
        ("fd00::7", "a.example", 443, False),
        ("", "a.example", 443, False),
        (".", "a.example", 443, False),
    ],
)
def test_no_proxy_names_hosts_in_many_ways(entry: str, host: str, port: int, *, named: bool) -> None:
    """As curl, Go and requests read it, taken together."""
    assert named_in([entry], host, port) is named
