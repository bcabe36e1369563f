"""What is done with updates, however they came: made events, made durable, and taps acknowledged after that."""

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import structlog
from telegram.error import TelegramError

from bots.telegram.handles import read
from bots.telegram.intake import Intake
from bots.telegram.moves import Moves
from bots.telegram.transport import Line, bare
from core.seams import Accept
from core.values import Inbound, Tap

log = structlog.get_logger(__name__)


class Reception:
    """Takes one bot's updates in. Make it with ``open_reception``."""

    def __init__(self, line: Line, intake: Intake, moves: Moves, accept: Accept) -> None:
        self._line = line
        self._intake = intake
        self._moves = moves
        self._accept = accept
        self._answers: set[asyncio.Task[None]] = set()

    async def receive(self, batch: Sequence[Mapping[str, Any]]) -> None:
        """Make updates durable; once this returned, Telegram may forget them."""
        events = self._intake.take_all(batch)
        await self._moves.save()
        if events:
            await self._accept(events)
        self._answer_taps(events)

    def close(self) -> None:
        """Acknowledge no more taps."""
        for task in self._answers:
            task.cancel()

    def _answer_taps(self, events: Sequence[Inbound]) -> None:
        """Stop the waiting animation on tapped buttons, now that the taps are safe, without holding anything up.

        Nothing is said with it: whether the tap counts, and for whom, is only found out in the tap's own turn.
        """
        for event in events:
            if isinstance(event.body, Tap):
                task = asyncio.create_task(self._answer(read(event.to.handle).query), name="answer a tap")
                self._answers.add(task)
                task.add_done_callback(self._answers.discard)

    async def _answer(self, query_id: str) -> None:
        """Answer a tap (https://core.telegram.org/bots/api#answercallbackquery); one that is too old needs none."""
        try:
            await self._line.call("answerCallbackQuery", {"callback_query_id": query_id})
        except TelegramError as exc:
            log.debug("tap not answered", reason=str(bare(exc)))


@asynccontextmanager
async def open_reception(line: Line, intake: Intake, moves: Moves, accept: Accept) -> AsyncGenerator[Reception, None]:
    """Open one for as long as the block lasts."""
    reception = Reception(line, intake, moves, accept)
    try:
        yield reception
    finally:
        reception.close()
