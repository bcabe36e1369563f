"""What the gateway brings, as events: recorded payloads, each of the right kind, and who is spoken to in a server."""

import json
from collections.abc import Iterator
from typing import Any

import pytest

from bots.discord.intake import Intake
from bots.discord.interactions import acknowledgement, handle, ticket
from core.values import Command, Inbound, Message, Tap
from simulators.specs import load_spec, specs_dir

Json = dict[str, Any]

ME = "999"


def intake(*channels: str) -> Intake:
    """For one bot."""
    return Intake("discord", ME, channels)


def message(text: str = "Hello", **more: object) -> Json:
    """Somebody's word in a direct chat."""
    author = {"id": "5", "username": "ann", "global_name": "Ann"}
    return {"id": "10", "channel_id": "20", "type": 0, "content": text, "author": author, **more}


def found(kind: str) -> Iterator[tuple[str, Json]]:
    """Recorded payloads of a kind."""
    for file in ("payloads_hikari.json", "payloads_serenity_2017.json"):
        for name, payload in (load_spec("discord", file) or {}).items():
            if kind in name and isinstance(payload, dict):
                yield f"{file}/{name}", payload


def recorded(*kinds: str) -> list[Any]:
    """As parameters, or one that says why there are none."""
    params = [pytest.param(payload, id=name) for kind in kinds for name, payload in found(kind)]
    return params or [pytest.param({}, marks=pytest.mark.skip(reason=f"no recorded payloads in {specs_dir()}"))]


@pytest.mark.parametrize("payload", recorded("message_payload", "message_create", "message_update", "message_type"))
def test_every_recorded_message_is_understood(payload: Json) -> None:
    """What people say becomes a message with its words and files; what bots and the system say is left alone."""
    event = intake().message(payload)
    by_people = payload.get("type") in {0, 19} and not payload["author"].get("bot") and not payload.get("webhook_id")
    assert (event is not None) == by_people
    if event is not None:
        assert isinstance(event.body, Message)
        assert len(event.body.media) == len(payload.get("attachments", []))
        assert event.to.private == ("guild_id" not in payload)
        assert (event.sender, event.to.chat) == (str(payload["author"]["id"]), str(payload["channel_id"]))


@pytest.mark.parametrize("payload", recorded("interaction_payload"))
def test_every_recorded_interaction_is_understood(payload: Json) -> None:
    """Commands and presses become what they are; windows and suggestions, which we never ask for, become nothing."""
    event = intake().event("INTERACTION_CREATE", payload)
    kind = {2: Command, 3: Tap}.get(payload.get("type", 0))
    if kind is None or not ({"user", "member"} & payload.keys()):
        assert event is None
        return
    assert event is not None
    assert isinstance(event.body, kind)
    assert event.sender
    right = ticket(event.to.handle, 0)
    assert right is not None
    assert (right.token, right.command) == (payload["token"], kind is Command)
    path, said = acknowledgement(payload)
    assert path == f"/interactions/{payload['id']}/{payload['token']}/callback"
    assert said["type"] in ({4, 5} if kind is Command else {6})


def test_every_example_of_a_dispatch_is_heard_without_harm() -> None:
    """Whatever the documentation shows as an event is taken or left, and never an error."""
    document = load_spec("discord", "docs_examples.json")
    if document is None:
        pytest.skip(f"no examples in {specs_dir()}")
    heard = 0
    for example in objects(document):
        kind = example.get("t")
        for name in [kind] if isinstance(kind, str) else ["MESSAGE_CREATE", "INTERACTION_CREATE", "GUILD_CREATE"]:
            inner = example.get("d", example)
            intake().event(name, inner if isinstance(inner, dict) else {})
            heard += 1
    assert heard > 50


def objects(of: object) -> Iterator[Json]:
    """Every JSON object in a document, also those that stand in it as text."""
    if isinstance(of, dict):
        yield of
        of = list(of.values())
    if isinstance(of, list):
        for one in of:
            yield from objects(one)
    elif isinstance(of, str) and of.lstrip().startswith("{"):
        try:
            yield from objects(json.loads(of))
        except ValueError:
            return


@pytest.mark.parametrize(
    "more, addressed",
    [
        ({}, False),
        ({"mentions": [{"id": ME}], "content": f"<@{ME}> Hello"}, True),
        ({"mentions": [{"id": "7", "username": "bob"}], "content": "<@7> Hello"}, False),
        ({"type": 19, "referenced_message": {"author": {"id": ME}, "content": "So"}}, True),
        ({"type": 19, "referenced_message": {"author": {"id": "7"}, "content": "So"}}, False),
        ({"channel_id": "77"}, True),
    ],
)
def test_in_a_server_only_what_is_said_to_us_is_a_question(more: Json, addressed: bool) -> None:
    """What is said to others is known, and answered by nobody."""
    event = intake("77").message(message(guild_id="1", **more))
    assert event is not None
    assert isinstance(event.body, Message)
    assert event.body.addressed is addressed
    assert not event.to.private
    assert ME not in event.body.text


def test_a_thread_of_a_channel_of_ours_is_one() -> None:
    """Where everything is answered in a channel, it is in its threads."""
    taking = intake("77")
    taking.event("THREAD_CREATE", {"id": "78", "parent_id": "77"})
    taking.event("GUILD_CREATE", {"threads": [{"id": "79", "parent_id": "77"}, {"id": "80", "parent_id": "1"}]})
    said = {channel: taking.message(message(guild_id="1", channel_id=channel)) for channel in ("78", "79", "80")}
    assert {
        channel: event.body.addressed for channel, event in said.items() if event and isinstance(event.body, Message)
    } == {
        "78": True,
        "79": True,
        "80": False,
    }


@pytest.mark.parametrize("author", [{"id": ME}, {"id": "5", "bot": True}])
def test_what_bots_say_is_no_event(author: Json) -> None:
    """Two bots would talk for ever; and one with itself."""
    assert intake().message(message(author=author)) is None


def test_a_voice_message_is_told_from_a_file() -> None:
    """By a flag of the message."""
    file = {"id": "1", "filename": "voice-message.ogg", "size": 9, "content_type": "audio/ogg"}
    for flags, kind in ((1 << 13, "voice"), (0, "audio")):
        event = intake().message(message("", attachments=[file], flags=flags))
        assert event is not None
        assert isinstance(event.body, Message)
        assert [(media.kind, media.ref) for media in event.body.media] == [(kind, "20/10/1")]


def test_people_go_by_their_names_in_what_is_said() -> None:
    """A model cannot read numbers."""
    event = intake().message(message("Ask <@7> and <@!8>", mentions=[{"id": "7", "username": "bob"}]))
    assert event is not None
    assert isinstance(event.body, Message)
    assert event.body.text == "Ask @bob and @somebody"


def test_a_key_names_the_event() -> None:
    """An edit is an event of its own, an update that is none (a preview that loaded) is nothing."""
    taking = intake()
    first = taking.event("MESSAGE_CREATE", message())
    edit = taking.event("MESSAGE_UPDATE", message(edited_timestamp="2026-01-01T00:00:00Z"))
    assert first is not None
    assert edit is not None
    assert first.key != edit.key
    assert taking.event("MESSAGE_UPDATE", message(edited_timestamp=None)) is None


def test_the_right_to_answer_ends_after_a_quarter_of_an_hour() -> None:
    """With some seconds to spare."""
    kept = handle({"application_id": "1", "token": "t", "type": 2}, now=1000.0)
    assert ticket(kept, 1000.0) is not None
    assert ticket(kept, 1000.0 + 14 * 60) is not None
    assert ticket(kept, 1000.0 + 15 * 60) is None
    assert ticket("", 0) is None
    assert ticket("broken", 0) is None


def said(event: Inbound | None) -> Message:
    """The message in an event."""
    assert event is not None
    assert isinstance(event.body, Message)
    return event.body


def test_the_role_that_discord_made_for_us_is_us() -> None:
    """Many complete an @ with the role instead of the bot: both are called the same."""
    taking = intake()
    taking.event(
        "GUILD_CREATE", {"roles": [{"id": "44", "tags": {"bot_id": ME}}, {"id": "45", "tags": {"bot_id": "7"}}]}
    )
    ours = said(taking.message(message("<@&44> Hello", guild_id="1", mention_roles=["44"])))
    others = said(taking.message(message("<@&45> Hello", guild_id="1", mention_roles=["45"])))
    assert (ours.addressed, ours.text) == (True, "Hello")
    assert not others.addressed


def test_a_post_says_its_title() -> None:
    """Many ask in the title alone; what follows in the post does not repeat it."""
    taking = intake("77")
    taking.event("THREAD_CREATE", {"id": "78", "parent_id": "77", "name": "How is bread baked?"})
    first = said(taking.message(message("See above", guild_id="1", channel_id="78", id="78")))
    second = said(taking.message(message("At length", guild_id="1", channel_id="78", id="79")))
    assert (first.text, second.text) == ("How is bread baked?\n\nSee above", "At length")


def test_what_a_thread_is_about_is_told_with_its_first_words() -> None:
    """It stands in the channel, outside of the thread."""
    taking = intake("77")
    about = {"content": "Rain until <@7> comes", "author": {"id": "7", "username": "bob"}, "mentions": [{"id": "7"}]}
    starter = message("", type=21, guild_id="1", channel_id="78", id="79", referenced_message=about)
    assert taking.event("MESSAGE_CREATE", starter) is None
    first = said(taking.message(message("Why?", guild_id="1", channel_id="78", id="80")))
    second = said(taking.message(message("So", guild_id="1", channel_id="78", id="81")))
    assert [(quote.text, quote.author) for quote in first.quotes] == [("Rain until @somebody comes", "bob")]
    assert second.quotes == ()


def test_files_of_what_is_answered_or_forwarded_are_there() -> None:
    """They are what is asked about; each is fetched from the message that holds it."""
    file = {"id": "1", "filename": "a.png", "size": 9, "content_type": "image/png"}
    answered = {"id": "8", "channel_id": "20", "author": {"id": "7"}, "content": "", "attachments": [file]}
    reply = said(intake().message(message("What is it?", type=19, referenced_message=answered)))
    forward = said(
        intake().message(
            message(
                "",
                message_reference={"type": 1, "message_id": "8"},
                message_snapshots=[{"message": {"content": "by <@5>", "mentions": [], "attachments": [file]}}],
            )
        )
    )
    assert [media.ref for media in reply.media] == ["20/8/1"]
    assert [quote.text for quote in reply.quotes] == ["[a.png]"]
    assert [media.ref for media in forward.media] == ["20/10/1"]
    assert [(quote.text, quote.forwarded) for quote in forward.quotes] == [("by @somebody", True)]


@pytest.mark.parametrize("snapshots", [[], None, "unreadable", [7], [{"message": {"content": "/new"}}]], ids=str)
def test_a_forward_is_no_command(snapshots: object) -> None:
    """Also where what it forwards cannot be read."""
    reference = {"type": 1, "message_id": "8"}
    body = said(intake().message(message("/new", message_reference=reference, message_snapshots=snapshots)))
    assert [quote.forwarded for quote in body.quotes] == [True]


def test_what_stands_beside_a_file_is_no_command() -> None:
    """It is about the file."""
    file = {"id": "1", "filename": "a.png", "size": 9, "content_type": "image/png"}
    body = said(intake().message(message("/new", attachments=[file])))
    assert (body.text, len(body.media)) == ("/new", 1)


def test_a_poll_is_words() -> None:
    """Nobody votes, but everybody can be asked."""
    poll = {"question": {"text": "Tea?"}, "answers": [{"answer_id": 1, "poll_media": {"text": "Yes"}}]}
    polled = said(intake().message(message("", poll=poll)))
    assert (polled.text, polled.unknown) == ("Tea?\n- Yes", "")


def test_ask_is_a_question() -> None:
    """Where somebody brought the app along, it is the only way to say one."""
    inner = {"name": "ask", "type": 1, "options": [{"name": "words", "type": 3, "value": "Why?"}]}
    asked = {"id": "3", "type": 2, "token": "t", "application_id": "1", "channel_id": "20", "data": inner}
    event = intake().event("INTERACTION_CREATE", {**asked, "user": {"id": "5"}, "context": 2})
    assert said(event).text == "Why?"
    assert said(event).addressed
    assert event is not None
    assert event.to.handle
    assert not event.to.private
