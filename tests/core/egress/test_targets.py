"""Reading addresses: many ways to write one host, and all that is no address of a page."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from core.egress.targets import read
from core.errors import AddressRefused
from core.hosts import canonical

REFUSED = [
    *(
        "",
        " ",
        "page",
        "/page",
        "//a.example/",
        "a.example",
        "http:",
        "http://",
        "http:///x",
        "http:a.example",
        "https:/a",
    ),
    *("file:///etc/passwd", "ftp://a.example/", "gopher://a.example/", "data:text/plain,x", "javascript:alert(1)"),
    *("ws://a.example/", "dict://a.example:11211/", "view-source:http://a.example/", "blob:http://a.example/1"),
    *("http://user@a.example/", "http://user:pass@a.example/", "http://@a.example/", "http://:@a.example/"),
    *("http://127.0.0.1@a.example/", "http://a.example%00@b.example/", "http://a.example:80@b.example/"),
    *("http://a.example\\@b.example/", "http:\\\\a.example\\", "http://a.example/\\..\\x"),
    *(
        "http://a.example/\r\nHost: b",
        "http://a.example/ x",
        "http://a\t.example/",
        "http://a.example/\x00",
        "http://a b/",
    ),
    *("http://a.example:99999/", "http://a.example:-1/", "http://a.example:x/", "http://[::1", "http://[::1]x/"),
    *(
        "http://[fe80::1%25eth0]/",
        "http://[v1.a]/",
        "http://[::g]/",
        "http://x][@",
        "http://[]/",
        "http://[127.0.0.1]/",
    ),
    *(
        "http://127%2e0%2e0%2e1/",
        "http://a..example/",
        "http://.a.example/",
        "http://-a.example/",
        "http://a-.example/",
    ),
    *("http://*.example/", "http://a,b.example/", "http://a'.example/", f"http://{'a' * 64}.example/"),
    *(f"http://{'a.' * 130}example/", f"http://a.example/{'x' * 5000}", "http://a.example../"),
    *("http://127.1/", "http://127.0.1/", "http://2130706433/", "http://0x7f000001/", "http://0x7f.0.0.1/"),
    *("http://0177.0.0.1/", "http://017700000001/", "http://127.0.0.01/", "http://127.0.0.0x1/", "http://0x/"),
    *("http://256.256.256.256/", "http://1.2.3.4.5/", "http://a.1/", "http://127.0.0.1.1/", "http://0/", "http://08/"),
]
SAME = [
    ("http://A.EXAMPLE/", "a.example", "http://a.example/"),
    ("  https://a.example  ", "a.example", "https://a.example"),
    ("http://a.example./x", "a.example", "http://a.example/x"),
    ("http://a.example/x#part", "a.example", "http://a.example/x"),
    ("http://bücher.example/ü?q=ä", "xn--bcher-kva.example", "http://xn--bcher-kva.example/%C3%BC?q=%C3%A4"),
    ("http://BÜCHER.example/", "xn--bcher-kva.example", "http://xn--bcher-kva.example/"),
    ("http://ａ.example/", "a.example", "http://a.example/"),
    ("http://a。example/", "a.example", "http://a.example/"),
    ("http://127。0。0。1/", "127.0.0.1", "http://127.0.0.1/"),
    ("http://①②⑦.⓪.⓪.①/", "127.0.0.1", "http://127.0.0.1/"),
    ("http://１２７.0.0.1/", "127.0.0.1", "http://127.0.0.1/"),
    ("http://[::FFFF:7f00:1]/", "::ffff:7f00:1", "http://[::ffff:7f00:1]/"),
    ("http://[0:0:0:0:0:0:0:1]:80/", "::1", "http://[::1]/"),
    ("http://_dmarc.a_b.example/", "_dmarc.a_b.example", "http://_dmarc.a_b.example/"),
]


@pytest.mark.parametrize("named", REFUSED, ids=range(len(REFUSED)))
def test_what_is_no_address_of_a_page_is_refused(named: str) -> None:
    """Also addresses that one program reads so and another otherwise."""
    with pytest.raises(AddressRefused, match=r"\w"):
        read(named)


@pytest.mark.parametrize("named, host, url", SAME)
def test_an_address_is_read_in_one_way(named: str, host: str, url: str) -> None:
    """However it is written, it is checked as what is connected to."""
    target = read(named)
    assert (target.host, str(target.url).rstrip("/")) == (host, url.replace(":80/", "/").rstrip("/"))
    assert (target.literal is not None) == (host[0].isdigit() or ":" in host)


@pytest.mark.parametrize(
    "location, url",
    [
        ("/b?x=1", "https://a.example/b?x=1"),
        ("b", "https://a.example/x/b"),
        ("//b.example/", "https://b.example/"),
        ("?q", "https://a.example/x/y?q"),
        ("http://127.0.0.1/", "http://127.0.0.1/"),
    ],
)
def test_a_redirect_is_read_from_where_it_stands(location: str, url: str) -> None:
    """As browsers do."""
    assert str(read(location, read("https://a.example/x/y")).url) == url


@given(st.text(alphabet=st.sampled_from("http:/@.[]%0x127aü。①\\#?&-_ ~"), max_size=30))
def test_whatever_is_read_has_the_host_that_is_connected_to(text: str) -> None:
    """The client gets the object that was checked, and writing it out and reading it again changes nothing."""
    try:
        target = read(f"http://{text}")
    except AddressRefused:
        return
    assert target.url.raw_host == target.host
    assert URL(str(target.url)).raw_host == target.host
    assert target.url.raw_user is None
    assert target.host == canonical(target.host)[0]
