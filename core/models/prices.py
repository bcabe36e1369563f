"""What calls of models cost, exactly, in integer micro-credits: 1 credit is US$ 0.01 and a million micro-credits.

A price is looked for where it was said most deliberately: in the configuration, then in our catalogue, then in
genai-prices, whose prices know their dates and sizes. Of a model that none of them knows, the dearest price of its
family counts, else of its lab, else of all: what is not known is never free. A model on machines of one's own is,
unless the configuration says otherwise.

genai-prices takes half a second to import: that is done in a thread, once, when the first price is wanted.
"""

import asyncio
import importlib
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import ROUND_CEILING, Decimal
from typing import TYPE_CHECKING

from core.config.models import PriceNotes
from core.exchange import Model, Usage
from core.models.catalogue import Catalogue, Facts, Row, shipped
from core.values import value

if TYPE_CHECKING:
    from genai_prices.data_snapshot import DataSnapshot
    from genai_prices.types import ModelInfo, Provider

    _Listing = tuple[Provider, ModelInfo]

_LISTS = "genai_prices.data_snapshot"
MICROCREDITS_A_USD = 100_000_000

_MILLION, _THOUSAND, _HOUR_S = Decimal(1_000_000), Decimal(1000), Decimal(3600)
# Where something was used that no price is known for.
_SEARCHES_USD = Decimal(14)  # a thousand: the dearest of the labs
_IMAGE_USD = Decimal("0.25")
_HOUR_USD = Decimal("2.04")
_ROUGHLY = Usage(input_tokens=3000, output_tokens=1000)  # by which prices are compared where no call is at hand


@value
class Cost:
    """What a call costs, rounded up to a whole micro-credit.

    Attributes:
        known: False where the price is the dearest of relatives, for want of its own.
    """

    microcredits: int
    known: bool = True


@value
class Rate:
    """A price for people to read: US$ a million tokens, for prompts of the usual length."""

    input: Decimal
    output: Decimal
    known: bool = True


@value
class _Tariff:
    """One way to price a call: ``usd`` of what it used, and the rate to tell."""

    usd: Callable[[Usage], Decimal]
    rate: Rate


class Prices:
    """All prices.

    Args:
        own: The configuration's, by ``provider/model``.
    """

    def __init__(self, catalogue: Catalogue | None = None, own: Mapping[str, PriceNotes] | None = None) -> None:
        self._catalogue = catalogue or shipped()
        self._own = own or {}
        self._listed: DataSnapshot | None = None
        self._looked_up: dict[tuple[str, str], _Listing | None] = {}
        self._stand_ins: dict[tuple[str, str, date], _Tariff] = {}
        self._loading = asyncio.Lock()
        self._warming: asyncio.Task[None] | None = None

    def warm(self) -> None:
        """Begin to load, for a price that is going to be asked for."""
        if self._listed is None and self._warming is None and _LISTS not in sys.modules:
            self._warming = asyncio.create_task(self.load(), name="prices")

    async def load(self) -> None:
        """Have genai-prices at hand; costs nothing from the second time on."""
        async with self._loading:
            if self._listed is None:
                self._listed = await asyncio.to_thread(_lists)

    async def cost(self, provider: str, model: Model, usage: Usage, at: datetime) -> Cost:
        """What a call costs that was made at a time.

        Args:
            provider: Its name, as configured.
        """
        if own := self._configured(provider, model.id):
            return Cost(microcredits=_microcredits(own.usd(usage)))
        if model.hosting == "self":
            return Cost(microcredits=0)
        await self.load()
        usd, rate = self._priced(provider, model, usage, at)
        return Cost(microcredits=_microcredits(usd), known=rate.known)

    async def rate(self, provider: str, model: Model, at: datetime) -> Rate:
        """What a million tokens cost, in US$."""
        if own := self._configured(provider, model.id):
            return own.rate
        if model.hosting == "self":
            return Rate(input=Decimal(0), output=Decimal(0))
        await self.load()
        _, rate = self._priced(provider, model, _ROUGHLY, at)
        return rate

    # -- where prices are found

    def _configured(self, provider: str, model_id: str) -> _Tariff | None:
        notes = self._own.get(f"{provider}/{model_id}")
        if notes is None or notes.input is None or notes.output is None:
            return None
        row = Row(
            input=notes.input,
            output=notes.output,
            cached=notes.cached,
            written=notes.written,
            searches=notes.searches,
        )
        return _by_rows((row,), date.max, notes.image, notes.hour)

    def _priced(self, provider: str, model: Model, usage: Usage, at: datetime) -> tuple[Decimal, Rate]:
        """What a call costs in US$, and at which rate."""
        facts = self._catalogue.facts(provider, model.id)
        exact = self._exact(provider, facts, model.id, at)
        usd = exact.usd(usage) if exact is not None else Decimal(0)
        if exact is not None and (usd or usage == Usage()):  # a list without figures is no price
            return usd, exact.rate
        place = (provider, model.id, at.astimezone(UTC).date())
        if place not in self._stand_ins:
            self._stand_ins[place] = self._stand_in(facts, model.id, at)
        stand_in = self._stand_ins[place]
        return stand_in.usd(usage), replace(stand_in.rate, known=False)

    def _exact(self, provider: str, facts: Facts, model_id: str, at: datetime) -> _Tariff | None:
        """The price of just this model, from whoever serves it."""
        if facts.prices:
            return _by_rows(facts.prices, at.astimezone(UTC).date())
        lab = "" if facts.licence else self._catalogue.priced_as.get(facts.lab, "")
        for name in dict.fromkeys((self._catalogue.priced_as.get(provider, provider), lab)):
            if name and (listing := self._at(name, model_id)):
                return _by_list(*listing, at)
        return None

    def _stand_in(self, facts: Facts, model_id: str, at: datetime) -> _Tariff:
        """What counts for want of its own price: further and further from it, and each time the dearest."""
        for tariffs in self._others(facts, model_id, at):
            dearest = max(tariffs, key=lambda tariff: tariff.usd(_ROUGHLY), default=_FLAT)
            if dearest.usd(_ROUGHLY):
                return dearest
        return _FLAT

    def _others(self, facts: Facts, model_id: str, at: datetime) -> Iterator[list[_Tariff]]:
        """Everybody who sells these weights, where they are open or nobody knows whose they are; then relatives."""
        if facts.licence or facts.lab not in self._catalogue.priced_as:
            yield self._anywhere(model_id, at)
        for related in (
            lambda one: facts.family != "" and one.family == facts.family,
            lambda one: facts.lab != "" and one.lab == facts.lab,
            lambda _: True,
        ):
            relatives = (self._exact(one.lab, one, one.id, at) for one in self._catalogue.entries if related(one))
            yield [tariff for tariff in relatives if tariff is not None]

    def _at(self, name: str, model_id: str) -> "_Listing | None":
        """One of genai-prices' providers and its model, by their names there."""
        if self._listed is None:
            return None
        if (name, model_id) not in self._looked_up:
            self._looked_up[name, model_id] = _looked_up(self._listed, name, model_id)
        return self._looked_up[name, model_id]

    def _anywhere(self, model_id: str, at: datetime) -> list[_Tariff]:
        """Open weights, and what no lab of ours makes: by everybody who sells them."""
        name = model_id.rpartition("/")[2]
        providers = self._listed.providers if self._listed else []
        found = (self._at(provider.id, name) for provider in providers)
        return [_by_list(*listing, at) for listing in found if listing is not None]


def _lists() -> "DataSnapshot":
    snapshot: DataSnapshot = importlib.import_module(_LISTS).get_snapshot()
    return snapshot


def _looked_up(lists: "DataSnapshot", name: str, model_id: str) -> "_Listing | None":
    try:
        provider = lists.find_provider(None, name, None)
    except LookupError:
        return None
    model = provider.find_model(model_id, all_providers=lists.providers)
    return None if model is None else (provider, model)


def _microcredits(usd: Decimal) -> int:
    return int((usd * MICROCREDITS_A_USD).to_integral_value(ROUND_CEILING))


# ---------------------------------------------------------------------------------------------------------------------
# Arithmetic


def _by_rows(rows: tuple[Row, ...], day: date, image: Decimal | None = None, hour: Decimal | None = None) -> _Tariff:
    """By our own rows: the latest that has begun, and of those the one for prompts of this length."""
    since = max((row.since for row in rows if row.since <= day), default=min(row.since for row in rows))
    valid = sorted((row for row in rows if row.since == since), key=lambda row: row.above_tokens)

    def usd(usage: Usage) -> Decimal:
        row = next((row for row in reversed(valid) if usage.input_tokens > row.above_tokens), valid[0])
        cached, written = _shares(usage)
        tokens = (usage.input_tokens - cached - written) * row.input + usage.output_tokens * row.output
        tokens += cached * (row.input if row.cached is None else row.cached)
        tokens += written * (row.input if row.written is None else row.written)
        searches = usage.searches * (_SEARCHES_USD if row.searches is None else row.searches) / _THOUSAND
        if image is None and hour is None:
            return tokens / _MILLION + searches + _unpriced(usage)
        beside = usage.images * (_IMAGE_USD if image is None else image)
        beside += _hours(usage) * (_HOUR_USD if hour is None else hour)
        return tokens / _MILLION + searches + beside

    return _Tariff(usd=usd, rate=Rate(input=valid[0].input, output=valid[0].output))


def _by_list(provider: "Provider", model: "ModelInfo", at: datetime) -> _Tariff:
    """By genai-prices, where searches are free that it knows no price of, and so are not here."""
    units = importlib.import_module("genai_prices.types").Usage
    price = model.get_prices(at.astimezone(UTC))

    def usd(usage: Usage) -> Decimal:
        try:
            total: Decimal = model.calc_price(units(**_units(usage)), provider, genai_request_timestamp=at).total_price
        except ValueError:  # it prices something by a count that no provider tells us
            return Decimal(0)
        if usage.searches and price.web_searches_kcount is None:
            total += usage.searches * _SEARCHES_USD / _THOUSAND
        return total or _unpriced(usage)

    return _Tariff(usd=usd, rate=Rate(input=_base(price.input_mtok), output=_base(price.output_mtok)))


def _units(usage: Usage) -> dict[str, int | Decimal]:
    """What genai-prices calls what we count."""
    cached, written = _shares(usage)
    seconds = Decimal(str(usage.seconds))
    units: dict[str, int | Decimal] = {
        "input_tokens": usage.input_tokens,
        "output_tokens": usage.output_tokens,
        "cache_read_tokens": cached,
        "cache_write_tokens": written,
        "output_reasoning_tokens": min(usage.reasoning_tokens, usage.output_tokens),
        "output_image_tokens": usage.output_tokens if usage.images else 0,
        "web_searches": usage.searches,
        "audio_seconds": seconds,
        "input_audio_seconds": seconds,
    }
    return {name: count for name, count in units.items() if count}


def _shares(usage: Usage) -> tuple[int, int]:
    """What of the input was read from a cache, and what written to one: never more than there is of it."""
    cached = min(usage.cached_tokens, usage.input_tokens)
    return cached, min(usage.written_tokens, usage.input_tokens - cached)


def _unpriced(usage: Usage) -> Decimal:
    """Images and sound that came without a count of tokens."""
    if usage.input_tokens or usage.output_tokens:
        return Decimal(0)
    return usage.images * _IMAGE_USD + _hours(usage) * _HOUR_USD


def _hours(usage: Usage) -> Decimal:
    return Decimal(str(usage.seconds)) / _HOUR_S


def _base(price: object) -> Decimal:
    return price if isinstance(price, Decimal) else getattr(price, "base", Decimal(0))


_FLAT = _Tariff(usd=_unpriced, rate=Rate(input=Decimal(0), output=Decimal(0), known=False))
"""Where nothing at all can be compared with: no tokens, only images or sound."""
