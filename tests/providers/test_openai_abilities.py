"""What OpenAI does beside talking, through the real SDK over a simulated lab."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pydantic import SecretStr

from contracts.rigs.providers import site
from core.exchange import Blob
from core.seams import Abilities
from providers.openai import OpenAISettings, spec
from simulators.responses import ResponsesSimulator
from simulators.responses.abilities import HEARD, PICTURE, SOUND


@pytest_asyncio.fixture
async def lab() -> AsyncIterator[ResponsesSimulator]:
    """The lab."""
    async with ResponsesSimulator() as opened:
        yield opened


@pytest_asyncio.fixture
async def can(lab: ResponsesSimulator) -> AsyncIterator[Abilities]:
    """What it can."""
    settings = OpenAISettings(api_key=SecretStr("sk-test"), base_url=f"{lab.address}/v1")
    async with spec.open(site("openai"), settings) as provider:
        yield provider.abilities


async def test_vectors_come_in_the_order_of_the_texts(lab: ResponsesSimulator, can: Abilities) -> None:
    """The lab numbers them, and may send them in any order."""
    assert can.embedder is not None
    made = await can.embedder.embed(["a", "bc"])
    assert made.vectors == ((1.0, 0.0), (0.0, 1.0))
    assert made.usage.input_tokens == 5
    assert lab.beside.asked[0][1]["model"] == "text-embedding-3-small"


async def test_an_image_is_made_and_changed(lab: ResponsesSimulator, can: Abilities) -> None:
    """Bytes come back, and what they cost."""
    assert can.painter is not None
    made = await can.painter.paint("A red bridge")
    assert made.images == (Blob(mime="image/png", data=PICTURE),)
    assert (made.usage.output_tokens, made.usage.images) == (1000, 1)
    await can.painter.paint("Make it blue", like=made.images)
    assert [path for path, _ in lab.beside.asked] == ["/v1/images/generations", "/v1/images/edits"]


async def test_what_is_said_is_written_down(lab: ResponsesSimulator, can: Abilities) -> None:
    """A voice message becomes words; the lab knows its kind by the name of the file."""
    assert can.listener is not None
    heard = await can.listener.transcribe(Blob(mime="audio/ogg; codecs=opus", data=b"OggS"))
    assert heard.text == HEARD
    assert (heard.usage.input_tokens, heard.usage.output_tokens) == (30, 6)
    assert lab.beside.asked[0][1]["file"] == "sound.ogg"


async def test_a_text_is_read_aloud_in_a_form_that_messengers_take(lab: ResponsesSimulator, can: Abilities) -> None:
    """Ogg with Opus is what a voice message is made of."""
    assert can.speaker is not None
    spoken = await can.speaker.speak("Hello", voice="cedar")
    assert spoken.sound == Blob(mime="audio/ogg", data=SOUND)
    (_, asked), *_ = lab.beside.asked
    assert (asked["voice"], asked["response_format"], asked["input"]) == ("cedar", "opus", "Hello")


@pytest.mark.parametrize("mime", ["audio/mpeg", "audio/wav"])
async def test_other_recordings_are_named_for_what_they_are(lab: ResponsesSimulator, can: Abilities, mime: str) -> None:
    """Wrong names are refused by the lab."""
    assert can.listener is not None
    await can.listener.transcribe(Blob(mime=mime, data=b"..."))
    assert lab.beside.asked[0][1]["file"] == {"audio/mpeg": "sound.mp3", "audio/wav": "sound.wav"}[mime]
