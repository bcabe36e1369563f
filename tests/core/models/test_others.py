"""Under ``auto`` another model of a provider is asked last, if it was the model that failed and not its provider."""

import pytest

from core import phrases
from core.errors import ModelUnknown, ProviderBusy, ProviderDown, ProviderError, ProviderRefusedUs
from core.models.breaker import LIMITS
from core.testing import answer
from core.values import Media, Message
from labs import Lab, answering, model, own
from turns import Lane

PHOTO = Media(adapter="fake", ref="1", kind="photo")


async def told(lane: Lane, *labs: Lab, **how: object) -> list[str]:
    """What the chat reads after a question."""
    lane.hear("Hi")
    await lane.run(answering(lane, *labs, **how))  # type: ignore[arg-type]
    return lane.texts()


@pytest.mark.parametrize("fault", [ModelUnknown("404"), ProviderBusy("529 overloaded")], ids=str)
async def test_a_models_own_fault_leaves_its_providers_others(fault: ProviderError) -> None:
    """It may be the only provider there is."""
    lane, a = Lane(), Lab("a", ["m", "n"], (fault,), answer("I am n"))
    assert await told(lane, a) == ["I am n"]
    assert a.asked == ["m", "n"]


async def test_a_providers_fault_does_not() -> None:
    """The key is refused for all of its models."""
    lane, a = Lane(), Lab("a", ["m", "n"], (ProviderRefusedUs("401"),))
    await told(lane, a)
    assert "n" not in a.asked


async def test_one_of_two_models_that_is_dead_is_tried_again_before_the_other_takes_over() -> None:
    """A single 500 is no reason to be answered by another model; several are."""
    lane, a = Lane(), Lab("a", ["m", "n"], (ProviderDown("500"),), answer("I am m"))
    assert await told(lane, a) == ["I am m"]
    lane, a = Lane(), Lab("a", ["m", "n"], *[(ProviderDown("500"),)] * 2, answer("I am n"))
    assert await told(lane, a) == ["I am n"]
    assert a.asked == ["m", "m", "n"]


async def test_one_that_is_left_alone_leaves_its_providers_others_too() -> None:
    """Everybody else is answered by them at once."""
    lane, a = Lane(), Lab("a", ["dead", "n"])
    a.scripts_for(lambda request: (ProviderDown("500"),) if request.model == "dead" else answer("I am n"))
    talker = answering(lane, a)
    for _ in range(LIMITS.min_calls):
        lane.hear("Hi")
        await lane.run(talker)
    assert lane.texts() == ["I am n"] * LIMITS.min_calls
    assert a.asked[-1:] == ["n"]
    assert a.asked.count("dead") == LIMITS.min_calls


async def test_they_are_asked_after_all_others() -> None:
    """Another provider that is well comes first."""
    lane, a, b = Lane(), Lab("a", ["m", "n"], (ModelUnknown("404"),), answer("I am n")), Lab("b")
    assert await told(lane, a, b) == ["I am b"]
    lane, b = Lane(), Lab("b", ["m"], (ProviderDown("500"),))
    a = Lab("a", ["m", "n"], (ModelUnknown("404"),), answer("I am n"))
    assert await told(lane, a, b) == ["I am n"]


async def test_one_that_can_do_what_is_asked_comes_first_among_them() -> None:
    """Their order is the provider's, and the blind are not asked about a picture."""
    lane = Lane()
    models = [model("m", sees=True), model("blind"), model("n", sees=True)]
    a = Lab("a", models, (ProviderBusy("529"),), answer("I am n"))
    lane.hear(Message(id="1", text="What is this?", media=(PHOTO,)))
    await lane.run(answering(lane, a))
    assert a.asked == ["m", "n"]


async def test_not_all_of_them_are_asked() -> None:
    """Where everything is overloaded the person hears so soon."""
    lane, a = Lane(), Lab("a", [f"m{number}" for number in range(9)], (ProviderBusy("529", retry_after_s=60),))
    assert await told(lane, a, busy_s=0) == [phrases.MODEL_BUSY]
    assert len(a.asked) <= 5


async def test_one_chosen_by_name_has_no_other_beside_it() -> None:
    """No model steps in that nobody named."""
    lane, a = Lane(), Lab("a", ["m", "n"], (ModelUnknown("404"),))
    assert await told(lane, a, wish="a/m") == [phrases.NO_MODEL]
    assert a.asked == ["m"]


async def test_a_refused_key_shuts_the_provider_also_where_it_comes_again_in_the_order() -> None:
    """The next in the order is somebody else."""
    lane, a, b = Lane(), Lab("a", ["m", "n"], (ProviderRefusedUs("401"),)), Lab("b")
    assert await told(lane, a, b, wish="a/n", fallbacks=["a", "b"]) == ["I am b"]
    assert a.asked == ["n"]


async def test_no_hosted_one_steps_in_for_one_on_ones_own_machines() -> None:
    """Also of the same provider."""
    lane, a = Lane(), Lab("a", [own("m"), "cloud"], (ModelUnknown("404"),))
    await told(lane, a)
    assert a.asked == ["m"]


async def test_a_model_that_does_not_see_is_not_shown_what_it_is_asked_about() -> None:
    """Its provider would show it the picture; the configuration says that this one takes none."""
    lane, a = Lane(), Lab("a", [model("m", reads=True)])
    paper = Media(adapter="fake", ref="2", kind="document", mime="application/pdf", name="a.pdf")
    lane.hear(Message(id="1", text="What is this?", media=(PHOTO, paper)))
    await lane.run(answering(lane, a, wish="a/m"))
    parts = a.requests[-1].entries[-1].parts
    assert [part.media for part in parts if part.media is not None] == [paper]
    assert "[photo: unnamed; its content cannot be shown to you]" in [part.body for part in parts]
