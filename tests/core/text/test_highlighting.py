"""Code in colours: each word in its kind, nothing lost, in linear time whatever the code."""

import pytest

from core.text.highlighting import _LANGUAGES, _SAME, MAX_CHARS, highlighted
from hostile import TEXTS, Text, assert_linear

RUNS = (
    *("letters", "dots", "dashes", "underscores", "hashes", "backslashes", "quotation marks", "many ticks", "blanks"),
    *(
        "empty lines",
        "short lines",
        "tags begun",
        "attributes begun",
        "comments",
        "dollars",
        "equals",
        "stars",
        "colons",
    ),
)


def kinds(code: str, language: str) -> list[tuple[str, str]]:
    """The words that have a kind."""
    return [(kind, text) for kind, text in highlighted(code, language) if kind is not None]


@pytest.mark.parametrize(
    "language, code, expected",
    [
        ("py", "def f(x):  # why", [("keyword", "def"), ("name", "f"), ("comment", "# why")]),
        ("python", '"""a\nb""" + 1.5', [("string", '"""a\nb"""'), ("number", "1.5")]),
        ("js", "const a = `b\n${c}` // d", [("keyword", "const"), ("string", "`b\n${c}`"), ("comment", "// d")]),
        ("c", "/* a\n*/ int", [("comment", "/* a\n*/"), ("keyword", "int")]),
        ("sql", "SELECT 'a' -- b", [("keyword", "SELECT"), ("string", "'a'"), ("comment", "-- b")]),
        ("json", '{"a": "b"}', [("keyword", '"a"'), ("string", '"b"')]),
        ("yaml", "a: yes # b", [("keyword", "a"), ("keyword", "yes"), ("comment", "# b")]),
        ("html", '<a b="c">don\'t', [("keyword", "<a"), ("attribute", "b"), ("string", '"c"'), ("keyword", ">")]),
        ("bash", "export A=$B", [("keyword", "export"), ("attribute", "$B")]),
        ("diff", "-a\n+b\n c", [("removed", "-a"), ("added", "+b")]),
        ("nobody's", "def f", []),
    ],
)
def test_words_have_kinds(language: str, code: str, expected: list[tuple[str, str]]) -> None:
    """By which a reader finds their way."""
    assert kinds(code, language) == expected


@pytest.mark.parametrize("language", [*_LANGUAGES, "diff"])
def test_nothing_of_the_code_is_lost(language: str) -> None:
    """Whatever it is."""
    for text in TEXTS.values():
        assert "".join(piece for _, piece in highlighted(text(300), language)) == text(300)


@pytest.mark.parametrize("language", [*_LANGUAGES, "diff"])
def test_twice_as_much_code_takes_twice_as_long(language: str) -> None:
    """Whatever runs of characters are in it."""
    for name in RUNS:

        def read(length: int, text: Text = TEXTS[name]) -> list[object]:
            return list(highlighted(text(length), language))

        assert_linear(read, 4_000)


def test_other_names_of_languages_lead_to_one_there_is() -> None:
    """A fence may say ``tsx``."""
    assert set(_SAME.values()) <= set(_LANGUAGES)


def test_very_long_code_is_in_one_colour() -> None:
    """Nobody reads it here."""
    assert kinds("def " * MAX_CHARS, "python") == []
