"""How a bot gets its updates: the queue's own rules, by long poll and by webhook."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from telegram import Bot, Update
from telegram.error import BadRequest, Conflict

from simulators.telegram import TelegramSimulator


def ids(updates: tuple[Update, ...]) -> list[int]:
    """Return the updates' ids."""
    return [update.update_id for update in updates]


async def test_unconfirmed_updates_come_again(telegram: TelegramSimulator, bot: Bot) -> None:
    """Updates come again until a higher offset confirms all before it."""
    said = [telegram.say(42, f"{i}").update_id or 0 for i in range(3)]
    assert ids(await bot.get_updates()) == said
    assert ids(await bot.get_updates()) == said
    assert ids(await bot.get_updates(offset=said[1])) == said[1:]
    assert ids(await bot.get_updates(offset=said[2] + 1)) == []
    assert ids(await bot.get_updates()) == []


async def test_a_negative_offset_keeps_only_the_newest(telegram: TelegramSimulator, bot: Bot) -> None:
    """An offset of -1 returns the last update and forgets all before it."""
    said = [telegram.say(42, f"{i}").update_id or 0 for i in range(3)]
    assert ids(await bot.get_updates(offset=-1)) == said[2:]
    assert ids(await bot.get_updates()) == said[2:]


async def test_a_poll_returns_at_most_its_limit(telegram: TelegramSimulator, bot: Bot) -> None:
    """A poll returns 1 to 100 updates, as its limit says."""
    for i in range(120):
        telegram.say(42, f"{i}")
    assert len(await bot.get_updates(limit=7)) == 7
    assert len(await bot.get_updates()) == 100


async def test_a_long_poll_ends_when_something_comes(telegram: TelegramSimulator, bot: Bot) -> None:
    """A long poll waits, and returns as soon as there is an update."""
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await telegram.until(lambda: telegram.calls)
    await asyncio.sleep(0.02)
    assert not poll.done()
    said = telegram.say(42, "now")
    assert ids(await poll) == [said.update_id]


async def test_a_second_poll_ends_the_first_with_a_conflict(telegram: TelegramSimulator, bot: Bot) -> None:
    """Of two polls at once the older ends with 409, and the newer gets the updates."""
    first = asyncio.create_task(bot.get_updates(timeout=20))
    await telegram.until(lambda: telegram.calls)
    second = asyncio.create_task(bot.get_updates(timeout=20))
    with pytest.raises(Conflict, match="terminated by other getUpdates request"):
        await first
    said = telegram.say(42, "hi")
    assert ids(await second) == [said.update_id]
    assert telegram.inbox().conflicts == 1


async def test_a_poll_ends_with_its_connection(telegram: TelegramSimulator, bot: Bot) -> None:
    """A poll whose connection is gone takes nothing and conflicts with nobody."""
    poll = asyncio.create_task(bot.get_updates(timeout=20))
    await telegram.until(lambda: telegram.calls)
    poll.cancel()
    await asyncio.sleep(0.05)
    said = telegram.say(42, "hi")
    assert ids(await bot.get_updates()) == [said.update_id]
    assert telegram.inbox().conflicts == 0


async def test_a_webhook_excludes_polling(telegram: TelegramSimulator, bot: Bot) -> None:
    """While a webhook is set a poll is a 409; deleting it can drop what was pending."""
    telegram.say(42, "hi")
    await bot.set_webhook("http://127.0.0.1:9/hook")
    with pytest.raises(Conflict, match="while webhook is active"):
        await bot.get_updates()
    assert (await bot.get_webhook_info()).pending_update_count == 1
    await bot.delete_webhook(drop_pending_updates=True)
    assert await bot.get_updates() == ()


async def test_a_webhook_elsewhere_needs_https(bot: Bot) -> None:
    """Only loopback may be reached without https."""
    with pytest.raises(BadRequest, match=r"(?i)HTTPS URL must be provided"):
        await bot.set_webhook("http://example.org/hook")


async def test_only_kinds_that_were_asked_for_are_queued(telegram: TelegramSimulator, bot: Bot) -> None:
    """allowed_updates holds for later updates, lasts over calls, and an empty list means the default kinds."""
    alice = telegram.person(42)
    said = alice.say("one")
    assert alice.react(said.message_id, "👍").update_id is None
    await bot.get_updates(allowed_updates=["message_reaction"])
    await bot.get_updates()
    assert alice.say("two").update_id is None
    assert alice.react(said.message_id, "🔥").update_id is not None
    reaction = (await bot.get_updates(allowed_updates=[]))[-1].message_reaction
    assert reaction is not None
    assert alice.say("three").update_id is not None


class Hook:
    """A webhook that fails as often as it is told to."""

    def __init__(self) -> None:
        self.seen: list[tuple[int, str | None]] = []
        self.failures = 0
        self.url = ""
        self.reply: dict[str, object] = {}

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        self.seen.append((body["update_id"], request.headers.get("X-Telegram-Bot-Api-Secret-Token")))
        if self.failures:
            self.failures -= 1
            return web.Response(status=500)
        return web.json_response(self.reply)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    """A webhook on loopback."""
    found = Hook()
    app = web.Application()
    app.router.add_post("/hook", found.handle)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    found.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield found
    await runner.cleanup()


async def test_a_webhook_is_tried_until_it_takes_the_update(telegram: TelegramSimulator, bot: Bot, hook: Hook) -> None:
    """A failed delivery is repeated, in order within a chat, with the secret in its header."""
    hook.failures = 2
    await bot.set_webhook(hook.url, secret_token="hush")
    first, second = telegram.say(42, "one").update_id, telegram.say(42, "two").update_id
    await telegram.until(lambda: not telegram.inbox().pending)
    assert [update_id for update_id, _ in hook.seen] == [first, first, first, second]
    assert {secret for _, secret in hook.seen} == {"hush"}
    assert "500" in str((await bot.get_webhook_info()).last_error_message)


async def test_chats_do_not_wait_for_each_other(telegram: TelegramSimulator, bot: Bot, hook: Hook) -> None:
    """While one chat's delivery is being repeated another chat's goes through."""
    hook.failures = 1
    await bot.set_webhook(hook.url)
    slow, quick = telegram.say(42, "one").update_id, telegram.say(43, "two").update_id
    await telegram.until(lambda: not telegram.inbox().pending)
    assert [update_id for update_id, _ in hook.seen] == [slow, quick, slow]


async def test_a_webhook_may_answer_with_a_method(telegram: TelegramSimulator, bot: Bot, hook: Hook) -> None:
    """A method in the webhook's answer is called."""
    hook.reply = {"method": "sendMessage", "chat_id": 42, "text": "from the answer"}
    await bot.set_webhook(hook.url)
    telegram.say(42, "hi")
    await telegram.until(lambda: telegram.chat(42).replies())
    assert telegram.chat(42).replies()[0].text == "from the answer"
