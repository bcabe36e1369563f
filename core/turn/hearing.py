"""Listening to a lane while an answer is being written: a stop, an edit of the question, one more message.

An answer is one person's, in one chat: only what they say there joins it. Whoever is not admitted is not heard here at
all; their rows stay open and have a turn of their own.
"""

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Iterable
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any, Literal, TypeVar

import structlog

from core.context.marks import Mark, is_empty, mark_of
from core.errors import WaystationError
from core.seams import Work
from core.turn import acts
from core.turn.acts import same_asker
from core.values import Command, Message, Received

log = structlog.get_logger(__name__)

WhileBusy = Literal["queue", "merge", "interrupt"]
T = TypeVar("T")

_DEAF_S = 1.0
_LONGEST_ACT_S = 5.0


class Heard(Exception):
    """What was being done must end, or begin again, because of something that was heard."""


class Ear:
    """Hears what arrives, and says what it means for the answer at hand.

    Args:
        admits: Whether somebody's event counts.

    Attributes:
        asked: The messages this answer is about; edits replace one, interruptions and what belongs to one add one.
        settled: Rows beyond those of ``asked`` that end with this turn.
        waiting: Messages that arrived meanwhile and get a turn of their own.
        stop: The ``/stop`` that was heard.
        remembered: What the question was made of beside what is heard here.
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
        self.remembered: tuple[Mark, ...] = ()
        self._latest = {_asker(received): received for received in self.asked}
        self._work = work
        self._while_busy = while_busy
        self._admits = admits
        self._known = {*self.settled, *(received.row for received in self.asked)}
        self._others = False  # something was heard that has a turn of its own
        self._news = asyncio.Event()
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

    async def gather(self, window_s: float, *, unless_others: bool = False) -> None:
        """Wait for the rest of what is one act in several messages, as long as more of it may come.

        Args:
            window_s: How long after one message the next may arrive.
            unless_others: Go on as soon as anything else in the lane wants an answer.
        """
        now = asyncio.get_running_loop().time
        last = now() + _LONGEST_ACT_S
        until, count = now() + window_s, len(self.asked)
        while self._goes_on and not (unless_others and (self._others or self.waiting)):
            self._news.clear()
            try:
                async with asyncio.timeout_at(min(until, last)):
                    await self._news.wait()
            except TimeoutError:
                return
            if len(self.asked) > count:
                until, count = now() + window_s, len(self.asked)

    @property
    def over(self) -> bool:
        """Whether nothing is to be answered any more: it was stopped, or withdrawn."""
        return self._halted.is_set()

    @property
    def _goes_on(self) -> bool:
        return not self.over and bool(self.asked) and acts.may_go_on(self.asked[-1])

    @property
    def addressed(self) -> bool:
        """Whether anything that is asked was said to us: of one act, it is enough that one message was."""
        return any(map(_is_to_us, self.asked))

    @property
    def asker(self) -> Received | None:
        """Whose message the answer belongs to: the last that was said to us; None where nothing is asked."""
        return next(filter(_is_to_us, reversed(self.asked)), self.asked[-1] if self.asked else None)

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
    def heard(self) -> tuple[Mark, ...]:
        """How what is asked is remembered, and what ends with it."""
        marks = (mark_of(received.inbound) for received in (*self.asked, *self.dropped))
        return (*self.remembered, *(mark for mark in marks if mark is not None))

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
            except WaystationError:
                # An answer whose lane cannot be heard is still an answer. Rows come once: those at hand are kept.
                log.exception("lane not heard")
                await asyncio.sleep(_DEAF_S)

    async def _hear(self, rows: Iterable[Received]) -> None:
        for received in rows:
            if self.over:
                return  # what was said after the end begins anew
            if received.row not in self._known and await self._admits(received):
                self._known.add(received.row)
                self._take(received)
                self._news.set()

    def _take(self, received: Received) -> None:
        match received.inbound.body:
            case Command(name="stop", edits=edits) if not edits or self._edited(received, edits) is not None:
                self.stop = received
                self._halted.set()
                self._changed.set()
            case Message(edited=True, id=identity) if (number := self._edited(received, identity)) is not None:
                self.settled.append(received.row)
                self._replace(number, received)
            case Message(edited=False) as message:
                joins = self._joins(received, message)
                self._latest[_asker(received)] = received
                if joins:
                    self.asked.append(received)
                    self._changed.set()
                elif message.addressed:
                    self.waiting.append(received)
            case Message(addressed=True):
                self.waiting.append(received)
            case Message():
                pass  # it was said to others
            case _:
                self._others = True

    def _edited(self, received: Received, identity: str) -> int | None:
        """Which of what is asked this edits. An edit of what waits waits with it."""
        for number, earlier in enumerate(self.asked):
            body = earlier.inbound.body
            if isinstance(body, Message) and body.id == identity and same_asker(earlier, received):
                return number
        return None

    def _replace(self, number: int, edit: Received) -> None:
        """Let an edit stand in the place of what it edits; one that changes nothing is no news."""
        earlier = self.asked[number]
        now = self.asked[number] = _in_place_of(earlier, edit)
        if self._latest.get(_asker(earlier)) == earlier:
            self._latest[_asker(earlier)] = now
        if mark_of(now.inbound) == mark_of(earlier.inbound):
            return
        if not any(map(_asks, self.asked)):
            self._halted.set()
        self._changed.set()

    def _joins(self, received: Received, message: Message) -> bool:
        """Whether this belongs to what is asked: as a part of the same act, or since it interrupts."""
        last = self._latest.get(_asker(received))
        act = [one for one in self.asked if same_asker(one, received)]
        if any(last == one for one in act) and any(acts.goes_on(one, received) for one in act):
            return True
        asked = bool(self.asked) and same_asker(self.asked[0], received)
        return asked and message.addressed and self._while_busy == "interrupt"


def _asker(received: Received) -> tuple[str, str, str, str]:
    """Who speaks, and where."""
    to = received.inbound.to
    return received.scope, to.adapter, to.chat, to.thread


def _is_to_us(received: Received) -> bool:
    body = received.inbound.body
    return isinstance(body, Message) and body.addressed


def _asks(received: Received) -> bool:
    """Whether there is anything in a message, and it was said to us."""
    body = received.inbound.body
    return isinstance(body, Message) and body.addressed and not is_empty(body)


def _in_place_of(earlier: Received, edit: Received) -> Received:
    """What is asked now, sent when it was sent first."""
    body = edit.inbound.body
    now = replace(body, edited=False) if isinstance(body, Message) else body
    return replace(earlier, inbound=replace(edit.inbound, body=now, at=earlier.inbound.at))
