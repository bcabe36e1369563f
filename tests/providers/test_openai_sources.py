"""OpenAI's sources: its models' links to them leave the text, since each is shown as a number already."""

import time

import pytest

from core.exchange import Part
from providers.responses.answer import Answer
from providers.words import JSON

RIVERS, BONN = "https://example.org/rivers?utm_source=openai", "https://example.org/Bonn_(city)"


def parts_of(said: str, *links: tuple[str, str]) -> list[tuple[str, str]]:
    """What is kept of a text, given what of it the lab says is a link to where."""
    annotations: list[JSON] = [
        {"type": "url_citation", "url": url, "title": "T", "start_index": at, "end_index": at + len(link)}
        for link, url in links
        if (at := said.index(link)) >= 0
    ]
    content = {"type": "output_text", "text": said, "annotations": annotations}
    answer = Answer("openai", "m", 10)
    item = {"type": "message", "content": [content]}
    answer.add({"type": "response.output_item.done", "output_index": 0, "item": item})
    answer.add({"type": "response.completed", "response": {}})
    return [(part.kind, part.body) for part in answer.finished().parts if isinstance(part, Part)]


def test_a_link_in_brackets_leaves_the_text() -> None:
    """With its brackets and the space before; what it bore out stands before its source."""
    link = f"([example.org]({RIVERS}))"
    said = f"Bonn lies on the Rhine. {link} It is old."
    expected = [("text", "Bonn lies on the Rhine."), ("citation", RIVERS), ("text", " It is old.")]
    assert parts_of(said, (link, RIVERS)) == expected
    assert parts_of(said, (link[1:-1], RIVERS)) == expected


def test_several_links_in_brackets_leave_together() -> None:
    """Also to an address with brackets in it."""
    one, other = f"[a]({RIVERS})", f"[b]({BONN})"
    told = parts_of(f"So it is ({one}, {other}).", (one, RIVERS), (other, BONN))
    assert told == [("text", "So it is"), ("citation", RIVERS), ("citation", BONN), ("text", ".")]


def test_the_words_of_a_link_in_a_sentence_stay() -> None:
    """They may be its subject."""
    link = f"[The city of Bonn]({BONN})"
    told = parts_of(f"{link} is old.", (link, BONN))
    assert told == [("text", "The city of Bonn"), ("citation", BONN), ("text", " is old.")]


@pytest.mark.parametrize("said", ["See ([docs](https://other.org/x)) there.", "See [docs](https://other.org/x) there."])
def test_a_link_to_something_else_stays(said: str) -> None:
    """The model wrote it for its reader."""
    told = parts_of(f"{said} So.", ("So.", RIVERS))
    assert told == [("text", f"{said} So."), ("citation", RIVERS)]


def test_words_that_a_source_bears_out_stay() -> None:
    """Where the lab marks the words rather than a link."""
    assert parts_of("It is old.", ("It is old.", RIVERS)) == [("text", "It is old."), ("citation", RIVERS)]


def test_nothing_but_a_link_is_the_answer() -> None:
    """It is not taken from somebody who has nothing else."""
    link = f"([a]({RIVERS}))"
    assert parts_of(link, (link, RIVERS)) == [("text", link), ("citation", RIVERS)]


@pytest.mark.parametrize("piece", ["([a](b", "[", "](", "(([a](b)", "[a](b(c", "([a](b), "])
def test_a_text_full_of_brackets_takes_no_time(piece: str) -> None:
    """Whatever the model writes."""
    began = time.perf_counter()
    parts_of(piece * (20_000 // len(piece)) + " So.", ("So.", RIVERS))
    assert time.perf_counter() - began < 2
