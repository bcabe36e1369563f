"""Asking models until one answers: another takes over from one that fails, and where none can, the question waits.

A model that fails is left for the next candidate (``routing.py``), which the chat is told in one line. One that failed
often lately (``breaker.py``) is passed over, but not where nobody else is left. Where all have failed that may be well
again soon, all are asked again after a pause, as long as a person would wait (``waiting.py``). An answer that breaks
off is begun again, a few times; in the end the longest there was stands, and says that it broke off. A conversation
that is too long is shortened, then brought to a model that holds more; where none does, the question itself is cut.
Every call that may cost something is noted on the turn's bill, however it ends.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from core import phrases
from core.context.conversation import size
from core.errors import ContextTooLong, ModelUnknown, ProviderDown, ProviderError, RequestRefused
from core.exchange import Effort, Entry, Finished, Request, ToolSchema, Usage
from core.models.asking import Answer, ask
from core.models.billing import Bill, Ended
from core.models.needs import Needs, answer_tokens
from core.models.routing import Candidates, Chosen, Router
from core.models.waiting import Waiting
from core.models.window import Window, estimate
from core.text.fencing import followed
from core.values import value

log = structlog.get_logger(__name__)

_SHRINKS = 4
_CUTS = 8  # halvings; after them hardly anything is left
_MAX_BROKEN = 3  # each answer that breaks off is paid for


@value
class Frame:
    """What every call of a turn has in common.

    Attributes:
        wish: The model that the person chose, "" for none.
        thread: See ``Request``.
        search: Whether a lab may look things up in the web.
        effort: How long a model is to think that can be told.
    """

    system: str
    tools: tuple[ToolSchema, ...] = ()
    wish: str = ""
    thread: str = ""
    search: bool = False
    effort: Effort = ""


@value
class Question:
    """What is to be asked.

    Attributes:
        conversation: Says it in so many bytes; in more where the question alone takes more.
        cut: The question without what was said before, in so many bytes whatever it takes; with its files or without.
        answer: Grows as words arrive.
        grow: Told the whole text so far, or what is going on instead of one.
        step: How many steps the turn has taken before.
        tools: Whether anything may be called.
    """

    conversation: Callable[[int], tuple[Entry, ...]]
    cut: Callable[[int, bool], tuple[Entry, ...]]
    answer: Answer
    grow: Callable[[str], None]
    step: int = 0
    tools: bool = True


class Asker:
    """Asks for one turn. Whoever answered its first step is asked for the others, too.

    Args:
        needs: What the conversation needs of a model.
        waiting: For as long as nobody can answer.
    """

    def __init__(self, router: Router, bill: Bill, frame: Frame, needs: Needs, waiting: Waiting) -> None:
        self._router = router
        self._bill = bill
        self._frame = frame
        self._needs = needs
        self._waiting = waiting
        self._tried: list[str] = []
        self._hopeless: set[str] = set()  # models that will not answer this question, however often they are asked
        self._candidates: Candidates = router.candidates(frame.wish, needs)
        self._window: Window | None = None
        self._cuts: dict[str, tuple[int, bool]] = {}  # by model: what it took at last of a question that had to be cut
        self._refused: tuple[Entry, ...] = ()

    async def begin(self) -> Chosen:
        """Find the first candidate; nothing is asked yet.

        Raises:
            ProviderError: There is none.
        """
        while (chosen := await self._candidates.next()) is None:
            await self._waiting.pause(self._candidates.reason)
            self._candidates = self._candidates.again(self._needs, ())
        self._take(chosen)
        return chosen

    @property
    def window(self) -> Window:
        """That of the model asked at present."""
        if self._window is None:
            raise RuntimeError("nobody was chosen yet")
        return self._window

    async def ask(self, question: Question) -> Finished:
        """Ask, go on to others, and ask all of them again, until there is an answer.

        Raises:
            ProviderError: Nobody answered; or, with words in the answer already, it has no end.
        """
        first = True
        while True:
            try:
                finished = await self._ask_each(question, first=first)
            except ProviderError as error:
                if _is_final(error, question.answer):
                    raise
                await self._waiting.pause(error)
                await self._start_over()
                first = False
            else:
                self._waiting.renew()
                return finished

    async def _ask_each(self, question: Question, *, first: bool) -> Finished:
        """Ask one candidate after the other; those that failed often lately only where nobody else is left.

        Args:
            first: Whether none of them was asked for this before.

        Raises:
            ProviderError: What came of one that may be well again soonest, else of the first.
        """
        failed: list[tuple[Window, ProviderError]] = []
        left_out: list[Window] = []
        error: ProviderError | None = None
        while True:
            if self._router.breaker(self.window.chosen).admits(_now()):
                try:
                    return await self._attempt(question)
                except ProviderError as failure:
                    error = self._failed(question, failure, first=first)
                    failed.append((self.window, error))
            else:
                error = None
                left_out.append(self.window)
                self._candidates.spare(self.window.chosen)
            if not await self._go_on(error, question, first=first):
                break
        for window in left_out:
            self._window = window
            try:
                return await self._attempt(question)
            except ProviderError as failure:
                failed.append((window, self._failed(question, failure, first=first)))
        too_long = [window for window, error in failed if isinstance(error, ContextTooLong)]
        if too_long:
            self._window = max(too_long, key=lambda window: window.chosen.model.context_tokens)
            try:
                return await self._attempt(question, cut=True)
            except ProviderError as failure:
                raise self._failed(question, failure, first=first) from None
        raise _soonest([error for _, error in failed])

    def _failed(self, question: Question, error: ProviderError, *, first: bool) -> ProviderError:
        """Note what became of the present model.

        Raises:
            ProviderError: This one, where nobody else is to be asked either.
        """
        chosen, answer = self.window.chosen, question.answer
        if _is_final(error, answer):
            raise error
        if answer.text:
            answer.break_off()
            _tell(question, phrases.AGAIN)
        self._candidates.failed(chosen, error)
        if isinstance(error, ProviderDown) and not first:
            self._candidates.spare(chosen)
        if not error.retryable and not isinstance(error, ContextTooLong):
            self._hopeless.add(chosen.name)
        return error

    async def _go_on(self, error: ProviderError | None, question: Question, *, first: bool) -> bool:
        """Turn to the next candidate, if there is one and it may fare better.

        Args:
            error: What became of the present one, None where it was left out.
        """
        before = self.window.chosen
        if isinstance(error, ContextTooLong):
            # Whoever comes next must hold more than the one for whom this was too long, if not all that was ever said.
            more = before.model.context_tokens - answer_tokens(before.model) + 1
            self._needs = replace(self._needs, tokens=max(0, more))
            self._candidates = self._candidates.again(self._needs, self._tried)
        chosen = await self._candidates.next()
        if chosen is None or (isinstance(error, ContextTooLong) and "room" in chosen.lacks):
            return False
        log.warning("another model takes over", model=chosen.name, instead_of=before.name)
        self._take(chosen)
        if first and not question.answer.most:
            question.grow(phrases.ANOTHER)
        return True

    async def _start_over(self) -> None:
        """Begin with the best candidate again; where none can be found just now, with the present one."""
        self._tried = []
        self._candidates = self._candidates.again(self._needs, self._hopeless)
        chosen = await self._candidates.next()
        if chosen is not None:
            self._take(chosen)

    def _take(self, chosen: Chosen) -> None:
        self._tried.append(chosen.name)
        frame = self._frame
        self._window = Window(chosen, frame.system, frame.tools, frame.thread, search=frame.search, effort=frame.effort)

    # -- one model

    async def _attempt(self, question: Question, *, cut: bool = False) -> Finished:
        """Ask the present model."""
        window, breaker = self.window, self._router.breaker(self.window.chosen)
        asking = self._cutting if cut or window.chosen.name in self._cuts else self._shrinking
        if asking == self._shrinking and window.counts and (least := _bytes(question.conversation(0))) > window.room:
            raise ContextTooLong(f"{least} bytes, and there is room for {window.room}")
        trial = breaker.began(_now())
        try:
            finished = await asking(window, question)
        except RequestRefused:
            breaker.succeeded(trial, _now())  # it is there, and had something against this request alone
            raise
        except ProviderError as error:
            breaker.failed(trial, error, _now())
            self._waiting.called(_now() - trial.began, fails_for_all=breaker.is_open)
            if isinstance(error, ModelUnknown):
                self._router.forget(window.chosen.provider)
            raise
        else:
            breaker.succeeded(trial, _now())
            return finished
        finally:
            breaker.dropped(trial)  # of no effect unless it was cut off from outside: that says nothing about it

    async def _shrinking(self, window: Window, question: Question) -> Finished:
        """Ask; a conversation the model finds too long is shortened and asked again."""
        entries = question.conversation(window.room)
        for _ in range(_SHRINKS):
            try:
                return await self._once(window, entries, question)
            except ContextTooLong:
                self._refused = entries
                shorter = question.conversation(_bytes(entries) // 2)
                if shorter == entries or question.answer.text:
                    raise
                log.info("conversation shortened", entries=len(entries), to=len(shorter))
                entries = shorter
        return await self._once(window, entries, question)

    async def _cutting(self, window: Window, question: Question) -> Finished:
        """Ask with the question itself made shorter, step by step: nobody holds all of it."""
        whole = _bytes(question.conversation(0))
        most = min(whole, window.room) if window.chosen.model.context_tokens else whole
        room, files = self._cuts.get(window.chosen.name, (most, True))
        cuts = [(room, files), (room, False), *((room >> times, False) for times in range(1, _CUTS))]
        refused: ContextTooLong | None = None
        before = self._refused
        for room, files in cuts:
            entries = question.cut(room, files)
            if entries == before:
                continue
            before = entries
            log.info("question cut", bytes=_bytes(entries), files=files)
            try:
                finished = await self._once(window, entries, question)
            except ContextTooLong as error:
                if question.answer.text:
                    raise
                refused = error
            else:
                self._cuts[window.chosen.name] = (room, files)
                return finished
        raise refused or ContextTooLong("not even a part of it")

    async def _once(self, window: Window, entries: tuple[Entry, ...], question: Question) -> Finished:
        """One call, noted on the bill however it ends."""
        request, answer, chosen = window.request(entries, tools=question.tools), question.answer, window.chosen
        self._bill.open(chosen)
        ended: Ended | None = "stopped"  # cut off from outside: what came until then is paid for
        try:
            finished = await ask(chosen.provider, request, answer, question.grow)
            ended = "answered"
        except ProviderError as error:
            log.warning("model failed", model=chosen.name, kind=type(error).__name__, reason=str(error))
            ended = "broke" if answer.begun else None  # a request that was turned away costs nothing
            raise
        finally:
            if ended is not None:
                self._note(question, chosen, request, ended)
        log.info(
            "model answered",
            provider=chosen.provider.name,
            model=chosen.model.id,
            reason=finished.reason,
            input_tokens=finished.usage.input_tokens,
            cached_tokens=finished.usage.cached_tokens,
            output_tokens=finished.usage.output_tokens,
        )
        return finished

    def _note(self, question: Question, chosen: Chosen, request: Request, ended: Ended) -> None:
        usage, counted = _used(question.answer, request)
        self._bill.note(question.step, chosen, usage, ended, counted=counted)


def _is_final(error: ProviderError, answer: Answer) -> bool:
    """Whether asking anybody again is of no use, or too dear."""
    if answer.text:
        return not error.retryable or answer.broken >= _MAX_BROKEN
    return isinstance(error, RequestRefused) and not isinstance(error, ContextTooLong)


def _soonest(errors: Sequence[ProviderError]) -> ProviderError:
    """The failure that may be over first, else the first there was."""
    passing = [error for error in errors if error.retryable]
    return min(passing, key=lambda error: error.retry_after_s or 0.0) if passing else errors[0]


def _tell(question: Question, mark: str) -> None:
    """Show a remark below what there is of the answer."""
    question.grow(followed(question.answer.most, mark))


def _bytes(entries: tuple[Entry, ...]) -> int:
    return sum(map(size, entries))


def _now() -> float:
    return asyncio.get_running_loop().time()


def _used(answer: Answer, request: Request) -> tuple[Usage, bool]:
    """What a call took, and whether its provider counted all of it.

    A call that was cut off was counted last before its last words came: those are added as an estimate.
    """
    usage = answer.usage
    if usage is None or usage == Usage():
        return estimate(request, answer.heard_bytes), False
    if answer.finished is not None:
        return usage, True
    guess = estimate(request, answer.heard_bytes)
    if usage.output_tokens >= guess.output_tokens:
        return usage, True
    return replace(usage, output_tokens=guess.output_tokens), False
