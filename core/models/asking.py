"""Asking a model once: its stream becomes an answer, and its failures become something honest to say.

Who is asked when a model fails, and how often, is ``failover.py``'s affair.
"""

from collections.abc import Callable
from contextlib import aclosing
from typing import assert_never

from core import phrases
from core.errors import ContextTooLong, ModelUnknown, ProviderBusy, ProviderDown, ProviderError, ProviderRefusedUs
from core.exchange import Delta, Finished, LeftOut, Request, Retracted, Spent, Usage
from core.seams import Provider


class Answer:
    """An answer as it grows; what is here when a stream is cut off is all there is of it.

    Attributes:
        text: What the chat may read.
        usage: What the provider counted so far, None where it has not.
        heard_bytes: What was said or thought so far.
        begun: Whether anything came at all.
        thought: Whether there was any thinking.
        left_out: What the provider did not take.
    """

    def __init__(self) -> None:
        self.text = ""
        self.begin()

    def begin(self) -> None:
        """Another request is made, after one that brought no word."""
        self.usage: Usage | None = None
        self.heard_bytes = 0
        self.begun = False
        self.thought = False
        self.left_out: list[LeftOut] = []
        self.finished: Finished | None = None


async def ask(provider: Provider, request: Request, answer: Answer, grow: Callable[[str], None]) -> Finished:
    """Ask once.

    Args:
        answer: Grows as words arrive, also when this is cancelled.
        grow: Told the whole text so far.

    Raises:
        ProviderError: No answer; or, with words in ``answer`` already, no end of it.
    """
    answer.begin()
    async with aclosing(provider.stream(request)) as events:
        async for event in events:
            answer.begun = True
            match event:
                case Delta(kind="progress"):
                    if not answer.text:
                        grow(event.text)
                case Delta(kind="reasoning"):  # not for the chat, but paid for
                    answer.thought = True
                    answer.heard_bytes += len(event.text.encode("utf-8", "replace"))
                case Delta():
                    answer.heard_bytes += len(event.text.encode("utf-8", "replace"))
                    answer.text += event.text
                    grow(answer.text)
                case LeftOut():
                    answer.left_out.append(event)
                case Retracted():
                    answer.text = ""
                    grow("")
                case Spent():
                    answer.usage = event.usage
                case Finished():
                    answer.usage = event.usage
                    answer.finished = event
                case _:
                    assert_never(event)
    if answer.finished is None:
        raise ProviderDown(f"{provider.name} ended its stream without an end")
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
