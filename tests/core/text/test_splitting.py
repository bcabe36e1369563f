"""A long answer is cut where a reader would cut it, and every page stands by itself."""

import re
import time
from collections.abc import Callable

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from wcwidth import iter_graphemes

from core.text.splitting import split

FAMILY = "👩‍👩‍👧"


def at_most(limit: int) -> Callable[[str], float]:
    """A measure by characters."""
    return lambda page: len(page) / limit


def ink(text: str) -> str:
    """What of a text can be seen."""
    return re.sub(r"\s", "", text)


def without_fences(text: str) -> str:
    """A text without what each page that is cut within a block of code says itself: fences, and marks before a last."""
    return re.sub(r"[`~]", "", re.sub(r"^[ \t>]+(?=(?:`{3,}|~{3,})[ \t]*$)", "", text, flags=re.MULTILINE))


def is_subsequence(part: str, whole: str) -> bool:
    """Whether the characters of the part stand in the whole in the same order."""
    rest = iter(whole)
    return all(char in rest for char in part)


def sections(count: int) -> str:
    """A text of so many headed paragraphs, each of about 160 characters."""
    return "\n\n".join(f"## Part {n}\n\n" + f"Sentence {n} says a little. " * 6 for n in range(count))


# --- what a page is -------------------------------------------------------------------------------------------------


def test_a_text_that_fits_is_one_page_as_it_was() -> None:
    """Nothing is touched when nothing must be cut."""
    text = "# Title\n\n- a\n- b\n\n```py\nx = 1\n```"
    assert split(text, at_most(1000)) == (text,)


def test_a_text_that_fits_is_measured_once() -> None:
    """Most answers fit, so finding that out is cheap: one measurement, and nothing else is looked at."""
    measured: list[str] = []

    def fits(page: str) -> bool:
        measured.append(page)
        return True

    text = sections(3).strip()
    assert split(text, fits) == (text,)
    assert measured == [text]


@pytest.mark.parametrize("text", ["", " ", "\n\n \t\n", "\r\n\r\n"])
def test_a_text_without_ink_has_no_pages(text: str) -> None:
    """A page is never empty, so white space alone gives none."""
    assert split(text, at_most(10)) == ()


def test_line_ends_of_every_kind_become_newlines() -> None:
    """CRLF and CR count as one line end."""
    assert split("a\r\nb\rc", at_most(10)) == ("a\nb\nc",)


def test_a_limit_nothing_fits_still_ends() -> None:
    """When not even one character fits, characters are handed out one by one."""
    assert split("abc", lambda _: False) == ("a", "b", "c")


# --- where it ends --------------------------------------------------------------------------------------------------


def test_a_heading_begins_a_page_rather_than_ends_one() -> None:
    """The cut goes before a heading, and never between it and its text."""
    for limit in range(200, 900, 37):
        for page in split(sections(8), at_most(limit)):
            assert not page.splitlines()[-1].startswith("#")
    assert all(page.startswith("## Part") for page in split(sections(8), at_most(450)))


def test_an_empty_line_is_preferred_to_a_line_and_a_line_to_a_sentence() -> None:
    """Boundaries are taken in the order in which a reader pauses."""
    paragraphs = "one two\nthree four\n\nfive six\nseven. Eight nine"
    assert split(paragraphs, at_most(30))[0] == "one two\nthree four"
    assert split("one two\nthree. four five six", at_most(14))[0] == "one two"
    assert split("One two three. Four five six seven", at_most(24))[0] == "One two three."
    assert split("one two three four", at_most(12))[0] == "one two"


def test_a_sentence_ends_without_a_space_in_chinese_and_japanese() -> None:
    """The ideographic full stop ends a sentence by itself."""
    assert split("你好世界。今天天气很好。我们走吧。", at_most(13))[0] == "你好世界。今天天气很好。"


def test_an_introduction_stays_with_what_it_announces() -> None:
    """A line that ends with a colon is not parted from its list if there is another place."""
    text = "Something to begin with.\n\nThe steps are:\n\n- first\n- second\n- third"
    assert split(text, at_most(50))[0] == "Something to begin with."


def test_a_setext_heading_keeps_its_underline() -> None:
    """The line of dashes under a title belongs to it."""
    pages = split("Title one\n=========\n\ntext text text\n\nTitle two\n---------\n\ntext", at_most(35))
    assert pages == ("Title one\n=========\n\ntext text text", "Title two\n---------\n\ntext")


def test_a_cut_does_not_turn_words_into_a_list() -> None:
    """A page never begins with a dash or a number that stood in the middle of a line."""
    for limit in range(8, 40):
        for page in split("it costs 3 - 4 coins in 1999. That is > 2 and # one | more", at_most(limit)):
            assert not re.match(r"[-#>|] ?|\d+\.(\s|$)", page) or limit < 12


def test_a_word_longer_than_a_page_is_cut() -> None:
    """What has no place for a cut is cut anyway, and the page before it is filled."""
    pages = split("short " + "x" * 95, at_most(30))
    assert "".join(pages).replace(" ", "") == "short" + "x" * 95
    assert len(pages) == 4


def test_a_word_that_fits_a_page_is_not_cut() -> None:
    """A long word goes whole to the next page when it fits there."""
    assert split("short " + "x" * 28, at_most(30)) == ("short", "x" * 28)


# --- structures -----------------------------------------------------------------------------------------------------


def test_a_fence_is_closed_and_opened_again_with_its_language() -> None:
    """Each page shows code as code, in the same language."""
    pages = split("```python title=x\n" + "\n".join(f"line_{n} = {n}" for n in range(20)) + "\n```", at_most(90))
    assert len(pages) > 2
    for page in pages:
        assert page.startswith("```python title=x\n")
        assert page.endswith("\n```")
        assert page.count("```") == 2


def test_a_longer_fence_keeps_its_character_and_length() -> None:
    """A fence that holds fences is reopened so that it still holds them."""
    code = "\n".join(["```", "inner", "```"] * 8)
    for page in split(f"~~~~md\n{code}\n~~~~", at_most(50)):
        assert page.startswith("~~~~md\n")
        assert page.endswith("\n~~~~")


def test_a_fence_in_a_list_is_reopened_at_the_margin() -> None:
    """The page that goes on with a nested block takes the nesting off, else it would be indented code."""
    code = "\n".join(f"       call({n})" for n in range(12))
    pages = split(f"1. do this\n\n   - so\n\n       ```sh\n{code}\n       ```\n\n   - then that\n2. done", at_most(80))
    assert len(pages) > 2
    assert all(re.search(r"^ {0,3}```sh$", page, re.MULTILINE) for page in pages[1:-1])
    assert all(len(re.findall(r"^ {0,7}```", page, re.MULTILINE)) % 2 == 0 for page in pages)


def test_a_fence_in_a_quotation_stays_in_it() -> None:
    """The marks of the quotation are repeated with the fence."""
    text = "> said:\n> ```js\n" + "\n".join(f"> let v{n} = {n}" for n in range(10)) + "\n> ```"
    for page in split(text, at_most(60)):
        assert all(line.startswith(">") for line in page.splitlines())
        assert page.count("> ```") == 2


def test_a_fence_is_never_left_empty() -> None:
    """Neither an opening line alone nor a closing line alone is worth a page."""
    text = "para one\n\n```py\n" + "\n".join(f"x{n}()" for n in range(9)) + "\n```\n\npara two"
    for limit in range(16, 90):
        for page in split(text, at_most(limit)):
            assert not re.search(r"```py\n+```", page), limit


def test_an_unclosed_fence_is_cut_like_any_other() -> None:
    """A text that is still being written has pages too."""
    pages = split("look:\n\n```py\n" + "value = 1\n" * 20, at_most(80))
    assert len(pages) > 2
    assert all("```py\n" in page for page in pages)


def test_a_table_that_fits_a_page_is_kept_whole() -> None:
    """It moves to the next page with the heading above it."""
    table = "| a | b |\n|---|---|\n" + "\n".join(f"| {n} | {n} |" for n in range(8))
    pages = split(f"{'word ' * 30}\n\n## Figures\n\n{table}\n\nafter", at_most(250))
    assert pages == (("word " * 30).strip(), f"## Figures\n\n{table}\n\nafter")


def test_a_table_too_long_for_a_page_repeats_its_header() -> None:
    """It is cut between rows, and each page has the header and the delimiters."""
    head = "| name | value |\n|:-----|------:|\n"
    rows = [f"| row {n} | {n * n} |" for n in range(60)]
    pages = split(head + "\n".join(rows), at_most(200))
    assert all(page.startswith(head) for page in pages)
    assert [line for page in pages for line in page.splitlines()[2:]] == rows


def test_a_row_too_long_for_a_page_is_cut_and_the_table_goes_on() -> None:
    """After the torn row, the rows that follow have their header again."""
    text = "| a | b |\n|---|---|\n| " + "word " * 40 + "| x |\n| last | row |"
    pages = split(text, at_most(100))
    assert pages[-1] == "| a | b |\n|---|---|\n| last | row |"


def test_a_link_a_bold_or_a_code_is_not_cut() -> None:
    """An inline construct goes whole to the next page."""
    for construct in (
        "[a b c d](https://example.org/x_(y))",
        "**a b c d e f g h**",
        "``a ` b c d``",
        "~~so so so so~~",
    ):
        for limit in range(len(construct), 80):
            text = f"some words before {construct} and some words after it"
            assert sum(construct in page for page in split(text, at_most(limit))) == 1, (construct, limit)


def test_a_bold_too_large_for_a_page_is_closed_and_opened_again() -> None:
    """Each page shows it bold, and so with a link within."""
    pages = split("**" + "many words " * 20 + "and [a link](http://x.y) end**", at_most(60))
    assert all(page.startswith("**") and page.endswith("**") for page in pages)
    assert sum("[a link](http://x.y)" in page for page in pages) == 1


def test_a_quotation_cut_within_a_line_stays_a_quotation() -> None:
    """The rest of the line gets its mark again."""
    assert all(page.startswith("> ") for page in split("> " + "word " * 40, at_most(50)))


def test_a_nested_item_that_begins_a_page_is_not_taken_for_code() -> None:
    """The columns of its list are taken off, down to where the list goes on further left."""
    text = "- one\n    - two two two two\n        - three three three\n        - four four four\n- five"
    assert split(text, at_most(46))[1] == "- three three three\n- four four four\n- five"


def test_indented_code_keeps_its_indentation() -> None:
    """Only what a list has shifted is shifted back."""
    text = "text text text\n\n" + "\n".join("    code()" for _ in range(8))
    assert all("    code()" in page.splitlines()[-1] for page in split(text, at_most(40)))


def test_a_paragraph_set_in_does_not_become_code() -> None:
    """A line that only goes on with a paragraph may stand as far right as it likes, but not at the top of a page."""
    pages = split("Here is\n        a text set in\n        for no reason\n        at all", at_most(30))
    assert [page for page in pages if page.startswith(" ")] == []


def test_a_quotation_that_goes_on_without_its_mark_gets_it_on_the_next_page() -> None:
    """Only the first line of a quoted paragraph needs the mark, but a page begins a paragraph."""
    assert split("> a quoted line\nand its second line\n\nunquoted", at_most(24)) == (
        "> a quoted line",
        "> and its second line",
        "unquoted",
    )


# --- for any text ---------------------------------------------------------------------------------------------------

CALM = settings(deadline=None)  # a busy machine is no fault of a text
MORE = settings(deadline=None, max_examples=400)
PLAIN = st.lists(
    st.sampled_from(["a", "b", "é", "e\u0301", "字", "。", FAMILY, "🇩🇪", "क्षि", " ", " ", ".", "\n"]), max_size=300
).map("".join)
MARKUP = (
    *("a", "word", "é", FAMILY, "字。", ".", " ", "    ", "\t", "\n", "\n\n", ":\n", "\\"),
    *("`", "``", "```", "\n```py\n", "\n~~~\n", "*", "**", "_", "~~", "||", "$"),
    *("[", "]", "(", ")", "](", "![", "<b>", "http://x.y/z"),
    *("|", "\n|-|-|\n", "| a | b |\n|---|---|\n", "\n| 1 | 2 |\n"),
    *("# ", "\n- ", "\n    - ", "\n1. ", "> ", "\n> ", "\n---\n"),
)
WILD = st.lists(st.sampled_from(MARKUP), max_size=80).map("".join)


@CALM
@given(PLAIN, st.integers(min_value=1, max_value=60))
def test_plain_text_survives_to_the_letter(text: str, limit: int) -> None:
    """Without markup, the pages hold just the visible characters of the text, in order, and each fits."""
    pages = split(text, at_most(limit))
    assert ink("".join(pages)) == ink(text)
    assert all(ink(page) and len(page) <= limit for page in pages)


@CALM
@given(PLAIN, st.integers(min_value=10, max_value=60))
def test_a_grapheme_is_never_cut(text: str, limit: int) -> None:
    """Families, flags, accents and conjuncts stay whole when they fit on a page."""
    whole = [cluster for cluster in iter_graphemes(text) if cluster.strip()]
    parts = [cluster for page in split(text, at_most(limit)) for cluster in iter_graphemes(page) if cluster.strip()]
    assert parts == whole


@MORE
@example("> ```\n> ```", 1)
@example("> ```\n> ```", 8)
@given(WILD, st.integers(min_value=1, max_value=80))
def test_no_text_loses_ink_or_order_or_makes_a_page_that_does_not_fit(text: str, limit: int) -> None:
    """Whatever the markup, finished or not: every visible character stays, except that fences are told anew."""
    pages = split(text, at_most(limit))
    assert all(page.strip() and len(page) <= limit for page in pages)
    assert is_subsequence(ink(without_fences(text)), ink("".join(pages)))


@CALM
@given(WILD, st.integers(min_value=1, max_value=80))
def test_pages_are_the_same_each_time(text: str, limit: int) -> None:
    """The cut depends on the text and the measure alone."""
    assert split(text, at_most(limit)) == split(text, at_most(limit))


@CALM
@given(st.lists(st.text("abcdefg", min_size=1, max_size=9), min_size=1, max_size=300), st.integers(60, 200))
def test_a_page_is_about_half_full_when_the_text_allows(words: list[str], limit: int) -> None:
    """Pages of plain words, but for the last, are filled to nearly a half at the least."""
    text = " ".join(word + (".\n\n" if word.startswith("a") else "") for word in words)
    assert all(len(page) >= limit / 2 - 12 for page in split(text, at_most(limit))[:-1])


@CALM
@given(
    st.lists(st.sampled_from(["x = 1", "", "    y()", "\tz", "# no heading", "| no | table |", "> no"]), max_size=40)
)
def test_code_survives_line_by_line(code: list[str]) -> None:
    """The lines of a fenced block come through unchanged, but for empty ones at a cut."""
    lines = [line for page in split("\n".join(["```sh", *code, "```"]), at_most(40)) for line in page.splitlines()]
    assert [line for line in lines if line and not line.startswith("```")] == [line for line in code if line]


# --- what it costs --------------------------------------------------------------------------------------------------

LONG = [
    pytest.param(sections(1100), id="sections"),
    pytest.param("word " * 40_000, id="one line"),
    pytest.param("x" * 200_000, id="one word"),
    pytest.param("**" + "bold words " * 20_000 + "**", id="one bold"),
    pytest.param("```\n" + "x = 1\n" * 30_000, id="one fence"),
    pytest.param("| a | b |\n|-|-|\n" + "| x | y |\n" * 20_000, id="one table"),
    *[
        pytest.param(mark * 50_000, id=f"only {mark}")
        for mark in ("[", "](", "`", "*a ", "> ", "- ", "$", "<a", "**a _b ")
    ],
]


@pytest.mark.parametrize("text", LONG)
def test_two_hundred_thousand_characters_are_cut_within_a_second(text: str) -> None:
    """Time grows with the length, not its square, and the measure is asked about twenty times a page at most."""
    asked: list[int] = []

    def fits(page: str) -> bool:
        asked.append(len(page))
        return len(page) <= 4096

    began = time.process_time()
    pages = split(text, fits)
    assert time.process_time() - began < 2
    assert len(asked) <= 20 * len(pages)
    assert max(asked) <= 5 * 4096
