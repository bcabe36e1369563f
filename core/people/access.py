"""Who may talk to the assistant: its owner, named by a code; or everybody, where the operator says so.

The code is printed at every start while a messenger has no owner, and whoever sends it there in a private chat is
the owner of that messenger from then on. Everybody else gets one polite sentence, once. Whoever talks through an
adapter that only this machine's user can reach is the owner anyway.
"""

import hmac
import secrets
from collections.abc import Collection
from typing import Literal

from core.people.owners import chat_of_owner
from core.people.strangers import PaidReplies
from core.seams import Records
from core.values import Command, Message, Put, Received, value

_TABLE = "people"
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"
_GROUPS, _GROUP = 3, 4  # 60 bits: guessing is hopeless at any rate a messenger allows


@value
class Verdict:
    """Whether somebody may go on.

    Attributes:
        kind: ``new`` is who just gave the code; ``stranger`` hears a sentence, ``unowned`` another one since nobody has
            given the code yet, ``ignored`` has heard one already.
        writes: What must be kept with the turn for the verdict to hold.
    """

    kind: Literal["owner", "guest", "new", "stranger", "unowned", "ignored"]
    writes: tuple[Put, ...] = ()

    @property
    def admitted(self) -> bool:
        """Whether what they ask is answered."""
        return self.kind in {"owner", "guest"}


class Access:
    """The rule at the door.

    Args:
        policy: ``pairing`` (the owner alone) or ``open``.
        local: Adapters only the machine's own user can reach.
        paid: Those by which each message costs money.
        max_paid_replies_per_day: How many strangers hear a sentence by each of those.
    """

    def __init__(
        self,
        records: Records,
        policy: Literal["pairing", "open"],
        local: Collection[str],
        *,
        paid: Collection[str] = (),
        max_paid_replies_per_day: int = 0,
    ) -> None:
        self._records = records
        self.paid_replies = PaidReplies(records, paid, max_paid_replies_per_day)
        self._policy = policy
        self._local = frozenset(local)
        self._named: dict[str, str] = {}  # whom the code has named already, perhaps in a commit still to come
        self.code = "-".join("".join(secrets.choice(_ALPHABET) for _ in range(_GROUP)) for _ in range(_GROUPS))

    async def unowned(self, adapters: Collection[str]) -> tuple[str, ...]:
        """Those of these adapters that have no owner yet, while that matters."""
        if self._policy == "open":
            return ()
        others = [name for name in adapters if name not in self._local]
        return tuple([name for name in others if await self._records.get(_TABLE, f"owner/{name}") is None])

    async def admit(self, received: Received) -> Verdict:
        """Decide about the sender of one event."""
        adapter, scope = received.inbound.to.adapter, received.scope
        if adapter in self._local:
            return Verdict(kind="owner")
        owner = await self._records.get(_TABLE, f"owner/{adapter}")
        if owner is not None and owner.body == scope.encode():
            return Verdict(kind="owner")
        if self._policy == "open":
            return Verdict(kind="guest")
        # Two may send the code at once, in turns that run side by side: it names the first of them alone.
        if owner is None and self._gives_code(received) and self._named.setdefault(adapter, scope) == scope:
            row = Put(table=_TABLE, row=f"owner/{adapter}", scope=scope, body=scope.encode())
            return Verdict(kind="new", writes=(row, chat_of_owner(adapter, scope, received.inbound.to)))
        if await self._records.get(_TABLE, f"told/{scope}") is not None:
            return Verdict(kind="ignored")
        told = Put(table=_TABLE, row=f"told/{scope}", scope=scope, body=b"1")
        return Verdict(kind="unowned" if owner is None else "stranger", writes=(told,))

    async def admits(self, received: Received) -> bool:
        """Whether what the sender of an event asks is answered."""
        return (await self.admit(received)).admitted

    def _gives_code(self, received: Received) -> bool:
        if not received.inbound.to.private:
            return False
        match received.inbound.body:
            case Message(text=text):
                given = text
            case Command(name="start", args=args):
                given = args
            case _:
                return False
        return hmac.compare_digest(_bare(given), _bare(self.code))


def _bare(code: str) -> bytes:
    """The code alone: telephones write other dashes than ours, and a full stop at the end."""
    return "".join(filter(str.isalnum, code)).upper().encode("utf-8", "replace")
