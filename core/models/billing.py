"""What a turn's calls of models took and cost: one row a call, in the table a ledger is made of.

A row is named for its turn, for the step of that turn and for the attempt at that step: a turn that runs twice writes
the same rows. Calls are priced when they are to be committed; until then they are only noted, so that nothing waits.
"""

from datetime import UTC, datetime
from typing import Literal

from core.codec import dump
from core.exchange import Usage
from core.models.prices import Prices
from core.models.routing import Chosen
from core.values import Put, value

TABLE = "calls"

Ended = Literal["answered", "broke", "stopped"]
"""With an answer, because its provider broke, or because nobody wanted it any more."""


@value
class Call:
    """One call of a model.

    Attributes:
        microcredits: A millionth of a credit; 1 credit is US$ 0.01.
        counted: False where the provider did not count, so ``usage`` is an estimate.
        priced: False where the price is that of relatives, for want of its own.
    """

    provider: str
    model: str
    usage: Usage
    microcredits: int
    ended: Ended
    counted: bool
    priced: bool
    at: datetime


@value
class _Noted:
    row: str
    chosen: Chosen
    usage: Usage
    ended: Ended
    counted: bool
    at: datetime


class Bill:
    """One turn's calls.

    Args:
        row: The event that began the turn.
        scope: Whom its conversation belongs to.
    """

    def __init__(self, prices: Prices, lane: str, row: int, scope: str) -> None:
        self._prices = prices
        self._start = f"{lane}/{row:016d}"
        self._scope = scope
        self._noted: list[_Noted] = []
        self._attempts: dict[int, int] = {}

    def open(self, chosen: Chosen) -> None:
        """A call begins."""
        if chosen.model.hosting != "self":
            self._prices.warm()

    def note(self, step: int, chosen: Chosen, usage: Usage, ended: Ended, *, counted: bool) -> None:
        """A call has ended; ``step`` says how many steps its turn had taken before."""
        attempt = self._attempts.get(step, 0)
        self._attempts[step] = attempt + 1
        row = f"{self._start}.{step:04d}.{attempt:04d}"
        self._noted.append(
            _Noted(row=row, chosen=chosen, usage=usage, ended=ended, counted=counted, at=datetime.now(UTC))
        )

    async def writes(self) -> tuple[Put, ...]:
        """The rows of what was noted since the last time."""
        writes = [await self._priced(one) for one in self._noted]
        self._noted.clear()
        return tuple(writes)

    async def _priced(self, noted: _Noted) -> Put:
        provider, model = noted.chosen.provider.name, noted.chosen.model
        cost = await self._prices.cost(provider, model, noted.usage, noted.at)
        call = Call(
            provider=provider,
            model=model.id,
            usage=noted.usage,
            microcredits=cost.microcredits,
            ended=noted.ended,
            counted=noted.counted,
            priced=cost.known,
            at=noted.at,
        )
        return Put(table=TABLE, row=noted.row, scope=self._scope, body=dump(Call, call))
