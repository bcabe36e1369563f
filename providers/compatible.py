"""Any server of OpenAI's chat-completions protocol: xAI, Alibaba, vLLM, Ollama, llama.cpp, LM Studio and more.

What the protocol means is in ``providers/chat``, how it travels in ``providers/transport.py``; here is one server, from
its settings to its answers, and how long it is waited for.
"""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable, Mapping
from contextlib import aclosing, asynccontextmanager
from dataclasses import replace
from functools import partial
from typing import Literal

from pydantic import BaseModel, ConfigDict, SecretStr, field_validator

from core.errors import ProviderDown
from core.exchange import Model, ModelEvent, Request
from core.models.keys import Keys
from core.seams import Abilities, ProviderSpec
from core.site import ProviderSite, Spec
from core.values import Media
from providers import discovery, transport
from providers.attachments import Shown
from providers.chat import listing
from providers.chat.abilities import Embedder, Listener, Painter, Speaker
from providers.chat.answer import Answer
from providers.chat.prompt import LIMITS, functions, messages
from providers.chat.thinking import Habits
from providers.gallery import gallery
from providers.repairs import Attempt, Repairs, repaired
from providers.sse import Frames, parsed
from providers.tokens import weight
from providers.words import JSON

_TAIL_S = 5.0  # for the usage, after the model has said that it is done


class CompatibleSettings(BaseModel):
    """One section of ``[providers]`` whose ``kind`` is ``compatible``.

    Attributes:
        api_key: Or several, separated by commas; ``api_keys`` are further ones. The next is used where one is refused
            or has reached its limit.
        base_url: Up to and including the version: ``https://api.x.ai/v1``.
        hosting: ``self`` where prompts stay on machines of yours; such a server may go without a key.
        models: What to offer, best first; empty to ask the server.
        images: Whether its models see images; left out, their names tell.
        embeddings: The model that makes vectors, "" for none; likewise ``image_generation``, ``transcription`` (speech
            into text) and ``speech`` (text into speech, by ``voice``).
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    api_key: SecretStr = SecretStr("")
    api_keys: tuple[SecretStr, ...] = ()
    base_url: str = ""
    hosting: Literal["hosted", "self"] = "hosted"
    models: tuple[str, ...] = ()
    images: bool | None = None
    embeddings: str = ""
    image_generation: str = ""
    transcription: str = ""
    speech: str = ""
    voice: str = ""

    @field_validator("base_url")
    @classmethod
    def _is_address(cls, base_url: str) -> str:
        if base_url and not base_url.startswith(("http://", "https://")):
            raise ValueError("base_url must begin with http:// or https://")
        return base_url.rstrip("/")


class Compatible:
    """One server."""

    def __init__(self, site: ProviderSite, settings: CompatibleSettings) -> None:
        self._site = site
        self._settings = settings
        self._keys = _keys(settings)
        self._line = transport.Line(settings.base_url, self._keys, site.connect_s, proxies=site.proxies)
        self._repairs = Repairs("chat")
        self._habits = Habits()

    @property
    def name(self) -> str:
        """The name as configured."""
        return self._site.name

    @property
    def abilities(self) -> Abilities:
        """Those the operator has named a model for."""
        named, line, within_s = self._settings, self._line, self._site.first_token_s
        return Abilities(
            embedder=Embedder(line, named.embeddings, within_s) if named.embeddings else None,
            painter=Painter(line, named.image_generation) if named.image_generation else None,
            listener=Listener(line, named.transcription, within_s) if named.transcription else None,
            speaker=Speaker(line, named.speech, within_s, named.voice) if named.speech else None,
        )

    async def models(self) -> tuple[Model, ...]:
        """The configured models, else what the server says it has."""
        hosting = self._settings.hosting
        models = tuple(Model(id=identity, hosting=hosting) for identity in self._settings.models)
        found = (replace(model, images=self._sees(model.id)) for model in models or await self._listed())
        return tuple(map(self._repairs.described, found))

    async def stream(self, request: Request) -> AsyncGenerator[ModelEvent, None]:
        """See ``Provider``. The first token is awaited for ``first_token_s`` in all, each later one for ``idle_s``."""
        shown = Model(id=request.model, images=self._sees(request.model))
        files = await gallery(request, shown, LIMITS, self._site.fetch)
        first_at = asyncio.get_running_loop().time() + self._site.first_token_s
        attempt = self._repairs.attempt(request, files)
        async with aclosing(repaired(attempt, partial(self._once, first_at=first_at))) as events:
            async for event in events:
                yield event

    async def _once(self, attempt: Attempt, first_at: float) -> AsyncGenerator[ModelEvent, None]:
        request = attempt.request
        thinking = self._habits.thinking(request)
        names = [tool.name for tool in request.tools]
        answer = Answer(self.name, partial(weight, request), request.model, names, thinking)
        async with await self._ask(attempt.worded(_body(request, self.name, attempt.files)), first_at) as reading:
            yield answer.spent()
            frames, done = Frames(), False
            while not done and (data := await self._read(reading, answer, first_at)):
                done = _take_in(partial(frames.feed, data), answer)
                for event in answer.take():
                    yield event
                if answer.begun and not done:
                    await reading.gather()
            done = done or _take_in(frames.end, answer)
            _check(answer, frames.stray, done=done)
            for event in answer.end():
                yield event
        self._habits.seen(request.model, thinking)
        yield answer.finished()

    async def close(self) -> None:
        """Close the connections."""
        await self._line.close()

    async def _listed(self) -> tuple[Model, ...]:
        base_url, hosting, within_s = self._settings.base_url, self._settings.hosting, self._site.connect_s
        if self._site.is_own(base_url):
            raise ProviderDown(f"{base_url} is Waystation itself")
        if transport.near(base_url) and not self._line.is_open:
            found = await self._keys.using(lambda key: discovery.models_at(base_url, key, within_s))
            return tuple(replace(model, hosting=hosting) for model in found)
        try:
            async with asyncio.timeout(within_s):
                return listing.parse(await self._line.get("/models"), hosting)
        except (ValueError, RecursionError, TimeoutError) as wrong:
            raise ProviderDown(f"{base_url}/models: {str(wrong) or f'no list within {within_s:g} s'}") from wrong

    def _sees(self, model: str) -> bool:
        return listing.sees(model, self._settings.images)

    async def _ask(self, body: JSON, first_at: float) -> transport.Reading:
        """The response as soon as it begins."""
        try:
            async with asyncio.timeout_at(first_at):
                return await self._line.post("/chat/completions", body)
        except TimeoutError as late:
            raise ProviderDown(f"no answer within {self._site.first_token_s:g} s") from late

    async def _read(self, reading: transport.Reading, answer: Answer, first_at: float) -> bytes:
        """The next bytes; none at the end, and none where what still lacks is not worth an error."""
        now = asyncio.get_running_loop().time()
        until = now + _TAIL_S if answer.reason else now + self._site.idle_s if answer.begun else first_at
        try:
            async with asyncio.timeout_at(until):
                return await reading.read()
        except TimeoutError as silence:
            if answer.reason:
                return b""
            if answer.begun:
                raise ProviderDown(f"silent for {self._site.idle_s:g} s amid an answer") from silence
            raise ProviderDown(f"no token within {self._site.first_token_s:g} s") from silence
        except ProviderDown:
            if answer.reason:
                return b""
            raise


def _body(request: Request, name: str, files: Mapping[Media, Shown]) -> JSON:
    body: JSON = {
        "model": request.model,
        "messages": messages(request, name, files),
        "max_tokens": request.max_output_tokens,
        "stream": True,
        "stream_options": {"include_usage": True},
    }
    if request.tools:
        body["tools"] = functions(request.tools)
    if request.effort:
        body["reasoning_effort"] = request.effort
    return body


def _take_in(complete: Callable[[], list[bytes]], answer: Answer) -> bool:
    """Add what is complete to the answer; whether the server says that this was all."""
    try:
        for frame in complete():
            if frame == b"[DONE]":
                return True
            answer.add(parsed(frame))
    except (ValueError, RecursionError) as garbled:
        raise ProviderDown(f"the stream made no sense: {garbled}") from garbled
    return False


def _check(answer: Answer, stray: bytes, *, done: bool) -> None:
    """A stream that just ends was cut; one that was closed in due form may lack its reason."""
    if answer.reason or (done and answer.complete):
        return
    if answer.begun:
        raise ProviderDown("the answer broke off")
    instead = f"; it said: {' '.join(stray.decode(errors='replace').split())!r}" if stray else ""
    raise ProviderDown(f"the stream ended before it began{instead}")


def _keys(settings: CompatibleSettings) -> Keys:
    return Keys(settings.api_key, *settings.api_keys)


def _configured(settings: CompatibleSettings) -> str | None:
    if not settings.base_url:
        return "base_url is missing: the server's address, up to and including the version (https://api.x.ai/v1)."
    if settings.hosting == "hosted" and not _keys(settings):
        return 'api_key is missing; a server of your own may go without one: say hosting = "self".'
    return None


@asynccontextmanager
async def open_compatible(site: ProviderSite, settings: CompatibleSettings) -> AsyncIterator[Compatible]:
    """One server, for as long as the context lasts. Nothing is imported or connected yet."""
    provider = Compatible(site, settings)
    try:
        yield provider
    finally:
        await provider.close()


spec: ProviderSpec[CompatibleSettings] = Spec(
    name="compatible", settings=CompatibleSettings, open=open_compatible, configured=_configured
)
