"""Pages: JSON bodies within the platform's limits, each of which can be said again in another form."""

import json
from typing import Any

import pytest

from bots.telegram.paging import FORMS, pages
from core.values import Choice, Page, Reply

LONG = "\n\n".join(f"**Paragraph {number}** 😀 " + "word " * 60 for number in range(60))


def body(page: Page) -> dict[str, Any]:
    """What is sent."""
    loaded: dict[str, Any] = json.loads(page.body)
    return loaded


def test_a_short_reply_is_one_page_with_text_and_entities() -> None:
    """The platform is given text and ranges, never markup to parse, and is told to fetch no link preview."""
    (page,) = pages(Reply(markdown="**hi**"), "entities")
    assert body(page) == {
        "text": "hi",
        "entities": [{"type": "bold", "offset": 0, "length": 2}],
        "link_preview_options": {"is_disabled": True},
    }
    assert (page.form, page.source) == ("entities", "**hi**")


@pytest.mark.parametrize("form", FORMS)
def test_a_long_reply_is_split_by_what_is_shown(form: str) -> None:
    """The limit is 4096 UTF-16 units of rendered text: an emoji counts twice, markup not at all."""
    split = pages(Reply(markdown=LONG), form)
    assert len(split) > 1
    assert all(len(body(page)["text"].encode("utf-16-le")) // 2 <= 4096 for page in split)
    assert "".join("".join(body(page)["text"].split()) for page in split).count("Paragraph") == 60


def test_one_page_alone_can_be_said_again_in_plain_words() -> None:
    """When markup is refused on the third page, the first two stay as they are."""
    page = pages(Reply(markdown=LONG), "entities")[1]
    again = pages(Reply(markdown=page.source), "plain")
    assert "".join(body(one)["text"] for one in again).split() == body(page)["text"].split()
    assert all("entities" not in body(one) for one in again)


def test_choices_are_buttons_below_the_last_page() -> None:
    """A question is read before it is answered; the button carries the token and nothing else."""
    choices = (Choice(label="Yes", token="a" * 64), Choice(label="No", token="b"))
    *before, last = pages(Reply(markdown=LONG, choices=choices), "entities")
    assert all("reply_markup" not in body(page) and not page.choices for page in before)
    assert body(last)["reply_markup"] == {
        "inline_keyboard": [[{"text": "Yes", "callback_data": "a" * 64}, {"text": "No", "callback_data": "b"}]]
    }
    assert last.choices == choices


def test_long_labels_stand_in_rows_of_their_own() -> None:
    """Side by side they would be cut off on a telephone."""
    choices = tuple(Choice(label=f"A rather long label {number}", token=str(number)) for number in range(3))
    (page,) = pages(Reply(markdown="?", choices=choices), "plain")
    assert [len(row) for row in body(page)["reply_markup"]["inline_keyboard"]] == [1, 1, 1]


def test_a_token_too_long_for_a_button_is_noticed_here() -> None:
    """The platform would refuse the whole message."""
    with pytest.raises(ValueError, match="64"):
        pages(Reply(markdown="?", choices=(Choice(label="Yes", token="é" * 33),)), "plain")


@pytest.mark.parametrize("markdown", ["", " \n\n", "```", "**", "![](https://example.org/a.png)", "[", "| a |", "- "])
@pytest.mark.parametrize("form", FORMS)
def test_an_unfinished_reply_renders_calmly(markdown: str, form: str) -> None:
    """A preview may stop at any character; it is always one page that the platform would take."""
    (page,) = pages(Reply(markdown=markdown), form)
    assert body(page)["text"].strip()
