"""Rich messages: which answers are worth one, what is in it, and what never leaves us."""

import json
import re
from html import escape
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.telegram.markup import MOST_BYTES, NotAllowed, inspected, written
from bots.telegram.paging import pages
from bots.telegram.richness import PAGE_BLOCKS, PAGE_UNITS, is_worth_it, rich_pages
from core.text.document import parse
from core.values import Choice, Reply

TABLE = "| a | b |\n|---|---|\n| 1 | 2 |\n"


def html(markdown: str) -> str:
    """A text as one page of rich HTML."""
    (page,) = rich_pages(markdown)
    return page.html


def bodies(markdown: str) -> list[dict[str, Any]]:
    """The pages of a reply in the richest form."""
    return [json.loads(page.body) for page in pages(Reply(markdown=markdown), "rich")]


@pytest.mark.parametrize(
    "markdown, worth_it",
    [
        (TABLE, True),
        ("> " + TABLE.replace("\n", "\n> "), True),
        (r"so $x^2$ it is", True),
        (r"so \(\frac{1}{2}\) it is", True),
        ("$$a = b$$", True),
        (r"\[ a = b \]", True),
        ("<details><summary>More</summary>\n\nfolded\n\n</details>", True),
        ("Hello **you**, see [this](https://example.org).", False),
        ("# Heading\n\n- one\n  - two\n- [x] done\n\n> quoted\n\n```py\nx = 1\n```", False),
        ("from $5 to $10, or $395k–$483k", False),
        ("let $x$ be a number", False),
        ("`| a | b |` and `$x^2$`", False),
        ("```\n" + TABLE + "```", False),
        ("a | b", False),
        ("", False),
    ],
)
def test_only_what_text_cannot_say_is_worth_a_rich_message(markdown: str, worth_it: bool) -> None:
    """Old programs show nothing of a rich message: tables, formulas and folded parts are, the rest is text."""
    assert is_worth_it(markdown) is worth_it
    assert ("rich_message" in bodies(markdown)[0]) is worth_it


@pytest.mark.parametrize(
    "markdown, expected",
    [
        ("# A\n\n###### B", "<h1>A</h1><h6>B</h6>"),
        ("a\nb  \nc<br>d", "<p>a<br/>b<br/>c<br/>d</p>"),
        ("**a** *b* ~~c~~ `d` ||e||", "<p><b>a</b> <i>b</i> <s>c</s> <code>d</code> <tg-spoiler>e</tg-spoiler></p>"),
        ("- a\n  1. b", '<ul><li>a<ol start="1"><li>b</li></ol></li></ul>'),
        ("- [x] a\n- [ ] b", "<ul><li>☑ a</li><li>☐ b</li></ul>"),
        ("7. a\n\n   b", '<ol start="7"><li><p>a</p><p>b</p></li></ol>'),
        ("> a\n> > b", "<blockquote><p>a</p><blockquote><p>b</p></blockquote></blockquote>"),
        ("```c++ x\na<b\n\n  c\n```", '<pre><code class="language-c++">a&lt;b\n\n  c</code></pre>'),
        ("    a", "<pre>a</pre>"),
        ("a\n\n---\n\nb", "<p>a</p><hr/><p>b</p>"),
        (
            "|a|\n|:-:|\n|`b`|",
            '<table bordered><tr><th align="center">a</th></tr><tr><td align="center"><code>b</code></td></tr></table>',
        ),
        ("a $x^2$ b", "<p>a <tg-math>x^2</tg-math> b</p>"),
        ("a $$x^2$$ b", "<p>a </p><tg-math-block>x^2</tg-math-block><p> b</p>"),
        ("# $$x^2$$", "<h1><tg-math>x^2</tg-math></h1>"),
        ("- $$x^2$$", "<ul><li><tg-math-block>x^2</tg-math-block></li></ul>"),
        ("H<sub>2</sub>O <U>u</u>", "<p>H<sub>2</sub>O <u>u</u></p>"),
        ("<sub>left open\n\nb</sub>", "<p><sub>left open</sub></p><p>b&lt;/sub&gt;</p>"),
        (
            "<details open>\n<summary>A</summary>\n\nb\n\n</details>\n\nc",
            "<details open><summary>A</summary><p>b</p></details><p>c</p>",
        ),
        ("<details>\n\nb", "<details><summary>…</summary><p>b</p></details>"),
        ("</details>\n\nb", "<p>&lt;/details&gt;</p><p>b</p>"),
        ("[a](https://b.org/?c=1&d=2)", '<p><a href="https://b.org/?c=1&amp;d=2">a</a></p>'),
        ("[a][1]\n\n[1]: https://b.org", '<p><a href="https://b.org">a</a></p>'),
        ("<https://b.org> <a@b.org>", '<p><a href="https://b.org">https://b.org</a> a@b.org</p>'),
        ("![a](https://b.org/i.png)", '<p><a href="https://b.org/i.png">a</a></p>'),
        ("![](https://b.org/i.png)", "<p>https://b.org/i.png</p>"),
        ("[![a](https://b.org/i.png)](https://c.org)", '<p><a href="https://c.org">a</a></p>'),
        ("[a](javascript:alert(1))", "<p>a (javascript:alert(1))</p>"),
        ("[a](tg://user?id=1)", "<p>a (tg://user?id=1)</p>"),
        ("[https://a.org](https://b.org)", "<p>https://a.org (https://b.org)</p>"),
        ("a[^1]", "<p>a[^1]</p>"),
    ],
)
def test_markdown_becomes_rich_html(markdown: str, expected: str) -> None:
    """Each thing that Markdown can say has its element; what must not work is text."""
    page = html(markdown)
    assert page == expected
    assert inspected(page).allowed


@pytest.mark.parametrize(
    "text",
    [
        "It costs $5 to $10",
        "$395k–$483k",
        "US$5,US$6",
        "$5/$10",
        "$100/month$",
        "echo $MY_VAR:$OTHER",
        "from $5 = five euros and 10$",
        "$$ money $$",
        "$",
        "$5, $6, $7-$8, $9k–$10k, $1,000-$2,000",
    ],
)
def test_amounts_of_money_are_not_formulas(text: str) -> None:
    """Dollar signs mean dollars unless what they enclose is mathematics."""
    assert html(f"{text}\n\n{TABLE}").startswith(f"<p>{text.strip()}</p>")


@pytest.mark.parametrize(
    "formula",
    ["x^2", r"\frac{a}{b}", "x", "n!", "f(x)", "a+b", "E=mc^2", "a_i", "2n", "-1", "5", r"\text{rate} = 2", "i < n"],
)
def test_formulas_are_formulas(formula: str) -> None:
    """What mathematicians write between dollar signs stays there."""
    assert f"<tg-math>{escape(formula)}</tg-math>" in html(f"{TABLE}\n\nso ${formula}$ is")


@pytest.mark.parametrize(
    "stranger",
    [
        '<tg-button type="callback_data" data="x">a</tg-button>',
        '<img src="https://a.org/b.png"/>',
        "<video></video>",
        "<audio></audio>",
        "<script>x</script>",
        "<style>x</style>",
        '<tg-emoji emoji-id="1">a</tg-emoji>',
        '<tg-map lat="1" long="1"/>',
        "<tg-thinking>a</tg-thinking>",
        '<input type="checkbox"/>',
        '<a href="javascript:alert(1)">a</a>',
        '<a href="tg://user?id=1">a</a>',
        '<a name="a">a</a>',
        '<a href="https://a.org" onclick="x">a</a>',
        '<p class="x">a</p>',
        '<td colspan="9">a</td>',
        '<ol start="x"></ol>',
        '<code class="x">a</code>',
        "<!-- a -->",
        "<!DOCTYPE html>",
        "<?php ?>",
        "<![CDATA[a]]>",
        "<b>a",
        "<b><i>a</b></i>",
        "a</b>",
    ],
)
def test_the_wall_lets_nothing_through_that_is_not_on_its_list(stranger: str) -> None:
    """Whatever wrote it, only listed tags, attributes and addresses leave us, properly closed."""
    with pytest.raises(NotAllowed):
        inspected(f"<p>a</p>{stranger}")


PIECES = st.sampled_from(
    [
        *"<>&\"'`*_~|$[]()!#-+\\ \n\t",
        *("<b>", "</b>", "<details>", "</details>", "<summary>a</summary>", "<sub>", "</sub>", "<br>", "<!--", "-->"),
        *('<tg-button type="callback_data">', "<img src=x>", "![a](", "](https://a.org)", "](javascript:x)", "||"),
        *("- ", "1. ", "> ", "| a | b |\n|---|---|\n", "```", "$$", "$x^2$", "\n\n", "word", "é", "😀", "ש", "[^1]"),
    ]
)


@settings(max_examples=400, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_no_text_makes_anything_but_what_is_allowed(markdown: str) -> None:
    """However broken or hostile a text is, what is written of it passes the wall: that is only the second one."""
    inspected(written(parse(markdown).blocks))


@settings(max_examples=60, deadline=None)
@given(st.lists(PIECES, max_size=40).map("".join))
def test_every_text_makes_pages(markdown: str) -> None:
    """There is always something to send, and its choices are on the last page."""
    made = pages(Reply(markdown=TABLE + "\n" + markdown, choices=(Choice(label="Yes", token="t"),)), "rich")
    assert made[-1].choices
    assert not any(page.choices for page in made[:-1])


def test_a_long_table_is_cut_between_rows_and_keeps_its_head() -> None:
    """A page holds what programs are known to show; each has the names of the columns."""
    rows = "".join(f"| {number} | {'word ' * 5}|\n" for number in range(600))
    made = rich_pages("| no | words |\n|---|---|\n" + rows)
    assert len(made) > 2
    for page in made:
        size = inspected(page.html)
        assert page.html.startswith("<table bordered><tr><th>no</th><th>words</th></tr>")
        assert size.allowed
        assert size.blocks <= PAGE_BLOCKS
    numbers = [int(found) for page in made for found in re.findall(r"<td>(\d+)</td>", page.html)]
    assert numbers == list(range(600))


@pytest.mark.parametrize("letter", ["x", "ж", "漢", "😀", "&"])
def test_a_page_keeps_to_its_bytes_in_every_alphabet(letter: str) -> None:
    """The published limit is said to count characters and seen to count bytes; escapes count, too."""
    made = rich_pages(TABLE + "\n" + "\n\n".join((letter * 300 + " ") * 3 for _ in range(60)))
    assert len(made) > 1
    for page in made:
        assert len(page.html.encode()) <= MOST_BYTES
        assert len(re.sub("<.*?>", "", page.html).replace("&amp;", "&").encode("utf-16-le")) // 2 <= PAGE_UNITS


@pytest.mark.parametrize(
    "markdown",
    [
        "|" + "a|" * 21 + "\n|" + "-|" * 21 + "\n|" + "b|" * 21,
        TABLE + "\n" + "".join("  " * deep + "- x\n" for deep in range(9)),
        TABLE + "\n" + "> - " * 6 + "x",
    ],
    ids=["columns", "nested lists", "lists in quotations"],
)
def test_what_is_beyond_the_limits_is_said_as_text(markdown: str) -> None:
    """A page that Telegram would refuse as a rich message is not tried as one."""
    assert [page.html for page in rich_pages(markdown)] == [""]
    assert all("text" in body for body in bodies(markdown))


def test_only_the_page_that_cannot_be_rich_is_text() -> None:
    """The pages around it stay what they are."""
    wide = "|" + "a|" * 21 + "\n|" + "-|" * 21 + "\n|" + "b|" * 21
    long = "\n\n".join("word " * 300 for _ in range(6))
    kinds = ["rich_message" in body for body in bodies(f"{TABLE}\n\n{long}\n\n{wide}\n\n{long}")]
    assert True in kinds
    assert False in kinds


def test_a_part_folded_across_two_pages_is_folded_on_the_first() -> None:
    """What HTML leaves open ends with the page."""
    long = "\n\n".join("word " * 300 for _ in range(12))
    first, *_, last = rich_pages(f"<details><summary>S</summary>\n\n{long}\n\n</details>\n\nend")
    assert first.html.startswith("<details><summary>S</summary>")
    assert last.html.endswith("<p>end</p>")


def test_the_direction_of_writing_is_told() -> None:
    """Hebrew and Arabic answers are set from the right."""
    assert bodies(f"שלום\n\n{TABLE}")[0]["rich_message"]["is_rtl"] is True
    assert "is_rtl" not in bodies(f"1. hello שלום\n\n{TABLE}")[0]["rich_message"]


def test_each_page_can_be_said_again_by_its_source() -> None:
    """A page that is refused is said in the next form from its own Markdown."""
    (page,) = pages(Reply(markdown=TABLE), "rich")
    assert page.form == "rich"
    (again,) = pages(Reply(markdown=page.source), "entities")
    assert again.form == "entities"
    assert "text" in json.loads(again.body)
