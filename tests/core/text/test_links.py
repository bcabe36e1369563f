"""Addresses: where they end, and whether the words of a link lie about them."""

import pytest

from core.text.links import addresses, deceptive, misleads


@pytest.mark.parametrize(
    "text, found",
    [
        (
            "see https://docs.python.org/3/library/__future__.html.",
            ["https://docs.python.org/3/library/__future__.html"],
        ),
        ("(https://en.wikipedia.org/wiki/A_(b))", ["https://en.wikipedia.org/wiki/A_(b)"]),
        ("**https://web.archive.org/web/*/example.com**", ["https://web.archive.org/web/*/example.com"]),
        ("[https://a.b/c_d](https://e.f/_g)", ["https://a.b/c_d", "https://e.f/_g"]),
        ("http://[::1]:8080/x_[1]", ["http://[::1]:8080/x_[1]"]),
        ("请看https://a.b/__c__.html在这里", ["https://a.b/__c__.html"]),
        ("https://ja.wikipedia.org/wiki/東京。", ["https://ja.wikipedia.org/wiki/東京"]),
        ("https://例え.jp/パス", ["https://例え.jp/パス"]),
        ("WWW.example.org, and more", ["WWW.example.org"]),
        ('<a href="https://a.b/c">', ["https://a.b/c"]),
        ("https:// and xhttps://a.b and http", []),
    ],
)
def test_where_addresses_begin_and_end(text: str, found: list[str]) -> None:
    """Not with the sentence, the bracket or the letters around them."""
    assert [text[start:end] for start, end in addresses(text)] == found


@pytest.mark.parametrize(
    "words, url",
    [
        ("https://bank.example", "https://evil.example"),
        ("bank.com", "https://evil.example"),
        ("PayPal.com", "https://paypa1.com"),
        ("www.bank.com/login", "https://evil.example/www.bank.com/login"),
        ("Log in at bank.com now", "https://evil.example"),
        ("(bank.com)", "https://evil.example"),
        ("bank.com", "https://evil.example/bank.com"),
        ("ｂａｎｋ．com", "https://evil.example"),
        ("ba\u200bnk.com", "https://evil.example"),
        ("my bank", "https://bank.com@evil.example"),
        ("my bank", "https://bank.com%2F@evil.example/"),
        ("https://bank.com@evil.example", "https://evil.example"),
        ("help@bank.com", "mailto:help@evil.example"),
        ("paypal.com", "https://раураl.com"),
        ("раураl.com", "https://раураl.com"),
        ("paypal.com", "https://xn--l-7sba6dbr.com"),
        ("192.168.1.1", "http://10.0.0.1"),
        ("bücher.de", "https://buecher.de"),
        ("github.io", "https://evil.github.io"),
    ],
)
def test_words_that_name_another_host_mislead(words: str, url: str) -> None:
    """With a scheme or without, hidden among others, in other letters, or before an @."""
    assert misleads(words, url)


@pytest.mark.parametrize(
    "words, url",
    [
        ("bank.com", "https://www.bank.com/x"),
        ("https://bank.com/", "https://bank.com"),
        ("my bank", "https://bank.com"),
        ("bücher.de", "https://xn--bcher-kva.de/"),
        ("例え.jp", "https://例え.jp"),
        ("os.path", "https://docs.python.org/3/library/os.path.html"),
        ("main.py", "https://github.com/a/b/blob/main.py"),
        ("README.md", "https://github.com/a/b/blob/main/README.md"),
        ("v1.2.3", "https://example.org"),
        ("Node.js", "https://nodejs.org"),
        ("e.g. this", "https://example.org"),
        ("a.b:80", "http://a.b:80/"),
        ("http://[::1]:8080/", "http://[::1]:8080/"),
        ("https://a.b/readme.md", "https://a.b/readme.md"),
    ],
)
def test_words_that_name_none_or_the_same_do_not(words: str, url: str) -> None:
    """Files, versions and modules are no hosts."""
    assert not misleads(words, url)


@pytest.mark.parametrize(
    "url, host",
    [
        ("https://bank.com@evil.example/x", "evil.example"),
        ("https://user:secret@evil.example", "evil.example"),
        ("https://раураl.com", "xn--l-7sba6dbr.com"),
        ("https://bank.com", ""),
        ("https://münchen.de", ""),
        ("https://пример.рф", ""),
        ("mailto:a@b.org", ""),
        ("https://[::1", ""),
    ],
)
def test_an_address_that_reads_like_another_has_its_host_named(url: str, host: str) -> None:
    """What stands before an @ is no host, and Cyrillic letters are no Latin ones."""
    assert deceptive(url) == host


@pytest.mark.parametrize(
    "text, address",
    [
        ("https://a.example/__init__", "https://a.example/__init__"),
        ("see https://a.example/?d=*e* there", "https://a.example/?d=*e*"),
        ("https://a.example/~~x~~.", "https://a.example/~~x~~"),
        ("https://a.example/a_b_", "https://a.example/a_b_"),
        ("_https://a.example/a_b_", "https://a.example/a_b"),
        ("**https://a.example/x**", "https://a.example/x"),
        ("see *this: https://a.example/x*", "https://a.example/x"),
    ],
)
def test_marks_that_an_address_holds_in_pairs_are_its_own(text: str, address: str) -> None:
    """Those that stand around it, or close what was opened before it, are not."""
    ((start, end),) = addresses(text)
    assert text[start:end] == address
