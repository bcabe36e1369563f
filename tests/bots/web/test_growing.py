"""An answer's HTML while it grows: in the end what it would have been at once, at a cost that does not explode."""

import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.web.growing import Growing
from bots.web.rendering import render

PARAGRAPH = "Some **bold** text with `code`, a [link](https://example.org) and $a^2$, and so on.\n\n"
CODE = "```python\n" + "def f(x):\n    return [y for y in range(x)]  # why\n" * 10 + "```\n\n"
LIST = "- one\n- two\n\n  still two\n\n1. first\n2. second\n\n"
TABLE = "| a | b |\n|---|---|\n| 1 | 2 |\n\n"
DOCUMENT = "# Title\n\n" + (PARAGRAPH * 3 + CODE + LIST + TABLE + "> quote\n> more\n\n" + "Setext\n---\n\n") * 2


def html_of(growing: Growing) -> str:
    """What a page shows."""
    return "".join(growing.complete) + growing.tail


@pytest.mark.parametrize("step", [1, 7, 100])
def test_in_the_end_it_is_what_it_would_have_been_at_once(step: int) -> None:
    """However the words came."""
    growing = Growing()
    for end in range(step, len(DOCUMENT) + step, step):
        growing.grow(DOCUMENT[:end])
    assert html_of(growing) == "".join(render(DOCUMENT))


def test_whoever_is_told_only_what_changed_knows_it_all() -> None:
    """Blocks before ``changed`` are as they were."""
    growing, known = Growing(), list[str]()
    for end in range(0, len(DOCUMENT), 13):
        growing.grow(DOCUMENT[:end])
        known[growing.changed :] = growing.complete[growing.changed :]
        assert known == growing.complete
    growing.finish(DOCUMENT)
    known[growing.changed :] = growing.complete[growing.changed :]
    assert known == growing.complete == render(DOCUMENT)
    assert growing.tail == ""


def test_an_answer_that_begins_again_is_shown_from_its_beginning() -> None:
    """A model that failed is asked once more, and says something else."""
    growing = Growing()
    growing.grow(PARAGRAPH * 5)
    growing.grow("Something else.")
    assert (growing.changed, html_of(growing)) == (0, "<p>Something else.</p>")


def test_what_is_defined_at_the_end_is_known_to_the_beginning_of_the_final_answer() -> None:
    """A reference can only be followed once its address has come."""
    text = "See [this].\n\n" + PARAGRAPH * 4 + "[this]: https://example.org\n"
    growing = Growing()
    for end in range(0, len(text), 5):
        growing.grow(text[:end])
    growing.finish(text)
    assert growing.changed == 0
    assert html_of(growing) == "".join(render(text))


@settings(max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from([PARAGRAPH, CODE, LIST, TABLE, "$$\nx\n", "```\n", "* ", "\n", "a\r\n", "\u2028", "[x]: y"])
    )
)
def test_the_final_answer_is_always_what_it_would_have_been_at_once(pieces: list[str]) -> None:
    """Whatever stood there while it came."""
    growing, text = Growing(), ""
    for piece in pieces:
        text += piece
        growing.grow(text)
    growing.finish(text)
    assert growing.complete == render(text)


def test_a_long_answer_costs_what_it_has_of_text_and_not_its_square() -> None:
    """Ten times as much text takes about ten times as long, a word at a time; a hundred times would be the square."""

    def seconds(text: str) -> float:
        growing, began = Growing(), time.process_time()
        for end in range(0, len(text), 200):
            growing.grow(text[:end])
        return time.process_time() - began

    seconds(DOCUMENT)
    short, long = seconds(PARAGRAPH * 100), seconds(PARAGRAPH * 1000)
    assert long < 30 * short
