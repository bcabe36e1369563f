"""Finding servers on this machine: what counts as one, and that looking costs little."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import replace

import pytest
from aiohttp import web

from contracts.rigs.providers import site
from core.errors import ProviderDown, ProviderError, ProviderRefusedUs
from providers.compatible import spec
from providers.discovery import models_at
from servers import settings
from simulators.openai import OpenAISimulator


@asynccontextmanager
async def listening(response: web.Response | None) -> AsyncIterator[int]:
    """Somebody on a port who answers everything so, or not at all; yields the port."""

    async def answer(_: web.Request) -> web.Response:
        if response is None:
            await asyncio.sleep(30)
        return response or web.Response()

    app = web.Application()
    app.router.add_route("*", "/{any:.*}", answer)
    runner = web.AppRunner(app, shutdown_timeout=0.1, handler_cancellation=True)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()


@pytest.mark.parametrize(
    "response",
    [
        web.Response(text="<html>It works!</html>", content_type="text/html"),
        web.Response(status=404),
        web.Response(status=401),
        web.json_response([1, 2, 3]),
        web.json_response({"data": []}),
        web.json_response({"object": "list", "data": [{"id": "nomic-embed-text", "object": "model"}]}),
        web.Response(body=b"\xff\xfe", content_type="application/json"),
        web.HTTPFound("/elsewhere"),
        None,
    ],
    ids=["page", "404", "401", "json", "no-model", "embeddings-only", "bytes", "redirect", "silence"],
)
async def test_what_is_no_model_server_is_none(response: web.Response | None) -> None:
    """Only a list with a model that can chat counts; anything else on the port is left alone, and not waited for."""
    async with listening(response) as port:
        began = time.monotonic()
        with suppress(ProviderError):
            assert await models_at(f"http://127.0.0.1:{port}/v1", "", 0.3) == ()
        assert time.monotonic() - began < 1


async def test_a_servers_models_are_listed_in_its_order() -> None:
    """What runs on this machine is told with its models, as its own."""
    async with OpenAISimulator() as lab:
        models = await models_at(lab.base_url, "", 1)
    assert [model.id for model in models] == ["sim-small", "sim-large"]
    assert {model.hosting for model in models} == {"self"}


async def test_why_there_are_no_models_is_told() -> None:
    """An operator who named the server sees what is wrong with it."""
    async with OpenAISimulator(keys=frozenset({"k"})) as lab:
        assert await models_at(lab.base_url, "k", 1)
        with pytest.raises(ProviderRefusedUs):
            await models_at(lab.base_url, "wrong", 1)
    with pytest.raises(ProviderDown, match=lab.base_url):
        await models_at(lab.base_url, "k", 1)


def test_looking_imports_no_sdk() -> None:
    """Whoever has no such server pays nothing for having none."""
    code = (
        "import asyncio, sys; from providers.discovery import models_at\n"
        "try: asyncio.run(models_at('http://127.0.0.1:1/v1', '', 0.2))\nexcept Exception: pass\n"
        "print(sorted({'openai', 'httpx2', 'aiohttp', 'xllamacpp'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_this_process_is_not_asked_for_models() -> None:
    """Where our own server listens at a port that model servers use, it is no model server."""
    async with OpenAISimulator() as lab:
        place = replace(site("llamacpp", connect_s=1.0), is_own=lambda url: url == lab.base_url)
        async with spec.open(place, settings(lab.base_url)) as provider:
            with pytest.raises(ProviderDown, match="Waystation itself"):
                await provider.models()
