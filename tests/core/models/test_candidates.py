"""Who may answer, in which order: what is chosen by name, what is needed, and what never leaves one's own machines."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import ModelUnknown, ProviderDown, ProviderError
from core.exchange import Model
from core.models.needs import Needs
from core.models.routing import Router
from labs import Lab, model, own

SEES = Needs(images=True)


async def order(router: Router, wish: str = "", needs: Needs | None = None) -> list[str]:
    """All candidates, first to last."""
    candidates = router.candidates(wish, needs)
    names = []
    while (chosen := await candidates.next()) is not None:
        names.append(chosen.name)
    return names


async def test_the_order_of_the_providers_is_the_order_of_preference() -> None:
    """Each with its first model."""
    assert await order(Router([Lab("a", ["x", "y"]), Lab("b", ["z"])], "auto")) == ["a/x", "b/z"]


async def test_the_operators_order_of_fallbacks_stands_over_it() -> None:
    """A provider alone means its first; nobody else is asked."""
    labs = [Lab("a", ["x"]), Lab("b", ["z"]), Lab("c", ["v", "w"])]
    assert await order(Router(labs, "auto", fallbacks=["c/w", "b"])) == ["c/w", "b/z"]
    assert await order(Router(labs, "b/z", fallbacks=["a", "c/v"])) == ["b/z", "a/x", "c/v"]


async def test_a_model_that_was_named_has_no_other_beside_it_unless_that_is_named_too() -> None:
    """No model steps in for one that was chosen."""
    assert await order(Router([Lab("a"), Lab("b")], "b/m")) == ["b/m"]


async def test_what_a_person_chose_comes_before_the_operators_order() -> None:
    """And once only."""
    router = Router([Lab("a", ["x", "y"]), Lab("b", ["z"])], "auto")
    assert await order(router, "b/z") == ["b/z", "a/x"]
    assert await order(router, "a/y") == ["a/y", "a/x", "b/z"]


async def test_a_choice_that_is_not_configured_any_more_is_passed_over() -> None:
    """The person is answered all the same."""
    assert await order(Router([Lab("a")], "auto"), "gone/m") == ["a/m"]


@pytest.mark.parametrize(
    "needs, first",
    [
        (Needs(), "a/plain"),
        (Needs(images=True), "a/sees"),
        (Needs(documents=True), "b/reads"),
        (Needs(images=True, documents=True), "b/reads"),
        (Needs(tools=True), "a/plain"),
        (Needs(tokens=5000), "a/sees"),
        (Needs(tokens=50_000), "b/reads"),
    ],
)
async def test_auto_takes_the_first_that_can_do_what_is_needed(needs: Needs, first: str) -> None:
    """Within a provider, too; what a window holds counts like an ability."""
    a = Lab("a", [model("plain", room=4000), model("sees", sees=True, room=8000)])
    b = Lab("b", [model("reads", sees=True, reads=True, room=100_000)])
    assert (await order(Router([a, b], "auto"), needs=needs))[0] == first


async def test_providers_are_not_asked_for_what_nobody_wants_to_know() -> None:
    """The second one's list is waited for only when the first will not do."""
    a, b = Lab("a", [model("m", sees=True)]), Lab("b")
    await Router([a, b], "auto").choose("", SEES)
    assert (a.listed, b.listed) == (1, 0)


async def test_without_tools_or_room_it_goes_less_well_without_sight_not_at_all() -> None:
    """Those that see come first, then those that lack little; the blind are left out where somebody sees."""
    labs = [Lab("blind"), Lab("clumsy", [model("m", sees=True, tools=False)]), Lab("good", [model("m", sees=True)])]
    assert await order(Router(labs, "auto"), needs=Needs(images=True, tools=True)) == ["good/m", "clumsy/m"]


async def test_where_nobody_sees_the_first_answers_as_far_as_it_can() -> None:
    """An answer without the picture is better than none."""
    chosen = await Router([Lab("a"), Lab("b")], "auto").choose("", SEES)
    assert (chosen.name, chosen.lacks, chosen.named) == ("a/m", frozenset({"images"}), False)


@pytest.mark.parametrize("wish", ["blind/m", "blind/unlisted"])
async def test_what_was_chosen_by_name_is_used_whatever_it_lacks(wish: str) -> None:
    """By a person or by the operator; those that could see stand behind it."""
    labs = [Lab("blind"), Lab("good", [model("m", sees=True)])]
    chosen = await Router(labs, "auto").choose(wish, SEES)
    assert (chosen.name, chosen.lacks, chosen.named) == (wish, frozenset({"images"}), True)
    assert (await Router(labs, wish).choose("", SEES)).name == wish


class TestPrivacy:
    """What began on the operator's machines stays there, whatever fails."""

    async def test_no_hosted_model_takes_over_from_one_of_ones_own(self) -> None:
        """Neither by order nor where a fallback was named."""
        labs = [Lab("local", [own("m")]), Lab("cloud"), Lab("other", [own("n")])]
        assert await order(Router(labs, "auto")) == ["local/m", "other/n"]
        assert await order(Router(labs, "local/m", fallbacks=["cloud", "other"])) == ["local/m", "other/n"]
        assert await order(Router(labs, "auto", fallbacks=["local", "cloud/m"])) == ["local/m"]

    async def test_not_even_for_what_ones_own_cannot_do(self) -> None:
        """A picture is no reason to show somebody else the conversation."""
        labs = [Lab("local", [own("m")]), Lab("cloud", [model("m", sees=True)])]
        assert (await Router(labs, "auto").choose("", SEES)).name == "local/m"

    @pytest.mark.parametrize("fault", [ProviderDown("refused"), ModelUnknown("?")])
    async def test_not_even_where_ones_own_cannot_be_reached(self, fault: ProviderError) -> None:
        """The configuration says that it is one's own; or it was seen to be before."""
        local, cloud = Lab("local", [own("m")]), Lab("cloud")
        local.down = fault
        with pytest.raises(type(fault)):
            await Router([local, cloud], "auto", own=["local"]).choose()
        router = Router([local, cloud], "auto")
        local.down = None
        await router.choose()
        local.down = fault
        router.forget(local)
        with pytest.raises(type(fault)):
            await router.choose()

    async def test_a_person_may_choose_a_hosted_one_and_falls_back_to_ones_own(self) -> None:
        """That is for them to decide, and nothing leaves that would not have."""
        labs = [Lab("local", [own("m")]), Lab("cloud")]
        assert await order(Router(labs, "auto"), "cloud/m") == ["cloud/m", "local/m"]

    async def test_a_person_who_chose_ones_own_stays_there(self) -> None:
        """Also where the operator's order begins with a hosted one."""
        labs = [Lab("cloud"), Lab("local", [own("m")])]
        assert await order(Router(labs, "auto"), "local/m") == ["local/m"]
        assert await order(Router(labs, "auto")) == ["cloud/m", "local/m"]


@st.composite
def worlds(draw: st.DrawFn) -> tuple[list[Lab], str, list[str], Needs]:
    """Some providers with some models, what is wished and what is needed."""
    one = st.builds(
        Model,
        id=st.sampled_from(["s", "t", "u"]),
        hosting=st.sampled_from(["hosted", "self"]),
        images=st.booleans(),
        documents=st.booleans(),
        tools=st.booleans(),
        context_tokens=st.sampled_from([0, 1000, 9000]),
    )
    lists = draw(st.lists(st.lists(one, max_size=3, unique_by=lambda model: model.id), min_size=1, max_size=4))
    labs = [Lab(f"lab{number}", models) for number, models in enumerate(lists)]
    for lab in labs:
        lab.down = draw(st.sampled_from([None, None, ProviderDown("x")]))
    names = [f"{lab.name}/{name}" for lab in labs for name in ("s", "t")]
    fallbacks = draw(st.lists(st.sampled_from([*names, *(lab.name for lab in labs)]), max_size=3))
    needs = Needs(
        images=draw(st.booleans()),
        documents=draw(st.booleans()),
        tools=draw(st.booleans()),
        tokens=draw(st.sampled_from([0, 5000])),
    )
    return labs, draw(st.sampled_from(["", *names])), fallbacks, needs


@given(worlds())
async def test_whatever_is_there_the_rules_of_the_order_hold(
    world: tuple[list[Lab], str, list[str], Needs],
) -> None:
    """Nobody twice; own machines are not left; what was named is first; nobody blind behind one who sees."""
    labs, wish, fallbacks, needs = world
    candidates = Router(labs, "auto", fallbacks=fallbacks).candidates(wish, needs)
    found = []
    while (chosen := await candidates.next()) is not None:
        found.append(chosen)
    names = [chosen.name for chosen in found]
    assert len(names) == len(set(names))
    if wish:
        assert names[0] == wish
        assert found[0].named
        if found[0].model.hosting == "self":
            assert all(chosen.model.hosting == "self" for chosen in found)
    for place, chosen in enumerate(found):
        assert chosen.lacks == needs.lacking(chosen.model)
        later = found[place + 1 :]
        if not chosen.named:
            assert not chosen.lacks or all(other.lacks for other in later), "somebody better came behind"
        assert not any(other.lacks & {"images", "documents"} for other in later), "a blind one came later"
