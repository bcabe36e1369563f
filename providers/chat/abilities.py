"""What a server of OpenAI's protocol does beside talking: vectors, images, listening, speaking.

https://platform.openai.com/docs/api-reference/embeddings , /images , /audio . Which of them a server knows nobody can
ask it: the operator names a model for each.
"""

import asyncio
import base64
import math
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

from core.errors import ProviderDown
from core.exchange import Blob, Embedded, Painted, Spoken, Transcript, Usage
from providers.attachments import mime_of, picture_kind, sound_name
from providers.stream import number
from providers.tokens import estimate
from providers.transport import Line, Upload
from providers.words import JSON

_PAINT_S = 180.0


class _Ability:
    """One of them.

    Args:
        model: Used where nobody asks for another.
        within_s: How long one call may take.
    """

    def __init__(self, line: Line, model: str, within_s: float) -> None:
        self._line = line
        self._model = model
        self._within_s = within_s

    @asynccontextmanager
    async def _asking(self, what: str) -> AsyncIterator[None]:
        """Around a call and the reading of its answer, which may hold anything."""
        try:
            async with asyncio.timeout(self._within_s):
                yield
        except TimeoutError as late:
            raise ProviderDown(f"no {what} within {self._within_s:g} s") from late
        except (ValueError, KeyError, TypeError, AttributeError) as garbled:
            raise ProviderDown(f"the answer holds no {what}: {garbled}") from garbled


class Embedder(_Ability):
    """See ``Embedder`` of the seams."""

    async def embed(self, texts: Sequence[str], *, model: str = "") -> Embedded:
        """See ``Embedder`` of the seams."""
        body: JSON = {"model": model or self._model, "input": list(texts), "encoding_format": "float"}
        async with self._asking("vectors"):
            said: Any = await self._line.ask("/embeddings", body)
            rows = sorted(said["data"], key=lambda row: row["index"])
            vectors = tuple(_unit(row["embedding"]) for row in rows)
        if len(vectors) != len(texts):
            raise ProviderDown(f"{len(vectors)} vectors for {len(texts)} texts")
        tokens = number(said, "usage", "prompt_tokens") or sum(map(estimate, texts))
        return Embedded(vectors=vectors, usage=Usage(input_tokens=tokens))


class Painter(_Ability):
    """See ``Painter`` of the seams."""

    def __init__(self, line: Line, model: str) -> None:
        super().__init__(line, model, _PAINT_S)

    async def paint(self, description: str, *, model: str = "", like: Sequence[Blob] = ()) -> Painted:
        """See ``Painter`` of the seams."""
        asked = {"model": model or self._model, "prompt": description, "response_format": "b64_json"}
        async with self._asking("image"):
            if like:
                said: Any = await self._line.ask_form("/images/edits", asked, [_uploaded(blob) for blob in like])
            else:
                said = await self._line.ask("/images/generations", {**asked, "n": 1})
            data = [base64.b64decode(one["b64_json"], validate=True) for one in said["data"]]
        usage = Usage(
            input_tokens=number(said, "usage", "input_tokens") or estimate(description),
            output_tokens=number(said, "usage", "output_tokens"),
            images=len(data),
        )
        return Painted(images=tuple(Blob(mime=mime_of(one) or "image/png", data=one) for one in data), usage=usage)


class Listener(_Ability):
    """See ``Listener`` of the seams."""

    async def transcribe(self, sound: Blob, *, model: str = "") -> Transcript:
        """See ``Listener`` of the seams."""
        mime = sound.mime.partition(";")[0]
        file = Upload(field="file", name=sound_name(mime), mime=mime, data=sound.data)
        asked = {"model": model or self._model, "response_format": "json"}
        async with self._asking("words"):
            said: Any = await self._line.ask_form("/audio/transcriptions", asked, [file])
            text = str(said["text"])
        usage = Usage(
            input_tokens=number(said, "usage", "input_tokens"),
            output_tokens=number(said, "usage", "output_tokens") or estimate(text),
            seconds=float(number(said, "usage", "seconds")),
        )
        return Transcript(text=text.strip(), usage=usage)


class Speaker(_Ability):
    """See ``Speaker`` of the seams.

    Args:
        voice: Used where nobody asks for another; "" leaves it to the server.
    """

    def __init__(self, line: Line, model: str, within_s: float, voice: str) -> None:
        super().__init__(line, model, within_s)
        self._voice = voice

    async def speak(self, text: str, *, model: str = "", voice: str = "") -> Spoken:
        """See ``Speaker`` of the seams. Ogg with Opus where the server knows that, as messengers take it."""
        body: JSON = {"model": model or self._model, "input": text, "response_format": "opus"}
        if voice or self._voice:
            body["voice"] = voice or self._voice
        async with self._asking("sound"):
            mime, data = await self._line.ask_bytes("/audio/speech", body)
        if not data or mime == "application/json":
            raise ProviderDown("the answer holds no sound")
        mime = "audio/ogg" if data.startswith(b"OggS") else mime
        return Spoken(sound=Blob(mime=mime, data=data), usage=Usage(input_tokens=estimate(text)))


def _unit(values: Sequence[float]) -> tuple[float, ...]:
    length = math.sqrt(math.fsum(value * value for value in values)) or 1.0
    return tuple(value / length for value in values)


def _uploaded(blob: Blob) -> Upload:
    return Upload(field="image", name=f"image.{picture_kind(blob)}", mime=blob.mime, data=blob.data)
