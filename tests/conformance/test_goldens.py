"""One nasty document on every platform, beside these tests for people to read; ``draw.py`` draws it anew."""

import re
from importlib.metadata import entry_points

import pytest

from conformance.drawing import DOCUMENT, DRAWINGS, GOLDEN, NASTY, drawn, golden, page
from conformance.platforms import STAGES, UNSTAGED
from conformance.stages import discord, web, whatsapp

AGAIN = "read what changed, then: python3 .ci/uv.py run python tests/conformance/draw.py"


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_nasty_document_looks_as_it_was_found_good(name: str) -> None:
    """Whatever an answer holds is said without harm, and as its reader would expect."""
    assert drawn(name) == golden(name).read_text(encoding="utf-8"), AGAIN


@pytest.mark.parametrize("name", DRAWINGS)
def test_no_word_of_the_document_is_lost(name: str) -> None:
    """Every plain word arrives on every platform, in order."""
    wanted = [f"word{number}" for number in range(60)]
    assert [word for word in re.findall(r"\bword\d+\b", drawn(name)) if word in wanted][:60] == wanted
    shown = re.sub(r"<[^>]*>", "", drawn(name))
    for words in (
        "日本語のお茶",
        "👩‍👩‍👧‍👦",
        "שלום עולם",
        "مرحبا بالعالم",
        "Sixth",
        "deeper",
        "to do",
        "unclosed",
        "$395k",
    ):
        assert words in shown, words


def test_the_page_of_drawings_is_current() -> None:
    """People read on it what is really sent."""
    assert DOCUMENT.read_text(encoding="utf-8") == page(), AGAIN


def test_no_drawing_is_left_behind() -> None:
    """A file that nothing draws would say something that is not so any more."""
    assert {path.name for path in GOLDEN.iterdir()} == {NASTY.name, *(golden(name).name for name in DRAWINGS)}


def test_every_messenger_has_a_stage_or_a_reason() -> None:
    """Whatever adapter is shipped, the same conversations are played on it."""
    shipped = {point.name for point in entry_points(group="waystation.bots")}
    staged = {name.partition(" ")[0] for name in STAGES}
    assert staged <= shipped
    assert shipped - staged <= UNSTAGED.keys()
    assert not staged & UNSTAGED.keys()
    assert {name.partition(".")[0] for name in DRAWINGS} == staged


def test_what_a_platform_lacks_is_documented() -> None:
    """Every reason on a stage is one that people can read."""
    said = " ".join((DOCUMENT.parent / "conformance.md").read_text(encoding="utf-8").split())
    assert {why for stage in (discord, web, whatsapp) for why in stage.LACKS.values() if why not in said} == set()
