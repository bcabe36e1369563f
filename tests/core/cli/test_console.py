"""Choices at a keyboard. How conversations go is tested end to end."""

import pytest

from core.cli.console import offered, said_by
from core.cli.dialogue import Pick, Say
from core.values import Choice

TWO = (Choice(label="Allow", token="yes"), Choice(label="Do not", token="no"))
THREE = tuple(Choice(label=label, token=label.lower()) for label in ("Red", "Green", "Blue"))


def test_two_choices_are_offered_as_letters_and_more_as_numbers() -> None:
    """Yes or no is what two mean."""
    assert offered(TWO) == "[y] Allow  [n] Do not"
    assert offered(THREE) == "[1] Red  [2] Green  [3] Blue"


@pytest.mark.parametrize(
    "typed, token",
    [("y", "yes"), (" N ", "no"), ("1", "yes"), ("2", "no"), ("allow", "yes"), ("DO NOT", "no")],
)
def test_a_letter_a_number_or_the_whole_label_chooses(typed: str, token: str) -> None:
    """Small or large, with or without space around."""
    assert said_by(typed, TWO) == Pick(token=token)


@pytest.mark.parametrize("typed", ["yes please", "a", "3", "0", "", "-1", "not"])
def test_anything_else_is_said_and_chooses_nothing(typed: str) -> None:
    """What is allowed is allowed on purpose."""
    assert said_by(typed, TWO) == Say(text=typed)


def test_without_choices_a_letter_is_a_letter() -> None:
    """And among three, y is none of them."""
    assert said_by("y", ()) == Say(text="y")
    assert said_by("y", THREE) == Say(text="y")
    assert said_by("3", THREE) == Pick(token="blue")
