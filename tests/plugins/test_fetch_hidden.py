"""What nobody who looks at a page would see does not reach the model, and what they would see does."""

import pytest

from hiding import AFTER, BEFORE, HIDDEN, SHOWN, WORDS, page
from plugins.fetch.pages import main_text
from plugins.fetch.tree import TooDeep

URL = "https://a.example/"
ALONE, IN_AN_ARTICLE = "{}", f"<article>{BEFORE * 3}{{}}{AFTER * 3}</article>"
LEFT_OUT = {
    "words beside a picture": '<img src="/x.png" alt="{}">',
    "words in a drawing": "<svg><text y=20>{}</text></svg>",
    "words of a field": '<input value="{}">',
    "words instead of a thing": "<object>{}</object>",
}
"""What is seen, and not told all the same."""
IN_DOUBT = {
    "a class that others hide": '<p class="big sr-only">{}</p>',
    "another": '<p class="visually-hidden">{}</p>',
    "letters on one another": '<p style="letter-spacing:-1em">{}</p>',
    "white letters on a picture": '<p style="background:url(x.png);color:#fff">{}</p>',
    "a filter from elsewhere": '<p style="filter:url(x.svg#f)">{}</p>',
    "a mask from elsewhere": '<p style="mask:url(x.png)">{}</p>',
    "tiny in some browsers": '<p style="font-size:.05em">{}</p>',
    "a long chain": "<style>:root{--a0:none;"
    + "".join(f"--a{n + 1}:var(--a{n});" for n in range(60))
    + "}.q{display:var(--a60)}</style><p class=q>{}</p>",
}
"""What might be seen, and is not told."""


def told(html: str) -> str:
    """What a model is told of a page."""
    return main_text(html, URL)[1]


@pytest.mark.parametrize("around", [ALONE, IN_AN_ARTICLE], ids=["short", "long"])
@pytest.mark.parametrize("name", HIDDEN)
def test_what_nobody_sees_is_not_told(name: str, around: str) -> None:
    """Neither where a main text is found nor where all is taken; and what comes after it is still there."""
    text = told(page(HIDDEN[name], around=around))
    assert "joke" not in text
    assert "iced tea" in text


@pytest.mark.parametrize("around", [ALONE, IN_AN_ARTICLE], ids=["short", "long"])
@pytest.mark.parametrize("name", SHOWN)
def test_what_everybody_sees_is_told(name: str, around: str) -> None:
    """Whatever it is dressed in."""
    text = told(page(SHOWN[name], around=around))
    assert "joke" in text
    assert "iced tea" in text


@pytest.mark.parametrize("name", LEFT_OUT | IN_DOUBT)
def test_what_is_in_doubt_is_not_told(name: str) -> None:
    """A word less is better than one for machines."""
    text = told(page((LEFT_OUT | IN_DOUBT)[name]))
    assert "joke" not in text
    assert "iced tea" in text


def test_the_title_is_the_one_that_is_seen() -> None:
    """Not what the page tells to search engines, nor what a drawing is called."""
    head = f'<meta property="og:title" content="{WORDS}"><title>Tea &amp; more</title>'
    html = f"<html><head>{head}</head><body><svg><title>{WORDS}</title></svg>{BEFORE}</body></html>"
    assert main_text(html, URL)[0] == "Tea & more"


def test_a_page_that_shows_itself_late_is_read() -> None:
    """Scripts that are in doubt hide all of it, until everything is there."""
    html = f'<html class="late"><style>.late{{opacity:0}}</style><body style="visibility:hidden">{BEFORE}</body></html>'
    assert "Tea is a drink" in told(html)


def test_of_a_page_that_is_hidden_but_for_some_words_those_are_told() -> None:
    """That the rest is hidden as a whole is then no script's doing."""
    html = f'<body style="visibility:hidden"><p>{WORDS}</p><div style="visibility:visible">{BEFORE}</div></body>'
    assert "Tea is a drink" in told(html)
    assert "joke" not in told(html)


def test_words_after_something_hidden_stay() -> None:
    """They are not part of it, though a parser keeps them there."""
    html = f'<html><body><p>One <span style="display:none">{WORDS}</span>two three.</p></body></html>'
    assert told(html) == "One two three."


def test_links_lead_where_the_page_says() -> None:
    """By the base that it names, if it does."""
    assert told('<base href="/b/"><a href="c">C</a>') == "[C](https://a.example/b/c)"
    assert told('<a href="c">C</a>') == "[C](https://a.example/c)"


@pytest.mark.parametrize("style", ["", ";;;", ":", "display", "opacity:x", "left:-", "clip:", "width:0", "font-size:s"])
def test_nonsense_hides_nothing(style: str) -> None:
    """Browsers ignore what they do not understand."""
    assert "joke" in told(page(f'<p style="{style}">{{}}</p>'))


@pytest.mark.parametrize(
    "html",
    [
        "",
        "<",
        "\0\0",
        "<html>",
        "<!-- ",
        "<table>" * 300 + "x",
        f'<p style="{"a:" * 10_000}">x</p>',
        "<p \ud800=\ud800>x",
    ],
    ids=range(8),
)
def test_no_page_breaks_it(html: str) -> None:
    """Each of these has stopped somebody's parser."""
    told(html)


@pytest.mark.parametrize(
    "html",
    [
        "<body>" + "<div>" * 1000 + "deep",
        "<body>" + "<b><i><a href=x>" * 500,
        "<style>" + "a{" * 5000 + "</style>x",
        "<style>" + ":is(" * 500 + "p" + ")" * 500 + "{display:none}</style>x",
        "<style>p{left:" + "calc(" * 3000 + "1px" + ")" * 3000 + "}</style>x",
        f'<p style="transform:{"translate(" * 20_000}">x</p>',
        "<style>:root{--a0:a a a a;"
        + "".join(f"--a{n + 1}:{f'var(--a{n})' * 4};" for n in range(20))
        + "} p{display:var(--a20)}</style><p>x",
    ],
    ids=range(7),
)
def test_what_is_nested_too_deeply_is_not_read(html: str) -> None:
    """It cannot be told what such a page hides, so none of it is."""
    with pytest.raises(TooDeep):
        told(html)
