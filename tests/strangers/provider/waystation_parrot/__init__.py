"""A parrot: a model that says again what was said last, a word at a time."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager

from pydantic import BaseModel

from core.errors import ModelUnknown
from core.exchange import Delta, Entry, Finished, Model, ModelEvent, Part, Request, Spent, Usage
from core.seams import Abilities, ProviderSpec
from core.site import ProviderSite, Spec

GREY = Model(id="grey", context_tokens=8000, hosting="self", tools=False)


class Settings(BaseModel):
    """``[providers.parrot]``."""

    word_s: float = 0.001


class Parrot:
    """It needs no server."""

    def __init__(self, name: str, word_s: float) -> None:
        self.name = name
        self.abilities = Abilities()
        self._word_s = word_s

    async def models(self) -> tuple[Model, ...]:
        """There is one."""
        return (GREY,)

    async def stream(self, request: Request) -> AsyncGenerator[ModelEvent, None]:
        """Say it again, as far as it may."""
        if request.model != GREY.id:
            raise ModelUnknown(f"no parrot is called {request.model}")
        heard = words(request.entries[-1]).split(" ")
        said = heard[: request.max_output_tokens]
        usage = Usage(input_tokens=max(1, sum(len(words(entry).split()) for entry in request.entries)))
        yield Spent(usage=usage)
        for number, word in enumerate(said):
            await asyncio.sleep(self._word_s)
            yield Delta(text=f" {word}" if number else word)
        usage = Usage(input_tokens=usage.input_tokens, output_tokens=len(said))
        part = Part(kind="text", body=" ".join(said))
        yield Finished(reason="stop" if said == heard else "length", parts=(part,), usage=usage)


def words(entry: Entry) -> str:
    """What it can hear of an entry."""
    return "\n".join(part.body for part in entry.parts if part.kind in {"text", "result"})


@asynccontextmanager
async def open_parrot(site: ProviderSite, settings: Settings) -> AsyncGenerator[Parrot, None]:
    """There is nothing to close."""
    yield Parrot(site.name, settings.word_s)


spec: ProviderSpec[Settings] = Spec(name="parrot", settings=Settings, open=open_parrot)
