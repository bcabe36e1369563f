"""The echo: what it says, and how it is told to call a tool."""

from contextlib import aclosing

from contracts.rigs.providers import answered, said, site
from core.exchange import Entry, Finished, Part, Request
from core.values import Media
from providers.echo import EchoSettings, spec


async def end(*entries: Entry) -> Finished:
    """The end of an answer to this conversation."""
    async with (
        spec.open(site("echo"), EchoSettings(enabled=True)) as provider,
        aclosing(provider.stream(Request(model="echo", entries=entries))) as stream,
    ):
        events = [event async for event in stream]
    assert isinstance(events[-1], Finished)
    return events[-1]


async def test_it_says_the_last_word_again_to_the_letter() -> None:
    """Line breaks and spaces come back as they were."""
    text = "one  two\n\n  three \n"
    assert (await end(said("before"), answered("so"), said(text))).parts == (Part(kind="text", body=text),)


async def test_a_line_that_says_call_becomes_a_call() -> None:
    """The arguments are those that were written; the other lines are echoed before."""
    finished = await end(said('Look:\ncall weather {"place": "Bonn"}\ncall notes.add oops\ncall now'))
    assert finished.reason == "tools"
    assert [(part.kind, part.name, part.body) for part in finished.parts] == [
        ("text", "", "Look:"),
        ("call", "weather", '{"place": "Bonn"}'),
        ("call", "notes.add", "oops"),
        ("call", "now", "{}"),
    ]
    assert len({part.id for part in finished.parts if part.kind == "call"}) == 3


async def test_a_word_in_a_sentence_is_no_call() -> None:
    """Only a line of its own tells it to call."""
    finished = await end(said("please call me maybe, or recall it"))
    assert [part.kind for part in finished.parts] == ["text"]


async def test_results_are_told_and_not_called_for_again() -> None:
    """After the results the turn comes to its end."""
    first = await end(said("call weather {}"))
    result = Part(kind="result", id=first.parts[0].id, name="weather", body="rain")
    broken = Part(kind="result", id="x", name="notes", body="full", failed=True)
    finished = await end(
        said("call weather {}"),
        Entry(role="assistant", parts=first.parts),
        Entry(role="user", parts=(result, broken)),
    )
    assert finished.reason == "stop"
    assert finished.parts == (Part(kind="text", body="weather said: rain\nnotes failed: full"),)


async def test_the_same_request_has_the_same_answer() -> None:
    """Whoever tests with it can compare answers whole."""
    assert await end(said("a\ncall b {}")) == await end(said("a\ncall b {}"))


async def test_a_file_is_mentioned() -> None:
    """A photo without a word is still something that was said."""
    photo = Media(adapter="web", ref="x", kind="photo", name="cat.jpg", size_bytes=1200)
    finished = await end(Entry(role="user", parts=(Part(kind="media", media=photo),)))
    assert "cat.jpg" in finished.parts[0].body


def test_it_is_off_until_it_is_asked_for() -> None:
    """Nobody is answered by an echo by mistake."""
    assert spec.configured(EchoSettings()) is not None
    assert spec.configured(EchoSettings(enabled=True)) is None


async def test_what_was_said_after_a_result_is_what_is_echoed() -> None:
    """A result that only says "not done yet" is not the last word on it."""
    call = Part(kind="call", id="1", name="notes", body="{}")
    waits = Part(kind="result", id="1", name="notes", body="Not done yet.")
    after = Part(kind="text", body="[I allowed this: notes.]")
    entries = (Entry(role="assistant", parts=(call,)), Entry(role="user", parts=(waits, after)))
    assert (await end(said("note"), *entries)).parts == (Part(kind="text", body="[I allowed this: notes.]"),)
