"""A model that says what a test wrote down, and remembers what it was asked."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Sequence

from core.exchange import Delta, Finished, Model, ModelEvent, Part, Request, Usage
from core.seams import Abilities, Provider


class FakeProvider:
    """A model that says what it was given to say.

    Args:
        scripts: One for each coming ``stream``, the last one for all after it. An event in it is said, an exception
            is raised, an ``asyncio.Event`` is waited for.

    Attributes:
        requests: What was asked, in order.
        unfinished: How many streams were closed before their end.
    """

    def __init__(self, *scripts: Sequence[ModelEvent | Exception | asyncio.Event], name: str = "fake") -> None:
        self._name = name
        self._scripts = deque(scripts)
        self.requests: list[Request] = []
        self.unfinished = 0

    @property
    def name(self) -> str:
        """See ``Provider``."""
        return self._name

    @property
    def abilities(self) -> Abilities:
        """Nothing beside talking."""
        return Abilities()

    async def models(self) -> tuple[Model, ...]:
        """See ``Provider``: there is one."""
        return (Model(id="fake", hosting="self", images=True, documents=True),)

    async def stream(self, request: Request) -> AsyncGenerator[ModelEvent, None]:
        """See ``Provider``."""
        self.requests.append(request)
        script = self._scripts.popleft() if len(self._scripts) > 1 else self._scripts[0]
        done = False
        try:
            for event in script:
                if isinstance(event, asyncio.Event):
                    await event.wait()
                elif isinstance(event, Exception):
                    done = True
                    raise event
                else:
                    done = isinstance(event, Finished)
                    yield event
        finally:
            self.unfinished += not done


def answer(*words: str) -> tuple[ModelEvent, ...]:
    """A model's whole answer, a delta a word."""
    text = Part(kind="text", body="".join(words))
    usage = Usage(input_tokens=1, output_tokens=len(words))
    return (*(Delta(text=word) for word in words), Finished(reason="stop", parts=(text,), usage=usage))


def tool_call(name: str, arguments: str = "{}") -> tuple[ModelEvent, ...]:
    """A model's whole answer that is one call of a tool; the arguments are JSON text, also where they are wrong."""
    call = Part(kind="call", id=f"call of {name}", name=name, body=arguments)
    return (Finished(reason="tools", parts=(call,), usage=Usage(input_tokens=1, output_tokens=1)),)


_: type[Provider] = FakeProvider
