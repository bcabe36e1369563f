"""Which model answers, and what else there is, as pages show it. Choosing one is a command like any other."""

import asyncio
from collections.abc import Mapping
from typing import Final

import structlog

from core.errors import StoreError
from core.exchange import Model
from core.site import AnsweringModel, Models
from core.values import value

log = structlog.get_logger(__name__)

_SHOWN: Final = 12
"""Models of one provider in the list; of more, one is chosen by a part of its name."""


@value
class ModelLine:
    """What a page says of the model that answers.

    Attributes:
        known: False as long as nobody has told; then the page says nothing.
        answering: None where no model can answer.
    """

    known: bool = False
    answering: AnsweringModel | None = None


@value
class ProviderModels:
    """What one provider has.

    Attributes:
        models: The first few, and the one that answers now wherever it stands.
        more: How many there are beside.
        down: Whether it cannot be reached.
    """

    provider: str
    models: tuple[Model, ...] = ()
    more: int = 0
    down: bool = False


class ModelsShown:
    """Asks which model answers, in the background: a provider that is slow to tell holds up no page.

    Args:
        models: None where nobody can tell.
        sender: Whose pages these are.
    """

    def __init__(self, models: Models | None, sender: str) -> None:
        self._models = models
        self._sender = sender
        self._known = ModelLine()
        self._asking: asyncio.Task[None] | None = None

    async def line(self, within_s: float) -> ModelLine:
        """What is known by then."""
        if self._models is not None:
            if self._asking is None or self._asking.done():
                self._asking = asyncio.create_task(self._ask(self._models), name="which model answers")
            await asyncio.wait({self._asking}, timeout=within_s)
        return self._known

    async def _ask(self, models: Models) -> None:
        try:
            self._known = ModelLine(known=True, answering=await models.answering(self._sender))
        except StoreError as error:  # what was known stays
            log.warning("which model answers is not known", reason=str(error))

    async def offers(self) -> tuple[ProviderModels, ...]:
        """What all providers have."""
        if self._models is None:
            return ()
        offered: Mapping[str, tuple[Model, ...] | str] = await self._models.offered()
        answering = (await self.line(within_s=1.0)).answering
        now = answering.name if answering else ""
        return tuple(_provider_models(provider, models, now) for provider, models in offered.items() if models)

    def close(self) -> None:
        """Ask no more."""
        if self._asking is not None:
            self._asking.cancel()


def _provider_models(provider: str, models: tuple[Model, ...] | str, now: str) -> ProviderModels:
    if isinstance(models, str):
        return ProviderModels(provider=provider, down=True)
    shown = tuple(one for at, one in enumerate(models) if at < _SHOWN or f"{provider}/{one.id}" == now)
    return ProviderModels(provider=provider, models=shown, more=len(models) - len(shown))
