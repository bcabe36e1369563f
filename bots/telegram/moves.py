"""Groups that became supergroups: such a group gets a new id, and is the same group to everybody in it.

See https://core.telegram.org/bots/api#responseparameters and ``migrate_to_chat_id`` of
https://core.telegram.org/bots/api#message. To the core a group keeps the id under which we met it, and so its context;
to Telegram we say the id it has now.
"""

import json
from collections.abc import Mapping

import structlog

from core.site import Memo

log = structlog.get_logger(__name__)

_MEMO = "moved groups"


class Moves:
    """Which group has which id now. What was learnt is remembered over a restart once ``save`` returned.

    That is called for every update that comes, so what is learnt while sending is safe with the next of them; and if it
    is forgotten before, Telegram tells it again.
    """

    def __init__(self, memo: Memo) -> None:
        self._memo = memo
        self._now: dict[str, str] = {}
        self._first: dict[str, str] = {}
        self._saved = True

    async def load(self) -> None:
        """Remember what was known before the restart."""
        kept = await self._memo.get(_MEMO)
        for old, new in _pairs(kept).items():
            self._learn(old, new)

    async def save(self) -> None:
        """Keep what was learnt since."""
        if not self._saved:
            self._saved = True
            try:
                await self._memo.keep(_MEMO, json.dumps(self._now))
            except Exception:
                self._saved = False
                raise

    def learn(self, old: str, new: str) -> None:
        """A group has moved."""
        if self.now(old) != new:
            log.info("a group became a supergroup")
            self._learn(old, new)
            self._saved = False

    def now(self, chat: str) -> str:
        """The id that a chat has now."""
        return self._now.get(chat, chat)

    def first(self, chat: str) -> str:
        """The id under which we met a chat."""
        return self._first.get(chat, chat)

    def _learn(self, old: str, new: str) -> None:
        first = self.first(old)
        if first != new:
            self._now[first] = new
            self._first[new] = first


def _pairs(kept: str) -> Mapping[str, str]:
    try:
        pairs = json.loads(kept or "{}")
    except ValueError:
        return {}
    return pairs if isinstance(pairs, dict) else {}
