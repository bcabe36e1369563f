"""The breaker against a model of it: whatever happens to a provider, it is asked when it should be and not else."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ProviderBusy, ProviderDown
from core.models.breaker import LONGEST_GROWN_S, Breaker

FAILURES, WITHIN_S, REST_S = 3, 60.0, 15.0


def breaker() -> Breaker:
    """One with small figures."""
    return Breaker(failures=FAILURES, within_s=WITHIN_S, rest_s=REST_S)


def fail(broken: Breaker, times: int, now: float = 0.0) -> None:
    """It fails at once, as often."""
    for _ in range(times):
        assert broken.admits(now)
        broken.failed(ProviderDown("x"), now)


def test_it_opens_after_failures_in_a_row() -> None:
    """The next question does not wait for the next failure."""
    broken = breaker()
    fail(broken, FAILURES)
    assert not broken.admits(REST_S - 0.1)
    assert broken.rests_s(5.0) == 10.0


def test_an_answer_between_failures_keeps_it_closed() -> None:
    """Among a thousand questions a few may fail."""
    broken = breaker()
    for _ in range(FAILURES):
        fail(broken, FAILURES - 1)
        assert broken.admits(0.0)
        broken.succeeded()
    assert broken.admits(0.0)


def test_failures_far_apart_do_not_open_it() -> None:
    """One an hour is no reason."""
    broken = breaker()
    for number in range(2 * FAILURES):
        fail(broken, 1, now=number * WITHIN_S)
    assert broken.admits(2 * FAILURES * WITHIN_S)


def test_after_its_rest_one_question_tries_and_the_others_wait() -> None:
    """What came of that one decides for all."""
    broken = breaker()
    fail(broken, FAILURES)
    assert broken.admits(REST_S)
    assert not broken.admits(REST_S)
    broken.succeeded()
    assert broken.admits(REST_S)
    assert broken.admits(REST_S)


def test_a_probe_that_fails_opens_it_again_at_once() -> None:
    """Not after so many failures more."""
    broken = breaker()
    fail(broken, FAILURES)
    fail(broken, 1, now=REST_S)
    assert not broken.admits(3 * REST_S - 0.1)
    assert broken.admits(3 * REST_S)


def test_its_rest_grows_with_each_try_in_vain_up_to_some_minutes() -> None:
    """What is down for long is not asked four times a minute; after an answer all is as at first."""
    broken, now, rests = breaker(), 0.0, []
    fail(broken, FAILURES)
    for _ in range(6):
        now += broken.rests_s(now)
        fail(broken, 1, now)
        rests.append(broken.rests_s(now))
    assert rests == [30.0, 60.0, 120.0, 240.0, 240.0, 240.0]
    now += 240.0
    assert broken.admits(now)
    broken.succeeded()
    fail(broken, FAILURES, now)
    assert broken.rests_s(now) == REST_S


def test_those_under_way_when_it_opened_do_not_make_its_rest_longer() -> None:
    """Ten that were asked at once tell of one failure, not of ten tries."""
    broken = breaker()
    assert all(broken.admits(0.0) for _ in range(10))
    for _ in range(10):
        broken.failed(ProviderDown("x"), 1.0)
    assert broken.rests_s(1.0) == REST_S


def test_one_that_was_withdrawn_is_no_try_in_vain() -> None:
    """Its rest stays what it was."""
    broken = breaker()
    fail(broken, FAILURES)
    assert broken.admits(REST_S)
    broken.dropped()
    fail(broken, 1, REST_S)
    assert broken.rests_s(REST_S) == 2 * REST_S


def test_a_probe_that_is_withdrawn_lets_the_next_one_try() -> None:
    """A person who says stop says nothing about the provider."""
    broken = breaker()
    fail(broken, FAILURES)
    assert broken.admits(REST_S)
    broken.dropped()
    assert broken.admits(REST_S)


@pytest.mark.parametrize("asked, rests", [(40.0, 40.0), (0.0, 0.0), (10_000.0, 600.0)])
def test_a_pause_that_is_asked_for_is_kept_and_opens_nothing(asked: float, rests: float) -> None:
    """One 429 is no failure to speak of; after the pause everybody may ask again. Nobody rests for hours."""
    broken = breaker()
    assert broken.admits(0.0)
    broken.failed(ProviderBusy("429", retry_after_s=asked), 0.0)
    assert broken.rests_s(0.0) == rests
    assert broken.admits(rests)
    assert broken.admits(rests)


def test_the_reason_is_told_without_where_it_happened() -> None:
    """What was said in that moment is not kept in memory by it."""
    broken = breaker()
    with pytest.raises(ProviderBusy) as raised:
        raise ProviderBusy("429", retry_after_s=7)
    broken.failed(raised.value, 0.0)
    reason = broken.reason()
    assert (type(reason), str(reason), reason.retry_after_s) == (ProviderBusy, "429", 7)
    assert reason.__traceback__ is None
    assert reason is not broken.reason()


Events = st.lists(
    st.tuples(st.sampled_from(["answer", "failure", "pause", "withdrawn"]), st.floats(0, 40, allow_nan=False)),
    max_size=40,
)


@given(Events)
def test_it_behaves_as_its_drawing(events: list[tuple[str, float]]) -> None:
    """One question after the other, at any times, against the states and their arrows written out plainly."""
    broken = breaker()
    now, until, state, rest = 0.0, 0.0, "closed", REST_S
    row: list[float] = []
    for what, after_s in events:
        now += after_s
        if state == "open" and now >= until:
            state = "half open"
        expected = now >= until
        assert broken.admits(now) == expected
        if not expected:
            continue
        if what == "answer":
            broken.succeeded()
            state, row, rest = "closed", [], REST_S
        elif what == "withdrawn":
            broken.dropped()
        else:
            asked = 20.0 if what == "pause" else 0.0
            broken.failed(ProviderBusy("x", retry_after_s=asked or None), now)
            row = [*row, now][-FAILURES:]
            in_a_row = len(row) == FAILURES and now - row[0] <= WITHIN_S
            rest = min(2 * rest, LONGEST_GROWN_S) if state == "half open" else rest
            state = "open" if state == "half open" or in_a_row else "closed"
            until = max(until, now + max(asked, rest if state == "open" else 0.0))
        state = "open" if state == "half open" else state


@given(st.lists(st.sampled_from(["answer", "failure", "withdrawn"]), max_size=30), st.integers(2, 6))
def test_of_many_at_once_only_one_tries_what_was_open(ends: list[str], people: int) -> None:
    """Whatever comes of each try, the next rest ends with one question again."""
    broken = breaker()
    fail(broken, FAILURES)
    now = 0.0
    for end in ends:
        now += broken.rests_s(now)
        assert sum(broken.admits(now) for _ in range(people)) == 1
        if end == "answer":
            broken.succeeded()
            fail(broken, FAILURES, now)
        elif end == "failure":
            broken.failed(ProviderDown("x"), now)
        else:
            broken.dropped()
