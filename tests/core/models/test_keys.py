"""Several keys of one provider: the next is used where one is refused or has reached its limit, and no other time."""

import pytest
from pydantic import SecretStr

from core.config.settings import Section, Settings
from core.errors import ProviderBusy, ProviderDown, ProviderError, ProviderRefusedUs, RequestRefused
from core.models.keys import Keys


class Lab:
    """Answers by key; a key without a fault is accepted."""

    def __init__(self, **faults: ProviderError) -> None:
        self.faults = faults
        self.asked: list[str] = []

    async def __call__(self, key: str) -> str:
        self.asked.append(key)
        if fault := self.faults.get(key):
            raise fault
        return f"by {key}"


class Clock:
    """Time as the test says."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_keys_are_written_as_one_text_or_several() -> None:
    """An environment variable is one text; each key counts once, and none is an empty one."""
    assert len(Keys("a, b  c,", SecretStr("d"), "a")) == 4
    assert not Keys("", SecretStr(" , "))
    assert Keys().current() == ""


async def test_the_first_key_is_used_as_long_as_it_is_accepted() -> None:
    """Later ones are for the day it is not."""
    lab, keys = Lab(), Keys("a b")
    assert [await keys.using(lab) for _ in range(2)] == ["by a", "by a"]


@pytest.mark.parametrize("fault", [ProviderBusy("429"), ProviderRefusedUs("401"), ProviderRefusedUs("402 no money")])
async def test_a_key_that_fails_rests_and_the_next_is_used(fault: ProviderError) -> None:
    """The person waits for no second failure: the next request begins with the key that works."""
    lab, keys = Lab(a=fault), Keys("a b")
    assert [await keys.using(lab) for _ in range(2)] == ["by b", "by b"]
    assert lab.asked == ["a", "b", "b"]


@pytest.mark.parametrize("fault", [ProviderDown("500"), RequestRefused("400")])
async def test_what_is_not_the_keys_fault_is_tried_with_no_other(fault: ProviderError) -> None:
    """A server that is down is down for every key."""
    lab, keys = Lab(a=fault), Keys("a b")
    with pytest.raises(type(fault)):
        await keys.using(lab)
    assert lab.asked == ["a"]
    assert keys.current() == "a"


async def test_a_rest_is_as_long_as_the_provider_asks() -> None:
    """After it the preferred key is used again."""
    clock = Clock()
    lab, keys = Lab(a=ProviderBusy("429", retry_after_s=7)), Keys("a b", clock=clock)
    await keys.using(lab)
    lab.faults.clear()
    clock.now = 6.9
    assert await keys.using(lab) == "by b"
    clock.now = 7.1
    assert await keys.using(lab) == "by a"


async def test_when_all_rest_the_one_that_is_over_first_is_asked() -> None:
    """Somebody has to be asked, and nobody twice in one request."""
    clock = Clock()
    lab = Lab(a=ProviderRefusedUs("401"), b=ProviderBusy("429", retry_after_s=5))
    keys = Keys("a b", clock=clock)
    for _ in range(2):
        with pytest.raises(ProviderBusy):
            await keys.using(lab)
    assert lab.asked == ["a", "b", "b"]


async def test_one_key_is_asked_once() -> None:
    """There is nothing to take turns with, also where it may be asked again at once."""
    lab = Lab(a=ProviderBusy("429", retry_after_s=0))
    with pytest.raises(ProviderBusy):
        await Keys("a").using(lab)
    with pytest.raises(ProviderBusy):
        await Keys("a a").using(lab)
    assert lab.asked == ["a", "a"]


def test_each_of_several_keys_is_a_secret() -> None:
    """The log hides them one by one, since they are sent one by one."""
    from providers.compatible import CompatibleSettings, spec

    settings = CompatibleSettings(api_key=SecretStr("sk-number-one,sk-number-two"), api_keys=(SecretStr("sk-three"),))
    hidden = Settings(providers=(Section(name="x", spec=spec, settings=settings),)).secrets()
    assert {"sk-number-one", "sk-number-two", "sk-three"} <= set(hidden)
