"""The people: each asks in one chat, watches what it shows, and goes on when they have seen their answer.

They ask singly and in bursts, change a question while it is being answered, stop an answer, and give or refuse leave
for a note. They know nothing of kills: they only wait, and at some point give up.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from random import Random
from typing import TypeVar

from chaos.script import Kind, Question, end, plain
from core import phrases
from simulators.telegram import Chat, TelegramSimulator
from simulators.telegram.chats import Entry, buttons_of, text_of

T = TypeVar("T")

KINDS: dict[Kind, int] = {
    "plain": 46,
    "long": 7,
    "edit": 9,
    "stop": 8,
    "fumble": 14,
    "allow": 14,
    "deny": 2,
}
"""What is asked how often, out of 100."""
GROUP_KINDS: dict[Kind, int] = {"plain": 20, "slow": 60, "fumble": 20}
_BURST, _BURST_CHANCE = 3, 0.15
_STOPS = tuple(plain(text) for text in (phrases.STOPPED, phrases.STOPPED_MARK, phrases.NOTHING_RUNS))


class Asker:
    """One person in one chat.

    Args:
        number: The chat's number in labels.
        chat: Their private chat, or a group (where they name the bot).
        patience_s: How long they wait for an answer before they give it up.

    Attributes:
        asked: What they asked, in order; ``asked_at`` has the time of each in ``time.monotonic()`` seconds.
        given_up: What they waited for in vain; after that they ask no more.
    """

    def __init__(
        self, telegram: TelegramSimulator, number: int, chat: Chat, random: Random, *, patience_s: float
    ) -> None:
        self.number = number
        self.chat = chat
        self.asked: list[Question] = []
        self.asked_at: dict[str, float] = {}
        self.given_up: list[Question] = []
        self.news = asyncio.Event()
        self._random = random
        self._patience_s = patience_s
        self._person = telegram.person(chat.id if chat.private else 5000 + number, f"Person {number}")
        self._mention = "" if chat.private else f"@{telegram.world.bot().username} "
        self._kinds = KINDS if chat.private else GROUP_KINDS

    async def run(self, closing: asyncio.Event) -> None:
        """Ask at least once, and until it is closing time; what was asked by then is waited for."""
        await asyncio.sleep(self._random.uniform(0.0, 1.5))
        while not (closing.is_set() and self.asked) and not self.given_up:
            (kind,) = self._random.choices(tuple(self._kinds), tuple(self._kinds.values()))
            many = _BURST if kind == "plain" and self._random.random() < _BURST_CHANCE else 1
            said = [self._ask(kind) for _ in range(many)]
            for question, message in said:
                await self._meanwhile(question, message)
            for question, message in said:
                await self._wait_for(question, message)
            await asyncio.sleep(self._random.uniform(0.02, 0.6))

    def _ask(self, kind: Kind) -> tuple[Question, int]:
        question = Question(chat=self.number, number=len(self.asked) + 1, kind=kind)
        self.asked.append(question)
        self.asked_at[question.label] = time.monotonic()
        return question, self._say(question.said())

    def _say(self, text: str) -> int:
        return self._person.say(self._mention + text, chat=self.chat.id).message_id

    async def _meanwhile(self, question: Question, message: int) -> None:
        """What they do while it is being answered."""
        match question.kind:
            case "edit":
                await asyncio.sleep(self._random.uniform(0.05, 1.2))
                self._person.edit(message, question.said(edited=True))
            case "stop":
                await asyncio.sleep(self._random.uniform(0.05, 1.4))
                self._say("/stop")
            case "allow" | "deny":
                await self._tap(question, message)
            case _:
                pass

    async def _tap(self, question: Question, message: int) -> None:
        asked = await self._look(lambda: [entry for entry in self._since(message) if buttons_of(entry.raw)])
        if not asked:
            return
        await asyncio.sleep(self._random.uniform(0.02, 0.4))
        label = phrases.ALLOW if question.kind == "allow" else phrases.DENY
        for entry in self._since(message):
            if buttons_of(entry.raw):
                self._person.tap(int(entry.raw["message_id"]), label)
                return

    async def _wait_for(self, question: Question, message: int) -> None:
        def answered() -> bool:
            return _settled(question, [text_of(entry.raw) for entry in self._since(message)])

        if not await self._look(answered):
            self.given_up.append(question)

    def _since(self, message: int) -> list[Entry]:
        """What the bot has said since a message and still stands, the newest first."""
        found: list[Entry] = []
        for number, entry in reversed(self.chat.entries.items()):
            if number <= message:
                break
            if entry.bot_id is not None and entry.deleted_at is None:
                found.append(entry)
        return found

    async def _look(self, condition: Callable[[], T]) -> T | None:
        """Watch until there is something to be seen, or patience has run out."""
        until = time.monotonic() + self._patience_s
        while not (found := condition()):
            self.news.clear()
            left = until - time.monotonic()
            if left <= 0:
                return None
            try:
                async with asyncio.timeout(left):
                    await self.news.wait()
            except TimeoutError:
                continue
        return found


def _settled(question: Question, texts: Sequence[str]) -> bool:
    """Whether somebody who asked this has seen enough."""
    said = plain("\n".join(texts))
    if question.kind == "stop":
        return any(mark in said for mark in _STOPS)
    versions = ("", "e") if question.kind == "edit" else ("",)
    return any(plain(end(question.label + version)) in said for version in versions)
