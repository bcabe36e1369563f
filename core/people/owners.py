"""Telling the owner: a sentence about the product itself reaches whoever owns it, where they can be reached."""

from collections.abc import Sequence
from secrets import token_hex

import structlog

from core.codec import dump, load
from core.errors import StoreError
from core.seams import Engine
from core.values import Address, Outbound, Outcome, Put, Reply

log = structlog.get_logger(__name__)

_TABLE = "people"


def chat_of_owner(adapter: str, scope: str, to: Address) -> Put:
    """What is kept to find the private chat again in which an owner has given the code."""
    return Put(table=_TABLE, row=_row(adapter), scope=scope, body=dump(Address, to))


class Owners:
    """Those who own the messengers of this deployment.

    Args:
        adapters: Names of messengers, those first by which an owner is told first.
    """

    def __init__(self, engine: Engine, adapters: Sequence[str]) -> None:
        self._engine = engine
        self._adapters = tuple(adapters)

    async def tell(self, text: str, *, but: str = "") -> None:
        """Say something to an owner, by another messenger than this; where there is none, the log has it alone.

        Args:
            but: The messenger that has the trouble.
        """
        log.warning("for the owner", adapter=but, text=text)
        try:
            for adapter in self._adapters:
                if adapter != but and (kept := await self._engine.records.get(_TABLE, _row(adapter))) is not None:
                    said = Outbound(slot=f"o{token_hex(7)}", to=load(Address, kept.body), reply=Reply(markdown=text))
                    await self._engine.commit(Outcome(done=(), out=(said,)))
                    return
        except StoreError as error:  # whoever tells has other work to do
            log.warning("the owner was not told", reason=str(error))


def _row(adapter: str) -> str:
    return f"owner-chat/{adapter}"
