"""Moving a conversation from any lab to any other in mid-course, with calls, images and sources in it.

Each pair is one conversation: begun with one provider, kept as it would be in the store, gone on with at the other, and
back. The labs judge what they are sent; what they want back word for word is theirs alone.
"""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, aclosing
from dataclasses import replace
from itertools import permutations

import pytest
import pytest_asyncio

from contracts.rigs.providers import RIGS, Rig, answered, said
from core.codec import dump, load
from core.context.parts import calls_of, result, sound
from core.exchange import Entry, Finished, Part
from core.testing.contracts.provider import LOOK_UP
from core.values import Media
from providers.words import GO_ON

LABS = ("anthropic", "compatible", "google", "openai")


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def rigs() -> AsyncIterator[dict[str, Rig]]:
    """All of them at once."""
    async with AsyncExitStack() as stack:
        yield {name: await stack.enter_async_context(RIGS[name]()) for name in LABS}


async def step(rig: Rig, entries: list[Entry], number: int, fault: str = "") -> list[Entry]:
    """One answer added to a conversation, with the results of what it calls, after a way through the store."""
    if fault in rig.faults:
        rig.faults[fault]()
    request = replace(rig.request(*entries, tools=(LOOK_UP,)), search=True)
    finished: Finished | None = None
    async with aclosing(rig.provider.stream(request)) as events:
        async for event in events:
            finished = event if isinstance(event, Finished) else finished
    assert finished is not None
    parts = sound(finished.parts, entries, f"step-{number}")
    added = [Entry(role="assistant", parts=parts)]
    if calls := calls_of(parts):
        added.append(Entry(role="user", parts=tuple(result(call, "On the Rhine.", failed=False) for call in calls)))
    return [*entries, *(load(Entry, dump(Entry, entry)) for entry in added)]


def shown(text: str) -> Entry:
    """A question about a picture."""
    photo = Media(adapter="fake", ref="1", kind="photo", mime="image/png")
    return Entry(role="user", parts=(*said(text).parts, Part(kind="media", media=photo)))


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("one, other", list(permutations(LABS, 2)))
async def test_a_conversation_goes_on_anywhere(rigs: dict[str, Rig], one: str, other: str) -> None:
    """There and back: no lab refuses what another one's model has said."""
    first, second = rigs[one], rigs[other]
    talk = await step(first, [shown("Where are these?")], 1, "calls")
    talk = await step(second, talk, 2)  # the results of the one lab's calls are answered by the other
    talk = await step(second, [*talk, said("What is known of Bonn?")], 3, "citations")
    talk = await step(first, [*talk, said("And now?")], 4, "calls")
    talk = await step(first, talk, 5)
    talk = await step(second, [*talk, said("Thank you.")], 6)
    assert [entry.role for entry in talk][-2:] == ["user", "assistant"]
    assert "Thank you." in "".join(part.body for part in talk[-1].parts if part.kind == "text")
    assert list(first.violations()) == list(second.violations()) == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", LABS)
async def test_what_a_store_or_a_crash_left_odd_is_taken(rigs: dict[str, Rig], name: str) -> None:
    """A conversation that begins with an answer, calls without results, results without calls, empty texts."""
    call = Part(
        kind="call", id="an id with spaces, and a very long one at that: " + "x" * 80, name="look_up", body="{oops"
    )
    entries = [
        Entry(role="assistant", parts=(Part(kind="text", body="Hello."),)),
        Entry(role="assistant", parts=(Part(kind="text", body=" "), call)),
        Entry(role="user", parts=(result(Part(kind="call", id="gone", name="look_up"), "On the Main."),)),
        Entry(role="assistant", parts=(Part(kind="opaque", name=name, body="not JSON"), Part(kind="text", body="So."))),
        Entry(role="assistant", parts=(Part(kind="opaque", name=name, body='{"model":"x","items":[{"kind":"own"}]}'),)),
        Entry(role="assistant", parts=()),
        said(""),
        said("Are you there? \ud83d"),
    ]
    rig = rigs[name]
    talk = await step(rig, entries, 1)
    assert "Are you there?" in "".join(part.body for part in talk[-1].parts if part.kind == "text")
    assert list(rig.violations()) == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", LABS)
async def test_whatever_a_model_called_can_be_told_again(rigs: dict[str, Rig], name: str) -> None:
    """By a name that no lab takes, with half a character: other servers' models come up with both."""
    call = Part(kind="call", id="1", name="functions.look up!", body='{"city": "\\ud83d"}')
    told = result(replace(call, body="{}"), "There is no such tool. \ud83d", failed=True)
    entries = [said("Where?"), Entry(role="assistant", parts=(call,)), Entry(role="user", parts=(told,))]
    await step(rigs[name], entries, 1)
    assert list(rigs[name].violations()) == []


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("name", LABS)
async def test_a_conversation_that_ends_with_an_answer_is_gone_on_with(rigs: dict[str, Rig], name: str) -> None:
    """No lab's model goes on from words of its own: somebody asks it to."""
    talk = await step(rigs[name], [said("Where?"), answered("On the Rhine.")], 1)
    assert GO_ON in "".join(part.body for part in talk[-1].parts if part.kind == "text")
    assert list(rigs[name].violations()) == []
