"""Listening: nothing is lost, nothing is confirmed early, and trouble is waited out in peace."""

import asyncio
import json
from collections.abc import Callable, Sequence

import pytest
from structlog.testing import capture_logs

from contracts.rigs.telegram import Ear, Rig, listening
from core.errors import PlatformRefusedUs, StoreError
from core.values import Inbound, Message, Receipt
from simulators.telegram import Call, Fault, Refused, cut, garbage, refuse, server_error, too_many
from simulators.telegram.faults import Answer


class Gate(Ear):
    """An ``accept`` that takes its time."""

    def __init__(self) -> None:
        super().__init__()
        self.entered = asyncio.Event()
        self.opened = asyncio.Event()
        self.offered: tuple[Inbound | Receipt, ...] = ()

    async def accept(self, events: Sequence[Inbound | Receipt]) -> tuple[bool, ...]:
        self.offered = tuple(events)
        self.entered.set()
        await self.opened.wait()
        return await super().accept(events)


def texts(events: Sequence[Inbound]) -> list[str]:
    """What was said."""
    return [event.body.text for event in events if isinstance(event.body, Message)]


def polls(rig: Rig) -> list[Call]:
    """Every question for updates so far."""
    return rig.telegram.calls_of("getUpdates")


async def until(holds: Callable[[], bool]) -> None:
    """Wait for something to become true."""
    async with asyncio.timeout(5):
        while not holds():  # noqa: ASYNC110 - the platform tells nobody what it thinks
            await asyncio.sleep(0.01)


async def confirmed(rig: Rig) -> None:
    """Wait until the platform has forgotten all updates."""
    await until(lambda: not rig.telegram.inbox().pending)


async def test_an_update_is_confirmed_only_after_it_was_accepted(rig: Rig) -> None:
    """The next question confirms, so it is not asked before the events are safe."""
    gate = Gate()
    said = rig.person.say("hello")
    async with listening(rig.adapter, gate):
        await gate.entered.wait()
        await asyncio.sleep(0.05)
        assert len(polls(rig)) == 1
        assert len(rig.telegram.inbox().pending) == 1
        gate.opened.set()
        await confirmed(rig)
        assert polls(rig)[1].params["offset"] == (said.update_id or 0) + 1


async def test_what_was_not_accepted_before_a_kill_comes_again(rig: Rig) -> None:
    """A kill between the question and the commit loses nothing, and the key tells that it is the same event."""
    rig.say("hello")
    gate = Gate()
    async with listening(rig.adapter, gate):
        await gate.entered.wait()
    assert not gate.events
    async with listening(rig.adapter) as ear:
        await ear.hear()
    assert ear.events == gate.offered


async def test_what_people_wrote_while_we_were_away_is_taken_in_with_one_commit(rig: Rig) -> None:
    """Nothing pending is dropped at start-up; a hundred updates come at a time and are accepted at once."""
    for number in range(120):
        rig.say(str(number))
    async with listening(rig.adapter) as ear:
        await ear.hear(120)
        await confirmed(rig)
    assert [len(batch) for batch in ear.batches] == [100, 20]
    assert texts(ear.events) == [str(number) for number in range(120)]


async def test_the_questions_are_long_and_name_what_they_want(rig: Rig, ear: Ear) -> None:
    """Updates are waited for at the platform, and only of the kinds we handle."""
    rig.say("hello")
    await ear.hear()
    assert polls(rig)[0].params == {
        "timeout": 1,
        "allowed_updates": ["message", "edited_message", "callback_query", "my_chat_member"],
    }


async def test_an_offset_does_not_outlive_its_purpose(rig: Rig, ear: Ear) -> None:
    """Numbers may start anew below the old ones; an offset kept for ever would confirm those unseen."""
    said = rig.person.say("before the idle week")
    await ear.hear()
    await confirmed(rig)
    await until(lambda: "offset" not in polls(rig)[-1].params)
    message = said.raw | {"message_id": 99, "text": "after it"}
    rig.telegram.inject({"update_id": 5, "message": message})
    assert texts(await ear.hear(2))[-1] == "after it"
    await confirmed(rig)


async def test_a_failing_store_ends_the_run_and_confirms_nothing(rig: Rig) -> None:
    """What could not be kept stays with the platform, and the reason reaches the supervisor as it was."""

    async def accept(events: Sequence[Inbound | Receipt]) -> tuple[bool, ...]:
        raise StoreError("the disk is full")

    rig.say("hello")
    with pytest.raises(StoreError):
        await rig.adapter.run(accept)
    assert len(rig.telegram.inbox().pending) == 1


@pytest.mark.parametrize(
    "fault",
    [server_error(502), server_error(500, html=False), cut(), cut(after=True), garbage(), too_many(1)],
    ids=lambda fault: fault.name,
)
async def test_trouble_is_waited_out(rig: Rig, fault: Fault) -> None:
    """A platform that fails, at the start and later, is asked again after a pause; nothing is lost meanwhile."""
    for method in ("getMe", "getUpdates"):
        rig.telegram.fail(method, fault, times=1 if fault.name == "too_many" else 3)
    rig.say("hello")
    async with listening(rig.adapter) as ear:
        await ear.hear()
    assert texts(ear.events) == ["hello"]
    assert len(polls(rig)) <= 5


async def test_a_question_that_is_answered_at_once_with_nothing_does_not_spin(rig: Rig) -> None:
    """A proxy that does not hold the question open must not make us ask a thousand times a second."""
    nothing = Fault(name="nothing", answer=Answer(status=200, body=json.dumps({"ok": True, "result": []}).encode()))
    rig.telegram.fail("getUpdates", nothing, times=None)
    async with listening(rig.adapter):
        await asyncio.sleep(0.5)
    assert len(polls(rig)) < 50


async def test_a_rival_is_named_and_waited_out(rig: Rig) -> None:
    """Two programs with one token take each other's updates; the log says so instead of a bare 409."""
    conflict = Refused(409, "Conflict: terminated by other getUpdates request")
    rig.telegram.fail("getUpdates", refuse(conflict), times=2)
    rig.say("hello")
    with capture_logs() as logs:
        async with listening(rig.adapter) as ear:
            await ear.hear()
    assert [log["log_level"] for log in logs if "another program" in log["event"]] == ["error", "error"]


async def test_a_webhook_in_the_way_is_removed_and_nothing_with_it(rig: Rig) -> None:
    """A bot that had a webhook is polled from now on; what is pending stays, and the log says what was done."""
    rig.telegram.fail("getUpdates", refuse(Refused(409, "Conflict: can't use getUpdates while webhook is active")))
    hook = {"url": "https://example.org/hook", "has_custom_certificate": False, "pending_update_count": 1}
    body = json.dumps({"ok": True, "result": hook}).encode()
    rig.telegram.fail("getWebhookInfo", Fault(name="hook", answer=Answer(status=200, body=body)))
    rig.say("hello")
    with capture_logs() as logs:
        async with listening(rig.adapter) as ear:
            await ear.hear()
    (deleted,) = rig.telegram.calls_of("deleteWebhook")
    assert not deleted.params.get("drop_pending_updates")
    assert any("webhook" in log["event"] for log in logs)
    assert texts(ear.events) == ["hello"]


async def test_a_conflict_that_cannot_be_looked_into_is_waited_out(rig: Rig) -> None:
    """A platform in trouble may not even say what the conflict is about."""
    rig.telegram.fail("getUpdates", refuse(Refused(409, "Conflict")))
    rig.telegram.fail("getWebhookInfo", server_error())
    rig.say("hello")
    async with listening(rig.adapter) as ear:
        assert texts(await ear.hear()) == ["hello"]


async def test_updates_that_make_no_sense_are_not_confirmed(rig: Rig) -> None:
    """A proxy's JSON is no reason to fall over, and none to lose what is pending."""
    nonsense = Answer(status=200, body=b'{"ok": true, "result": [{"update_id": "seven"}]}')
    rig.telegram.fail("getUpdates", Fault(name="nonsense", answer=nonsense))
    rig.say("hello")
    async with listening(rig.adapter) as ear:
        assert texts(await ear.hear()) == ["hello"]


@pytest.mark.parametrize("code", [401, 404])
@pytest.mark.parametrize("method", ["getMe", "getUpdates"])
async def test_a_token_that_is_not_accepted_is_final(rig: Rig, method: str, code: int) -> None:
    """There is no use in asking again; the error tells the operator what to set, and not the token."""
    rig.telegram.fail(method, refuse(Refused(code, "Unauthorized")))
    with pytest.raises(PlatformRefusedUs, match=r"bots\.telegram\.token") as caught:
        await rig.adapter.run(Ear().accept)
    assert rig.telegram.token not in str(caught.value)


async def test_a_poisoned_update_does_not_block_the_ones_behind_it(rig: Rig, ear: Ear) -> None:
    """What cannot be read is confirmed like the rest; it would come back for ever otherwise."""
    rig.telegram.inject({"message": {"some fields are missing": True}})
    rig.say("hello")
    assert texts(await ear.hear()) == ["hello"]
    await confirmed(rig)


async def test_a_tap_that_cannot_be_answered_any_more_is_taken_in_all_the_same(rig: Rig, ear: Ear) -> None:
    """The platform refuses to answer old taps; that must not disturb the listening."""
    rig.telegram.fail("answerCallbackQuery", refuse(Refused(400, "Bad Request: query is too old")))
    message = await rig.adapter.put(rig.to, rig.choice("Yes", "t"), slot="s", was=None)
    rig.tap(message, "Yes")
    rig.say("hello")
    assert texts(await ear.hear(2)) == ["hello"]
