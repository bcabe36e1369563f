"""Signs: what an interaction wants within three seconds, given side by side as soon as the interaction is safe.

"Thinking" is a promise. Where nobody takes the interaction up, which is how strangers are treated in servers, it is
taken back: Discord would show it for a quarter of an hour.
"""

import asyncio
from collections.abc import Coroutine
from typing import Any, Final

import structlog

from bots.discord.interactions import acknowledgement, promises, webhook
from bots.discord.line import Cut, Line, Refused, Unsent

log = structlog.get_logger(__name__)

Json = dict[str, Any]

_ALREADY: Final = 40060
_TRIES: Final = 3
_AGAIN_S: Final = 0.3
_NOBODY_S: Final = 60.0


class Signs:
    """Signs on their way, and promises that wait for somebody.

    Args:
        nobody_s: How long a promise waits.
    """

    def __init__(self, line: Line, *, nobody_s: float = _NOBODY_S) -> None:
        self._line = line
        self._nobody_s = nobody_s
        self._given: dict[str, asyncio.Task[None]] = {}
        self._awaited: dict[str, asyncio.TimerHandle] = {}

    def give(self, interaction: Json) -> None:
        """Acknowledge an interaction, in the background."""
        token = str(interaction.get("token"))
        self._begin(token, self._give(interaction))
        if promises(interaction):
            loop = asyncio.get_running_loop()
            self._awaited[token] = loop.call_later(self._nobody_s, self._forgotten, token, webhook(interaction))

    async def given(self, token: str) -> None:
        """Wait until an interaction's sign is given, or was refused or taken back: only then can it be answered."""
        self.taken_up(token)
        if (task := self._given.get(token)) is not None:
            await asyncio.wait({task})

    def taken_up(self, token: str) -> None:
        """Note that somebody is about to answer."""
        if (timer := self._awaited.pop(token, None)) is not None:
            timer.cancel()

    async def close(self) -> None:
        """Give what is on its way a moment, and forget the rest."""
        for timer in self._awaited.values():
            timer.cancel()
        self._awaited.clear()
        tasks = list(self._given.values())
        if tasks:
            await asyncio.wait(tasks, timeout=_AGAIN_S)
        for task in tasks:
            task.cancel()

    def _begin(self, token: str, doing: Coroutine[Any, Any, None]) -> None:
        self._given[token] = task = asyncio.create_task(doing, name="discord sign")
        task.add_done_callback(lambda _: self._given.pop(token, None))

    async def _give(self, interaction: Json) -> None:
        path, body = acknowledgement(interaction)
        reason = ""
        for _ in range(_TRIES):
            try:
                await self._line.call("POST", path, body)
            except Refused as refused:
                if refused.code == _ALREADY:
                    return
                reason = str(refused)
                if refused.status < 500:  # noqa: PLR2004
                    break
            except (Unsent, Cut) as error:
                reason = str(error)
            else:
                return
            await asyncio.sleep(_AGAIN_S)
        log.info("interaction not acknowledged", reason=reason)

    def _forgotten(self, token: str, path: str) -> None:
        self._awaited.pop(token, None)
        self._begin(token, self._take_back(path))

    async def _take_back(self, path: str) -> None:
        try:
            await self._line.call("DELETE", f"{path}/messages/@original")
        except (Refused, Unsent, Cut) as error:
            log.info("a sign was not taken back", reason=str(error))
