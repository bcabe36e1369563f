"""All models there are to choose from, with what is known of each: for a table, or for a program."""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from decimal import Decimal
from typing import Literal

from core.config.models import QualityNotes
from core.errors import ProviderError
from core.exchange import Model
from core.models.catalogue import Catalogue, Facts
from core.models.prices import Prices
from core.models.routing import Router
from core.values import value


@value
class Listed:
    """One model.

    Attributes:
        abilities: Of tools, images, documents, search, effort.
        tier: Its lab's present choice of this size: small, mid or flagship; "" for others.
        licence: Of open weights.
        quality: 1 to 5 by kind of task, 0 where nobody said.
        input_usd: A million tokens; likewise ``output_usd``.
        priced: False where the price is that of relatives, for want of its own.
        configured: Whether the configuration names it.
        current: Whether it answers, as long as a person has not chosen another.
    """

    provider: str
    id: str
    hosting: Literal["hosted", "self"]
    context_tokens: int
    output_tokens: int
    abilities: tuple[str, ...]
    input_usd: Decimal
    output_usd: Decimal
    priced: bool
    configured: bool
    current: bool
    tier: str
    licence: str
    quality: QualityNotes
    retires: str
    note: str


@value
class Survey:
    """All models.

    Attributes:
        trouble: Providers that have none to offer just now, and why.
    """

    models: tuple[Listed, ...]
    trouble: tuple[tuple[str, str], ...]


async def surveyed(router: Router, catalogue: Catalogue, prices: Prices, configured: Sequence[str]) -> Survey:
    """Ask all providers what they have.

    Args:
        configured: What the configuration names, as ``provider/model`` or a provider alone.
    """
    offered, current = await asyncio.gather(router.offered(), _current(router))
    found = {
        f"{provider}/{model.id}": (provider, model)
        for provider, models in offered.items()
        if not isinstance(models, str)
        for model in models
    }
    for name in (*configured, current):
        provider, _, model_id = name.partition("/")
        if model_id and name not in found and provider in offered:  # lists are often incomplete
            found[name] = (provider, await router.known(provider, model_id))
    listed = [
        await _listed(
            model, catalogue.facts(provider, model.id), provider, prices, named=name in configured, now=name == current
        )
        for name, (provider, model) in found.items()
    ]
    trouble = tuple((name, models) for name, models in offered.items() if isinstance(models, str))
    return Survey(models=tuple(listed), trouble=trouble)


async def _current(router: Router) -> str:
    try:
        return (await router.choose()).name
    except ProviderError:
        return ""


async def _listed(model: Model, facts: Facts, provider: str, prices: Prices, *, named: bool, now: bool) -> Listed:
    rate = await prices.rate(provider, model, datetime.now(UTC))
    able = {
        "tools": model.tools,
        "images": model.images,
        "documents": model.documents,
        "search": model.search,
        "effort": model.effort,
    }
    return Listed(
        provider=provider,
        id=model.id,
        hosting=model.hosting,
        context_tokens=model.context_tokens,
        output_tokens=model.output_tokens,
        abilities=tuple(name for name, has in able.items() if has),
        input_usd=rate.input,
        output_usd=rate.output,
        priced=rate.known,
        configured=named,
        current=now,
        tier=facts.tier,
        licence=facts.licence,
        quality=facts.quality,
        retires=model.retires,
        note=model.note,
    )
