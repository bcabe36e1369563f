"""CPU for each streamed answer, through each lab's provider and through aiohttp alone, side by side in one run.

    python benchmarks/providers.py

The simulated labs run in a process of their own, and say an answer of 300 pieces at 400 a second, twenty at once. What
is counted is this process's CPU. The bare line does the same work: it posts the same body, reads each event as JSON,
and puts the words together.
"""

import asyncio
import multiprocessing
import sys
import time
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, aclosing
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

import aiohttp  # noqa: E402
import pydantic_core  # noqa: E402
from pydantic import BaseModel, SecretStr  # noqa: E402

from core import testing  # noqa: E402
from core.exchange import Entry, Finished, Part, Request  # noqa: E402
from core.seams import Provider, ProviderSpec  # noqa: E402
from providers import anthropic, compatible, google, openai  # noqa: E402
from providers.sse import Frames  # noqa: E402
from simulators.anthropic import AnthropicSimulator  # noqa: E402
from simulators.google import GoogleSimulator  # noqa: E402
from simulators.openai import OpenAISimulator, Pace  # noqa: E402
from simulators.responses import ResponsesSimulator  # noqa: E402

WORDS, PER_S, AT_ONCE, ANSWERS, ROUNDS = 300, 400.0, 20, 100, 3
QUESTION = " ".join(["word"] * (WORDS - 2))
PATHS = {
    "anthropic": ("/v1/messages", "claude-sim-sonnet"),
    "openai": ("/v1/responses", "gpt-6.2-sol"),
    "google": ("/v1/models/gemini-sim-flash:streamGenerateContent?alt=sse", "gemini-sim-flash"),
    "compatible": ("/v1/chat/completions", "sim-small"),
}


def serve(pipe: Connection) -> None:
    """The labs, in a process of their own."""

    async def run() -> None:
        async with AsyncExitStack() as stack:
            labs = {
                "anthropic": AnthropicSimulator(words_per_s=PER_S),
                "openai": ResponsesSimulator(words_per_s=PER_S),
                "google": GoogleSimulator(words_per_s=PER_S),
            }
            addresses = {name: (await stack.enter_async_context(lab)).address for name, lab in labs.items()}
            pace = Pace(tokens_per_s=PER_S, tick_s=1 / PER_S)
            other = await stack.enter_async_context(OpenAISimulator(pace=pace))
            pipe.send(addresses | {"compatible": other.base_url.removesuffix("/v1")})
            await asyncio.to_thread(pipe.recv)

    asyncio.run(run())


def provided(name: str, address: str) -> tuple[ProviderSpec[Any], BaseModel]:
    """A provider's spec and its settings."""
    key = SecretStr("key")
    match name:
        case "anthropic":
            return anthropic.spec, anthropic.AnthropicSettings(api_key=key, base_url=address)
        case "openai":
            return openai.spec, openai.OpenAISettings(api_key=key, base_url=f"{address}/v1")
        case "google":
            return google.spec, google.GoogleSettings(api_key=key, base_url=address)
        case _:
            return compatible.spec, compatible.CompatibleSettings(base_url=f"{address}/v1", hosting="self")


async def through(provider: Provider, model: str) -> None:
    """One answer by our provider."""
    request = Request(model=model, entries=(Entry(role="user", parts=(Part(kind="text", body=QUESTION),)),))
    async with aclosing(provider.stream(request)) as events:
        said = [event async for event in events]
    assert isinstance(said[-1], Finished)


async def bare(session: aiohttp.ClientSession, name: str, address: str) -> None:
    """One answer by aiohttp alone."""
    path, model = PATHS[name]
    frames, text = Frames(), list[str]()
    headers = {"Authorization": "Bearer key", "x-goog-api-key": "key", "anthropic-version": "2026-10-21"}
    async with session.post(address + path, json=_body(name, model), headers=headers) as response:
        async for piece in response.content.iter_any():
            said = (frame for frame in frames.feed(piece) if frame != b"[DONE]")
            text += [str(pydantic_core.from_json(frame))[:8] for frame in said]
    assert len(text) >= WORDS // 2, (name, len(text), response.status)


def _body(name: str, model: str) -> dict[str, object]:
    said = [{"role": "user", "content": QUESTION}]
    match name:
        case "anthropic":
            blocks = [{"role": "user", "content": [{"type": "text", "text": QUESTION}]}]
            return {"model": model, "max_tokens": 4096, "stream": True, "messages": blocks}
        case "openai":
            return {"model": model, "input": said, "stream": True, "store": False}
        case "google":
            return {"contents": [{"role": "user", "parts": [{"text": QUESTION}]}]}
        case _:
            return {"model": model, "messages": said, "stream": True, "stream_options": {"include_usage": True}}


async def cpu_ms(answer: Callable[[], Awaitable[None]]) -> float:
    """CPU of this process for each answer, milliseconds."""
    await answer()  # imports, connections
    places = asyncio.Semaphore(AT_ONCE)

    async def one() -> None:
        async with places:
            await answer()

    before = time.process_time()
    await asyncio.gather(*(one() for _ in range(ANSWERS)))
    return 1000 * (time.process_time() - before) / ANSWERS


async def measure(addresses: dict[str, str]) -> None:
    """All of them, a few times in turn; the best of each is shown."""
    print(f"{'':12}{'provider':>12}{'aiohttp':>12}{'ratio':>8}")
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:
        for name, address in addresses.items():
            spec, settings = provided(name, address)
            async with spec.open(testing.provider_site(name), settings) as provider:
                ways = partial(through, provider, PATHS[name][1]), partial(bare, session, name, address)
                rounds = [[await cpu_ms(way) for way in ways] for _ in range(ROUNDS)]
            ours, theirs = (min(column) for column in zip(*rounds, strict=True))
            print(f"{name:12}{ours:9.1f} ms{theirs:9.1f} ms{ours / theirs:8.2f}", flush=True)


def main() -> None:
    """Start the labs, measure, and let them end."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(target=serve, args=(theirs,), daemon=True)
    process.start()
    try:
        asyncio.run(measure(ours.recv()))
    finally:
        ours.send(None)
        process.join(5)


if __name__ == "__main__":
    main()
