"""The line to a server of the chat-completions protocol: how its bytes are read, and which way they come."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import web

from contracts.rigs.providers import said, site
from core.exchange import Delta, Finished, Request
from core.proxies import proxies_of
from providers import transport
from providers.compatible import CompatibleSettings, spec
from providers.transport import Line
from simulators.openai import OpenAISimulator, Pace, Reply

HELLO = Request(model="sim-small", entries=(said("Hello?"),))
FOREVER_S = 60.0
HEAD = {"content-type": "text/event-stream"}
Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def chunk(text: str, reason: str = "null") -> bytes:
    """One word of an answer."""
    return b'data: {"choices":[{"index":0,"delta":{"content":"%s"},"finish_reason":%s}]}\n\n' % (
        text.encode(),
        reason.encode(),
    )


@asynccontextmanager
async def serving(answer: Answer) -> AsyncIterator[Line]:
    """A line to a server that answers by itself."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    line = Line(f"http://127.0.0.1:{runner.addresses[0][1]}/v1", "", 5.0)
    try:
        yield line
    finally:
        await line.close()
        await runner.cleanup()


@pytest.mark.parametrize("noticed", [True, False])
async def test_words_that_follow_each_other_closely_are_read_together(
    monkeypatch: pytest.MonkeyPatch, *, noticed: bool
) -> None:
    """Whoever gathers gets in one piece what came meanwhile, whether it was read as it came or left to the system."""
    monkeypatch.setattr(Line, "gather_s", lambda _: 0.3)
    monkeypatch.setattr(transport, "_UNREAD_S", FOREVER_S if noticed else 0.0)
    first_was_read = asyncio.Event()

    async def answer(asked: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=HEAD)
        await response.prepare(asked)
        await response.write(chunk("one "))
        await first_was_read.wait()
        for word in ("two ", "three ", "four "):
            await response.write(chunk(word))
            await asyncio.sleep(0.01)
        await asyncio.sleep(FOREVER_S)
        return response

    async with serving(answer) as line, await line.post("/chat/completions", {}) as reading:
        assert b"one" in await reading.read()
        first_was_read.set()
        await reading.gather()
        assert (await reading.read()).count(b"data:") == 3


async def test_the_end_of_an_answer_is_not_waited_for(lab: OpenAISimulator, monkeypatch: pytest.MonkeyPatch) -> None:
    """However long words are gathered, an answer that is complete comes at once."""
    monkeypatch.setattr(Line, "gather_s", lambda _: FOREVER_S)
    monkeypatch.setattr(transport, "_UNREAD_S", FOREVER_S + 1)
    lab.on().always(Reply(text="one two three four five", pace=Pace(tokens_per_s=20)))
    async with (
        spec.open(site("local"), CompatibleSettings(base_url=lab.base_url, hosting="self")) as provider,
        asyncio.timeout(FOREVER_S / 2),
        aclosing(provider.stream(HELLO)) as stream,
    ):
        events = [event async for event in stream]
    assert isinstance(events[-1], Finished)


async def test_a_line_that_breaks_ends_the_gathering(monkeypatch: pytest.MonkeyPatch) -> None:
    """What broke is told when it is read next, and nobody gathers from a broken line."""

    async def answer(asked: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers=HEAD)
        await response.prepare(asked)
        await response.write(chunk("one "))
        await asyncio.sleep(0.02)
        assert asked.transport is not None
        asked.transport.abort()
        return response

    async with serving(answer) as line, await line.post("/chat/completions", {}) as reading:
        assert b"one" in await reading.read()
        await asyncio.sleep(0.1)
        monkeypatch.setattr(Line, "gather_s", lambda _: FOREVER_S)
        monkeypatch.setattr(transport, "_UNREAD_S", FOREVER_S + 1)
        async with asyncio.timeout(FOREVER_S / 2):
            await reading.gather()


async def test_the_more_answers_are_under_way_the_longer_each_gathers() -> None:
    """One answer is read almost word by word; among hundreds, words lie for up to a quarter of a second."""
    line = Line("http://127.0.0.1:1/v1", "", 5.0)
    alone = line.gather_s()
    for _ in range(2000):
        line.began()
    assert alone < 0.05 < line.gather_s() <= 0.25
    for _ in range(2000):
        line.ended()
    assert line.gather_s() == alone


@pytest.fixture
async def lab() -> AsyncIterator[OpenAISimulator]:
    """A simulated server that answers at once."""
    async with OpenAISimulator() as simulator:
        yield simulator


async def asked_for_models(base_url: str) -> list[str]:
    """The models of a server somewhere else."""
    there = replace(site("there"), proxies=proxies_of())
    async with spec.open(there, CompatibleSettings.model_validate({"base_url": base_url})) as provider:
        return [model.id for model in await provider.models()]


async def test_a_proxy_of_the_environment_is_used_for_servers_elsewhere(
    lab: OpenAISimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What the operator's environment says about the way to the internet holds for models too."""
    monkeypatch.setenv("http_proxy", lab.base_url.removesuffix("/v1"))
    monkeypatch.setenv("no_proxy", "")
    assert await asked_for_models("http://models.invalid/v1") == ["sim-small", "sim-large"]


async def test_no_proxy_stands_between_this_machine_and_itself(
    lab: OpenAISimulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server on this machine is asked directly, whatever the environment says."""
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("no_proxy", "")
    async with (
        spec.open(site("local"), CompatibleSettings(base_url=lab.base_url, hosting="self")) as provider,
        aclosing(provider.stream(HELLO)) as stream,
    ):
        assert [event async for event in stream if isinstance(event, Delta)]


async def test_a_netrc_file_has_no_say(lab: OpenAISimulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The configured key is the one that is sent, though the machine knows others."""
    netrc = tmp_path / "netrc"
    netrc.write_text("default login somebody password else\n", encoding="utf-8")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("http_proxy", lab.base_url.removesuffix("/v1"))
    monkeypatch.setenv("no_proxy", "")
    assert await asked_for_models("http://models.invalid/v1")
