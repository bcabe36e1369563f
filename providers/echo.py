"""A provider without a model: it says again what it was told, word by word, for tests and for trying things out.

It can be told to call a tool, so that approvals can be seen without a model that happens to want one. Each line

    call <tool> <arguments as JSON>

of what the person says becomes a call, with the arguments exactly as written (also where they are not JSON); the other
lines are echoed before. When the results are there, it says what they were.
"""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager
from itertools import takewhile

from pydantic import BaseModel, ConfigDict, Field

from core.errors import ModelUnknown
from core.exchange import Delta, Entry, Finished, Model, ModelEvent, Part, Request, Spent, Usage
from core.seams import Abilities, ProviderSpec
from core.site import ProviderSite, Spec
from providers.attachments import attachment
from providers.tokens import estimate, weight

_MODEL = Model(
    id="echo",
    context_tokens=1_000_000,
    hosting="self",
    note="No model at all: it says again what you said. A line “call <tool> <JSON>” makes it call a tool.",
)
_CALL = re.compile(r"call[ \t]+([\w.-]+)(?:[ \t]+(.*))?")
_WORD = re.compile(r"\s*\S+|\s+\Z")


class EchoSettings(BaseModel):
    """``[providers.echo]``.

    Attributes:
        enabled: Off by default: nobody wants this model chosen for them.
        tokens_per_s: How many words it says in a second; 0 for all at once.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = False
    tokens_per_s: float = Field(default=0.0, ge=0.0, allow_inf_nan=False)


class Echo:
    """See the module. The same request gets the same answer, down to the ids of the calls."""

    def __init__(self, site: ProviderSite, settings: EchoSettings) -> None:
        self._name = site.name
        self._pause_s = 1 / settings.tokens_per_s if settings.tokens_per_s else 0.0

    @property
    def name(self) -> str:
        """The name as configured."""
        return self._name

    @property
    def abilities(self) -> Abilities:
        """Nothing beside talking."""
        return Abilities()

    async def models(self) -> tuple[Model, ...]:
        """The one there is."""
        return (_MODEL,)

    async def stream(self, request: Request) -> AsyncGenerator[ModelEvent, None]:
        """See ``Provider``. Words count as tokens against ``max_output_tokens``."""
        if request.model != _MODEL.id:
            raise ModelUnknown(f"there is no model {request.model!r} here, only {_MODEL.id!r}")
        text, calls = _answer(request.entries)
        words = _WORD.findall(text)
        prompt = weight(request)
        yield Spent(usage=Usage(input_tokens=prompt))
        for word in words[: request.max_output_tokens]:
            yield Delta(text=word)
            await asyncio.sleep(self._pause_s)
        said = "".join(words[: request.max_output_tokens])
        cut = len(words) > request.max_output_tokens
        parts = (*(Part(kind="text", body=said) for _ in [said] if said), *(() if cut else calls))
        spent = max(1, estimate(said) + sum(estimate(call.name + call.body) for call in calls))
        yield Finished(
            reason="length" if cut else "tools" if calls else "stop",
            parts=parts,
            usage=Usage(input_tokens=prompt, output_tokens=spent),
        )


def _answer(entries: Sequence[Entry]) -> tuple[str, tuple[Part, ...]]:
    """What to say and what to call: the person's last word, or the results that came after it."""
    last = list(takewhile(lambda entry: entry.role == "user", reversed(entries)))[::-1]
    parts = [part for entry in last for part in entry.parts]
    if results := [part for part in parts if part.kind == "result"]:
        parts = parts[parts.index(results[-1]) + 1 :]
        if not parts:
            return "\n".join(_reported(results)), ()
    lines = "\n\n".join(_told(parts)).split("\n")
    echoed = "\n".join(line for line in lines if not _CALL.fullmatch(line.strip()))
    found = [match for line in lines if (match := _CALL.fullmatch(line.strip()))]
    calls = tuple(
        Part(kind="call", id=f"call_{len(entries)}_{place}", name=match[1], body=match[2] or "{}")
        for place, match in enumerate(found)
    )
    return echoed.strip() if calls else echoed, calls


def _told(parts: Sequence[Part]) -> Iterator[str]:
    for part in parts:
        if part.kind == "text":
            yield part.body
        elif part.kind == "media":
            yield attachment(part.media)


def _reported(results: Sequence[Part]) -> Iterator[str]:
    for part in results:
        yield f"{part.name or 'The tool'} {'failed' if part.failed else 'said'}: {part.body}"


@asynccontextmanager
async def open_echo(site: ProviderSite, settings: EchoSettings) -> AsyncIterator[Echo]:
    """An echo; there is nothing to close."""
    yield Echo(site, settings)


spec: ProviderSpec[EchoSettings] = Spec(
    name="echo",
    settings=EchoSettings,
    open=open_echo,
    configured=lambda settings: None if settings.enabled else "it is off: say enabled = true to try things with it.",
)
