"""Previews: what is still being written is shown meanwhile, as the chat can: typing, a draft, or by editing.

Nothing here is promised: a preview is rendered only when it may be shown, so whatever piled up meanwhile costs
nothing, and one that fails is dropped, since the committed text comes anyway.
"""

import asyncio
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import structlog

from core.delivery.desks import Desk, Preview
from core.delivery.governor import Governor
from core.delivery.paging import MOST_PAGES, is_long, rendered
from core.delivery.posting import Posting
from core.errors import AdapterError, ChatGone, DeliveryUnknown, MarkupRefused, PlatformBusy, PlatformDown, StoreError
from core.patience import patiently
from core.storage import Outbox, message_key
from core.values import Capabilities, Page

log = structlog.get_logger(__name__)

_HANGS_S = 30.0
_DOWN_S = 1.0
_FIRST_WITHIN_S = 0.3
_LONG_EVERY_S = 5.0


@dataclass(frozen=True, slots=True)
class _Sketch:
    """A preview about to be drawn, and where."""

    desk: Desk
    preview: Preview
    can: Capabilities


class Previews:
    """Draws previews.

    Args:
        crowd: How many answers are under way.
    """

    def __init__(self, outbox: Outbox, governor: Governor, posting: Posting, crowd: Callable[[], int]) -> None:
        self._outbox = outbox
        self._governor = governor
        self._posting = posting
        self._crowd = crowd

    def first(self, desk: Desk) -> tuple[Preview, float] | None:
        """The preview to draw next, and the seconds until then (infinite: not until something changes)."""
        waits = [(self._wait_s(preview, desk), preview) for preview in desk.previews.values() if not preview.given_up]
        if not waits:
            return None
        wait_s, preview = min(waits, key=lambda one: one[0])
        if wait_s < math.inf:
            can = _kind(preview, desk)
            wait_s = max(wait_s, self._governor.wait_s(desk.adapter.name, desk.chat, can, reserve=1))
        return preview, wait_s

    async def draw(self, desk: Desk, preview: Preview) -> None:
        """Show what the preview reads now."""
        can = _kind(preview, desk)
        preview.dirty = False
        preview.drawn_at = time.monotonic()
        try:
            await self._draw(_Sketch(desk, preview, can))
            if can.preview == "draft" and _kind(preview, desk).preview != "draft":
                self._fall(preview, can)  # the adapter knows better now
        except PlatformBusy as busy:
            await self._posting.heed(desk, busy)
            preview.dirty = True
        except PlatformDown:
            preview.drawn_at = time.monotonic() + _DOWN_S
            preview.dirty = True
        except MarkupRefused:
            preview.form += 1
            preview.dirty = True
            if preview.form >= len(can.forms):
                self._fall(preview, can)
        except (ChatGone, StoreError) as error:
            log.debug("preview given up", slot=preview.out.slot, reason=str(error))
            preview.given_up = True
        except (AdapterError, TimeoutError) as error:
            log.debug("preview refused", slot=preview.out.slot, reason=str(error))
            self._fall(preview, can)
        except Exception:
            log.exception("preview broke", adapter=desk.adapter.name, slot=preview.out.slot)
            preview.given_up = True

    def _wait_s(self, preview: Preview, desk: Desk) -> float:
        """Seconds until the preview may, or must, be drawn again."""
        can, now = _kind(preview, desk), time.monotonic()
        if _only_typing(preview, can):
            return max(0.0, preview.next_at - now) if can.typing_s else math.inf
        if not preview.dirty:
            return max(0.0, preview.next_at - now)
        share_s = (self._crowd() - 1) / can.previews_per_s if can.previews_per_s else 0.0
        if not preview.drawn_at:  # among many, a short answer is there as soon as a preview would be
            return max(0.0, preview.began_at + min(_FIRST_WITHIN_S, share_s) - now)
        rest_s = 0.0 if preview.has_grown or not can.renders else _LONG_EVERY_S
        return max(0.0, preview.drawn_at + max(can.preview_every_s, share_s, rest_s) - now)

    @staticmethod
    def _fall(preview: Preview, can: Capabilities) -> None:
        """Show what is being written in the next kind of way: by editing instead of a draft, then only by typing."""
        preview.form, preview.dirty, preview.next_at = 0, True, 0.0
        preview.only_typing = can.preview != "draft" or preview.undrafted
        preview.undrafted = True

    async def _draw(self, sketch: _Sketch) -> None:
        preview, can = sketch.preview, sketch.can
        if _only_typing(preview, can):
            preview.next_at = time.monotonic() + can.typing_s
            if can.preview == "draft":
                preview.drawn_at = 0.0  # the first words wait for nothing; a message is better begun with some more
            await self._type(sketch)
            return
        growing = replace(preview.out.reply, unfinished=True)
        preview.drawn_chars = len(growing.markdown)
        pages = await rendered(sketch.desk.adapter, growing, can.forms[preview.form], can)
        if can.preview == "draft":
            preview.next_at = time.monotonic() + can.draft_s
            await self._signal(sketch, pages[-1])
        else:
            preview.next_at = math.inf
            await self._edit(sketch, pages[:MOST_PAGES])

    async def _type(self, sketch: _Sketch) -> None:
        try:
            await self._signal(sketch, "typing")
        except PlatformBusy:
            raise
        except (AdapterError, TimeoutError) as error:
            log.debug("typing not shown", slot=sketch.preview.out.slot, reason=str(error))

    async def _edit(self, sketch: _Sketch, pages: Sequence[Page]) -> None:
        """Bring the first page that differs up to date; the others follow, each with its own budget."""
        desk, preview, slot = sketch.desk, sketch.preview, sketch.preview.out.slot
        if preview.there is None:
            preview.there = await self._outbox.preview_rows(slot)
        for number, page in enumerate(pages):
            if desk.shown.get(message_key(slot, number)) == page:
                continue
            if (there := preview.there.get(number)) is not None:
                preview.there[number] = await self._change(sketch, page, number, there)
            elif desk.previews.get(slot) is preview:
                preview.there[number] = await self._first_sight(sketch, page, number)
            else:
                return  # the turn has ended: what it says is committed
            preview.dirty = preview.dirty or number + 1 < len(pages)
            return

    async def _change(self, sketch: _Sketch, page: Page, number: int, there: tuple[int, str]) -> tuple[int, str]:
        row, was = there
        try:
            sent_as = await self._put(sketch, page, number, was)
        except DeliveryUnknown:
            sketch.preview.dirty = True  # an edit may be made twice
            return there
        sketch.desk.shown[message_key(sketch.preview.out.slot, number)] = page
        if sent_as != was:
            await patiently(lambda: self._outbox.sent(row, sent_as))
        return row, sent_as

    async def _first_sight(self, sketch: _Sketch, page: Page, number: int) -> tuple[int, str]:
        """Send a slot's first preview: intent and platform's id are committed, so that no other is ever sent."""
        out = sketch.preview.out
        log.debug("stage", stage="preview", phase="begin", slot=out.slot)
        row = await self._outbox.begin_preview(sketch.preview.lane, out, number)
        try:
            sent_as = await self._put(sketch, page, number, None)
        except DeliveryUnknown:
            raise
        except AdapterError:
            await patiently(lambda: self._outbox.dropped(row, "sent"))  # it is certainly not there
            raise
        await patiently(lambda: self._outbox.sent(row, sent_as))
        if not sketch.can.idempotent:  # there, it may be what an earlier run had sent
            sketch.desk.shown[message_key(out.slot, number)] = page
        log.debug("stage", stage="preview", phase="done", slot=out.slot)
        return row, sent_as

    # -- calls, each with its share of the budget

    async def _put(self, sketch: _Sketch, page: Page, number: int, was: str | None) -> str:
        desk, out, key = sketch.desk, sketch.preview.out, message_key(sketch.preview.out.slot, number)
        desk.shown.pop(key, None)  # whatever comes of this, nobody knows what is shown until it has succeeded
        self._governor.spend(desk.chat, sketch.can)
        try:
            async with asyncio.timeout(_HANGS_S):
                return await desk.adapter.put(out.to, page, slot=key, was=was)
        except TimeoutError as error:
            raise DeliveryUnknown(f"no answer within {_HANGS_S:.0f} s") from error

    async def _signal(self, sketch: _Sketch, activity: Page | Literal["typing"]) -> None:
        desk, out = sketch.desk, sketch.preview.out
        self._governor.spend(desk.chat, sketch.can)
        async with asyncio.timeout(_HANGS_S):
            await desk.adapter.signal(out.to, activity, slot=out.slot)


def shows_words(can: Capabilities) -> bool:
    """Whether a chat that can do this is shown an unfinished answer's words, and not only that one is being written."""
    # The first sight is a send like any other: cut off, it would stay there beside the answer.
    may_double = can.preview == "edit" and can.unknown == "mark" and not can.idempotent
    return can.preview != "none" and not may_double


def _only_typing(preview: Preview, can: Capabilities) -> bool:
    words = preview.out.reply.markdown
    return preview.only_typing or not (words and shows_words(can) and not is_long(words, can))


def _kind(preview: Preview, desk: Desk) -> Capabilities:
    """What the preview's chat can do, as far as it is not known better of this preview."""
    can = desk.adapter.capabilities(preview.out.to)
    return replace(can, preview="edit") if preview.undrafted and can.preview == "draft" else can
