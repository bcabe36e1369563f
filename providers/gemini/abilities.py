"""What Google does beside talking: vectors, images, listening, speaking, by its SDK.

https://ai.google.dev/gemini-api/docs/embeddings , /image-generation , /audio , /speech-generation
"""

import asyncio
import importlib
import io
import math
import re
import wave
from collections.abc import Awaitable, Callable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from core.errors import ProviderDown
from core.exchange import Blob, Embedded, Painted, Spoken, Transcript, Usage
from core.models.keys import Keys
from core.proxies import NO_PROXIES, Proxies
from core.seams import Abilities
from providers.faults import refusal
from providers.tokens import estimate

if TYPE_CHECKING:
    import aiohttp

_EMBEDDING = "gemini-embedding-2"
_IMAGE = "gemini-nano-banana-2.1"
_LISTENING = "gemini-3.5-transcribe"
_SPEAKING = "gemini-3.8-flash-tts"
_VOICE = "Kore"
_LISTEN = "Write down word for word what is said in this recording, and nothing else."
_RATE = re.compile(r"rate=(\d+)")
_USUAL_RATE = 24_000
_PAINT_S = 180.0

T = TypeVar("T")


class Sdk:
    """The SDK's clients, one a key, made when they are first needed: the import takes a second.

    Args:
        within_s: How long one call may take.
    """

    def __init__(self, keys: Keys, base_url: str, within_s: float, proxies: Proxies = NO_PROXIES) -> None:
        self._keys = keys
        self._base_url = base_url
        self._within_s = within_s
        self._proxies = proxies
        self._clients: dict[str, Any] = {}
        self._session: aiohttp.ClientSession | None = None

    async def types(self) -> Any:  # noqa: ANN401 - the SDK's module of types
        """What requests are made of."""
        return (await asyncio.to_thread(importlib.import_module, "google.genai")).types

    async def call(self, ask: Callable[[Any], Awaitable[T]], within_s: float | None = None) -> T:
        """Ask the lab, given the asynchronous half of a client.

        Args:
            within_s: How long it may take, where that is not as usual.

        Raises:
            ProviderError: The lab did not do it.
        """
        genai = await asyncio.to_thread(importlib.import_module, "google.genai")
        return await self._keys.using(lambda key: self._call(genai, key, ask, within_s or self._within_s))

    async def close(self) -> None:
        """Close its connections, if there are any."""
        if self._session is not None:
            await self._session.close()

    async def _call(
        self,
        genai: Any,  # noqa: ANN401 - a module
        key: str,
        ask: Callable[[Any], Awaitable[T]],
        within_s: float,
    ) -> T:
        import aiohttp

        if self._session is None:
            sessions = importlib.import_module("core.egress.sessions")
            self._session = sessions.open_session(self._proxies)
        if key not in self._clients:
            options = genai.types.HttpOptions(
                base_url=self._base_url,
                api_version="v1beta",  # reading aloud is on no other
                timeout=int(max(self._within_s, _PAINT_S) * 1000),  # how long a call may take is said with it
                retry_options=genai.types.HttpRetryOptions(attempts=1),
                aiohttp_client=self._session,
            )
            self._clients[key] = genai.Client(api_key=key, http_options=options)
        try:
            async with asyncio.timeout(within_s):
                return await ask(self._clients[key].aio)
        except TimeoutError as late:
            raise ProviderDown(f"no answer within {within_s:g} s") from late
        except genai.errors.APIError as error:
            raise refusal(error.code, error.details or error.message) from error
        except (aiohttp.ClientError, OSError) as error:
            raise ProviderDown(f"no connection, or one that broke: {str(error) or type(error).__name__}") from error


def abilities(sdk: Sdk) -> Abilities:
    """All of them."""
    return Abilities(embedder=_Embedder(sdk), painter=_Painter(sdk), listener=_Listener(sdk), speaker=_Speaker(sdk))


class _Embedder:
    def __init__(self, sdk: Sdk) -> None:
        self._sdk = sdk

    async def embed(self, texts: Sequence[str], *, model: str = "") -> Embedded:
        """See ``Embedder``."""
        types, name = await self._sdk.types(), model or _EMBEDDING
        # Bare strings would be taken for the parts of one content, and become one vector.
        contents = [types.Content(parts=[types.Part(text=text)]) for text in texts]
        made = await self._sdk.call(lambda client: client.models.embed_content(model=name, contents=contents))
        rows = made.embeddings or []
        if len(rows) != len(texts):
            raise ProviderDown(f"{len(rows)} vectors for {len(texts)} texts")
        vectors = tuple(_unit(row.values or []) for row in rows)
        return Embedded(vectors=vectors, usage=Usage(input_tokens=sum(map(estimate, texts))))


class _Painter:
    def __init__(self, sdk: Sdk) -> None:
        self._sdk = sdk

    async def paint(self, description: str, *, model: str = "", like: Sequence[Blob] = ()) -> Painted:
        """See ``Painter``."""
        types = await self._sdk.types()
        contents = [types.Part.from_bytes(data=blob.data, mime_type=blob.mime) for blob in like]
        config = types.GenerateContentConfig(response_modalities=["IMAGE"])
        made = await self._sdk.call(
            lambda client: client.models.generate_content(
                model=model or _IMAGE, contents=[*contents, description], config=config
            ),
            _PAINT_S,
        )
        images = tuple(_blobs(made))
        if not images:
            raise ProviderDown("the lab made no image of it")
        return Painted(images=images, usage=_usage(made, images=len(images)))


class _Listener:
    def __init__(self, sdk: Sdk) -> None:
        self._sdk = sdk

    async def transcribe(self, sound: Blob, *, model: str = "") -> Transcript:
        """See ``Listener``."""
        types = await self._sdk.types()
        part = types.Part.from_bytes(data=sound.data, mime_type=sound.mime.partition(";")[0])
        made = await self._sdk.call(
            lambda client: client.models.generate_content(model=model or _LISTENING, contents=[part, _LISTEN])
        )
        return Transcript(text=(made.text or "").strip(), usage=_usage(made))


class _Speaker:
    def __init__(self, sdk: Sdk) -> None:
        self._sdk = sdk

    async def speak(self, text: str, *, model: str = "", voice: str = "") -> Spoken:
        """See ``Speaker``. The lab sends bare samples; they become a WAV file."""
        types = await self._sdk.types()
        named = types.PrebuiltVoiceConfig(voice_name=voice or _VOICE)
        config = types.GenerateContentConfig(
            response_modalities=["AUDIO"],
            speech_config=types.SpeechConfig(voice_config=types.VoiceConfig(prebuilt_voice_config=named)),
        )
        made = await self._sdk.call(
            lambda client: client.models.generate_content(model=model or _SPEAKING, contents=text, config=config)
        )
        for blob in _blobs(made):
            return Spoken(sound=_wav(blob), usage=_usage(made))
        raise ProviderDown("the lab said nothing")


def _blobs(made: Any) -> list[Blob]:  # noqa: ANN401 - the SDK's type
    content = made.candidates[0].content if made.candidates else None
    parts = (content.parts if content is not None else None) or []
    files = [part.inline_data for part in parts if part.inline_data]
    return [Blob(mime=file.mime_type or "", data=file.data) for file in files]


def _usage(made: Any, images: int = 0) -> Usage:  # noqa: ANN401 - the SDK's type
    told = made.usage_metadata
    if told is None:
        return Usage(images=images)
    return Usage(
        input_tokens=told.prompt_token_count or 0,
        output_tokens=(told.candidates_token_count or 0) + (told.thoughts_token_count or 0),
        images=images,
    )


def _unit(values: Sequence[float]) -> tuple[float, ...]:
    length = math.sqrt(math.fsum(value * value for value in values)) or 1.0
    return tuple(value / length for value in values)


def _wav(samples: Blob) -> Blob:
    """Sixteen-bit samples of one channel as a file."""
    rate = _RATE.search(samples.mime)
    file = io.BytesIO()
    with wave.open(file, "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(int(rate[1]) if rate else _USUAL_RATE)
        out.writeframes(samples.data)
    return Blob(mime="audio/wav", data=file.getvalue())
