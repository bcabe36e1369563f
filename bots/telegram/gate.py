"""A gate that all groups share, so that many of them at once do not pass what Telegram grants a bot.

Each chat's own budget is the governor's affair, and private chats need no gate: bursts to many of them pass (see
docs/decisions/0004). But answers in groups are shown by editing them, many calls each, in step with each other.
Telegram grants a bot about 30 calls a second (https://core.telegram.org/bots/faq#broadcasting-to-users).
"""

import asyncio
import time


class Gate:
    """Lets so many calls through at once, and then one after the other, first come first served.

    What counts is when a call goes through, not when it might have: after a moment in which this process could do
    nothing, those that came due meanwhile are not all let go at once.
    """

    def __init__(self, *, burst: int = 25, per_s: float = 25.0) -> None:
        self._burst = float(burst)
        self._per_s = per_s
        self._free = self._burst
        self._at = time.monotonic()
        self._order = asyncio.Lock()

    async def wait(self) -> None:
        """Wait for one's turn."""
        async with self._order:
            while (missing := 1 - self._refilled()) > 0:  # noqa: ASYNC110 - only time brings what is missing
                await asyncio.sleep(missing / self._per_s)
            self._free -= 1

    def _refilled(self) -> float:
        now = time.monotonic()
        self._free = min(self._burst, self._free + (now - self._at) * self._per_s)
        self._at = now
        return self._free
