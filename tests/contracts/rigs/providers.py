"""A rig for each provider under the contract: the real one, and what it needs to answer without a network."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from core import testing
from core.exchange import Entry, Part, Request
from core.seams import Provider
from core.site import Site
from providers import compatible, echo, embedded
from simulators.openai import OpenAISimulator, Pace

SLOW = "Tell me slowly: " + "one two three four five six seven eight nine ten " * 20
"""What one asks for an answer that takes at least a few seconds."""


def site(name: str, *, connect_s: float = 5.0, first_token_s: float = 60.0, idle_s: float = 60.0) -> Site:
    """What a composition root would hand out, with patience to a test's liking."""
    made = testing.site(Path("/nonexistent"), name)
    return replace(made, connect_s=connect_s, first_token_s=first_token_s, idle_s=idle_s)


def said(text: str) -> Entry:
    """A person's word."""
    return Entry(role="user", parts=(Part(kind="text", body=text),))


def answered(text: str) -> Entry:
    """A model's word."""
    return Entry(role="assistant", parts=(Part(kind="text", body=text),))


async def eventually(holds: Callable[[], bool], *, within_s: float) -> float:
    """Wait until something holds; returns how long it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within_s, "it never came to be"
        await asyncio.sleep(0.002)
    return time.monotonic() - began


@dataclass
class Rig:
    """One provider, ready to be asked.

    Attributes:
        model: A model it has.
        repeats: Whether its answers contain what was said.
        released: Returns once nothing of an abandoned request is left running; fails where something is.
        turns: How many questions and answers are a long conversation for it.
    """

    provider: Provider
    model: str
    repeats: bool
    released: Callable[[], Awaitable[None]]
    max_output_tokens: int = 4096
    turns: int = 100

    def request(self, *entries: Entry, system: str = "Be brief.") -> Request:
        """A request to the rig's model."""
        return Request(model=self.model, entries=entries, system=system, max_output_tokens=self.max_output_tokens)


@asynccontextmanager
async def compatible_rig() -> AsyncIterator[Rig]:
    """A server over loopback that repeats what it is told, at the pace of a quick model."""
    async with OpenAISimulator(pace=Pace(tokens_per_s=200, tick_s=0.01)) as lab:
        settings = compatible.CompatibleSettings(base_url=lab.base_url, hosting="self")

        async def released() -> None:
            await eventually(lambda: lab.requests[-1].closed_early_at is not None, within_s=2)

        async with compatible.spec.open(site("compatible"), settings) as provider:
            yield Rig(provider=provider, model="sim-small", repeats=True, released=released)
        assert lab.violations == []


@asynccontextmanager
async def echo_rig() -> AsyncIterator[Rig]:
    """The echo, at the pace of a quick model."""

    async def released() -> None:
        """There is nothing it could hold."""

    async with echo.spec.open(site("echo"), echo.EchoSettings(enabled=True, tokens_per_s=200)) as provider:
        yield Rig(provider=provider, model="echo", repeats=True, released=released)


@asynccontextmanager
async def embedded_rig() -> AsyncIterator[Rig]:
    """The model in this process, with short answers."""
    async with embedded.spec.open(site("embedded"), embedded.EmbeddedSettings()) as provider:
        assert isinstance(provider, embedded.Embedded)

        async def released() -> None:
            await eventually(lambda: not provider.busy, within_s=2)

        yield Rig(
            provider=provider,
            model="smollm2-135m",
            repeats=False,
            released=released,
            max_output_tokens=24,
            turns=15,
        )


RIGS: dict[str, Callable[[], AbstractAsyncContextManager[Rig]]] = {
    "compatible": compatible_rig,
    "echo": echo_rig,
    "embedded": embedded_rig,
}
