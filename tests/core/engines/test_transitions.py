"""What may become of a page: the whole table, and what holds of every line of it."""

from dataclasses import replace
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines.tables.transitions import (
    WAITS_MS,
    Confirmed,
    Cut,
    Event,
    GivenUp,
    Interrupted,
    Paged,
    Previewed,
    PutOff,
    Reworded,
    Said,
    Standing,
    State,
    Taken,
    Told,
    after,
)

NEW = Standing()
SENDING = Standing(state="sending")
EDITING = Standing(state="sending", there=True)
SENT = Standing(state="sent", says=False, there=True)
SENT_BUT_MAY_BE_UNDONE = Standing(state="sent", there=True)
FAILED = Standing(state="failed", says=False)
UNKNOWN = Standing(state="unknown", says=False)
PREVIEWING = Standing(state="sending", final=False, says=False)
PREVIEW = Standing(state="sent", final=False, says=False, there=True)
LOST_PREVIEW = Standing(state="unknown", final=False, says=False)
RETRIED = Standing(attempts=2, due_ms=500)
RETRIED_ANEW = replace(RETRIED, stale=True)
TAKING_BACK = Standing(says=False, there=True)

TABLE: list[tuple[str, Standing | None, Event, Standing | None]] = [
    # its slot is to read something
    ("a text makes a page", None, Said(), NEW),
    ("a later text replaces one that waits", NEW, Said(), NEW),
    ("and is due at once", RETRIED, Said(), replace(NEW, stale=True)),
    ("what was sent is edited", SENT, Said(), Standing(there=True)),
    ("what failed is tried anew", FAILED, Said(), NEW),
    ("what may be there is not said twice", UNKNOWN, Said(), UNKNOWN),
    ("the text fills its preview", PREVIEW, Said(), Standing(there=True)),
    ("a preview may be there already", LOST_PREVIEW, Said(), replace(NEW, stale=True)),
    ("or be on its way", PREVIEWING, Said(), replace(NEW, stale=True)),
    ("a send under way may arrive", SENDING, Said(), replace(NEW, stale=True)),
    ("an edit under way is edited again", EDITING, Said(), Standing(there=True)),
    # its slot reads less
    ("a page that was never sent is gone", NEW, Cut(), None),
    ("so is one that failed", FAILED, Cut(), None),
    ("what is there is taken back", SENT, Cut(), TAKING_BACK),
    ("a preview too", PREVIEW, Cut(), TAKING_BACK),
    ("what is on its way is taken back when it has arrived", SENDING, Cut(), Standing(says=False)),
    ("a page that was none stays none", None, Cut(), None),
    # previews
    ("a preview makes a page", None, Previewed(), PREVIEWING),
    ("after a kill an earlier one may be there", PREVIEWING, Previewed(), replace(PREVIEWING, stale=True)),
    ("and of one that was lost nobody knows", LOST_PREVIEW, Previewed(), replace(PREVIEWING, stale=True)),
    ("one that was given up is not there", replace(FAILED, final=False), Previewed(), PREVIEWING),
    # with its platform
    ("the next page is put", NEW, Taken(), SENDING),
    ("what cannot be read is given up", NEW, Taken(readable=False), replace(NEW, state="failed")),
    ("it arrived", SENDING, Confirmed(), SENT),
    ("its text is kept where it may be undone", SENDING, Confirmed(settles=True), SENT_BUT_MAY_BE_UNDONE),
    ("an earlier text is not there any more", replace(SENDING, stale=True), Confirmed(), SENT),
    ("it was taken back", replace(EDITING, says=False), Confirmed(there=False), replace(SENT, there=False)),
    ("it has another text by now", replace(NEW, stale=True), Confirmed(), Standing(there=True)),
    ("it is to be taken back by now", Standing(says=False), Confirmed(), TAKING_BACK),
    ("nobody waits for it any more", None, Confirmed(), None),
    ("it will not be tried again", SENDING, GivenUp(state="failed"), FAILED),
    ("nobody knows, and it stays so", SENDING, GivenUp(state="unknown"), UNKNOWN),
    ("its new text is tried", NEW, GivenUp(state="failed"), NEW),
    ("unless the former may be there", NEW, GivenUp(state="unknown"), UNKNOWN),
    ("what is there can be edited", replace(NEW, there=True), GivenUp(state="unknown"), replace(NEW, there=True)),
    ("it is tried later", SENDING, PutOff(due_ms=500), replace(NEW, due_ms=500, attempts=1)),
    ("waiting as told is no attempt", SENDING, PutOff(due_ms=500, counts=False), replace(NEW, due_ms=500)),
    ("it waits for its person", SENDING, PutOff(due_ms=WAITS_MS, counts=False), replace(NEW, due_ms=WAITS_MS)),
    ("a new text does not wait", NEW, PutOff(due_ms=500), NEW),
    (
        "what was there is gone: it becomes a new message",
        EDITING,
        PutOff(due_ms=0, as_new=True),
        replace(NEW, attempts=1, renewed=1),
    ),
    (
        "also when it has another text by now",
        Standing(there=True),
        PutOff(due_ms=0, as_new=True),
        replace(NEW, renewed=1),
    ),
    # in other words
    ("a refused text is said otherwise", SENDING, Reworded(), NEW),
    ("an edit likewise", EDITING, Reworded(), Standing(there=True)),
    ("texts that move on make pages", None, Reworded(), NEW),
    ("an earlier attempt may be there", replace(SENDING, attempts=1), Reworded(), Standing(attempts=1, stale=True)),
    ("pages were made of it, which was no attempt to put it", RETRIED, Paged(), NEW),
    ("of an answer whose message is there", Standing(there=True, attempts=1), Paged(), Standing(there=True)),
    ("it became several", None, Paged(), NEW),
    # the platform's later word
    ("it arrived after all", UNKNOWN, Told(state="sent"), replace(UNKNOWN, state="sent")),
    ("it did not arrive after all", SENT_BUT_MAY_BE_UNDONE, Told(state="failed"), replace(SENT, state="failed")),
    ("it arrived before our call was answered", SENDING, Told(state="sent"), Standing(state="sent", says=False)),
    ("it need not be sent again", RETRIED, Told(state="sent"), replace(RETRIED, state="sent", says=False)),
    ("one that waits is not given up", RETRIED, Told(state="failed"), RETRIED),
    ("an earlier text arrived, and this one has to", RETRIED_ANEW, Told(state="sent"), RETRIED_ANEW),
    ("an edit has its own answer", EDITING, Told(state="sent"), EDITING),
    ("it was let in after all not", SENT_BUT_MAY_BE_UNDONE, Told(state="undone"), NEW),
    ("nobody knows any more what it said", SENT, Told(state="undone"), replace(SENT, state="failed")),
    ("that was another message", replace(SENT, renewed=1), Told(state="failed"), replace(SENT, renewed=1)),
    ("no page, nothing to settle", None, Told(state="sent"), None),
    # a kill
    ("a send is made again", SENDING, Interrupted(again_ms=0), replace(NEW, attempts=1)),
    ("later, where the platform may tell", SENDING, Interrupted(again_ms=9), Standing(attempts=1, due_ms=9)),
    ("never, where it would stand there twice", SENDING, Interrupted(again_ms=None), UNKNOWN),
    ("an edit is made again in any case", EDITING, Interrupted(again_ms=None), Standing(there=True, attempts=1)),
    ("the turn fills its preview's slot", PREVIEWING, Interrupted(again_ms=0), LOST_PREVIEW),
    ("what waits goes on waiting", NEW, Interrupted(again_ms=None), NEW),
]  # fmt: skip

standings = st.builds(
    Standing,
    state=st.sampled_from(get_args(State)),
    final=st.booleans(),
    says=st.booleans(),
    there=st.booleans(),
    attempts=st.integers(0, 3),
    due_ms=st.sampled_from([0, 500, WAITS_MS]),
    stale=st.booleans(),
    renewed=st.integers(0, 1),
)
events = st.one_of(
    st.builds(Said),
    st.builds(Cut),
    st.builds(Previewed),
    st.builds(Taken),
    st.builds(Confirmed),
    st.builds(GivenUp),
    st.builds(PutOff, due_ms=st.sampled_from([0, 900, WAITS_MS])),
    st.builds(Reworded),
    st.builds(Paged),
    st.builds(Told, renewed=st.integers(0, 1)),
    st.builds(Interrupted, again_ms=st.sampled_from([None, 0, 900])),
)


@pytest.mark.parametrize("before, event, expected", [line[1:] for line in TABLE], ids=[line[0] for line in TABLE])
def test_each_line_of_the_table(before: Standing | None, event: Event, expected: Standing | None) -> None:
    """What a page was, what happened, and how it stands then."""
    assert after(before, event) == expected


def test_the_table_has_every_event() -> None:
    """No event is left out."""
    assert {type(event) for _, _, event, _ in TABLE} == set(get_args(Event))


def may_be_there(page: Standing) -> bool:
    """Whether its chat may show a message of it whose id we do not know."""
    return not page.there and (page.stale or page.state in {"sending", "unknown"})


@given(standings, events)
def test_what_may_be_in_the_chat_is_not_forgotten(page: Standing, event: Event) -> None:
    """Only who knows says so: the platform, by an answer or a later word, or the chat's worker that gives it up."""
    now = after(page, event)
    if now is None or not may_be_there(page) or may_be_there(now):
        return
    assert not page.stale or isinstance(event, Confirmed | Told)
    assert isinstance(event, Confirmed | GivenUp | PutOff | Reworded | Paged | Told | Interrupted | Cut)
    if isinstance(event, Interrupted | PutOff):
        assert now.attempts > page.attempts or (isinstance(event, PutOff) and not event.counts)
    if isinstance(event, Cut):  # taken back once it has arrived
        assert (page.state, now.state, now.says) == ("sending", "pending", False)


@given(standings, events)
def test_a_text_that_is_to_be_put_is_put_or_somebody_says_why_not(page: Standing, event: Event) -> None:
    """A committed text waits until it was put, replaced, or given up by who knows."""
    now = after(page, event)
    waits = page.final and page.says and page.state in {"pending", "sending"}
    if waits and not (now and now.says and now.state in {"pending", "sending"}):
        assert isinstance(event, Cut | Confirmed | GivenUp | Told | Interrupted | Taken)
        assert not isinstance(event, Interrupted) or event.again_ms is None
        assert not isinstance(event, Taken) or not event.readable


@given(standings, events)
def test_a_message_that_is_there_is_never_sent_a_second_time(page: Standing, event: Event) -> None:
    """Its id is kept for as long as the message is there: it is edited, or taken back."""
    now = after(page, event)
    if page.there and not (now and now.there):
        gone = isinstance(event, Confirmed) and not event.there
        undone = isinstance(event, Told) and event.state == "undone"
        assert gone or undone or (isinstance(event, PutOff) and event.as_new)


@given(standings, events)
def test_what_ended_stays_until_somebody_says_something(page: Standing, event: Event) -> None:
    """Neither a worker nor a restart wakes what has ended."""
    if page.state in {"sent", "unknown", "failed"} and isinstance(event, GivenUp | Interrupted | PutOff):
        now = after(page, event)
        assert now is not None
        assert now.state == page.state
