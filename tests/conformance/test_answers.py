"""What a model says arrives whole and readable on every platform, however long and whatever is in it."""

import re

import pytest

from conformance.play import Play
from conformance.stage import ANN, needs
from core.testing import answer

LONG_CHARS = 12_000
PIECES = {
    "a table": (
        "| Name | Price |\n|:-----|------:|\n| Tea | 12 |\n| Milk | 7 |",
        ["Tea", "12", "Milk", "7"],
    ),
    "a fence": ("```python\nif a < b:\n    print('*c*', \"&\")\n```", ["if a < b:", "print('*c*', \"&\")"]),
    "maths": ("Then $a^2 + b^2$ it is, for $5 to $10.", ["Then", "it is", "5", "10"]),
    "a link": ("See [the page](https://example.org/a_(b)?c=d&e=f).", ["See", "the page"]),
    "nested lists": ("1. one\n   - two\n     - three\n2. four", ["one", "two", "three", "four"]),
    "a quotation": ("> somebody said\n> this\n\nand so on", ["somebody said", "this", "and so on"]),
    "what looks like markup": ("5 * 3 * 2 < 31 & snake_case_name, a|b", ["5 * 3 * 2 < 31 & snake_case_name, a|b"]),
    "many scripts": ("שלום, 你好, 👩‍👩‍👧‍👦 and é", ["שלום", "你好", "👩‍👩‍👧‍👦", "é"]),
}


def long_answer() -> tuple[str, list[str]]:
    """Sections with headings, and all their words in order; each word is there once."""
    sections: list[str] = []
    words: list[str] = []
    while sum(map(len, sections)) < LONG_CHARS:
        number = len(sections)
        row = [f"w{number}x{place}" for place in range(90)]
        words += [f"Section{number}", *row]
        sections.append(f"## Section{number}\n\n{' '.join(row[:45])}\n\n{' '.join(row[45:])}\n\n")
    return "".join(sections), words


async def test_a_long_answer_comes_whole_and_in_order(play: Play) -> None:
    """In as many messages as the platform wants, none too long, and no word is lost or doubled."""
    text, words = long_answer()
    play.model.on("everything", answer(*re.findall(r"\S+\s*", text)))
    async with play.life():
        await play.stage.say("Tell me everything")
        await play.sees(words[-1])
        shown = await play.texts()
    assert re.findall(r"Section\d+|w\d+x\d+", "\n".join(shown)) == words
    assert max(map(play.stage.length, shown)) <= play.stage.longest
    assert "##" not in "\n".join(shown)


@pytest.mark.parametrize("piece", PIECES)
async def test_what_is_in_an_answer_can_be_read(play: Play, piece: str) -> None:
    """All its words are there, in order, in one message."""
    text, wanted = PIECES[piece]
    play.model.on("show", answer(text))
    async with play.life():
        await play.stage.say("Please show me")
        await play.shows(lambda shown: len(shown) == 1, wanted=piece, chat=ANN)
        (said,) = await play.texts()
    at = 0
    for words in wanted:
        assert words in said[at:], said
        at = said.index(words, at)


async def test_refused_markup_is_said_more_plainly(play: Play) -> None:
    """The platform takes no markup: the words arrive all the same, once."""
    needs(play.stage, "markup refusals")
    play.model.on("show", answer("# Title\n\nSome **bold** words.\n\n| a | b |\n|---|---|\n| c | d |"))
    play.stage.refuse_markup()
    async with play.life():
        await play.stage.say("Please show me")
        shown = await play.sees("Title")
        assert len(await play.texts()) == 1
    assert "bold" in shown.text
    assert "d" in shown.text.partition("c")[2]
