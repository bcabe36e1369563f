"""What was said long ago and comes only now: it is read, and not answered as if it had just been said.

A messenger may bring for days what nobody took in, or what was said while nobody listened; and what was taken in may
have waited for a process that did not run. Whoever said it is told so, once.
"""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from core import phrases
from core.codec import dump, load
from core.context import wording
from core.context.conversation import Context, keep
from core.context.marks import mark_of
from core.exchange import Entry
from core.seams import Records, Work
from core.turn import acts
from core.turn.acts import same_asker
from core.values import Command, Message, Outbound, Outcome, Put, Received, Reply

_TABLE = "late"
_AGAIN = timedelta(days=1)


class LateReading:
    """Reads what is too old to be answered.

    Args:
        max_age_s: What is older, by its platform's clock, is late; 0 for nothing.
    """

    def __init__(self, records: Records, max_age_s: float) -> None:
        self._records = records
        self._context = Context(records)
        self._max_age_s = max_age_s

    def is_late(self, received: Received) -> bool:
        """Whether an event is too old; one whose age nobody tells is not."""
        at = received.inbound.at
        return at is not None and 0 < self._max_age_s < (datetime.now(UTC) - at).total_seconds()

    async def read(self, work: Work, *, silent: bool) -> Outcome:
        """Take in the first event, and what its sender said behind it that is late as well. Commands are not obeyed.

        Args:
            silent: Nothing is said about it, since that would cost money.
        """
        rows = tuple(self._read_together(work))
        done = tuple(received.row for received in rows)
        said = [received for received in rows if isinstance(received.inbound.body, Message)]
        if not said:
            return Outcome(done=done)
        history = await self._context.history(work.lane, entries=1)
        entry = Entry(role="user", parts=tuple(part for one in acts.whole(said) for part in wording.said_late(one)))
        marks = tuple(mark for one in said if (mark := mark_of(one.inbound)) is not None)
        writes = keep(history, rows[0].row, rows[0].space, [entry], heard=[marks])
        if silent or not await self._is_news(work.lane):
            return Outcome(done=done, writes=writes)
        told = Put(table=_TABLE, row=work.lane, scope=rows[0].space, body=dump(datetime, datetime.now(UTC)))
        text = phrases.LATE.format(ago=wording.ago(said[-1]))
        out = Outbound(slot=str(rows[0].row), to=said[-1].inbound.to, reply=Reply(markdown=text))
        return Outcome(done=done, out=(out,), writes=(*writes, told))

    def _read_together(self, work: Work) -> Iterator[Received]:
        first, *others = work.events
        yield first
        for received in others:
            body = received.inbound.body
            fits = isinstance(body, Command) or (isinstance(body, Message) and body.addressed and not body.edited)
            if not (fits and same_asker(first, received) and self.is_late(received)):
                return
            yield received

    async def _is_news(self, lane: str) -> bool:
        """Whether nobody was told of it lately."""
        kept = await self._records.get(_TABLE, lane)
        return kept is None or datetime.now(UTC) - load(datetime, kept.body) > _AGAIN
