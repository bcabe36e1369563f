"""A text that is still being written is shown as it will look, not as it happens to end."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.text.markup import lines
from core.text.unfinished import completed


@pytest.mark.parametrize(
    "unfinished, shown",
    [
        ("so **bo", "so **bo**"),
        ("so **bold*", "so **bold**"),
        ("so **", "so"),
        ("so *a **b", "so *a **b***"),
        ("~~gone ||hid", "~~gone ||hid||~~"),
        ("call `f(", "call `f(`"),
        ("call `", "call"),
        ("see [the docs](https://exa", "see the docs"),
        ("see ![a cat", "see a cat"),
        ("**[a", "**a**"),
        ("first\n\n*second", "first\n\n*second*"),
    ],
)
def test_what_is_open_at_the_end_is_closed(unfinished: str, shown: str) -> None:
    """Letters already look as they will, and half an address is not shown."""
    assert completed(unfinished) == shown


@pytest.mark.parametrize(
    "unfinished, shown",
    [
        ("text\n-", "text"),
        ("text\n---", "text"),
        ("text\n\n2.", "text"),
        ("- a\n- [ ", "- a"),
        ("text\n\n> ", "text"),
        ("text\n``", "text"),
        ("text\n```py", "text"),
        ("text\n\n[1]: https://exa", "text"),
        ("#", ""),
        ("", ""),
    ],
)
def test_a_mark_that_means_nothing_yet_is_left_out(unfinished: str, shown: str) -> None:
    """A bullet without words, a fence without code, dashes that would make a heading of the text above."""
    assert completed(unfinished) == shown


@pytest.mark.parametrize(
    "unfinished, shown",
    [
        ("```py\nx = 1", "```py\nx = 1\n```"),
        ("```py\nx = 1\n``", "```py\nx = 1\n```"),
        ("> ~~~~\n> x", "> ~~~~\n> x\n> ~~~~"),
        ("- a\n  ```sh\n  ls", "- a\n  ```sh\n  ls\n  ```"),
        ("```py\nx = 1\n```", "```py\nx = 1\n```"),
    ],
)
def test_an_open_fence_is_closed(unfinished: str, shown: str) -> None:
    """Where it stands, and once."""
    assert completed(unfinished) == shown


@pytest.mark.parametrize(
    "text", ["a * b", "snake_case", "array[0", "a | b", "2 * 3 = 6", "**a** b", "`a` b", "[a](b) c"]
)
def test_a_text_that_leaves_nothing_open_stays_as_it_is(text: str) -> None:
    """A mark with no word after it, or within one, opens nothing."""
    assert completed(text) == text


CALM = settings(deadline=None)  # a busy machine is no fault of a text
MARKUP = (
    "a",
    " ",
    "\n",
    "\n\n",
    "*",
    "**",
    "_",
    "~~",
    "`",
    "```",
    "\n```py\n",
    "[",
    "](",
    ")",
    "!",
    "- ",
    "> ",
    "#",
    "|",
    "1.",
)


@CALM
@example("[```\na")
@example("> [~~~\n> a")
@example("* ```\n\n_")
@example("- ~~~\n[")
@given(st.lists(st.sampled_from(MARKUP), max_size=40).map("".join))
def test_no_text_is_left_within_a_fence(text: str) -> None:
    """Whatever the beginning, the end is mended, and no word is made up."""
    shown = completed(text)
    last = lines(shown)[-1]
    assert last.closes or not last.code
    assert shown.count("a") <= text.count("a")


def test_many_bare_marks_are_left_out_in_one_pass() -> None:
    """Not even a text of nothing but bullets takes long."""
    assert completed("-\n" * 50_000) == ""
    assert completed("**\n\n" * 50_000) == ""
