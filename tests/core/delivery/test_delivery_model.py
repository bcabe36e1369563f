"""Delivery against chance: random failures, previews, changes of mind and kills, judged by what chats finally show.

Whatever happens, each answer stands in its chat once and in order, and nothing else does; but for messages that the
platform took without our hearing of it, which are counted, and of which nobody can know.
"""

import asyncio
import random
import sqlite3
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

import pytest

from contracts.rigs.engines import SqliteRig, say, text_of, until
from core.delivery.couriers import Delivery
from core.delivery.governor import Governor
from core.delivery.posting import Posting
from core.engines.sqlite import SqliteEngine
from core.engines.store import SqliteStore
from core.errors import DeliveryUnknown, MarkupRefused, MessageGone, PlatformBusy, PlatformDown, StoreError
from core.lanes import Lanes
from core.seams import Work
from core.testing import BY_EDITS, Call, FakeAdapter, Fault, message
from core.values import Address, Capabilities, Inbound, Outcome, Page, Reply

CHATS = 4
QUESTIONS = 6
PAGE = 10
LIVES = 3


class Platform(FakeAdapter):
    """A messenger that outlives our process and fails by chance.

    Attributes:
        calm: Nothing fails any more.
        cut: Messages that were taken without our hearing of it, by their ids.
        odd: Chats where somebody deleted a message, so that order is not to be expected.
    """

    def __init__(self, can: Capabilities, chance: random.Random) -> None:
        super().__init__(can=can, page_chars=PAGE)
        self.chance = chance
        self.calm = False
        self.odd: set[str] = set()
        self.cut: set[str] = set()

    async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:
        there = self.ids()
        try:
            return await super().put(to, page, slot=slot, was=was)
        except DeliveryUnknown:
            self.cut |= self.ids(to.chat) - there
            raise

    def ids(self, *chats: str) -> set[str]:
        """Which messages are there, in these chats or in all."""
        return {one.id for chat in chats or self.chats for one in self.chats.get(chat, ())}

    def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
        self.page_chars = PAGE if form == "rich" else PAGE - 3
        return super().pages(reply, form)

    def fault(self, call: Call) -> Fault | None:
        if self.calm:
            return None
        hold = self._soon() if self.chance.random() < 0.5 else None
        error = self._error(call)
        unknown = isinstance(error, DeliveryUnknown)
        return Fault(error=error, accepted=unknown and self.chance.random() < 0.5, hold=hold)

    def _soon(self) -> asyncio.Event:
        event = asyncio.Event()
        asyncio.get_running_loop().call_later(self.chance.random() * 0.006, event.set)
        return event

    def _error(self, call: Call) -> Exception | None:
        match self.chance.randrange(12):
            case 0:
                return PlatformDown("no line")
            case 1:
                reach: Literal["chat", "bot"] = "bot" if self.chance.random() < 0.05 else "chat"
                return PlatformBusy("slowly", retry_after_s=0.005, reach=reach)
            case 2:
                return DeliveryUnknown("cut")
            case 3 if call.page is not None and call.page.form == "rich":
                return MarkupRefused("not this")
            case 4 if call.kind == "edit" and self.chance.random() < 0.3:
                self.odd.add(call.to.chat)
                self.chats[call.to.chat] = [one for one in self.chats[call.to.chat] if one.id != call.was]
                return MessageGone("somebody deleted it")
            case _:
                return None


def final(number: int) -> str:
    """What question ``number`` is answered with: so many pages, no two alike; every seventh is not answered."""
    return "" if number % 7 == 3 else "".join(f"{number:03}/{page:02}....."[:PAGE] for page in range(1 + number % 4))


@dataclass
class World:
    """A platform, a folder, and lives of our process one after the other."""

    rig: SqliteRig
    chance: random.Random
    platform: Platform
    asked: dict[str, list[int]] = field(default_factory=dict)
    undelivered: list[Inbound] = field(default_factory=list)
    numbers: dict[str, int] = field(default_factory=dict)

    async def turn(self, work: Work) -> Outcome:
        """Show something, which may be longer or other than the answer; then say the answer."""
        first = work.events[0]
        self.numbers[str(first.row)] = int(text_of(first))
        answer = final(self.numbers[str(first.row)])
        for _ in range(self.chance.randrange(5)):
            length = self.chance.randrange(len(answer) + 2 * PAGE)
            shown = (answer + "~" * 3 * PAGE)[:length]
            await work.show(say(first, shown, final=False))
            await asyncio.sleep(self.chance.random() * 0.004)
        if self.chance.random() < 0.3:
            await work.record(b"step")
        return Outcome(done=(first.row,), out=(say(first, answer),) if answer else ())

    async def live(self, for_s: float | None) -> None:
        """One life: killed after so many seconds, or ended in peace when all is said."""
        async with self.rig.open() as engine:
            assert isinstance(engine, SqliteEngine)
            store = engine._store
            can = self.platform.can
            await store.recover({"fake": can.unknown == "mark" and not can.idempotent})
            governor = Governor(await store.pauses(), ["fake"])
            posting = Posting(store, governor, back_off_s=(0.004, 0.01))
            delivery = Delivery(store, [self.platform], governor, posting=posting)
            lanes = Lanes(store, delivery, lambda: None)
            tasks = [asyncio.create_task(one) for one in (delivery.run(), lanes.run(self.turn))]
            tasks.append(asyncio.create_task(self._deliver(store, lanes)))
            if for_s is None:
                await until(self._over, within_s=20)
            else:
                await asyncio.sleep(for_s)
                store._writer._open = False  # from here on nothing is written: as if killed
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            await lanes.drain(0)
            await delivery.drain(0)
        self.platform.cut |= self.platform.ids() - self.confirmed().keys()

    def confirmed(self) -> dict[str, str]:
        """The messages we know to be there, by the platform's id, and the slot each is in."""
        rows = self.sql(
            "SELECT sent_as, slots.slot FROM outbox JOIN slots ON slots.id = outbox.slot WHERE sent_as NOT NULL"
        )
        return {sent_as[1:].decode(): slot for sent_as, slot in rows}

    async def _deliver(self, store: SqliteStore, lanes: Lanes) -> None:
        """Let questions come in; what was not acknowledged comes again in the next life."""
        while self.undelivered:
            event = self.undelivered[0]
            with suppress(StoreError):
                results = await store.accept([event])
                lanes.heard(lane for _, lane in results if lane)
                self.undelivered.remove(event)
            await asyncio.sleep(0.003)

    def unknown(self, number: int) -> int:
        """How many pages of an answer are marked as unknown."""
        names = [slot for slot, one in self.numbers.items() if one == number]
        marked = self.sql("SELECT slots.slot FROM outbox JOIN slots ON slots.id = outbox.slot WHERE state = 'unknown'")
        return sum(slot in names for (slot,) in marked)

    def _over(self) -> bool:
        return not (self.undelivered or self.sql("SELECT 1 FROM inbox") or self.sql(WAITING))

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        """Ask the file."""
        with closing(sqlite3.connect(self.rig.folder / "waystation.db")) as db:
            return db.execute(query).fetchall()


WAITING = "SELECT 1 FROM outbox WHERE state IN ('pending', 'sending')"
POLICIES = {
    "edits": BY_EDITS,
    "edits, marked": replace(BY_EDITS, unknown="mark"),
    "edits, idempotent": replace(BY_EDITS, idempotent=True),
    "drafts": replace(BY_EDITS, preview="draft"),
    "typing": replace(BY_EDITS, preview="none"),
}


@pytest.mark.parametrize("seed", [0, *(pytest.param(seed, marks=pytest.mark.slow) for seed in range(1, 6))])
@pytest.mark.parametrize("can", POLICIES.values(), ids=POLICIES)
async def test_every_answer_stands_in_its_chat_once_and_in_order(tmp_path: Path, can: Capabilities, seed: int) -> None:
    """See above."""
    chance = random.Random(seed)
    world = World(SqliteRig(tmp_path / "data", grace_s=0.0), chance, Platform(can, chance))
    for number in range(CHATS * QUESTIONS):
        chat = str(number % CHATS)
        world.asked.setdefault(chat, []).append(number)
        world.undelivered.append(message(str(number), chat=chat, sender=chat))
    for _ in range(LIVES):
        await world.live(for_s=0.02 + chance.random() * 0.06)
    world.platform.calm = True
    await world.live(for_s=None)
    for chat, numbers in world.asked.items():
        judge(world, chat, numbers)


def judge(world: World, chat: str, numbers: list[int]) -> None:
    """Compare what a chat shows with what was said there."""
    slots = world.confirmed()
    shown = world.platform.chats.get(chat, [])
    assert {one.id for one in shown if one.id not in slots} <= world.platform.cut
    ours = [(world.numbers[slots[one.id]], one.page.body) for one in shown if one.id in slots]
    if chat not in world.platform.odd:
        assert [number for number, _ in ours] == sorted(number for number, _ in ours)
    for number in numbers:
        pieces = [text for one, text in ours if one == number]
        if gaps := world.unknown(number):
            assert is_in_order(pieces, final(number)) or chat in world.platform.odd
            assert len(final(number)) - sum(map(len, pieces)) <= gaps * PAGE
        elif chat in world.platform.odd:
            assert sorted("".join(pieces)) == sorted(final(number))
        else:
            assert "".join(pieces) == final(number)


def is_in_order(pieces: list[str], whole: str) -> bool:
    """Whether the pieces stand in the whole one after the other."""
    at = 0
    for piece in pieces:
        at = whole.find(piece, at) + len(piece)
        if at < len(piece):
            return False
    return True
