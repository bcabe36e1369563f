"""What tests of the compatible provider share: a server's settings, short requests, and their answers."""

from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from aiohttp import web

from contracts.rigs.providers import said
from core.exchange import Entry, Finished, ModelEvent, Request, ToolSchema
from providers.compatible import Compatible, CompatibleSettings


def settings(base_url: str, **more: object) -> CompatibleSettings:
    """Settings of a server on this machine."""
    return CompatibleSettings.model_validate({"base_url": base_url, "hosting": "self", **more})


def request(*entries: Entry, model: str = "sim-small", tools: tuple[ToolSchema, ...] = ()) -> Request:
    """A request, by default a short one."""
    return Request(model=model, entries=entries or (said("Hello?"),), tools=tools)


async def ask(server: Compatible, asked: Request) -> list[ModelEvent]:
    """All events of one answer."""
    async with aclosing(server.stream(asked)) as stream:
        return [event async for event in stream]


def end(events: list[ModelEvent]) -> Finished:
    """The end of an answer."""
    assert isinstance(events[-1], Finished)
    return events[-1]


@asynccontextmanager
async def serving(app: web.Application) -> AsyncIterator[str]:
    """A server on loopback; where its version 1 is."""
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"http://127.0.0.1:{runner.addresses[0][1]}/v1"
    finally:
        await runner.cleanup()
