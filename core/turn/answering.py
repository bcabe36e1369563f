"""Writing one answer: the model is asked, its tools are run, it is asked again, until there is something to say.

What the answer is about may change while it is written (``hearing.py``); then the model's stream is closed and
the answer begins again in the same slot. Steps that were taken stay.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime

import structlog

from core import phrases
from core.context import wording
from core.context.conversation import Context, History, keep, turn_name
from core.context.parts import calls_of, result, sound, text_of, whole, without_calls, words_of
from core.context.sources import Sources
from core.errors import ProviderError, RequestRefused, StoreError
from core.exchange import Effort, Entry, Finished, LeftOut, Part
from core.models.asking import Answer, apology
from core.models.billing import Bill
from core.models.failover import Asker, Question
from core.models.needs import sights
from core.models.prices import Prices
from core.models.routing import Router
from core.models.waiting import Waiting
from core.seams import Records, Work
from core.site import nobody_told
from core.text.fencing import followed
from core.text.invisible import label
from core.turn import approvals, repeating
from core.turn.consulting import blind, consulted, untaken
from core.turn.given import Given
from core.turn.hearing import Ear, Heard, WhileBusy
from core.turn.jobs import after_turn
from core.turn.material import Material
from core.turn.plugins import Plugins
from core.turn.results import Produced, messages_of
from core.turn.showing import Showing
from core.turn.steps import Spoke, Step, Taken, Told, Waited, pack, taken
from core.turn.toolbox import Caller, Questions, Toolbox, asks_leave
from core.values import Outbound, Outcome, Put, Reply

log = structlog.get_logger(__name__)

_QUESTION, _LONGER = "q", "w"  # what the slots beside an answer's are called, behind its name
_RESULTS_SHARE = 4  # the results of one step take at most a quarter of the room

# When a person is told that it takes longer: where an unfinished answer is shown, and where it takes a message (which
# may cost money); in seconds, or as one part in so many of the longest wait, where that is sooner.
_SHOWN_AFTER_S, _SHOWN_SHARE = 3.0, 40
_SAID_AFTER_S, _SAID_SHARE = 20.0, 6
_SILENCE_S = 25.0  # without any failure

_WAITS = "Not done yet: this waits for my leave, by a button."
_OTHER = "Not done: another call of this step could not be used. Ask again for this one."


@dataclass(frozen=True, kw_only=True)
class Means:
    """What an assistant has to answer with.

    Attributes:
        system: What every model is told first.
        search: Whether labs may look things up in the web.
        effort: How long models are to think that can be told.
        busy_s: How long a question waits where no model answers.
        turn_s: The longest an answer may take.
        album_s: How long a message that may be part of an act in several waits for the next of them (``acts.py``).
        tell_owner: Says something to the owner, by any messenger.
        max_age_s: Older messages, by their platform's clock, are read and not answered; 0 for none.
    """

    records: Records
    router: Router
    toolbox: Toolbox
    system: str
    plugins: Plugins = field(default_factory=Plugins)
    prices: Prices = field(default_factory=Prices)
    search: bool = False
    effort: Effort = ""
    while_busy: WhileBusy = "queue"
    busy_s: float = 120.0
    turn_s: float = 600.0
    album_s: float = 0.7
    max_age_s: float = 0.0
    tell_owner: Callable[[str], Awaitable[None]] = nobody_told


class _Unkept(StoreError):
    """A step could not be committed. What cannot be read is another matter: it may be damaged for good."""


class Answering:
    """One answer in the making: to what the ear holds, or to what the conversation ends with.

    Args:
        history: The conversation to go on with, None for the lane's current one.
        before: What is committed with the answer, and left alone where there is none.
        turn: What the conversation's entries of the question are named for, where it is asked again; else "".
        question: What a model was told of the question, where it is asked again.
    """

    def __init__(
        self,
        means: Means,
        work: Work,
        ear: Ear,
        history: History | None = None,
        before: Iterable[Put] = (),
        *,
        turn: str = "",
        question: Sequence[Part] = (),
    ) -> None:
        self._means = means
        self._work = work
        self._ear = ear
        self._first = work.events[0]
        self._asker = ear.asker or self._first
        self._slot = str(self._first.row)
        self._showing = Showing(work, self._slot, self._asker.inbound.to, self._whole)
        self._given = history
        self._before = tuple(before)
        self._turn = turn
        self._material = Material(ear, history or History(), question)
        self._said: list[str] = []  # by earlier steps of this answer
        self._sources = Sources()
        self._produced = Produced()  # by the tools of this answer
        self._dropped = 0  # steps that count for nothing, since what was asked changed
        self._answer = Answer()
        self._untaken: list[LeftOut] = []
        self._bill = Bill(means.prices, work.lane, self._first.row, self._first.space)
        self._model: Asker
        self._seen = (False, False)
        self._waiting = Waiting(means.busy_s, self._pause)
        self._told = False  # that it takes longer, by a message of its own
        self._notice = ""
        self._room = 0

    async def run(self, steps: Sequence[Step]) -> Outcome:
        """Answer, going on after the steps an earlier run recorded."""
        self._told = any(isinstance(step, Waited) for step in steps)
        outcome = await self._said_or_excused(steps)
        return replace(outcome, writes=(*outcome.writes, *await self._bill.writes()))

    async def _said_or_excused(self, steps: Sequence[Step]) -> Outcome:
        clock = asyncio.timeout(self._means.turn_s)
        try:
            if self._given is None:
                self._material.history = await Context(self._means.records).history(self._work.lane)
            async with self._showing.going_on(), clock:
                return await self._answered(steps)
        except Heard:
            return self._stopped() if self._ear.stop is not None else self._withdrawn()
        except _Unkept:
            raise  # nothing was lost: the engine runs the turn again
        except ProviderError as error:
            wrong = isinstance(error, RequestRefused)  # it will be, however often it is made
            return self._cut_off(phrases.BROKE_OFF, apology(error), again=not wrong)
        except Exception as error:
            # One broken answer costs itself: the person is told, the log has the chain, the lane goes on.
            if isinstance(error, TimeoutError) and clock.expired():
                log.warning("turn too slow", after_s=self._means.turn_s)
                return self._cut_off(phrases.TOO_SLOW_MARK, phrases.TOO_SLOW)
            log.exception("answer broke")
            return self._cut_off(phrases.BROKE_OFF, phrases.FAILED)

    # -- the loop

    async def _answered(self, steps: Sequence[Step]) -> Outcome:
        if not (self._ear.asked or steps or self._material.history.unanswered):
            return Outcome(done=self._ear.done)  # what there was to say something to has been talked about meanwhile
        await self._consult()
        if (asked := await self._take_up(steps)) is not None:
            return asked
        for _ in range(self._taken(), self._means.toolbox.limits.steps):
            finished = await self._ask()
            parts = self._sound(finished)
            if finished.reason in {"tools", "stop"} and calls_of(parts):
                if (asked := await self._use_tools(parts)) is not None:
                    return asked
            elif finished.reason == "pause":
                await self._record(Spoke(parts=parts))
                self._took(parts)
            else:
                return self._finish(finished, parts)
        return await self._last_word()

    async def _last_word(self) -> Outcome:
        """As many steps were taken as there may be: the model says what it has found, without tools."""
        self._material.last = True
        try:
            finished = await self._ask()
        except ProviderError:
            if self._answer.text.strip():
                raise
            return self._end(phrases.TOO_MANY_STEPS, failed=True)
        parts = without_calls(self._sound(finished))
        return self._finish(finished, parts) if text_of(parts) else self._end(phrases.TOO_MANY_STEPS, failed=True)

    def _sound(self, finished: Finished) -> tuple[Part, ...]:
        material = self._material
        return sound(finished.parts, material.all, f"{self._slot}-{len(material.steps) + self._dropped}")

    async def _consult(self) -> None:
        """Choose whom to ask, by what is asked now; begun again when the question changes."""
        while True:
            try:
                return await self._ear.unless_changed(self._consulted())
            except Heard:
                if self._ear.over:
                    raise

    async def _consulted(self) -> None:
        means, question = self._means, self._material.question()
        asked = self._ear.asked[-1] if self._ear.asked else self._first
        waited_s = (datetime.now(UTC) - asked.at).total_seconds()
        self._waiting = Waiting(means.busy_s, self._pause, waited_s=max(0.0, waited_s))
        self._model = asker = await consulted(
            means.records,
            means.router,
            self._bill,
            history=self._material.history,
            question=question,
            system=means.system,
            tools=means.toolbox.schemas(),
            waiting=self._waiting,
            search=means.search,
            effort=means.effort,
        )
        self._seen = sights(question)
        self._material.notes = await means.plugins.notes(words_of(question), means.toolbox.context(self._caller()))
        self._notice, self._room = blind(asker, question), asker.window.room

    async def _ask(self) -> Finished:
        """One call of the model, begun again as often as the question changes."""
        step, material = self._taken(), self._material
        while True:
            if sights(material.question()) != self._seen:  # pictures came after it was decided who answers
                await self._ear.unless_stopped(self._consult())
            asker = self._model
            self._answer, material.left_out = Answer(), ""
            asked = Question(
                conversation=material.entries,
                cut=material.cut,
                answer=self._answer,
                grow=self._showing.say,
                step=step,
                tools=not material.last,
            )
            silence = asyncio.get_running_loop().call_later(_SILENCE_S, self._say_longer)
            try:
                finished = await self._ear.unless_changed(asker.ask(asked))
            except Heard:
                if self._ear.over:
                    raise
                self._waiting.renew()
                await self._ear.gather(self._means.album_s)
            else:
                self._notice, self._room = blind(asker, self._material.question()), asker.window.room
                self._untaken += self._answer.left_out
                return finished
            finally:
                silence.cancel()

    async def _pause(self, seconds: float, waited_s: float) -> None:
        """Wait until a model is asked again; the person is told once that it takes longer."""
        if waited_s >= min(_SHOWN_AFTER_S, self._means.busy_s / _SHOWN_SHARE):
            self._showing.say(followed(self._answer.most, phrases.LONGER))
        late = waited_s >= min(_SAID_AFTER_S, self._means.busy_s / _SAID_SHARE)
        if late and not (self._told or self._showing.shows_words):
            longer = self._outbound(f"{self._slot}{_LONGER}", phrases.LONGER)
            await self._record(Waited(), out=[longer])
            self._told = True
        await self._work.pause(seconds)

    def _say_longer(self) -> None:
        """Show that it takes longer, unless there is something better to see."""
        if not (self._answer.most or self._answer.heard_bytes):
            self._showing.say(phrases.LONGER)

    def _taken(self) -> int:
        """How many steps there were, those of an earlier run included."""
        return self._dropped + sum(entry.role == "assistant" for entry in self._material.steps)

    # -- tools

    async def _take_up(self, steps: Sequence[Step]) -> Outcome | None:
        """Go on after what an earlier run recorded; an outcome where its last step waits for leave."""
        before = taken(steps)
        for number, step in enumerate(before, 1):
            spoke = step.spoke
            if spoke.about and (number < len(before) or spoke.about != self._material.about()):
                self._dropped += 1
            elif spoke.about and asks_leave(questions := self._questions(spoke.parts)):
                return await self._ask_leave(spoke, questions, step)
            elif step.results or not calls_of(spoke.parts):
                self._took(spoke.parts, step.results, step.produced)
            else:
                await self._read(spoke.parts, self._questions(spoke.parts))
        return None

    async def _use_tools(self, parts: tuple[Part, ...]) -> Outcome | None:
        """Run a step's calls; those with an effect end the turn with a question instead."""
        questions = self._questions(parts)
        leave = asks_leave(questions)
        spoke = Spoke(parts=parts, about=self._material.about() if leave else "")
        await self._record(spoke)
        if leave:
            return await self._ask_leave(spoke, questions)
        await self._read(parts, questions)
        return None

    async def _record(self, step: Spoke | Told | Waited, *writes: Put, out: Sequence[Outbound] = ()) -> None:
        """Commit a step, what is said along with it, and what calls cost until now.

        Raises:
            _Unkept: It could not be.
        """
        try:
            await self._work.record(pack(step), *writes, *await self._bill.writes(), out=out)
        except StoreError as error:
            raise _Unkept(str(error)) from error

    def _questions(self, parts: Sequence[Part]) -> Questions:
        material = self._material
        said = [*material.history.entries, *material.question(), *material.steps]
        return self._means.toolbox.questions(calls_of(parts), material.steps, Given(said, self._means.system))

    async def _read(self, parts: tuple[Part, ...], questions: Questions) -> None:
        """Run a step's calls that only read; one with an effect has to be made again, since another made no sense."""
        told, writes = await self._ear.unless_stopped(self._results(parts, questions, _OTHER))
        await self._record(told, *writes)
        self._took(parts, told.parts, told.produced)

    async def _ask_leave(self, spoke: Spoke, questions: Questions, before: Taken | None = None) -> Outcome | None:
        """End the turn with a question; the tap begins a new one. What only reads is run at once.

        Args:
            before: What an earlier run came to, which came as far as that.

        Returns:
            None where something else is asked by now: the model has to decide again.
        """
        parts = spoke.parts
        told = Told(parts=before.results, produced=before.produced) if before else Told(parts=())
        if not told.parts and self._stands(spoke):
            told = await self._read_meanwhile(parts, questions)
        if not (told.parts and self._stands(spoke)):
            self._dropped += 1
            return None
        self._took(parts, told.parts, told.produced)
        effects = [call for place, call in enumerate(calls_of(parts)) if place in questions]
        lead = phrases.ASK_FIRST if len(effects) == 1 else phrases.ASK_FIRST_ALL
        words = "\n\n".join([lead, *(text for text in questions.values() if isinstance(text, str))])
        # In a message of its own: nothing the model says can reach into the question.
        said = self._with_sources("")
        said_before = [self._outbound(self._slot, said, more=True)] if said else []
        out = self._outbound(f"{self._slot}{_QUESTION}" if said_before else self._slot, words)
        asked = approvals.question(self._asker, out, effects, datetime.now(UTC))
        outcome = self._outcome([*said_before, asked.out], ())
        return replace(outcome, jobs=(asked.job, *outcome.jobs), writes=(*asked.writes, *outcome.writes))

    async def _read_meanwhile(self, parts: tuple[Part, ...], questions: Questions) -> Told:
        """The results of what only reads, beside what waits; nothing where something else is asked by now."""
        try:
            told, writes = await self._ear.unless_changed(self._results(parts, questions, _WAITS))
        except Heard:
            if self._ear.over:
                raise
            return Told(parts=())
        if len(questions) < len(calls_of(parts)):
            await self._record(told, *writes)
        return told

    def _stands(self, spoke: Spoke) -> bool:
        """Whether a step is still about what is asked.

        Raises:
            Heard: Nothing is asked any more.
        """
        if self._ear.over:
            raise Heard
        return spoke.about == self._material.about()

    async def _results(self, parts: Sequence[Part], questions: Questions, instead: str) -> tuple[Told, tuple[Put, ...]]:
        """What a step's calls return, run side by side, and the rows to keep; ``instead`` of those with an effect."""
        calls = calls_of(parts)
        runs = [call for place, call in enumerate(calls) if place not in questions]
        using = [phrases.USING.format(tool=call.name) for call in runs if self._means.toolbox.has(call.name)]
        self._showing.say("\n\n".join([*filter(None, [text_of(parts)]), *dict.fromkeys(using)]))
        asker = self._caller()
        ran = await asyncio.gather(*(self._means.toolbox.run(call, asker) for call in runs))
        told = iter(self._cited(one.part, one.produced) for one in ran)
        results: list[Part] = []
        for place, call in enumerate(calls):
            match questions.get(place):
                case None:
                    results.append(next(told))
                case Part() as refusal:
                    results.append(refusal)
                case str():
                    results.append(result(call, instead, failed=instead is _OTHER))
        fitting = self._means.toolbox.fitting(results, self._room // _RESULTS_SHARE)
        produced = sum((one.produced for one in ran), start=Produced())
        return Told(parts=fitting, produced=produced), tuple(put for one in ran for put in one.writes)

    def _caller(self) -> Caller:
        files = tuple(part.media for entry in self._material.question() for part in entry.parts if part.media)
        return Caller(received=self._asker, lane=self._work.lane, files=files)

    def _cited(self, part: Part, produced: Produced) -> Part:
        """A result, and by which numbers its sources are cited."""
        lines = [f"[{self._sources.number(one.url, one.title)}] {label(one.title)}" for one in produced.sources]
        return replace(part, body="\n".join([part.body, "", "Cite as:", *lines])) if lines else part

    def _took(
        self,
        parts: tuple[Part, ...],
        results: tuple[Part, ...] = (),
        produced: Produced = Produced(),  # noqa: B008
    ) -> None:
        """A step was taken."""
        self._produced += produced
        for source in produced.sources:
            self._sources.number(source.url, source.title)
        if text := self._sources.marked(parts):
            self._said.append(text)
        self._answer = Answer()
        self._material.steps.append(Entry(role="assistant", parts=parts))
        if results:
            self._material.steps.append(Entry(role="user", parts=results))

    # -- saying it

    def _whole(self, text: str) -> str:
        lead = [self._notice, self._material.left_out, untaken([*self._untaken, *self._answer.left_out])]
        return whole("\n\n".join(filter(None, [*lead, *self._said, text])))

    def _with_sources(self, text: str) -> str:
        listed = self._sources.listed()
        return followed(self._whole(text), listed) if listed else self._whole(text)

    def _finish(self, finished: Finished, parts: tuple[Part, ...]) -> Outcome:
        text, kept = self._sources.marked(parts), without_calls(parts)
        match finished.reason:
            case "refusal":
                return self._end(text or phrases.DECLINED_TO_SAY, kept if text else ())
            case "length":
                return self._end(
                    followed(text, phrases.LENGTH_MARK) if text else phrases.LENGTH_ALONE, kept if text else ()
                )
            case _ if text or self._said:
                return self._end(text, kept)
            case _:
                return self._end(phrases.ONLY_THOUGHT if self._answer.thought else phrases.EMPTY, failed=True)

    def _cut_off(self, mark: str, alone: str, *, again: bool = True) -> Outcome:
        """What there is of an answer stays, and says that there should be more; or an apology ``alone``.

        Args:
            again: Whether it may help to ask again, by a button.
        """
        text = whole(self._answer.most)
        if not text.strip():
            self._notice = self._material.left_out = ""
            self._untaken, self._answer = [], Answer()
            outcome = self._end(alone, failed=True)
        else:
            marked = followed(text, mark)
            outcome = self._end(marked, (Part(kind="text", body=marked),), failed=True)
        if not again:
            return outcome
        turn = turn_name(self._material.history, self._first.row) if outcome.writes else self._turn
        return repeating.offered(outcome, self._asker, self._ear.asked, turn)

    def _stopped(self) -> Outcome:
        """End at once with what there is. What waited behind the answer is kept in the conversation, unanswered."""
        text = whole(self._answer.most)
        mark = (Part(kind="text", body=phrases.STOPPED_MARK),)
        dropped = [Entry(role="user", parts=wording.said_later(received)) for received in self._ear.dropped]
        after = [*(entry for entry in dropped if entry.parts), Entry(role="assistant", parts=mark)]
        parts = (Part(kind="text", body=text),) if text else ()
        return self._end(followed(text, phrases.STOPPED_MARK) if text else phrases.STOPPED, parts, after)

    def _withdrawn(self) -> Outcome:
        """Say nothing, since nobody asks any more: what was shown is taken back, what is left was said to others."""
        first, history = self._first, self._material.history
        if first.inbound.to.private or not history.begun:
            return Outcome(done=self._ear.done)
        entries = [Entry(role="user", parts=wording.overheard(received)) for received in self._ear.asked]
        writes = keep(history, first.row, first.space, entries, aside=True, heard=[self._ear.heard])
        return Outcome(done=self._ear.done, writes=writes)

    def _end(
        self, text: str, parts: tuple[Part, ...] = (), after: Iterable[Entry] = (), *, failed: bool = False
    ) -> Outcome:
        """The outcome that says this, and what the conversation keeps: the question always, an apology never.

        Args:
            parts: What the model is taken to have said, none for words that are the house's alone.
        """
        out = self._outbound(self._slot, self._with_sources(text), failed=failed)
        answered = [Entry(role="assistant", parts=parts)] if parts else []
        if self._before and not (answered or self._material.steps):
            return Outcome(done=self._ear.done, out=(out,))  # an answer there was is better than none
        return self._outcome([out], [*answered, *after])

    def _outcome(self, out: Sequence[Outbound], entries: Iterable[Entry]) -> Outcome:
        kept = (*self._material.question(), *self._material.steps, *entries)
        first = self._first
        shown, made = [self._ear.heard], self._produced.files
        writes = keep(self._material.history, first.row, first.space, kept, heard=shown, files=made)
        jobs = [after_turn(self._asker, first.row)] if self._means.plugins.follow_up else []
        return Outcome(
            done=self._ear.done,
            out=(*self._with_files(out), *messages_of(self._produced, first.row, self._asker.inbound.to)),
            jobs=(*self._produced.jobs, *jobs),
            writes=(*self._before, *writes),
        )

    def _with_files(self, out: Sequence[Outbound]) -> Sequence[Outbound]:
        """The answer, with the files that tools made for it."""
        first, *others = out
        return [replace(first, reply=replace(first.reply, media=self._produced.files)), *others]

    def _outbound(self, slot: str, text: str, *, failed: bool = False, more: bool = False) -> Outbound:
        return Outbound(slot=slot, to=self._asker.inbound.to, reply=Reply(markdown=text, failed=failed, more=more))
