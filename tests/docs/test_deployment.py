"""What the pages' tests rely on: a whole deployment between fakes."""

import asyncio
from pathlib import Path

import pytest

from core.errors import PlatformDown
from core.seams import Accept
from core.testing import FakeAdapter, FakeProvider, answer, deployed, message, tool_call


async def test_somebody_writes_and_is_answered(tmp_path: Path) -> None:
    """Nobody has to be let in first, and a tool that is not there is told to the model."""
    chat = FakeAdapter()
    model = FakeProvider(tool_call("nothing"), answer("Hello, ", "Ann."))
    async with deployed(tmp_path, chat, model):
        chat.arrive(message("Hello"))
        await chat.until(lambda: chat.texts() == ["Hello, Ann."])
    told = model.requests[1].entries[-1].parts
    assert [(part.kind, part.name, part.failed) for part in told] == [("result", "nothing", True)]


async def test_a_second_one_over_the_same_folder_goes_on(tmp_path: Path) -> None:
    """As after a restart: what was not answered is answered, and what was is not."""
    chat = FakeAdapter()
    before = FakeProvider((asyncio.Event(),))
    async with deployed(tmp_path, chat, before):
        chat.arrive(message("Hello", key="1"))
        await chat.until(lambda: chat.acknowledged == ["1"])
    async with deployed(tmp_path, chat, FakeProvider(answer("Hello, Ann."))):
        chat.arrive(message("Hello", key="1"))
        await chat.until(lambda: chat.texts() == ["Hello, Ann."])


async def test_an_adapter_that_fails_fails_the_test(tmp_path: Path) -> None:
    """There is no supervisor here that would start it again and hide it."""

    class Broken(FakeAdapter):
        async def run(self, accept: Accept) -> None:
            raise PlatformDown("no line")

    with pytest.raises(PlatformDown, match="no line"):
        async with deployed(tmp_path, Broken(), FakeProvider(answer("Hello"))):
            await asyncio.sleep(0)


async def test_what_goes_wrong_in_the_test_is_told_as_it_is(tmp_path: Path) -> None:
    """A failed assertion is not wrapped in anything."""
    with pytest.raises(AssertionError, match="not so"):
        async with deployed(tmp_path, FakeAdapter(), FakeProvider(answer("Hello"))):
            raise AssertionError("not so")
