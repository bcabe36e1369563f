"""Which model answers: the one somebody chose, else the first in the operator's order that can do what is needed.

Whoever asks takes one candidate after the other until one answers (``failover.py``). Each is looked at anew for what
it can do, and for where it runs: what began on machines of the operator's goes on there, whatever fails.
"""

import asyncio
from collections import deque
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace

import structlog

from core.errors import ModelUnknown, ProviderBusy, ProviderError, ProviderRefusedUs
from core.exchange import Model
from core.models.breaker import Breaker
from core.models.catalogue import Catalogue, shipped
from core.models.needs import SIGHT, Ability, Needs
from core.models.offers import Offer
from core.seams import Provider
from core.values import value

log = structlog.get_logger(__name__)

AUTO = "auto"
_SPARES = 2  # of one provider: where all are overloaded, nobody waits for each to say so


@value
class Chosen:
    """A model and who has it.

    Attributes:
        lacks: What of the request's needs it has not.
        named: Somebody chose just this one, whatever it lacks.
    """

    provider: Provider
    model: Model
    lacks: frozenset[Ability] = frozenset()
    named: bool = False

    @property
    def name(self) -> str:
        """As people write it: ``provider/model``."""
        return f"{self.provider.name}/{self.model.id}"


class Router:
    """Chooses among the opened providers.

    Args:
        providers: In their configured order.
        wish: ``auto``, or ``provider/model``: the operator's.
        guesses: Names of providers nobody asked for, which may well not be there: that is no news.
        fallbacks: Who comes next, ``provider/model`` or a provider alone; under ``auto``, who comes at all.
        own: Names of providers that run on machines of the operator's.
    """

    def __init__(
        self,
        providers: Sequence[Provider],
        wish: str,
        guesses: Collection[str] = (),
        *,
        fallbacks: Sequence[str] = (),
        own: Collection[str] = (),
        catalogue: Catalogue | None = None,
    ) -> None:
        known = catalogue or shipped()
        self._offers = {
            provider.name: Offer(provider, known, news=provider.name not in guesses, own=provider.name in own)
            for provider in providers
        }
        self._order = tuple(fallbacks or self._offers) if wish == AUTO else (wish, *fallbacks)
        self._breakers: dict[str, Breaker] = {}

    def candidates(self, wish: str = "", needs: Needs | None = None, but: Collection[str] = ()) -> "Candidates":
        """Who may answer, the best first.

        Args:
            wish: What the person chose, as ``provider/model``; "" for nothing.
            but: Names of models that were tried already.
        """
        order = (wish, *self._order) if wish else self._order
        return Candidates(self._offers, tuple(dict.fromkeys(order)), needs or Needs(), but)

    async def choose(self, wish: str = "", needs: Needs | None = None) -> Chosen:
        """The first candidate.

        Raises:
            ProviderError: There is none; from the last reason, those of mere guesses aside.
        """
        candidates = self.candidates(wish, needs)
        chosen = await candidates.next()
        if chosen is None:
            raise candidates.reason
        return chosen

    async def offered(self) -> dict[str, tuple[Model, ...] | str]:
        """Each provider's models, or why it has none, for people to read."""
        told = await asyncio.gather(*(offer.told() for offer in self._offers.values()))
        return dict(zip(self._offers, told, strict=True))

    async def known(self, provider: str, model_id: str) -> Model:
        """What is known of a model of an opened provider, also where it is not on the list."""
        return await self._offers[provider].model(model_id)

    def breaker(self, chosen: Chosen) -> Breaker:
        """What is remembered of how this model fared."""
        return self._breakers.setdefault(chosen.name, Breaker())

    def forget(self, provider: Provider) -> None:
        """Ask this provider for its models again next time: one of them failed."""
        self._offers[provider.name].forget()


class Candidates:
    """Who may answer one request. Providers are asked what they have only as far as somebody goes on asking for more.

    Attributes:
        reason: Why there is none, or none any more.
    """

    def __init__(self, offers: Mapping[str, Offer], order: Sequence[str], needs: Needs, but: Collection[str]) -> None:
        self._offers = offers
        self._order = tuple(order)
        self._left = deque(order)
        self._first = order[0] if order else ""
        self._needs = needs
        self._but = set(but)
        self._stays: bool | None = None
        self._later: list[Chosen] = []
        self._alone = frozenset(order) & frozenset(offers)  # providers of which any model may answer
        self._spare: list[str] = []
        self._spared: set[str] = set()
        self._shut: set[str] = set()
        self.reason: ProviderError = ModelUnknown("no provider is configured")

    async def next(self) -> Chosen | None:
        """The next one, None when there is no further one.

        What was chosen by name comes first whatever it lacks. Then come those that can do all that is needed, then
        those that cannot but see what they are asked about; the blind only where nobody else was there at all.
        """
        while self._left:
            chosen = await self._resolved(self._left.popleft())
            if chosen is None or self._is_out(chosen):
                continue
            if not self._but and chosen.name == self._first:
                return self._taken(replace(chosen, named=True))
            if not chosen.lacks:
                return self._taken(chosen)
            self._later.append(chosen)
        while self._spare:
            self._later += await self._others(self._offers[self._spare.pop(0)])
        self._later.sort(key=lambda chosen: _weight(chosen.lacks))
        while self._later:
            chosen = self._later.pop(0)
            if not self._is_out(chosen) and not (self._but and chosen.lacks & SIGHT):
                return self._taken(chosen)
        return None

    def again(self, needs: Needs, but: Collection[str]) -> "Candidates":
        """From the beginning for other needs; who refused us is remembered."""
        candidates = Candidates(self._offers, self._order, needs, but)
        candidates._shut |= self._shut
        return candidates

    def failed(self, chosen: Chosen, error: ProviderError) -> None:
        """Tell what became of one.

        A provider that refused our key has nothing for us. One whose model is gone or overloaded may have others.
        """
        match error:
            case ProviderRefusedUs():
                self._shut.add(chosen.provider.name)
            case ModelUnknown() | ProviderBusy():
                self.spare(chosen)
            case _:
                pass

    def spare(self, chosen: Chosen) -> None:
        """Its provider's other models may be well: they are asked last, if it stands in the order by itself."""
        name = chosen.provider.name
        if name in self._alone - self._spared:
            self._spared.add(name)
            self._spare.append(name)

    async def _others(self, offer: Offer) -> list[Chosen]:
        """The next few models of a provider of which one failed."""
        try:
            models = await offer.models()
        except ProviderError:
            return []
        allowed = (model for model in models if model.hosting == "self" or not self._stays)
        chosen = (Chosen(provider=offer.provider, model=one, lacks=self._needs.lacking(one)) for one in allowed)
        return [one for one in chosen if not self._is_out(one)][:_SPARES]

    def _is_out(self, chosen: Chosen) -> bool:
        return chosen.name in self._but or chosen.provider.name in self._shut

    def _taken(self, chosen: Chosen) -> Chosen:
        self._but.add(chosen.name)
        return chosen

    async def _resolved(self, entry: str) -> Chosen | None:
        """What an entry of the order means for this request; None where there is nothing to be had."""
        name, _, wanted = entry.partition("/")
        offer = self._offers.get(name)
        if offer is None:
            self.reason = ModelUnknown(f"{entry} names the provider {name!r}, which is not configured")
            log.warning("model passed over", model=entry, reason=str(self.reason))
            return None
        try:
            models = (await offer.model(wanted),) if wanted else await offer.models()
        except ProviderError as error:
            # One nobody asked for is no reason, unless it is there: a local server may still be loading its model.
            self.reason = error if offer.news or isinstance(error, ProviderBusy) else self.reason
            models = ()
        else:
            self.reason = self.reason if models else ModelUnknown(f"{name} offers no model")
        if self._stays is None:
            self._stays = models[0].hosting == "self" if models else offer.own
        allowed = [model for model in models if model.hosting == "self" or not self._stays]
        if models and not allowed:
            log.warning("model passed over", model=entry, reason="it is hosted, and this stays on your own machines")
        return self._best(offer.provider, allowed)

    def _best(self, provider: Provider, models: Iterable[Model]) -> Chosen | None:
        """The first that lacks nothing, else the first that lacks least."""
        best: Chosen | None = None
        for model in models:
            chosen = Chosen(provider=provider, model=model, lacks=self._needs.lacking(model))
            if chosen.name in self._but:
                continue
            if not chosen.lacks:
                return chosen
            if best is None or _weight(chosen.lacks) < _weight(best.lacks):
                best = chosen
        return best


def _weight(lacks: frozenset[Ability]) -> int:
    """How much it matters: not seeing what it is asked about matters most."""
    return 2 if lacks & SIGHT else 1 if lacks else 0
