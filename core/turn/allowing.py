"""The turn of a tap: what was allowed is done, once, whatever happens in between.

The tap is used up in a commit of its own. Then each call's intent is committed before it is made and its result after:
a run after a crash takes up where the last one was, and a call of which nobody knows whether it was made is not made
again. What the model has to say to the results is a turn of its own, which a job that is due at once begins, so that
the buttons are gone as soon as it is done.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime

import structlog

from core import phrases
from core.context import wording
from core.context.conversation import Context, keep
from core.context.parts import cut, result
from core.exchange import Entry, Part
from core.schedule import at
from core.seams import Records, Work
from core.text.fencing import quoted
from core.turn import approvals
from core.turn.approvals import Approvals, Pending
from core.turn.hearing import Ear
from core.turn.results import Produced, messages_of
from core.turn.steps import Began, Ended, Resumed, Step, pack, unpack
from core.turn.toolbox import Caller, Toolbox
from core.values import Job, Outbound, Outcome, Put, Received, Reply, Tap

log = structlog.get_logger(__name__)

_GO_ON = "goon/"
_TOLD_BYTES = 24_000  # of results, in the conversation: a page that was read after a tap is one
_UNKNOWN = "It was begun, then the assistant was restarted: whether it happened is not known."


def goes_on(job: str) -> bool:
    """Whether this job is the end of a tap's turn, and a model is to have its say."""
    return job.startswith(_GO_ON)


class Allowing:
    """Turns that begin with a tap, or with nobody having tapped in time."""

    def __init__(self, records: Records, toolbox: Toolbox) -> None:
        self._context = Context(records)
        self._approvals = Approvals(records)
        self._toolbox = toolbox

    async def tapped(self, work: Work, tap: Tap, admits: Callable[[Received], Awaitable[bool]]) -> Outcome:
        """Do what was allowed, or note that it was not."""
        first, steps = work.events[0], unpack(work.steps)
        resumed = next((step for step in steps if isinstance(step, Resumed)), None)
        if resumed is None:
            found = await self._approvals.tapped(tap.token)
            if found is None or found[0].scope != first.scope:
                log.warning("tap ignored", reason="used or unknown" if found is None else "somebody else's")
                return Outcome(done=(first.row,))
            pending, allowed = found
            if pending.expires <= datetime.now(UTC):
                return await self._over(work, pending)
            resumed = Resumed(pending=pending, allowed=allowed)
            await work.record(pack(resumed), *approvals.used(pending))
        ear = Ear(work, (), "queue", admits)
        async with ear.listening():
            if resumed.allowed:
                return await self._allowed(work, ear, resumed.pending, steps)
        note = f"[I did not allow this: {approvals.names(resumed.pending)}. It was not done.]"
        return await self._closed(work, ear, resumed.pending, phrases.DENIED_MARK, (Part(kind="text", body=note),))

    async def expired(self, work: Work, job: str) -> Outcome:
        """End a question that nobody answered in time; nothing when it was answered."""
        pending = await self._approvals.expired(job)
        return Outcome(done=(work.events[0].row,)) if pending is None else await self._over(work, pending)

    async def _allowed(self, work: Work, ear: Ear, pending: Pending, steps: Sequence[Step]) -> Outcome:
        await work.show(approvals.doing(pending))
        ended = [await self._effect(work, place, call, steps) for place, call in enumerate(pending.calls)]
        results = [one.result for one in ended]
        note = _told(f"[I allowed this: {approvals.names(pending)}. What came of it:]", cut(results, _TOLD_BYTES))
        produced = sum((one.produced for one in ended), start=Produced())
        return await self._closed(work, ear, pending, _mark(results), note, produced=produced)

    async def _effect(self, work: Work, place: int, call: Part, steps: Sequence[Step]) -> Ended:
        """Make one allowed call, unless an earlier run of this turn has."""
        for step in steps:
            if isinstance(step, Ended) and step.place == place:
                return step
        if any(isinstance(step, Began) and step.place == place for step in steps):
            log.warning("effect unknown", tool=call.name)
            return Ended(place=place, result=result(call, _UNKNOWN, failed=True))
        await work.record(pack(Began(place=place)))
        first = work.events[0]
        ran = await self._toolbox.run(call, Caller(received=first, lane=work.lane, asked=True))
        ended = Ended(place=place, result=ran.part, produced=ran.produced)
        await work.record(pack(ended), *ran.writes)
        return ended

    async def _closed(
        self,
        work: Work,
        ear: Ear,
        pending: Pending,
        mark: str,
        note: tuple[Part, ...],
        *,
        produced: Produced | None = None,
    ) -> Outcome:
        """The question reads what came of it, the conversation knows, and the model has its say unless told to stop."""
        first = work.events[0]
        go_on = Job(
            id=f"{_GO_ON}{first.row}", to=first.inbound.to, sender=first.inbound.sender, rule=at(datetime.now(UTC))
        )
        made = produced or Produced()
        shown = [Outbound(slot=f"{first.row}f", to=first.inbound.to, reply=Reply(markdown="", media=made.files))]
        return Outcome(
            done=ear.done,
            out=(
                approvals.closed(pending, mark),
                *(shown if made.files else []),
                *messages_of(made, first.row, first.inbound.to),
            ),
            jobs=(approvals.no_job(pending), *made.jobs, *([go_on] if ear.stop is None else [])),
            writes=await self._noted(work, pending, note, ear.dropped),
        )

    async def _over(self, work: Work, pending: Pending) -> Outcome:
        note = f"[This was not done: {approvals.names(pending)}. I did not answer within ten minutes.]"
        return Outcome(
            done=(work.events[0].row,),
            out=(approvals.closed(pending, phrases.EXPIRED_MARK),),
            jobs=(approvals.no_job(pending),),
            writes=(*approvals.used(pending), *await self._noted(work, pending, (Part(kind="text", body=note),))),
        )

    async def _noted(
        self, work: Work, pending: Pending, note: tuple[Part, ...], dropped: Sequence[Received] = ()
    ) -> tuple[Put, ...]:
        history = await self._context.history(work.lane, entries=1)
        said = [note, *(wording.said_later(received) for received in dropped)]
        entries = [Entry(role="user", parts=parts) for parts in said if parts]
        return keep(history, work.events[0].row, pending.space, entries)


def _told(note: str, results: Sequence[Part]) -> tuple[Part, ...]:
    """A note with results, in a person's entry. Strangers' words are parts of their own: their marks stay whole."""
    ours = [f"{part.name}:\n{quoted(part.body)}" for part in results if part.origin != "outside"]
    outside = [replace(part, kind="text", id="", name="", failed=False) for part in results if part.origin == "outside"]
    return (Part(kind="text", body="\n".join([note, *ours])), *outside)


def _mark(results: Sequence[Part]) -> str:
    """What the question says once it is done."""
    if any(part.body == _UNKNOWN for part in results):
        return phrases.UNKNOWN_MARK
    return phrases.TROUBLE_MARK if any(part.failed for part in results) else phrases.DONE_MARK
