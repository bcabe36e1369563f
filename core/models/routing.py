"""Which model answers: the one the operator named, or the first configured one that can be had."""

import asyncio
import time
from collections.abc import Collection, Sequence

import structlog

from core.errors import ModelUnknown, ProviderError
from core.exchange import Model
from core.seams import Provider
from core.values import value

log = structlog.get_logger(__name__)

_KNOWN_FOR_S = 300.0
_DOWN_FOR_S = 15.0


@value
class Chosen:
    """A model and who has it."""

    provider: Provider
    model: Model


class Router:
    """Chooses among the opened providers, in their configured order.

    Args:
        wish: ``auto``, or ``provider/model``.
        guesses: Names of providers nobody asked for, which may well not be there: that is no news.
    """

    def __init__(self, providers: Sequence[Provider], wish: str, guesses: Collection[str] = ()) -> None:
        self._offers = {provider.name: _Offer(provider, news=provider.name not in guesses) for provider in providers}
        self._wish = wish

    async def choose(self) -> Chosen:
        """The model for the next request.

        Raises:
            ProviderError: None can be had; from the last reason, those of mere guesses aside.
        """
        if self._wish != "auto":
            name, _, wanted = self._wish.partition("/")
            return await self._named(name, wanted)
        reason: ProviderError = ModelUnknown("no provider is configured")
        for name, offer in self._offers.items():
            try:
                models = await offer.models()
            except ProviderError as error:
                reason = error if offer.news else reason
                continue
            if models:
                return Chosen(provider=offer.provider, model=models[0])
            reason = ModelUnknown(f"{name} offers no model")
        raise reason

    async def offered(self) -> dict[str, tuple[Model, ...] | str]:
        """Each provider's models, or why it has none, for people to read."""
        offered: dict[str, tuple[Model, ...] | str] = {}
        for name, offer in self._offers.items():
            try:
                offered[name] = await offer.models()
            except ProviderError as error:
                offered[name] = str(error)
        return offered

    def forget(self, provider: Provider) -> None:
        """Ask this provider for its models again next time: one of them failed."""
        self._offers[provider.name].forget()

    async def _named(self, name: str, wanted: str) -> Chosen:
        offer = self._offers.get(name)
        if offer is None:
            raise ModelUnknown(f"router.model names the provider {name!r}, which is not configured")
        try:
            models = await offer.models()
        except ProviderError:
            models = ()  # it may answer all the same
        model = next((model for model in models if model.id == wanted), Model(id=wanted))
        return Chosen(provider=offer.provider, model=model)


class _Offer:
    """What one provider has, asked for now and then: by one turn, for all that want to know."""

    def __init__(self, provider: Provider, *, news: bool) -> None:
        self.provider = provider
        self.news = news
        self._tell = log.warning if news else log.debug
        self._known: tuple[Model, ...] | ProviderError = ()
        self._until = 0.0
        self._asking = asyncio.Lock()

    async def models(self) -> tuple[Model, ...]:
        """Its models.

        Raises:
            ProviderError: It cannot say, or could not a moment ago.
        """
        if time.monotonic() >= self._until:
            async with self._asking:
                if time.monotonic() >= self._until:
                    await self._ask()
        if isinstance(self._known, ProviderError):
            raise self._known.with_traceback(None)
        return self._known

    def forget(self) -> None:
        """Whatever is known may be wrong."""
        self._until = 0.0

    async def _ask(self) -> None:
        try:
            self._known = await self.provider.models()
        except ProviderError as error:
            self._tell("provider passed over", provider=self.provider.name, reason=str(error))
            self._known = error
        good = not isinstance(self._known, ProviderError)
        self._until = time.monotonic() + (_KNOWN_FOR_S if good else _DOWN_FOR_S)
