"""A gate that all groups share, so that many of them at once do not pass what Telegram grants a bot.

Each chat's own budget is the governor's affair, and private chats need no gate: bursts to many of them pass (see
docs/decisions/0004). But answers in groups are shown by editing them, many calls each, in step with each other.
Telegram grants a bot about 30 calls a second (https://core.telegram.org/bots/faq#broadcasting-to-users).
"""

import asyncio
import time


class Gate:
    """Lets so many calls through at once, and then one after the other, first come first served."""

    def __init__(self, *, burst: int = 25, per_s: float = 25.0) -> None:
        self._step_s = 1 / per_s
        self._slack_s = (burst - 1) / per_s
        self._next = 0.0

    async def wait(self) -> None:
        """Wait for one's turn."""
        now = time.monotonic()
        mine = max(self._next, now)
        self._next = mine + self._step_s
        await asyncio.sleep(max(0.0, mine - now - self._slack_s))
