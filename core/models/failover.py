"""Asking models until one answers: another takes over before the first word, and never after it.

A model that fails before its first word is left for the next candidate (``routing.py``), which the chat is told in one
line. Where there is no other, the first one is asked once more. After the first word nothing is asked again by itself:
what there is stands, and says that it broke off. A conversation that is too long is shortened, then brought to a model
that holds more; where none does, the question itself is cut. Every call that may cost something is noted
on the turn's bill, however it ends.
"""

import asyncio
from collections.abc import Callable
from dataclasses import replace

import structlog

from core import phrases
from core.context.conversation import size
from core.errors import ContextTooLong, ProviderError, RequestRefused
from core.exchange import Effort, Entry, Finished, Request, ToolSchema, Usage
from core.models.asking import Answer, ask
from core.models.billing import Bill, Ended
from core.models.needs import Needs, answer_tokens
from core.models.routing import Candidates, Chosen, Router
from core.models.window import Window, estimate
from core.values import value

log = structlog.get_logger(__name__)

_SHRINKS = 4
_CUTS = 8  # halvings; after them hardly anything is left
_RETRY_S = 1.0
_LONGEST_WAIT_S = 20.0


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
    """

    def __init__(self, router: Router, bill: Bill, frame: Frame, needs: Needs) -> None:
        self._router = router
        self._bill = bill
        self._frame = frame
        self._needs = needs
        self._tried: list[str] = []
        self._candidates: Candidates = router.candidates(frame.wish, needs)
        self._window: Window | None = None
        self._cuts: dict[str, tuple[int, bool]] = {}  # by model: what it took at last of a question that had to be cut
        self._refused: tuple[Entry, ...] = ()

    async def begin(self) -> Chosen:
        """Find the first candidate; nothing is asked yet.

        Raises:
            ProviderError: There is none.
        """
        chosen = await self._candidates.next()
        if chosen is None:
            raise self._candidates.reason
        self._take(chosen)
        return chosen

    @property
    def window(self) -> Window:
        """That of the model asked at present."""
        if self._window is None:
            raise RuntimeError("nobody was chosen yet")
        return self._window

    async def ask(self, question: Question) -> Finished:
        """Ask, and go on to others as long as nobody has said a word.

        Raises:
            ProviderError: Nobody answered; or, with words in the answer already, it has no end.
        """
        failed: list[tuple[Window, ProviderError]] = []
        while True:
            try:
                return await self._attempt(question)
            except ProviderError as error:
                if question.answer.text:
                    raise
                failed.append((self.window, error))
                self._candidates.failed(self.window.chosen, error)
                if not await self._go_on(error, question.grow):
                    break
        too_long = [window for window, error in failed if isinstance(error, ContextTooLong)]
        if not too_long:
            return await self._once_more(failed, question)
        self._window = max(too_long, key=lambda window: window.chosen.model.context_tokens)
        return await self._attempt(question, cut=True)

    async def _go_on(self, error: ProviderError, grow: Callable[[str], None]) -> bool:
        """Turn to the next candidate, if there is one and it may fare better."""
        if isinstance(error, RequestRefused) and not isinstance(error, ContextTooLong):
            return False
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
        grow(phrases.ANOTHER)
        return True

    def _take(self, chosen: Chosen) -> None:
        self._tried.append(chosen.name)
        frame = self._frame
        self._window = Window(chosen, frame.system, frame.tools, frame.thread, search=frame.search, effort=frame.effort)

    async def _once_more(self, failed: list[tuple[Window, ProviderError]], question: Question) -> Finished:
        """Nobody is left: ask the first of them again that may have got over it by now."""
        for window, error in failed:
            wait_s = _RETRY_S if error.retry_after_s is None else error.retry_after_s
            rests_s = self._router.breaker(window.chosen).rests_s(_now())
            if error.retryable and rests_s <= wait_s <= _LONGEST_WAIT_S:
                log.info("model asked once more", model=window.chosen.name, after_s=wait_s)
                question.grow(phrases.AGAIN)
                await asyncio.sleep(wait_s)
                self._window = window
                return await self._attempt(question)
        raise failed[0][1]

    # -- one model

    async def _attempt(self, question: Question, *, cut: bool = False) -> Finished:
        """Ask the present model, unless it is left alone at the moment."""
        window, breaker = self.window, self._router.breaker(self.window.chosen)
        asking = self._cutting if cut or window.chosen.name in self._cuts else self._shrinking
        if asking == self._shrinking and window.counts and (least := _bytes(question.conversation(0))) > window.room:
            raise ContextTooLong(f"{least} bytes, and there is room for {window.room}")
        if not breaker.admits(_now()):
            log.info("model left alone", model=window.chosen.name, for_s=round(breaker.rests_s(_now()), 1))
            raise breaker.reason()
        try:
            finished = await asking(window, question)
        except RequestRefused:
            breaker.succeeded()  # it is there, and had something against this request alone
            raise
        except ProviderError as error:
            breaker.failed(error, _now())
            if not question.answer.text:
                self._router.forget(window.chosen.provider)
            raise
        except BaseException:
            breaker.dropped()  # cut off from outside, which says nothing about the model
            raise
        breaker.succeeded()
        return finished

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
        try:
            finished = await ask(chosen.provider, request, answer, question.grow)
        except ProviderError as error:
            log.warning("model failed", model=chosen.name, kind=type(error).__name__, reason=str(error))
            if answer.begun:  # a request that was turned away costs nothing
                self._note(question, chosen, request, "broke")
            raise
        except BaseException:
            self._note(question, chosen, request, "stopped")  # cut off from outside: what came until then is paid for
            raise
        self._note(question, chosen, request, "answered")
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
