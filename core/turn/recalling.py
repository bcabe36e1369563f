"""What a reply is about, where the platform tells only which message that was: its words, out of what was kept."""

from collections.abc import Iterable
from dataclasses import replace

from core.context.conversation import Context, Kept, row_of
from core.context.marks import name_of
from core.context.parts import text_of
from core.seams import Work
from core.values import Message, Outbound, Put, Quote, Received

_MOST_CHARS = 4000
_CUT = " …"

_Kept = tuple[tuple[str, Kept], ...]


class RecallingWork:
    """A turn's ``Work`` whose messages say what they reply to."""

    def __init__(self, work: Work, context: Context, events: tuple[Received, ...]) -> None:
        self._work = work
        self._context = context
        self.events = events

    @property
    def lane(self) -> str:
        """See ``Work``."""
        return self._work.lane

    @property
    def steps(self) -> tuple[bytes, ...]:
        """See ``Work``."""
        return self._work.steps

    async def later(self) -> tuple[Received, ...]:
        """See ``Work.later``."""
        return await _recalled(await self._work.later(), self._context, self.lane)

    async def record(self, step: bytes, *writes: Put) -> None:
        """See ``Work.record``."""
        await self._work.record(step, *writes)

    async def show(self, out: Outbound) -> None:
        """See ``Work.show``."""
        await self._work.show(out)


async def recalling(work: Work, context: Context) -> Work:
    """The same work, with the words of what its messages reply to."""
    return RecallingWork(work, context, await _recalled(work.events, context, work.lane))


async def _recalled(events: tuple[Received, ...], context: Context, lane: str) -> tuple[Received, ...]:
    if not any(map(_is_asked_for, _quotes(events))):
        return events
    kept = await context.recent(lane)
    return tuple(_with_words(received, kept) for received in events)


def _quotes(events: Iterable[Received]) -> Iterable[Quote]:
    bodies = (received.inbound.body for received in events)
    return (quote for body in bodies if isinstance(body, Message) for quote in body.quotes)


def _is_asked_for(quote: Quote) -> bool:
    return not quote.text and bool(quote.message or quote.slot)


def _with_words(received: Received, kept: _Kept) -> Received:
    body = received.inbound.body
    if not (isinstance(body, Message) and any(map(_is_asked_for, body.quotes))):
        return received
    quotes = tuple(_found(quote, received, kept) if _is_asked_for(quote) else quote for quote in body.quotes)
    return replace(received, inbound=replace(received.inbound, body=replace(body, quotes=quotes)))


def _found(quote: Quote, received: Received, kept: _Kept) -> Quote:
    """A quote with its words, as far as they are known."""
    if quote.slot:
        entries = [one.entry for name, one in kept if str(row_of(name)) == _row(quote.slot)]
        said = "\n\n".join(filter(None, (text_of(entry.parts) for entry in entries if entry.role == "assistant")))
    else:
        wanted = name_of(received.inbound.to, quote.message)
        heard = [one.entry for _, one in kept if any(mark.message == wanted for mark in one.heard)]
        said = text_of(heard[-1].parts) if heard else ""
    return replace(quote, text=said if len(said) <= _MOST_CHARS else said[:_MOST_CHARS] + _CUT)


def _row(slot: str) -> str:
    """The row whose turn said this; "" for a slot that holds no answer, but a question whether we may, or news."""
    head = slot.partition(".")[0]
    return head if head.isdecimal() else ""
