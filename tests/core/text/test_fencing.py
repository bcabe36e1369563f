"""Other people's words in Markdown of ours: exact, and harmless."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from core.text.fencing import ending, fenced, followed, outside, quoted, visible

MARKDOWN = MarkdownIt("commonmark")


@given(st.text(alphabet=st.sampled_from("`~ab\n> -#[]()@*_\\"), max_size=60))
def test_nothing_in_a_fence_gets_out(text: str) -> None:
    """Whatever it says, a reader of Markdown finds one block of code with exactly these words."""
    tokens = MARKDOWN.parse(f"Before:\n\n{fenced(text)}\n\nAfter")
    assert [token.type for token in tokens if token.level == 0] == [
        "paragraph_open",
        "paragraph_close",
        "fence",
        "paragraph_open",
        "paragraph_close",
    ]
    assert tokens[3].content == f"{text}\n"


@pytest.mark.parametrize(
    "hidden, shown",
    [
        ("a\u202eb", "a⟨U+202E⟩b"),
        ("a\u200bb", "a⟨U+200B⟩b"),
        ("a\x1b[2Kb", "a⟨U+001B⟩[2Kb"),
        ("a\U000e0041b", "a⟨U+E0041⟩b"),
        ("a\rb", "a⟨U+000D⟩b"),
        ("a\u2028b", "a⟨U+2028⟩b"),
        ("👩\u200d🚀 ne\u200cm \u05d0\u200f", "👩\u200d🚀 ne\u200cm \u05d0\u200f"),
    ],
)
def test_what_cannot_be_seen_is_shown(hidden: str, shown: str) -> None:
    """Nothing is allowed unseen, or in another order than it is read; what writing needs stays."""
    assert fenced(hidden) == f"```\n{shown}\n```"


@pytest.mark.parametrize(
    "text, expected",
    [
        ("", "MARK"),
        ("Words", "Words\n\nMARK"),
        ("```py\nx = 1", "```py\nx = 1\n```\n\nMARK"),
        ("```py\nx = 1\n```", "```py\nx = 1\n```\n\nMARK"),
        ("~~~~\nx\n~~~", "~~~~\nx\n~~~\n~~~~\n\nMARK"),
        ("- a\n  ```\n  x", "- a\n  ```\n  x\n  ```\n\nMARK"),
    ],
)
def test_a_remark_stands_below_the_text_and_not_in_its_code(text: str, expected: str) -> None:
    """A text that was cut off in the middle of code is closed first."""
    assert followed(text, "MARK") == expected


def test_a_quotation_marks_every_line() -> None:
    """No line of it passes for somebody else's."""
    assert quoted("a\nb\u2028c\r\nd") == "> a\n> b\n> c\n> d"


@given(st.text())
def test_outside_text_ends_with_the_line_that_was_announced(text: str) -> None:
    """Whatever it says; and the number is another each time."""
    marked = outside(text)
    first, _, rest = marked.partition("\n")
    number = first.split()[2].rstrip(":")
    assert rest == f"{visible(text)}\n[end of outside text {number}]"
    assert ending(marked) == f"[end of outside text {number}]"
    assert marked != outside(text)


@pytest.mark.parametrize(
    "text, left",
    [
        ("a\u200bb\u2060c\ufeffd\u00ade", "abcde"),
        ("a\u202eb\u2066c", "abc"),
        ("a\U000e0041\U000e0042b", "ab"),
        ("a\ufe01\ufe02\U000e0100b", "ab"),
        ("a\u200c\u200d\u200c\u200db", "ab"),
        ("a\x1b[2Kb\x00c", "a[2Kbc"),
        ("a\tb\nc\r\nd", "a\tb\nc\r\nd"),
        (
            "👩\u200d🚀 ☀\ufe0f ne\u200cm \u05d0\u200f שלום ไทย e\u0301",
            "👩\u200d🚀 ☀\ufe0f ne\u200cm \u05d0\u200f שלום ไทย e\u0301",
        ),
    ],
)
def test_what_nobody_sees_is_left_out(text: str, left: str) -> None:
    """What writing needs stays: joiners one at a time, accents, emoji."""
    assert visible(text) == left


@pytest.mark.parametrize("text", ["", "x", "[end of outside text 0123456789abcdef]", "x\n[end of outside text 12]"])
def test_only_a_line_of_ours_at_the_end_is_one(text: str) -> None:
    """Nothing else is put back after a cut."""
    assert ending(text) == ""
