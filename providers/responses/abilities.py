"""What OpenAI does beside talking: vectors, images, listening, speaking.

https://platform.openai.com/docs/api-reference/embeddings , /images , /audio . Its models for reading aloud end on
2027-01-06 without a successor at this address; whoever needs one after that names another provider's.
"""

import base64
from collections.abc import Sequence
from typing import TYPE_CHECKING

from core.errors import ProviderDown
from core.exchange import Blob, Embedded, Painted, Spoken, Transcript, Usage
from core.seams import Abilities
from providers.attachments import picture_kind, sound_name
from providers.sdk import Client
from providers.tokens import estimate

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_EMBEDDING = "text-embedding-3-small"
_IMAGE = "gpt-image-2.6-flare"
_LISTENING = "gpt-transcribe"
_SPEAKING = "gpt-4o-mini-tts"
_VOICE = "marin"
_PAINT_S = 180.0


def abilities(client: "Client[AsyncOpenAI]", within_s: float) -> Abilities:
    """All of them.

    Args:
        within_s: How long one call may take, painting aside.
    """
    return Abilities(
        embedder=_Embedder(client, within_s),
        painter=_Painter(client),
        listener=_Listener(client, within_s),
        speaker=_Speaker(client, within_s),
    )


class _Embedder:
    def __init__(self, client: "Client[AsyncOpenAI]", within_s: float) -> None:
        self._client = client
        self._within_s = within_s

    async def embed(self, texts: Sequence[str], *, model: str = "") -> Embedded:
        """See ``Embedder``."""
        sdk = await self._client.get()
        asked = sdk.embeddings.create(model=model or _EMBEDDING, input=list(texts), encoding_format="float")
        made = await self._client.call(asked, self._within_s)
        rows = sorted(made.data, key=lambda row: row.index)
        if len(rows) != len(texts):
            raise ProviderDown(f"{len(rows)} vectors for {len(texts)} texts")
        vectors = tuple(tuple(row.embedding) for row in rows)
        return Embedded(vectors=vectors, usage=Usage(input_tokens=made.usage.prompt_tokens))


class _Painter:
    def __init__(self, client: "Client[AsyncOpenAI]") -> None:
        self._client = client

    async def paint(self, description: str, *, model: str = "", like: Sequence[Blob] = ()) -> Painted:
        """See ``Painter``."""
        sdk = await self._client.get()
        name = model or _IMAGE
        if like:
            files = [(f"image{number}.{picture_kind(blob)}", blob.data, blob.mime) for number, blob in enumerate(like)]
            made = await self._client.call(
                sdk.images.edit(model=name, prompt=description, image=files, output_format="png"), _PAINT_S
            )
        else:
            made = await self._client.call(
                sdk.images.generate(model=name, prompt=description, output_format="png"), _PAINT_S
            )
        images = tuple(
            Blob(mime="image/png", data=base64.b64decode(image.b64_json))
            for image in made.data or ()
            if image.b64_json is not None
        )
        told = made.usage
        return Painted(
            images=images,
            usage=Usage(
                input_tokens=told.input_tokens if told else estimate(description),
                output_tokens=told.output_tokens if told else 0,
                images=len(images),
            ),
        )


class _Listener:
    def __init__(self, client: "Client[AsyncOpenAI]", within_s: float) -> None:
        self._client = client
        self._within_s = within_s

    async def transcribe(self, sound: Blob, *, model: str = "") -> Transcript:
        """See ``Listener``."""
        sdk = await self._client.get()
        file = (sound_name(sound.mime), sound.data, sound.mime.partition(";")[0])
        asked = sdk.audio.transcriptions.create(model=model or _LISTENING, file=file, response_format="json")
        made = await self._client.call(asked, self._within_s)
        told = made.usage
        if told is not None and told.type == "tokens":
            usage = Usage(input_tokens=told.input_tokens, output_tokens=told.output_tokens)
        else:
            usage = Usage(output_tokens=estimate(made.text), seconds=float(told.seconds) if told is not None else 0.0)
        return Transcript(text=made.text, usage=usage)


class _Speaker:
    def __init__(self, client: "Client[AsyncOpenAI]", within_s: float) -> None:
        self._client = client
        self._within_s = within_s

    async def speak(self, text: str, *, model: str = "", voice: str = "") -> Spoken:
        """See ``Speaker``. Ogg with Opus, which messengers take as a voice message."""
        sdk = await self._client.get()
        asked = sdk.audio.speech.create(
            model=model or _SPEAKING, input=text, voice=voice or _VOICE, response_format="opus"
        )
        made = await self._client.call(asked, self._within_s)
        sound = Blob(mime="audio/ogg", data=await self._client.call(made.aread(), self._within_s))
        return Spoken(sound=sound, usage=Usage(input_tokens=estimate(text)))
