"""The state of one simulated platform: its bots, people, chats, files and open button taps."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .calls import Call, Json, bad_request
from .chats import Chat
from .files import Files
from .inbox import Inbox


@dataclass(slots=True, eq=False)
class BotAccount:
    """One bot, as its token identifies it."""

    token: str
    user: Json
    inbox: Inbox
    private_mode: bool = False
    commands: list[Json] = field(default_factory=list)
    webhook: Json = field(default_factory=dict)
    message_ids: Iterator[int] = field(default_factory=lambda: itertools.count(1))

    @property
    def id(self) -> int:
        """Return the bot's user id."""
        return int(self.user["id"])

    @property
    def username(self) -> str:
        """Return the bot's username, without @."""
        return str(self.user["username"])


@dataclass(slots=True)
class Tap:
    """One press of an inline button; `answer` is what the bot answered it with, None so far."""

    id: str
    bot_id: int
    chat_id: int
    message_id: int
    data: str
    answer: Json | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Violation:
    """Something a bot sent that the published interface does not know or allow.

    `refused` tells whether the call was answered with an error for it.
    """

    call: int
    method: str
    detail: str
    refused: bool = False


class World:
    """Everything that is remembered between calls."""

    def __init__(self, clock: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time) -> None:
        self.clock = clock
        self.wall = wall
        self.bots: dict[str, BotAccount] = {}
        self.people: dict[int, Json] = {}
        self.files = Files()
        self.taps: dict[str, Tap] = {}
        self.violations: list[Violation] = []
        self.rich = True
        self.drafts = True
        self._chats: dict[tuple[int, int], Chat] = {}
        self._ids = itertools.count(1)

    def next_id(self) -> int:
        """Return a number that this world has not given out before."""
        return next(self._ids)

    def add_bot(self, token: str, *, username: str = "", privacy: bool = False) -> BotAccount:
        """Register a bot; its id is the number before the token's colon."""
        bot_id = int(token.split(":", 1)[0])
        user: Json = {
            "id": bot_id,
            "is_bot": True,
            "first_name": "Simulated bot",
            "username": username or f"sim{bot_id}_bot",
            "can_join_groups": True,
            "can_read_all_group_messages": not privacy,
            "supports_inline_queries": False,
            "can_connect_to_business": False,
            "has_main_web_app": False,
        }
        bot = BotAccount(token, user, Inbox(700_000_001 + 1000 * len(self.bots)), private_mode=privacy)
        self.bots[token] = bot
        return bot

    def bot(self, token_or_username: str | None = None) -> BotAccount:
        """Return a bot by token or username, or the first one.

        Raises:
            LookupError: If there is none.
        """
        for bot in self.bots.values():
            if token_or_username in (None, bot.token, bot.username):
                return bot
        raise LookupError(f"no bot {token_or_username!r}; add one with add_bot(token)")

    def private_chat(self, bot: BotAccount, user: Json) -> Chat:
        """Return the chat of one person with one bot, opening it on first use."""
        key = (bot.id, int(user["id"]))
        if key not in self._chats:
            facts: Json = {k: user[k] for k in ("id", "first_name", "last_name", "username") if k in user}
            chat = Chat({**facts, "type": "private"}, self.clock, lambda: next(bot.message_ids))
            chat.members[key[1]] = user
            self._chats[key] = chat
        return self._chats[key]

    def add_group(self, chat_id: int, title: str, *, forum: bool = False) -> Chat:
        """Open a supergroup that all bots are in."""
        facts: Json = {"id": chat_id, "title": title, "type": "supergroup"}
        if forum:
            facts["is_forum"] = True
        numbers = itertools.count(1)
        self._chats[0, chat_id] = Chat(facts, self.clock, lambda: next(numbers))
        return self._chats[0, chat_id]

    def chat(self, bot_id: int, chat_id: int) -> Chat | None:
        """Return the chat that a bot means by this id."""
        return self._chats.get((bot_id if chat_id > 0 else 0, chat_id))

    def chats(self) -> tuple[Chat, ...]:
        """Return every chat."""
        return tuple(self._chats.values())

    def chat_for(self, bot: BotAccount, call: Call) -> Chat:
        """Return the chat that a call is about.

        Raises:
            Refused: When it names none, or one that the bot does not know.
        """
        wanted = call.params.get("chat_id")
        if wanted in (None, ""):
            raise bad_request("chat_id is empty")
        if isinstance(wanted, str) and wanted.startswith("@"):
            for chat in self._chats.values():
                if chat.facts.get("username") == wanted[1:] and not chat.private:
                    return chat
        found = self.chat(bot.id, wanted) if isinstance(wanted, int) else None
        if found is None:
            raise bad_request("chat not found")
        return found

    def violate(self, call: Call, detail: str, *, refused: bool = False) -> None:
        """Record that a call broke a published rule."""
        self.violations.append(Violation(call=call.number, method=call.method, detail=detail, refused=refused))
