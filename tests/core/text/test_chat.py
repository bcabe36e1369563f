"""Markdown in the marks of a messenger: readable where it has no marks, and harmless throughout."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.text.chat import Dialect, bare, fence, written
from core.text.unfinished import divisible

FEW = Dialect(
    bold="*",
    italic="_",
    strike="~",
    escape=str,
    code=lambda text: f"`{text}`",
    block=lambda code, _: fence(code),
    whole_words=True,
)
MANY = Dialect(
    bold="**",
    italic="*",
    strike="~~",
    escape=lambda text: re.sub(r"([*_~`])", r"\\\1", text),
    code=lambda text: f"`{text}`",
    headings=3,
    links=True,
    tables="columns",
)


@pytest.mark.parametrize(
    "markdown, few, many",
    [
        ("**bold** *it* ~~gone~~ `x`", "*bold* _it_ ~gone~ `x`", "**bold** *it* ~~gone~~ `x`"),
        ("## Part *two*", "*Part two*", "## Part *two*"),
        ("#### Deep", "*Deep*", "**Deep**"),
        ("[a page](https://example.org)", "a page (https://example.org)", "[a page](<https://example.org>)"),
        ("<https://example.org>", "https://example.org", "https://example.org"),
        ("[x](javascript:alert(1))", "x (javascript:alert(1))", "x (javascript:alert(1))"),
        ("![cat](https://e.org/c.png)", "cat (https://e.org/c.png)", "[cat](<https://e.org/c.png>)"),
        (
            "[https://good.org](https://evil.org)",
            "https://good.org (https://evil.org)",
            "https://good.org (https://evil.org)",
        ),
        ("```py\nx = 1\n```", "```\nx = 1\n```", "```py\nx = 1\n```"),
        ("1. one\n2. two\n   - three", "1. one\n2. two\n   - three", "1. one\n2. two\n   - three"),
        ("- [x] done\n- [ ] open", "- ☑ done\n- ☐ open", "- ☑ done\n- ☐ open"),
        ("> said\n> again", "> said\n> again", "> said\n> again"),
        ("it costs $5 and $10, or $395k–$483k", "it costs $5 and $10, or $395k–$483k", None),
        ("so $x^2$ it is", "so `x²` it is", "so `x²` it is"),
        ("$$\n\\sum x\n$$", "```\n∑x\n```", "```\n∑x\n```"),
        ("a *b", "a *b", "a \\*b"),
        ("one\ntwo", "one\ntwo", "one\ntwo"),
        ("<b>raw</b>", "<b>raw</b>", "<b>raw</b>"),
    ],
)
def test_each_construct_in_the_marks_there_are(markdown: str, few: str, many: str | None) -> None:
    """What a messenger has no marks for is said in words."""
    assert written(markdown, FEW) == few
    assert written(markdown, MANY) == (few if many is None else many)


TABLE = "| Name | Price |\n|---|---|\n| 茶 | $5 |\n| **milk** | $10 |"


def test_a_table_is_a_list_or_aligned_columns() -> None:
    """Wide letters take two columns."""
    assert written(TABLE, FEW) == "- Name: *茶*\n  Price: $5\n- Name: *milk*\n  Price: $10"
    assert written(TABLE, MANY) == "```\nName │ Price\n─────┼──────\n茶   │ $5\nmilk │ $10\n```"


def test_a_table_too_wide_for_a_telephone_is_a_list() -> None:
    """Columns that wrap are worse than none."""
    wide = f"| a | b |\n|---|---|\n| {'x' * 80} | 1 |"
    assert written(wide, MANY) == f"- a: **{'x' * 80}**\n  b: 1"


def test_marks_keep_to_one_line_and_to_words() -> None:
    """Messengers forget a mark at the end of a line, and mind blanks inside it."""
    assert written("**one\ntwo**", FEW) == "*one*\n*two*"


def test_an_unfinished_text_is_calm() -> None:
    """No half marks while it grows."""
    assert written(divisible("It is **very", unfinished=True), FEW) == "It is *very*"
    assert written(divisible("So:\n\n```py\nx", unfinished=True), FEW) == "So:\n\n```\nx\n```"


def test_bare_text_has_no_marks() -> None:
    """The last resort."""
    assert bare("# A\n\n**b** [c](https://e.org)\n\n- d") == "A\n\nb c (https://e.org)\n\n- d"


@given(st.text(alphabet="ab1 *_~`[]()<>#|-\n$\\.!:/", max_size=80))
def test_no_letter_is_lost(markdown: str) -> None:
    """Whatever a model writes, its letters are read."""
    said = [c for c in written(markdown, FEW) if c in "ab"]
    hidden = any(mark in markdown for mark in ("]:", "](", "```"))  # definitions, addresses, languages of code
    assert hidden or said == [c for c in markdown if c in "ab"]
