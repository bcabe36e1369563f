"""The breaker judges the share of calls that fail, against a model of it, and lets single calls try again."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ProviderBusy, ProviderDown
from core.models.breaker import LIMITS, Breaker, Limits, Trial

SMALL = Limits(min_calls=4, max_calls=8, window_s=60.0)


def breaker() -> Breaker:
    """One with small figures."""
    return Breaker(SMALL)


def fail(broken: Breaker, times: int, now: float = 0.0) -> None:
    """As many calls, one after the other, fail at once."""
    for _ in range(times):
        broken.failed(broken.began(now), ProviderDown("x"), now)


def succeed(broken: Breaker, times: int, now: float = 0.0) -> None:
    """As many calls are answered at once."""
    for _ in range(times):
        broken.succeeded(broken.began(now), now)


def opened() -> Breaker:
    """One that is to be left alone from 0 s on."""
    broken = breaker()
    fail(broken, SMALL.min_calls)
    assert not broken.admits(0.0)
    return broken


def test_it_opens_where_all_fail() -> None:
    """The next question does not wait for the next failure."""
    broken = opened()
    assert not broken.admits(SMALL.rest_s - 0.1)
    assert broken.rests_s(5.0) == SMALL.rest_s - 5.0


def test_a_few_failures_say_nothing_before_there_is_a_least_number_of_calls() -> None:
    """One that failed is all there was, and not all there is."""
    broken = breaker()
    fail(broken, SMALL.min_calls - 1)
    assert broken.admits(0.0)


def test_a_run_of_failures_among_many_answers_does_not_open_it() -> None:
    """What counts is the share: of ten calls, one or three may fail, in whatever order."""
    broken = breaker()
    succeed(broken, 5)
    fail(broken, 3)
    assert broken.admits(0.0)


@pytest.mark.parametrize("share", [0.05, 0.1, 0.3])
@pytest.mark.parametrize("seed", range(20))
def test_quick_failures_among_slow_answers_do_not_open_it(share: float, seed: int) -> None:
    """Fifty begin at once: those that fail do so before the first answer has come, and nine of ten still would come."""
    random, broken, now = Random(seed), Breaker(), 0.0
    under_way = [broken.began(now) for _ in range(50)]
    for trial in [one for one in under_way if random.random() < share]:
        under_way.remove(trial)
        now += 0.02
        broken.failed(trial, ProviderBusy("529"), now)
        assert broken.admits(now)
    for trial in under_way:
        broken.succeeded(trial, now + 8.0)
    assert broken.admits(now + 8.0)


def test_fifty_that_all_fail_open_it_though_they_began_together() -> None:
    """Those under way count as not failed only until they have."""
    broken = Breaker()
    for number, trial in enumerate([broken.began(0.0) for _ in range(50)]):
        broken.failed(trial, ProviderBusy("529"), number * 0.01)
    assert not broken.admits(1.0)


def test_what_hangs_counts_as_not_failed_for_a_while_only() -> None:
    """Else calls of which nothing is ever heard would speak for a model that fails all others."""
    broken = breaker()
    for _ in range(50):
        broken.began(0.0)
    fail(broken, SMALL.min_calls, now=SMALL.under_way_s)
    assert broken.admits(SMALL.under_way_s)
    fail(broken, 1, now=SMALL.under_way_s + 1)
    assert not broken.admits(SMALL.under_way_s + 1)


def test_failures_far_apart_do_not_open_it() -> None:
    """One an hour is no reason."""
    broken = breaker()
    for number in range(3 * SMALL.min_calls):
        fail(broken, 1, now=number * SMALL.window_s)
    assert broken.admits(3 * SMALL.min_calls * SMALL.window_s)


def test_a_model_that_was_well_for_long_and_dies_is_soon_left_alone() -> None:
    """Only the last calls are looked at."""
    broken = breaker()
    succeed(broken, 1000)
    fail(broken, SMALL.max_calls // 2)
    assert not broken.admits(0.0)


def test_after_its_rest_one_call_tries_and_the_others_stay_away() -> None:
    """What comes of that one decides for all."""
    broken = opened()
    now = SMALL.rest_s
    assert broken.admits(now)
    trial = broken.began(now)
    assert not broken.admits(now)
    broken.succeeded(trial, now)
    assert broken.admits(now)
    fail(broken, SMALL.min_calls - 1, now)
    assert broken.admits(now), "failures of before count no more"


def test_a_try_in_vain_opens_it_again_at_once_for_twice_as_long() -> None:
    """Not after a least number of calls more; up to some minutes, and after an answer all is as at first."""
    broken, now, rests = opened(), 0.0, []
    for _ in range(6):
        now += broken.rests_s(now)
        fail(broken, 1, now)
        rests.append(broken.rests_s(now))
    assert rests == [30.0, 60.0, 120.0, 240.0, 240.0, 240.0]
    now += 240.0
    succeed(broken, 1, now)
    fail(broken, SMALL.min_calls, now)
    assert broken.rests_s(now) == SMALL.rest_s


def test_calls_that_were_made_though_it_was_open_do_not_make_its_rest_longer() -> None:
    """Where nobody else is left it is asked all the same: many such failures are one reason, not many."""
    broken = opened()
    fail(broken, 10, now=1.0)
    assert broken.rests_s(1.0) == SMALL.rest_s - 1.0


def test_one_of_them_that_is_answered_ends_the_rest() -> None:
    """Somebody had to ask, and it is well again."""
    broken = opened()
    succeed(broken, 1, now=1.0)
    assert broken.admits(1.0)


def test_an_answer_that_began_before_it_opened_does_not() -> None:
    """A stream that goes on says nothing about those that cannot begin."""
    broken = breaker()
    slow = broken.began(0.0)
    fail(broken, 2 * SMALL.min_calls, now=1.0)
    broken.succeeded(slow, 2.0)
    assert not broken.admits(2.0)


def test_a_try_that_is_withdrawn_lets_the_next_one_try() -> None:
    """A person who says stop says nothing about the provider, and the rest stays what it was."""
    broken = opened()
    broken.dropped(broken.began(SMALL.rest_s))
    assert broken.admits(SMALL.rest_s)
    fail(broken, 1, SMALL.rest_s)
    assert broken.rests_s(SMALL.rest_s) == 2 * SMALL.rest_s


def test_a_try_that_fails_after_others_found_it_well_changes_nothing() -> None:
    """It hung while somebody without a choice was answered."""
    broken = opened()
    hangs = broken.began(SMALL.rest_s)
    succeed(broken, 1, SMALL.rest_s + 1)
    broken.failed(hangs, ProviderDown("x"), SMALL.rest_s + 60)
    assert broken.admits(SMALL.rest_s + 60)


@pytest.mark.parametrize("named, rests", [(40.0, 40.0), (0.0, 0.0), (10_000.0, LIMITS.max_pause_s)])
def test_a_pause_that_is_named_is_kept_and_opens_nothing(named: float, rests: float) -> None:
    """One 429 is no failure to speak of; after the pause everybody may ask again. Nobody rests for hours."""
    broken = breaker()
    broken.failed(broken.began(0.0), ProviderBusy("429", retry_after_s=named), 0.0)
    assert broken.rests_s(0.0) == rests
    assert broken.admits(rests)
    broken.began(rests)
    assert broken.admits(rests)
    assert not broken.is_open


Events = st.lists(
    st.tuples(st.sampled_from(["answer", "failure", "pause", "withdrawn"]), st.floats(0, 40, allow_nan=False)),
    max_size=40,
)


@given(Events)
def test_it_behaves_as_its_drawing(events: list[tuple[str, float]]) -> None:
    """One admitted call after the other, at any times, against the states and their arrows written out plainly."""
    broken = breaker()
    now, until, state, rest = 0.0, 0.0, "closed", SMALL.rest_s
    ended: list[tuple[float, bool]] = []
    for what, after_s in events:
        now += after_s
        expected = now >= until
        assert broken.admits(now) == expected
        if not expected:
            continue
        trial, trying = broken.began(now), state == "open"
        if what == "withdrawn":
            broken.dropped(trial)
            continue
        ended = [*ended, (now, what != "answer")][-SMALL.max_calls :]
        if what == "answer":
            broken.succeeded(trial, now)
            if trying:
                state, ended, rest = "closed", [], SMALL.rest_s
            continue
        named = 20.0 if what == "pause" else 0.0
        broken.failed(trial, ProviderBusy("x", retry_after_s=named or None), now)
        counted = [failed for at, failed in ended if now - at <= SMALL.window_s]
        often = len(counted) >= SMALL.min_calls and 2 * sum(counted) >= len(counted)
        rest = min(2 * rest, SMALL.max_rest_s) if trying else rest
        state = "open" if trying or often else "closed"
        until = max(until, now + max(named, rest if state == "open" else 0.0))


@given(st.lists(st.sampled_from(["answer", "failure", "withdrawn"]), max_size=30), st.integers(2, 6))
def test_of_many_at_once_only_one_tries_what_was_open(ends: list[str], people: int) -> None:
    """Whatever comes of each try, the next rest ends with one call again."""
    broken, now = opened(), 0.0
    for end in ends:
        now += broken.rests_s(now)
        trials: list[Trial] = [broken.began(now) for _ in range(people) if broken.admits(now)]
        assert len(trials) == 1
        if end == "answer":
            broken.succeeded(trials[0], now)
            fail(broken, SMALL.min_calls, now)
        elif end == "failure":
            broken.failed(trials[0], ProviderDown("x"), now)
        else:
            broken.dropped(trials[0])
