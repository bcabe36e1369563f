"""What the simulated Telegram does on its bad days, as python-telegram-bot meets it."""

from __future__ import annotations

import asyncio

import pytest
from telegram import Bot, Message
from telegram.error import BadRequest, Forbidden, NetworkError, RetryAfter, TelegramError, TimedOut

from simulators.telegram import (
    Call,
    Fault,
    FloodLimits,
    TelegramSimulator,
    bad_markup,
    blocked,
    cut,
    delay,
    garbage,
    hang,
    server_error,
    too_many,
)

GROUP = -1001234567890


def texts(telegram: TelegramSimulator, chat_id: int = 42) -> list[str]:
    """Return what stands on the screen."""
    return [message.text for message in telegram.chat(chat_id).visible()]


@pytest.mark.parametrize(
    "fault,error,shown",
    [
        (too_many(3), RetryAfter, False),
        (server_error(502), NetworkError, False),
        (server_error(500, html=False), NetworkError, False),
        (cut(), NetworkError, False),
        (cut(after=True), NetworkError, True),
        (garbage(), TelegramError, True),
        (garbage(after=False), TelegramError, False),
        (bad_markup(), BadRequest, False),
        (blocked(), Forbidden, False),
    ],
    ids=lambda value: getattr(value, "name", None),
)
async def test_a_fault_strikes_once_before_or_after_the_effect(
    telegram: TelegramSimulator, bot: Bot, fault: Fault, error: type[TelegramError], shown: bool
) -> None:
    """A fault makes its call fail, with or without the effect, and the next call works."""
    rule = telegram.fail("sendMessage", fault)
    with pytest.raises(error):
        await bot.send_message(42, "first")
    assert texts(telegram) == (["first"] if shown else [])
    await bot.send_message(42, "second")
    assert rule.hits == 1
    first, second = telegram.calls_of("sendMessage")
    assert first.fault == fault.name
    assert (first.accepted_at is not None) == shown
    assert second.accepted_at is not None
    assert second.answered_at is not None
    assert second.received_at <= second.accepted_at <= second.answered_at


async def test_retry_after_says_how_long(telegram: TelegramSimulator, bot: Bot) -> None:
    """A 429 carries the seconds to wait."""
    telegram.fail("sendMessage", too_many(17))
    with pytest.raises(RetryAfter) as caught:
        await bot.send_message(42, "hi")
    assert caught.value._retry_after.total_seconds() == 17


async def test_an_answer_can_be_late_or_never_come(telegram: TelegramSimulator, bot: Bot) -> None:
    """A call that hangs took effect or not, as the fault says, and the simulator ends all the same."""
    telegram.fail("sendMessage", delay(0.05))
    await bot.send_message(42, "late")
    late = telegram.calls[-1]
    assert late.accepted_at is not None
    assert late.answered_at is not None
    assert late.answered_at - late.accepted_at >= 0.05
    telegram.fail("sendMessage", hang())
    telegram.fail("sendMessage", hang(after=False))
    for text in ("done", "lost"):
        with pytest.raises(TimedOut):
            await bot.send_message(42, text, read_timeout=0.1)
    assert texts(telegram) == ["late", "done"]


async def test_a_late_request_counts_although_its_sender_left(telegram: TelegramSimulator, bot: Bot) -> None:
    """What arrived whole takes effect even if the sender has stopped waiting."""
    telegram.fail("sendMessage", delay(0.1, after=False))
    with pytest.raises(TimedOut):
        await bot.send_message(42, "slow", read_timeout=0.05)
    assert texts(telegram) == []
    await telegram.until(lambda: texts(telegram) == ["slow"])


async def test_faults_choose_their_calls(telegram: TelegramSimulator, bot: Bot) -> None:
    """A rule can skip calls, look at them, strike by chance, and be taken back."""
    telegram.fail("sendMessage", too_many(), skip=1, when=lambda call: "x" in call.text)
    await bot.send_message(42, "x1")
    await bot.send_message(42, "y")
    with pytest.raises(RetryAfter):
        await bot.send_message(42, "x2")
    rule = telegram.fail("*", too_many(), times=None, probability=0.5)
    results = await asyncio.gather(*(bot.send_message(42, f"{i}") for i in range(40)), return_exceptions=True)
    assert rule.hits == sum(isinstance(result, RetryAfter) for result in results)
    assert 5 < rule.hits < 35
    rule.remove()
    assert isinstance(await bot.send_message(42, "fine"), Message)


async def test_a_download_can_fail_too(telegram: TelegramSimulator, bot: Bot) -> None:
    """File downloads are calls of their own, under the name file."""
    telegram.person(42).document(b"data")
    telegram.fail("file", server_error(502))
    document = (await bot.get_updates())[0].message
    assert document is not None
    assert document.document is not None
    file = await document.document.get_file()
    with pytest.raises(NetworkError):
        await file.download_as_bytearray()
    assert await file.download_as_bytearray() == b"data"


async def test_hooks_see_every_phase(telegram: TelegramSimulator, bot: Bot) -> None:
    """A call can be awaited at a phase, and a callback runs before the call goes on."""
    seen: list[str] = []
    telegram.on_call("sendMessage", "received").each(lambda call: seen.append(f"received {call.text}"))
    telegram.on_call("sendMessage", "accepted").each(lambda call: seen.append(f"accepted {call.text}"))
    telegram.on_call("sendMessage", "answered").each(lambda call: seen.append(f"answered {call.text}"))
    accepted = telegram.on_call("sendMessage", "accepted")
    await bot.send_message(42, "hi")
    call = await accepted
    assert (call.text, call.status) == ("hi", 200)
    assert seen == ["received hi", "accepted hi", "answered hi"]


async def test_a_call_can_be_held(telegram: TelegramSimulator, bot: Bot) -> None:
    """A held call stands at its phase until it is released; the ones after pass."""
    hold = telegram.hold("sendMessage", "accepted")
    sending = asyncio.create_task(bot.send_message(42, "one"))
    call: Call = await hold.reached()
    assert texts(telegram) == ["one"]
    await bot.send_message(42, "two")
    assert not sending.done()
    assert call.answered_at is None
    hold.release()
    assert (await sending).text == "one"


async def test_the_flood_governor_counts_what_comes_too_soon(telegram: TelegramSimulator, bot: Bot) -> None:
    """With the governor on a burst is let through, the rest is 429 until the wait is over, and each is recorded."""
    telegram.govern(FloodLimits(chat_per_s=20, chat_burst=3))
    for i in range(3):
        await bot.send_message(42, f"{i}")
    with pytest.raises(RetryAfter):
        await bot.send_message(42, "too soon")
    assert [v.limit for v in telegram.flood_violations] == ["chat"]
    await asyncio.sleep(0.06)
    await bot.send_message(42, "in time")
    assert texts(telegram) == ["0", "1", "2", "in time"]


async def test_groups_have_a_limit_a_minute(telegram: TelegramSimulator, bot: Bot) -> None:
    """A group takes its messages of one minute and no more, edits counted with them."""
    telegram.group(GROUP)
    telegram.govern(FloodLimits(chat_per_s=1000, group_per_min=3))
    sent = await bot.send_message(GROUP, "one")
    await bot.edit_message_text("two", GROUP, sent.message_id)
    await bot.send_message(GROUP, "three")
    with pytest.raises(RetryAfter) as caught:
        await bot.send_message(GROUP, "four")
    assert 1 <= caught.value._retry_after.total_seconds() <= 20
    assert telegram.flood_violations[0].limit == "group"
