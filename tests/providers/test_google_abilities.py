"""What Google does beside talking, through the real SDK over a simulated lab."""

import io
import json
import wave
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from pydantic import SecretStr

from contracts.rigs.providers import site
from core.errors import ProviderBusy, ProviderDown
from core.exchange import Blob
from core.seams import Abilities
from providers.google import GoogleSettings, spec
from simulators.google import GoogleSimulator
from simulators.google.abilities import HEARD, PICTURE, SAMPLES


@pytest_asyncio.fixture
async def lab() -> AsyncIterator[GoogleSimulator]:
    """The lab."""
    async with GoogleSimulator() as opened:
        yield opened


@pytest_asyncio.fixture
async def can(lab: GoogleSimulator) -> AsyncIterator[Abilities]:
    """What it can, with two keys."""
    settings = GoogleSettings(api_key=SecretStr("one,two"), base_url=lab.address)
    async with spec.open(site("google"), settings) as provider:
        yield provider.abilities


async def test_vectors_have_length_one(lab: GoogleSimulator, can: Abilities) -> None:
    """The lab's own are longer where they were shortened."""
    assert can.embedder is not None
    made = await can.embedder.embed(["one", "two"])
    assert made.vectors == ((0.6, 0.8), (0.6, 0.8))
    assert lab.beside.asked[0][0] == "gemini-embedding-2"


async def test_an_image_is_made_and_changed(lab: GoogleSimulator, can: Abilities) -> None:
    """Bytes come back, and what they cost."""
    assert can.painter is not None
    made = await can.painter.paint("A red bridge")
    assert made.images == (Blob(mime="image/png", data=PICTURE),)
    assert (made.usage.input_tokens, made.usage.output_tokens, made.usage.images) == (11, 7, 1)
    await can.painter.paint("Make it blue", like=made.images)
    assert "inlineData" in lab.beside.asked[1][2]["contents"][0]["parts"][0]


async def test_what_is_said_is_written_down(lab: GoogleSimulator, can: Abilities) -> None:
    """A voice message becomes words."""
    assert can.listener is not None
    assert (await can.listener.transcribe(Blob(mime="audio/ogg; codecs=opus", data=b"OggS"))).text == HEARD
    assert '"audio/ogg"' in json.dumps(lab.beside.asked[0][2])


async def test_a_text_is_read_aloud_into_a_file_that_can_be_played(can: Abilities) -> None:
    """The lab sends bare samples."""
    assert can.speaker is not None
    spoken = await can.speaker.speak("Hello")
    assert spoken.sound.mime == "audio/wav"
    with wave.open(io.BytesIO(spoken.sound.data)) as file:
        assert (file.getframerate(), file.getnchannels(), file.readframes(1000)) == (24_000, 1, SAMPLES)


async def test_a_key_at_its_limit_is_followed_by_the_next_one(lab: GoogleSimulator, can: Abilities) -> None:
    """Only when none is left is it an error, with the wait that Google puts into the error itself."""
    assert can.speaker is not None
    lab.beside.barred.add("one")
    await can.speaker.speak("Hello")
    lab.beside.barred.add("two")
    with pytest.raises(ProviderBusy) as busy:
        await can.speaker.speak("Hello")
    assert busy.value.retry_after_s == 9.0


async def test_painting_may_take_longer_than_a_first_word(lab: GoogleSimulator) -> None:
    """An image takes minutes, now and then; everything else is there in seconds, or not at all."""
    settings = GoogleSettings(api_key=SecretStr("one"), base_url=lab.address)
    async with spec.open(site("google", first_token_s=5.0), settings) as provider:
        can = provider.abilities
        assert can.painter is not None
        assert can.embedder is not None
        await can.embedder.embed(["warm"])
    async with spec.open(site("google", first_token_s=0.5), settings) as provider:
        can = provider.abilities
        assert can.painter is not None
        assert can.embedder is not None
        lab.beside.takes_s = 0.8
        assert (await can.painter.paint("a river")).images
        with pytest.raises(ProviderDown):
            await can.embedder.embed(["one"])
