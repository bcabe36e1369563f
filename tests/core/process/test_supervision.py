"""Keeping adapters going."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import Literal

import pytest
import structlog

from core.errors import PlatformBusy, PlatformDown, PlatformRefusedUs
from core.process.supervision import Pace, Supervisor
from core.seams import Accept
from core.values import Address, Capabilities, Inbound, Media, Page, Receipt, Reply

PATIENCE_S = 10.0
QUICK = Pace(first_s=0.01, longest_s=0.04, well_after_s=0.1)


class Troubled:
    """An adapter whose runs end as told; when nothing more is told, it listens."""

    name = "troubled"

    def __init__(self, *ends: Exception | float | None) -> None:
        self._ends = list(ends)
        self.started: list[float] = []
        self.listening = asyncio.Event()

    async def run(self, accept: Accept) -> None:
        self.started.append(asyncio.get_running_loop().time())
        while self._ends:
            match self._ends.pop(0):
                case float(seconds):
                    await asyncio.sleep(seconds)
                case None:
                    return
                case problem:
                    raise problem
        self.listening.set()
        await asyncio.Event().wait()

    def capabilities(self, to: Address) -> Capabilities:
        return Capabilities(forms=("plain",))

    def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
        return (Page(body=reply.markdown, form=form),)

    async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:
        return slot

    async def signal(self, to: Address, activity: Page | Literal["typing", "seen"], *, slot: str) -> None:
        pass

    async def fetch(self, media: Media) -> AsyncGenerator[bytes, None]:
        yield b""


async def nothing(events: Sequence[Inbound | Receipt]) -> tuple[bool, ...]:
    """Accept whatever comes."""
    return (True,) * len(events)


@pytest.mark.parametrize("problem", [PlatformDown("no connection"), ValueError("a mistake of ours"), None])
async def test_an_adapter_that_fails_or_ends_is_started_again(problem: Exception | None) -> None:
    """Whatever the reason, and be it our own mistake."""
    adapter = Troubled(problem, problem)
    supervisor = Supervisor(adapter, nothing, QUICK)
    task = asyncio.create_task(supervisor.run())
    await asyncio.wait_for(adapter.listening.wait(), PATIENCE_S)
    assert len(adapter.started) == 3
    assert (supervisor.state.doing, supervisor.state.failures) == ("listening", 2)
    assert supervisor.state.reason == (str(problem) if problem else "it ended by itself")
    task.cancel()


async def test_waits_grow_up_to_a_bound() -> None:
    """A platform that is down is not hammered, and not forgotten either; nobody comes back on the beat."""
    adapter = Troubled(*[PlatformDown("down")] * 8)
    pace = Pace(first_s=0.1, longest_s=0.4, well_after_s=60)
    with structlog.testing.capture_logs() as told:
        task = asyncio.create_task(Supervisor(adapter, nothing, pace).run())
        await asyncio.wait_for(adapter.listening.wait(), PATIENCE_S)
    waits = [event["again_in_s"] for event in told if event["event"] == "adapter failed"]
    bounds = [(0.05, 0.1), (0.1, 0.2), (0.2, 0.4)] + [(0.2, 0.4)] * 5
    assert all(low <= wait + 0.05 and wait <= high for wait, (low, high) in zip(waits, bounds, strict=True))
    task.cancel()


async def test_a_failure_is_one_calm_line() -> None:
    """How it came about is told to whoever debugs."""
    adapter = Troubled(ValueError("a mistake"))
    with structlog.testing.capture_logs() as told:
        task = asyncio.create_task(Supervisor(adapter, nothing, QUICK).run())
        await asyncio.wait_for(adapter.listening.wait(), PATIENCE_S)
    (line,) = [event for event in told if event["log_level"] != "debug"]
    assert (line["adapter"], line["kind"], line["reason"]) == ("troubled", "ValueError", "a mistake")
    assert "exc_info" not in line
    task.cancel()


async def test_running_well_for_a_while_makes_the_next_failure_a_first_one() -> None:
    """One hiccup a day never adds up."""
    adapter = Troubled(PlatformDown("1"), PlatformDown("2"), PlatformDown("3"), 0.15, PlatformDown("4"))
    supervisor = Supervisor(adapter, nothing, QUICK)
    task = asyncio.create_task(supervisor.run())
    await asyncio.wait_for(adapter.listening.wait(), PATIENCE_S)
    assert supervisor.state.failures == 1
    task.cancel()


async def test_a_platform_that_says_how_long_to_wait_is_heeded() -> None:
    """Coming back earlier would only be refused again."""
    adapter = Troubled(PlatformBusy("slow down", retry_after_s=0.2))
    task = asyncio.create_task(Supervisor(adapter, nothing, QUICK).run())
    await asyncio.wait_for(adapter.listening.wait(), PATIENCE_S)
    assert adapter.started[1] - adapter.started[0] >= 0.19
    task.cancel()


async def test_a_platform_that_refuses_us_is_asked_no_more() -> None:
    """A wrong token stays wrong; ``run`` returns, so that the rest goes on."""
    adapter = Troubled(PlatformRefusedUs("the token is not accepted"))
    supervisor = Supervisor(adapter, nothing, QUICK)
    await asyncio.wait_for(supervisor.run(), PATIENCE_S)
    assert (supervisor.state.doing, supervisor.state.reason) == ("stopped", "the token is not accepted")
    assert len(adapter.started) == 1


async def test_between_two_tries_the_state_says_why() -> None:
    """``status`` shows what is wrong while it is wrong."""
    supervisor = Supervisor(Troubled(PlatformDown("no route")), nothing, Pace(first_s=60))
    task = asyncio.create_task(supervisor.run())
    await asyncio.sleep(0.05)
    assert supervisor.state.doing == "waiting"
    assert supervisor.state.reason == "no route"
    task.cancel()
