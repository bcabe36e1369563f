"""Where only the place of an answer is gone (its topic, what it replies to, a kind of preview), the answer is not."""

import pytest

from contracts.rigs.telegram import Rig
from core.errors import ChatGone
from core.values import Address
from simulators.telegram import Call, Refused, refuse

GROUP = -1001000000001
TOPIC = Address(adapter="telegram", chat=str(GROUP), thread="7", private=False)
GONE = ["message thread not found", "TOPIC_DELETED", "TOPIC_ID_INVALID"]
CLOSED = ["TOPIC_CLOSED", "message thread is closed"]


def in_topic(call: Call) -> bool:
    """Whether a call names the topic."""
    return "message_thread_id" in call.params


async def say(rig: Rig, text: str, to: Address = TOPIC) -> str:
    """Say something there."""
    return await rig.adapter.put(to, rig.pages(text)[0], slot="s.0", was=None)


@pytest.mark.parametrize("refusal", [*GONE, *CLOSED])
async def test_an_answer_in_a_topic_that_is_gone_goes_to_the_chat_itself(rig: Rig, refusal: str) -> None:
    """And the next one goes there at once, without being refused first."""
    rig.telegram.group(GROUP, topics={7: "Tea"})
    rule = rig.telegram.fail("*", refuse(Refused(400, f"Bad Request: {refusal}")), times=None, when=in_topic)
    await say(rig, "one")
    await say(rig, "two")
    assert [shown.text for shown in rig.telegram.chat(GROUP).replies()] == ["one", "two"]
    assert rule.hits == 1


async def test_what_answers_a_message_that_is_gone_answers_nothing(rig: Rig) -> None:
    """It is said all the same."""
    said = rig.telegram.person(42).say("hello")
    asked = Address(adapter="telegram", chat="42", handle=f"42/{said.message_id}/")
    gone = refuse(Refused(400, "Bad Request: message to be replied not found"))
    rig.telegram.fail("sendMessage", gone, when=lambda call: "reply_parameters" in call.params)
    await say(rig, "here you are", asked)
    assert [shown.text for shown in rig.telegram.chat(42).replies()] == ["here you are"]


async def test_a_chat_that_is_gone_is_gone(rig: Rig) -> None:
    """There is no other place to say it."""
    rig.telegram.group(GROUP, topics={7: "Tea"})
    rig.telegram.fail("*", refuse(Refused(400, "Bad Request: chat not found")), times=None)
    with pytest.raises(ChatGone):
        await say(rig, "one")


async def test_a_chat_that_takes_no_drafts_is_shown_edits_from_then_on(rig: Rig) -> None:
    """Other chats keep their drafts."""
    refused = refuse(Refused(400, "Bad Request: TEXTDRAFT_PEER_INVALID"))
    rig.telegram.fail("sendMessageDraft", refused, times=None, when=lambda call: call.chat_id == 42)
    assert rig.adapter.capabilities(rig.to).preview == "draft"
    await rig.adapter.signal(rig.to, rig.pages("so far")[0], slot="s.0")
    assert rig.adapter.capabilities(rig.to).preview == "edit"
    assert rig.adapter.capabilities(Address(adapter="telegram", chat="43")).preview == "draft"
