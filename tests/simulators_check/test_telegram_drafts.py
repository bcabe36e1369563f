"""Drafts: passing previews that fade by themselves and give way to the message."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from telegram import Bot
from telegram.error import BadRequest

from simulators.telegram import TelegramSimulator


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """The clock that the simulated Telegram goes by in these checks."""
    return Clock()


@pytest.fixture
async def telegram(clock: Clock) -> AsyncIterator[TelegramSimulator]:
    """A simulated Telegram on that clock."""
    async with TelegramSimulator(clock=clock) as simulator:
        simulator.chat(42)
        yield simulator


async def test_a_draft_fades_unless_it_is_refreshed(telegram: TelegramSimulator, bot: Bot, clock: Clock) -> None:
    """A draft is shown for 30 seconds after its last refresh."""
    await bot.send_message_draft(42, 1, "Hel")
    clock.now += 29
    await bot.send_message_draft(42, 1, "Hello")
    clock.now += 29
    (shown,) = telegram.chat(42).visible()
    assert (shown.kind, shown.text, shown.draft_id) == ("draft", "Hello", 1)
    assert telegram.chat(42).replies() == ()
    clock.now += 2
    assert telegram.chat(42).visible() == ()


async def test_a_message_takes_the_drafts_place(telegram: TelegramSimulator, bot: Bot) -> None:
    """When the bot sends a message, its draft in that chat is gone."""
    await bot.send_message_draft(42, 1, "Hel")
    await bot.send_message(42, "Hello")
    assert [(m.kind, m.text) for m in telegram.chat(42).visible()] == [("text", "Hello")]
    assert [draft.content["text"] for draft in telegram.chat(42).draft_log] == ["Hel"]


async def test_a_draft_may_be_empty_or_rich(telegram: TelegramSimulator, bot: Bot) -> None:
    """An empty draft is the thinking placeholder, and a rich one may hold a thinking block."""
    await bot.send_message_draft(42, 1, "")
    assert telegram.chat(42).visible()[0].text == ""
    rich = {"html": "<tg-thinking>hm</tg-thinking><p>so</p>"}
    await bot.do_api_request("sendRichMessageDraft", {"chat_id": 42, "draft_id": 1, "rich_message": rich})
    assert telegram.chat(42).visible()[0].text == "hm\nso"
    with pytest.raises(BadRequest, match="only in drafts"):
        await bot.do_api_request("sendRichMessage", {"chat_id": 42, "rich_message": rich})


async def test_drafts_are_for_private_chats_and_have_an_id(telegram: TelegramSimulator, bot: Bot) -> None:
    """A draft in a group, or one without an id, is refused."""
    telegram.group(-1001)
    with pytest.raises(BadRequest, match="private chats"):
        await bot.send_message_draft(-1001, 1, "x")
    with pytest.raises(BadRequest, match="non-zero"):
        await bot.send_message_draft(42, 0, "x")
    assert len(telegram.violations) == 2
