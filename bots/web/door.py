"""Who is let in: whoever presses the button behind a link that works once, and from then on the browser it was.

Opening the link changes nothing, since preview robots, mail scanners and browsers that load ahead open links before
people do. The link's token lives in memory only and a session's only in its browser's cookie: what is kept is a hash,
so whoever reads the store can enter nowhere. Every session is the owner's, since only whoever runs this machine sees
the link.
"""

import asyncio
import hashlib
import hmac
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from core.site import Memo

LINK_S: Final = 24 * 3600.0
SESSION_S: Final = 180 * 24 * 3600
_MOST_SESSIONS: Final = 50
_NOTE: Final = "sessions"


@dataclass(frozen=True, slots=True)
class _Link:
    token: str
    until: float


class Door:
    """Sessions, and the one link there is at a time.

    Args:
        now: The time in seconds since 1970.
    """

    def __init__(self, memo: Memo, now: Callable[[], float] = time.time) -> None:
        self._memo = memo
        self._now = now
        self._link: _Link | None = None
        self._sessions: dict[str, float] = {}
        self._writing = asyncio.Lock()

    async def read(self) -> None:
        """Remember the sessions of earlier runs."""
        kept = await self._memo.get(_NOTE)
        try:
            self._sessions = {str(name): float(began) for name, began in json.loads(kept or "{}").items()}
        except (ValueError, AttributeError, TypeError):
            self._sessions = {}  # whoever was inside asks for a new link

    def token(self) -> str:
        """What lets one browser in: the same until it is used, or a day old."""
        if self._link is None or self._link.until <= self._now():
            self._link = _Link(secrets.token_urlsafe(32), self._now() + LINK_S)
        return self._link.token

    @property
    def unused(self) -> bool:
        """Whether there is a link that nobody has used."""
        return self._link is not None and self._link.until > self._now()

    def opens(self, token: str) -> bool:
        """Whether a token is the link's, unused and not too old; asking spends nothing."""
        link = self._link
        given = token.encode("utf-8", "replace")
        return link is not None and hmac.compare_digest(given, link.token.encode()) and link.until > self._now()

    async def enter(self, token: str) -> str | None:
        """Let a browser in: a new session's secret, None where the token is not (or no longer) the link's."""
        if not self.opens(token):
            return None
        self._link = None  # at once: of two requests with it, one is let in
        session = secrets.token_urlsafe(32)
        self._sessions[name_of(session)] = self._now()
        await self._keep()
        return session

    def knows(self, session: str) -> bool:
        """Whether this is a session's secret."""
        began = self._sessions.get(name_of(session))
        return began is not None and began + SESSION_S > self._now()

    async def leave(self, session: str, *, everywhere: bool = False) -> None:
        """End a session, or all of them."""
        self._sessions = {} if everywhere else {n: t for n, t in self._sessions.items() if n != name_of(session)}
        await self._keep()

    async def _keep(self) -> None:
        async with self._writing:
            alive = {name: began for name, began in self._sessions.items() if began + SESSION_S > self._now()}
            self._sessions = dict(sorted(alive.items(), key=lambda one: one[1])[-_MOST_SESSIONS:])
            await self._memo.keep(_NOTE, json.dumps(self._sessions))


def name_of(session: str) -> str:
    """A session's name, by which nobody can enter."""
    return hashlib.sha256(session.encode("utf-8", "replace")).hexdigest()
