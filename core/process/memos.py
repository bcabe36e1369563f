"""The two kinds of ``Memo``: in the store, and nowhere."""

from core.seams import Engine
from core.values import HOUSE, Outcome, Put

_TABLE = "memo"


class Notes:
    """A ``Memo`` in the store, among the house's own rows."""

    def __init__(self, engine: Engine, name: str) -> None:
        self._engine = engine
        self._name = name

    async def get(self, name: str) -> str:
        """See ``Memo``."""
        kept = await self._engine.records.get(_TABLE, f"{self._name}/{name}")
        return "" if kept is None else kept.body.decode()

    async def keep(self, name: str, text: str) -> None:
        """See ``Memo``."""
        row = Put(table=_TABLE, row=f"{self._name}/{name}", scope=HOUSE, body=text.encode())
        await self._engine.commit(Outcome(writes=(row,)))


class Nowhere:
    """A ``Memo`` for what is open before there is a store, or without one: nothing is kept."""

    async def get(self, name: str) -> str:
        """See ``Memo``."""
        del name
        return ""

    async def keep(self, name: str, text: str) -> None:
        """See ``Memo``."""
