"""Delivery: what was committed to the outbox reaches its chat, once; what is still being written is shown meanwhile.

Each chat with something to say has one courier, a task that ends when there is nothing left: so calls to one chat
never overlap, the governor's budget is asked before each, and the committed text goes before any preview. A preview
is rendered only when it may be shown, so whatever piled up meanwhile costs nothing.
"""

import asyncio
import random
import time
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

import structlog

from core.errors import (
    AdapterError,
    ChatGone,
    DeliveryUnknown,
    MarkupRefused,
    MessageGone,
    PlatformBusy,
    PlatformDown,
    PlatformRefusedUs,
)
from core.governor import Governor
from core.seams import Adapter
from core.storage import Outbox, OutboxRow, Written
from core.values import Address, Capabilities, Outbound, Page, Reply

log = structlog.get_logger(__name__)

_COURIERS = 2000
_BACK_OFF_S = (0.5, 300.0)
_TRIES = 300
_BROKEN_TRIES = 5
_REFUSED_AGAIN_S = 60.0


@dataclass(slots=True)
class _Preview:
    """A slot that is being written."""

    lane: str
    out: Outbound
    dirty: bool = True
    given_up: bool = False
    there: dict[int, str] | None = None  # page number to platform id, once the store was asked
    drawn_at: float = 0.0
    next_at: float = 0.0  # when it must be drawn again though nothing changed


@dataclass(slots=True)
class _Desk:
    """One chat's work."""

    adapter: Adapter
    to: Address
    waiting: bool = False
    held: int = 0  # turns about to commit something for this chat
    previews: dict[str, _Preview] = field(default_factory=dict)
    shown: dict[str, str] = field(default_factory=dict)  # a page's key: what a preview last showed there
    news: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None


class Delivery:
    """Couriers over an outbox."""

    def __init__(self, outbox: Outbox, adapters: Sequence[Adapter], governor: Governor) -> None:
        self._outbox = outbox
        self._adapters = {adapter.name: adapter for adapter in adapters}
        self._governor = governor
        self._desks: dict[str, _Desk] = {}
        self._lanes: dict[str, set[tuple[str, str]]] = {}
        self._spilled = True
        self._changed = asyncio.Event()
        self._stopping = False

    # -- what lanes call

    def written(self, out: Outbound) -> Written:
        """An outbound as pages in the richest form its chat takes."""
        chat = self._outbox.chat(out.to)
        adapter = self._adapters.get(out.to.adapter)
        if adapter is None:  # switched off for now: what is said keeps until it is back
            return Written(out=out, chat=chat, pages=(Page(body="", form="", source=out.reply.markdown),))
        return Written(out=out, chat=chat, pages=adapter.pages(out.reply, adapter.capabilities(out.to).forms[0]))

    def show(self, lane: str, out: Outbound) -> None:
        """Show an unfinished answer when the chat's budget allows; only the latest counts."""
        chat = self._outbox.chat(out.to)
        desk = self._desk(chat, out.to)
        if desk is None:
            return
        preview = desk.previews.get(out.slot)
        if preview is None:
            desk.previews[out.slot] = _Preview(lane=lane, out=out)
            self._lanes.setdefault(lane, set()).add((chat, out.slot))
        else:
            preview.out = out
            preview.dirty = True
        desk.news.set()

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
            if desk is None:
                self._spilled = True
            else:
                desk.waiting = True
                desk.news.set()

    # -- life

    async def run(self) -> None:
        """Find chats whose pages wait on disk, whenever there is room for their couriers."""
        while True:
            self._changed.clear()
            room = _COURIERS - len(self._desks)
            if self._spilled and room > 0:
                chats = await self._outbox.waiting_chats(room, tuple(self._desks))
                self._spilled = len(chats) == room
                self.wake((chat, to) for chat, to in chats if to.adapter in self._adapters)
            await self._changed.wait()

    async def drain(self, grace_s: float) -> None:
        """Deliver what is committed for a while; the rest is delivered after the next start."""
        self._stopping = True
        for lane in list(self._lanes):
            self.forget(lane)
        tasks = [desk.task for desk in self._desks.values() if desk.task is not None]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=grace_s)
        for task in late:
            task.cancel()
        if late:
            await asyncio.wait(late)

    def _desk(self, chat: str, to: Address) -> _Desk | None:
        """The chat's desk, opened if there is room and somebody who can speak there."""
        desk = self._desks.get(chat)
        if desk is None:
            adapter = self._adapters.get(to.adapter)
            if adapter is None or self._stopping or len(self._desks) >= _COURIERS:
                return None
            desk = self._desks[chat] = _Desk(adapter=adapter, to=to)
            desk.task = asyncio.create_task(self._serve(chat, desk), name=f"courier {chat}")
        return desk

    async def _serve(self, chat: str, desk: _Desk) -> None:
        try:
            while await self._next(chat, desk):
                pass
        except Exception:
            # Ours or the store's fault: the pages are on disk, so this courier goes and another one comes.
            log.exception("courier failed", chat=chat)
            await asyncio.sleep(_BACK_OFF_S[0])
            desk.waiting = True
        finally:
            del self._desks[chat]
            self._spilled = self._spilled or desk.waiting
            if self._spilled:
                self._changed.set()

    async def _next(self, chat: str, desk: _Desk) -> bool:
        """Do one thing; False when there is nothing left to do."""
        desk.news.clear()
        if desk.waiting:
            await self._deliver_next(chat, desk)
            return True
        preview = next((preview for preview in desk.previews.values() if not preview.given_up), None)
        if preview is None:
            return bool(desk.held or desk.previews) and await _idle(desk, None)
        can = desk.adapter.capabilities(preview.out.to)
        wait_s = max(_preview_wait_s(preview, can), self._governor.wait_s(desk.adapter.name, chat, can, reserve=1))
        if wait_s > 0:
            return await _idle(desk, None if wait_s == float("inf") else wait_s)
        await self._show(chat, desk, preview, can)
        return True

    # -- committed pages

    async def _deliver_next(self, chat: str, desk: _Desk) -> None:
        can = desk.adapter.capabilities(desk.to)
        # The budget first, the intent after: a page that waits for its turn has certainly not been sent.
        while (wait_s := self._governor.wait_s(desk.adapter.name, chat, can)) > 0:  # noqa: ASYNC110  a clock, no event
            await asyncio.sleep(wait_s)
        row = await self._outbox.take(chat)
        if row is None:
            desk.waiting = desk.news.is_set()
        elif isinstance(row, OutboxRow):
            await self._deliver(chat, desk, row, desk.adapter.capabilities(row.to))
        else:
            await asyncio.sleep(min(row, _BACK_OFF_S[1]))

    async def _deliver(self, chat: str, desk: _Desk, row: OutboxRow, can: Capabilities) -> None:
        shown = desk.shown.pop(row.key, None)
        if row.page is None and row.sent_as is None:
            await self._outbox.dropped(row.id, "sent")  # to be taken back, but never there
            return
        if row.page is not None and row.sent_as and shown == row.page.body and not row.page.media:
            await self._outbox.sent(row.id, row.sent_as)  # the preview said exactly this
            return
        if row.page is not None and not row.page.form:  # written while its adapter was off
            await self._outbox.reform(row.id, desk.adapter.pages(_reply(row.page), can.forms[0]))
            return
        self._governor.spend(desk.adapter.name, chat, can)
        try:
            log.debug("stage", stage="put", phase="begin", slot=row.key)
            sent_as = await desk.adapter.put(row.to, row.page, slot=row.key, was=row.sent_as)
            log.debug("stage", stage="put", phase="done", slot=row.key)
        except AdapterError as error:
            await self._failed(chat, desk, row, can, error)
            return
        except Exception:
            log.exception("adapter failed", adapter=desk.adapter.name, slot=row.key)
            await self._again(row, _BROKEN_TRIES)
            return
        log.debug("stage", stage="confirm", phase="begin", slot=row.key)
        await self._outbox.sent(row.id, sent_as)
        log.debug("stage", stage="confirm", phase="done", slot=row.key)
        log.info("delivered", slot=row.key, edited=row.sent_as is not None, attempts=row.attempts + 1)

    async def _failed(self, chat: str, desk: _Desk, row: OutboxRow, can: Capabilities, error: AdapterError) -> None:
        """What each way of failing means for the page."""
        log.warning("not delivered", slot=row.key, kind=type(error).__name__, reason=str(error))
        match error:
            case PlatformBusy():
                await self._heed(chat, desk, error)
                await self._outbox.put_off(row.id, error.retry_after_s, counts=False, as_new=False)
            case PlatformRefusedUs():
                await self._outbox.put_off(row.id, _REFUSED_AGAIN_S, counts=False, as_new=False)
            case MessageGone() if row.page is not None:
                await self._outbox.put_off(row.id, 0, counts=True, as_new=True)
            case MessageGone():
                await self._outbox.dropped(row.id, "sent")  # somebody else took it back
            case ChatGone():
                await self._outbox.dropped(row.id, "failed")
            case DeliveryUnknown() if can.unknown == "mark" and not (can.idempotent or row.sent_as):
                await self._outbox.dropped(row.id, "unknown")
            case PlatformDown() | DeliveryUnknown():
                await self._again(row, _TRIES)
            case MarkupRefused():
                await self._plainer(desk, row, can)
            case _:
                await self._outbox.dropped(row.id, "failed")

    async def _again(self, row: OutboxRow, tries: int) -> None:
        if row.attempts + 1 >= tries:
            log.error("given up", slot=row.key, attempts=row.attempts + 1)
            await self._outbox.dropped(row.id, "failed")
            return
        longest_s = min(_BACK_OFF_S[1], _BACK_OFF_S[0] * 2 ** min(row.attempts, 20))
        await self._outbox.put_off(row.id, longest_s * random.uniform(0.5, 1.0), counts=True, as_new=False)  # noqa: S311

    async def _plainer(self, desk: _Desk, row: OutboxRow, can: Capabilities) -> None:
        """Say this page in the next plainer form."""
        page = row.page
        later = can.forms[can.forms.index(page.form) + 1 :] if page is not None and page.form in can.forms else ()
        if page is None or not later:
            await self._outbox.dropped(row.id, "failed")
            return
        await self._outbox.reform(row.id, desk.adapter.pages(_reply(page), later[0]))

    async def _heed(self, chat: str, desk: _Desk, busy: PlatformBusy) -> None:
        """Wait as told, also after a restart."""
        whole_bot = busy.reach == "bot"
        name = desk.adapter.name if whole_bot else chat
        self._governor.pause(name, busy.retry_after_s, whole_bot=whole_bot)
        await self._outbox.pause(name, busy.retry_after_s)

    # -- previews

    async def _show(self, chat: str, desk: _Desk, preview: _Preview, can: Capabilities) -> None:
        out = preview.out
        preview.dirty = False
        preview.drawn_at = time.monotonic()
        self._governor.spend(desk.adapter.name, chat, can)
        try:
            if not out.reply.markdown or can.preview == "none":
                preview.next_at = time.monotonic() + can.typing_s
                await desk.adapter.signal(out.to, "typing", slot=out.slot)
            elif can.preview == "draft":
                preview.next_at = time.monotonic() + can.draft_s
                pages = desk.adapter.pages(out.reply, can.forms[0])
                await desk.adapter.signal(out.to, pages[-1], slot=out.slot)
            else:
                preview.next_at = float("inf")
                await self._show_by_edit(desk, preview, desk.adapter.pages(out.reply, can.forms[0]))
        except PlatformBusy as busy:
            await self._heed(chat, desk, busy)
        except PlatformDown:
            preview.dirty = True
        except AdapterError as error:
            log.debug("preview given up", slot=out.slot, reason=str(error))
            preview.given_up = True

    async def _show_by_edit(self, desk: _Desk, preview: _Preview, pages: Sequence[Page]) -> None:
        """Bring the first page that differs up to date; the others follow, each with its own budget."""
        out = preview.out
        if preview.there is None:
            preview.there = await self._outbox.preview_rows(out.slot)
        for number, page in enumerate(pages):
            key = f"{out.slot}.{number}"
            if desk.shown.get(key) == page.body:
                continue
            was = preview.there.get(number)
            if was is None and out.slot in desk.previews:
                was = await self._first_sight(desk, preview, number, page)
            elif was is not None:
                was = await desk.adapter.put(out.to, page, slot=key, was=was)
            else:
                return
            preview.there[number] = was
            desk.shown[key] = page.body
            preview.dirty = preview.dirty or number + 1 < len(pages)
            return

    async def _first_sight(self, desk: _Desk, preview: _Preview, number: int, page: Page) -> str:
        """Send a slot's first preview: intent and platform's id are committed, so that no other is ever sent."""
        out = preview.out
        log.debug("stage", stage="preview", phase="begin", slot=out.slot)
        row = await self._outbox.begin_preview(preview.lane, out, number)
        sent_as = await desk.adapter.put(out.to, page, slot=f"{out.slot}.{number}", was=None)
        await self._outbox.sent(row, sent_as)
        log.debug("stage", stage="preview", phase="done", slot=out.slot)
        return sent_as


def _reply(page: Page) -> Reply:
    return Reply(markdown=page.source, media=page.media, choices=page.choices)


def _preview_wait_s(preview: _Preview, can: Capabilities) -> float:
    """Seconds until the preview may, or must, be drawn again."""
    typing = not preview.out.reply.markdown or can.preview == "none"
    if typing and not can.typing_s:
        return float("inf")
    if preview.dirty and not typing:
        return max(0.0, preview.drawn_at + can.preview_every_s - time.monotonic())
    return max(0.0, preview.next_at - time.monotonic())


async def _idle(desk: _Desk, seconds: float | None) -> bool:
    """Sleep until there is news or time has passed."""
    try:
        async with asyncio.timeout(seconds):
            await desk.news.wait()
    except TimeoutError:
        pass
    return True
