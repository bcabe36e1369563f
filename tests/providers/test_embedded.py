"""The embedded model: what it is shown, what it refuses, and what it leaves behind. The slow tests run it."""

import asyncio
import sys
import threading
import time
from contextlib import aclosing
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.rigs.providers import answered, eventually, said, site
from core.errors import ContextTooLong, ProviderBusy, ProviderDown
from core.exchange import Delta, Entry, Finished, Part, Request
from providers import embedded, llama
from providers.embedded import Embedded, EmbeddedSettings, spec
from providers.repetition import Repetition

installed = pytest.mark.skipif(spec.configured(EmbeddedSettings()) is not None, reason="the group embedded is missing")


def request(*entries: Entry, most: int = 16) -> Request:
    """A request with a short answer."""
    return Request(model="smollm2-135m", entries=entries or (said("Hello?"),), max_output_tokens=most)


async def end(provider: Embedded, asked: Request) -> Finished:
    """The end of an answer."""
    async with aclosing(provider.stream(asked)) as stream:
        events = [event async for event in stream]
    assert isinstance(events[-1], Finished)
    return events[-1]


def test_the_oldest_is_left_out_first() -> None:
    """A conversation that is too long keeps its system text and its last words, and begins with the person's."""
    turns = [entry for n in range(200) for entry in (said(f"Question {n}?"), answered(f"Answer {n}."))]
    asked = Request(model="", entries=(*turns, said("Last?")), system="Be brief.")
    kept = embedded._trimmed(asked, 300)
    assert kept.system == "Be brief."
    assert kept.entries[-1] == said("Last?")
    assert kept.entries[0].role == "user"
    assert 5 < len(kept.entries) < 60
    assert kept.entries == asked.entries[-len(kept.entries) :]


def test_the_last_word_is_kept_however_long_it_is() -> None:
    """What the person just said is never cut away; whether it fits is the engine's to say."""
    asked = Request(model="", entries=(said("before"), said("word " * 5000)))
    assert embedded._trimmed(asked, 300).entries == asked.entries[-1:]


def test_it_is_shown_no_calls() -> None:
    """Calls and other labs' marks mean nothing to it; results stay."""
    parts = (
        Part(kind="text", body="I look."),
        Part(kind="call", id="a", name="weather"),
        Part(kind="opaque", body="x"),
    )
    result = Entry(role="user", parts=(Part(kind="result", id="a", name="weather", body="rain"),))
    asked = Request(model="", entries=(said("?"), Entry(role="assistant", parts=parts), result))
    kept = embedded._trimmed(asked, 300)
    assert [part.kind for entry in kept.entries for part in entry.parts] == ["text", "text", "result"]


@pytest.mark.parametrize(
    "text, circles",
    [
        ("I am a train. " * 10, True),
        ("no " * 12, True),
        ("no no no, thank you very much, he said and went away for good ", False),
        ("one two three four five six seven eight nine ten eleven twelve thirteen ", False),
        ("1. the red car\n2. the blue car\n3. the green car\n4. the grey car\n5. the black car\n", False),
    ],
    ids=["sentence", "word", "emphasis", "counting", "list"],
)
def test_going_in_circles_is_noticed(text: str, circles: bool) -> None:
    """The same phrase over and over is told from a list and from emphasis."""
    repetition = Repetition()
    assert any(repetition.found(text[at : at + 4]) for at in range(0, len(text), 4)) is circles


def test_weights_that_were_changed_are_refused(tmp_path: Path) -> None:
    """Only the model we know is loaded."""
    (tmp_path / "model.gguf").write_bytes(b"GGUF and then something else")
    with pytest.raises(ProviderDown, match="not the model it should be"):
        embedded._verify(tmp_path / "model.gguf")


def test_a_missing_engine_is_told_with_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Whoever lacks the packages is told the command."""
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    with pytest.raises(ProviderDown, match="uv sync --group embedded"):
        llama.start(tmp_path / "model.gguf", window=512, threads=1)


@installed
@pytest.mark.slow
async def test_it_can_be_closed_right_after_it_was_loaded() -> None:
    """Whoever stops the process in its first second is not kept waiting; the engine by itself would, now and then."""
    before, here = set(threading.enumerate()), site("embedded")
    for _ in range(6):
        async with asyncio.timeout(20):
            async with spec.open(here, EmbeddedSettings()) as provider:
                assert isinstance(provider, Embedded)
                await provider.load()
                assert provider._engine
            assert not provider._engine
        assert set(threading.enumerate()) == before


def test_it_can_be_turned_off() -> None:
    """An operator who does not want it does not get it."""
    assert "enabled" in str(spec.configured(EmbeddedSettings(enabled=False)))


@installed
def test_weights_that_the_engine_refuses_are_told(tmp_path: Path) -> None:
    """A file that is no model ends in one of our errors."""
    (tmp_path / "model.gguf").write_bytes(b"no model")
    with pytest.raises(ProviderDown, match="does not start"):
        llama.start(tmp_path / "model.gguf", window=512, threads=1)


@installed
async def test_it_loads_answers_and_leaves_no_thread() -> None:
    """Nothing is loaded before the first request; after the end nothing of ours runs; the check is made once."""
    before = set(threading.enumerate())
    here = site("embedded")
    async with spec.open(here, EmbeddedSettings()) as provider:
        assert isinstance(provider, Embedded)
        assert set(threading.enumerate()) == before
        assert (await end(provider, request())).parts
        checked = await here.memo.get("weights")
        assert checked
    assert set(threading.enumerate()) == before
    async with spec.open(replace(here), EmbeddedSettings()) as provider:
        assert isinstance(provider, Embedded)
        began = time.monotonic()
        await provider.load()
        assert time.monotonic() - began < 5
    assert await here.memo.get("weights") == checked


@installed
@pytest.mark.slow
async def test_warm_loads_in_the_background() -> None:
    """Opening does not wait for the model, and the first to ask finds it there."""
    began = time.monotonic()
    async with spec.open(site("embedded"), EmbeddedSettings(warm=True)) as provider:
        assert time.monotonic() - began < 0.1
        assert isinstance(provider, Embedded)
        await eventually(lambda: bool(provider._engine), within_s=10)


@installed
@pytest.mark.slow
async def test_what_will_never_fit_is_too_long_and_others_wait_their_turn() -> None:
    """A message beyond the window is refused as such; a busy engine is busy; and the loop turns all the while."""
    async with spec.open(replace(site("embedded"), first_token_s=0.3), EmbeddedSettings()) as provider:
        assert isinstance(provider, Embedded)
        await provider.load()
        with pytest.raises(ContextTooLong):
            await end(provider, request(said("hello " * 6000)))
        gaps: list[float] = []
        ticking = asyncio.create_task(_tick(gaps))
        stream = provider.stream(request(said("Tell me about trains, at length."), most=200))
        async for event in stream:
            if isinstance(event, Delta):
                break
        with pytest.raises(ProviderBusy):
            await end(provider, request())
        began = time.monotonic()
        await stream.aclose()
        assert time.monotonic() - began < 0.1
        await eventually(lambda: not provider.busy, within_s=2)
        ticking.cancel()
        assert max(gaps) < 0.3


@installed
@pytest.mark.slow
async def test_a_long_prompt_can_be_cancelled_while_it_is_read() -> None:
    """Half a minute of reading is not waited for by anybody who has gone."""
    async with spec.open(site("embedded"), EmbeddedSettings()) as provider:
        assert isinstance(provider, Embedded)
        await provider.load()
        stream = provider.stream(request(said("hello " * 3000)))
        await anext(stream)
        reading = asyncio.create_task(anext(stream))
        await asyncio.sleep(1)
        reading.cancel()
        await asyncio.wait([reading])
        await stream.aclose()
        assert await eventually(lambda: not provider.busy, within_s=5) < 3


async def _tick(gaps: list[float]) -> None:
    while True:
        began = time.monotonic()
        await asyncio.sleep(0.01)
        gaps.append(time.monotonic() - began)
