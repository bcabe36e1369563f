"""Which model answers: the one the operator named, or the first configured one that can be had."""

import time
from collections.abc import Sequence

import structlog

from core.errors import ModelUnknown, ProviderError
from core.seams import Provider
from core.values import Model, value

log = structlog.get_logger(__name__)

_KNOWN_FOR_S = 300.0


@value
class Chosen:
    """A model and who has it."""

    provider: Provider
    model: Model


class Router:
    """Chooses among the opened providers, in their configured order.

    Args:
        wish: ``auto``, or ``provider/model``.
    """

    def __init__(self, providers: Sequence[Provider], wish: str) -> None:
        self._providers = {provider.name: provider for provider in providers}
        self._wish = wish
        self._known: dict[str, tuple[float, tuple[Model, ...]]] = {}

    async def choose(self) -> Chosen:
        """The model for the next request.

        Raises:
            ProviderError: None can be had; from the last reason.
        """
        if self._wish != "auto":
            name, _, wanted = self._wish.partition("/")
            return await self._named(name, wanted)
        reason: ProviderError = ModelUnknown("no provider is configured")
        for provider in self._providers.values():
            try:
                models = await self._models(provider)
            except ProviderError as error:
                log.debug("provider passed over", provider=provider.name, reason=str(error))
                reason = error
                continue
            if models:
                return Chosen(provider=provider, model=models[0])
            reason = ModelUnknown(f"{provider.name} offers no model")
        raise reason

    async def offered(self) -> dict[str, tuple[Model, ...] | str]:
        """Each provider's models, or why it has none, for people to read."""
        offered: dict[str, tuple[Model, ...] | str] = {}
        for provider in self._providers.values():
            try:
                offered[provider.name] = await self._models(provider)
            except ProviderError as error:
                offered[provider.name] = str(error)
        return offered

    def forget(self, provider: Provider) -> None:
        """Ask this provider for its models again next time: one of them failed."""
        self._known.pop(provider.name, None)

    async def _named(self, name: str, wanted: str) -> Chosen:
        provider = self._providers.get(name)
        if provider is None:
            msg = f"router.model names the provider {name!r}, which is not configured"
            raise ModelUnknown(msg)
        try:
            models = await self._models(provider)
        except ProviderError:
            models = ()  # it may answer all the same
        model = next((model for model in models if model.id == wanted), Model(id=wanted))
        return Chosen(provider=provider, model=model)

    async def _models(self, provider: Provider) -> tuple[Model, ...]:
        known = self._known.get(provider.name)
        if known is None or known[0] < time.monotonic():
            models = await provider.models()
            known = self._known[provider.name] = (time.monotonic() + _KNOWN_FOR_S, models)
        return known[1]
