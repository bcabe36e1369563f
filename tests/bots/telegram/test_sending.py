"""Speaking: what reaches the chat, and what each way of failing means for it."""

import pytest

from contracts.rigs.telegram import Rig, rig_over
from core.errors import (
    AdapterError,
    ChatGone,
    DeliveryUnknown,
    MarkupRefused,
    MessageGone,
    PlatformBusy,
    PlatformDown,
    PlatformRefusedUs,
)
from core.values import Address, Page
from simulators.telegram import Fault, Refused, bad_markup, blocked, cut, garbage, hang, refuse, server_error, too_many
from simulators.telegram.faults import Answer


async def send(rig: Rig, text: str = "hello", *, to: Address | None = None) -> str:
    """Send one page."""
    return await rig.adapter.put(to or rig.to, rig.pages(text)[0], slot="s.0", was=None)


async def edit(rig: Rig, was: str, text: str) -> str:
    """Edit a message."""
    return await rig.adapter.put(rig.to, rig.pages(text)[0], slot="s.0", was=was)


async def take_back(rig: Rig, was: str | None) -> str:
    """Delete a message."""
    return await rig.adapter.put(rig.to, None, slot="s.0", was=was)


async def failing(rig: Rig, method: str, fault: Fault) -> AdapterError:
    """What a call raises when it goes wrong so."""
    was = None if method == "sendMessage" else await send(rig, "before")
    rig.telegram.fail(method, fault)
    page = None if method == "deleteMessage" else rig.pages("after")[0]
    with pytest.raises(AdapterError) as caught:
        await rig.adapter.put(rig.to, page, slot="s.0", was=was)
    return caught.value


async def test_markdown_arrives_as_text_and_entities(rig: Rig) -> None:
    """What is sent needs no parsing there, so no character in it can break it."""
    await send(rig, "**bold** and _half")
    (shown,) = rig.telegram.chat(42).replies()
    assert shown.text == "bold and _half"
    assert [(entity["type"], entity["offset"], entity["length"]) for entity in shown.entities] == [("bold", 0, 4)]


async def test_a_filled_slot_is_edited_in_place(rig: Rig) -> None:
    """An edit keeps the message's id, and nobody is notified twice."""
    first = await send(rig, "one")
    assert await edit(rig, first, "two") == first
    assert rig.screen() == ("two",)


async def test_an_edit_that_changes_nothing_is_no_error(rig: Rig) -> None:
    """The platform refuses such an edit, but the message reads as it should."""
    first = await send(rig, "same")
    assert await edit(rig, first, "same") == first


async def test_a_page_taken_back_disappears(rig: Rig) -> None:
    """None takes a message back; where there never was one there is nothing to do."""
    assert await take_back(rig, await send(rig)) == "1"
    assert await take_back(rig, None) == ""
    assert rig.screen() == ()


async def test_what_is_gone_cannot_be_edited_or_taken_back(rig: Rig) -> None:
    """The core then says it anew, or forgets it."""
    was = await send(rig)
    await take_back(rig, was)
    with pytest.raises(MessageGone):
        await edit(rig, was, "too late")
    with pytest.raises(MessageGone):
        await take_back(rig, was)


async def test_an_answer_stays_in_its_topic(rig: Rig) -> None:
    """The thread of the address is honoured by messages, drafts and typing alike."""
    group = rig.telegram.group(-100_7, topics={9: "Plans"})
    to = rig.to_group(group.id, thread="9")
    await send(rig, to=to)
    await rig.adapter.signal(to, "typing", slot="s")
    assert [shown.thread for shown in group.replies()] == [9]
    assert [call.params["message_thread_id"] for call in rig.telegram.calls] == [9, 9]


async def test_the_general_topic_is_not_named(rig: Rig) -> None:
    """Its messages carry the number 1, but sending there with it is refused."""
    group = rig.telegram.group(-100_7, topics={9: "Plans"})
    await send(rig, to=rig.to_group(group.id, thread="1"))
    assert [shown.thread for shown in group.replies()] == [None]


async def test_a_group_that_moved_is_followed(rig: Rig) -> None:
    """A group that became a supergroup has a new id; the answer arrives there, once, and so does the next."""
    old, new = rig.telegram.group(-7), rig.telegram.group(-100_8)
    old.migrated_to = new.id
    await send(rig, "one", to=rig.to_group(old.id))
    await send(rig, "two", to=rig.to_group(old.id))
    assert [shown.text for shown in new.replies()] == ["one", "two"]
    assert len(rig.telegram.calls) == 3


@pytest.mark.parametrize(
    "method, fault, kind",
    [
        ("sendMessage", server_error(502), PlatformDown),
        ("sendMessage", server_error(500, html=False), PlatformDown),
        ("sendMessage", cut(), DeliveryUnknown),
        ("sendMessage", cut(after=True), DeliveryUnknown),
        ("sendMessage", garbage(), DeliveryUnknown),
        ("sendMessage", hang(), DeliveryUnknown),
        ("editMessageText", cut(), PlatformDown),
        ("editMessageText", cut(after=True), PlatformDown),
        ("editMessageText", garbage(), PlatformDown),
        ("editMessageText", hang(), PlatformDown),
        ("deleteMessage", cut(after=True), PlatformDown),
        ("sendMessage", bad_markup(), MarkupRefused),
        ("editMessageText", bad_markup(), MarkupRefused),
        ("sendMessage", refuse(Refused(400, "Bad Request: ENTITY_BOUNDS_INVALID")), MarkupRefused),
        ("sendMessage", refuse(Refused(400, "Bad Request: message is too long")), MarkupRefused),
        ("sendMessage", blocked(), ChatGone),
        ("sendMessage", refuse(Refused(400, "Bad Request: chat not found")), ChatGone),
        ("sendMessage", refuse(Refused(403, "Forbidden: user is deactivated")), ChatGone),
        ("editMessageText", refuse(Refused(400, "Bad Request: message can't be edited")), MessageGone),
        ("deleteMessage", refuse(Refused(400, "Bad Request: message can't be deleted")), MessageGone),
        ("sendMessage", refuse(Refused(401, "Unauthorized")), PlatformRefusedUs),
        ("sendMessage", refuse(Refused(413, "Request Entity Too Large")), AdapterError),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else None,
)
async def test_each_failure_is_named_by_what_to_do_about_it(
    rig: Rig, method: str, fault: Fault, kind: type[AdapterError]
) -> None:
    """Sending twice is worse than not knowing; editing or deleting twice does no harm and is simply done again."""
    assert type(await failing(rig, method, fault)) is kind


async def test_without_a_connection_nothing_was_sent() -> None:
    """A platform that cannot be reached certainly did not hear us."""
    async with rig_over("http://127.0.0.1:9") as adapter:
        to = Address(adapter="telegram", chat="42")
        with pytest.raises(PlatformDown):
            await adapter.put(to, Page(body='{"text": "hello"}', form="plain"), slot="s", was=None)


async def test_a_success_without_a_message_is_not_taken_for_one(rig: Rig) -> None:
    """Some proxies answer 200 to everything; without a message id nobody knows what happened."""
    empty = Fault(name="empty", answer=Answer(status=200, body=b'{"ok": true, "result": true}'))
    assert isinstance(await failing(rig, "sendMessage", empty), DeliveryUnknown)


async def test_a_request_to_wait_says_how_long_and_holds_up_only_the_chat(rig: Rig) -> None:
    """The governor heeds it; one busy chat does not silence the others."""
    busy = await failing(rig, "sendMessage", too_many(7))
    assert isinstance(busy, PlatformBusy)
    assert (busy.retry_after_s, busy.reach) == (7, "chat")


async def test_a_request_to_wait_in_the_midst_of_many_calls_holds_up_the_bot(rig: Rig) -> None:
    """The platform does not say which limit was hit; near its limit for the whole bot, it is that one."""
    for _ in range(25):
        await rig.adapter.signal(rig.to, "typing", slot="s")
    busy = await failing(rig, "sendMessage", too_many(3))
    assert isinstance(busy, PlatformBusy)
    assert busy.reach == "bot"


async def test_in_a_group_only_the_group_has_to_wait(rig: Rig) -> None:
    """Groups have a limit of their own, far below the bot's."""
    to = rig.to_group(rig.telegram.group(-100_9).id)
    for _ in range(25):
        await rig.adapter.signal(to, "typing", slot="s")
    rig.telegram.fail("sendMessage", too_many(3))
    with pytest.raises(PlatformBusy) as caught:
        await send(rig, to=to)
    assert caught.value.reach == "chat"


async def test_a_draft_is_shown_with_its_markup_and_replaced_by_the_next(rig: Rig) -> None:
    """A slot has one draft, which reads like the message it will become and leaves nothing behind."""
    for text in ("**so**", "**so far**"):
        await rig.adapter.signal(rig.to, rig.pages(text)[0], slot="slot")
    first, second = rig.telegram.calls_of("sendMessageDraft")
    assert first.params["draft_id"] == second.params["draft_id"] != 0
    assert second.params["text"] == "so far"
    assert second.params["entities"][0]["type"] == "bold"
    assert rig.screen() == ()


async def test_a_draft_with_nothing_to_say_yet_is_the_platforms_own_placeholder(rig: Rig) -> None:
    """An empty draft shows "Thinking…" in the person's own language."""
    await rig.adapter.signal(rig.to, rig.pages("")[0], slot="slot")
    assert rig.telegram.calls[-1].params["text"] == ""


async def test_a_server_without_drafts_is_asked_once(rig: Rig) -> None:
    """One's own server may be older; then answers are shown by editing, from the first refusal on."""
    assert rig.adapter.capabilities(rig.to).preview == "draft"
    rig.telegram.world.drafts = False
    for _ in range(2):
        await rig.adapter.signal(rig.to, rig.pages("so far")[0], slot="slot")
    assert len(rig.telegram.calls_of("sendMessageDraft")) == 1
    assert rig.adapter.capabilities(rig.to).preview == "edit"


async def test_typing_is_shown_and_seen_does_nothing(rig: Rig) -> None:
    """Bots have no read marks."""
    await rig.adapter.signal(rig.to, "typing", slot="s")
    await rig.adapter.signal(rig.to, "seen", slot="s")
    assert [(call.method, call.params["action"]) for call in rig.telegram.calls] == [("sendChatAction", "typing")]


async def test_groups_are_spoken_to_more_slowly(rig: Rig) -> None:
    """A group takes 20 calls a minute, edits included, and has no drafts."""
    private, group = rig.adapter.capabilities(rig.to), rig.adapter.capabilities(rig.to_group(-5))
    assert group.preview == "edit"
    assert group.rest_s >= 3 > private.rest_s
    assert group.preview_every_s >= 3
    assert private.forms == group.forms == ("rich", "entities", "plain")
