"""Which model answers: the first that can be had, or the one that was named."""

import asyncio

import pytest

from core.errors import ModelUnknown, ProviderDown
from core.exchange import Model
from core.models.routing import Router
from core.seams import Provider
from core.testing import FakeProvider, answer


class Offering(FakeProvider):
    """A provider that says which models it has, or fails to."""

    def __init__(self, name: str, offer: tuple[str, ...] | Exception) -> None:
        super().__init__(answer("x"), name=name)
        self.offer = offer
        self.times = 0

    async def models(self) -> tuple[Model, ...]:
        self.times += 1
        await asyncio.sleep(0)
        if isinstance(self.offer, Exception):
            raise self.offer
        return tuple(Model(id=identity, context_tokens=1000) for identity in self.offer)


async def chosen(wish: str, *providers: Provider) -> str:
    """The name of what is chosen."""
    choice = await Router(providers, wish).choose()
    return f"{choice.provider.name}/{choice.model.id}"


async def test_auto_takes_the_first_configured_providers_first_model() -> None:
    """The order of the configuration is the order of preference."""
    assert await chosen("auto", Offering("a", ("x", "y")), Offering("b", ("z",))) == "a/x"


@pytest.mark.parametrize("offer", [(), ProviderDown("no connection"), ModelUnknown("?")])
async def test_auto_passes_over_who_has_nothing(offer: tuple[str, ...] | Exception) -> None:
    """A provider that is down, or has no model, is no reason not to answer."""
    assert await chosen("auto", Offering("a", offer), Offering("b", ("z",))) == "b/z"


async def test_auto_says_why_when_nobody_has_anything() -> None:
    """The last reason is the one that is told."""
    with pytest.raises(ProviderDown):
        await chosen("auto", Offering("a", ()), Offering("b", ProviderDown("no connection")))
    with pytest.raises(ModelUnknown):
        await chosen("auto")


@pytest.mark.parametrize(
    "wish, expected",
    [("b/z", "b/z"), ("a/y", "a/y"), ("a/org/model:7b", "a/org/model:7b"), ("c/any", "c/any")],
)
async def test_a_named_model_is_asked_for_even_if_it_is_not_listed(wish: str, expected: str) -> None:
    """Lists are often incomplete, and a provider that cannot list may answer all the same."""
    providers = (Offering("a", ("x", "y")), Offering("b", ("z",)), Offering("c", ProviderDown("x")))
    assert await chosen(wish, *providers) == expected


async def test_a_named_model_keeps_what_its_provider_says_about_it() -> None:
    """Its window is known when it is listed."""
    choice = await Router([Offering("a", ("x", "y"))], "a/y").choose()
    assert choice.model.context_tokens == 1000


async def test_a_provider_that_is_not_configured_is_said_so() -> None:
    """The operator reads which one."""
    with pytest.raises(ModelUnknown, match="'nobody'"):
        await chosen("nobody/x", Offering("a", ("x",)))


async def test_providers_are_not_asked_at_every_turn() -> None:
    """What they have is known for some minutes; a failure makes us ask again."""
    provider = Offering("a", ("x",))
    router = Router([provider], "auto")
    for _ in range(3):
        await router.choose()
    assert provider.times == 1
    router.forget(provider)
    await router.choose()
    assert provider.times == 2


async def test_a_provider_that_is_down_is_left_alone_for_a_moment() -> None:
    """Not every turn waits for it to fail again, and all that ask at once ask once."""
    down = Offering("a", ProviderDown("x"))
    router = Router([down, Offering("b", ("z",))], "auto")
    await asyncio.gather(*(router.choose() for _ in range(10)))
    await router.choose()
    assert down.times == 1
    router.forget(down)  # as time does
    down.offer = ("x",)
    assert (await router.choose()).provider is down


async def test_what_is_offered_is_told_for_people() -> None:
    """Models, or why there are none."""
    router = Router([Offering("a", ("x",)), Offering("b", ProviderDown("no connection"))], "auto")
    offered = await router.offered()
    assert offered["b"] == "no connection"
    assert [model.id for model in offered["a"] if isinstance(model, Model)] == ["x"]


async def test_servers_nobody_asked_for_are_no_reason_for_having_no_model() -> None:
    """The person hears that there is no model, not that one could not be reached."""
    router = Router([Offering("guess", ProviderDown("nobody listens"))], "auto", guesses=["guess"])
    with pytest.raises(ModelUnknown):
        await router.choose()
