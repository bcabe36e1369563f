"""A turn: what the assistant makes of the events that wait in one lane.

    admit → gather context → route → generate ⇄ tools → reply → outcome

``Assistant`` decides what kind of turn it is; ``core/answering.py`` writes answers. Whatever a turn changes is in the
``Outcome`` it returns, or was recorded as a step; a turn that is killed runs again over the same events.
"""

import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import assert_never

import structlog

from core import approvals, commands, context, phrases
from core.access import Access, Verdict
from core.answering import Answering, Means
from core.approvals import Approvals, Pending
from core.context import keep
from core.hearing import Ear
from core.seams import Work
from core.steps import Began, Ended, Resumed, Step, pack, unpack
from core.values import Command, Entry, Fired, Message, Outbound, Outcome, Part, Received, Reply, Tap

log = structlog.get_logger(__name__)

_ALBUM_S = 0.7


class Assistant:
    """The turn function of the whole product."""

    def __init__(self, means: Means, access: Access) -> None:
        self._means = means
        self._access = access
        self._approvals = Approvals(means.records)

    async def __call__(self, work: Work) -> Outcome:
        """See ``Turn``."""
        first = work.events[0]
        verdict = await self._access.admit(first)
        try:
            if not verdict.admitted:
                return _at_the_door(first, verdict)
            return await self._turn(work, first)
        except Exception:
            # One broken turn costs its own answer: the person is told, the log has the chain, the lane goes on.
            log.exception("turn broke")
            return Outcome(done=(first.row,), out=(_say(first, phrases.FAILED, failed=True),))

    async def _turn(self, work: Work, first: Received) -> Outcome:
        body = first.inbound.body
        match body:
            case Message():
                return await self._asked(work, first, body)
            case Command():
                return _command(work, first, body)
            case Tap():
                return await self._tapped(work, first, body)
            case Fired():
                return await self._fired(work, first, body)
            case _:
                assert_never(body)

    # -- questions

    async def _asked(self, work: Work, first: Received, message: Message) -> Outcome:
        if message.edited:
            return _noted(work, first)
        if message.unknown and not (message.text or message.media or message.places or message.contacts):
            return Outcome(done=(first.row,), out=(_say(first, phrases.UNREADABLE.format(kind=message.unknown)),))
        ear = Ear(work, self._together(work.events), self._means.while_busy)
        listening = asyncio.create_task(ear.listen(), name="ear")
        try:
            if message.album:  # its parts arrive as messages of their own, one right after the other
                await asyncio.sleep(_ALBUM_S)
                ear.changed.clear()
            return await Answering(self._means, work, ear).run(unpack(work.steps))
        finally:
            listening.cancel()

    def _together(self, events: Sequence[Received]) -> list[Received]:
        """The messages one answer is to be about."""
        if self._means.while_busy == "queue":
            return [events[0]]
        together: list[Received] = []
        for received in events:
            body = received.inbound.body
            if not isinstance(body, Message):
                break
            if not body.edited:
                together.append(received)
        return together

    # -- taps and jobs

    async def _tapped(self, work: Work, first: Received, tap: Tap) -> Outcome:
        """Do what was allowed, once, and go on from there."""
        steps = unpack(work.steps)
        resumed = next((step for step in steps if isinstance(step, Resumed)), None)
        if resumed is None:
            found = await self._approvals.tapped(tap.token)
            if found is None or found[0].scope != first.scope:
                log.warning("tap ignored", reason="used or unknown" if found is None else "somebody else's")
                return Outcome(done=(first.row,))
            pending, allowed = found
            if pending.expires <= datetime.now(UTC):
                return _over(work, first, pending)
            resumed = Resumed(pending=pending, allowed=allowed)
            await work.record(pack(resumed), *approvals.used(pending))
        pending, allowed = resumed.pending, resumed.allowed
        results = [await self._effect(work, first, call, steps) for call in pending.calls] if allowed else []
        note = _what_came_of_it(pending, results, allowed=allowed)
        mark = phrases.ALLOWED_MARK if allowed else phrases.DENIED_MARK
        ear = Ear(work, [first], "queue")
        listening = asyncio.create_task(ear.listen(), name="ear")
        try:
            outcome = await Answering(self._means, work, ear, note=note).run(steps)
        finally:
            listening.cancel()
        return Outcome(
            done=outcome.done,
            out=(approvals.closed(pending, mark), *outcome.out),
            jobs=(approvals.no_job(pending), *outcome.jobs),
            writes=outcome.writes,
        )

    async def _effect(self, work: Work, first: Received, call: Part, steps: Sequence[Step]) -> Part:
        """One allowed call: its intent is committed before, its result after, and it is never made twice."""
        for step in steps:
            if isinstance(step, Ended) and step.call == call.id:
                return step.result
        if any(isinstance(step, Began) and step.call == call.id for step in steps):
            log.warning("effect unknown", tool=call.name)
            unknown = "It was begun, then the assistant was restarted: whether it happened is not known."
            return Part(kind="result", id=call.id, name=call.name, body=unknown, failed=True)
        await work.record(pack(Began(call=call.id)))
        result = await self._means.toolbox.run(call, first.scope)
        await work.record(pack(Ended(call=call.id, result=result)))
        return result

    async def _fired(self, work: Work, first: Received, fired: Fired) -> Outcome:
        pending = await self._approvals.expired(fired.job)
        if pending is None:
            return Outcome(done=(first.row,))
        return _over(work, first, pending)


def _say(received: Received, text: str, *, failed: bool = False) -> Outbound:
    return Outbound(slot=str(received.row), to=received.inbound.to, reply=Reply(markdown=text, failed=failed))


def _at_the_door(first: Received, verdict: Verdict) -> Outcome:
    """What somebody hears who is not (yet) to be answered."""
    body = first.inbound.body
    if verdict.kind == "new":
        log.info("owner named", adapter=first.inbound.to.adapter)
        return Outcome(done=(first.row,), out=(_say(first, phrases.WELCOME_OWNER),), writes=verdict.writes)
    speaks = isinstance(body, Message | Command) and first.inbound.to.private
    if verdict.kind == "stranger" and speaks:
        return Outcome(done=(first.row,), out=(_say(first, phrases.STRANGER),), writes=verdict.writes)
    return Outcome(done=(first.row,))


def _command(work: Work, first: Received, command: Command) -> Outcome:
    match command.name:
        case "new":
            writes = keep(work.lane, first.row, first.space, [None])
            return Outcome(done=(first.row,), out=(_say(first, phrases.NEW),), writes=writes)
        case "stop":
            text = phrases.NOTHING_RUNS
        case "start":
            text = phrases.GREETING
        case "help":
            text = commands.help_text()
        case name:
            text = phrases.UNKNOWN_COMMAND.format(name=name)
    return Outcome(done=(first.row,), out=(_say(first, text),))


def _noted(work: Work, first: Received) -> Outcome:
    """An edit of what was answered already: the conversation knows of it, and nothing is said again."""
    edited = Part(kind="text", body="[I have edited an earlier message. It now reads:]")
    entry = Entry(role="user", parts=(edited, *context.said(first)))
    return Outcome(done=(first.row,), writes=keep(work.lane, first.row, first.space, [entry]))


def _over(work: Work, first: Received, pending: Pending) -> Outcome:
    """Nobody tapped in time."""
    note = Part(kind="text", body=f"[{_names(pending)} was not done: I did not answer within ten minutes.]")
    entry = Entry(role="user", parts=(note,))
    return Outcome(
        done=(first.row,),
        out=(approvals.closed(pending, phrases.EXPIRED_MARK),),
        jobs=(approvals.no_job(pending),),
        writes=(*approvals.used(pending), *keep(work.lane, first.row, pending.space, [entry])),
    )


def _what_came_of_it(pending: Pending, results: Sequence[Part], *, allowed: bool) -> tuple[Part, ...]:
    """What the model is told after a tap, in the person's name."""
    if not allowed:
        return (Part(kind="text", body=f"[I did not allow {_names(pending)}. It was not done.]"),)
    lines = [f"[I allowed {_names(pending)}. What came of it:]"]
    lines += [f"{result.name}: {result.body}" for result in results]
    return (Part(kind="text", body="\n".join(lines)),)


def _names(pending: Pending) -> str:
    return ", ".join(call.name for call in pending.calls)
