"""Listening to a lane while an answer is being written: a stop, an edit of the question, one more message.

An answer is one person's, in one chat: only what they say there joins it. Whoever is not admitted is not heard here at
all; their rows stay open and have a turn of their own.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from typing import Any, Literal, TypeVar

import structlog

from core.seams import Work
from core.values import Command, Message, Received

log = structlog.get_logger(__name__)

WhileBusy = Literal["queue", "merge", "interrupt"]
T = TypeVar("T")

_DEAF_S = 1.0


class Heard(Exception):
    """What was being done must end, or begin again, because of something that was heard."""


class Ear:
    """Hears what arrives, and says what it means for the answer at hand.

    Args:
        admits: Whether somebody's event counts.

    Attributes:
        asked: The messages this answer is about; edits replace one, interruptions add one.
        settled: Rows beyond those of ``asked`` that end with this turn.
        waiting: Messages that arrived meanwhile and get a turn of their own.
        stop: The ``/stop`` that was heard.
    """

    def __init__(
        self,
        work: Work,
        asked: Iterable[Received],
        while_busy: WhileBusy,
        admits: Callable[[Received], Awaitable[bool]],
    ) -> None:
        self.asked = list(asked)
        self.settled: list[int] = [work.events[0].row]
        self.waiting: list[Received] = []
        self.stop: Received | None = None
        self._work = work
        self._while_busy = while_busy
        self._admits = admits
        self._known = {*self.settled, *(received.row for received in self.asked)}
        self._changed = asyncio.Event()
        self._halted = asyncio.Event()

    @asynccontextmanager
    async def listening(self) -> AsyncGenerator[None]:
        """Hear what is there already, and go on hearing in the background."""
        await self._hear(self._work.events)
        task = asyncio.create_task(self._listen(), name="ear")
        try:
            yield
        finally:
            task.cancel()
            await asyncio.wait({task})

    async def unless_stopped(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do something, but cut it off at a ``/stop``.

        Raises:
            Heard: It was cut off; whatever it held open is closed.
        """
        return await self._unless(self._halted, doing)

    async def unless_changed(self, doing: Coroutine[Any, Any, T]) -> T:
        """Do something, but cut it off when what is asked changes, or at a ``/stop``.

        What is done begins after this is called, so it may rely on ``asked``.

        Raises:
            Heard: It was cut off, or came to its end too late to count.
        """
        self._changed.clear()
        return await self._unless(self._changed, doing)

    @property
    def done(self) -> tuple[int, ...]:
        """The rows that end with this turn."""
        rows = {*self.settled, *(received.row for received in (*self.asked, *self.dropped))}
        return tuple(sorted(rows if self.stop is None else rows | {self.stop.row}))

    @property
    def dropped(self) -> tuple[Received, ...]:
        """What waited behind the answer when its asker said stop, and ends with it."""
        stop = self.stop
        if stop is None:
            return ()
        return tuple(
            received
            for received in self.waiting
            if received.scope == stop.scope or (received.inbound.to.private and stop.inbound.to.private)
        )

    async def _unless(self, event: asyncio.Event, doing: Coroutine[Any, Any, T]) -> T:
        if self._halted.is_set():
            doing.close()
            raise Heard
        task = asyncio.create_task(doing, name="answer")
        heard = asyncio.create_task(event.wait(), name="heard")
        try:
            await asyncio.wait({task, heard}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            heard.cancel()
            if not task.done():
                task.cancel()
                await asyncio.wait({task})  # a stream is closed before anything else happens
        if event.is_set():
            if not task.cancelled():
                task.exception()  # it came to its end at the same moment, and is of no use now
            raise Heard
        if task.cancelled():
            raise RuntimeError("something ended itself as if it had been cancelled")
        return task.result()

    async def _listen(self) -> None:
        rows: tuple[Received, ...] = ()
        while True:
            try:
                rows = rows or await self._work.later()
                await self._hear(rows)
                rows = ()
            except Exception:
                # An answer whose lane cannot be heard is still an answer. Rows come once: those at hand are kept.
                log.exception("lane not heard")
                await asyncio.sleep(_DEAF_S)

    async def _hear(self, rows: Iterable[Received]) -> None:
        for received in rows:
            if self.stop is not None:
                return  # what was said after the stop begins anew
            if received.row not in self._known and await self._admits(received):
                self._known.add(received.row)
                self._take(received)

    def _take(self, received: Received) -> None:
        match received.inbound.body:
            case Command(name="stop"):
                self.stop = received
                self._halted.set()
                self._changed.set()
            case Message(addressed=False):
                pass  # said to others
            case Message(edited=True) as edit if self._replaces(received, edit):
                self.settled.append(received.row)
                self._changed.set()
            case Message() as message if self._joins(received, message):
                self.asked.append(received)
                self._changed.set()
            case Message():
                self.waiting.append(received)
            case _:
                pass  # it has a turn of its own

    def _replaces(self, received: Received, edit: Message) -> bool:
        """Whether this edits something asked, and stands in its place now. An edit of what waits waits with it."""
        for number, earlier in enumerate(self.asked):
            body = earlier.inbound.body
            if isinstance(body, Message) and body.id == edit.id and same_asker(earlier, received):
                self.asked[number] = _in_place_of(earlier, received)
                return True
        return False

    def _joins(self, received: Received, message: Message) -> bool:
        first = self.asked[0] if self.asked else None
        if first is None or message.edited or not same_asker(first, received):
            return False
        body = first.inbound.body
        album = isinstance(body, Message) and body.album != "" and body.album == message.album
        return album or self._while_busy == "interrupt"


def same_asker(one: Received, other: Received) -> bool:
    """Whether two events come from one person in one place."""
    here, there = one.inbound.to, other.inbound.to
    return one.scope == other.scope and (here.adapter, here.chat, here.thread) == (
        there.adapter,
        there.chat,
        there.thread,
    )


def _in_place_of(earlier: Received, edit: Received) -> Received:
    return Received(row=earlier.row, scope=earlier.scope, space=earlier.space, inbound=edit.inbound)
