"""Asking a model once: its stream becomes an answer, and its failures become something honest to say.

A model that fails before its first word is asked once more, and the chat is told so. After the first word nothing is
asked again by itself: what there is stands, and says that it broke off.
"""

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from typing import assert_never

import structlog

from core import phrases
from core.errors import (
    ContextTooLong,
    ModelUnknown,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderRefusedUs,
)
from core.exchange import Delta, Finished, Request, Spent, Usage
from core.models.routing import Chosen

log = structlog.get_logger(__name__)

_RETRIES = 1
_RETRY_S = 1.0
_LONGEST_WAIT_S = 20.0


class Answer:
    """An answer as it grows; what is here when a stream is cut off is all there is of it."""

    def __init__(self) -> None:
        self.text = ""
        self.usage = Usage()
        self.finished: Finished | None = None


async def ask(chosen: Chosen, request: Request, answer: Answer, grow: Callable[[str], None]) -> Finished:
    """Ask, with one retry before the first word.

    Args:
        answer: Grows as words arrive, also when this is cancelled.
        grow: Told the whole text so far, or what is going on instead of one.

    Raises:
        ProviderError: No answer; or, with words in ``answer`` already, no end of it.
    """
    for attempt in range(_RETRIES + 1):
        try:
            return await _stream(chosen, request, answer, grow)
        except ProviderError as error:
            wait_s = _RETRY_S if error.retry_after_s is None else error.retry_after_s
            last = bool(attempt == _RETRIES or answer.text or not error.retryable or wait_s > _LONGEST_WAIT_S)
            log.warning(
                "model failed",
                provider=chosen.provider.name,
                model=request.model,
                kind=type(error).__name__,
                reason=str(error),
                again=not last,
            )
            if last:
                raise
            grow(phrases.AGAIN)
            await asyncio.sleep(wait_s)
    raise AssertionError("a loop that returns or raises came to its end")


async def _stream(chosen: Chosen, request: Request, answer: Answer, grow: Callable[[str], None]) -> Finished:
    async with aclosing(chosen.provider.stream(request)) as events:
        async for event in events:
            match event:
                case Delta(kind="answer"):
                    answer.text += event.text
                    grow(answer.text)
                case Delta():
                    pass  # reasoning and progress are not for the chat
                case Spent():
                    answer.usage = event.usage
                case Finished():
                    answer.usage = event.usage
                    answer.finished = event
                case _:
                    assert_never(event)
    if answer.finished is None:
        raise ProviderDown(f"{chosen.provider.name} ended its stream without an end")
    return answer.finished


def apology(error: ProviderError) -> str:
    """What a person is told about a model that did not answer."""
    match error:
        case ProviderBusy():
            return phrases.MODEL_BUSY
        case ProviderRefusedUs():
            return phrases.MODEL_REFUSED_US
        case ModelUnknown():
            return phrases.NO_MODEL
        case ContextTooLong():
            return phrases.TOO_LONG
        case _:
            return phrases.MODEL_DOWN if error.retryable else phrases.MODEL_CANNOT
