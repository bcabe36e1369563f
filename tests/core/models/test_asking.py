"""A model that fails: asked once more before its first word, never after, and always one honest sentence."""

import asyncio

import pytest

from core import phrases
from core.errors import (
    ContextTooLong,
    ModelUnknown,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderRefusedUs,
    RequestRefused,
)
from core.exchange import Delta, Spent, Usage
from core.models.asking import apology
from core.testing import answer
from turns import Lane, Script, Windowed, assistant


async def told(*scripts: Script) -> tuple[Lane, Windowed]:
    """What becomes of one question."""
    lane = Lane()
    model = Windowed(*scripts)
    lane.hear("Hi")
    await lane.run(assistant(lane, model))
    return lane, model


@pytest.mark.parametrize(
    "error, sentence",
    [
        (ProviderBusy("429 sk-secret", retry_after_s=0), phrases.MODEL_BUSY),
        (ProviderDown("ECONNREFUSED 10.0.0.1", retry_after_s=0), phrases.MODEL_DOWN),
        (ProviderRefusedUs("bad key sk-secret"), phrases.MODEL_REFUSED_US),
        (ModelUnknown("no gpt-9"), phrases.NO_MODEL),
        (RequestRefused("tools.0.function: bad"), phrases.MODEL_CANNOT),
        (ContextTooLong("8193 > 8192"), phrases.TOO_LONG),
    ],
)
async def test_each_failure_has_one_sentence_and_nothing_internal(error: ProviderError, sentence: str) -> None:
    """The log has the reason; the chat has a sentence of ours, and only that."""
    lane, _ = await told((error,))
    assert lane.texts() == [sentence]
    assert str(error) not in repr(lane.said)


def test_every_kind_of_failure_has_a_sentence() -> None:
    """Also kinds that are still to come."""

    class Strange(ProviderError):
        pass

    assert apology(Strange("x")) == phrases.MODEL_CANNOT


async def test_a_failure_is_followed_by_another_try() -> None:
    """The question waits a little, and the answer stands where an apology would."""
    lane, model = await told((ProviderDown("x", retry_after_s=0),), answer("There you are"))
    assert lane.texts() == ["There you are"]
    assert len(model.requests) == 2


async def test_it_is_tried_as_long_as_a_person_would_wait() -> None:
    """With pauses that grow; then there is an apology with a button."""
    lane, model = await told((ProviderDown("x"),))
    assert len(model.requests) > 2
    assert lane.pauses[:3] == sorted(lane.pauses[:3])
    assert lane.texts() == [phrases.MODEL_DOWN]
    (out,) = lane.said.values()
    assert [choice.label for choice in out.reply.choices] == [phrases.TRY_AGAIN]


async def test_an_answer_that_breaks_off_is_begun_again_and_shown() -> None:
    """In the same place, below what there was until then."""
    lane, model = await told((Delta(text="The answer is"), ProviderDown("x", retry_after_s=0)), answer("Yes."))
    assert len(model.requests) == 2
    assert lane.texts() == ["Yes."]


async def test_thinking_is_no_word() -> None:
    """Reasoning is not for the chat, so a model that broke while thinking is asked again."""
    thinking = (Delta(text="Hm", kind="reasoning"), Delta(text="searching", kind="progress"))
    lane, model = await told((*thinking, ProviderDown("x", retry_after_s=0)), answer("Yes"))
    assert len(model.requests) == 2
    assert lane.texts() == ["Yes"]
    assert not any("Hm" in out.reply.markdown for out in lane.shown)


@pytest.mark.parametrize("error", [ProviderRefusedUs("x"), ModelUnknown("x"), RequestRefused("x")])
async def test_what_will_not_change_is_not_tried_again(error: ProviderError) -> None:
    """Policy reads the data on the error."""
    _, model = await told((error,), answer("no"))
    assert len(model.requests) == 1


async def test_a_pause_longer_than_anybody_waits_is_not_waited_for() -> None:
    """A provider that names an hour is asked again after a part of what a person would wait."""
    lane, model = await told((ProviderBusy("x", retry_after_s=3600),), answer("After all."))
    assert len(model.requests) == 2
    assert lane.texts() == ["After all."]


async def test_the_wait_asked_for_is_respected() -> None:
    """Asked again no sooner than the provider said."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    await told((ProviderBusy("x", retry_after_s=0.1),), answer("yes"))
    assert loop.time() - began >= 0.1


async def test_a_stream_without_an_end_is_a_broken_one() -> None:
    """A provider that just stops has not finished, whatever it said."""
    lane, _ = await told((Delta(text="Half"),))
    assert lane.texts() == [f"Half\n\n{phrases.BROKE_OFF}"]


async def test_what_was_spent_is_no_word_either() -> None:
    """Counts are not for the chat."""
    lane, model = await told((Spent(usage=Usage(input_tokens=5)), ProviderDown("x", retry_after_s=0)), answer("Yes"))
    assert len(model.requests) == 2
    assert lane.texts() == ["Yes"]


async def test_an_apology_is_not_kept_in_the_conversation() -> None:
    """The model never reads that it was down; the question is there when it is back."""
    lane = Lane()
    model = Windowed((ModelUnknown("x"),), answer("Yes"))
    talker = assistant(lane, model)
    lane.hear("Q1")
    await lane.run(talker)
    lane.hear("Q2")
    await lane.run(talker)
    kept = repr(model.requests[1].entries)
    assert "Q1" in kept
    assert phrases.NO_MODEL not in kept
