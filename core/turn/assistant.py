"""A turn: what the assistant makes of the events that wait in one lane.

    admit → gather context → route → generate ⇄ tools → reply → outcome

``Assistant`` decides what kind of turn it is; ``answering.py`` writes answers and ``allowing.py`` does what
a tap allowed. Whatever a turn changes is in the ``Outcome`` it returns, or was recorded as a step; a turn that is
killed runs again over the same events.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import takewhile
from typing import Literal, assert_never

import structlog

from core import phrases
from core.context import conversation, wording
from core.context.conversation import Context, keep
from core.context.marks import mark_of
from core.errors import StoreError
from core.exchange import Entry, Part
from core.people.access import Access, Verdict
from core.plugin import PluginCommand
from core.seams import Work
from core.text.invisible import cleaned
from core.turn import acts, commands, repeating
from core.turn.acts import same_asker
from core.turn.allowing import Allowing, goes_on
from core.turn.answering import Answering, Means
from core.turn.approvals import is_expiry
from core.turn.guarding import FAILED, guarding, in_time
from core.turn.hearing import Ear
from core.turn.jobs import PluginJobs
from core.turn.late import LateReading
from core.turn.recalling import recalling
from core.turn.results import brought, messages_of
from core.turn.steps import Repeated, pack, unpack
from core.turn.toolbox import Caller
from core.values import Command, Fired, Message, Outbound, Outcome, Received, Reply, Tap

log = structlog.get_logger(__name__)


class Assistant:
    """The turn function of the whole product."""

    def __init__(self, means: Means, access: Access) -> None:
        self._means = means
        self._access = access
        self._context = Context(means.records)
        self._allowing = Allowing(means.records, means.toolbox)
        self._jobs = PluginJobs(self._context, means.plugins, means.toolbox, means.tell_owner)
        self._late = LateReading(means.records, means.max_age_s)

    async def __call__(self, work: Work) -> Outcome:
        """See ``Turn``."""
        first = work.events[0]
        try:
            return await self._turn(await recalling(work, self._context))
        except StoreError:
            raise  # nothing was lost: the engine runs the turn again, and what was recorded is not done twice
        except Exception:
            # One broken turn costs its own answer: the person is told, the log has the chain, the lane goes on.
            log.exception("turn broke")
            quiet = isinstance(first.inbound.body, Fired)
            return Outcome(done=(first.row,), out=() if quiet else (_say(first, phrases.FAILED, failed=True),))

    async def _turn(self, work: Work) -> Outcome:
        first = work.events[0]
        body = first.inbound.body
        if isinstance(body, Fired):  # a job is ours, whoever it was set for
            return await self._fired(work, body)
        edit = await self._edit(work.lane, first)
        if edit == "nothing":
            return Outcome(done=(first.row,))
        if isinstance(body, Message) and not body.addressed:
            return await self._to_others(work, first)
        verdict = await self._access.admit(first)
        late = self._late.is_late(first) and not work.steps  # what was begun is brought to its end
        if not verdict.admitted:
            return await self._at_the_door(first, verdict, late=late)
        if edit == "answered":
            return await self._noted(work, first)
        if late:
            return await self._late.read(work, silent=self._access.paid_replies.costs(first.inbound.to.adapter))
        return await self._admitted(work, first, body)

    async def _admitted(self, work: Work, first: Received, body: Message | Command | Tap) -> Outcome:
        match body:
            case Message():
                return await self._asked(work, first, body)
            case Command(name="retry"):
                return await self._again(work, first, body)
            case Command(name="switch") if first.inbound.to.private:
                return await self._switched(work, first, body)
            case Command(name=name) if name in commands.OWN:
                return _say_done(first, self._own_command(name))
            case Command(name=name) if (found := self._means.plugins.command(name)) is not None:
                return await self._plugin_command(work, first, body, *found)
            case Command(name=name):
                # In a group it may well be meant for another bot.
                unknown = phrases.UNKNOWN_COMMAND.format(name=name)
                return _say_done(first, unknown) if first.inbound.to.private else Outcome(done=(first.row,))
            case Tap():
                return await self._tapped(work, first, body)
            case _:
                assert_never(body)

    async def _admits(self, received: Received) -> bool:
        return await self._access.admits(received)

    async def _edit(self, lane: str, received: Received) -> Literal["", "nothing", "answered", "new"]:
        """What an event means that is an edit, "" for one that is none.

        Returns:
            ``nothing`` where nothing has changed (platforms tell of reactions and previews as of edits), or an old
            message reads like a command now; ``answered`` where we were asked before; ``new`` where we are asked only
            now, and for what was said to others.
        """
        body = received.inbound.body
        if not ((isinstance(body, Message) and body.edited) or (isinstance(body, Command) and body.edits)):
            return ""
        now, known = mark_of(received.inbound), None
        for _, kept in await self._context.recent(lane):
            known = next((mark for mark in kept.heard if now is not None and mark.message == now.message), known)
        if known == now or (isinstance(body, Command) and known is None):
            return "nothing"
        asked_before = received.inbound.to.private or (known is not None and known.addressed)
        return "answered" if isinstance(body, Message) and asked_before else "new"

    async def _asked(self, work: Work, first: Received, message: Message) -> Outcome:
        if message.unknown and not (message.text or message.media or message.places or message.contacts):
            return Outcome(done=(first.row,), out=(_say(first, phrases.UNREADABLE.format(kind=message.unknown)),))
        ear = Ear(work, self._together(work.events), self._means.while_busy, self._admits)
        async with ear.listening():
            await ear.gather(self._means.album_s)
            return await Answering(self._means, work, ear).run(unpack(work.steps))

    def _together(self, events: Sequence[Received]) -> list[Received]:
        """The messages one answer is to be about, beside those that are one act with the first."""
        first = events[0]
        together = [first]
        if self._means.while_busy == "queue":
            return together
        for received in events[1:]:
            match received.inbound.body:
                case Message(addressed=addressed, edited=False) if same_asker(first, received):
                    if addressed or acts.goes_on(together[-1], received):
                        together.append(received)
                case Message(addressed=False):
                    continue
                case Message() if same_asker(first, received):
                    continue
                case _:
                    break
        return together

    async def _to_others(self, work: Work, first: Received) -> Outcome:
        """What was said to others in a group, unless it belongs to something that is said to us."""
        if not (acts.may_go_on(first) or any(same_asker(first, other) for other in work.events[1:])):
            return await self._overheard(work, ())
        ear = Ear(work, [first], "queue", self._admits)
        async with ear.listening():
            if len(work.events) == len(ear.asked):
                await ear.gather(self._means.album_s, unless_others=True)
            if ear.addressed and not self._late.is_late(first):
                return await Answering(self._means, work, ear).run(unpack(work.steps))
        return await self._overheard(work, ear.asked)

    async def _overheard(self, work: Work, act: Sequence[Received]) -> Outcome:
        """Keep it as context, if anybody has ever asked us anything there.

        Args:
            act: What the first event is one with; what others said right behind it is kept with it.
        """
        first, *behind = work.events
        talk = takewhile(_is_mere_talk, behind)
        rows = sorted({one.row: one for one in (first, *talk, *act)}.values(), key=lambda one: one.row)
        done = tuple(received.row for received in rows)
        history = await self._context.history(work.lane, entries=1)
        if not history.begun:
            return Outcome(done=done)
        entries = [Entry(role="user", parts=wording.overheard(received)) for received in rows]
        marks = [tuple(filter(None, (mark_of(received.inbound),))) for received in rows]
        return Outcome(done=done, writes=keep(history, first.row, first.space, entries, aside=True, heard=marks))

    async def _at_the_door(self, first: Received, verdict: Verdict, *, late: bool) -> Outcome:
        """What somebody hears who is not (yet) to be answered."""
        if verdict.kind == "new":
            log.info("owner named", adapter=first.inbound.to.adapter)
            return Outcome(done=(first.row,), out=(_say(first, phrases.WELCOME_OWNER),), writes=verdict.writes)
        match first.inbound.body:
            case Command() | Message(edited=False) if (
                first.inbound.to.private and verdict.kind != "ignored" and not late
            ):
                text = phrases.UNOWNED if verdict.kind == "unowned" else phrases.STRANGER
            case _:
                return Outcome(done=(first.row,))
        counted = await self._access.paid_replies.take(first.inbound.to.adapter, first.row)
        if counted is None:
            return Outcome(done=(first.row,))
        return Outcome(done=(first.row,), out=(_say(first, text),), writes=(*verdict.writes, *counted))

    async def _noted(self, work: Work, first: Received) -> Outcome:
        """An edit of what was answered already: the conversation knows of it, and nothing is said again."""
        history = await self._context.history(work.lane, entries=1)
        entry = Entry(role="user", parts=wording.said_later(first))
        marks = tuple(filter(None, (mark_of(first.inbound),)))
        writes = keep(history, first.row, first.space, [entry], aside=True, heard=[marks])
        return Outcome(done=(first.row,), writes=writes)

    async def _again(self, work: Work, first: Received, command: Command) -> Outcome:
        """Answer the last question once more, perhaps in other words; the answer it had is forgotten."""
        history = await self._context.history(work.lane)
        number = conversation.last_question(history)
        if number is None:
            return Outcome(done=(first.row,), out=(_say(first, phrases.NOTHING_TO_RETRY),))
        parts = _in_other_words(history.entries[number].parts, command.args)
        text = "\n".join(part.body for part in parts if part.kind == "text" and part.origin != "outside")
        question = Message(id="", text=text, media=tuple(part.media for part in parts if part.media is not None))
        asked = replace(first, inbound=replace(first.inbound, name="", body=question))
        before = conversation.taken_back(history, first.space, number)
        turn = history.rows[number].rpartition(".")[0]
        ear = Ear(work, [asked], "queue", self._admits)
        ear.remembered = history.kept[number].heard
        async with ear.listening():
            answering = Answering(self._means, work, ear, history.until(number), before, turn=turn, question=parts)
            return await answering.run(unpack(work.steps))

    async def _tapped(self, work: Work, first: Received, tap: Tap) -> Outcome:
        """Ask a question again whose answer failed; or do what the person was asked about."""
        steps = unpack(work.steps)
        repeat = next((step.repeat for step in steps if isinstance(step, Repeated)), None)
        if repeat is None:
            repeat = await repeating.tapped(self._means.records, tap.token)
            if repeat is None:
                return await self._allowing.tapped(work, tap, self._admits)
            if repeat.scope != first.scope:
                log.warning("tap ignored", reason="somebody else's")
                return Outcome(done=(first.row,))
            await work.record(pack(Repeated(repeat=repeat)), repeating.used(repeat), out=[repeating.closed(repeat)])
        taken = repeating.taken(repeat, first, await self._context.history(work.lane))
        ear = Ear(work, taken.asked, "queue", self._admits)
        async with ear.listening():
            answering = Answering(self._means, work, ear, taken.history, taken.before, turn=taken.turn)
            outcome = await answering.run(steps)
        return replace(outcome, jobs=(repeating.no_job(repeat), *outcome.jobs))

    async def _switched(self, work: Work, first: Received, command: Command) -> Outcome:
        """Go on with an earlier conversation. Nothing is said: who asked for this shows it."""
        talk = await self._context.talk(work.lane, command.args.strip())
        if talk is None:
            return Outcome(done=(first.row,), out=(_say(first, phrases.NO_SUCH_CONVERSATION),))
        return Outcome(done=(first.row,), writes=conversation.make_current(work.lane, first.space, talk))

    def _own_command(self, name: str) -> str:
        match name:
            case "stop":
                return phrases.NOTHING_RUNS
            case "start":
                return phrases.GREETING
            case "switch":
                return phrases.NO_SUCH_CONVERSATION  # a group has one conversation at a time
            case _:
                return commands.help_text(self._means.plugins.commands)

    async def _plugin_command(
        self, work: Work, first: Received, command: Command, plugin: str, found: PluginCommand
    ) -> Outcome:
        """Do what a plugin's command says; a plugin that fails costs its own command, nothing else."""
        caller = self._means.toolbox.context(Caller(received=first, lane=work.lane))
        try:
            with guarding(plugin):
                result = await in_time(found.call(command.args.strip(), caller), self._means.toolbox.limits.call_s)
                told = brought(result, first, plugin)
        except FAILED:
            log.exception("command failed", plugin=plugin, command=found.name)
            return _say_done(first, phrases.COMMAND_FAILED.format(name=found.name), failed=True)
        out = Outbound(
            slot=str(first.row),
            to=first.inbound.to,
            reply=Reply(markdown=told.text, media=told.produced.files),
        )
        said = (out,) if told.text or told.produced.files else ()
        return Outcome(
            done=(first.row,),
            out=(*said, *messages_of(told.produced, first.row, first.inbound.to)),
            jobs=told.produced.jobs,
            writes=told.writes,
        )

    async def _fired(self, work: Work, fired: Fired) -> Outcome:
        if repeating.is_expiry(fired.job):
            repeat = await repeating.expired(self._means.records, fired.job)
            done = (work.events[0].row,)
            if repeat is None:
                return Outcome(done=done)
            return Outcome(done=done, out=(repeating.closed(repeat),), writes=(repeating.used(repeat),))
        if is_expiry(fired.job):
            return await self._allowing.expired(work, fired.job)
        if not goes_on(fired.job):
            return await self._jobs.fired(work, fired)
        ear = Ear(work, (), "queue", self._admits)
        async with ear.listening():
            return await Answering(self._means, work, ear).run(unpack(work.steps))


def _in_other_words(parts: Sequence[Part], words: str) -> tuple[Part, ...]:
    """A question with the person's own words exchanged; what others wrote and what came with it stays, and theirs."""
    if not words:
        return tuple(parts)
    others = tuple(part for part in parts if part.kind != "text" or part.origin == "outside")
    passed_on = sum(1 for _ in takewhile(lambda part: part.origin == "outside", others))
    own = Part(kind="text", origin="person", body=cleaned(words))
    return (*others[:passed_on], own, *others[passed_on:])


def _is_mere_talk(received: Received) -> bool:
    """Whether this was said to others, and nothing that follows can change that."""
    body = received.inbound.body
    return isinstance(body, Message) and not (body.addressed or body.edited or acts.may_go_on(received))


def _say(received: Received, text: str, *, failed: bool = False) -> Outbound:
    return Outbound(slot=str(received.row), to=received.inbound.to, reply=Reply(markdown=text, failed=failed))


def _say_done(first: Received, text: str, *, failed: bool = False) -> Outcome:
    return Outcome(done=(first.row,), out=(_say(first, text, failed=failed),))
