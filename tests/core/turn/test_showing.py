"""Previews of an answer: the latest words always come through, and none after the end."""

import asyncio

import pytest

from core.turn.showing import Showing
from core.values import Outbound
from turns import HERE


class Screen:
    """What is shown; fails as often as a test says."""

    def __init__(self, *problems: Exception) -> None:
        self.texts: list[str] = []
        self.drawn = asyncio.Event()
        self._problems = list(problems)

    async def show(self, out: Outbound) -> None:
        if self._problems:
            raise self._problems.pop()
        assert (out.slot, out.to, out.final) == ("1", HERE, False)
        self.texts.append(out.reply.markdown)
        self.drawn.set()

    async def until(self, text: str) -> None:
        async with asyncio.timeout(5):
            while text not in self.texts:
                self.drawn.clear()
                await self.drawn.wait()


def showing(screen: Screen) -> Showing:
    """A preview on this screen."""
    return Showing(screen, "1", HERE, lambda text: text)  # type: ignore[arg-type]


async def test_something_is_shown_at_once() -> None:
    """An empty preview: something is being done."""
    screen = Screen()
    async with showing(screen).going_on():
        assert screen.texts == [""]


async def test_the_last_words_before_a_pause_are_shown() -> None:
    """Many words in a moment cost two looks, and the second has all of them."""
    screen = Screen()
    preview = showing(screen)
    async with preview.going_on():
        for end in range(1, 200):
            preview.say("x" * end)
            if end == 1:
                await screen.until("x")
        await screen.until("x" * 199)
    assert screen.texts == ["", "x", "x" * 199]


async def test_nothing_is_shown_after_the_end() -> None:
    """A preview that came after the answer would take its place."""
    screen = Screen()
    preview = showing(screen)
    async with preview.going_on():
        preview.say("a")
        await screen.until("a")
        preview.say("b")
    preview.say("c")
    assert asyncio.all_tasks() == {asyncio.current_task()}, "something is left that could still show it"
    assert screen.texts == ["", "a"]


@pytest.mark.parametrize("problem", [RuntimeError("x"), TimeoutError()])
async def test_a_preview_that_fails_costs_nothing_else(problem: Exception) -> None:
    """The answer goes on, and what is said next is shown."""
    screen = Screen(problem, problem)
    preview = showing(screen)
    async with preview.going_on():
        preview.say("a")
        async with asyncio.timeout(5):
            while screen.texts != ["b"]:
                preview.say("b")
                await asyncio.sleep(0)
    assert screen.texts == ["b"]
