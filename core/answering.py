"""Writing one answer: the model is asked, its tools are run, it is asked again, until there is something to say.

What the answer is about may change while it is written (``core/hearing.py``); then the model's stream is closed and
the answer begins again in the same slot. Steps that were recorded stay.
"""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Literal

import structlog

from core import approvals, context, phrases
from core.asking import Answer, apology, ask
from core.context import Context, keep
from core.errors import ContextTooLong, ProviderError
from core.hearing import Ear, WhileBusy
from core.routing import Chosen, Router
from core.seams import Records, Work
from core.steps import Spoke, Step, Told, pack
from core.toolbox import Toolbox
from core.values import Entry, Finished, Outbound, Outcome, Part, Reply, Request

log = structlog.get_logger(__name__)

_MODEL_STEPS = 12
_SHOW_EVERY_S = 0.05
_OUTPUT_TOKENS = 4096
_SHRINKS = 4


@dataclass(frozen=True, kw_only=True)
class Means:
    """What an assistant has to answer with.

    Attributes:
        system: What every model is told first.
        turn_s: The longest an answer may take.
    """

    records: Records
    router: Router
    toolbox: Toolbox
    system: str
    while_busy: WhileBusy = "queue"
    turn_s: float = 600.0


class Answering:
    """One answer in the making.

    Args:
        note: What the model is told in place of the messages (after a tap there are none).
    """

    def __init__(self, means: Means, work: Work, ear: Ear, *, note: tuple[Part, ...] = ()) -> None:
        self._means = means
        self._work = work
        self._ear = ear
        self._note = note
        first = work.events[0]
        self._row, self._scope, self._space = first.row, first.scope, first.space
        self._slot = str(first.row)
        self._to = ear.asked[-1].inbound.to
        self._said: list[str] = []  # by earlier steps of this answer
        self._steps: list[Entry] = []
        self._history: tuple[Entry, ...] = ()
        self._shown_at = 0.0

    async def run(self, steps: Sequence[Step]) -> Outcome:
        """Answer, going on after the steps an earlier run recorded."""
        if self._ear.stopped():
            return self._stopped(Answer())
        await self._show("")
        self._history = await Context(self._means.records).history(self._work.lane)
        answer = Answer()
        try:
            async with asyncio.timeout(self._means.turn_s):
                await self._replay(steps)
                chosen = await self._means.router.choose()
                return await self._go_on(chosen, answer)
        except ProviderError as error:
            return self._end(apology(error), keep_it=False, failed=True)
        except TimeoutError:
            log.warning("turn too slow", after_s=self._means.turn_s)
            return self._end(phrases.TOO_SLOW, keep_it=False, failed=True)

    # -- the loop

    async def _go_on(self, chosen: Chosen, answer: Answer) -> Outcome:
        steps = 0
        while steps < _MODEL_STEPS:
            match await self._ask(chosen, answer):
                case "stop":
                    return self._stopped(answer)
                case "again":
                    steps -= 1
                case ProviderError() as error if not answer.text:
                    self._means.router.forget(chosen.provider)
                    return self._end(apology(error), keep_it=False, failed=True)
                case ProviderError():
                    return self._end(f"{answer.text}\n\n{phrases.BROKE_OFF}", failed=True)
                case Finished(reason="tools", parts=parts):
                    if (asked := await self._use_tools(parts)) is not None:
                        return asked
                case Finished() as finished:
                    return self._finish(finished)
            steps += 1
        return self._end(phrases.TOO_MANY_STEPS)

    async def _ask(self, chosen: Chosen, answer: Answer) -> Finished | ProviderError | Literal["stop", "again"]:
        """One call of the model, unless the lane has something to say about it."""
        self._ear.changed.clear()
        if self._ear.stopped():
            return "stop"
        answer.text = ""
        asking = asyncio.create_task(self._ask_to_fit(chosen, answer), name="model")
        hearing = asyncio.create_task(self._ear.changed.wait(), name="change")
        try:
            await asyncio.wait({asking, hearing}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            hearing.cancel()
            if not asking.done():
                asking.cancel()
                await asyncio.wait({asking})  # the stream is closed before anything else happens
        if self._ear.stopped():
            return "stop"
        if asking.cancelled():
            return "again"
        error = asking.exception()
        if isinstance(error, ProviderError):
            return error
        return asking.result()

    async def _ask_to_fit(self, chosen: Chosen, answer: Answer) -> Finished:
        """Ask; a conversation the model finds too long is shortened and asked again."""
        question = self._question()
        rest = (question, *self._steps)
        model = chosen.model
        tools = self._means.toolbox.schemas() if model.tools else ()
        output = min(_OUTPUT_TOKENS, model.context_tokens // 4) if model.context_tokens else _OUTPUT_TOKENS
        reserved = output + len(self._means.system) // 3 + sum(len(tool.parameters) for tool in tools) // 3
        history = context.fit(self._history, model.context_tokens, reserved + context.tokens(rest))
        for shrinks in range(_SHRINKS + 1):
            request = Request(
                model=model.id,
                entries=(*history, *rest),
                system=self._means.system,
                tools=tools,
                max_output_tokens=output,
            )
            try:
                return await ask(chosen, request, answer, self._show)
            except ContextTooLong:
                if not history or shrinks == _SHRINKS:
                    raise
                history = context.shrink(history)
                log.info("context shrunk", entries=len(history))
        msg = "a loop that returns or raises came to its end"
        raise AssertionError(msg)

    def _question(self) -> Entry:
        parts = self._note or tuple(part for received in self._ear.asked for part in context.said(received))
        return Entry(role="user", parts=parts or (Part(kind="text", body="[an empty message]"),))

    # -- tools

    async def _replay(self, steps: Sequence[Step]) -> None:
        """Take up what an earlier run recorded."""
        unanswered: tuple[Part, ...] = ()
        for step in steps:
            if isinstance(step, Spoke):
                unanswered = step.parts
            elif isinstance(step, Told):
                self._took_step(unanswered, step.parts)
                unanswered = ()
        if unanswered:
            await self._read(unanswered)

    async def _use_tools(self, parts: tuple[Part, ...]) -> Outcome | None:
        """Run a step's calls; those with an effect end the turn with a question instead."""
        effects = [call for call in _calls(parts) if self._means.toolbox.has_effect(call)]
        summaries = {call.id: self._means.toolbox.summary(call) for call in effects}
        if effects and all(summaries.values()):
            return await self._ask_leave(parts, effects, [text for text in summaries.values() if text])
        await self._work.record(pack(Spoke(parts=parts)))
        await self._read(parts)
        return None

    async def _read(self, parts: tuple[Part, ...]) -> None:
        """Run the calls of a step side by side. One with an effect gets here only if its arguments make no sense."""
        calls = _calls(parts)
        if text := _text(parts):
            self._said.append(text)
        await self._show(phrases.USING.format(tool=", ".join(call.name for call in calls)))
        results = await asyncio.gather(*(self._read_one(call) for call in calls))
        told = Told(parts=tuple(results))
        await self._work.record(pack(told))
        self._took_step(parts, told.parts, said=False)

    async def _read_one(self, call: Part) -> Part:
        if self._means.toolbox.has_effect(call):
            if self._means.toolbox.summary(call) is None:
                return await self._means.toolbox.run(call, self._scope)  # refuses the arguments, and says why
            other = "Not done: another call of this step could not be used. Ask again for this one."
            return Part(kind="result", id=call.id, name=call.name, body=other, failed=True)
        return await self._means.toolbox.run(call, self._scope)

    def _took_step(self, parts: tuple[Part, ...], results: tuple[Part, ...], *, said: bool = True) -> None:
        if said and (text := _text(parts)):
            self._said.append(text)
        self._steps += [Entry(role="assistant", parts=parts), Entry(role="user", parts=results)]

    async def _ask_leave(self, parts: tuple[Part, ...], effects: Sequence[Part], summaries: Sequence[str]) -> Outcome:
        """End the turn with a question; the tap begins a new one. What only reads is run at once."""
        readers = [call for call in _calls(parts) if call not in effects]
        read = await asyncio.gather(*(self._means.toolbox.run(call, self._scope) for call in readers))
        waits = [
            Part(kind="result", id=call.id, name=call.name, body="Not done yet: this waits for my leave, by a button.")
            for call in effects
        ]
        text = self._whole("\n\n".join([*filter(None, [_text(parts)]), phrases.ASK_FIRST, *summaries]))
        out = Outbound(slot=self._slot, to=self._to, reply=Reply(markdown=text))
        asked = approvals.question(self._ear.asked[-1], out, effects, datetime.now(UTC))
        self._took_step(parts, (*read, *waits), said=False)
        entries = (self._question(), *self._steps)
        return Outcome(
            done=self._ear.done,
            out=(asked.out,),
            jobs=(asked.job,),
            writes=(*asked.writes, *keep(self._work.lane, self._row, self._space, entries)),
        )

    # -- saying it

    async def _show(self, text: str) -> None:
        """Show the answer so far, not more often than anybody could see."""
        now = time.monotonic()
        if text and now - self._shown_at < _SHOW_EVERY_S:
            return
        self._shown_at = now
        whole = self._whole(text) if text else ""
        await self._work.show(Outbound(slot=self._slot, to=self._to, reply=Reply(markdown=whole), final=False))

    def _whole(self, text: str) -> str:
        return "\n\n".join([*self._said, text])

    def _finish(self, finished: Finished) -> Outcome:
        text = _text(finished.parts)
        match finished.reason:
            case "refusal":
                return self._end(text or phrases.DECLINED_TO_SAY)
            case "length" if text:
                return self._end(f"{text}\n\n{phrases.LENGTH_MARK}", parts=finished.parts)
            case _ if text:
                return self._end(text, parts=finished.parts)
            case _:
                return self._end(phrases.EMPTY, keep_it=False, failed=True)

    def _stopped(self, answer: Answer) -> Outcome:
        """End at once with what there is. What waited behind the answer is kept in the conversation, unanswered."""
        text = f"{answer.text}\n\n{phrases.STOPPED_MARK}" if answer.text else phrases.STOPPED
        dropped = [Entry(role="user", parts=context.said(received)) for received in self._ear.waiting]
        return self._end(text, after=[entry for entry in dropped if entry.parts])

    def _end(
        self,
        text: str,
        *,
        parts: tuple[Part, ...] = (),
        keep_it: bool = True,
        failed: bool = False,
        after: Sequence[Entry] = (),
    ) -> Outcome:
        """The outcome that says this, and what the conversation keeps: the question always, an apology never."""
        said = Entry(role="assistant", parts=parts or (Part(kind="text", body=text),))
        entries = [self._question(), *self._steps, *([said] if keep_it else []), *after]
        return Outcome(
            done=self._ear.done,
            out=(Outbound(slot=self._slot, to=self._to, reply=Reply(markdown=self._whole(text), failed=failed)),),
            writes=keep(self._work.lane, self._row, self._space, entries),
        )


def _text(parts: Sequence[Part]) -> str:
    return "".join(part.body for part in parts if part.kind == "text").strip()


def _calls(parts: Sequence[Part]) -> list[Part]:
    return [part for part in parts if part.kind == "call"]
