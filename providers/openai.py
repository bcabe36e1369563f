"""OpenAI's models, by its Responses API: https://platform.openai.com/docs/api-reference/responses .

The SDK signs and sends the request and knows the lab's errors; what the request says is in ``responses/prompt.py``,
what the events of the answer mean in ``responses/answer.py``, what the lab does beside talking in
``responses/abilities.py``.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from types import ModuleType
from typing import TYPE_CHECKING, Any

from core.errors import ProviderBusy, ProviderDown, ProviderError
from core.exchange import Model, ModelEvent, Request
from core.seams import Abilities, ProviderSpec
from core.site import ProviderSite, Spec
from providers.gallery import gallery
from providers.labs import LabSettings, Shelf, streamed
from providers.repairs import Attempt, Repairs, repaired
from providers.responses import prompt
from providers.responses.abilities import abilities
from providers.responses.answer import Answer
from providers.sdk import Client, http_client
from providers.stream import Patience
from providers.tokens import weight

if TYPE_CHECKING:
    from openai import AsyncOpenAI

_TALKS = re.compile(r"(gpt-\d|o\d|chatgpt-)")
_TALKS_NOT = re.compile(r"realtime|audio|transcribe|tts|image|search|embedding|moderation|instruct|live|codex")
_VERSION = re.compile(r"(?:gpt-|o)(\d+)(?:\.(\d+))?")
_BEST_FIRST = ("sol", "terra", "astra", "luna")  # what to answer with unless told otherwise


_UNLISTED = Model(id="", images=True, documents=True, search=True)  # as all of its current ones


class OpenAISettings(LabSettings):
    """``[providers.openai]``; see ``LabSettings``."""

    base_url: str = "https://api.openai.com/v1"


class OpenAI:
    """The lab."""

    def __init__(self, site: ProviderSite, settings: OpenAISettings) -> None:
        self._site = site
        self._settings = settings
        self._keys = settings.keys
        self._client: Client[AsyncOpenAI] = Client("openai", self._make)
        self._shelf = Shelf(settings.models)
        self._repairs = Repairs("responses")
        self._abilities = abilities(self._client, site.first_token_s)

    @property
    def name(self) -> str:
        """The name as configured."""
        return self._site.name

    @property
    def abilities(self) -> Abilities:
        """Vectors, images, listening and speaking."""
        return self._abilities

    async def models(self) -> tuple[Model, ...]:
        """The configured models, or those of the lab's own list that talk."""
        failed: ProviderError | None = None
        try:
            await self._list()
        except (ProviderBusy, ProviderDown) as error:
            failed = error
        return tuple(map(self._repairs.described, self._shelf.offered(_UNLISTED, failed)))

    async def stream(self, request: Request) -> AsyncGenerator[ModelEvent, None]:
        """See ``Provider``."""
        model = self._shelf.known.get(request.model, _UNLISTED)
        files = await gallery(request, model, prompt.LIMITS, self._site.fetch)
        attempt = self._repairs.attempt(request, files)
        first_at = asyncio.get_running_loop().time() + self._site.first_token_s
        async with aclosing(repaired(attempt, partial(self._once, first_at=first_at))) as events:
            async for event in events:
                yield event

    async def _once(self, attempt: Attempt, first_at: float) -> AsyncGenerator[ModelEvent, None]:
        client, request = await self._client.get(), attempt.request
        worded: dict[str, Any] = attempt.worded(prompt.body(request, attempt.files, self.name))
        ask = partial(client.responses.with_streaming_response.create, **worded)
        answer = Answer(self.name, request.model, weight(request))
        patience = Patience(self._site.first_token_s, self._site.idle_s, first_at)
        async with aclosing(streamed(self._client, self._keys, ask, answer, patience)) as events:
            async for event in events:
                yield event

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _make(self, sdk: ModuleType) -> "AsyncOpenAI":
        made: AsyncOpenAI = sdk.AsyncOpenAI(
            api_key=self._key,
            base_url=self._settings.base_url,
            max_retries=0,  # whether and whom to ask again is the core's to say
            timeout=sdk.Timeout(None, connect=self._site.connect_s),  # silence is ours to judge
            http_client=http_client(sdk, self._site.proxies),
        )
        return made

    async def _key(self) -> str:
        return self._keys.current()

    async def _list(self) -> None:
        client = await self._client.get()
        page = await self._keys.using(lambda key: self._client.call(_listed(client, key), self._site.connect_s))
        told = [model for model in page if _TALKS.match(model.id) and not _TALKS_NOT.search(model.id)]
        ranked = sorted(told, key=lambda model: _rank(model.id))
        self._shelf.known = {model.id: _described(model.id, str(model.shutdown_date or "")[:10]) for model in ranked}


async def _listed(client: "AsyncOpenAI", key: str) -> list[Any]:
    return [model async for model in client.models.list(extra_headers={"Authorization": f"Bearer {key}"})]


def _rank(identity: str) -> tuple[int, int, int, str]:
    version = _VERSION.match(identity)
    major, minor = (int(version[1]), int(version[2] or 0)) if version else (0, 0)
    tier = next((place for place, name in enumerate(_BEST_FIRST) if f"-{name}" in identity), len(_BEST_FIRST))
    return tier, -major, -minor, identity


def _described(identity: str, retires: str = "") -> Model:
    """What every one of its current models can do; the lab's list says no more than their names."""
    return Model(id=identity, images=True, documents=True, search=True, retires=retires)


def _configured(settings: OpenAISettings) -> str | None:
    if not settings.keys:
        return "api_key is missing: make one at https://platform.openai.com/api-keys ."
    return None


@asynccontextmanager
async def open_openai(site: ProviderSite, settings: OpenAISettings) -> AsyncIterator[OpenAI]:
    """The lab, for as long as the context lasts. Nothing is imported or connected yet."""
    provider = OpenAI(site, settings)
    try:
        yield provider
    finally:
        await provider.close()


spec: ProviderSpec[OpenAISettings] = Spec(
    name="openai", settings=OpenAISettings, open=open_openai, configured=_configured
)
