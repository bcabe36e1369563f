"""The contract of ``Adapter``: what holds for every one of them, each over its rig."""

import asyncio
import re
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager

import pytest

from contracts.rigs.adapters import MISSING, NAMES, Ear, Rig, rig_of
from contracts.rigs.engines import until
from core.errors import AdapterError, MediaUnavailable
from core.values import Choice, Media, Page, Reply

LONG = "\n\n".join(f"## Part {n}\n\n" + f"Sentence {n} says *a little* and `code`. " * 9 for n in range(60))
TEXTS = {
    "nothing": "",
    "white space": " \n\n ",
    "a word": "Hello",
    "one long line": "word " * 4000,
    "one long word": "x" * 20_000,
    "a document": LONG,
    "code": "```python\n" + "print('a < b & c')\n" * 800 + "```",
    "a table": "| a | b |\n|---|---|\n" + "| 1 | two |\n" * 400,
    "unfinished": "Look: **bold and [a link](https://exam",
    "unfinished code": "```py\nx = 1",
    "markup characters": "a_b*c[d](e)`f`<g>&h~|i|{j}.k!l-m=n+o#p>q\\",
    "other alphabets": "안녕하세요 👩‍👩‍👧 e\u0301 \u202eabc\u202c ﷽ " * 300,
}
CHOICES = (Choice(label="Yes", token="yes-token"), Choice(label="No", token="no-token"))


@pytest.fixture(params=[name for name in NAMES if name not in MISSING])
async def rig(request: pytest.FixtureRequest) -> AsyncIterator[Rig]:
    """Each adapter in turn."""
    async with rig_of(request.param) as opened:
        yield opened


@asynccontextmanager
async def listening(rig: Rig, *, deaf: int = 0) -> AsyncGenerator[Ear]:
    """Let the adapter listen, started again when it fails, as the supervisor does."""
    ear = Ear(deaf=deaf)
    ear.gate.set()

    async def supervise() -> None:
        while True:
            try:
                await rig.adapter.run(ear.accept)
            except (AdapterError, OSError):
                await asyncio.sleep(0.01)

    task = asyncio.create_task(supervise())
    try:
        yield ear
    finally:
        ear.gate.set()
        task.cancel()
        done, _ = await asyncio.wait({task}, timeout=5)
        assert done, "an adapter that is cancelled must end"


def forms(rig: Rig) -> tuple[str, ...]:
    """The forms of the rig's chat."""
    return rig.adapter.capabilities(rig.to).forms


def first_page(rig: Rig, text: str) -> Page:
    """A short reply in the richest form."""
    (page,) = rig.adapter.pages(Reply(markdown=text), forms(rig)[0])
    return page


def words(text: str) -> list[str]:
    """What of a text is read, whatever its markup."""
    return re.findall(r"\w+", text)


def test_every_entry_point_has_a_rig() -> None:
    """An adapter that is shipped is under this contract."""
    assert MISSING == ()


# --- what it says of itself ------------------------------------------------------------------------------------------


async def test_what_a_chat_can_do_makes_sense(rig: Rig) -> None:
    """Every form has a name of its own, budgets are not negative, and asking twice gives the same."""
    can = rig.adapter.capabilities(rig.to)
    assert can == rig.adapter.capabilities(rig.to)
    assert rig.to.adapter == rig.adapter.name
    assert len(set(can.forms)) == len(can.forms) >= 1
    assert all(can.forms)
    assert can.burst >= 1
    assert min(can.rest_s, can.preview_every_s, can.typing_s) >= 0
    assert can.draft_s > 0


# --- pages -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_every_text_makes_pages_and_always_the_same(rig: Rig, text: str) -> None:
    """Rendering is pure: at least one page, each in the form that was asked for, twice the same."""
    reply = Reply(markdown=text)
    for form in forms(rig):
        pages = rig.adapter.pages(reply, form)
        assert pages == rig.adapter.pages(reply, form)
        assert pages
        assert {page.form for page in pages} == {form}


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_each_page_alone_can_be_said_again_plainly(rig: Rig, text: str) -> None:
    """A page's source is the Markdown it says: nothing is lost when it has to be said in another form."""
    for form in forms(rig):
        pages = rig.adapter.pages(Reply(markdown=text), form)
        sources = " ".join(page.source for page in pages)
        assert "".join(words(text)) in "".join(words(sources)) or set(words(text)) <= set(words(sources))
        for page in pages:
            again = rig.adapter.pages(Reply(markdown=page.source), forms(rig)[-1])
            assert again
            assert {one.form for one in again} == {forms(rig)[-1]}


@pytest.mark.parametrize("text", ["Shall I?", LONG], ids=["short", "long"])
async def test_choices_stand_on_the_last_page(rig: Rig, text: str) -> None:
    """Buttons come where the question ends, once."""
    for form in forms(rig):
        *before, last = rig.adapter.pages(Reply(markdown=text, choices=CHOICES), form)
        assert last.choices == CHOICES
        assert not any(page.choices for page in before)


# --- saying ----------------------------------------------------------------------------------------------------------


async def test_what_is_put_stands_in_the_chat_and_has_an_id(rig: Rig) -> None:
    """Each send is a message of its own."""
    first = await rig.adapter.put(rig.to, first_page(rig, "Hello"), slot="1.0", was=None)
    second = await rig.adapter.put(rig.to, first_page(rig, "World"), slot="2.0", was=None)
    assert first
    assert second
    assert first != second
    assert [words(text) for text in rig.screen()] == [["Hello"], ["World"]]


async def test_every_form_can_be_put(rig: Rig) -> None:
    """What a chat says it takes, it takes."""
    for number, form in enumerate(forms(rig)):
        for page in rig.adapter.pages(Reply(markdown="**Hello** `there`", choices=CHOICES), form):
            await rig.adapter.put(rig.to, page, slot=f"{number}.0", was=None)
    assert len(rig.screen()) == len(forms(rig))
    assert all({"Hello", "there"} <= set(words(text)) for text in rig.screen())


async def test_an_edit_changes_what_is_there(rig: Rig) -> None:
    """The message reads otherwise and is still one, under the id that the edit returned."""
    if getattr(rig, "appends", False):
        pytest.skip("this platform changes nothing")
    was = await rig.adapter.put(rig.to, first_page(rig, "Hello"), slot="1.0", was=None)
    now = await rig.adapter.put(rig.to, first_page(rig, "World"), slot="1.0", was=was)
    assert [words(text) for text in rig.screen()] == [["World"]]
    await rig.adapter.put(rig.to, first_page(rig, "Moon"), slot="1.0", was=now)
    assert [words(text) for text in rig.screen()] == [["Moon"]]


async def test_an_edit_that_changes_nothing_is_no_error(rig: Rig) -> None:
    """Platforms that mind are not heard."""
    if getattr(rig, "appends", False):
        pytest.skip("this platform changes nothing")
    was = await rig.adapter.put(rig.to, first_page(rig, "Hello"), slot="1.0", was=None)
    now = await rig.adapter.put(rig.to, first_page(rig, "Hello"), slot="1.0", was=was)
    await rig.adapter.put(rig.to, first_page(rig, "Hello"), slot="1.0", was=now)
    assert [words(text) for text in rig.screen()] == [["Hello"]]


async def test_none_takes_a_message_back(rig: Rig) -> None:
    """What is taken back is gone, and nothing else is."""
    if getattr(rig, "keeps", False):
        pytest.skip("this platform takes nothing back")
    was = await rig.adapter.put(rig.to, first_page(rig, "Hello"), slot="1.0", was=None)
    await rig.adapter.put(rig.to, first_page(rig, "World"), slot="2.0", was=None)
    await rig.adapter.put(rig.to, None, slot="1.0", was=was)
    assert [words(text) for text in rig.screen()] == [["World"]]


async def test_a_signal_leaves_nothing_behind(rig: Rig) -> None:
    """Typing, read marks and drafts are gone by themselves: no message stays."""
    await rig.adapter.signal(rig.to, "typing", slot="1")
    await rig.adapter.signal(rig.to, "seen", slot="1")
    if rig.adapter.capabilities(rig.to).preview == "draft":
        await rig.adapter.signal(rig.to, first_page(rig, "Hel"), slot="1")
        await rig.adapter.signal(rig.to, first_page(rig, "Hello"), slot="1")
    assert rig.screen() == ()


async def test_a_file_that_is_not_there_is_said_to_be_unavailable(rig: Rig) -> None:
    """Whoever wants a file's bytes hears in one way that they cannot be had."""
    with pytest.raises(MediaUnavailable):
        async for _ in rig.adapter.fetch(Media(adapter=rig.adapter.name, ref="nowhere", kind="document")):
            pass


# --- hearing ---------------------------------------------------------------------------------------------------------


async def test_what_a_person_says_comes_in_with_who_and_where(rig: Rig) -> None:
    """An event names its sender and the chat to answer in, and has a key of its own."""
    async with listening(rig) as ear:
        rig.say("Hello")
        first = await ear.hear()
        rig.say("Hello")
        second = await ear.hear(2)
    assert (first.to.adapter, first.to.chat, first.to.private) == (rig.to.adapter, rig.to.chat, True)
    assert first.sender == second.sender != ""
    assert first.key != second.key
    assert getattr(first.body, "text", None) == "Hello"


async def test_an_edit_is_an_event_of_its_own(rig: Rig) -> None:
    """A key names the event, not the message: an edit has another, but the message's id."""
    if not hasattr(rig, "edit"):
        pytest.skip("nobody edits here")
    async with listening(rig) as ear:
        said = rig.say("Helo")
        first = await ear.hear()
        rig.edit(said, "Hello")
        second = await ear.hear(2)
    assert first.key != second.key
    assert (getattr(first.body, "id", None), getattr(first.body, "edited", None)) == (said, False)
    assert (getattr(second.body, "id", None), getattr(second.body, "edited", None)) == (said, True)


async def test_an_event_delivered_again_has_the_same_key(rig: Rig) -> None:
    """However often a platform delivers an event, it is recognised."""
    if hasattr(rig, "again"):
        async with listening(rig) as ear:
            rig.say("Hello")
            await ear.hear()
            rig.again()
            await ear.hear(2)
        assert ear.events[0].key == ear.events[1].key
    elif getattr(rig, "redelivers", False):
        async with listening(rig, deaf=1) as ear:
            rig.say("Hello")
            await ear.hear()
        assert [event.key for event in ear.refused] == [event.key for event in ear.events]
    else:
        pytest.skip("this platform delivers once")


async def test_a_platform_is_told_only_after_the_event_is_safe(rig: Rig) -> None:
    """As long as accept has not returned, the event counts as undelivered."""
    if not hasattr(rig, "acknowledged"):
        pytest.skip("this rig cannot tell")
    async with listening(rig) as ear:
        ear.gate.clear()
        rig.say("Hello")
        await ear.hear()
        await asyncio.sleep(0.05)
        assert not rig.acknowledged()
        ear.gate.set()
        await until(rig.acknowledged)
