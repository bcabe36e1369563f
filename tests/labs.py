"""Providers with several models each, for tests of who is asked; each remembers what it was asked."""

import asyncio
from collections.abc import AsyncGenerator, Callable, Iterable, Sequence
from contextlib import aclosing

from core.codec import load
from core.exchange import Model, ModelEvent, Request
from core.models.billing import TABLE, Call
from core.models.prices import Prices
from core.models.routing import Router
from core.people.access import Access
from core.plugin import Plugin, Tool
from core.testing import FakeProvider, answer
from core.turn.answering import Means
from core.turn.assistant import Assistant
from core.turn.plugins import Plugins
from core.turn.toolbox import Toolbox
from turns import Lane, Script, commanding

_PRICES = Prices()
"""Looked up once for all: what a model costs is the same in each test."""


def model(name: str, *, sees: bool = False, reads: bool = False, tools: bool = True, room: int = 0) -> Model:
    """A hosted model that the catalogue knows nothing of."""
    return Model(id=name, images=sees, documents=reads, tools=tools, context_tokens=room)


def own(name: str, *, sees: bool = False) -> Model:
    """One on the operator's machines."""
    return Model(id=name, hosting="self", images=sees)


class Lab(FakeProvider):
    """A provider of these models; a plain name is a hosted model. It answers with its own name unless told otherwise.

    Attributes:
        down: What asking for its models raises.
        begun: Set once it was asked anything.
    """

    def __init__(self, name: str, models: Sequence[Model | str] = ("m",), *scripts: Script) -> None:
        super().__init__(*(scripts or (answer(f"I am {name}"),)), name=name)
        self.down: Exception | None = None
        self.listed = 0
        self.begun = asyncio.Event()
        self._models = tuple(model(one) if isinstance(one, str) else one for one in models)
        self._says: Callable[[Request], Script] | None = None

    def scripts_for(self, says: Callable[[Request], Script]) -> None:
        """Say what this makes of a request."""
        self._says = says

    async def models(self) -> tuple[Model, ...]:
        self.listed += 1
        if self.down is not None:
            raise self.down
        return self._models

    async def stream(self, request: Request) -> AsyncGenerator[ModelEvent, None]:
        self.begun.set()
        if self._says is not None:
            self._scripts.clear()
            self._scripts.append(self._says(request))
        async with aclosing(super().stream(request)) as events:
            async for event in events:
                yield event

    @property
    def asked(self) -> list[str]:
        """Which of its models were asked, in order."""
        return [request.model for request in self.requests]


def answering(
    lane: Lane,
    *labs: Lab,
    wish: str = "auto",
    fallbacks: Sequence[str] = (),
    self_run: Iterable[str] = (),
    tools: Iterable[Tool] = (),
    prices: Prices | None = None,
    busy_s: float = 0.2,
    change: Callable[[Router], None] = lambda _: None,
) -> Assistant:
    """The real turn over these providers."""
    router = Router(labs, wish, fallbacks=fallbacks, own=tuple(self_run))
    change(router)
    means = Means(
        records=lane.records,
        router=router,
        toolbox=Toolbox([Plugin(name="test", tools=tuple(tools))]),
        plugins=Plugins(commanding(lane.records, router)),
        system="Be brief.",
        prices=prices or _PRICES,
        busy_s=busy_s,
        turn_s=30.0,
    )
    return Assistant(means, Access(lane.records, "open", ()))


def bill(lane: Lane) -> list[Call]:
    """All calls that were kept, by the names of their rows."""
    rows = sorted((row, body) for (table, row), body in lane.records.rows.items() if table == TABLE)
    return [load(Call, body) for _, body in rows]
