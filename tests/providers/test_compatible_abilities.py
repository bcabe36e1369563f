"""What a server of OpenAI's protocol does beside talking, over the wire."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest
import pytest_asyncio
from aiohttp import web

from contracts.rigs.providers import site
from core.errors import ProviderDown, ProviderError
from core.exchange import Blob
from core.seams import Abilities
from providers.compatible import spec
from servers import serving, settings
from simulators.responses.abilities import HEARD, PICTURE, SOUND, Beside


@asynccontextmanager
async def abilities(base_url: str, **more: object) -> AsyncIterator[Abilities]:
    """Those of a server, for which a model each is named."""
    named = {"embeddings": "e", "image_generation": "p", "transcription": "l", "speech": "s", **more}
    async with spec.open(site("c"), settings(base_url, **named)) as provider:
        yield provider.abilities


@pytest_asyncio.fixture
async def server() -> AsyncIterator[tuple[Beside, str]]:
    """One that can all of it."""
    beside, app = Beside(), web.Application()
    beside.route(app.router)
    async with serving(app) as base_url:
        yield beside, base_url


async def test_an_image_is_made_and_changed(server: tuple[Beside, str]) -> None:
    """By the model that was named; what kind it is, its bytes tell."""
    beside, base_url = server
    async with abilities(base_url) as can:
        assert can.painter is not None
        made = await can.painter.paint("A red bridge")
        assert made.images == (Blob(mime="image/png", data=PICTURE),)
        assert (made.usage.output_tokens, made.usage.images) == (1000, 1)
        await can.painter.paint("Make it blue", like=made.images)
    (first, asked), (second, form) = beside.asked
    assert (first, asked["model"], asked["prompt"]) == ("/v1/images/generations", "p", "A red bridge")
    assert (second, form["image"], form["model"]) == ("/v1/images/edits", "image.png", "p")


async def test_what_is_said_is_written_down(server: tuple[Beside, str]) -> None:
    """A voice message becomes words."""
    beside, base_url = server
    async with abilities(base_url) as can:
        assert can.listener is not None
        heard = await can.listener.transcribe(Blob(mime="audio/ogg; codecs=opus", data=b"OggS"))
    assert heard.text == HEARD
    assert heard.usage.input_tokens == 30
    ((_, form),) = beside.asked
    assert (form["file"], form["model"]) == ("sound.ogg", "l")


@pytest.mark.parametrize("voice, wanted", [("", None), ("anna", "anna")])
async def test_a_text_is_read_aloud(server: tuple[Beside, str], voice: str, wanted: str | None) -> None:
    """As Ogg with Opus, by the voice that was named, if any was."""
    beside, base_url = server
    async with abilities(base_url, voice=voice) as can:
        assert can.speaker is not None
        assert (await can.speaker.speak("Hello")).sound == Blob(mime="audio/ogg", data=SOUND)
    ((_, asked),) = beside.asked
    assert (asked["model"], asked["input"], asked.get("voice")) == ("s", "Hello", wanted)


async def test_nothing_is_claimed_for_which_no_model_is_named(server: tuple[Beside, str]) -> None:
    """Nobody can ask a server what it knows."""
    none = dict.fromkeys(("embeddings", "image_generation", "transcription", "speech"), "")
    async with abilities(server[1], **none) as can:
        assert can == Abilities()


@pytest.mark.parametrize(
    "answer",
    [
        lambda: web.json_response({}),
        lambda: web.json_response({"data": "no"}),
        lambda: web.json_response({"data": [{"b64_json": "!!"}], "text": None}),
        lambda: web.Response(text="<html>", content_type="text/html"),
        lambda: web.json_response({"error": {"message": "no such path"}}, status=404),
    ],
    ids=["nothing", "another type", "no base64", "a page", "404"],
)
async def test_what_makes_no_sense_is_the_servers_fault(answer: Callable[[], web.Response]) -> None:
    """And said in our kinds."""

    async def handle(_: web.Request) -> web.Response:
        return answer()

    app = web.Application()
    app.router.add_post("/v1/{rest:.*}", handle)
    async with serving(app) as base_url, abilities(base_url) as can:
        assert can.painter is not None
        with pytest.raises(ProviderError):
            await can.painter.paint("x")
        assert can.embedder is not None
        with pytest.raises(ProviderError):
            await can.embedder.embed(["x"])


async def test_a_server_that_never_answers_is_not_waited_for_for_ever() -> None:
    """As long as for a first token."""

    async def never(_: web.Request) -> web.Response:
        await asyncio.sleep(3600)
        return web.Response()

    app = web.Application()
    app.router.add_post("/v1/{rest:.*}", never)
    hurried = replace(site("c"), first_token_s=0.1)
    async with serving(app) as base_url, spec.open(hurried, settings(base_url, speech="s")) as provider:
        assert provider.abilities.speaker is not None
        with pytest.raises(ProviderDown, match=r"no sound within 0\.1 s"):
            await provider.abilities.speaker.speak("Hello")
