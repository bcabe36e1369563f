"""Google's models, by the Gemini API: https://ai.google.dev/api/generate-content .

Answers are streamed over our own line: the SDK makes several objects of every chunk, at sixteen times the cost. What
is asked seldom goes through the SDK (``gemini/abilities.py``). What a request says is in ``gemini/prompt.py``, what the
chunks of an answer mean in ``gemini/answer.py``.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing, asynccontextmanager
from functools import partial
from typing import Any

from core.errors import ProviderBusy, ProviderDown, ProviderError
from core.exchange import Model, ModelEvent, Request
from core.seams import Abilities, ProviderSpec
from core.site import ProviderSite, Spec
from providers.gallery import gallery
from providers.gemini import prompt
from providers.gemini.abilities import Sdk, abilities
from providers.gemini.answer import Answer
from providers.labs import LabSettings, Shelf
from providers.repairs import Attempt, Repairs, repaired
from providers.stream import Patience, number, objects, text
from providers.tokens import weight
from providers.transport import Line, Reading

_VERSION = "/v1"
_TALKS_NOT = re.compile(r"image|banana|tts|embedding|live|audio|transcribe|robotics|computer|latest")
_NUMBER = re.compile(r"gemini-(\d+)(?:\.(\d+))?")
_UNLISTED = Model(id="", images=True, documents=True, search=True)  # as all of its current ones


class GoogleSettings(LabSettings):
    """``[providers.google]``; see ``LabSettings``."""

    base_url: str = "https://generativelanguage.googleapis.com"


class Google:
    """The lab."""

    def __init__(self, site: ProviderSite, settings: GoogleSettings) -> None:
        keys = settings.keys
        self._site = site
        url, proxies = settings.base_url, site.proxies
        self._line = Line(url + _VERSION, keys, site.connect_s, lambda key: {"x-goog-api-key": key}, proxies=proxies)
        self._sdk = Sdk(keys, url, site.first_token_s, proxies)
        self._shelf = Shelf(settings.models)
        self._repairs = Repairs("gemini")
        self._abilities = abilities(self._sdk)

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
        request = attempt.request
        body = attempt.worded(prompt.body(request, attempt.files, self.name))
        answer = Answer(self.name, request.model, weight(request))
        patience = Patience(self._site.first_token_s, self._site.idle_s, first_at)
        async with await self._ask(f"/models/{request.model}:streamGenerateContent?alt=sse", body, patience) as reading:
            yield answer.spent()  # from here on: what is turned away costs nothing
            async for event in objects(_pieces(reading, patience), patience):
                try:
                    said = answer.add(event)
                except ProviderError:
                    yield answer.spent()  # what the lab counted before it broke off is paid for
                    raise
                patience.begun = patience.begun or answer.begun
                if answer.complete:
                    patience.end()
                for one in said:
                    yield one
        yield answer.finished()

    async def close(self) -> None:
        """Close the connections."""
        await self._line.close()
        await self._sdk.close()

    async def _ask(self, path: str, body: dict[str, Any], patience: Patience) -> Reading:
        try:
            async with asyncio.timeout_at(patience.first_at):
                return await self._line.post(path, body)
        except TimeoutError as late:
            raise patience.late() from late

    async def _list(self) -> None:
        try:
            async with asyncio.timeout(self._site.connect_s):
                told = await self._line.get("/models?pageSize=1000")
        except (ValueError, TimeoutError) as wrong:
            raise ProviderDown(f"no list of models: {str(wrong) or 'it took too long'}") from wrong
        listed = told.get("models") if isinstance(told, dict) else None
        found = [_described(one) for one in listed if _talks(one)] if isinstance(listed, list) else []
        self._shelf.known = {model.id: model for model in sorted(found, key=lambda model: _rank(model.id))}


async def _pieces(reading: Reading, patience: Patience) -> AsyncIterator[bytes]:
    while data := await reading.read():
        yield data
        if patience.begun:
            await reading.gather()


def _talks(model: object) -> bool:
    methods = model.get("supportedGenerationMethods") if isinstance(model, dict) else None
    name = text(model, "name")
    return isinstance(methods, list) and "generateContent" in methods and not _TALKS_NOT.search(name)


def _described(model: object) -> Model:
    return Model(
        id=text(model, "name").removeprefix("models/"),
        context_tokens=number(model, "inputTokenLimit"),
        output_tokens=number(model, "outputTokenLimit"),
        images=True,
        documents=True,
        search=True,
    )


def _rank(identity: str) -> tuple[int, int, int, str]:
    """The newest of the middle size first, then the large ones, then the small."""
    version = _NUMBER.match(identity)
    major, minor = (int(version[1]), int(version[2] or 0)) if version else (0, 0)
    tier = 2 if "lite" in identity or not version else 0 if "flash" in identity else 1
    return tier, -major, -minor, identity


def _configured(settings: GoogleSettings) -> str | None:
    if not settings.keys:
        return "api_key is missing: make one at https://aistudio.google.com/apikey ."
    return None


@asynccontextmanager
async def open_google(site: ProviderSite, settings: GoogleSettings) -> AsyncIterator[Google]:
    """The lab, for as long as the context lasts. Nothing is imported or connected yet."""
    provider = Google(site, settings)
    try:
        yield provider
    finally:
        await provider.close()


spec: ProviderSpec[GoogleSettings] = Spec(
    name="google", settings=GoogleSettings, open=open_google, configured=_configured
)
