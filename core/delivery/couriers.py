"""Delivery: what was committed to the outbox reaches its chat, once; what is still being written is shown meanwhile.

Each chat with something to say has one courier, a task that ends when there is nothing left: so calls to one chat
never overlap, the governor's budget is asked before each, and the committed text goes before any preview. There are
so many couriers an adapter and no more; chats beyond that, or with nothing due, wait on disk. How a page is posted is
``core/delivery/posting.py``'s affair, how a preview is drawn ``core/delivery/previews.py``'s.
"""

import asyncio
import math
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from contextvars import Context
from dataclasses import dataclass

import structlog

from core.delivery.desks import Desk, Preview
from core.delivery.governor import Governor
from core.delivery.paging import written_pages
from core.delivery.posting import Posting
from core.delivery.previews import Previews, shows_words
from core.patience import patiently
from core.seams import Adapter
from core.storage import Outbox, Written, unpaged
from core.values import Address, Outbound, Page

log = structlog.get_logger(__name__)

_COURIERS = 2000
_WORTH_WAITING_S = 2.0
_FIRST_WORDS_S = 0.3
_BROKEN_S = 5.0
_CUT_OFF_S = 2.0


@dataclass(slots=True)
class _Branch:
    """What delivery knows of one adapter's chats.

    Attributes:
        couriers: How many there are for it.
        desks: How many are open.
        spilled: There may be more chats with something due than desks.
        next_at: When a chat without a desk has something due, by the monotonic clock.
    """

    adapter: Adapter
    couriers: int
    desks: int = 0
    spilled: bool = True
    next_at: float = math.inf

    @property
    def wait_s(self) -> float:
        """Seconds until the disk has to be looked at."""
        if self.desks > self.couriers * 3 // 4:
            return math.inf
        return 0.0 if self.spilled else max(0.0, self.next_at - time.monotonic())


class Delivery:
    """Couriers over an outbox.

    Args:
        couriers: How many chats of one adapter are served side by side.
    """

    def __init__(
        self,
        outbox: Outbox,
        adapters: Sequence[Adapter],
        governor: Governor,
        *,
        posting: Posting | None = None,
        couriers: int = _COURIERS,
    ) -> None:
        self._outbox = outbox
        self._governor = governor
        self._posting = posting or Posting(outbox, governor)
        self._previews = Previews(outbox, governor, self._posting, lambda: len(self._lanes))
        self._couriers = couriers
        self._branches = {adapter.name: _Branch(adapter=adapter, couriers=couriers) for adapter in adapters}
        self._desks: dict[str, Desk] = {}
        self._lanes: dict[str, set[tuple[str, str]]] = {}
        self._changed = asyncio.Event()
        self._stops_at = math.inf

    def join(self, adapter: Adapter) -> None:
        """Serve one more adapter's chats, those that wait on disk first."""
        self._governor.joined(adapter.name)
        self._branches[adapter.name] = _Branch(adapter=adapter, couriers=self._couriers)
        self._changed.set()

    # -- what lanes call

    async def written(self, out: Outbound) -> Written:
        """An outbound as pages in the richest form its chat takes."""
        return Written(out=out, chat=self._outbox.chat(out.to), pages=await self._pages(out))

    async def _pages(self, out: Outbound) -> tuple[Page, ...]:
        branch = self._branches.get(out.to.adapter)
        if branch is None:  # switched off for now: what is said keeps until it is back
            return (unpaged(out.reply),)
        return await written_pages(branch.adapter, out.reply, branch.adapter.capabilities(out.to))

    def show(self, lane: str, out: Outbound) -> bool:
        """Show an unfinished answer when the chat's budget allows; only the latest counts.

        Returns:
            Whether the chat shows its words.
        """
        chat = self._outbox.chat(out.to)
        desk = self._desk(chat, out.to)
        if desk is None:
            return False
        preview = desk.previews.get(out.slot)
        if preview is None:
            dirty = bool(out.reply.markdown)
            began_at = time.monotonic() if dirty else 0.0
            made = Preview(lane=lane, out=out, dirty=dirty, began_at=began_at, next_at=_types_at(desk))
            desk.previews[out.slot] = made
            self._lanes.setdefault(lane, set()).add((chat, out.slot))
            desk.news.set()
        elif preview.out != out:
            waited = preview.dirty and not preview.has_grown
            preview.out = out
            preview.began_at = preview.began_at or time.monotonic()
            if not preview.dirty or (waited and preview.has_grown):
                preview.dirty = True
                desk.news.set()
        return shows_words(desk.adapter.capabilities(out.to))

    def forget(self, lane: str) -> None:
        """The lane's turn is over: its previews are of no more use."""
        for chat, slot in self._lanes.pop(lane, ()):
            if (desk := self._desks.get(chat)) is not None:
                desk.previews.pop(slot, None)
                desk.news.set()

    @contextmanager
    def closing(self, lane: str, written: Sequence[Written]) -> Generator[None]:
        """Around a turn's commit: no preview may begin after it, and couriers are there to go on with its pages."""
        self.forget(lane)
        desks = [desk for one in written if (desk := self._desks.get(one.chat)) is not None]
        for desk in desks:
            desk.held += 1
        try:
            yield
        finally:
            for desk in desks:
                desk.held -= 1
                desk.news.set()
        self.wake((one.chat, one.out.to) for one in written)

    def wake(self, chats: Iterable[tuple[str, Address]]) -> None:
        """These chats have pages to deliver, committed already."""
        for chat, to in chats:
            desk = self._desk(chat, to)
            if desk is not None:
                desk.waiting = True
                desk.news.set()
            elif (branch := self._branches.get(to.adapter)) is not None:
                branch.spilled = True
                self._changed.set()

    def look(self) -> None:
        """Something on disk is due that was not, in a chat nobody names."""
        for branch in self._branches.values():
            branch.spilled = True
        for desk in self._desks.values():
            desk.waiting = True
            desk.news.set()
        self._changed.set()

    # -- life

    async def run(self) -> None:
        """Find chats whose pages are due on disk, whenever there is room for their couriers."""
        while True:
            self._changed.clear()
            for branch in list(self._branches.values()):  # an adapter may join meanwhile
                if branch.wait_s <= 0:
                    await self._refill(branch)
            wait_s = min((branch.wait_s for branch in self._branches.values()), default=math.inf)
            try:
                async with asyncio.timeout(None if wait_s == math.inf else wait_s):
                    await self._changed.wait()
            except TimeoutError:
                continue

    async def _refill(self, branch: _Branch) -> None:
        branch.spilled, branch.next_at = False, math.inf
        room = branch.couriers - branch.desks
        name, busy = branch.adapter.name, tuple(self._desks)
        found = await patiently(lambda: self._outbox.due_chats(name, room, busy))
        branch.spilled = branch.spilled or len(found.chats) >= room
        if found.next_s is not None:
            branch.next_at = min(branch.next_at, time.monotonic() + found.next_s)
        self.wake(found.chats)

    async def drain(self, grace_s: float) -> None:
        """Deliver what is committed for a while; the rest is delivered after the next start."""
        self._stops_at = time.monotonic() + grace_s
        for lane in list(self._lanes):
            self.forget(lane)
        tasks = [desk.task for desk in self._desks.values() if desk.task is not None]
        for desk in self._desks.values():
            desk.news.set()
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=grace_s)
        for task in late:
            task.cancel()
        if late:
            log.info("deliveries cut off", count=len(late), note="they go on at the next start")
            await asyncio.wait(late, timeout=_CUT_OFF_S)

    @property
    def _stopping(self) -> bool:
        return self._stops_at < math.inf

    # -- couriers

    def _desk(self, chat: str, to: Address) -> Desk | None:
        """The chat's desk, opened if there is room and somebody who can speak there."""
        desk = self._desks.get(chat)
        if desk is None:
            branch = self._branches.get(to.adapter)
            if branch is None or self._stopping or branch.desks >= branch.couriers:
                return None
            desk = self._desks[chat] = Desk(chat=chat, to=to, adapter=branch.adapter)
            branch.desks += 1
            # In a context of its own: a courier outlives the turn that called it, and logs for all of the chat's.
            desk.task = asyncio.create_task(self._serve(desk, branch), name=f"courier {chat}", context=Context())
        return desk

    async def _serve(self, desk: Desk, branch: _Branch) -> None:
        try:
            while await self._next(desk, branch):
                pass
        except Exception:
            # A bug of ours: the pages are on disk, so this courier goes and another one comes.
            log.exception("courier failed", chat=desk.chat)
            branch.next_at = min(branch.next_at, time.monotonic() + _BROKEN_S)
        finally:
            del self._desks[desk.chat]
            branch.desks -= 1
            if branch.spilled or branch.next_at < math.inf:
                self._changed.set()

    async def _next(self, desk: Desk, branch: _Branch) -> bool:
        """Do one thing; False when there is nothing left to do for now."""
        desk.news.clear()
        if desk.waiting:
            return await self._deliver(desk, branch)
        first = self._previews.first(desk)
        if first is None:
            if not (desk.held or desk.previews):
                return False
            await desk.idle(None)
            return True
        preview, wait_s = first
        if wait_s > 0:
            await desk.idle(None if wait_s == math.inf else wait_s)
        else:
            await self._previews.draw(desk, preview)
        return True

    async def _deliver(self, desk: Desk, branch: _Branch) -> bool:
        """Deliver one committed page. The budget comes first: a page that waits for it has certainly not been sent."""
        name, can = branch.adapter.name, desk.can
        wait_s = self._governor.wait_s(name, desk.chat, can)
        if wait_s > 0:
            return await self._wait(desk, branch, wait_s)
        await self._governor.pace(name)
        if self._governor.wait_s(name, desk.chat, can) > 0:
            return True  # told to wait meanwhile
        due_s = await self._posting.next(desk)
        if due_s is None:
            desk.waiting = desk.news.is_set()
        elif due_s > 0:
            return await self._wait(desk, branch, due_s)
        return True

    async def _wait(self, desk: Desk, branch: _Branch, seconds: float) -> bool:
        """Nothing may be sent yet: stay for a while, or for previews, which come after it; or leave it to the disk."""
        if time.monotonic() + seconds > self._stops_at:
            return False
        if seconds <= _WORTH_WAITING_S or desk.held or desk.previews:
            await desk.idle(seconds)
            return True
        branch.next_at = min(branch.next_at, time.monotonic() + seconds)
        return False


def _types_at(desk: Desk) -> float:
    """When to show that something is being written: a draft's first words wait for nothing, and may be there before."""
    drafts = desk.adapter.capabilities(desk.to).preview == "draft"
    return time.monotonic() + _FIRST_WORDS_S if drafts else 0.0
