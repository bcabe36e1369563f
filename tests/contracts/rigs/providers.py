"""A rig for each provider under the contract: the real one, and what it needs to answer without a network."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import replace
from functools import partial
from importlib import import_module
from typing import cast

from core import testing
from core.site import ProviderSite
from core.testing.contracts.faults import CITIES, RETRY_AFTER_S
from core.testing.contracts.provider import PDF, PNG, SLOW, ProviderRig, answered, picture, said
from providers import compatible, echo, embedded
from simulators.openai import (
    Fault,
    OpenAISimulator,
    Pace,
    Reply,
    cut,
    garbage,
    hang,
    status,
    stream_error,
    tool_call,
    truncated,
)

__all__ = ["PDF", "PNG", "RIGS", "SLOW", "Rig", "answered", "eventually", "picture", "said", "site"]

Rig = ProviderRig


def site(name: str, *, connect_s: float = 5.0, first_token_s: float = 60.0, idle_s: float = 60.0) -> ProviderSite:
    """What a composition root would hand out, with patience to a test's liking."""
    made = testing.provider_site(name)
    return replace(made, fetch=picture, connect_s=connect_s, first_token_s=first_token_s, idle_s=idle_s)


async def eventually(holds: Callable[[], bool], *, within_s: float) -> float:
    """Wait until something holds; returns how long it took."""
    began = time.monotonic()
    while not holds():
        assert time.monotonic() - began < within_s, "it never came to be"
        await asyncio.sleep(0.002)
    return time.monotonic() - began


@asynccontextmanager
async def compatible_rig() -> AsyncIterator[Rig]:
    """A server over loopback that repeats what it is told, at the pace of a quick model."""
    async with OpenAISimulator(pace=Pace(tokens_per_s=200, tick_s=0.01)) as lab:
        settings = compatible.CompatibleSettings(base_url=lab.base_url, hosting="self")

        async def released() -> None:
            await eventually(lambda: lab.requests[-1].closed_early_at is not None, within_s=2)

        async with (
            compatible.spec.open(site("compatible"), settings) as provider,
            compatible.spec.open(site("compatible", first_token_s=0.3, idle_s=0.3), settings) as hurried,
        ):
            yield Rig(
                provider=provider,
                model="sim-small",
                repeats=True,
                released=released,
                faults=_compatible_faults(lab),
                hurried=hurried,
                sent=lambda: lab.requests[-1].messages,
                violations=lambda: lab.violations,
            )
        assert lab.violations == []


def _compatible_faults(lab: OpenAISimulator) -> dict[str, Callable[[], object]]:
    next_one = lab.on()
    counted = {"prompt_tokens": 1000, "completion_tokens": 50, "total_tokens": 1050}
    details = {"prompt_tokens_details": {"cached_tokens": 200}, "completion_tokens_details": {"reasoning_tokens": 20}}
    scripts: dict[str, Reply | Fault] = {
        "unauthorized": status(401),
        "forbidden": status(403),
        "missing": status(404),
        "bad request": status(400),
        "too long": status(400, error_code="context_length_exceeded"),
        "too large": status(413),
        "busy": status(429, retry_after=RETRY_AFTER_S),
        "overloaded": status(529),
        "broken": status(500),
        "cut before": cut(),
        "cut": cut(after_tokens=3),
        "truncated": truncated(after_tokens=3),
        "garbage": garbage(after_tokens=3),
        "error inside": stream_error(after_tokens=3),
        "hang": hang(),
        "stall": hang(after_tokens=3),
        "refusal": Reply(text="I had rather not.", finish="content_filter"),
        "length": Reply(text="It goes on and", finish="length"),
        "calls": Reply(tool_calls=tuple(tool_call("look_up", city=city) for city in CITIES), interleaved=True),
        "usage": Reply(text="Counted.", usage=counted | details),
    }
    return {name: partial(next_one.reply, said) for name, said in scripts.items()}


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


def _elsewhere(name: str) -> Callable[[], AbstractAsyncContextManager[Rig]]:
    """The rig in a file of its own, ``contracts/rigs/provider_<name>.py``."""

    def opened() -> AbstractAsyncContextManager[Rig]:
        opens = import_module(f"contracts.rigs.provider_{name}").rig
        return cast("Callable[[], AbstractAsyncContextManager[Rig]]", opens)()

    return opened


RIGS: dict[str, Callable[[], AbstractAsyncContextManager[Rig]]] = {
    "anthropic": _elsewhere("anthropic"),
    "compatible": compatible_rig,
    "echo": echo_rig,
    "embedded": embedded_rig,
    "google": _elsewhere("google"),
    "openai": _elsewhere("openai"),
}
