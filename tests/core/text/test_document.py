"""Markdown as a document: what a text says is read alike for every platform, whatever the text."""

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from core.text.document import (
    MAX_DEPTH,
    Address,
    Block,
    Code,
    CodeBlock,
    Details,
    Formula,
    FormulaBlock,
    Heading,
    Inline,
    Link,
    Listing,
    Paragraph,
    Quotation,
    Styled,
    Table,
    Text,
    parse,
    walk,
    words,
)
from core.text.source import MAX_CELLS, MAX_COLUMNS, cleaned, held, literal, released
from hostile import TEXTS, assert_linear
from hostile import Text as Hostile


def line(markdown: str) -> tuple[Inline, ...]:
    """What stands in the only line of a text."""
    (block,) = parse(markdown).blocks
    assert isinstance(block, Paragraph)
    return block.children


def said(markdown: str) -> str:
    """The words of all paragraphs."""
    return "\n".join(words(block.children) for block in parse(markdown).blocks if isinstance(block, Paragraph))


@pytest.mark.parametrize(
    "name",
    [
        "__init__.py",
        "src/__init__.py",
        "__init__()",
        "__name__",
        "__dict__['a']",
        "/usr/lib/_private/x_y",
        "src/**/*.py",
        "*.py",
        "C:\\Users\\_me_\\x",
        "@_alice_",
        "@user_name_",
        "#_tag_",
        "_john_@example.org",
        "2*3*4",
        "2**10",
        "PROGRA~1 and DOCUME~1",
        "~5 or ~6",
        "snake_case_name",
        "$HOME and $PATH",
        "$5 and $6",
    ],
)
@pytest.mark.parametrize("place", ["{}", "see {}, then", "({})", "**{}**", "- {}", "> {}", "请看 {} 。"])
def test_names_are_never_markup(name: str, place: str) -> None:
    """Paths, handles, tags, products and special names of a language are read as they were written."""
    document = parse(place.replace("{}", name))
    assert name in "".join(part.text for part in walk(document.blocks) if isinstance(part, Text | Address))


@pytest.mark.parametrize(
    "markdown, expected",
    [
        ("_a_", (Styled(style="italic", children=(Text(text="a"),)),)),
        ("__a b__", (Styled(style="bold", children=(Text(text="a b"),)),)),
        ("_a/b_", (Styled(style="italic", children=(Text(text="a/b"),)),)),
        ("un*frigging*x", (Text(text="un"), Styled(style="italic", children=(Text(text="frigging"),)), Text(text="x"))),
        ("~~a~~", (Styled(style="strike", children=(Text(text="a"),)),)),
        ("||a|| b", (Styled(style="spoiler", children=(Text(text="a"),)), Text(text=" b"))),
        ("\\|\\|a\\|\\|", (Text(text="||a||"),)),
        ("H<sub>2</sub>", (Text(text="H"), Styled(style="lowered", children=(Text(text="2"),)))),
        ("`\\(x\\) $5 __a__ \\| <b>`", (Code(text="\\(x\\) $5 __a__ \\| <b>"),)),
        ("\\(x\\)", (Formula(latex="x"),)),
        ("[a](<https://b.org/c d>)", (Link(url="https://b.org/c%20d", children=(Text(text="a"),)),)),
        ("[1][s]\n\n[s]: https://b.org", (Link(url="https://b.org", children=(Text(text="1"),)),)),
        ("![a](https://b.org)", (Link(url="https://b.org", children=(Text(text="a"),), image=True),)),
        ("<a@b.org>", (Address(text="a@b.org", url="mailto:a@b.org"),)),
        ("www.b.org.", (Address(text="www.b.org", url="https://www.b.org"), Text(text="."))),
        ("<script>x</script> <!-- y -->", (Text(text="<script>x</script> <!-- y -->"),)),
    ],
)
def test_what_stands_within_a_line(markdown: str, expected: tuple[Inline, ...]) -> None:
    """Marks are marks, and what only looks like them is text."""
    assert line(markdown) == expected


@pytest.mark.parametrize(
    "markdown, expected",
    [
        ("# a", Heading(level=1, children=(Text(text="a"),))),
        ("```py x\na\n\n```", CodeBlock(text="a\n", language="py")),
        ("    a", CodeBlock(text="a")),
        ("$$\na\n- b = c\n$$", FormulaBlock(latex="a\n- b = c")),
        ("\\[\nx^2\n\\]", FormulaBlock(latex="x^2")),
        ("> $$\n> x = 1\n> $$", Quotation(blocks=(FormulaBlock(latex="x = 1"),))),
        ("<details open><summary>*a*</summary>\n\nb\n\n</details>", None),
        ("|a|\n|-|\n|`b\\|c`|", Table(sides=("",), rows=(((Text(text="a"),),), ((Code(text="b|c"),),)))),
    ],
)
def test_blocks(markdown: str, expected: Block | None) -> None:
    """Each kind of block, with what it needs to be shown."""
    (block,) = parse(markdown).blocks
    if expected is None:
        assert isinstance(block, Details)
        assert (words(block.summary), block.opened, len(block.blocks)) == ("a", True, 1)
    else:
        assert block == expected


def test_a_source_that_nothing_refers_to_is_shown_and_a_footnote_stands_where_it_stands() -> None:
    """Neither is lost."""
    assert said("a [1]\n\n[1]: https://b.org\n[2]: https://c.org") == "a [1]\n[2]: https://c.org"
    assert said("so[^1]\n\n[^1]: because") == "so[^1]\n[^1]: because"


def test_each_block_knows_the_line_it_begins_at() -> None:
    """So that a text which grows need not be read from its beginning."""
    assert parse("a\n\n[x]: y\n\n- b\n  c\n\n```\nd\n```\n").lines == (0, 2, 4, 7)
    assert parse("[a]\n\n[a]: b\n'c'\n\nd").lines == (0, 5)


def test_a_table_too_large_is_shown_as_it_was_written() -> None:
    """Its rows may be filled up: a thousand letters made a quarter of a million cells."""
    wide = "a|" * (MAX_COLUMNS + 1) + "\n" + "-|" * (MAX_COLUMNS + 1) + "\n" + "b\n" * 3
    filled = "|a" * 20 + "\n" + "|-" * 20 + "\n" + "b\n" * (MAX_CELLS // 20)
    for table in (wide, filled):
        assert not any(isinstance(part, Table) for part in walk(parse(table).blocks))
        assert said(table).startswith(table[:40])
    assert isinstance(parse("|a" * 20 + "\n" + "|-" * 20 + "\n" + "b\n" * 50).blocks[0], Table)


def depth(blocks: tuple[Block, ...]) -> int:
    """How deep blocks lie in blocks."""
    inside = [block.blocks for block in blocks if isinstance(block, Quotation | Details)]
    inside += [item.blocks for block in blocks if isinstance(block, Listing) for item in block.items]
    return 1 + max(map(depth, inside), default=0)


@pytest.mark.parametrize("text", [text for name, text in TEXTS.items() if "deep" in name or "nested" in name])
def test_nesting_is_bounded(text: Hostile) -> None:
    """Whoever walks a document may recur."""
    document = parse(text(20_000))
    assert depth(document.blocks) <= MAX_DEPTH
    assert sum(1 for _ in walk(document.blocks)) <= 40_000


@pytest.mark.parametrize("name", TEXTS)
def test_reading_takes_twice_as_long_for_twice_as_much(name: str) -> None:
    """Whatever a text is full of: four times as much takes far less than sixteen times as long."""
    assert_linear(lambda length: parse(TEXTS[name](length)), 4_000)


@settings(deadline=None, max_examples=300)
@given(st.text(alphabet="ab1 *_~`[]()<>#|-\n$\\.!:/@&;^\ufdd0\ufdd1\ufdef", max_size=80))
def test_what_is_held_back_comes_back(markdown: str) -> None:
    """Code shows it, and so does everything that is sent."""
    text = cleaned(markdown)
    assert released(held(text)) == text


@settings(deadline=None, max_examples=300)
@example("/_0")
@example("a/_b_\\*c*")
@given(st.text(max_size=60))
def test_a_literal_text_is_one_that_means_nothing(markdown: str) -> None:
    """Every character is read, and nothing else."""
    blocks = parse(literal(cleaned(markdown))).blocks
    assert all(isinstance(block, Paragraph) for block in blocks)
    read = "".join(words(block.children) for block in blocks if isinstance(block, Paragraph))
    assert "".join(read.split()) == "".join(cleaned(markdown).split())
