"""Posting: one committed page reaches its chat, and the store is told what became of it.

Every way of failing has its answer here; ``_failed`` is the list of them.
"""

import math
from collections.abc import Callable, Coroutine
from dataclasses import replace
from typing import Any

import structlog

from core.delivery.desks import Desk
from core.delivery.governor import Governor
from core.delivery.paging import bounded_pages
from core.errors import (
    AdapterError,
    ChatClosed,
    ChatGone,
    DeliveryUnknown,
    MarkupRefused,
    MediaUnavailable,
    MessageGone,
    PlatformBusy,
    PlatformDown,
    PlatformRefusedUs,
)
from core.patience import back_off_s, patiently
from core.storage import UNPAGED, Outbox, OutboxRow, paged, reply_of
from core.values import Capabilities, Page

log = structlog.get_logger(__name__)

_BACK_OFF_S = (0.5, 300.0)
_TRIES = 300  # with the back-off above: about a day
_BROKEN_TRIES = 3
_REFUSED_AGAIN_S = 60.0
_RENEWALS = 9  # of a message that is taken away again and again
_LEAST_RETRY_S = 0.1


class Posting:
    """Brings committed pages to their chats.

    Args:
        back_off_s: How long to leave a platform alone that did not do it: the first time, and at most.
    """

    def __init__(self, outbox: Outbox, governor: Governor, *, back_off_s: tuple[float, float] = _BACK_OFF_S) -> None:
        self._outbox = outbox
        self._governor = governor
        self._back_off_s = back_off_s

    async def next(self, desk: Desk) -> float | None:
        """Deliver the chat's next page, for which there is budget.

        Returns:
            Seconds until the next one is due, 0 where that has to be asked; None when nothing waits.
        """
        row = await patiently(lambda: self._outbox.take(desk.chat))
        if not isinstance(row, OutboxRow):
            return row
        try:
            await self._deliver(desk, row, desk.adapter.capabilities(row.to))
        except Exception:
            # A bug, the adapter's or ours, that must not stop what waits behind it.
            log.exception("delivery broke", adapter=desk.adapter.name, slot=row.key)
            await self._again(row, _BROKEN_TRIES)
        return 0.0

    async def heed(self, desk: Desk, busy: PlatformBusy) -> float:
        """Wait as told, also after a restart; returns the seconds."""
        seconds = max(_LEAST_RETRY_S, busy.retry_after_s)
        name = desk.adapter.name if busy.reach == "bot" else desk.chat
        self._governor.pause(name, seconds, whole_bot=busy.reach == "bot")
        await patiently(lambda: self._outbox.pause(name, seconds))
        return seconds

    async def _deliver(self, desk: Desk, row: OutboxRow, can: Capabilities) -> None:
        shown = desk.shown.pop(row.key, None)
        page = row.page
        if page is None and row.sent_as is None:
            await self._keep(self._outbox.dropped, row.id, "sent")  # to be taken back, but never there
        elif page is not None and row.sent_as and _same(page, shown):
            await self._keep(self._outbox.sent, row.id, row.sent_as)  # the preview said exactly this
        elif page is not None and page.form == UNPAGED:
            await self._page(desk, row, page, can)
        else:
            await self._put(desk, row, can)

    async def _page(self, desk: Desk, row: OutboxRow, page: Page, can: Capabilities) -> None:
        """Make pages of a reply that has none yet. That it was begun is committed first: the process may die of it."""
        await self._put_off(row, 0, counts=True)
        pages, files = await bounded_pages(desk.adapter, reply_of(page), can, row.space, row.attempts)
        await self._keep(self._outbox.reform, row.id, pages, files)

    async def _put(self, desk: Desk, row: OutboxRow, can: Capabilities) -> None:
        self._governor.spend(desk.chat, can)
        log.debug("stage", stage="put", phase="begin", slot=row.key)
        try:
            # It takes as long as it takes: nobody may be at the terminal.
            sent_as = await desk.adapter.put(row.to, row.page, slot=row.key, was=row.sent_as)
        except AdapterError as error:
            await self._failed(desk, row, can, error)
            return
        except Exception:
            log.exception("adapter broke", adapter=desk.adapter.name, slot=row.key)
            await self._unknown(row, can, _BROKEN_TRIES)
            return
        log.debug("stage", stage="put", phase="done", slot=row.key)
        if can.idempotent and row.stale:
            # The platform may have dropped this for an earlier send with an earlier text: that is to be edited now.
            await self._put_off(row, 0, counts=False)
            await self._keep(self._outbox.sent, row.id, sent_as)
            return
        log.debug("stage", stage="confirm", phase="begin", slot=row.key)
        there = "" if row.page is None else sent_as
        if row.page is not None and not there:
            log.error("adapter names no message", adapter=desk.adapter.name, slot=row.key, note="it cannot be changed")
        await patiently(lambda: self._outbox.sent(row.id, there, settles=can.settles_s > 0))
        log.debug("stage", stage="confirm", phase="done", slot=row.key)
        log.info("delivered", slot=row.key, edited=row.sent_as is not None, attempts=row.attempts + 1)

    async def _failed(self, desk: Desk, row: OutboxRow, can: Capabilities, error: AdapterError) -> None:
        """What each way of failing means for the page."""
        log.warning("not delivered", slot=row.key, kind=type(error).__name__, reason=str(error))
        match error:
            case PlatformBusy():
                await self._put_off(row, await self.heed(desk, error), counts=False)
            case PlatformRefusedUs():
                self._governor.pause(desk.adapter.name, _REFUSED_AGAIN_S, whole_bot=False)
                await self._put_off(row, _REFUSED_AGAIN_S, counts=False)
            case MessageGone() if row.page is None:
                await self._keep(self._outbox.sent, row.id, "")  # somebody else took it back
            case MessageGone() if row.page is not None and row.page.only_edits:
                await self._keep(self._outbox.dropped, row.id, "sent")
            case MessageGone() if row.sent_as and row.renewed < _RENEWALS:
                await self._put_off(row, 0, counts=True, as_new=True)
            case DeliveryUnknown():
                await self._unknown(row, can, _TRIES)
            case PlatformDown():
                await self._again(row, _TRIES)
            case ChatClosed():
                await self._put_off(row, math.inf, counts=False)
            case MarkupRefused():
                await self._plainer(desk, row, can)
            case MediaUnavailable() if row.page is not None and row.page.media:
                await self._without_media(desk, row, row.page)
            case ChatGone() | _:
                await self._keep(self._outbox.dropped, row.id, "failed")

    async def _unknown(self, row: OutboxRow, can: Capabilities, tries: int) -> None:
        """It may be there: said again where that can do no harm, or the operator prefers it."""
        if can.unknown == "mark" and not (can.idempotent or row.sent_as):
            await self._keep(self._outbox.dropped, row.id, "unknown")
        elif can.settles_s and not row.sent_as and row.attempts + 1 < tries:
            await self._put_off(row, can.settles_s, counts=True)
        else:
            await self._again(row, tries)

    async def _again(self, row: OutboxRow, tries: int) -> None:
        if row.attempts + 1 >= tries:
            log.error("given up", slot=row.key, attempts=row.attempts + 1)
            await self._keep(self._outbox.dropped, row.id, "failed")
            return
        await self._put_off(row, back_off_s(row.attempts, *self._back_off_s), counts=True)

    async def _plainer(self, desk: Desk, row: OutboxRow, can: Capabilities) -> None:
        """Say this page in the next plainer form; one in a form of another version's in the plainest."""
        page, forms = row.page, can.forms
        if page is None or page.form == forms[-1]:
            await self._keep(self._outbox.dropped, row.id, "failed")
            return
        form = forms[forms.index(page.form) + 1] if page.form in forms else forms[-1]
        await self._keep(self._outbox.reform, row.id, paged(desk.adapter, reply_of(page), form))

    async def _without_media(self, desk: Desk, row: OutboxRow, page: Page) -> None:
        """A file that cannot be had does not take the words with it."""
        words = replace(reply_of(page), media=())
        if words.markdown or words.choices:
            await self._keep(self._outbox.reform, row.id, paged(desk.adapter, words, page.form))
        else:
            await self._keep(self._outbox.dropped, row.id, "failed")

    async def _put_off(self, row: OutboxRow, delay_s: float, *, counts: bool, as_new: bool = False) -> None:
        await patiently(lambda: self._outbox.put_off(row.id, delay_s, counts=counts, as_new=as_new))

    async def _keep(self, write: Callable[..., Coroutine[Any, Any, None]], *what: object) -> None:
        """Tell the store, until it listens: what is out must not be forgotten to be out."""
        await patiently(lambda: write(*what))


def _same(page: Page, shown: Page | None) -> bool:
    """Whether a preview said exactly this; what comes with files is always said again."""
    if shown is None or page.media:
        return False
    return (page.form, page.body, page.choices) == (shown.form, shown.body, shown.choices)
