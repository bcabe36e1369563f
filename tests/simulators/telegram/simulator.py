"""The whole simulated Telegram in one object: start it, be its people, watch its chats, break it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from types import TracebackType
from typing import Self, TypeVar, Unpack

from aiohttp import web

from ..waiting import until  # noqa: TID252 - the folder above is a plain folder of simulators
from .calls import Call, Hook, Hooks, Json, Phase
from .chats import Button, Chat
from .control import Control
from .faults import Fault, Faults, Rule
from .flood import FloodLimits, FloodViolation, Governor
from .holds import Hold
from .inbox import Inbox
from .people import Options, Person, Said
from .server import BotApiServer
from .spec import Spec
from .webhooks import WebhookPusher
from .world import BotAccount, Tap, Violation, World

T = TypeVar("T")
TOKEN = "700001:simulated-token-for-loopback-only"


class TelegramSimulator:
    """A Bot API server on loopback.

    Use it as an async context manager; `base_url` is then where it listens. Times are `clock` seconds.

    Args:
        tokens: The bots it knows, each by its token ("<id>:<secret>").
        host: The address to listen on.
        port: The port; 0 takes a free one.
        rich: Whether it has sendRichMessage and its draft; without, they answer 404.
        clock: The monotonic clock; tests may move it by hand to let drafts fade.
        wall: The clock for `date` fields.
        webhook_retry_s: The first pause before a webhook delivery is tried again.
        seed: Makes faults with a probability repeatable.
        control: Whether another process may steer it: `POST /control/<verb>`, see `control`.
    """

    def __init__(
        self,
        *tokens: str,
        host: str = "127.0.0.1",
        port: int = 0,
        rich: bool = True,
        clock: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        webhook_retry_s: float = 0.2,
        seed: int = 0,
        control: bool = False,
    ) -> None:
        self.world = World(clock, wall)
        self.world.rich = rich
        self.faults = Faults(seed)
        self.hooks = Hooks()
        self.server = BotApiServer(self.world, self.faults, self.hooks, Spec.load())
        self.pushers: dict[str, WebhookPusher] = {}
        self._host = host
        self._port = port
        self._retry_s = webhook_retry_s
        self._control = control
        self._runner: web.AppRunner | None = None
        self._pushing: list[asyncio.Task[None]] = []
        for token in tokens or (TOKEN,):
            self.world.add_bot(token)

    async def __aenter__(self) -> Self:
        app = self.server.app()
        if self._control:
            Control(self).add_to(app)
        self._runner = web.AppRunner(app, handler_cancellation=True, access_log=None, shutdown_timeout=0.2)
        await self._runner.setup()
        site = web.TCPSite(self._runner, self._host, self._port, backlog=1024)
        await site.start()
        self._port = int(self._runner.addresses[0][1])
        for bot in self.world.bots.values():
            self._push(bot)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in self._pushing:
            task.cancel()
        await asyncio.gather(*self._pushing, return_exceptions=True)
        await self.server.close()
        if self._runner is not None:
            await self._runner.cleanup()

    @property
    def base_url(self) -> str:
        """Return where it listens: "http://127.0.0.1:<port>", to stand for https://api.telegram.org."""
        return f"http://{self._host}:{self._port}"

    @property
    def token(self) -> str:
        """Return the first bot's token."""
        return self.world.bot().token

    @property
    def calls(self) -> list[Call]:
        """Return every call so far, in order of arrival."""
        return self.server.calls

    def calls_of(self, *methods: str) -> list[Call]:
        """Return the calls of these methods."""
        wanted = {method.lower() for method in methods}
        return [call for call in self.calls if call.method.lower() in wanted]

    @property
    def violations(self) -> list[Violation]:
        """Return what bots sent that the published interface does not know or allow."""
        return self.world.violations

    @property
    def flood_violations(self) -> list[FloodViolation]:
        """Return the calls that came too soon while the flood governor was on."""
        return [] if self.server.governor is None else self.server.governor.violations

    def govern(self, limits: FloodLimits | None = None) -> Governor:
        """Switch the flood governor on, with real-like limits or these."""
        self.server.governor = Governor(limits or FloodLimits())
        return self.server.governor

    def add_bot(self, token: str, *, username: str = "", privacy: bool = False) -> BotAccount:
        """Add a bot, also while running."""
        bot = self.world.add_bot(token, username=username, privacy=privacy)
        if self._runner is not None:
            self._push(bot)
        return bot

    def inbox(self, bot: str | None = None) -> Inbox:
        """Return a bot's queue of unconfirmed updates."""
        return self.world.bot(bot).inbox

    def person(
        self, user_id: int, first_name: str = "", *, last_name: str = "", username: str = "", language_code: str = "en"
    ) -> Person:
        """Return a person, making them known on first use."""
        if user_id not in self.world.people:
            user: Json = {"id": user_id, "is_bot": False, "first_name": first_name or f"Person {user_id}"}
            more = {"last_name": last_name, "username": username, "language_code": language_code}
            self.world.people[user_id] = user | {k: v for k, v in more.items() if v}
        return Person(self.world, self.world.people[user_id])

    def group(
        self, chat_id: int = -1001000000001, title: str = "Group", *, topics: dict[int, str] | None = None
    ) -> Chat:
        """Open a supergroup that all bots are in; with `topics` (thread id to name) it is a forum."""
        chat = self.world.add_group(chat_id, title, forum=topics is not None)
        chat.topics.update(topics or {})
        for bot in self.world.bots.values():
            chat.members[bot.id] = bot.user
        return chat

    def chat(self, chat_id: int, bot: str | None = None) -> Chat:
        """Return a chat as its people see it; a private one is opened if need be.

        Raises:
            LookupError: If there is no such group.
        """
        account = self.world.bot(bot)
        if chat_id > 0:
            return self.world.private_chat(account, self.person(chat_id).user)
        chat = self.world.chat(account.id, chat_id)
        if chat is None:
            raise LookupError(f"no group {chat_id}; open it with group()")
        return chat

    def say(self, chat_id: int, text: str, *, user: int | None = None, **options: Unpack[Options]) -> Said:
        """Let a person say something in a chat; in a private chat that person is the chat's."""
        return self._speaker(chat_id, user, options).say(text, **options)

    def edit(self, chat_id: int, message_id: int, text: str, *, user: int | None = None) -> Said:
        """Let a person change what they said."""
        options = Options()
        return self._speaker(chat_id, user, options).edit(message_id, text, **options)

    def tap(self, chat_id: int, message_id: int, button: str | int | Button, *, user: int | None = None) -> Tap:
        """Let a person press a button under a bot's message."""
        options = Options()
        return self._speaker(chat_id, user, options).tap(message_id, button, **options)

    def inject(self, update: Json, bot: str | None = None) -> int:
        """Queue any update as it is; without an update_id it gets the next one."""
        return self.inbox(bot).put_raw(update)

    def on_call(self, method: str, phase: Phase) -> Hook:
        """Look out for calls reaching a phase: await the hook for the next one, or run a callback for `each`."""
        return self.hooks.on(method, phase)

    def hold(self, method: str, phase: Phase, *, times: int = 1) -> Hold:
        """Keep calls of a method standing at a phase until they are released."""
        return Hold(self.hooks, method, phase, times=times)

    async def until(self, condition: Callable[[], T], *, timeout_s: float = 10.0) -> T:
        """Wait until a condition is true and return what it returned.

        Raises:
            TimeoutError: If it is still false after `timeout_s` seconds.
        """
        return await until(condition, timeout_s=timeout_s)

    def fail(
        self,
        method: str,
        fault: Fault,
        *,
        times: int | None = 1,
        probability: float = 1.0,
        when: Callable[[Call], bool] | None = None,
        skip: int = 0,
    ) -> Rule:
        """Let calls of a method go wrong; see `Faults.add`."""
        return self.faults.add(method, fault, times=times, probability=probability, when=when, skip=skip)

    def _speaker(self, chat_id: int, user: int | None, options: Options) -> Person:
        if chat_id > 0:
            return self.person(user or chat_id)
        options["chat"] = chat_id
        if user is None:
            raise LookupError("who speaks in the group? give user=")
        return self.person(user)

    def _push(self, bot: BotAccount) -> None:
        pusher = WebhookPusher(self.world, bot, self.server.call_method, retry_s=self._retry_s)
        self.pushers[bot.token] = pusher
        self._pushing.append(asyncio.create_task(pusher.run()))
