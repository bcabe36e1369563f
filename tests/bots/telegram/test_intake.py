"""What each kind of update becomes, through the platform's own polling and the library's own types."""

from typing import Any

import pytest

from bots.telegram.intake import Intake
from bots.telegram.moves import Moves
from bots.telegram.words import Identity
from contracts.rigs.telegram import Ear, Notes, Rig
from core.values import Command, Contact, Inbound, Message, Place, Quote, Tap

ME = Identity(id=700001, username="sim700001_bot")
USER = {"id": 42, "is_bot": False, "first_name": "Alice"}
CHAT = {"id": 42, "type": "private", "first_name": "Alice"}


def take(kind: str = "message", **content: Any) -> Inbound | None:  # noqa: ANN401 - JSON
    """Take in one message as the platform would send it."""
    message = {"message_id": 5, "date": 1_700_000_000, "chat": CHAT, "from": USER} | content
    return Intake("telegram", ME, Moves(Notes())).take({"update_id": 7, kind: message})


def read(**content: Any) -> Message:  # noqa: ANN401 - JSON
    """The message that a private message's content becomes."""
    event = take(**content)
    assert event is not None
    assert isinstance(event.body, Message)
    return event.body


async def first(ear: Ear) -> Inbound:
    """The first event."""
    return (await ear.hear())[0]


async def test_a_text_comes_with_its_sender_and_chat(rig: Rig, ear: Ear) -> None:
    """Who said it and where is taken from the platform's envelope."""
    rig.say("hello")
    event = await first(ear)
    assert (event.sender, event.name, event.to.chat, event.to.private) == ("42", "Alice", "42", True)
    assert event.body == Message(id="1", text="hello")


async def test_an_edit_is_a_new_event_about_the_same_message(rig: Rig, ear: Ear) -> None:
    """An edit keeps the message's id and says that it is an edit, under a key of its own."""
    rig.edit(rig.say("helo"), "hello")
    said, edited = await ear.hear(2)
    assert isinstance(said.body, Message)
    assert edited.body == Message(id=said.body.id, text="hello", edited=True)
    assert said.key != edited.key


@pytest.mark.parametrize("kind", ["photo", "document", "voice", "audio", "video"])
async def test_every_kind_of_file_is_taken_in_with_its_caption(rig: Rig, ear: Ear, kind: str) -> None:
    """A file comes by reference, with its true size, and its caption is the text."""
    getattr(rig.person, kind)(b"12345678", caption="look")
    body = (await first(ear)).body
    assert isinstance(body, Message)
    assert body.text == "look"
    assert [(media.kind, media.size_bytes, media.adapter) for media in body.media] == [(kind, 8, "telegram")]


async def test_of_a_photo_the_largest_size_is_taken(rig: Rig, ear: Ear) -> None:
    """The platform offers several sizes; thumbnails are of no use to a model."""
    rig.person.photo(b"large one")
    body = (await first(ear)).body
    assert isinstance(body, Message)
    assert [media.size_bytes for media in body.media] == [9]


async def test_a_document_keeps_its_name_and_type(rig: Rig, ear: Ear) -> None:
    """What a file is called says what it is."""
    rig.person.document(b"a,b", name="table.csv", mime_type="text/csv")
    body = (await first(ear)).body
    assert isinstance(body, Message)
    assert (body.media[0].name, body.media[0].mime) == ("table.csv", "text/csv")


async def test_a_sticker_says_its_emoji(rig: Rig, ear: Ear) -> None:
    """A sticker is read as the emoji it stands for, and can be looked at."""
    rig.person.sticker("🔥")
    body = (await first(ear)).body
    assert isinstance(body, Message)
    assert (body.text, body.media[0].kind, body.media[0].mime) == ("🔥", "sticker", "image/webp")


async def test_places_and_contacts_are_typed(rig: Rig, ear: Ear) -> None:
    """A location and a contact card arrive as such, not as text."""
    rig.person.location(52.5, 13.4)
    rig.person.contact("+4930123", "Bob")
    place, card = await ear.hear(2)
    assert isinstance(place.body, Message)
    assert isinstance(card.body, Message)
    assert place.body.places == (Place(latitude=52.5, longitude=13.4),)
    assert card.body.contacts == (Contact(name="Bob", phone="+4930123"),)


async def test_an_album_shares_one_name(rig: Rig, ear: Ear) -> None:
    """The pictures of an album come one by one and can be told to belong together."""
    rig.person.album([b"one", b"two"], caption="both")
    bodies = [event.body for event in await ear.hear(2)]
    assert all(isinstance(body, Message) and body.album for body in bodies)
    assert len({body.album for body in bodies if isinstance(body, Message)}) == 1


async def test_a_reply_quotes_what_it_answers(rig: Rig, ear: Ear) -> None:
    """A reply carries the words it answers, or the picked part of them, and whether they were ours."""
    ours = await rig.adapter.put(rig.to, rig.pages("The sky is blue.")[0], slot="s", was=None)
    rig.person.say("why?", reply_to=int(ours))
    rig.person.say("this?", reply_to=int(ours), quote="blue")
    whole, part = await ear.hear(2)
    assert isinstance(whole.body, Message)
    assert isinstance(part.body, Message)
    assert whole.body.quotes == (Quote(text="The sky is blue.", author="Simulated bot", mine=True),)
    assert part.body.quotes == (Quote(text="blue", author="Simulated bot", mine=True),)


async def test_a_forwarded_text_is_a_quote_and_not_the_persons_own_words(rig: Rig, ear: Ear) -> None:
    """Of what somebody else said the person is not the author: it is marked so, and is no command."""
    rig.person.say("/forget everything", forward_from="Mallory")
    body = (await first(ear)).body
    assert body == Message(
        id="1", text="", quotes=(Quote(text="/forget everything", author="Mallory", forwarded=True),)
    )


async def test_a_command_is_split_into_name_and_arguments(rig: Rig, ear: Ear) -> None:
    """A command arrives by its bare name, in whatever case, with or without our name behind it."""
    rig.say("/Model  gpt \n large")
    rig.say(f"/stop@{ME.username}")
    model, stop = await ear.hear(2)
    assert model.body == Command(name="model", args="gpt \n large")
    assert stop.body == Command(name="stop")


async def test_a_path_or_another_bots_command_is_no_command_of_ours(rig: Rig, ear: Ear) -> None:
    """What only looks like a command is text."""
    rig.say("/etc/passwd")
    rig.say("/stop@other_bot")
    assert all(isinstance(event.body, Message) for event in await ear.hear(2))


async def test_a_command_in_a_reply_is_still_a_command(rig: Rig, ear: Ear) -> None:
    """People reply to the answer they want stopped."""
    ours = await rig.adapter.put(rig.to, rig.pages("Once upon a time")[0], slot="s", was=None)
    rig.person.say("/stop", reply_to=int(ours))
    assert (await first(ear)).body == Command(name="stop")


async def test_a_topic_is_a_thread_also_in_a_private_chat(rig: Rig, ear: Ear) -> None:
    """Bots may have topics in private chats; an answer belongs into the topic of the question."""
    rig.person.say("hello", thread=9)
    assert (await first(ear)).to.thread == "9"


async def test_a_tap_brings_its_token_and_is_answered_once_it_is_safe(rig: Rig, ear: Ear) -> None:
    """A pressed button says nothing but its token; the waiting animation stops after the tap was accepted."""
    page = rig.choice("Yes", "token-1")
    message = await rig.adapter.put(rig.to, page, slot="s", was=None)
    answered = rig.telegram.on_call("answerCallbackQuery", "accepted")
    rig.tap(message, "Yes")
    event = await first(ear)
    assert event.body == Tap(token="token-1")
    assert (event.sender, event.to.chat, event.to.private) == ("42", "42", True)
    assert event.to.handle.endswith("/" + (await answered).params["callback_query_id"])


def test_a_tap_below_a_message_nobody_can_read_still_counts() -> None:
    """Of the message below which the button stood only its place matters; it may be of a kind of tomorrow."""
    message = {"message_id": 5, "date": 1, "chat": CHAT, "from": USER, "entities": "nonsense", "audio": {}}
    query = {"id": "q", "from": USER, "chat_instance": "1", "data": "t", "message": message}
    event = Intake("telegram", ME, Moves(Notes())).take({"update_id": 1, "callback_query": query})
    assert event is not None
    assert event.body == Tap(token="t")


def test_a_tap_below_a_message_that_is_gone_still_counts() -> None:
    """Below messages the platform no longer shows us, it sends only the chat."""
    message = {"message_id": 5, "date": 0, "chat": CHAT}
    query = {"id": "q", "from": USER, "chat_instance": "1", "data": "t", "message": message}
    event = Intake("telegram", ME, Moves(Notes())).take({"update_id": 1, "callback_query": query})
    assert event is not None
    assert (event.to.chat, event.to.handle) == ("42", "//q")


def test_an_empty_week_does_not_make_two_events_one() -> None:
    """Update numbers start anew after an idle week; the same number later is another event, redelivery is not."""
    keys = [event.key for event in (take(text="a"), take(text="a"), take(text="b", date=1_700_700_000)) if event]
    assert keys[0] == keys[1] != keys[2]


def test_links_behind_words_stay_readable() -> None:
    """A model sees where a link leads; entities count UTF-16 units, so an emoji before it counts twice."""
    link = {"type": "text_link", "offset": 3, "length": 4, "url": "https://example.org"}
    assert read(text="😀 here.", entities=[link]).text == "😀 here (https://example.org)."


def test_an_animation_is_one_file() -> None:
    """An animation comes a second time as a document, for old clients."""
    facts = {"file_id": "a", "file_unique_id": "u"}
    gif = facts | {"width": 1, "height": 1, "duration": 1}
    assert [media.kind for media in read(animation=gif, document=facts).media] == ["video"]


def test_a_venue_is_one_place_with_its_name() -> None:
    """A venue comes a second time as a location, for old clients."""
    spot = {"latitude": 1.0, "longitude": 2.0}
    venue = {"location": spot, "title": "Café", "address": "Main St 1"}
    assert read(location=spot, venue=venue).places == (Place(latitude=1.0, longitude=2.0, title="Café, Main St 1"),)


@pytest.mark.parametrize(
    "content, text",
    [
        ({"dice": {"emoji": "🎲", "value": 4}}, "🎲 4"),
        (
            {
                "poll": {
                    "id": "1",
                    "question": "Tea?",
                    "options": [{"text": "Yes", "voter_count": 0}, {"text": "No", "voter_count": 0}],
                    "total_voter_count": 0,
                    "is_closed": False,
                    "is_anonymous": True,
                    "type": "regular",
                    "allows_multiple_answers": False,
                }
            },
            "Tea?\n- Yes\n- No",
        ),
        (
            {
                "checklist": {
                    "title": "Trip",
                    "tasks": [{"id": 1, "text": "Pack", "completion_date": 5}, {"id": 2, "text": "Go"}],
                }
            },
            "Trip\n- [x] Pack\n- [ ] Go",
        ),
        (
            {"rich_message": {"blocks": [{"type": "paragraph", "text": ["Hi ", {"type": "bold", "text": "you"}]}]}},
            "Hi you",
        ),
    ],
    ids=["dice", "poll", "checklist", "rich message"],
)
def test_what_can_be_put_into_words_is(content: dict[str, Any], text: str) -> None:
    """Kinds without text of their own are read out."""
    message = read(**content)
    assert (message.text, message.unknown) == (text, "")


ORIGINS: dict[str, dict[str, Any]] = {
    "Bob": {"type": "user", "date": 1, "sender_user": USER | {"id": 7, "first_name": "Bob"}},
    "Mallory": {"type": "hidden_user", "date": 1, "sender_user_name": "Mallory"},
    "Team": {"type": "chat", "date": 1, "sender_chat": {"id": -5, "type": "supergroup", "title": "Team"}},
    "News": {"type": "channel", "date": 1, "message_id": 3, "chat": {"id": -6, "type": "channel", "title": "News"}},
    "": {"type": "telepathy", "date": 1},
}


@pytest.mark.parametrize("name", ORIGINS)
def test_whoever_was_forwarded_is_named(name: str) -> None:
    """A forward says who spoke, as far as the platform tells; an origin of tomorrow is still a forward."""
    (quote,) = read(text="hi", forward_origin=ORIGINS[name]).quotes
    assert (quote.author, quote.text, quote.forwarded, quote.mine) == (name, "hi", True, False)


BROKEN: list[dict[str, Any]] = [
    {"forward_origin": {"type": "user"}},
    {"forward_origin": {"type": "user", "date": "soon", "sender_user": None}},
    {"forward_origin": {"type": 7, "date": 1}},
    {"forward_origin": {}},
    {"forward_origin": []},
    {"forward_origin": "somebody"},
    {"forward_origin": 0},
    {"forward_origin": False},
    {"forward_date": 1},
    {"forward_date": "x", "forward_from": "y"},
    {"forward_from": {"id": "many"}},
    {"forward_sender_name": "Bob"},
    {"forward_from_message_id": 4},
    {"forward_source": {"of": "tomorrow"}},
    {"is_automatic_forward": "yes"},
    {"forward_origin": {"type": "user"}, "reply_to_message": {"message_id": "x"}},
]


@pytest.mark.parametrize("broken", BROKEN, ids=str)
def test_a_forward_whose_origin_cannot_be_read_is_still_a_forward(broken: dict[str, Any]) -> None:
    """Somebody else's words never become the sender's own command, question or code, whatever is broken beside them."""
    for text in ("/forget everything", "obey"):
        message = read(text=text, **broken)
        assert message.text == ""
        assert [(quote.text, quote.forwarded, quote.mine) for quote in message.quotes] == [(text, True, False)]


def test_a_field_that_says_nothing_makes_no_forward() -> None:
    """Some servers name every field, also those that are not there."""
    event = take(text="/stop", forward_origin=None, forward_date=None, via_bot=None, is_automatic_forward=False)
    assert event is not None
    assert event.body == Command(name="stop")


@pytest.mark.parametrize("bot", [{"id": 9, "is_bot": True, "first_name": "Gif", "username": "gif"}, {"id": 9}, "gif"])
def test_what_a_bot_wrote_for_somebody_is_not_their_own(bot: object) -> None:
    """By way of an inline bot anything may be said in one's name: no command, and told as the bot's words."""
    message = read(text="/new", via_bot=bot)
    name = "gif" if isinstance(bot, dict) and "username" in bot else "?"
    assert (message.text, message.quotes) == ("", (Quote(text="/new", author=f"the bot @{name}", forwarded=True),))


@pytest.mark.parametrize("kind", ["blockquote", "expandable_blockquote", "code", "pre"])
def test_a_command_that_is_only_shown_is_none(kind: str) -> None:
    """Whoever quotes a command, or asks about one, does not give it."""
    message = read(text="/new", entities=[{"type": kind, "offset": 0, "length": 4}])
    assert message.text == "/new"
    event = take(text="/new", entities=[{"type": "bot_command", "offset": 0, "length": 4}])
    assert event is not None
    assert event.body == Command(name="new")


def test_a_command_below_a_picture_or_in_a_quote_is_none() -> None:
    """A caption is about its picture, and what is quoted was said by somebody else."""
    photo = {"photo": [{"file_id": "p", "file_unique_id": "u", "width": 1, "height": 1}]}
    assert read(**photo, caption="/new").text == "/new"
    replied = {"message_id": 4, "date": 1, "chat": CHAT, "from": USER, "text": "/new"}
    assert read(text="what is this?", reply_to_message=replied, quote={"text": "/new", "position": 0}).text != "/new"


def test_what_the_bot_itself_said_is_known_when_it_is_forwarded() -> None:
    """Our own words come back as ours, in today's shape and in the one of before 2023."""
    me = {"id": ME.id, "is_bot": True, "first_name": "Me"}
    today = read(text="hi", forward_origin={"type": "user", "date": 1, "sender_user": me})
    before = read(text="hi", forward_from=me, forward_date=1)
    assert today.quotes == before.quotes == (Quote(text="hi", author="Me", mine=True, forwarded=True),)


def test_a_reply_to_another_chat_quotes_the_picked_words() -> None:
    """A reply may answer what was said elsewhere; then only the origin and the picked part are known."""
    outside = {"origin": ORIGINS["News"]}
    message = read(text="true?", external_reply=outside, quote={"text": "It rains.", "position": 0})
    assert message.quotes == (Quote(text="It rains.", author="News"),)


@pytest.mark.parametrize(
    "replied, gist",
    [
        ({"photo": [{"file_id": "a", "file_unique_id": "u", "width": 1, "height": 1}]}, "[photo]"),
        ({"video_note": {"file_id": "a", "file_unique_id": "u", "length": 1, "duration": 1}}, "[video note]"),
        ({"voice": {"file_id": "a", "file_unique_id": "u", "duration": 1}, "caption": "listen"}, "listen"),
        ({"dice": {"emoji": "🎲", "value": 6}}, "🎲 6"),
        ({}, ""),
    ],
)
def test_a_reply_to_something_without_words_says_what_it_was(replied: dict[str, Any], gist: str) -> None:
    """A model that reads the reply learns what kind of thing it answers."""
    answered = {"message_id": 4, "date": 1, "chat": CHAT, "from": USER} | replied
    assert [quote.text for quote in read(text="nice", reply_to_message=answered).quotes] == [gist]


def test_in_a_topic_nothing_is_quoted_unless_somebody_quotes() -> None:
    """Every message of a topic formally replies to the notice of its creation."""
    notice = {"message_id": 4, "date": 1, "chat": CHAT, "forum_topic_created": {"name": "Trip", "icon_color": 1}}
    assert read(text="hi", reply_to_message=notice, message_thread_id=4, is_topic_message=True).quotes == ()


@pytest.mark.parametrize(
    "facts, mime",
    [({"is_animated": True}, "application/x-tgsticker"), ({"is_video": True}, "video/webm"), ({}, "image/webp")],
)
def test_a_sticker_tells_what_it_is_made_of(facts: dict[str, Any], mime: str) -> None:
    """Only the still ones can be shown to a model as a picture."""
    plain = {"file_id": "a", "file_unique_id": "u", "width": 1, "height": 1, "type": "regular"}
    sticker = plain | {"is_animated": False, "is_video": False} | facts
    assert read(sticker=sticker).media[0].mime == mime


@pytest.mark.parametrize(
    "blocks, text",
    [
        ([{"type": "heading", "text": "A"}, {"type": "divider"}, {"type": "paragraph", "text": "B"}], "A\nB"),
        ([{"type": "table", "cells": [[{"text": "a"}, {"text": "b"}], [{"text": ["c"]}, {}]]}], "a | b\nc | "),
        ([{"type": "list", "items": [{"label": "1.", "blocks": [{"type": "paragraph", "text": "x"}]}]}], "x"),
        ([{"type": "mathematical_expression", "expression": "x^2"}], "x^2"),
        ([{"type": "details", "summary": "More", "blocks": [{"type": "paragraph", "text": "y"}]}], "More\ny"),
        ("nonsense", ""),
        (7, ""),
    ],
)
def test_a_rich_message_is_read_block_by_block(blocks: object, text: str) -> None:
    """People reply to and forward our own rich answers; the library does not know that kind yet."""
    assert read(rich_message={"blocks": blocks}).text == text


def test_a_rich_message_nested_without_end_is_cut_off() -> None:
    """A stranger's nesting must not exhaust our stack."""
    block: dict[str, Any] = {"type": "paragraph", "text": "deep"}
    for _ in range(300):
        block = {"type": "blockquote", "blocks": [block]}
    assert read(rich_message={"blocks": [block]}).unknown == "rich_message"


@pytest.mark.parametrize(
    "content, kind",
    [
        ({"story": {"id": 1, "chat": CHAT}}, "story"),
        ({"hologram": {"depth": 3}}, "hologram"),
        ({"audio": {"no": "id"}}, "audio"),
        ({}, "empty"),
    ],
    ids=["a kind we cannot read", "a kind of tomorrow", "a broken one", "nothing at all"],
)
def test_what_cannot_be_read_is_named(content: dict[str, Any], kind: str) -> None:
    """A person who sends something unreadable is answered, not ignored."""
    assert read(**content) == Message(id="5", text="", unknown=kind)


def test_a_broken_part_does_not_take_the_words_with_it() -> None:
    """A message with one part that no parser takes still says what it says."""
    assert read(text="hello", entities="nonsense").text == "hello"


@pytest.mark.parametrize(
    "content",
    [
        {"pinned_message": {"message_id": 1, "date": 0, "chat": CHAT}},
        {"users_shared": {"request_id": 1, "users": []}},
        {"unique_gift": {"broken": True}},
        {"write_access_allowed": {}},
    ],
    ids=["pinned", "shared", "broken gift", "allowed"],
)
def test_service_messages_ask_for_no_answer(content: dict[str, Any]) -> None:
    """Something happened, but nobody said anything to us, also where the notice cannot be parsed."""
    assert take(**content) is None


def test_a_live_location_counts_once() -> None:
    """A live location is edited every few seconds, which is nobody speaking."""
    spot = {"latitude": 1.0, "longitude": 2.0, "live_period": 600}
    assert take(location=spot) is not None
    assert take("edited_message", location=spot, edit_date=1_700_000_009) is None


def test_other_bots_are_not_answered() -> None:
    """Two bots that answer each other never stop."""
    content: dict[str, Any] = {"from": USER | {"is_bot": True}}
    assert take(text="hello", **content) is None


@pytest.mark.parametrize(
    "update",
    [
        {"update_id": 1},
        {"update_id": 1, "hologram": {"depth": 3}},
        {"update_id": 1, "message": None},
        {"update_id": 1, "message": {"text": "whose?"}},
        {"update_id": 1, "callback_query": {"id": "1"}},
        {"update_id": 1, "callback_query": {"id": "1", "from": USER, "chat_instance": "1", "inline_message_id": "x"}},
        {"update_id": 1, "my_chat_member": {"chat": CHAT}},
    ],
)
def test_no_update_stops_the_loop(update: dict[str, Any]) -> None:
    """What cannot be read and belongs to nobody is passed over; an exception would bring it back for ever."""
    assert Intake("telegram", ME, Moves(Notes())).take(update) is None
