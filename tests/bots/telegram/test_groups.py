"""Groups: what is said to us and what is not, by whom, where the answer goes, and what becomes of a group's id."""

import asyncio
from typing import Any

import pytest

from bots.telegram.intake import Intake
from bots.telegram.moves import Moves
from bots.telegram.words import Identity
from contracts.rigs.telegram import Ear, Notes, Rig, listening
from contracts.rigs.telegram import rig as open_rig
from core.errors import StoreError
from core.values import Command, Inbound, Message, Tap
from simulators.telegram import Chat, Person

ME = Identity(id=700001, username="sim700001_bot")
US = f"@{ME.username}"
USER = {"id": 42, "is_bot": False, "first_name": "Alice"}
GROUP = {"id": -100_5, "type": "supergroup", "title": "Team"}
PHOTO = {"photo": [{"file_id": "p", "file_unique_id": "u", "width": 1, "height": 1}]}


def take(kind: str = "message", **content: Any) -> Inbound | None:  # noqa: ANN401 - JSON
    """Take in one group message as the platform would send it."""
    message = {"message_id": 5, "date": 1_700_000_000, "chat": GROUP, "from": USER} | content
    return Intake("telegram", ME, Moves(Notes())).take({"update_id": 7, kind: message})


def read(**content: Any) -> Message:  # noqa: ANN401 - JSON
    """The message that a group message's content becomes."""
    event = take(**content)
    assert event is not None
    assert isinstance(event.body, Message)
    return event.body


def mention(text: str, name: str = US) -> dict[str, Any]:
    """A text in which somebody is mentioned, with the entity that Telegram adds."""
    offset = len(text[: text.index(name)].encode("utf-16-le")) // 2
    return {"text": text, "entities": [{"type": "mention", "offset": offset, "length": len(name)}]}


@pytest.fixture
def group(rig: Rig) -> Chat:
    """A group that the bot is in, and sees all of."""
    return rig.telegram.group(-100_5)


async def said(ear: Ear, count: int) -> list[tuple[str, bool]]:
    """What was heard in messages, and whether it was said to us."""
    bodies = [event.body for event in await ear.hear(count)]
    return [(body.text, body.addressed) for body in bodies if isinstance(body, Message)]


async def test_in_a_group_we_are_asked_by_name_or_in_reply_and_overhear_the_rest(
    rig: Rig, ear: Ear, group: Chat
) -> None:
    """Only a mention of us or a reply to us wants an answer; other talk is heard and marked as such."""
    ours = await rig.adapter.put(rig.to_group(group.id), rig.pages("hi all")[0], slot="s", was=None)
    rig.person.say("nice weather", chat=group.id)
    rig.person.say(f"{US} hello", chat=group.id)
    rig.person.say("@somebody hello", chat=group.id)
    rig.person.say("thanks", chat=group.id, reply_to=int(ours))
    assert await said(ear, 4) == [
        ("nice weather", False),
        ("hello", True),
        ("@somebody hello", False),
        ("thanks", True),
    ]
    assert {(event.name, event.to.private) for event in ear.events} == {("Alice", False)}


async def test_a_command_is_for_us_unless_it_names_another_bot(rig: Rig, ear: Ear, group: Chat) -> None:
    """A bare command is for every bot in the group; one that names a bot is for that bot alone."""
    for text in ("/help", "/help@other_bot", f"/STOP{US} now", f"{US} /new"):
        rig.person.say(text, chat=group.id)
    assert [event.body for event in await ear.hear(3)] == [
        Command(name="help"),
        Command(name="stop", args="now"),
        Command(name="new"),
    ]


async def test_a_bot_in_privacy_mode_hears_only_what_is_meant_for_it() -> None:
    """Telegram shows such a bot nothing else; that is its default."""
    async with open_rig() as rig, listening(rig.adapter) as ear:
        rig.telegram.world.bot().private_mode = True
        group = rig.telegram.group(-100_5)
        rig.person.say("nice weather", chat=group.id)
        rig.person.say(f"{US} hello", chat=group.id)
        assert await said(ear, 1) == [("hello", True)]


@pytest.mark.parametrize(
    "text, left",
    [
        (f"{US} why?", "why?"),
        (f"{US}: why?", "why?"),
        (f"{US}, why?", "why?"),
        (f"Hey {US}, why?", "Hey, why?"),
        (f"😀 is {US} here?", "😀 is here?"),
        (f"thanks {US}", "thanks"),
        (f"why?\n{US}", "why?\n"),
        (US, US),
    ],
)
def test_our_name_is_left_out_of_what_is_asked(text: str, left: str) -> None:
    """A name called is no part of the question; alone, it is all that was said."""
    message = read(**mention(text))
    assert (message.text, message.addressed) == (left, True)


def test_a_mention_of_us_without_a_username_counts() -> None:
    """People may link our name instead of writing it."""
    me = {"id": ME.id, "is_bot": True, "first_name": "Me"}
    entity = {"type": "text_mention", "offset": 0, "length": 3, "user": me}
    message = read(text="Bot why?", entities=[entity])
    assert (message.text, message.addressed) == ("why?", True)


def test_our_name_inside_code_or_in_another_case_is_judged_by_telegram() -> None:
    """What is a mention is said by the entities: the same letters in code are none, and case does not matter."""
    assert not read(text=f"run {US}").addressed
    assert read(**mention(f"{US.upper()} why?", US.upper())).addressed


def test_a_mention_in_a_caption_asks_about_the_picture() -> None:
    """Files are asked about in their caption."""
    caption = {"caption": f"{US} what is this?", "caption_entities": mention(US)["entities"]}
    message = read(**PHOTO, **caption)
    assert (message.text, message.addressed, len(message.media)) == ("what is this?", True, 1)


def test_the_picture_a_question_replies_to_comes_with_it() -> None:
    """Asked in reply to somebody's photo, the photo is what the question is about."""
    photo = {"message_id": 4, "date": 1, "chat": GROUP, "from": USER | {"id": 7}} | PHOTO
    asked = read(**mention(f"{US} what is this?"), reply_to_message=photo)
    assert [media.ref for media in asked.media] == ["p"]
    assert asked.quotes[0].text == "[photo]"
    assert read(text="pretty", reply_to_message=photo).media == ()  # overheard: nobody asks for it


def test_a_picture_from_another_chat_that_is_asked_about_comes_too() -> None:
    """A reply may answer something in another chat."""
    origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Bob"}
    asked = read(**mention(f"{US} this?"), external_reply={"origin": origin} | PHOTO)
    assert [media.ref for media in asked.media] == ["p"]


def test_a_command_in_reply_to_a_picture_is_still_a_command() -> None:
    """Only files of its own make a text a caption."""
    photo = {"message_id": 4, "date": 1, "chat": GROUP, "from": USER} | PHOTO
    event = take(text="/stop", reply_to_message=photo)
    assert event is not None
    assert event.body == Command(name="stop")


async def test_an_album_is_for_us_when_any_of_its_pictures_is(rig: Rig, ear: Ear, group: Chat) -> None:
    """The words stand on one picture, but all of them are asked about."""
    rig.person.album([b"1", b"2", b"3"], caption=f"{US} which one?", chat=group.id)
    rig.person.album([b"4", b"5"], caption="holidays", chat=group.id)
    assert [addressed for _, addressed in await said(ear, 5)] == [True, True, True, False, False]


def test_the_words_of_an_album_may_stand_on_its_last_picture() -> None:
    """Pictures that arrive together are looked at together."""
    last = {"caption": f"{US} which?", "caption_entities": mention(US)["entities"]}
    batch = [
        {
            "update_id": number,
            "message": {"message_id": number, "date": 1, "chat": GROUP, "from": USER, "media_group_id": "a"}
            | PHOTO
            | (last if number == 2 else {}),
        }
        for number in (1, 2)
    ]
    bodies = [event.body for event in Intake("telegram", ME, Moves(Notes())).take_all([*batch, {"update_id": 3}])]
    assert [body.addressed for body in bodies if isinstance(body, Message)] == [True, True]


def test_what_is_passed_on_is_not_said_to_us() -> None:
    """Somebody else's words with our name in them, or a channel's post in its discussion group, ask us nothing."""
    origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Bob"}
    assert not read(**mention(f"{US} obey"), forward_origin=origin).addressed
    channel = {"id": -100_6, "type": "channel", "title": "News"}
    post = take(**mention(f"{US} news"), sender_chat=channel, is_automatic_forward=True)
    assert post is not None
    assert isinstance(post.body, Message)
    assert (post.sender, post.name, post.body.addressed) == ("-1006", "News", False)


def test_only_ones_own_words_call_us() -> None:
    """Our name in a quotation, in what another bot wrote, or in a forward that cannot be read, calls nobody."""
    via = {"via_bot": {"id": 9, "is_bot": True, "first_name": "Gif", "username": "gif"}}
    assert not read(**mention(f"{US} obey"), **via).addressed
    assert not read(**mention(f"{US} obey"), forward_origin={"type": "user"}).addressed
    text = f"{US} obey\nwho wrote that?"
    marks = [*mention(text)["entities"], {"type": "blockquote", "offset": 0, "length": len(text) - 15}]
    assert not read(text=text, entities=marks).addressed
    ours = {"message_id": 4, "date": 1, "chat": GROUP, "from": {"id": ME.id, "is_bot": True, "first_name": "Me"}}
    assert read(text="🎉", reply_to_message=ours, **via).addressed


def test_whoever_speaks_as_something_that_cannot_be_read_is_nobody() -> None:
    """Then it is not known who said it, and the helper account that stands in for them is a bot."""
    hidden: dict[str, Any] = {"from": {"id": 1087968824, "is_bot": True, "first_name": "Group"}}
    chats: list[Any] = [{}, {"id": "x"}, "channel", []]
    for chat in chats:
        assert take(text="/stop", sender_chat=chat, **hidden) is None


def test_a_forwarded_command_is_no_command() -> None:
    """Whoever forwards a command does not give it."""
    origin = {"type": "hidden_user", "date": 1, "sender_user_name": "Bob"}
    event = take(text="/stop", forward_origin=origin)
    assert event is not None
    assert isinstance(event.body, Message)


def test_an_anonymous_administrator_speaks_as_the_group() -> None:
    """Who hides behind the group is known by the group's id, and the helper account's id is no identity."""
    hidden: dict[str, Any] = {"from": {"id": 1087968824, "is_bot": True, "first_name": "Group"}}
    event = take(text="/help", sender_chat=GROUP, author_signature="the boss", **hidden)
    assert event is not None
    assert (event.sender, event.name) == ("-1005", "Team, the boss")


def test_bots_are_not_heard_in_groups_either() -> None:
    """Two bots that answer each other never stop, also not when one mentions the other."""
    other: dict[str, Any] = {"from": USER | {"is_bot": True}}
    assert take(**mention(f"{US} hello"), **other) is None


def test_what_nobody_can_read_is_not_worth_overhearing() -> None:
    """An unreadable message to us is answered as such; one to others is nothing."""
    assert take(story={"id": 1, "chat": GROUP}) is None


def test_channels_are_not_listened_to() -> None:
    """In a channel nobody asks anything."""
    channel = {"id": -100_6, "type": "channel", "title": "News"}
    assert take(**mention(f"{US} hello"), chat=channel, sender_chat=channel) is None


async def test_an_edit_may_ask_us_or_no_longer(rig: Rig, ear: Ear, group: Chat) -> None:
    """An edited message is judged by what it says now, and stays the same message."""
    first = rig.person.say("what is the time?", chat=group.id)
    rig.person.edit(first.message_id, f"{US} what is the time?", chat=group.id)
    rig.person.edit(first.message_id, "never mind", chat=group.id)
    bodies = [event.body for event in await ear.hear(3)]
    assert bodies == [
        Message(id=str(first.message_id), text="what is the time?", addressed=False),
        Message(id=str(first.message_id), text="what is the time?", edited=True),
        Message(id=str(first.message_id), text="never mind", edited=True, addressed=False),
    ]


async def test_an_answer_in_a_group_replies_to_the_question(rig: Rig, ear: Ear, group: Chat) -> None:
    """Several people talk at once; the reply shows whom we answer. Its further pages need no such sign."""
    asked = rig.person.say(f"{US} why?", chat=group.id)
    (event,) = await ear.hear()
    for number, page in enumerate(rig.pages("word " * 2000)):
        await rig.adapter.put(event.to, page, slot=f"s.{number}", was=None)
    assert [shown.reply_to for shown in group.replies()] == [asked.message_id, None, None]


async def test_a_question_that_was_deleted_is_answered_all_the_same(rig: Rig, ear: Ear, group: Chat) -> None:
    """Then the answer stands alone."""
    asked = rig.person.say(f"{US} why?", chat=group.id)
    (event,) = await ear.hear()
    group.delete(group.entries[asked.message_id])
    await rig.adapter.put(event.to, rig.pages("because")[0], slot="s.0", was=None)
    assert [(shown.text, shown.reply_to) for shown in group.replies()] == [("because", None)]


async def test_an_answer_in_private_replies_to_nothing(rig: Rig, ear: Ear) -> None:
    """Where only two talk it would be noise."""
    rig.say("why?")
    (event,) = await ear.hear()
    await rig.adapter.put(event.to, rig.pages("because")[0], slot="s.0", was=None)
    assert rig.telegram.chat(42).replies()[0].reply_to is None


@pytest.mark.parametrize("thread", ["9", ""])
async def test_an_answer_goes_to_the_topic_of_its_question(rig: Rig, ear: Ear, thread: str) -> None:
    """A topic is a thread; what is said in the general topic comes, and is answered, without a thread's number."""
    forum = rig.telegram.group(-100_7, topics={9: "Plans"})
    if thread:
        rig.person.say(f"{US} when?", chat=forum.id, thread=9)
    else:
        rig.person.say(f"{US} when?", chat=forum.id)
    (event,) = await ear.hear()
    assert event.to.thread == thread
    await rig.adapter.put(event.to, rig.pages("at nine")[0], slot="s.0", was=None)
    await rig.adapter.signal(event.to, "typing", slot="s")
    assert [shown.thread for shown in forum.replies()] == [9 if thread else None]


def test_a_reply_in_a_plain_group_is_no_thread() -> None:
    """Only topics are threads; sending into a reply's thread id would be refused."""
    event = take(text="/help", message_thread_id=77)
    assert event is not None
    assert event.to.thread == ""


async def test_every_tap_in_a_group_is_taken_in_and_its_spinner_stopped(rig: Rig, ear: Ear, group: Chat) -> None:
    """Whose tap counts is the core's to know, so the adapter says nothing with it, to nobody."""
    bob = rig.telegram.person(7, "Bob")
    message = await rig.adapter.put(rig.to_group(group.id), rig.choice("Yes", "token"), slot="s", was=None)
    taps = [person.tap(int(message), "Yes", chat=group.id) for person in (rig.person, bob)]
    events = await ear.hear(2)
    assert [(event.sender, event.body) for event in events] == [("42", Tap(token="token")), ("7", Tap(token="token"))]
    await rig.telegram.until(lambda: all(tap.answer == {} for tap in taps))


async def test_the_final_edit_takes_the_buttons_away(rig: Rig, group: Chat) -> None:
    """What is decided cannot be tapped again."""
    to = rig.to_group(group.id)
    message = await rig.adapter.put(to, rig.choice("Yes", "token"), slot="s", was=None)
    await rig.adapter.put(to, rig.pages("Done.")[0], slot="s", was=message)
    assert [(shown.text, shown.buttons) for shown in group.replies()] == [("Done.", ())]


class Moving:
    """A group that becomes a supergroup, as Telegram tells of it."""

    OLD, NEW = -7, -100_8

    def __init__(self, rig: Rig) -> None:
        self.rig = rig
        self.person: Person = rig.person
        self.old, self.new = rig.telegram.group(self.OLD), rig.telegram.group(self.NEW)
        self.old.facts["type"] = "group"

    def move(self) -> None:
        self.old.migrated_to = self.NEW
        self.person.raw({"migrate_to_chat_id": self.NEW}, chat=self.OLD)
        self.person.raw({"migrate_from_chat_id": self.OLD}, chat=self.NEW)


@pytest.fixture
def moving(rig: Rig) -> Moving:
    """A group about to move."""
    return Moving(rig)


async def test_a_group_that_moves_stays_the_same_group(rig: Rig, ear: Ear, moving: Moving) -> None:
    """To the core it keeps its id, and so its context; what we say arrives where the group is now."""
    moving.person.say(f"{US} one", chat=moving.OLD)
    moving.move()
    moving.person.say(f"{US} two", chat=moving.NEW)
    one, two = await ear.hear(2)
    assert one.to.chat == two.to.chat == str(moving.OLD)
    for event in (one, two):
        await rig.adapter.put(event.to, rig.pages("yes")[0], slot="s.0", was=None)
    assert [shown.text for shown in moving.new.replies()] == ["yes", "yes"]


async def test_numbers_of_messages_do_not_move_with_a_group(rig: Rig, ear: Ear, moving: Moving) -> None:
    """A question asked before the move has another number now, perhaps another message's: it is not replied to."""
    moving.person.say(f"{US} one", chat=moving.OLD)
    (one,) = await ear.hear()
    moving.move()
    two = moving.person.say(f"{US} two", chat=moving.NEW)
    _, event = await ear.hear(2)
    assert one.to.handle.startswith(str(moving.OLD))
    for to in (one.to, event.to):
        await rig.adapter.put(to, rig.pages("yes")[0], slot="s.0", was=None)
    assert [shown.reply_to for shown in moving.new.replies()] == [None, two.message_id]


async def test_where_a_group_has_moved_is_remembered() -> None:
    """After a restart nobody tells it again."""
    notes = Notes()
    async with open_rig(memo=notes) as rig, listening(rig.adapter) as ear:
        Moving(rig).move()
        rig.say("hello")
        await ear.hear()
    async with open_rig(memo=notes) as rig:
        new = rig.telegram.group(Moving.NEW)
        await rig.adapter.put(rig.to_group(Moving.OLD), rig.pages("hi")[0], slot="s.0", was=None)
        assert [shown.text for shown in new.replies()] == ["hi"]


async def test_a_group_that_moves_twice_is_still_the_first() -> None:
    """However it came to its id, there is one group."""
    moves = Moves(Notes())
    for old, new in (("-7", "-8"), ("-8", "-9"), ("-7", "-9"), ("-9", "-9")):
        moves.learn(old, new)
    assert (moves.now("-7"), moves.first("-9"), moves.first("-8")) == ("-9", "-7", "-7")


@pytest.mark.parametrize("kept", ["", "[]", "{", "7"])
async def test_notes_that_make_no_sense_are_no_notes(kept: str) -> None:
    """What was kept by another version, or damaged, keeps nobody from being answered."""
    moves = Moves(Notes({"moved groups": kept}))
    await moves.load()
    assert moves.now("-7") == "-7"


async def test_a_move_that_could_not_be_kept_is_kept_later() -> None:
    """A store that cannot be used just now forgets nothing."""

    class Full(Notes):
        full = True

        async def keep(self, name: str, text: str) -> None:
            if self.full:
                raise StoreError("the disk is full")
            await super().keep(name, text)

    notes = Full()
    moves = Moves(notes)
    moves.learn("-7", "-8")
    with pytest.raises(StoreError):
        await moves.save()
    notes.full = False
    await moves.save()
    again = Moves(notes)
    await again.load()
    assert again.now("-7") == "-8"


async def test_being_added_or_thrown_out_asks_for_nothing(rig: Rig, ear: Ear, group: Chat) -> None:
    """Whoever adds or blocks a bot has not said anything to it."""
    rig.person.block(chat=group.id)
    rig.person.block(blocked=False, chat=group.id)
    rig.person.block()
    rig.person.say(f"{US} hello", chat=group.id)
    assert await said(ear, 1) == [("hello", True)]
    await asyncio.sleep(0)
    assert len(ear.events) == 1
