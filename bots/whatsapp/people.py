"""Who is who: a person stays the same when their number, or Meta's id for them, changes.

Meta names people by an id of its own for each business (a BSUID), by their number, or by both; a number can be missing,
and both can change (https://developers.facebook.com/docs/whatsapp/business-scoped-user-ids). Whoever was known by one
of them is known by the other from the first message that shows both, and by a new one from the notice that says it has
changed. A number that turns up with another BSUID, without such a notice, has a new owner: that is somebody else.
"""

import asyncio
import hashlib
import hmac
import json
from collections.abc import Sequence

from core.site import Memo
from core.values import value


@value
class Known:
    """What is kept of an id.

    Attributes:
        person: The id they were first known by: the chat's name for good.
        bsuid: Of a number: the BSUID that it came with, "" where it came alone.
    """

    person: str
    bsuid: str = ""


class People:
    """The names of people, kept in the store under hashes of them.

    Args:
        secret: Keys the hashes.
    """

    def __init__(self, memo: Memo, secret: str) -> None:
        self._memo = memo
        self._secret = secret.encode()
        self._reach: dict[str, str] = {}
        self._lock = asyncio.Lock()  # calls come side by side, and what is found out is kept in several rows

    async def of(self, bsuid: str, number: str) -> str:
        """The person whom these ids name, from a verified message."""
        async with self._lock:
            return await self._of(bsuid, number)

    async def _of(self, bsuid: str, number: str) -> str:
        by_bsuid = await self._known(bsuid)
        by_number = await self._known(number)
        if by_bsuid is not None:
            person = by_bsuid.person
        elif by_number is not None and by_number.bsuid in {"", bsuid}:
            person = by_number.person
        else:
            person = bsuid or number
        if bsuid and by_bsuid is None:
            await self._keep(bsuid, Known(person=person))
        wanted = Known(person=person, bsuid=bsuid or (by_number.bsuid if by_number else ""))
        if number and by_number != wanted and (bsuid or by_number is None):
            await self._keep(number, wanted)
        await self._reached(person, bsuid or number)
        return person

    async def whom(self, bsuid: str, number: str) -> str:
        """The person a word about something we sent is about; it teaches us nothing of them."""
        known = await self._known(bsuid) or await self._known(number)
        return known.person if known is not None else bsuid or number

    async def changed(self, notice: str, before: Sequence[str], after_bsuid: str, after_number: str) -> None:
        """Meta says that somebody has another number, or another id, from now on.

        Args:
            notice: Names this word of Meta's, which may come again when it is not true any more.
            before: Ids they had, as far as it says; of whom we know none we have nothing to keep.
        """
        async with self._lock:
            known = next(filter(None, [await self._known(one) for one in before]), None)
            if known is None or await self._memo.get(self._name("notice", notice)):
                return
            for one in filter(None, (after_bsuid, after_number)):
                bsuid = after_bsuid if one == after_number else ""
                await self._keep(one, Known(person=known.person, bsuid=bsuid))
            await self._reached(known.person, after_bsuid or after_number)
            await self._memo.keep(self._name("notice", notice), "applied")

    async def reach(self, person: str) -> str:
        """By which id they can be written to now."""
        if person not in self._reach:
            self._reach[person] = await self._memo.get(self._name("reach", person)) or person
        return self._reach[person]

    async def _reached(self, person: str, by: str) -> None:
        if by and await self.reach(person) != by:
            self._reach[person] = by
            await self._memo.keep(self._name("reach", person), by)

    async def _known(self, identity: str) -> Known | None:
        if not identity:
            return None
        kept = await self._memo.get(self._name("known", identity))
        return Known(**json.loads(kept)) if kept else None

    async def _keep(self, identity: str, known: Known) -> None:
        body = json.dumps({"person": known.person, "bsuid": known.bsuid})
        await self._memo.keep(self._name("known", identity), body)

    def _name(self, kind: str, identity: str) -> str:
        hashed = hmac.new(self._secret, identity.encode("utf-8", "surrogatepass"), hashlib.sha256)
        return f"{kind}/{hashed.hexdigest()[:32]}"
