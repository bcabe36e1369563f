"""The contract of ``Adapter``: what holds for every messenger, each over its rig."""

import asyncio
import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio

from core.errors import AdapterError, MediaUnavailable
from core.seams import Adapter
from core.storage import message_key
from core.testing.contracts.turns import until
from core.values import MAX_KEY_CHARS, MAX_SLOT_CHARS, Address, Choice, Inbound, Media, Page, Receipt, Reply

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


class AdapterRig:
    """An adapter that is ready for use, over a platform of its own, and one person in one private chat.

    What a subclass does not write (``edit``, ``again``, ``acknowledged``) is taken for something its platform does not
    have, and the tests that are about it are skipped.

    Attributes:
        to: The chat.
        takes_back: Whether a message of ours can be taken back there.
        changes: Whether a message of ours can be changed there; else a change is a message of its own.
        redelivers: Whether the platform delivers an event again by itself after ``accept`` failed.
    """

    adapter: Adapter
    to: Address
    takes_back: bool = True
    changes: bool = True
    redelivers: bool = False

    def say(self, text: str) -> str:
        """Let the person say something; returns the platform's id of it."""
        raise NotImplementedError

    def screen(self) -> tuple[str, ...]:
        """What we have said and still stands in the chat, oldest first."""
        raise NotImplementedError

    def edit(self, message: str, text: str) -> object:
        """Let the person change what they said."""
        raise NotImplementedError

    def again(self) -> None:
        """Let the platform deliver the last event once more."""
        raise NotImplementedError

    def acknowledged(self) -> bool:
        """Whether the platform takes the last event for delivered."""
        raise NotImplementedError


def can(rig: AdapterRig, what: str) -> bool:
    """Whether a rig has written what a platform need not have."""
    return getattr(type(rig), what) is not getattr(AdapterRig, what)


@dataclass
class Ear:
    """An ``accept`` that keeps what it is given.

    Attributes:
        deaf: So many first calls fail.
        gate: Calls wait for this first.
    """

    deaf: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    events: list[Inbound] = field(default_factory=list)
    refused: list[Inbound] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def accept(self, events: Sequence[Inbound | Receipt]) -> tuple[bool, ...]:
        """See ``Accept``."""
        heard = [event for event in events if isinstance(event, Inbound)]
        self._news.set()
        if self.deaf:
            self.deaf -= 1
            self.refused += heard
            raise OSError("the disk is full")
        known = {event.key for event in self.events}
        self.events += heard
        self._news.set()
        await self.gate.wait()
        return tuple(event.key not in known for event in heard)

    async def hear(self, count: int = 1, within_s: float = 10.0) -> Inbound:
        """Wait until so many events have come; returns the last of them."""
        async with asyncio.timeout(within_s):
            while len(self.events) < count:
                self._news.clear()
                await self._news.wait()
        return self.events[count - 1]


@asynccontextmanager
async def listening(rig: AdapterRig, *, deaf: int = 0) -> AsyncGenerator[Ear]:
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


def forms(rig: AdapterRig) -> tuple[str, ...]:
    """The forms of the rig's chat."""
    return rig.adapter.capabilities(rig.to).forms


def first_page(rig: AdapterRig, text: str) -> Page:
    """A short reply in the richest form."""
    (page,) = rig.adapter.pages(Reply(markdown=text), forms(rig)[0])
    return page


def words(text: str) -> list[str]:
    """What of a text is read, whatever its markup."""
    return re.findall(r"\w+", text)


class AdapterContract:
    """What holds for every ``Adapter``."""

    @asynccontextmanager
    async def open_rig(self, folder: Path) -> AsyncGenerator[AdapterRig, None]:
        """Open the rig: to be written in each subclass.

        Args:
            folder: An empty one, for this test alone.
        """
        raise NotImplementedError("a subclass opens its own rig")
        yield AdapterRig()  # type: ignore[unreachable]  # so that this is a generator, as in subclasses

    @pytest_asyncio.fixture
    async def rig(self, tmp_path: Path) -> AsyncGenerator[AdapterRig, None]:
        """The rig of one test."""
        async with self.open_rig(tmp_path) as opened:
            yield opened

    async def test_what_a_chat_can_do_makes_sense(self, rig: AdapterRig) -> None:
        """Every form has a name of its own, and asking twice gives the same."""
        told = rig.adapter.capabilities(rig.to)
        assert told == rig.adapter.capabilities(rig.to)
        assert rig.to.adapter == rig.adapter.name
        assert len(set(told.forms)) == len(told.forms)
        assert told.draft_s > 0

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
    async def test_every_text_makes_pages_and_always_the_same(self, rig: AdapterRig, text: str) -> None:
        """Rendering is pure: at least one page, each in the form that was asked for, twice the same."""
        reply = Reply(markdown=text)
        for form in forms(rig):
            pages = rig.adapter.pages(reply, form)
            assert pages == rig.adapter.pages(reply, form)
            assert pages
            assert {page.form for page in pages} == {form}

    @pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
    async def test_each_page_alone_can_be_said_again_plainly(self, rig: AdapterRig, text: str) -> None:
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
    async def test_choices_stand_on_the_last_page(self, rig: AdapterRig, text: str) -> None:
        """Buttons come where the question ends, once."""
        for form in forms(rig):
            *before, last = rig.adapter.pages(Reply(markdown=text, choices=CHOICES), form)
            assert last.choices == CHOICES
            assert not any(page.choices for page in before)

    async def test_what_is_put_stands_in_the_chat_and_has_an_id(self, rig: AdapterRig) -> None:
        """Each send is a message of its own."""
        first = await rig.adapter.put(rig.to, first_page(rig, "Hello"), slot="1.0", was=None)
        second = await rig.adapter.put(rig.to, first_page(rig, "World"), slot="2.0", was=None)
        assert first
        assert second
        assert first != second
        assert [words(text) for text in rig.screen()] == [["Hello"], ["World"]]

    async def test_a_key_of_full_length_is_taken(self, rig: AdapterRig) -> None:
        """Two messages whose keys differ in one character are two messages."""
        for number in (1, 2):
            key = message_key(f"{number}".rjust(MAX_SLOT_CHARS, "m"), 1999, renewed=99)
            assert len(key) == MAX_KEY_CHARS
            assert await rig.adapter.put(rig.to, first_page(rig, f"Page {number}"), slot=key, was=None)
        assert [words(text) for text in rig.screen()] == [["Page", "1"], ["Page", "2"]]

    async def test_every_form_can_be_put(self, rig: AdapterRig) -> None:
        """What a chat says it takes, it takes."""
        for number, form in enumerate(forms(rig)):
            for page in rig.adapter.pages(Reply(markdown="**Hello** `there`", choices=CHOICES), form):
                await rig.adapter.put(rig.to, page, slot=f"{number}.0", was=None)
        assert len(rig.screen()) == len(forms(rig))
        assert all({"Hello", "there"} <= set(words(text)) for text in rig.screen())

    async def test_an_edit_changes_what_is_there(self, rig: AdapterRig) -> None:
        """The message reads otherwise and is still one, under the id that the edit returned."""
        if not rig.changes:
            pytest.skip("this platform changes nothing")
        was = await rig.adapter.put(rig.to, first_page(rig, "Hello"), slot="1.0", was=None)
        now = await rig.adapter.put(rig.to, first_page(rig, "World"), slot="1.0", was=was)
        assert [words(text) for text in rig.screen()] == [["World"]]
        await rig.adapter.put(rig.to, first_page(rig, "Moon"), slot="1.0", was=now)
        assert [words(text) for text in rig.screen()] == [["Moon"]]

    async def test_an_edit_that_changes_nothing_is_no_error(self, rig: AdapterRig) -> None:
        """Platforms that mind are not heard."""
        if not rig.changes:
            pytest.skip("this platform changes nothing")
        was = await rig.adapter.put(rig.to, first_page(rig, "Hello"), slot="1.0", was=None)
        now = await rig.adapter.put(rig.to, first_page(rig, "Hello"), slot="1.0", was=was)
        await rig.adapter.put(rig.to, first_page(rig, "Hello"), slot="1.0", was=now)
        assert [words(text) for text in rig.screen()] == [["Hello"]]

    async def test_none_takes_a_message_back(self, rig: AdapterRig) -> None:
        """What is taken back is gone, and nothing else is."""
        if not rig.takes_back:
            pytest.skip("this platform takes nothing back")
        was = await rig.adapter.put(rig.to, first_page(rig, "Hello"), slot="1.0", was=None)
        await rig.adapter.put(rig.to, first_page(rig, "World"), slot="2.0", was=None)
        await rig.adapter.put(rig.to, None, slot="1.0", was=was)
        assert [words(text) for text in rig.screen()] == [["World"]]

    async def test_a_signal_leaves_nothing_behind(self, rig: AdapterRig) -> None:
        """Typing, read marks and drafts are gone by themselves: no message stays."""
        await rig.adapter.signal(rig.to, "typing", slot="1")
        await rig.adapter.signal(rig.to, "seen", slot="1")
        if rig.adapter.capabilities(rig.to).preview == "draft":
            await rig.adapter.signal(rig.to, first_page(rig, "Hel"), slot="1")
            await rig.adapter.signal(rig.to, first_page(rig, "Hello"), slot="1")
        assert rig.screen() == ()

    async def test_a_file_that_is_not_there_is_said_to_be_unavailable(self, rig: AdapterRig) -> None:
        """Whoever wants a file's bytes hears in one way that they cannot be had."""
        with pytest.raises(MediaUnavailable):
            async for _ in rig.adapter.fetch(Media(adapter=rig.adapter.name, ref="nowhere", kind="document")):
                pass

    async def test_what_a_person_says_comes_in_with_who_and_where(self, rig: AdapterRig) -> None:
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

    async def test_an_edit_is_an_event_of_its_own(self, rig: AdapterRig) -> None:
        """A key names the event, not the message: an edit has another, but the message's id."""
        if not can(rig, "edit"):
            pytest.skip("nobody edits here")
        async with listening(rig) as ear:
            said = rig.say("Helo")
            first = await ear.hear()
            rig.edit(said, "Hello")
            second = await ear.hear(2)
        assert first.key != second.key
        assert (getattr(first.body, "id", None), getattr(first.body, "edited", None)) == (said, False)
        assert (getattr(second.body, "id", None), getattr(second.body, "edited", None)) == (said, True)

    async def test_an_event_delivered_again_has_the_same_key(self, rig: AdapterRig) -> None:
        """However often a platform delivers an event, it is recognised."""
        if can(rig, "again"):
            async with listening(rig) as ear:
                rig.say("Hello")
                await ear.hear()
                rig.again()
                await ear.hear(2)
            assert ear.events[0].key == ear.events[1].key
        elif rig.redelivers:
            async with listening(rig, deaf=1) as ear:
                rig.say("Hello")
                await ear.hear()
            assert [event.key for event in ear.refused] == [event.key for event in ear.events]
        else:
            pytest.skip("this platform delivers once")

    async def test_a_platform_is_told_only_after_the_event_is_safe(self, rig: AdapterRig) -> None:
        """As long as accept has not returned, the event counts as undelivered."""
        if not can(rig, "acknowledged"):
            pytest.skip("this rig cannot tell")
        async with listening(rig) as ear:
            ear.gate.clear()
            rig.say("Hello")
            await ear.hear()
            await asyncio.sleep(0.05)
            assert not rig.acknowledged()
            ear.gate.set()
            await until(rig.acknowledged)
