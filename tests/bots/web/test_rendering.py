"""Markdown as HTML: what reads well, and that nothing a model writes can do harm."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bots.web import rendering
from bots.web.rendering import may_follow, render

HARMLESS_TAGS = {*rendering._HTML, *rendering._MATHML}
HARMLESS_ADDRESS = re.compile(r"(?:https?|mailto):", re.IGNORECASE)
ATTACKS = [
    "<script>alert(1)</script>",
    "<ScRiPt >alert(1)</sCrIpT>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><script>alert(1)</script></svg>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<math><annotation-xml encoding='text/html'><script>alert(1)</script></annotation-xml></math>",
    "<math href='javascript:alert(1)'>x</math>",
    "<iframe srcdoc='<script>alert(1)</script>'></iframe>",
    "<a href='javascript:alert(1)'>x</a>",
    "<style>@import 'https://evil.example'</style>",
    "<base href='https://evil.example'>",
    "<meta http-equiv=refresh content='0;url=https://evil.example'>",
    "<form action='https://evil.example'><input name=q></form>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](java\nscript:alert(1))",
    "[x](&#106;avascript:alert(1))",
    "[x](data:text/html;base64,PHNjcmlwdD4=)",
    "[x](vbscript:msgbox(1))",
    "[x](file:///etc/passwd)",
    "[x](//evil.example)",
    "[x](/files/own)",
    "[x](https://user:pass@evil.example)",
    '[x](https://ok.example "onmouseover=alert(1)")',
    '[x](https://ok.example/"onmouseover="alert(1))',
    "[x][y]\n\n[y]: javascript:alert(1)",
    "<javascript:alert(1)>",
    "![x](https://evil.example/pixel.png)",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,AAAA)",
    "![<img src=x onerror=alert(1)>](https://evil.example)",
    "[![x](https://evil.example/p.png)](https://ok.example)",
    "```<img src=x onerror=alert(1)>\ncode\n```",
    '```"><script>alert(1)</script>\ncode\n```',
    "```html\n<script>alert(1)</script>\n```",
    "`<script>alert(1)</script>`",
    "$\\text{<script>alert(1)</script>}$",
    "$\\text{<img src=x onerror=alert(1)>}$",
    "$\\href{javascript:alert(1)}{x}$",
    "$\\style{background:url(https://evil.example)}{x}$",
    "$\\class{x}{y} \\cssId{z}{w} \\unicode{x3c}$",
    "$\\color{red;background:url(//evil.example)}{x}$",
    "$$\n\\begin{matrix}<svg onload=alert(1)>\\end{matrix}\n$$",
    "| <img src=x onerror=alert(1)> | [x](javascript:alert(1)) |\n|-|-|\n| a | <script>alert(1)</script> |",
    "- [ ] <img src=x onerror=alert(1)>",
    "> <script>alert(1)</script>",
    "# <script>alert(1)</script>",
    "<!-- --!><img src=x onerror=alert(1)> -->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "\x00<script>alert(1)</script>",
]


class Judge(HTMLParser):
    """Reads HTML as a browser would, and complains of whatever could do something."""

    def __init__(self) -> None:
        super().__init__()
        self.complaints: list[str] = []
        self.words: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in HARMLESS_TAGS:
            self.complaints.append(f"<{tag}>")
        for name, text in attrs:
            if name.startswith("on") or name in {"style", "src", "srcset", "srcdoc", "action", "formaction", "id"}:
                self.complaints.append(f"{name}={text}")
            if name in {"href", "xlink:href"} and not HARMLESS_ADDRESS.match(text or ""):
                self.complaints.append(f"{name}={text}")

    def handle_data(self, data: str) -> None:
        self.words.append(data)


def judged(html: str) -> list[str]:
    """What could do something."""
    judge = Judge()
    judge.feed(html)
    judge.close()
    return judge.complaints


def html_of(markdown: str) -> str:
    """A text as HTML."""
    return "".join(render(markdown))


def words_of(html: str) -> str:
    """What of it is read."""
    judge = Judge()
    judge.feed(html)
    return "".join(judge.words)


# --- harm ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("attack", ATTACKS)
@pytest.mark.parametrize("frame", ["{}", "> {}", "- {}\n  - {}", "**{}**", "| {} |\n|-|\n| {} |", "a {} b\n{}"])
def test_no_attack_leaves_anything_that_does_something(attack: str, frame: str) -> None:
    """Neither by itself nor within whatever else Markdown has: only harmless elements, attributes and addresses."""
    assert judged(html_of(frame.replace("{}", attack))) == []


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_second_wall_holds_alone(attack: str) -> None:
    """Were the parser to let HTML through, the wall behind it would stop it all the same."""
    assert judged(rendering._wall.clean(attack)) == []


@settings(max_examples=300, deadline=None)
@given(
    st.lists(
        st.sampled_from([*ATTACKS, "\n", "\n\n", "`", "```", "$", "$$", "*", "[", "](", ")", "<", "|", "x "]),
        max_size=8,
    )
)
def test_no_mixture_of_attacks_does_anything(pieces: list[str]) -> None:
    """However they are put together."""
    assert judged(html_of("".join(pieces))) == []


@pytest.mark.parametrize(
    "url, follows",
    [
        ("https://example.org/a?b=c#d", True),
        ("http://localhost:3000", True),
        ("mailto:ann@example.org", True),
        ("HTTPS://EXAMPLE.ORG", True),
        ("https://", False),
        ("https://user@example.org", False),
        ("https://exa mple.org", False),
        ("https://example.org\\@evil.example", False),
        ("ftp://example.org", False),
        ("tel:123", False),
        ("example.org", False),
        ("https://example.org/" + "a" * 3000, False),
        ("https://[::1", False),
    ],
)
def test_only_plain_addresses_of_the_web_and_of_mail_are_followed(url: str, follows: bool) -> None:
    """What could run, hide or confuse is no link."""
    assert may_follow(url) == follows


def test_a_link_opens_elsewhere_and_tells_nothing() -> None:
    """The other page does not learn where it was linked, and cannot reach back."""
    html = html_of("[there](https://example.org)")
    assert 'rel="noopener noreferrer nofollow"' in html
    assert 'target="_blank"' in html


@pytest.mark.parametrize(
    "markdown, warns",
    [
        ("[https://bank.example](https://evil.example)", True),
        ("[www.bank.example](https://evil.example/www.bank.example)", True),
        ("[https://bank.example/long](https://bank.example)", False),
        ("[bank.example](https://www.bank.example)", False),
        ("[my bank](https://bank.example)", False),
        ("https://bank.example", False),
    ],
)
def test_words_that_are_another_address_are_not_believed(markdown: str, warns: bool) -> None:
    """The address it really leads to stands before it."""
    assert ("←" in html_of(markdown)) == warns


def test_a_picture_is_a_link_with_its_whole_address() -> None:
    """Nothing is asked of its server until the person decides so, and what would be told it can be read."""
    html = html_of("![a chart](https://evil.example/p.png?secret=42)")
    assert "<img" not in html
    assert words_of(html) == "a chart: https://evil.example/p.png?secret=42"


# --- reading ---------------------------------------------------------------------------------------------------------


def test_what_people_write_is_what_is_shown() -> None:
    """HTML is text, and the ends of lines are kept, as messengers do."""
    assert words_of(html_of("1 < 2 & <b>bold</b>\nnext")) == "1 < 2 & <b>bold</b>\nnext"
    assert "<br>" in html_of("one\ntwo")


def test_tables_lists_and_tasks_are_what_they_are() -> None:
    """A table can be scrolled and is aligned without any style of its own; tasks are boxes nobody can tick."""
    table = html_of("| a | b |\n|:-:|-:|\n| 1 | 2 |")
    assert table.startswith('<div class="table" tabindex="0"><table>')
    assert '<th class="center">a</th>' in table
    assert '<td class="right">2</td>' in table
    tasks = html_of("- [x] done\n- [ ] open")
    assert tasks.count('type="checkbox"') == tasks.count("disabled") == 2
    assert tasks.count("checked") == 1


def test_code_is_coloured_by_classes_and_can_be_copied_whole() -> None:
    """Its text is exactly what was written; a language nobody knows is shown in one colour."""
    html = html_of("```python\ndef f(): return '<b>'\n```")
    assert '<span class="k">def</span>' in html
    assert '<button class="copy" type="button">Copy</button>' in html
    assert words_of(html.partition("<pre")[2].partition(">")[2]) == "def f(): return '<b>'\n"
    assert "<code>x &lt; y\n</code>" in html_of("```nonsense\nx < y\n```")


@pytest.mark.parametrize(
    "markdown",
    [
        "It costs $5 or $10.",
        "From $5 to $10 and back",
        "5$ and 10$",
        "US$5 and CA$7",
        "$20 (about 15$)",
        "$5-$10",
        "$ 5 and 6 $",
        "a $ b",
        "\\$5 and $6",
    ],
)
def test_money_is_no_formula(markdown: str) -> None:
    """A dollar sign before a number is a dollar sign."""
    html = html_of(markdown)
    assert "<math" not in html
    assert words_of(html) == markdown.replace("\\", "")


@pytest.mark.parametrize(
    "markdown, block",
    [
        ("so $a^2$ is", False),
        ("$5x + 3$", False),
        ("$2 \\times 3$", False),
        ("so \\(a^2\\) is", False),
        ("$$a^2$$", True),
        ("$$\na^2\n$$", True),
        ("\\[\na^2\n\\]", True),
        ("$$\\begin{aligned}a&=b\\\\c&=d\\end{aligned}$$", True),
    ],
)
def test_formulas_are_set_as_mathml(markdown: str, block: bool) -> None:
    """Whichever way a model writes them."""
    html = html_of(markdown)
    assert "<math" in html
    assert ('display="block"' in html) == block
    assert "$" not in html
    assert "\\" not in html


def test_a_formula_nobody_can_read_is_shown_as_it_was_written() -> None:
    """Half a formula, one that never ends, or one that is enormous costs nothing but itself."""
    for latex in ("\\frac{1}{", "\\def\\x{\\x\\x}\\x", "{" * 3000, "x" * 5000):
        assert latex in words_of(html_of(f"$${latex}$$"))


def test_a_text_is_one_string_a_block() -> None:
    """So that a page can be told of each by itself."""
    html = render("# one\n\ntwo\n\n- three\n\n```\nfour\n```")
    assert [block[:3] for block in html] == ["<h2", "<p>", "<ul", "<fi"]
    assert render("") == []


@settings(max_examples=200, deadline=None)
@given(st.text(max_size=200))
def test_any_text_at_all_is_rendered(markdown: str) -> None:
    """Nothing a model says makes the page fail."""
    assert judged(html_of(markdown)) == []
