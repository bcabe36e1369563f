"""Listening to a lane while an answer is being written: a stop, an edit of the question, one more message."""

import asyncio
from collections.abc import Iterable
from typing import Literal

from core.seams import Work
from core.values import Command, Message, Received

WhileBusy = Literal["queue", "merge", "interrupt"]


class Ear:
    """Hears what arrives, and says what it means for the answer at hand.

    Attributes:
        asked: The messages this answer is about; edits replace one, interruptions add one.
        settled: Rows beyond those of ``asked`` that end with this turn.
        waiting: Messages that arrived meanwhile and get a turn of their own.
        stop: The row of the ``/stop`` that was heard.
        changed: Set when the answer must stop, or begin again.
    """

    def __init__(self, work: Work, asked: Iterable[Received], while_busy: WhileBusy) -> None:
        self.asked = list(asked)
        self.settled: list[int] = []
        self.waiting: list[Received] = []
        self.stop: Received | None = None
        self.changed = asyncio.Event()
        self._work = work
        self._while_busy = while_busy
        taken = {received.row for received in self.asked}
        self._hear(received for received in work.events if received.row not in taken)
        if self.stop is None:
            self.changed.clear()  # the answer has not begun, so nothing has to begin again

    async def listen(self) -> None:
        """Hear until cancelled."""
        while True:
            self._hear(await self._work.later())

    def stopped(self) -> bool:
        """Whether a ``/stop`` was heard."""
        return self.stop is not None

    @property
    def done(self) -> tuple[int, ...]:
        """The rows that end with this turn; a stop ends those that waited behind the answer, too."""
        rows = {received.row for received in self.asked} | set(self.settled)
        if self.stop is not None:
            rows |= {self.stop.row} | {received.row for received in self.waiting}
        return tuple(sorted(rows))

    def _hear(self, rows: Iterable[Received]) -> None:
        for received in rows:
            if self.stop is not None:
                return  # what was said after the stop begins anew
            match received.inbound.body:
                case Command(name="stop"):
                    self.stop = received
                    self.changed.set()
                case Message(edited=True) as edit if self._replace(received, edit):
                    self.settled.append(received.row)
                case Message() as message if self._joins(message):
                    self.asked.append(received)
                    self.changed.set()
                case Message():
                    self.waiting.append(received)
                case _:
                    pass

    def _replace(self, received: Received, edit: Message) -> bool:
        """Whether this edits something asked or waiting; then it stands in its place."""
        for among in (self.asked, self.waiting):
            for number, earlier in enumerate(among):
                if _same_message(earlier, received, edit):
                    if among is self.asked:
                        among[number] = _in_place_of(earlier, received)
                        self.changed.set()
                        return True
                    return False  # its own turn will find the edit
        return False

    def _joins(self, message: Message) -> bool:
        first = self.asked[0].inbound.body if self.asked else None
        album = isinstance(first, Message) and bool(first.album) and first.album == message.album
        return album or (self._while_busy == "interrupt" and not message.edited)


def _same_message(earlier: Received, later: Received, edit: Message) -> bool:
    body = earlier.inbound.body
    return isinstance(body, Message) and body.id == edit.id and earlier.inbound.to.chat == later.inbound.to.chat


def _in_place_of(earlier: Received, edit: Received) -> Received:
    return Received(row=earlier.row, scope=earlier.scope, space=earlier.space, inbound=edit.inbound)
