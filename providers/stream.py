"""Reading a lab's stream of events: its bytes as JSON objects, and how long each is waited for."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterable, Callable
from functools import partial

from core.errors import ProviderDown
from providers.sse import Frames, parsed
from providers.words import JSON

_TAIL_S = 5.0  # for what is still told after the end of an answer: a count, sources


class Patience:
    """How long a stream may be silent: a while before its first word, and between two of them.

    Args:
        first_at: When the first word has to be there, in the loop's time; None to count from now.

    Attributes:
        first_token_s: How long the first word is waited for in all.
        begun: Set it with the first word: until then, signs of life do not count.
    """

    def __init__(self, first_token_s: float, idle_s: float, first_at: float | None = None) -> None:
        self.first_token_s = first_token_s
        self._idle_s = idle_s
        self.first_at = asyncio.get_running_loop().time() + first_token_s if first_at is None else first_at
        self.begun = False
        self._ends_at: float | None = None

    @property
    def ended(self) -> bool:
        """Whether the answer has its end, so that silence is no fault."""
        return self._ends_at is not None

    def end(self) -> None:
        """The model has said that this was all; what comes within moments still counts."""
        if self._ends_at is None:
            self._ends_at = asyncio.get_running_loop().time() + min(_TAIL_S, self._idle_s)

    def until(self) -> float:
        """By when the next bytes must come, in the loop's time."""
        if self._ends_at is not None:
            return self._ends_at
        return asyncio.get_running_loop().time() + self._idle_s if self.begun else self.first_at

    def late(self) -> ProviderDown:
        """What to say of a stream that was silent for longer."""
        if self.begun:
            return ProviderDown(f"silent for {self._idle_s:g} s amid an answer")
        return ProviderDown(f"no token within {self.first_token_s:g} s")


async def objects(
    pieces: AsyncIterable[bytes], patience: Patience, *, gather_s: float = 0.0
) -> AsyncGenerator[JSON, None]:
    """The events of a stream, each a JSON object, until its end or its ``[DONE]``.

    Args:
        gather_s: How long what arrives may lie once the model speaks, since each word by itself costs as much as many.

    Raises:
        ProviderDown: It was silent for too long, or made no sense.
    """
    frames, source = Frames(), aiter(pieces)
    while True:
        try:
            async with asyncio.timeout_at(patience.until()):
                piece = await anext(source)
        except StopAsyncIteration:
            for frame in _frames(frames.end):
                if frame != b"[DONE]":
                    yield _object(frame)
            return
        except TimeoutError as silence:
            if patience.ended:
                return
            raise patience.late() from silence
        except ProviderDown:
            if patience.ended:
                return
            raise
        for frame in _frames(partial(frames.feed, piece)):
            if frame == b"[DONE]":
                return
            yield _object(frame)
        if gather_s and patience.begun:
            await asyncio.sleep(gather_s)


def _frames(complete: Callable[[], list[bytes]]) -> list[bytes]:
    try:
        return complete()
    except (ValueError, RecursionError) as garbled:
        raise ProviderDown(f"the stream made no sense: {garbled}") from garbled


def _object(frame: bytes) -> JSON:
    try:
        found = parsed(frame)
    except (ValueError, RecursionError) as garbled:
        raise ProviderDown(f"the stream made no sense: {garbled}") from garbled
    if not isinstance(found, dict):
        raise ProviderDown(f"the stream made no sense: {str(found)[:100]!r} where an object was due")
    return found


def number(of: object, *names: str) -> int:
    """A count deep in an object, 0 where there is none."""
    for name in names:
        of = of.get(name) if isinstance(of, dict) else None
    return of if isinstance(of, int) and of > 0 else 0


def text(of: object, name: str) -> str:
    """A text in an object, "" where there is none."""
    found = of.get(name) if isinstance(of, dict) else None
    return found if isinstance(found, str) else ""
