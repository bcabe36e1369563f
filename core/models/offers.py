"""What each provider has to offer, asked for now and then: by one turn, for all that want to know."""

import asyncio
import time

import structlog

from core.errors import ProviderError
from core.exchange import Model
from core.models.catalogue import Catalogue
from core.seams import Provider

log = structlog.get_logger(__name__)

_KNOWN_FOR_S = 300.0
_GOOD_FOR_S = 900.0  # while it cannot be asked again: one call in ten that fails is no reason to have no models
_DOWN_FOR_S = 15.0
_PATIENCE_S = 10.0


class Offer:
    """One provider's models, with all that is known of them.

    Args:
        news: False for a provider nobody asked for, which may well not be there.
        own: Whether the configuration says that all of it is on machines of the operator's.
    """

    def __init__(self, provider: Provider, catalogue: Catalogue, *, news: bool, own: bool) -> None:
        self.provider = provider
        self.news = news
        self._own = own
        self._catalogue = catalogue
        self._tell = log.warning if news else log.debug
        self._known: tuple[Model, ...] = ()
        self._trouble: ProviderError | None = None
        self._until = self._good_until = 0.0
        self._asking = asyncio.Lock()

    @property
    def own(self) -> bool:
        """Whether nothing that is said there leaves the operator's machines, as far as that is known by now."""
        return self._own

    async def models(self) -> tuple[Model, ...]:
        """Its models; those it had when it last could say.

        Raises:
            ProviderError: It never could say, or will not any more.
        """
        await self._refresh()
        if self._trouble is not None and not self._known:
            raise self._trouble.with_traceback(None)
        return self._known

    async def _refresh(self) -> None:
        if time.monotonic() >= self._until:
            async with self._asking:
                if time.monotonic() >= self._until:
                    await self._ask()

    async def model(self, model_id: str) -> Model:
        """One of its models, also where it is not on the list: lists are often incomplete."""
        try:
            models = await self.models()
        except ProviderError:
            models = ()  # it may answer all the same
        unlisted = Model(id=model_id, hosting="self" if self._own else "hosted")
        found = next((model for model in models if model.id == model_id), None)
        return found or self._catalogue.described(self.provider.name, unlisted)

    async def told(self) -> tuple[Model, ...] | str:
        """Its models or why it has none, for people to read, who do not wait for long."""
        try:
            async with asyncio.timeout(_PATIENCE_S):
                await self._refresh()
        except TimeoutError:
            return f"it did not say within {_PATIENCE_S:g} s what it has"
        return self._known if self._trouble is None else str(self._trouble)

    def forget(self) -> None:
        """Whatever is known may be wrong."""
        self._known, self._until = (), 0.0

    async def _ask(self) -> None:
        name = self.provider.name
        try:
            models = await self.provider.models()
        except ProviderError as error:
            self._tell("provider passed over", provider=name, reason=str(error))
            self._trouble = error
            if not error.retryable or time.monotonic() >= self._good_until:
                self._known = ()
        else:
            self._known = tuple(self._catalogue.described(name, model) for model in models)
            self._own = self._own or (bool(models) and all(model.hosting == "self" for model in self._known))
            self._trouble, self._good_until = None, time.monotonic() + _GOOD_FOR_S
        self._until = time.monotonic() + (_KNOWN_FOR_S if self._trouble is None else _DOWN_FOR_S)
