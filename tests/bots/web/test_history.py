"""A conversation as a page shows it, made of what models are told."""

from bots.web.history import Line, letters, lines
from core.exchange import Entry, Part
from core.values import Media

PICTURE = Media(adapter="web", ref="1.2", kind="photo", name="dot.png")


def text(words: str) -> Part:
    """Something said."""
    return Part(kind="text", body=words)


def user(*parts: Part) -> Entry:
    """The person's turn."""
    return Entry(role="user", parts=parts)


def model(*parts: Part) -> Entry:
    """The model's turn."""
    return Entry(role="assistant", parts=parts)


def test_each_side_has_its_messages_in_order() -> None:
    """What the person said and what was answered."""
    assert lines([user(text("Hello")), model(text("Hi"))]) == [
        Line(mine=True, text="Hello"),
        Line(mine=False, text="Hi"),
    ]


def test_the_steps_of_an_answer_are_one_message() -> None:
    """A person sees one answer, with the names of what was used; results are for the model."""
    entries = [
        user(text("Weather?")),
        model(text("Let me see."), Part(kind="call", id="1", name="look_up", body="{}")),
        user(Part(kind="result", id="1", name="look_up", body="rain")),
        model(text("It rains."), Part(kind="opaque", body="signature")),
    ]
    assert lines(entries)[1:] == [Line(mine=False, text="Let me see.\n\nIt rains.", tools=("look_up",))]


def test_messages_that_were_answered_together_are_shown_apart() -> None:
    """Each with the files that came with it."""
    entry = user(text("One"), Part(kind="media", media=PICTURE), text("Two"))
    assert lines([entry]) == [Line(mine=True, text="One", media=(PICTURE,)), Line(mine=True, text="Two")]


def test_a_file_without_words_is_a_message() -> None:
    """And an answer without any is none."""
    assert lines([user(Part(kind="media", media=PICTURE)), model()]) == [Line(mine=True, text="", media=(PICTURE,))]


def test_letters_are_what_a_text_has_whatever_its_marks() -> None:
    """So that one is recognised however it was kept."""
    assert letters("_(stopped)_ É\n1") == letters("Stopped. É 1") == "stoppedé1"
