"""Anthropic's models, by its Messages API: https://docs.claude.com/en/api/messages .

The SDK signs and sends the request and knows the lab's errors; what the request says is in ``messages/prompt.py``,
what the events of the answer mean in ``messages/answer.py``.
"""

import asyncio
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
from providers.messages import prompt
from providers.messages.answer import Answer
from providers.repairs import Attempt, Repairs, repaired
from providers.sdk import Client, http_client
from providers.stream import Patience
from providers.tokens import weight

if TYPE_CHECKING:
    from anthropic import AsyncAnthropic

_BEST_FIRST = ("sonnet", "opus", "fable", "haiku", "mythos")  # what to answer with unless told otherwise


_UNLISTED = Model(id="", images=True, documents=True, search=True)  # as all of its current ones


class AnthropicSettings(LabSettings):
    """``[providers.anthropic]``; see ``LabSettings``."""

    base_url: str = "https://api.anthropic.com"


class Anthropic:
    """The lab."""

    def __init__(self, site: ProviderSite, settings: AnthropicSettings) -> None:
        self._site = site
        self._settings = settings
        self._keys = settings.keys
        self._client: Client[AsyncAnthropic] = Client("anthropic", self._make)
        self._shelf = Shelf(settings.models)
        self._repairs = Repairs("messages")
        self._efforts: set[str] = set()
        self._thinkers: set[str] = set()

    @property
    def name(self) -> str:
        """The name as configured."""
        return self._site.name

    @property
    def abilities(self) -> Abilities:
        """Nothing beside talking: the lab has no models for it."""
        return Abilities()

    async def models(self) -> tuple[Model, ...]:
        """The configured models, or the lab's own list; what the lab says of each in either case."""
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
        body = prompt.body(request, attempt.files, self.name)
        if request.effort and request.model in self._efforts:
            body["output_config"] = {"effort": request.effort}
        if request.effort and request.model in self._thinkers:
            body["thinking"] = {"type": "adaptive", "display": "summarized"}
        worded: dict[str, Any] = attempt.worded(body)
        ask = partial(client.messages.with_streaming_response.create, **worded)
        answer = Answer(self.name, request.model, weight(request))
        patience = Patience(self._site.first_token_s, self._site.idle_s, first_at)
        async with aclosing(streamed(self._client, self._keys, ask, answer, patience)) as events:
            async for event in events:
                yield event

    async def close(self) -> None:
        """Close the connections."""
        await self._client.close()

    def _make(self, sdk: ModuleType) -> "AsyncAnthropic":
        made: AsyncAnthropic = sdk.AsyncAnthropic(
            api_key=self._keys.current(),
            base_url=self._settings.base_url,
            max_retries=0,  # whether and whom to ask again is the core's to say
            timeout=sdk.Timeout(None, connect=self._site.connect_s),  # silence is ours to judge
            http_client=http_client(sdk, self._site.proxies),
            open_telemetry=False,
        )
        return made

    async def _list(self) -> None:
        client = await self._client.get()
        page = await self._keys.using(lambda key: self._client.call(_listed(client, key), self._site.connect_s))
        told = {model.id: model for model in page if model.lifecycle != "retired"}
        ranked = sorted(told.values(), key=lambda model: (_rank(model.line), -model.created_at.timestamp()))
        self._shelf.known = {model.id: _described(model) for model in ranked}
        self._efforts = {model.id for model in ranked if _can(model, "effort")}
        self._thinkers = {model.id for model in ranked if _thinks(model)}


async def _listed(client: "AsyncAnthropic", key: str) -> list[Any]:
    by = {"Authorization": f"Bearer {key}"}
    return [model async for model in client.models.list(limit=1000, extra_headers=by)]


def _rank(line: str | None) -> int:
    return _BEST_FIRST.index(line) if line in _BEST_FIRST else len(_BEST_FIRST)


def _described(model: Any) -> Model:  # noqa: ANN401 - the SDK's type, which is imported later
    return Model(
        id=model.id,
        context_tokens=model.max_input_tokens or 0,
        output_tokens=model.max_tokens or 0,
        images=_can(model, "image_input"),
        documents=_can(model, "pdf_input"),
        search=_can(model, "server_tools"),
        retires=model.retires_at.date().isoformat() if model.retires_at else "",
    )


def _can(model: Any, ability: str) -> bool:  # noqa: ANN401 - likewise
    told = getattr(model.capabilities, ability, None)
    return bool(getattr(told, "supported", told is not None))


def _thinks(model: Any) -> bool:  # noqa: ANN401 - likewise
    """Whether it decides by itself how long to think, where it is told to."""
    thinking = getattr(model.capabilities, "thinking", None)
    adaptive = getattr(getattr(thinking, "types", None), "adaptive", None)
    return bool(getattr(adaptive, "supported", False))


def _configured(settings: AnthropicSettings) -> str | None:
    if not settings.keys:
        return "api_key is missing: make one at https://platform.claude.com/settings/keys ."
    return None


@asynccontextmanager
async def open_anthropic(site: ProviderSite, settings: AnthropicSettings) -> AsyncIterator[Anthropic]:
    """The lab, for as long as the context lasts. Nothing is imported or connected yet."""
    provider = Anthropic(site, settings)
    try:
        yield provider
    finally:
        await provider.close()


spec: ProviderSpec[AnthropicSettings] = Spec(
    name="anthropic", settings=AnthropicSettings, open=open_anthropic, configured=_configured
)
