"""The judge of pages sees what must not be in an answer."""

import pytest

from conformance.reading import Reader

ANSWER = (
    '<article class="answer" id="m-1" data-state="final">'
    '<div class="body">{}</div><div class="choices">{}</div></article>'
)


def read(body: str, choices: str = "") -> Reader:
    """What is made of one answer."""
    reader = Reader()
    reader.feed(ANSWER.format(body, choices))
    return reader


@pytest.mark.parametrize(
    "body",
    [
        "<script>alert(1)</script>",
        '<p onclick="x()">words</p>',
        '<img src="https://evil.example/leak">',
        '<a href="javascript:alert(1)">here</a>',
        '<a href="//evil.example">here</a>',
        '<p style="position: fixed">words</p>',
        '<form action="/do"><input name="tap"></form>',
    ],
)
def test_what_could_act_or_leak_is_held_against_an_answer(body: str) -> None:
    """Each of these would be a hole in a page."""
    assert len(read(body).violations) >= 1


def test_an_answer_is_read_as_it_is_seen() -> None:
    """Words without their marks, buttons apart, and what is around the answer is not in it."""
    reader = read("<h2>Title</h2><p>Some <b>bold</b> words.</p>", '<button name="tap" value="t1">Yes</button>')
    (shown,) = reader.shown()
    assert shown.text == "Title\nSome bold words."
    assert [(button.label, button.token) for button in shown.buttons] == [("Yes", "t1")]
    assert (reader.states, reader.violations) == (["final"], [])
