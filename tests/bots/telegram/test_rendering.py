"""Markdown becomes a text with entities that Telegram keeps as they are, whatever the Markdown."""

from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.telegram.entities import Entity, Mark, to_entities, utf16_length, valid
from bots.telegram.rendering import Rendered, length, pages, plain, plain_pages, render
from simulators.specs import load_spec, specs_dir

KINDS = {"bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre", "text_link", "blockquote"}
CODE = {"code", "pre"}


def recorded(name: str) -> dict[str, Any]:
    """A recorded document of the platform; the test is skipped where there is none."""
    spec = load_spec("telegram", name)
    if spec is None:
        pytest.skip(f"no {name} in {specs_dir()} (set WAYSTATION_SPECS)")
    return spec


def words(page: Rendered) -> list[tuple[str, str]]:
    """Each entity's type and the words it covers."""
    units = page.text.encode("utf-16-le")
    return [
        (e["type"], units[2 * e["offset"] : 2 * (e["offset"] + e["length"])].decode("utf-16-le")) for e in page.entities
    ]


def broken_rules(text: str, entities: tuple[Entity, ...]) -> list[str]:
    """What of https://core.telegram.org/bots/api#formatting-options a message breaks."""
    starts = [0]
    for char in text:
        starts.append(starts[-1] + (2 if char > "\uffff" else 1))
    places = [(e["type"], e["offset"], e["offset"] + e["length"]) for e in entities]
    broken = [f"{place} is not within the text" for place in places if not 0 <= place[1] < place[2] <= starts[-1]]
    broken += [f"{place} splits a character" for place in places if not {place[1], place[2]} <= set(starts)]
    broken += [f"{place} is unknown" for place in places if place[0] not in KINDS]
    for number, (kind, start, end) in enumerate(places):
        for other, begin, stop in places[number + 1 :]:
            if begin >= end or start >= stop:
                continue
            if not (start <= begin and stop <= end):
                broken.append(f"{kind} and {other} cross, or the inner one comes first")
            if {kind, other} & CODE and kind != "blockquote":
                broken.append(f"{other} lies in {kind}")
            if kind == other:
                broken.append(f"{kind} lies in itself")
    if places != sorted(places, key=lambda place: place[1]):
        broken.append("not in order")
    if len(places) > 100:
        broken.append("more than 100")
    if text != text.rstrip() or (text[:1].isspace() and not any(p[0] == "pre" and p[1] == 0 for p in places)):
        broken.append("not trimmed")
    return broken


def rendered(markdown: str) -> Rendered:
    """Render, and see that the rules hold."""
    page = render(markdown)
    assert broken_rules(page.text, page.entities) == []
    return page


# --- what a reader sees ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("level", range(1, 7))
def test_a_heading_is_bold_and_nothing_else(level: int) -> None:
    """No emoji, no underline, whatever its level."""
    page = rendered(f"{'#' * level} A *title*\n\ntext")
    assert page.text == "A title\n\ntext"
    assert ("bold", "A title") in words(page)
    assert {kind for kind, _ in words(page)} == {"bold", "italic"}


def test_bold_parts_around_code() -> None:
    """Code cannot lie in bold, so the bold is parted."""
    assert words(rendered("**use `x` now**")) == [("bold", "use"), ("code", "x"), ("bold", "now")]


def test_code_in_a_link_stays_a_link() -> None:
    """Where it leads matters more than its letters."""
    page = rendered("[`run()`](https://docs.example/run)")
    assert words(page) == [("text_link", "run()")]
    assert page.entities[0]["url"] == "https://docs.example/run"


def test_nested_quotations_become_one() -> None:
    """Telegram has no quotation in a quotation."""
    page = rendered("> a\n> > b\n> > > c\n> d")
    assert words(page) == [("blockquote", page.text)]


def test_code_in_a_quotation_and_in_a_list_has_lines_of_its_own() -> None:
    """A block never continues the line before it."""
    assert words(rendered("> so:\n> ```py\n> x = 1\n> ```")) == [("blockquote", "so:\n\nx = 1"), ("pre", "x = 1")]
    assert rendered("- do\n  ```sh\n  ls\n  ```\n  then\n- end").text == "• do\nls\nthen\n• end"


def test_code_keeps_its_language_and_its_indentation() -> None:
    """The first word after the fence is the language; the first line stays where it stood."""
    page = rendered("```python title=x\n    deep\nless\n```")
    assert page.text == "    deep\nless"
    assert page.entities[0].get("language") == "python"
    assert "language" not in rendered("```<b>\nx\n```").entities[0]
    assert words(rendered(">      set in")) == [("blockquote", " set in"), ("pre", " set in")]


def test_lists_and_tasks_are_told_by_their_marks() -> None:
    """Bullets, numbers and boxes are plain letters."""
    assert rendered("- a\n  - b\n\n3. c\n4. d\n\n- [x] e\n- [ ] f").text.split() == [
        *"•a•b",
        "3.",
        "c",
        "4.",
        "d",
        *"☑e☐f",
    ]


def test_a_formula_is_shown_as_code_and_a_price_is_no_formula() -> None:
    """Both ways of writing formulas count, but not within code."""
    assert words(rendered(r"\(x^2\) and $\alpha$")) == [("code", "x²"), ("code", "α")]
    assert words(rendered(r"\[ \frac{1}{2} \]")) == [("pre", "½")]
    assert rendered("from $5 to $10, or $5-$7").text == "from $5 to $10, or $5-$7"
    assert rendered(r"`\(x\)` \[not a formula\]").text == r"\(x\) [not a formula]"


def test_two_bars_are_a_spoiler_only_around_words() -> None:
    """As an operator they stay."""
    assert words(rendered("||the end||")) == [("spoiler", "the end")]
    assert rendered("a || b || c").text == "a || b || c"


def test_html_is_shown_as_it_was_written() -> None:
    """It has no meaning here, and hides nothing."""
    html = '<div align="x">\n<b>bold</b> <script>alert(1)</script>\n</div>'
    page = rendered(f"see <em>this</em>\n\n{html}\n\n<!-- secret -->")
    assert page.text == f"see <em>this</em>\n\n{html}\n\n<!-- secret -->"
    assert page.entities == ()


def test_the_few_tags_that_do_no_harm_are_what_they_mean() -> None:
    """Lines end, letters are raised and lowered, words are underlined."""
    page = rendered("H<sub>2</sub>O<br>x<sup>10</sup> <u>so</u>")
    assert page.text == "H₂O\nx¹⁰ so"
    assert words(page) == [("underline", "so")]


def test_a_line_break_in_html_is_a_line_break() -> None:
    """The one tag that models write out of habit."""
    assert rendered("a<br>b<br />c").text == "a\nb\nc"


def test_an_image_becomes_a_link_that_nobody_follows_by_itself() -> None:
    """Nothing is fetched, and no emoji stands for it."""
    page = rendered("![a cat](https://img.example/cat.png?secret=1)")
    assert words(page) == [("text_link", "a cat")]
    assert rendered("![](https://img.example/cat.png)").text == "https://img.example/cat.png"
    assert words(rendered("[![badge](https://img.example/b.svg)](https://ci.example/)")) == [("text_link", "badge")]


@pytest.mark.parametrize(
    "url",
    [
        *(
            "javascript:alert(1)",
            "data:text/html,x",
            "file:///etc/passwd",
            "ftp://a.b/c",
            "#part",
            "x.md",
            "//evil.example/x",
        ),
        *("tg://user?id=1", "tg://resolve?domain=a&start=x", "tg://emoji?id=5368324170671202286", "HTTPS:evil.example"),
        "http://localhost:80/",
    ],
)
def test_an_address_that_may_not_be_followed_is_printed(url: str) -> None:
    """The words stay, and the address stands behind them."""
    page = rendered(f"[click](<{url}>)")
    assert page.text == f"click ({url})"
    assert page.entities == ()


@pytest.mark.parametrize("url", ["https://a.example/x_(y)?z=1#w", "http://a.example", "tg://resolve?domain=durov"])
def test_an_address_that_may_be_followed_is_a_link(url: str) -> None:
    """Pages of the web, and a person or channel by name."""
    page = rendered(f"[click]({url})")
    assert page.entities == ({"type": "text_link", "offset": 0, "length": 5, "url": url},)


def test_mail_and_telephone_are_printed_as_telegram_knows_them() -> None:
    """There is no entity for them that a bot may send, but Telegram makes links of them itself."""
    assert rendered("[write](mailto:a@b.example) [call](tel:+123456) <c@d.example>").text == (
        "write (a@b.example) call (+123456) c@d.example"
    )


def test_a_link_that_says_another_address_than_it_has_tells_the_truth() -> None:
    """Words that are an address must be the address."""
    assert (
        rendered("[https://bank.example](https://evil.example)").text == "https://bank.example (https://evil.example)"
    )
    assert rendered("[www.bank.example/a](https://bank.example/b)").entities != ()


def test_a_long_address_that_is_data_is_cut() -> None:
    """An image within the text is not printed letter by letter."""
    assert len(rendered(f"![x](data:image/png;base64,{'A' * 5000})").text) < 250


def test_a_reference_is_a_link_and_a_source_that_nothing_refers_to_is_shown() -> None:
    """The number of a source keeps its brackets."""
    page = rendered(
        "as told [1], by [them][x]\n\n[1]: https://a.example\n[x]: https://b.example\n[2]: https://c.example"
    )
    assert page.text == "as told [1], by them\n\n[2]: https://c.example"
    assert words(page) == [("text_link", "[1]"), ("text_link", "them")]


def test_a_footnote_is_shown_where_it_stands() -> None:
    """Telegram has none."""
    assert rendered("so[^1]\n\n[^1]: because").text == "so[^1]\n\n[^1]: because"


def test_a_narrow_table_is_a_grid_in_which_east_asian_letters_take_two_columns() -> None:
    """Columns stand below each other, numbers to the right if so asked."""
    page = rendered("| 名前 | n |\n|---|--:|\n| 東京 | 1 |\n| x | 22 |")
    assert page.text == "名前 |  n\n-----+---\n東京 |  1\nx    | 22"
    assert words(page) == [("pre", page.text)]


def test_a_table_too_wide_for_a_phone_is_told_row_by_row() -> None:
    """Each cell is told with its column's name, and its markup lives."""
    table = (
        "| Name | What it is for | Where |\n|---|---|---|\n| `a` | something **long** to say | [here](http://a.b/) |"
    )
    page = rendered(table)
    assert page.text == "• Name: a\n  • What it is for: something long to say\n  • Where: here"
    assert {("code", "a"), ("bold", "long"), ("text_link", "here")} <= set(words(page))


def test_a_table_in_a_quotation_or_a_list_stays_there() -> None:
    """Its lines are given the marks of what holds it."""
    assert rendered("> q\n>\n> | a |\n> |---|\n> | 1 |").text == "q\n\na\n-\n1"
    assert rendered("- t\n\n  | a | b |\n  |---|---|\n  | 1 | 2 |\n- u").text == "• t\na | b\n--+--\n1 | 2\n• u"


# --- unfinished, and empty ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("markdown", ["", " \n", "```\n\n```", "```py", "\u2028", "\u200b"])
def test_what_cannot_be_seen_has_no_page(markdown: str) -> None:
    """Telegram refuses a message without a visible character, so there is none."""
    assert pages(markdown) == plain_pages(markdown) == ()


def test_every_beginning_of_an_answer_is_valid() -> None:
    """An answer that is still being written can be shown at each letter."""
    answer = "# T\n\n**b `c`** [l](http://a.b/) <b>\n\n- x\n  ```py\n  y\n  ```\n\n"
    answer += "| a | b |\n|--|--|\n| 1 | ||s|| |\n\n> q $x$"
    for end in range(len(answer)):
        rendered(answer[:end])
        plain(answer[:end])


def test_what_is_still_being_written_is_shown_as_it_will_look() -> None:
    """Open bold is bold already, and half a link has no brackets."""
    (page,) = pages("It is **very imp", unfinished=True)
    assert words(page) == [("bold", "very imp")]
    assert pages("See [the docs](http", unfinished=True)[0].text == "See the docs"
    assert plain_pages("It is **very imp", unfinished=True)[0].text == "It is very imp"


# --- plain ----------------------------------------------------------------------------------------------------------


def test_plain_words_carry_no_markup_and_all_addresses() -> None:
    """What is read where markup was refused."""
    markdown = (
        "# T\n\n**b** and *i* [l](https://a.example/) `c`\n\n- x\n\n```py\n  y\n```\n\n| a | b |\n|--|--|\n| 1 | 2 |"
    )
    assert plain(markdown) == "T\n\nb and i l (https://a.example/) c\n\n• x\n\n  y\n\n• a: 1\n  • b: 2"


def test_plain_pages_fit_and_have_no_entities() -> None:
    """They are cut by the same rule."""
    sent = plain_pages("**word** " * 400, 300)
    assert all(page.text and not page.entities and utf16_length(page.text) <= 300 for page in sent)


# --- pages ----------------------------------------------------------------------------------------------------------


def test_length_is_counted_in_utf16_units_after_rendering() -> None:
    """Marks do not count, and an emoji counts two."""
    assert length("**ab** 😀 [x](https://a.example/very/long)") == 7


def test_pages_are_measured_as_rendered() -> None:
    """A text whose marks exceed the limit, but not its words, is one page."""
    markdown = "\n\n".join("[word](https://example.org/a/very/long/address)" for _ in range(20))
    assert len(markdown) > 900
    assert len(pages(markdown, 200)) == 1


def test_a_fence_cut_in_two_is_code_on_both_pages() -> None:
    """With its language."""
    sent = pages("Look:\n\n```py\n" + "\n".join(f"x{n} = {n}" for n in range(60)) + "\n```", 300)
    assert len(sent) > 1
    assert all(page.entities[-1]["type"] == "pre" and page.entities[-1].get("language") == "py" for page in sent)


def test_a_reference_reaches_over_pages() -> None:
    """The definition stands on the last page, the link works on the first."""
    sent = pages("See [this][x].\n\n" + "word " * 100 + "\n\n[x]: https://a.example/", 200)
    assert sent[0].entities[0].get("url") == "https://a.example/"
    assert "a.example" not in "".join(page.text for page in sent)


def test_a_hundred_and_one_entities_lose_the_least_important() -> None:
    """Code, then links, then bold stay."""
    page = rendered("*i* `c` **b** [l](http://a.b/) " * 40)
    kinds = [kind for kind, _ in words(page)]
    assert len(kinds) == 100
    assert (kinds.count("code"), kinds.count("text_link"), kinds.count("bold")) == (40, 40, 20)


def test_an_address_is_never_lost_with_its_entity() -> None:
    """When there are more links than Telegram keeps, all are printed."""
    page = rendered(" ".join(f"[n{n}](http://a.b/{n})" for n in range(130)))
    assert page.entities == ()
    assert "n129 (http://a.b/129)" in page.text


def test_an_answer_is_rendered_few_times(monkeypatch: pytest.MonkeyPatch) -> None:
    """Finding a page's end takes about ten renderings, not one for each place it could be."""
    count = 0

    def counting(markdown: str) -> Rendered:
        nonlocal count
        count += 1
        return render(markdown)

    monkeypatch.setattr("bots.telegram.rendering.render", counting)
    sent = pages("\n\n".join(f"Paragraph {n} says **something** of [note](http://a.b/{n})." for n in range(900)))
    assert len(sent) > 6
    assert count <= 12 * len(sent)


# --- for any text ---------------------------------------------------------------------------------------------------

CALM = settings(deadline=None)  # a busy machine is no fault of a text
MORE = settings(deadline=None, max_examples=500)
MARKUP = (
    *(
        "a",
        "word",
        "é",
        "👩‍👩‍👧",
        "字。",
        "😀",
        ".",
        " ",
        "    ",
        "\t",
        "\n",
        "\n\n",
        "\r",
        "\0",
        "\u2028",
        "\u200b",
        "\\",
    ),
    *("`", "``", "```", "\n```py\n", "\n~~~\n", "*", "**", "_", "~~", "||", "$", "$$", "\\(", "\\)", "\\[", "\\]", "^"),
    *(
        "[",
        "]",
        "(",
        ")",
        "](",
        "](http://a.b)",
        "](javascript:x)",
        "![",
        "[r]",
        "\n[r]: http://r.s\n",
        "[^1]",
        "<http://q.r>",
    ),
    *("<b>", "</div>", "<br>", "<!--", "-->", "\n<div>\n", "&lt;", "&#0;", "\\frac{1}{2}"),
    *("|", "\n|-|-|\n", "| a | b |\n|---|---|\n", "\n| 1 | 2 |\n"),
    *("# ", "\n##### ", "\n- ", "\n    - ", "\n1. ", "> ", "\n> ", "\n> > ", "\n---\n", "\n===\n", "- [x] "),
)
WILD = st.lists(st.sampled_from(MARKUP), max_size=60).map("".join)


@MORE
@given(WILD)
def test_no_markdown_makes_a_message_that_breaks_the_rules(markdown: str) -> None:
    """Valid, trimmed, and of its own accord never a link where none may be."""
    page = rendered(markdown)
    assert all(entity.get("url", "http:").startswith("http") for entity in page.entities)
    plain(markdown)


@CALM
@given(WILD, st.integers(min_value=8, max_value=200))
def test_pages_of_any_markdown_fit(markdown: str, limit: int) -> None:
    """Within the limit after rendering, none empty, each valid."""
    for page in pages(markdown, limit):
        assert page.text.strip()
        assert utf16_length(page.text) <= limit
        assert broken_rules(page.text, page.entities) == []


@CALM
@given(st.text(max_size=200))
def test_any_text_at_all_can_be_rendered(text: str) -> None:
    """Whatever the letters, lone surrogates included."""
    rendered(text + "\ud800")


# --- against what Telegram publishes --------------------------------------------------------------------------------


def test_entities_have_the_types_and_fields_that_the_bot_api_names() -> None:
    """Nothing is sent that the specification does not know."""
    spec = recorded("api.json")["types"]["MessageEntity"]
    fields = {field["name"]: field for field in spec["fields"]}
    required = {name for name, field in fields.items() if field["required"]}
    assert all(f'"{kind}"' in fields["type"]["description"] for kind in KINDS)
    page = rendered("**b** *i* <u>u</u> ~~s~~ ||p|| `c` [l](http://a.b)\n\n> q\n\n```py\nx\n```")
    assert {kind for kind, _ in words(page)} == KINDS
    for entity in page.entities:
        assert required <= set(entity) <= set(fields)


NAMES = {"Bold": "bold", "Italic": "italic", "Strikethrough": "strikethrough", "Spoiler": "spoiler", "Code": "code"} | {
    "Pre": "pre",
    "PreCode": "pre",
    "BlockQuote": "blockquote",
    "ExpandableBlockQuote": "blockquote",
}


def test_telegrams_own_messages_pass_unchanged_or_are_mended() -> None:
    """Of Telegram's test vectors, those that keep the rules are kept as they are, and the others come to keep them."""
    vectors = recorded("tdlib_entities.json")
    kept = mended = 0
    for vector in (*vectors["parse_html"], *vectors["parse_markdown"]):
        told = [entity for entity in vector.get("entities", []) if entity[0] in NAMES]
        if not told:
            continue
        text = vector["text"]
        found = [(NAMES[kind], offset, size, "") for kind, offset, size, *_ in told]
        before = to_entities(text, to_marks(text, found))
        assert [(e["type"], e["offset"], e["length"]) for e in before] == sorted_like_ours(found)
        after = to_entities(text, valid(text, to_marks(text, found)))
        # The vectors are untrimmed, which is no fault of an entity.
        assert [rule for rule in broken_rules(text, after) if rule != "not trimmed"] == []
        if any(rule for rule in broken_rules(text, before) if rule != "not trimmed") or blank_ends(text, before):
            mended += 1
        else:
            assert after == before
            kept += 1
    assert kept > 40
    assert mended > 5


def to_marks(text: str, found: list[tuple[str, int, int, str]]) -> list[Mark]:
    """Entities as kind, offset, length and value, in UTF-16 units, as marks."""
    units = text.encode("utf-16-le")

    def index(unit: int) -> int:
        return len(units[: 2 * unit].decode("utf-16-le"))

    return [Mark(kind, index(offset), index(offset + size), value) for kind, offset, size, value in found]


def sorted_like_ours(found: list[tuple[str, int, int, str]]) -> list[tuple[str, int, int]]:
    """Entities by offset, outer ones first."""
    order = ("blockquote", "text_link", "bold", "italic", "underline", "strikethrough", "spoiler", "code", "pre")
    return sorted(((k, o, s) for k, o, s, _ in found), key=lambda e: (e[1], -e[2], order.index(e[0])))


def blank_ends(text: str, entities: tuple[Entity, ...]) -> bool:
    """Whether an entity begins or ends with white space, which ours never do."""
    return any(inside != inside.strip() for _, inside in words(Rendered(source="", text=text, entities=entities)))


def test_a_quotation_may_hold_code_as_in_telegrams_own_messages() -> None:
    """The checker of these tests allows what the vectors show: pre and code within a quotation."""
    vectors = recorded("tdlib_entities.json")
    held = {
        (NAMES.get(outer[0]), NAMES.get(inner[0]))
        for vector in (*vectors["parse_html"], *vectors["parse_markdown"])
        for outer, inner in pairwise(vector.get("entities", []))
        if outer[1] <= inner[1] and inner[1] + inner[2] <= outer[1] + outer[2]
    }
    assert {("blockquote", "pre"), ("blockquote", "code"), ("blockquote", "bold"), ("italic", "bold")} <= held


def test_marks_and_entities_are_told_in_their_own_units() -> None:
    """Characters within, UTF-16 units without."""
    marks = [Mark("bold", 1, 3), Mark("italic", 3, 4)]
    entities = to_entities("😀a😀b", marks)
    assert [(e["offset"], e["length"]) for e in entities] == [(2, 3), (5, 1)]
    assert to_marks("😀a😀b", [(e["type"], e["offset"], e["length"], "") for e in entities]) == marks
