"""The compatible provider's further ways: images, sources, vectors, and how long to think."""

import base64
from collections.abc import AsyncGenerator
from dataclasses import replace
from typing import cast

import pytest
from aiohttp import web

from contracts.rigs.providers import PNG, said, site
from core.exchange import Entry, Part, Request
from core.values import Media
from providers.chat import listing
from providers.compatible import Compatible, spec
from servers import ask, end, request, serving, settings
from simulators.openai import OpenAISimulator, Reply, status


async def shelf(media: Media) -> AsyncGenerator[bytes, None]:
    """Every file is a tiny image."""
    del media
    yield PNG


def looking(model: str) -> Request:
    """A question about a picture."""
    photo = Media(adapter="telegram", ref="x", kind="photo", mime="image/png", name="cat.png")
    parts = (Part(kind="text", body="What is it?"), Part(kind="media", media=photo))
    return Request(model=model, entries=(Entry(role="user", parts=parts),))


async def test_a_model_that_sees_is_shown_the_image() -> None:
    """By its name, or where the operator says so; others are told of it in words."""
    async with OpenAISimulator(models={"qwen3-vl": None, "sim-small": None}) as lab:
        for model, images, seen in (("qwen3-vl", None, True), ("sim-small", None, False), ("sim-small", True, True)):
            told = settings(lab.base_url, images=images)
            async with spec.open(replace(site("c"), fetch=shelf), told) as server:
                assert {one.id: one.images for one in await server.models()}[model] is seen
                await ask(cast("Compatible", server), looking(model))
            content = lab.requests[-1].messages[-1]["content"]
            assert (base64.b64encode(PNG).decode() in str(content)) is seen
        assert lab.violations == []


@pytest.mark.parametrize(
    "model, sees",
    [
        ("qwen3:8b", False),
        ("Qwen3-8B-GGUF", False),
        ("qwen3.5-plus", True),
        ("qwen3.6:27b", True),
        ("qwen3-vl:8b", True),
    ],
)
def test_a_size_is_no_version(model: str, *, sees: bool) -> None:
    """A small one of the third line sees nothing; those after 3.5 do."""
    assert listing.sees(model, None) is sees


async def test_a_model_that_turns_out_to_be_blind_is_told_in_words() -> None:
    """Its complaint costs one request, once."""
    async with OpenAISimulator(models={"some-vision": None}) as lab:
        lab.on().reply(status(400, message="image_url is only supported by certain models"))
        async with spec.open(replace(site("c"), fetch=shelf), settings(lab.base_url)) as server:
            for _ in range(2):
                assert end(await ask(cast("Compatible", server), looking("some-vision"))).reason == "stop"
            assert [model.images for model in await server.models()] == [False]
        shown = ["image_url" in str(request.messages) for request in lab.requests]
        assert shown == [True, False, False]


@pytest.mark.parametrize(
    "extra",
    [
        {"citations": ["https://a.org", "https://b.org"]},
        {"annotations": [{"type": "url_citation", "url_citation": {"url": "https://a.org", "title": "A"}}]},
    ],
)
async def test_sources_that_a_server_tells_are_kept(extra: dict[str, object]) -> None:
    """As xAI and Perplexity tell them, and as OpenRouter does."""
    async with OpenAISimulator() as lab:
        lab.on().reply(Reply(text="It rains.", extra=extra))
        async with spec.open(site("c"), settings(lab.base_url)) as server:
            parts = end(await ask(cast("Compatible", server), request(said("Weather?")))).parts
        told = [part.body for part in parts if part.kind == "citation"]
        assert told == ["https://a.org", "https://b.org"][: len(told)]
        assert told


async def test_vectors_are_made_by_the_model_that_was_named() -> None:
    """In the order of the texts, each of length 1; without a name there are none."""

    async def embed(asked: web.Request) -> web.Response:
        body = await asked.json()
        assert body["model"] == "nomic"
        rows = [{"index": place, "embedding": [3.0, 4.0 * place]} for place in range(len(body["input"]))]
        return web.json_response({"data": rows[::-1], "usage": {"prompt_tokens": 7}})

    app = web.Application()
    app.router.add_post("/v1/embeddings", embed)
    async with serving(app) as base_url:
        async with spec.open(site("c"), settings(base_url, embeddings="nomic")) as server:
            assert server.abilities.embedder is not None
            made = await server.abilities.embedder.embed(["a", "b"])
        assert made.vectors == ((1.0, 0.0), (0.6, 0.8))
        assert made.usage.input_tokens == 7
        async with spec.open(site("c"), settings(base_url)) as server:
            assert server.abilities.embedder is None


async def test_how_long_to_think_is_passed_on_and_left_out_where_it_is_refused() -> None:
    """A plain server knows no such option."""
    async with OpenAISimulator() as lab:
        async with spec.open(site("c"), settings(lab.base_url)) as server:
            hard = replace(request(said("Hard?")), effort="high")
            await ask(cast("Compatible", server), hard)
            lab.on().reply(status(400, message="Unrecognized request argument supplied: reasoning_effort"))
            for _ in range(2):
                await ask(cast("Compatible", server), hard)
        asked = [request.body.get("reasoning_effort") for request in lab.requests]
        assert asked == ["high", "high", None, None]
        assert lab.violations == []
