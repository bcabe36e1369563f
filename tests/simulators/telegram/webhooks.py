"""Delivers updates to a bot's webhook: in order within a chat, again until they are answered with 2xx.

See https://core.telegram.org/bots/api#setwebhook.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import aiohttp

from .calls import Json
from .world import BotAccount, World

SECRET_HEADER = "X-Telegram-Bot-Api-Secret-Token"
_LONGEST_PAUSE_S = 60.0


class WebhookPusher:
    """The one who brings a bot its updates while it has a webhook.

    A webhook may answer with a method call in its body; `call_method` runs it, and its result goes nowhere.
    """

    def __init__(
        self,
        world: World,
        bot: BotAccount,
        call_method: Callable[[BotAccount, str, Json], Awaitable[Any]],
        *,
        retry_s: float,
    ) -> None:
        self._world = world
        self._bot = bot
        self._call_method = call_method
        self._retry_s = retry_s
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.attempts: list[tuple[float, int, int]] = []

    async def run(self) -> None:
        """Deliver until cancelled."""
        try:
            async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=60)) as session:
                while True:
                    self._start_ready(session)
                    self._bot.inbox.changed.clear()
                    await self._bot.inbox.changed.wait()
        finally:
            for task in self._tasks:
                task.cancel()

    def _start_ready(self, session: aiohttp.ClientSession) -> None:
        """Begin delivering every chat's oldest update that is not under way."""
        if not self._bot.inbox.webhook_url:
            return
        for update in self._bot.inbox.pending:
            if len(self._busy) >= self._bot.webhook.get("max_connections", 40):
                return
            lane = _lane(update)
            if lane in self._busy:
                continue
            self._busy.add(lane)
            task = asyncio.create_task(self._deliver(session, lane, update))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _deliver(self, session: aiohttp.ClientSession, lane: str, update: Json) -> None:
        pause = self._retry_s
        while self._bot.inbox.webhook_url and update in self._bot.inbox.pending:
            if await self._attempt(session, update):
                if update in self._bot.inbox.pending:
                    self._bot.inbox.pending.remove(update)
                break
            await asyncio.sleep(pause)
            pause = min(_LONGEST_PAUSE_S, 2 * pause)
        self._busy.discard(lane)
        self._bot.inbox.changed.set()

    async def _attempt(self, session: aiohttp.ClientSession, update: Json) -> bool:
        """Post one update; True if it was taken."""
        secret = self._bot.webhook.get("secret_token")
        headers = {SECRET_HEADER: secret} if secret else {}
        status = 0
        try:
            async with session.post(self._bot.inbox.webhook_url, json=update, headers=headers, ssl=False) as answer:
                status = answer.status
                body = await answer.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self._note_error(f"Connection failed: {error}")
            return False
        finally:
            self.attempts.append((self._world.clock(), int(update["update_id"]), status))
        if not 200 <= status < 300:
            self._note_error(f"Wrong response from the webhook: {status}")
            return False
        await self._reply(body)
        return True

    async def _reply(self, body: bytes) -> None:
        try:
            reply = json.loads(body)
        except ValueError:
            return
        if isinstance(reply, dict) and "method" in reply:
            method = str(reply.pop("method"))
            await self._call_method(self._bot, method, reply)

    def _note_error(self, text: str) -> None:
        self._bot.webhook |= {"last_error_date": int(self._world.wall()), "last_error_message": text}


def _lane(update: Json) -> str:
    """Return what keeps its order: the chat, or the update itself where there is none."""
    for payload in update.values():
        if isinstance(payload, dict):
            chat = payload.get("chat") or payload.get("message", {}).get("chat")
            if chat:
                return str(chat["id"])
    return f"update {update['update_id']}"
