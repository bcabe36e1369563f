"""The judge catches what it is there for: each test doctors a faultless chat in one way."""

from collections.abc import Sequence

import pytest

from chaos.judge import Line, judge
from chaos.script import Kind, Question, answer, preface, title
from core import phrases

CHAT = 7


def asked(*kinds: Kind) -> list[Question]:
    """Questions of these kinds, numbered from 1."""
    return [Question(chat=CHAT, number=number, kind=kind) for number, kind in enumerate(kinds, 1)]


def shown(*texts: str) -> list[Line]:
    """What stands on the screen."""
    return [Line(10 * number, text) for number, text in enumerate(texts, 1)]


def faults(questions: Sequence[Question], lines: Sequence[Line], seen: Sequence[str] = ()) -> list[str]:
    """What the judge finds."""
    return [finding.fault for finding in judge(CHAT, questions, lines, seen)]


THREE = asked("plain", "plain", "plain")
ONE_TO_THREE = [answer("7-1"), answer("7-2"), answer("7-3")]


def test_a_faultless_chat_has_no_findings() -> None:
    """Each answer once, in order, however it is styled."""
    assert faults(THREE, shown(*ONE_TO_THREE)) == []
    assert faults(THREE, shown(*(text.replace("**", "").replace("\n\n", "\n") for text in ONE_TO_THREE))) == []


def test_a_missing_answer_is_lost() -> None:
    """Silence is the worst of answers."""
    assert faults(THREE, shown(answer("7-1"), answer("7-3"))) == ["missing"]
    assert faults(THREE, []) == ["missing"] * 3


def test_a_missing_answer_is_named() -> None:
    """The finding says which question was lost, so that it can be looked for."""
    (finding,) = judge(CHAT, THREE, shown(answer("7-1"), answer("7-3")))
    assert finding.question == "7-2"


@pytest.mark.parametrize("keep", [5, 40, -3])
def test_a_truncated_answer_is_lost(keep: int) -> None:
    """One that lacks its end, even its last letters, is no answer."""
    assert faults(THREE, shown(answer("7-1"), "Part 1 of 7-2: " + answer("7-2")[15:][:keep], answer("7-3"))) == [
        "truncated"
    ]


def test_an_answer_that_lacks_its_middle_is_truncated() -> None:
    """All of it must be there, not only its beginning and its end."""
    first, *_, last = answer("7-2").split("\n\n")
    assert faults(THREE, shown(answer("7-1"), first, last, answer("7-3"))) == ["truncated"]


def test_a_doubled_answer_is_found() -> None:
    """The same answer twice, next to each other or not."""
    one, two, three = ONE_TO_THREE
    assert faults(THREE, shown(one, two, two, three)) == ["double"]
    assert faults(THREE, shown(one, two, three, two)) == ["double"]
    assert faults(THREE, shown(one, one, one, two, three)) == ["double", "double"]


def test_the_earlier_of_two_copies_is_the_one_too_many() -> None:
    """It is the one whose confirmation was lost, and its id is what the call log is asked for."""
    (finding,) = judge(CHAT, THREE, shown(answer("7-1"), answer("7-2"), answer("7-2"), answer("7-3")))
    assert finding.message == 20


def test_an_orphaned_preview_is_found() -> None:
    """A beginning that stayed on the screen beside the whole answer."""
    one, two, three = ONE_TO_THREE
    assert faults(THREE, shown(one, two[:60], two, three)) == ["orphan"]
    assert faults(THREE, shown(one, two, two[:60], three)) == ["orphan"]


def test_a_draft_that_still_shows_is_an_orphan() -> None:
    """When all is over nothing may look as if it were still being written."""
    lines = [*shown(*ONE_TO_THREE), Line(0, answer("7-3")[:50], draft=True)]
    assert faults(THREE, lines) == ["orphan"]


def test_answers_in_another_order_than_the_questions_are_found() -> None:
    """Somebody who asks twice must be able to tell which answer is which."""
    one, two, three = ONE_TO_THREE
    assert faults(THREE, shown(two, one, three)) == ["order"]
    assert faults(THREE, shown(one, three, two)) == ["order"]


def test_a_long_answer_may_stand_in_several_messages() -> None:
    """Pages together say all of it; a page twice is a double, a page that lacks is a loss."""
    questions = asked("plain", "long", "plain")
    paragraphs = answer("7-2", long=True).split("\n\n")
    first, second = "\n\n".join(paragraphs[:20]), "\n\n".join(paragraphs[20:])
    one, three = answer("7-1"), answer("7-3")
    assert faults(questions, shown(one, first, second, three)) == []
    assert faults(questions, shown(one, first, first, second, three)) == ["double"]
    assert faults(questions, shown(one, first, second[:90], second, three)) == ["orphan"]
    assert faults(questions, shown(one, first, three)) == ["truncated"]
    assert faults(questions, shown(one, second, first, three)) == ["truncated"]


def test_an_edited_question_is_answered_once_in_either_version() -> None:
    """Too late an edit changes nothing; two answers are one too many."""
    questions = asked("edit")
    assert faults(questions, shown(answer("7-1"))) == []
    assert faults(questions, shown(answer("7-1e"))) == []
    assert len(faults(questions, shown(answer("7-1"), answer("7-1e")))) == 1
    assert faults(questions, shown(answer("7-1e")[:70])) == ["truncated"]


def test_a_stop_is_answered_in_one_of_three_ways() -> None:
    """Before the first word, in the middle, or too late; never in two of them."""
    questions = asked("stop", "plain")
    whole, after = answer("7-1"), answer("7-2")
    broken = f"{whole[:80]}\n\n(stopped)"
    assert faults(questions, shown(broken, after)) == []
    assert faults(questions, shown("Stopped.", after)) == []
    assert faults(questions, shown(whole, phrases.NOTHING_RUNS, after)) == []
    assert faults(questions, shown(whole, after)) == ["truncated"]
    assert faults(questions, shown(broken, phrases.NOTHING_RUNS, after)) == ["double"]
    assert faults(questions, shown(whole[:80], after)) == ["truncated"]
    assert faults(questions, shown(phrases.NOTHING_RUNS, after)) == ["truncated"]


def test_a_note_shows_what_was_asked_and_what_came_of_it() -> None:
    """The question is closed, the answer says whether the note was saved; both once."""
    questions = asked("allow")
    first = preface("7-1")
    leave = f"{phrases.ASK_FIRST}\n\nSave this note:\n{title('7-1')}\nWords."
    closed = f"{leave}\n\n(allowed and done)"
    saved, unknown = (answer("7-1", outcome=outcome) for outcome in ("saved", "unknown"))
    assert faults(questions, shown(first, closed, saved)) == []
    assert faults(questions, shown(first, closed, unknown)) == []
    assert faults(questions, shown(first, closed, saved, unknown)) == ["orphan"]
    assert faults(questions, shown(first, leave, closed, saved)) == ["orphan"]
    assert faults(questions, shown(first, leave, saved)) == ["truncated"]
    assert faults(questions, shown(closed, saved)) == ["truncated"]
    assert faults(questions, shown(first, closed, answer("7-1", outcome="failed"))) == ["truncated"]


@pytest.mark.parametrize(
    "text",
    [
        'Traceback (most recent call last):\n  File "core/turn/assistant.py"',
        "StoreError",
        '{"title": "Note 7-1"}',
        "[I allowed save_note. What came of it:]",
    ],
)
def test_nothing_internal_may_be_seen_even_for_a_moment(text: str) -> None:
    """A preview that was replaced counts as well."""
    assert faults(THREE, shown(*ONE_TO_THREE), seen=[text]) == ["internal"]


def test_what_belongs_to_another_chat_is_found() -> None:
    """An answer to somebody else is the worst of mistakes."""
    assert set(faults(THREE, shown(*ONE_TO_THREE, answer("8-1")))) == {"stranger"}
    assert faults(THREE, shown(*ONE_TO_THREE), seen=[answer("8-1")[:40]]) == ["stranger"]


def test_a_word_out_of_place_is_found() -> None:
    """Apologies and leftovers count too, though they name no question."""
    assert faults(THREE, shown(*ONE_TO_THREE, phrases.FAILED)) == ["stranger"]
    assert faults(THREE, shown(answer("7-1"), "…", answer("7-2"), answer("7-3"))) == ["stranger"]
