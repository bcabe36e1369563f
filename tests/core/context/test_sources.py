"""The sources of an answer: numbered in its words without tearing anything, and listed below."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.context.sources import Sources
from core.exchange import Part


def text(body: str) -> Part:
    """Words of the model."""
    return Part(kind="text", body=body)


def source(address: str, title: str = "A page") -> Part:
    """What bears them out."""
    return Part(kind="citation", name=title, body=address)


def test_numbers_follow_the_words_and_stay_the_same_for_the_same_address() -> None:
    """A reader finds what a sentence rests on."""
    sources = Sources()
    one, two = source("https://example.org/one", "One"), source("https://example.org/two", "Two")
    assert sources.marked([text("It rains."), one, text(" It pours."), two, one, text("\n\nEnd.")]) == (
        "It rains. [1] It pours. [2][1]\n\nEnd."
    )
    assert sources.marked([text("Again."), two]) == "Again. [2]"
    assert sources.listed() == "Sources:\n\n1. [One](https://example.org/one)\n2. [Two](https://example.org/two)"


def test_an_answer_without_sources_is_left_as_it_is() -> None:
    """Nothing is added where there is nothing to tell."""
    sources = Sources()
    assert sources.marked([text("  Hello *there*. ")]) == "Hello *there*."
    assert sources.listed() == ""


@pytest.mark.parametrize(
    "before, after, whole",
    [
        ("See `a", "b` now", "See `ab` [1] now"),
        ("It is **very", " old**.", "It is **very old** [1]."),
        ("```py\nx = 1", "\ny = 2\n```\nEnd", "```py\nx = 1\ny = 2\n```\n[1]\nEnd"),
        ("```py\nx = 1", "\ny = 2", "```py\nx = 1\ny = 2\n[1]"),
        ("Bonn", "(a city)", "Bonn \\[1\\](a city)"),
        ("- one\n- two\n", "- three", "- one\n- two [1]\n- three"),
    ],
)
def test_a_number_tears_nothing(before: str, after: str, whole: str) -> None:
    """A source may be told in the middle of a construct; its number waits for the end of it."""
    assert Sources().marked([text(before), source("https://example.org"), text(after)]) == whole


@pytest.mark.parametrize(
    "address", ["javascript:alert(1)", "file:///etc/passwd", "https://", "http://[", "", "ftp://a/b"]
)
def test_what_is_no_address_of_the_web_is_not_listed(address: str) -> None:
    """An address that a lab or a page made up is not made into a link."""
    sources = Sources()
    assert sources.marked([text("So."), source(address)]) == "So."
    assert sources.listed() == ""


def test_a_title_cannot_pass_for_anything_else() -> None:
    """Titles are written by strangers."""
    sources = Sources()
    sources.marked([text("So."), source("https://e.org/a(b)?c=<d>", "](https://evil.org) **Click**\n\n# Now `x`")])
    assert sources.listed().splitlines()[2:] == [
        "1. [\\]\\(https\\://evil.org\\) \\*\\*Click\\*\\* \\# Now \\`x\\`](https://e.org/a%28b%29?c=%3Cd%3E)"
    ]


def test_a_page_without_a_title_goes_by_its_host() -> None:
    """Something has to be there to be read."""
    sources = Sources()
    sources.marked([text("So."), source("https://example.org/long/path", " ")])
    assert "[example.org](https://example.org/long/path)" in sources.listed()


_PARTS = st.lists(
    st.one_of(
        st.text(alphabet="ab *`~[]()|#>-\n$_:", max_size=12).map(text),
        st.sampled_from(["https://a.org", "https://b.org", "nowhere"]).map(source),
    )
)


@given(_PARTS)
def test_nothing_of_the_words_is_lost(parts: list[Part]) -> None:
    """Numbers are put between the words, whatever those look like."""
    said = "".join(part.body for part in parts if part.kind == "text")
    marked = Sources().marked(parts)
    for number in ("[1]", "[2]", "\\[1\\]", "\\[2\\]"):
        marked = marked.replace(number, "")
    assert [c for c in marked if not c.isspace()] == [c for c in said if not c.isspace()]
