"""Telegram's adapter over the simulated platform, with one person, their chat, and an ear for what it pushes."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

from bots.telegram.adapter import Telegram
from bots.telegram.moves import Moves
from bots.telegram.patience import Pace
from bots.telegram.transport import Line
from bots.telegram.webhook import Webhook
from core.seams import Accept, Adapter
from core.site import AssistantInfo, BotSite, Fetch, nothing_to_fetch
from core.testing.contracts.adapter import AdapterRig
from core.values import Address, Choice, Inbound, Page, Receipt, Reply
from simulators.telegram import TOKEN, Person, TelegramSimulator

ALICE = 42
MOST_BYTES = 100_000
PACE = Pace(poll_s=1, first_s=0.01, longest_s=0.05, rival_s=0.01, check_s=0.05)

Commands = tuple[tuple[str, str], ...]


@dataclass
class Notes:
    """A memo in memory."""

    kept: dict[str, str] = field(default_factory=dict)

    async def get(self, name: str) -> str:
        return self.kept.get(name, "")

    async def keep(self, name: str, text: str) -> None:
        self.kept[name] = text


def site(memo: Notes | None = None, *, commands: Commands = ()) -> BotSite:
    """What the composition root would hand over."""
    return BotSite(
        name="telegram",
        data_dir=Path("unused"),
        memo=memo or Notes(),
        assistant=AssistantInfo(commands=commands),
        connect_s=1.0,
    )


@dataclass
class Ear:
    """An ``accept`` that keeps what it is given, and refuses what it has kept already."""

    batches: list[tuple[Inbound, ...]] = field(default_factory=list)
    repeats: list[Inbound] = field(default_factory=list)
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    async def accept(self, events: Sequence[Inbound | Receipt]) -> tuple[bool, ...]:
        heard = tuple(event for event in events if isinstance(event, Inbound))
        known = {event.key for event in self.events}
        fresh = tuple(event for event in heard if event.key not in known)
        self.repeats.extend(event for event in heard if event.key in known)
        self.batches.append(fresh)
        self._news.set()
        return tuple(event.key not in known for event in heard)

    @property
    def events(self) -> tuple[Inbound, ...]:
        """Everything heard so far, each once."""
        return tuple(event for batch in self.batches for event in batch)

    async def hear(self, count: int = 1) -> tuple[Inbound, ...]:
        """Wait until so many events have been heard in all; returns the last of them."""
        async with asyncio.timeout(5):
            while len(self.events) < count:
                self._news.clear()
                await self._news.wait()
        return self.events[-count:]


@asynccontextmanager
async def listening(adapter: Adapter, ear: Ear | None = None) -> AsyncGenerator[Ear, None]:
    """Run an adapter for as long as the block lasts; if it ends by itself, its error is raised."""
    ear = ear or Ear()
    async with accepting(adapter, ear.accept):
        yield ear


@asynccontextmanager
async def accepting(adapter: Adapter, accept: Accept) -> AsyncGenerator[None, None]:
    """The same with any ``accept``, such as an engine's."""
    task = asyncio.create_task(adapter.run(accept))
    try:
        yield
    finally:
        ended = task.done()
        task.cancel()
        results = await asyncio.gather(task, return_exceptions=True)
        if ended and isinstance(results[0], Exception):
            raise results[0]


@dataclass
class Rig(AdapterRig):
    """An adapter, the person it talks to, and a view of their chat."""

    adapter: Adapter
    to: Address
    telegram: TelegramSimulator
    person: Person
    redelivers: bool = True

    def acknowledged(self) -> bool:
        """Whether the platform will not deliver anything again."""
        return not self.telegram.inbox().pending

    def say(self, text: str) -> str:
        """Let the person say something; returns the platform's id of it."""
        return str(self.person.say(text).message_id)

    def edit(self, message_id: str, text: str) -> None:
        """Let the person change what they said."""
        self.person.edit(int(message_id), text)

    def tap(self, message_id: str, label: str) -> None:
        """Let the person press a button under one of our messages."""
        self.person.tap(int(message_id), label)

    def screen(self) -> tuple[str, ...]:
        """What we have said and still stands in the chat."""
        return tuple(shown.text for shown in self.telegram.chat(self.person.id).replies())

    def to_group(self, chat_id: int, thread: str = "") -> Address:
        """The address of a group."""
        return Address(adapter="telegram", chat=str(chat_id), thread=thread, private=False)

    def choice(self, label: str, token: str) -> Page:
        """A page with a button."""
        return self.adapter.pages(Reply(markdown="Shall I?", choices=(Choice(label=label, token=token),)), "plain")[-1]

    def pages(self, markdown: str) -> tuple[Page, ...]:
        """A reply in the chat's richest form."""
        return self.adapter.pages(Reply(markdown=markdown), self.adapter.capabilities(self.to).forms[0])


@asynccontextmanager
async def rig_over(
    api_base: str,
    *,
    connect_s: float = 0.5,
    read_s: float = 0.5,
    memo: Notes | None = None,
    commands: Commands = (),
    rich: bool = True,
    webhook: Webhook | None = None,
    fetch: Fetch = nothing_to_fetch,
) -> AsyncGenerator[Telegram, None]:
    """Open an adapter over any platform, or none."""
    place = replace(site(memo, commands=commands), fetch=fetch)
    moves = Moves(place.memo)
    await moves.load()
    async with Line(TOKEN, api_base=api_base, connect_s=connect_s, read_s=read_s) as line:
        yield Telegram(place, line, moves, max_download_bytes=MOST_BYTES, rich=rich, webhook=webhook, pace=PACE)


@asynccontextmanager
async def rig(*, memo: Notes | None = None, commands: Commands = (), rich: bool = True) -> AsyncGenerator[Rig, None]:
    """Open an adapter over a platform of its own."""
    async with (
        TelegramSimulator() as telegram,
        rig_over(telegram.base_url, memo=memo, commands=commands, rich=rich) as adapter,
    ):
        alice = telegram.person(ALICE, "Alice", username="alice")
        telegram.chat(ALICE)  # the bot may write to her: she has started it once
        yield Rig(adapter=adapter, to=Address(adapter="telegram", chat=str(ALICE)), telegram=telegram, person=alice)
