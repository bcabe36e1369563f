"""Which of our messages was said in which slot: of a reply Meta tells only the id of what it answers.

Kept in the store are hashes of the ids, by person, and only of the last messages; the words stand in the conversation.
"""

import asyncio
import hashlib
import hmac
import json
from collections import OrderedDict

from core.site import Memo

_KEPT = 200
_PEOPLE_AT_HAND = 500


class SentSlots:
    """The slots of what was said last, by person and message.

    Args:
        secret: Keys the hashes.
    """

    def __init__(self, memo: Memo, secret: str) -> None:
        self._memo = memo
        self._secret = secret.encode()
        self._known: OrderedDict[str, dict[str, str]] = OrderedDict()
        self._lock = asyncio.Lock()

    async def keep(self, person: str, message: str, slot: str) -> None:
        """Remember where a message was said; once it is known this costs nothing."""
        async with self._lock:
            known, name = await self._of(person), self._name(message)
            if known.get(name) == slot:
                return
            known[name] = slot
            while len(known) > _KEPT:
                del known[next(iter(known))]
            await self._memo.keep(self._row(person), json.dumps(known))

    async def slot(self, person: str, message: str) -> str:
        """Where a message was said, "" where that is not known any more."""
        async with self._lock:
            return (await self._of(person)).get(self._name(message), "")

    async def _of(self, person: str) -> dict[str, str]:
        if person not in self._known:
            self._known[person] = json.loads(await self._memo.get(self._row(person)) or "{}")
        self._known.move_to_end(person)
        while len(self._known) > _PEOPLE_AT_HAND:
            self._known.popitem(last=False)
        return self._known[person]

    def _row(self, person: str) -> str:
        return f"sent/{self._name(person)}"

    def _name(self, identity: str) -> str:
        return hmac.new(self._secret, identity.encode("utf-8", "surrogatepass"), hashlib.sha256).hexdigest()[:20]
