"""Files that go out with a reply: one message or an album, with the words below or before, and what cannot be sent."""

import json

import pytest

from bots.telegram.enclosing import parted
from bots.telegram.paging import FORMS, pages
from contracts.rigs.telegram import Ear, Rig
from core.errors import MarkupRefused, MediaUnavailable, MessageGone
from core.values import Choice, Media, MediaKind, Message, Reply
from simulators.telegram import Refused, refuse

YES = (Choice(label="Yes", token="token"),)


def file(kind: MediaKind, ref: str = "x", *, adapter: str = "telegram") -> Media:
    """A file by reference."""
    return Media(adapter=adapter, ref=ref, kind=kind)


async def sent(rig: Rig, ear: Ear, *kinds: str) -> tuple[Media, ...]:
    """Files that the person has sent, and that may be sent back."""
    before = len(ear.events)
    for kind in kinds:
        rig.person.sticker() if kind == "sticker" else getattr(rig.person, kind)(b"12345678")
    await ear.hear(before + len(kinds))
    bodies = [event.body for event in ear.events[before:]]
    return tuple(media for body in bodies if isinstance(body, Message) for media in body.media)


async def say(rig: Rig, reply: Reply, *, was: str | None = None) -> list[str]:
    """Put all pages of a reply in the richest form."""
    made = rig.adapter.pages(reply, FORMS[0])
    return [
        await rig.adapter.put(rig.to, page, slot=f"s.{number}", was=None if number else was)
        for number, page in enumerate(made)
    ]


def shown(rig: Rig) -> list[tuple[str, str]]:
    """What kinds of messages of ours stand in the chat, and their words."""
    return [(message.kind, message.text) for message in rig.telegram.chat(42).replies()]


@pytest.mark.parametrize("kind", ["photo", "document", "voice", "audio", "video"])
async def test_a_file_goes_out_with_its_words_below_it(rig: Rig, ear: Ear, kind: str) -> None:
    """A short answer is the caption, with its markup."""
    await say(rig, Reply(markdown="**here** it is", media=await sent(rig, ear, kind)))
    (message,) = rig.telegram.chat(42).replies()
    assert (message.kind, message.text) == (kind, "here it is")
    assert [entity["type"] for entity in message.entities] == ["bold"]


async def test_a_file_goes_out_without_words(rig: Rig, ear: Ear) -> None:
    """There is no ellipsis where there is something to see."""
    await say(rig, Reply(markdown="", media=await sent(rig, ear, "photo")))
    assert shown(rig) == [("photo", "")]


async def test_a_sticker_has_its_words_before_it(rig: Rig, ear: Ear) -> None:
    """Stickers take no caption."""
    await say(rig, Reply(markdown="look", media=await sent(rig, ear, "sticker")))
    assert shown(rig) == [("text", "look"), ("sticker", "")]


async def test_words_too_long_for_a_caption_go_before_the_file(rig: Rig, ear: Ear) -> None:
    """A caption has at most 1,024 units; nothing of the text is lost."""
    (photo,) = await sent(rig, ear, "photo")
    await say(rig, Reply(markdown="x" * 1024, media=(photo,)))
    await say(rig, Reply(markdown="x" * 1025, media=(photo,)))
    assert [(kind, len(text)) for kind, text in shown(rig)] == [("photo", 1024), ("text", 1025), ("photo", 0)]


async def test_a_rich_answer_is_a_message_of_its_own(rig: Rig, ear: Ear) -> None:
    """A caption cannot hold a table."""
    await say(rig, Reply(markdown="| a |\n|---|\n| b |", media=await sent(rig, ear, "photo")))
    assert [kind for kind, _ in shown(rig)] == ["rich", "photo"]


async def test_several_pictures_are_an_album_with_the_words_on_the_first(rig: Rig, ear: Ear) -> None:
    """Pictures and videos are shown together, in one page of ours."""
    (ids,) = await say(rig, Reply(markdown="all of them", media=await sent(rig, ear, "photo", "video", "photo")))
    assert shown(rig) == [("photo", "all of them"), ("video", ""), ("photo", "")]
    assert len({message.raw["media_group_id"] for message in rig.telegram.chat(42).replies()}) == 1
    await rig.adapter.put(rig.to, None, slot="s.0", was=ids)
    assert shown(rig) == []


def test_albums_hold_what_may_stand_together_and_at_most_ten() -> None:
    """Documents and music only stand among themselves, and voice notes and stickers alone; the order is kept."""
    others: list[MediaKind] = ["video", "document", "document", "audio", "voice", "voice", "sticker"]
    photos = [file("photo", f"photo {number}") for number in range(11)]
    files = [*photos, *(file(kind, str(number)) for number, kind in enumerate(others))]
    albums = [*parted(files)]
    assert [[media.kind for media in album] for album in albums] == [
        ["photo"] * 10,
        ["photo", "video"],
        ["document"] * 2,
        ["audio"],
        ["voice"],
        ["voice"],
        ["sticker"],
    ]
    assert [media for album in albums for media in album] == files


@pytest.mark.parametrize("form", FORMS)
def test_buttons_stand_below_the_last_message_whatever_it_is(form: str) -> None:
    """An album cannot have buttons, so its words come last; a single file can."""
    album = pages(Reply(markdown="Which?", media=(file("photo"), file("photo")), choices=YES), form)
    assert [bool(page.media) for page in album] == [True, False]
    single = pages(Reply(markdown="This?", media=(file("photo"),), choices=YES), form)
    silent = pages(Reply(markdown="", media=(file("photo"), file("photo")), choices=YES), form)
    for made in (album, single, silent):
        assert made[-1].choices == YES
        assert "reply_markup" in json.loads(made[-1].body)
        assert not any(page.choices for page in made[:-1])
    assert len(single) == 1


async def test_a_preview_gives_way_to_the_file(rig: Rig, ear: Ear) -> None:
    """A text cannot become an album, so it goes once the files are there."""
    media = await sent(rig, ear, "photo")
    preview = await rig.adapter.put(rig.to, rig.pages("here it")[0], slot="s.0", was=None)
    await say(rig, Reply(markdown="here it is", media=media), was=preview)
    assert shown(rig) == [("photo", "here it is")]


async def test_a_file_of_another_platform_is_unavailable_and_its_words_are_not(rig: Rig) -> None:
    """Its bytes are not ours to fetch: the core then says the words alone."""
    (page,) = rig.adapter.pages(Reply(markdown="look", media=(file("photo", adapter="discord"),)), FORMS[0])
    with pytest.raises(MediaUnavailable):
        await rig.adapter.put(rig.to, page, slot="s.0", was=None)
    assert (page.source, rig.telegram.calls) == ("look", [])


async def test_a_file_that_is_gone_is_unavailable(rig: Rig) -> None:
    """What Telegram says of an id it does not take, or takes for another kind."""
    (page,) = rig.adapter.pages(Reply(markdown="look", media=(file("photo", "gone"),)), FORMS[0])
    with pytest.raises(MediaUnavailable):
        await rig.adapter.put(rig.to, page, slot="s.0", was=None)


async def test_a_refused_caption_is_a_matter_of_markup(rig: Rig, ear: Ear) -> None:
    """Then the file is sent again with plain words."""
    (page,) = rig.adapter.pages(Reply(markdown="**look**", media=await sent(rig, ear, "photo")), FORMS[0])
    rig.telegram.fail("sendPhoto", refuse(Refused(400, "Bad Request: can't parse entities")))
    with pytest.raises(MarkupRefused):
        await rig.adapter.put(rig.to, page, slot="s.0", was=None)


async def test_a_file_cannot_be_edited_into_a_text(rig: Rig, ear: Ear) -> None:
    """The core then says it anew."""
    (photo,) = await say(rig, Reply(markdown="", media=await sent(rig, ear, "photo")))
    with pytest.raises(MessageGone):
        await rig.adapter.put(rig.to, rig.pages("text")[0], slot="s.0", was=photo)


async def test_a_file_in_a_group_replies_to_the_question(rig: Rig, ear: Ear) -> None:
    """As any answer there does, the first page of it."""
    media = await sent(rig, ear, "photo", "photo")
    group = rig.telegram.group(-100_5)
    asked = rig.person.say("@sim700001_bot show me", chat=group.id)
    event = (await ear.hear(3))[-1]
    for number, page in enumerate(rig.adapter.pages(Reply(markdown="x" * 2000, media=media), FORMS[0])):
        await rig.adapter.put(event.to, page, slot=f"s.{number}", was=None)
    assert [message.reply_to for message in group.replies()] == [asked.message_id, None, None]
