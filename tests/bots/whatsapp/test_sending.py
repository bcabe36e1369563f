"""Out: files, buttons and lists, the 24 hours, and what each refusal means."""

import asyncio
import json
from collections.abc import AsyncGenerator, AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
import pytest_asyncio

from bots.whatsapp.paging import TEMPLATE, TEXT, pages
from contracts.rigs.whatsapp import opened
from core import testing
from core.errors import (
    AdapterError,
    ChatClosed,
    ChatGone,
    DeliveryUnknown,
    MarkupRefused,
    MediaUnavailable,
    PlatformBusy,
    PlatformDown,
    PlatformRefusedUs,
)
from core.files import read_whole
from core.seams import Adapter
from core.values import Address, Choice, Media, Reply
from simulators.whatsapp import Person, WhatsAppSimulator
from simulators.whatsapp.simulator import Fault

TO = Address(adapter="whatsapp", chat="49151")
DAY_S = 24 * 3600.0


async def picture(media: Media) -> AsyncGenerator[bytes, None]:
    """A file of another adapter."""
    if media.ref == "large":
        yield b"x" * (6 << 20)
    yield b"\x89PNG"


@pytest_asyncio.fixture
async def meta() -> AsyncIterator[WhatsAppSimulator]:
    """Meta, whose rules nobody breaks."""
    async with WhatsAppSimulator(secret="app-secret", templates=["hello"], statuses=()) as simulated:
        yield simulated
        assert simulated.violations == []


@pytest.fixture
def ann(meta: WhatsAppSimulator) -> Person:
    """Somebody who has written a moment ago."""
    person = meta.person("49151")
    person.message("text", {"body": "Hi"})
    return person


@pytest_asyncio.fixture
async def adapter(meta: WhatsAppSimulator) -> AsyncIterator[Adapter]:
    """Without a template."""
    async with opened(replace(testing.bot_site(Path("/nonexistent"), "whatsapp"), fetch=picture), meta) as made:
        yield made


async def say(adapter: Adapter, reply: Reply, form: str = TEXT, to: Address = TO) -> None:
    """All pages of a reply."""
    for number, page in enumerate(adapter.pages(reply, form)):
        await adapter.put(to, page, slot=f"7.{number}", was=None)


def choices(*labels: str) -> tuple[Choice, ...]:
    """Buttons."""
    return tuple(Choice(label=label, token=f"token-{number}") for number, label in enumerate(labels))


async def test_a_short_text_and_its_picture_are_one_message(adapter: Adapter, ann: Person) -> None:
    """Each message costs."""
    photo = Media(adapter="web", ref="1", kind="photo", mime="image/png")
    await say(adapter, Reply(markdown="**Look**", media=(photo,)))
    assert [shown.body["type"] for shown in ann.chat] == ["image"]
    assert ann.screen() == ["*Look*"]


async def test_files_go_as_what_they_are_shown_as(adapter: Adapter, ann: Person) -> None:
    """What WhatsApp cannot show goes as a document, and one of its own is not sent up again."""
    files = (
        Media(adapter="web", ref="1", kind="photo", mime="image/gif"),
        Media(adapter="web", ref="2", kind="voice", mime="audio/ogg"),
        Media(adapter="web", ref="3", kind="document", name="a.pdf", mime="application/pdf"),
    )
    await say(adapter, Reply(markdown="", media=files))
    assert [shown.body["type"] for shown in ann.chat] == ["document", "audio", "document"]
    assert ann.chat[2].body["document"]["filename"] == "a.pdf"


async def test_a_file_larger_than_allowed_is_said_to_be_unavailable(adapter: Adapter, ann: Person) -> None:
    """The words go without it."""
    photo = Media(adapter="web", ref="large", kind="photo", mime="image/png")
    with pytest.raises(MediaUnavailable):
        await say(adapter, Reply(markdown="", media=(photo,)))
    assert not ann.chat


async def test_few_choices_are_buttons_and_more_are_a_list(adapter: Adapter, ann: Person) -> None:
    """Three buttons, ten rows; twelve choices make two lists."""
    await say(adapter, Reply(markdown="Sure?", choices=choices("Yes", "No")))
    await say(adapter, Reply(markdown="Which?", choices=choices(*(f"Choice {n}" for n in range(12)))))
    kinds = [(shown.body["interactive"]["type"], len(shown.buttons)) for shown in ann.chat]
    assert kinds == [("button", 2), ("list", 10), ("list", 2)]
    assert ann.screen() == ["Sure?", "Which?", "…"]


async def test_long_labels_are_rows_with_a_description(adapter: Adapter, ann: Person) -> None:
    """A button's title has twenty characters."""
    await say(adapter, Reply(markdown="?", choices=choices("A label that is longer than a button", "No")))
    row = ann.chat[0].body["interactive"]["action"]["sections"][0]["rows"][0]
    assert row["description"] == "A label that is longer than a button"
    assert len(row["title"]) <= 24


async def test_a_long_question_keeps_its_buttons(adapter: Adapter, ann: Person) -> None:
    """A text with buttons has 1,024 characters; the words before go without."""
    words = " ".join(f"word{number}" for number in range(900))
    await say(adapter, Reply(markdown=words, choices=choices("Yes", "No")))
    assert " ".join(ann.screen()).split() == words.split()
    assert [bool(shown.buttons) for shown in ann.chat][-1]


async def test_after_a_day_it_waits_or_is_said_by_the_template(meta: WhatsAppSimulator, ann: Person) -> None:
    """Without a template it waits for the person; with one, the template's variable takes the words."""
    meta.clock_s = DAY_S + 60
    site = testing.bot_site(Path("/nonexistent"), "whatsapp")
    async with opened(site, meta) as adapter:
        with pytest.raises(ChatClosed):
            await say(adapter, Reply(markdown="Remember"))
    async with opened(site, meta, template="hello") as adapter:
        assert adapter.capabilities(TO).forms == (TEXT, TEMPLATE)
        with pytest.raises(MarkupRefused):
            await say(adapter, Reply(markdown="Remember"))
        await say(adapter, Reply(markdown="**Remember**\n\n- milk\n- bread"), TEMPLATE)
    assert ann.screen() == ["Remember - milk - bread"]


async def test_typing_is_a_read_mark_of_what_is_answered(
    meta: WhatsAppSimulator, adapter: Adapter, ann: Person
) -> None:
    """There is no other way to show it; without a message there is nothing to mark."""
    await adapter.signal(TO, "typing", slot="7")
    assert ann.typing == 0

    async def accept(events: object) -> tuple[bool, ...]:
        return (True,)

    task = asyncio.create_task(adapter.run(accept))
    await asyncio.sleep(0)
    said = await ann.say("Hello")
    await meta.settled()
    await adapter.signal(replace(TO, handle=said), "typing", slot="7")
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    assert (ann.reads, ann.typing) == ([said], 1)


async def test_a_file_is_fetched_with_the_token_and_within_bounds(meta: WhatsAppSimulator, adapter: Adapter) -> None:
    """Where it lies is asked each time."""
    kept = meta.keep(b"hello", "text/plain")
    media = Media(adapter="whatsapp", ref=kept, kind="document")
    assert await read_whole(adapter.fetch, media, 100) == b"hello"
    large = Media(adapter="whatsapp", ref=meta.keep(b"x" * (17 << 20), "text/plain"), kind="document")
    with pytest.raises(MediaUnavailable):
        await read_whole(adapter.fetch, large, 100 << 20)


@pytest.mark.parametrize(
    "fault, error, facts",
    [
        (Fault(code=131056), PlatformBusy, {"reach": "chat"}),
        (Fault(code=130429, status=429), PlatformBusy, {"reach": "bot"}),
        (Fault(code=80007, retry_after_s=7), PlatformBusy, {"reach": "bot", "retry_after_s": 7.0}),
        (Fault(code=4, status=400), PlatformBusy, {"reach": "bot"}),
        (Fault(code=131047), ChatClosed, {}),
        (Fault(code=190, status=401), PlatformRefusedUs, {}),
        (Fault(code=131042), PlatformRefusedUs, {}),
        (Fault(code=131026), ChatGone, {}),
        (Fault(code=131050), ChatGone, {}),
        (Fault(code=100), MarkupRefused, {}),
        (Fault(code=131009), MarkupRefused, {}),
        (Fault(code=131053), MediaUnavailable, {}),
        (Fault(code=131000, status=500), PlatformDown, {}),
        (Fault(status=503), PlatformDown, {}),
        (Fault(status=502), DeliveryUnknown, {}),
        (Fault(status=504), DeliveryUnknown, {}),
        (Fault(code=987654), MarkupRefused, {}),
        (Fault(cut=True), DeliveryUnknown, {}),
        (Fault(after=True), DeliveryUnknown, {}),
    ],
)
@pytest.mark.usefixtures("ann")
async def test_each_refusal_is_one_of_our_errors(
    meta: WhatsAppSimulator, adapter: Adapter, fault: Fault, error: type[AdapterError], facts: dict[str, object]
) -> None:
    """Policy reads our errors alone; the token stands in none of them."""
    meta.next(fault)
    with pytest.raises(error) as raised:
        await say(adapter, Reply(markdown="Hello"))
    for name, value in facts.items():
        assert getattr(raised.value, name) == value
    assert "EAAtest" not in str(raised.value)


@pytest.mark.parametrize(
    "fault, error",
    [
        (Fault(code=131053), MediaUnavailable),
        (Fault(code=100), MediaUnavailable),
        (Fault(code=190, status=401), PlatformRefusedUs),
        (Fault(code=4), PlatformBusy),
        (Fault(code=131016, status=500), PlatformDown),
        (Fault(status=502), PlatformDown),
        (Fault(cut=True), PlatformDown),
    ],
)
async def test_a_file_is_given_up_only_where_the_file_is_to_blame(
    meta: WhatsAppSimulator, adapter: Adapter, ann: Person, fault: Fault, error: type[AdapterError]
) -> None:
    """Else it waits like anything else; and what was not said yet cannot be there."""
    meta.next(replace(fault, upload=True))
    reply = Reply(markdown="", media=(Media(adapter="web", ref="1", kind="photo", mime="image/png"),))
    with pytest.raises(error):
        await say(adapter, reply)
    assert not ann.chat
    await say(adapter, reply)
    assert len(ann.chat) == 1


async def test_a_photo_too_large_to_be_shown_goes_as_a_document(adapter: Adapter, ann: Person) -> None:
    """Images have 5 MB, documents 100."""
    photo = Media(adapter="web", ref="large", kind="photo", mime="image/png", size_bytes=6 << 20, name="a.png")
    await say(adapter, Reply(markdown="", media=(photo,)))
    assert [shown.body["type"] for shown in ann.chat] == ["document"]


async def test_buttons_that_read_the_same_are_a_list(adapter: Adapter, ann: Person) -> None:
    """Meta takes two rows of one title, and no two buttons."""
    await say(adapter, Reply(markdown="Which?", choices=choices("Tea", "Tea")))
    assert [len(shown.buttons) for shown in ann.chat] == [2]


def test_a_template_tells_of_its_files_and_leaves_room_for_its_own_words() -> None:
    """A template has no place for them; nobody should think that nothing was there."""
    photo = Media(adapter="web", ref="1", kind="photo", mime="image/png", name="tea.png")
    said = pages(Reply(markdown="Look " * 300, media=(photo,)), TEMPLATE)
    texts = [json.loads(page.body)["template"]["text"] for page in said]
    assert all(len(text) <= 800 for text in texts)
    assert texts[-1].endswith("[tea.png]")


async def test_a_meta_that_is_not_there_is_down(adapter: Adapter, meta: WhatsAppSimulator) -> None:
    """It certainly did not arrive."""
    await meta.__aexit__(None, None, None)
    with pytest.raises(PlatformDown):
        await say(adapter, Reply(markdown="Hello"))


@pytest.mark.parametrize("text", ["👍", "👍🏽", "❤️", "👨‍👩‍👧‍👦", "🇩🇪", "1️⃣", " 🙏\n"])
def test_one_emoji_is_a_reaction(text: str) -> None:
    """However many letters it takes."""
    assert [json.loads(page.body)["type"] for page in pages(Reply(markdown=text), TEXT)] == ["reaction"]


@pytest.mark.parametrize("text", ["", "a", "1", "ok 👍", "👍👍", "©", "é", "日", "👍" * 20])
def test_anything_else_is_a_text(text: str) -> None:
    """Two of them, too."""
    assert [json.loads(page.body)["type"] for page in pages(Reply(markdown=text), TEXT)] == ["text"]


async def test_a_reaction_that_cannot_be_set_is_said(adapter: Adapter, meta: WhatsAppSimulator, ann: Person) -> None:
    """What answers nothing has nothing to be set below; and Meta knows fewer emoji than there are."""
    await say(adapter, Reply(markdown="👍"))
    assert ann.screen() == ["👍"]
    meta.next(Fault(code=131009))
    await say(adapter, Reply(markdown="★"), to=replace(TO, handle=ann.said[-1]))
    assert ann.screen() == ["👍", "★"]
    meta.next(Fault(code=131056))
    with pytest.raises(PlatformBusy):
        await say(adapter, Reply(markdown="★"), to=replace(TO, handle=ann.said[-1]))
    assert ann.screen() == ["👍", "★"]
    assert not ann.reactions
