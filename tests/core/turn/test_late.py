"""What was said days ago and comes only now is read, and not answered as if it were new."""

from datetime import UTC, datetime, timedelta

import pytest

from core import phrases
from core.people.access import Access
from core.testing import answer
from core.turn.assistant import Assistant
from core.values import Address, Body, Command, Inbound, Message
from turns import GROUP, HERE, Lane, Windowed, assistant, said

LIMIT_S = 36 * 3600.0
DAYS = timedelta(days=3)


def sent(
    body: Body | str, ago: timedelta | None, *, key: str, to: Address = HERE, scope: str = "ann", name: str = ""
) -> Inbound:
    """Something that was sent so long ago."""
    at = None if ago is None else datetime.now(UTC) - ago
    message = Message(id=key, text=body) if isinstance(body, str) else body
    return Inbound(key=key, sender=scope, to=to, body=message, at=at, name=name)


def late(lane: Lane, *models: Windowed, **more: object) -> Assistant:
    """The turn, with a limit."""
    return assistant(lane, *models, max_age_s=LIMIT_S, **more)  # type: ignore[arg-type]


async def test_it_is_read_and_said_kindly_once() -> None:
    """No model is asked; what is asked next is answered with all of it in mind."""
    lane, model = Lane(), Windowed(answer("Sure."))
    talker = late(lane, model)
    for number in range(3):
        lane.hear(sent(f"old {number}", DAYS, key=str(number)))
        await lane.run(talker)
    assert lane.texts() == [phrases.LATE.format(ago="3 days")]
    assert model.requests == []
    lane.hear(sent("new", timedelta(minutes=1), key="n"))
    await lane.run(talker)
    told = said(model.requests[0].entries[-1])
    assert [f"old {number}" in told for number in range(3)] == [True] * 3
    assert told.count("it reached you only 3 days later, without an answer.]") == 3
    assert told.endswith("new")
    assert lane.texts()[1:] == ["Sure."]


async def test_what_comes_together_is_told_of_together() -> None:
    """And a fresh question behind it is answered."""
    lane, model = Lane(), Windowed(answer("Sure."))
    lane.hear(sent("old", DAYS, key="1"), sent("older", DAYS * 2, key="2"), sent("new", timedelta(0), key="3"))
    await lane.run(late(lane, model))
    assert lane.texts() == [phrases.LATE.format(ago="6 days"), "Sure."]


@pytest.mark.parametrize("ago", [None, timedelta(0), timedelta(hours=30), -timedelta(hours=30)], ids=str)
async def test_what_is_not_so_old_is_answered(ago: timedelta | None) -> None:
    """Nor does a clock that is some hours wrong matter, nor a messenger that tells no time."""
    lane, model = Lane(), Windowed(answer("Sure."))
    lane.hear(sent("question", ago, key="1"))
    await lane.run(late(lane, model))
    assert lane.texts() == ["Sure."]


async def test_the_operator_may_want_all_answered() -> None:
    """Without a limit nothing is too old."""
    lane, model = Lane(), Windowed(answer("Sure."))
    lane.hear(sent("question", DAYS, key="1"))
    await lane.run(assistant(lane, model))
    assert lane.texts() == ["Sure."]


async def test_it_can_be_answered_after_all() -> None:
    """Whoever wrote it says so."""
    lane, model = Lane(), Windowed(answer("Here it is."))
    talker = late(lane, model)
    lane.hear(sent("old question", DAYS, key="1"))
    await lane.run(talker)
    lane.hear(Command(name="retry"))
    await lane.run(talker)
    assert lane.texts()[-1] == "Here it is."
    assert "old question" in said(model.requests[0].entries[-1])


@pytest.mark.parametrize("name", ["stop", "new", "retry", "start"])
async def test_an_old_command_is_not_obeyed(name: str) -> None:
    """What it was about is over."""
    lane, model = Lane(), Windowed(answer("One"))
    talker = late(lane, model)
    lane.hear(sent("question", timedelta(0), key="1"))
    await lane.run(talker)
    before = dict(lane.records.rows)
    lane.hear(sent(Command(name=name), DAYS, key="2"))
    await lane.run(talker)
    assert (lane.texts(), lane.records.rows) == (["One"], before)


async def test_in_a_group_likewise() -> None:
    """What was asked there days ago is context."""
    lane, model = Lane(), Windowed(answer("Sure."))
    talker = late(lane, model)
    lane.hear(sent("old", DAYS, key="1", to=GROUP, name="Ann"), scope="ann", to=GROUP)
    lane.hear(sent("new", timedelta(0), key="2", to=GROUP, name="Ann"), scope="ann", to=GROUP)
    await lane.run(talker)
    assert lane.texts() == [phrases.LATE.format(ago="3 days"), "Sure."]
    assert "Ann: old" in said(model.requests[0].entries[-1])


async def test_an_answer_that_was_begun_is_brought_to_its_end() -> None:
    """A process that died in the midst of it owes the rest, however long nothing ran."""
    lane, model = Lane(), Windowed(answer("Sure."))
    lane.hear(sent("old", DAYS, key="1"))
    lane.steps.append(b'{"kind":"spoke","parts":[]}')
    await lane.run(late(lane, model))
    assert lane.texts() == ["Sure."]


async def test_a_stranger_of_long_ago_hears_nothing_and_the_code_counts() -> None:
    """The sentence is for whoever waits for an answer; a code that is right is new, whatever a clock says."""
    lane, model = Lane(), Windowed(answer("no"))
    talker = late(lane, model, policy="pairing")
    lane.hear(sent("hello", DAYS, key="1"))
    await lane.run(talker)
    assert lane.texts() == []
    lane.hear(sent(talker._access.code, DAYS, key="2"))
    await lane.run(talker)
    assert lane.texts() == [phrases.WELCOME_OWNER]


async def test_where_a_message_costs_money_nothing_is_said() -> None:
    """Nobody has asked for it."""
    lane, model = Lane(), Windowed(answer("no"))
    talker = late(lane, model)
    talker._access = Access(lane.records, "open", [], paid=["fake"])
    lane.hear(sent("old", DAYS, key="1"))
    await lane.run(talker)
    assert lane.texts() == []
    assert any(b"old" in body for body in lane.records.rows.values())
