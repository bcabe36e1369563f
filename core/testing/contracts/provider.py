"""The contract of ``Provider``: what holds for every lab's and protocol's models, each over its rig."""

import asyncio
import base64
import json
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
import pytest_asyncio

from core.errors import ModelUnknown, ProviderError
from core.exchange import Delta, Entry, Finished, ModelEvent, Part, Request, Spent, ToolSchema
from core.seams import Provider
from core.testing.contracts.faults import CITED, CITIES, FAULTS, USAGE, Ends, Fails
from core.values import Media

LOOK_UP = ToolSchema(
    name="look_up",
    description="Where a city lies.",
    parameters='{"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}',
)
"""The tool that is offered where a lab is to call one (``calls``)."""

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)
PDF = b"%PDF-1.4\n1 0 obj<</Type/Catalog>>endobj\ntrailer<</Root 1 0 R>>\n%%EOF\n"

SLOW = "Tell me slowly: " + "one two three four five six seven eight nine ten " * 20
"""What one asks for an answer that takes at least a few seconds."""


async def picture(media: Media) -> AsyncGenerator[bytes, None]:
    """A ``Fetch`` for a provider's site: the bytes of every file are a tiny image, or a document that says hello."""
    yield PDF if media.kind == "document" else PNG


def said(text: str) -> Entry:
    """A person's word."""
    return Entry(role="user", parts=(Part(kind="text", body=text),))


def answered(text: str) -> Entry:
    """A model's word."""
    return Entry(role="assistant", parts=(Part(kind="text", body=text),))


async def nothing_left() -> None:
    """What is released of a provider that leaves nothing running."""


@dataclass
class ProviderRig:
    """One provider, ready to be asked.

    Attributes:
        model: A model it has.
        repeats: Whether its answers contain what was said.
        released: Returns once nothing of an abandoned request is left running; fails where something is.
        turns: How many questions and answers are a long conversation for it.
        hosting: What its models say of theirs.
        faults: Makes its lab do something to the next request; see ``core/testing/contracts/faults.py``.
        hurried: The same lab, asked with little patience: it waits for 0.3 s, for a first token and for the next.
        sent: The conversation in the last request, as a list of what the protocol calls messages.
        sees: A model that is shown images and documents, "" where there is none.
        violations: What requests held that the lab's published description does not allow.
    """

    provider: Provider
    model: str
    repeats: bool = False
    released: Callable[[], Awaitable[None]] = nothing_left
    max_output_tokens: int = 4096
    turns: int = 100
    hosting: str = "self"
    faults: Mapping[str, Callable[[], object]] = field(default_factory=dict)
    hurried: Provider | None = None
    sent: Callable[[], Sequence[object]] | None = None
    sees: str = ""
    violations: Callable[[], Sequence[str]] = list

    def request(self, *entries: Entry, system: str = "Be brief.", tools: tuple[ToolSchema, ...] = ()) -> Request:
        """A request to the rig's model."""
        most = self.max_output_tokens
        return Request(model=self.model, entries=entries, system=system, tools=tools, max_output_tokens=most)


async def ask(rig: ProviderRig, request: Request) -> list[ModelEvent]:
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


def prepared(rig: ProviderRig, fault: str) -> None:
    """Let this happen to the next request, where the lab knows such a thing."""
    if fault not in rig.faults:
        pytest.skip(f"{rig.provider.name} knows no such thing")
    rig.faults[fault]()


async def hurried(rig: ProviderRig) -> Provider:
    """The provider with little patience, once it has answered: what it does at its first request takes long."""
    assert rig.hurried is not None, "a rig whose lab can hang has a provider with little patience"
    while True:
        with suppress(ProviderError):
            await listen(rig.hurried, rig.request(said("Say hello.")), [])
            return rig.hurried


class ProviderContract:
    """What holds for every ``Provider``."""

    @asynccontextmanager
    async def open_rig(self, folder: Path) -> AsyncGenerator[ProviderRig, None]:
        """Open the rig: to be written in each subclass.

        Args:
            folder: An empty one, for this test alone.
        """
        raise NotImplementedError("a subclass opens its own rig")
        yield  # type: ignore[unreachable]  # so that this is a generator, as in subclasses

    @pytest_asyncio.fixture
    async def rig(self, tmp_path: Path) -> AsyncGenerator[ProviderRig, None]:
        """The rig of one test."""
        async with self.open_rig(tmp_path) as opened:
            yield opened

    async def test_there_is_exactly_one_finished_and_it_is_the_last(self, rig: ProviderRig) -> None:
        """Whoever reads a stream knows that it is whole by its last event alone."""
        events = await ask(rig, rig.request(said("Say hello.")))
        assert [isinstance(event, Finished) for event in events] == [False] * (len(events) - 1) + [True]

    async def test_the_deltas_of_the_answer_are_the_text_of_the_end(self, rig: ProviderRig) -> None:
        """What was shown while it came is what is kept."""
        events = await ask(rig, rig.request(said("Say hello.")))
        shown = "".join(event.text for event in events if isinstance(event, Delta) and event.kind == "answer")
        assert shown == text_of(finished(events)) != ""

    async def test_usage_is_never_nothing(self, rig: ProviderRig) -> None:
        """Every call is settled, so every call says what it cost, at its end and on the way."""
        events = await ask(rig, rig.request(said("Say hello.")))
        usage = finished(events).usage
        assert usage.input_tokens > 0
        assert usage.output_tokens > 0
        assert all(event.usage.input_tokens > 0 for event in events if isinstance(event, Spent))

    async def test_closing_mid_stream_returns_at_once_and_lets_go(self, rig: ProviderRig) -> None:
        """A stopped answer costs nothing more: the connection, or the engine, is free within moments."""
        stream = rig.provider.stream(rig.request(said(SLOW)))
        async for event in stream:
            if isinstance(event, Delta):
                break
        await asyncio.wait_for(stream.aclose(), 1)
        await rig.released()

    async def test_cancelling_the_reader_lets_go(self, rig: ProviderRig) -> None:
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

    async def test_an_answer_after_an_abandoned_one_is_whole(self, rig: ProviderRig) -> None:
        """What is left of a stopped answer does not leak into the next."""
        stream = rig.provider.stream(rig.request(said(SLOW)))
        await anext(stream)
        await stream.aclose()
        assert text_of(finished(await ask(rig, rig.request(said("Say hello.")))))

    async def test_every_alphabet_survives(self, rig: ProviderRig) -> None:
        """Text comes and goes as it is, in any script, emoji of several code points included."""
        text = "Grüße, мир, 你好, नमस्ते, שלום 👩‍👩‍👧‍👦 🇩🇪 👍🏽 é 𝕏"
        end = finished(await ask(rig, rig.request(said(text))))
        assert text_of(end).encode().decode() == text_of(end)
        assert not rig.repeats or text in text_of(end)

    async def test_a_long_conversation_is_answered(self, rig: ProviderRig) -> None:
        """Many turns are no reason to fail."""
        turns = [
            entry for n in range(rig.turns) for entry in (said(f"What is {n} and one?"), answered(f"It is {n + 1}."))
        ]
        end = finished(await ask(rig, rig.request(*turns, said("And what was the first?"))))
        assert text_of(end)

    async def test_a_request_without_a_system_text_is_answered(self, rig: ProviderRig) -> None:
        """The instructions are optional."""
        assert text_of(finished(await ask(rig, rig.request(said("Say hello."), system=""))))

    async def test_two_answers_at_once_do_not_mix(self, rig: ProviderRig) -> None:
        """Everybody's answers run at the same time."""
        requests = [rig.request(said(f"Say the word {word}.")) for word in ("apple", "pear")]
        first, second = await asyncio.gather(*(ask(rig, request) for request in requests))
        assert text_of(finished(first))
        assert text_of(finished(second))
        if rig.repeats:
            assert "apple" in text_of(finished(first))
            assert "pear" in text_of(finished(second))

    async def test_the_length_of_an_answer_is_bounded(self, rig: ProviderRig) -> None:
        """No more is said than was asked for, and the end says that this was why."""
        request = rig.request(said(SLOW))
        short = Request(model=request.model, entries=request.entries, max_output_tokens=5)
        end = finished(await ask(rig, short))
        assert end.reason == "length"
        assert end.usage.output_tokens <= 20  # a lab may not be asked for fewer than 16

    async def test_a_model_that_is_not_there_is_unknown(self, rig: ProviderRig) -> None:
        """Asking for a model that the provider does not have is told apart from all other refusals."""
        with pytest.raises(ModelUnknown):
            await ask(rig, Request(model="no-such-model", entries=(said("Hello?"),)))

    async def test_the_listed_models_can_be_asked(self, rig: ProviderRig) -> None:
        """What a provider offers, it has."""
        models = await rig.provider.models()
        assert rig.model in {model.id for model in models}
        assert {model.hosting for model in models} == {rig.hosting}

    @pytest.mark.parametrize("fault", [name for name, becomes in FAULTS.items() if isinstance(becomes, Fails)])
    async def test_whatever_goes_wrong_is_one_of_our_errors(self, rig: ProviderRig, fault: str) -> None:
        """Policy reads our errors alone, and the deltas that came before are not taken back."""
        becomes = FAULTS[fault]
        assert isinstance(becomes, Fails)
        provider = await hurried(rig) if becomes.hurried and fault in rig.faults else rig.provider
        prepared(rig, fault)
        events: list[ModelEvent] = []
        with pytest.raises(ProviderError) as failed:
            await listen(provider, rig.request(said("Say hello to everybody who came here today.")), events)
        assert isinstance(failed.value, becomes.error)
        assert failed.value.retry_after_s == becomes.retry_after_s
        assert any(isinstance(event, Delta) for event in events) == becomes.after_words
        assert text_of(finished(await ask(rig, rig.request(said("Say hello.")))))  # and the next one is none the worse

    @pytest.mark.parametrize("fault", ["refusal", "length", "pause", "calls"])
    async def test_the_end_says_why(self, rig: ProviderRig, fault: str) -> None:
        """A refusal, a lack of room, a long search that goes on: each is told from an answer."""
        prepared(rig, fault)
        becomes = FAULTS[fault]
        assert isinstance(becomes, Ends)
        assert finished(await ask(rig, rig.request(said("Go on."), tools=(LOOK_UP,)))).reason == becomes.reason

    async def test_two_calls_at_once_are_answered_together(self, rig: ProviderRig) -> None:
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

    async def test_usage_is_what_the_lab_says(self, rig: ProviderRig) -> None:
        """A call costs what it cost, to the token."""
        prepared(rig, "usage")
        usage = finished(await ask(rig, rig.request(said("Count.")))).usage
        known = replace(USAGE, reasoning_tokens=USAGE.reasoning_tokens if usage.reasoning_tokens else 0)
        assert usage == known

    async def test_sources_are_data(self, rig: ProviderRig) -> None:
        """What bears out a text stands right after it, with its title and its address, and the words stay clean."""
        prepared(rig, "citations")
        end = finished(await ask(rig, replace(rig.request(said("What of Bonn?")), search=True)))
        told = [part for part in end.parts if part.kind in {"text", "citation"}]
        expected = [
            item for text, title, address in CITED for item in (("text", "", text), ("citation", title, address))
        ]
        assert [(part.kind, part.name, part.body) for part in told] == expected
        entries = (said("What of Bonn?"), Entry(role="assistant", parts=end.parts), said("And now?"))
        assert text_of(finished(await ask(rig, replace(rig.request(*entries), search=True))))
        assert list(rig.violations()) == []

    async def test_the_next_turn_begins_with_the_same_words(self, rig: ProviderRig) -> None:
        """Prompt caches hit only what is the same to the byte."""
        if rig.sent is None:
            pytest.skip(f"{rig.provider.name} sends nothing anywhere")
        first = (said("What is one?"), answered("It is one."), said("And two?"))
        await ask(rig, rig.request(*first))
        before = json.dumps(rig.sent())
        await ask(rig, rig.request(*first, answered("It is two."), said("And three?")))
        assert json.dumps(rig.sent()).startswith(before[:-1])

    async def test_images_and_documents_are_shown(self, rig: ProviderRig) -> None:
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
