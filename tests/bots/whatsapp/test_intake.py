"""What Meta brings, as events: its own published payloads, each of the right kind, and people who stay who they are."""

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from bots.whatsapp.content import body_of
from bots.whatsapp.intake import Intake
from bots.whatsapp.people import People
from core.testing import FakeMemo
from core.values import Command, Inbound, Message, Quote, Receipt, Tap
from simulators.specs import load_spec, specs_dir

Json = dict[str, Any]

KINDS: dict[str, Callable[[Message], bool]] = {
    "text": lambda m: bool(m.text or m.quotes[0].text),
    "image": lambda m: m.media[0].kind == "photo",
    "video": lambda m: m.media[0].kind == "video",
    "document": lambda m: m.media[0].kind == "document",
    "audio": lambda m: m.media[0].kind in {"audio", "voice"},
    "sticker": lambda m: m.media[0].kind == "sticker",
    "location": lambda m: bool(m.places),
    "contacts": lambda m: bool(m.contacts),
    "reaction": lambda m: not m.addressed,
    "button": lambda m: bool(m.text),
    "order": lambda m: m.unknown == "order",
    "unsupported": lambda m: bool(m.unknown),
    "edit": lambda m: m.edited,
    "revoke": lambda m: m.edited and not m.text,
}


def calls(found: object, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every webhook call in a file, by where it stands."""
    if isinstance(found, dict):
        if "entry" in found:
            yield path, found
        else:
            for key, inner in found.items():
                yield from calls(inner, f"{path}/{key}")
    elif isinstance(found, list):
        for number, inner in enumerate(found):
            yield from calls(inner, f"{path}/{number}")


def recorded() -> list[Any]:
    """All of them, or one that says why there are none."""
    files = ("webhooks_meta.json", "webhooks_pywa.json")
    found = [
        pytest.param(call, id=f"{file}{path}") for file in files for path, call in calls(load_spec("whatsapp", file))
    ]
    missing = pytest.mark.skip(reason=f"no recorded payloads in {specs_dir()}")
    return found or [pytest.param({}, marks=missing)]


def intake(number: str, memo: FakeMemo | None = None) -> Intake:
    """For one number of ours."""
    return Intake(
        "whatsapp", number, People(memo or FakeMemo(), "secret"), 500_000, wrote=lambda *_: None, closed=lambda _: None
    )


@pytest.mark.parametrize("call", recorded())
async def test_every_recorded_payload_is_understood(call: Json) -> None:
    """Each message and each status becomes what it is; nothing is dropped in silence."""
    for entry in call["entry"]:
        for change in entry["changes"]:
            value = change["value"]
            number = value.get("metadata", {}).get("phone_number_id", "1")
            events = await intake(number).events(call)
            if change["field"] != "messages":
                assert events == []
                continue
            wanted = [m for m in value.get("messages", []) if m["type"] != "system" and "group_id" not in m]
            messages = [event for event in events if isinstance(event, Inbound)]
            assert len(messages) == len(wanted)
            for event, message in zip(messages, wanted, strict=True):
                assert event.sender
                assert event.key.endswith(message["id"])
                check(event, message)
            named = [s for s in value.get("statuses", []) if s.get("biz_opaque_callback_data")]
            assert len(events) - len(messages) == len(named)


def check(event: Inbound, message: Json) -> None:
    """Whether an event is of a message's kind."""
    if message["type"] == "interactive":
        inner = message.get("interactive", {})
        assert isinstance(event.body, Tap) == bool(inner.get("button_reply") or inner.get("list_reply"))
        return
    assert isinstance(event.body, Message)
    known = KINDS.get(message["type"])
    assert known(event.body) if known else event.body.unknown


def call_of(*messages: Json, contacts: list[Json] | None = None, statuses: list[Json] | None = None) -> Json:
    """A webhook call of our own."""
    value = {"metadata": {"phone_number_id": "1", "display_phone_number": "999"}, "messages": list(messages)}
    value |= {"contacts": contacts or [], "statuses": statuses or []}
    return {"entry": [{"changes": [{"field": "messages", "value": value}]}]}


def text(identity: str, **ids: str) -> Json:
    """Somebody's word."""
    return {"id": identity, "timestamp": "1", "type": "text", "text": {"body": "Hi"}} | ids


@pytest.mark.parametrize(
    "said, name, args",
    [
        ("/new", "new", ""),
        ("/stop now", "stop", "now"),
        ("/ nothing", None, ""),
        ("/etc/passwd", None, ""),
        ("a /b", None, ""),
    ],
)
def test_commands_are_told_from_words(said: str, name: str | None, args: str) -> None:
    """A path is no command."""
    body = body_of({"id": "1", "type": "text", "text": {"body": said}}, "whatsapp", ours="")
    assert body == (Message(id="1", text=said) if name is None else Command(name=name, args=args))


@pytest.mark.parametrize(
    "context",
    [{"forwarded": True}, {"frequently_forwarded": True}, {"forwarded": "true", "id": "0"}, "unreadable", 1, []],
    ids=str,
)
def test_what_is_forwarded_is_a_quote_and_no_command(context: object) -> None:
    """Somebody else said it; a context that cannot be read may say so, too."""
    for words in ("/new", "obey"):
        said: Json = {"id": "1", "type": "text", "text": {"body": words}, "context": context}
        body = body_of(said, "whatsapp", ours="")
        assert body == Message(id="1", text="", quotes=(Quote(text=words, forwarded=True),))
    image = {"id": "1", "type": "image", "image": {"id": "7", "caption": "/new"}, "context": context}
    body = body_of(image, "whatsapp", ours="")
    assert isinstance(body, Message)
    assert (body.text, body.quotes, len(body.media)) == ("", (Quote(text="/new", forwarded=True),), 1)


def test_a_reply_says_whose_words_it_answers() -> None:
    """The words themselves are not told by the platform."""
    message = {"id": "1", "type": "text", "text": {"body": "Yes"}, "context": {"id": "0", "from": "+1 555"}}
    body = body_of(message, "whatsapp", ours="1555")
    assert isinstance(body, Message)
    assert [quote.mine for quote in body.quotes] == [True]


async def test_a_call_with_several_people_names_each() -> None:
    """A batch brings many messages of many people, and statuses beside them."""
    people = [
        {"wa_id": "1", "user_id": "DE.1", "profile": {"name": "Ann"}},
        {"user_id": "DE.2", "profile": {"username": "bob"}},
    ]
    told = {"id": "wamid.o", "status": "delivered", "biz_opaque_callback_data": "7.0", "pricing": {"billable": True}}
    call = call_of(text("a", **{"from": "1"}), text("b", from_user_id="DE.2"), contacts=people, statuses=[told])
    receipt, ann, bob = await intake("1").events(call)
    assert isinstance(receipt, Receipt)
    assert (receipt.slot, receipt.state, receipt.microcredits) == ("7.0", "sent", 500_000)
    assert isinstance(ann, Inbound)
    assert isinstance(bob, Inbound)
    assert (ann.sender, ann.name) == ("DE.1", "Ann")
    assert (bob.sender, bob.name) == ("DE.2", "bob")


@pytest.mark.parametrize("states", [("sent", "delivered", "read"), ("sent", "read"), ("read", "delivered", "played")])
async def test_a_message_is_charged_once_whichever_delivery_is_told_of(states: tuple[str, ...]) -> None:
    """Of what is read the moment it arrives no delivery is told, and statuses come in any order, also twice."""
    told = [
        {"id": "o", "status": state, "biz_opaque_callback_data": "7.0", "pricing": {"billable": True}}
        for state in (*states, *states)
    ]
    receipts = await intake("1").events(call_of(statuses=told))
    fresh = {receipt.key: receipt.microcredits for receipt in receipts if isinstance(receipt, Receipt)}
    assert sum(fresh.values()) == 500_000


async def who(taking: Intake, **ids: str) -> str:
    """Whom a message is taken to be from."""
    (event,) = await taking.events(call_of(text("x", **ids)))
    assert isinstance(event, Inbound)
    return event.sender


async def test_a_person_stays_the_same_when_an_id_is_added() -> None:
    """Known by number alone, then by both, then by the new id alone; also after a restart."""
    memo = FakeMemo()
    first = await who(intake("1", memo), **{"from": "49151"})
    assert await who(intake("1", memo), **{"from": "49151", "from_user_id": "DE.1"}) == first
    assert await who(intake("1", memo), from_user_id="DE.1") == first


async def test_a_person_stays_the_same_when_the_number_changes() -> None:
    """Meta says so in a message of its own, which is no question."""
    memo = FakeMemo()
    taking = intake("1", memo)
    first = await who(taking, **{"from": "49151"})
    change = {"id": "s", "type": "system", "from": "49151", "system": {"type": "user_changed_number", "wa_id": "49160"}}
    assert await taking.events(call_of(change)) == []
    assert await who(intake("1", memo), **{"from": "49160"}) == first
    assert await People(memo, "secret").reach(first) == "49160"


def notice(identity: str, before: str, **after: str) -> Json:
    """Meta's word that somebody has another number."""
    system = {"type": "user_changed_number"} | after
    return {"id": identity, "type": "system", "from": before, "system": system}


def updated(before: str, after: str, **more: str) -> Json:
    """Meta's word that somebody has another id."""
    update = {"user_id": {"previous": before, "current": after}, "timestamp": "1"} | more
    value = {"metadata": {"phone_number_id": "1"}, "user_id_update": [update]}
    return {"entry": [{"changes": [{"field": "user_id_update", "value": value}]}]}


async def test_a_person_without_a_number_stays_the_same_when_the_id_changes() -> None:
    """Of somebody with a username nothing else tells: the id changes with the number that Meta does not show."""
    memo = FakeMemo()
    first = await who(intake("1", memo), from_user_id="DE.1")
    assert await intake("1", memo).events(updated("DE.1", "DE.2")) == []
    assert await who(intake("1", memo), from_user_id="DE.2") == first
    assert await People(memo, "secret").reach(first) == "DE.2"


async def test_a_notice_that_comes_again_undoes_no_later_one() -> None:
    """Meta repeats itself for a week, and the number they had in between may be somebody else's by then."""
    memo = FakeMemo()
    taking = intake("1", memo)
    first = await who(taking, **{"from": "1"})
    to_two, to_three = notice("a", "1", wa_id="2"), notice("b", "2", wa_id="3")
    for one in (to_two, to_three, to_two):
        assert await taking.events(call_of(one)) == []
    assert await People(memo, "secret").reach(first) == "3"
    ids = [updated("DE.1", "DE.2"), updated("DE.2", "DE.3")]
    second = await who(taking, from_user_id="DE.1")
    for call in (*ids, ids[0]):
        await taking.events(call)
    assert await People(memo, "secret").reach(second) == "DE.3"


async def test_a_notice_about_somebody_unknown_takes_nobody_from_us() -> None:
    """Whoever has written under their new id already is who they are."""
    taking = intake("1")
    first = await who(taking, **{"from": "2", "from_user_id": "DE.2"})
    await taking.events(call_of(notice("a", "1", wa_id="2", user_id="DE.2")))
    assert await who(taking, **{"from": "2", "from_user_id": "DE.2"}) == first


class SlowMemo(FakeMemo):
    """A store that takes its time, so that others come in between."""

    async def get(self, name: str) -> str:
        kept = await super().get(name)
        await asyncio.sleep(0)
        return kept

    async def keep(self, name: str, text: str) -> None:
        await asyncio.sleep(0)
        await super().keep(name, text)


async def test_two_calls_at_once_make_one_person() -> None:
    """One brings the number alone, the other both ids."""
    taking = intake("1", SlowMemo())
    both = {"from": "49151", "from_user_id": "DE.1"}
    found = await asyncio.gather(who(taking, **{"from": "49151"}), who(taking, **both), who(taking, **both))
    assert len(set(found)) == 1


async def test_half_a_letter_in_an_id_stops_nobody() -> None:
    """JSON lets it pass: the call would be brought again for a week, and all that is in it."""
    assert await who(intake("1"), from_user_id="DE.\ud83d")


async def test_a_number_with_a_new_owner_is_somebody_else() -> None:
    """Numbers are given out again: whoever has one now must not be taken for whoever had it."""
    taking = intake("1")
    first = await who(taking, **{"from": "49151", "from_user_id": "DE.1"})
    other = await who(taking, **{"from": "49151", "from_user_id": "DE.2"})
    assert other != first
    assert await who(taking, **{"from": "49151", "from_user_id": "DE.2"}) == other
    assert await who(taking, from_user_id="DE.1") == first


async def test_no_name_in_the_store_tells_a_number() -> None:
    """What is kept is found by hashes; the numbers themselves are sealed with the rest."""
    memo = FakeMemo()
    await who(intake("1", memo), **{"from": "4915112345", "from_user_id": "DE.98765"})
    assert memo.kept
    assert not any("4915112345" in name or "98765" in name for name in memo.kept)
    assert all(json.dumps(name) for name in memo.kept)
