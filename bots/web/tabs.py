"""What one open page is told: not events but the latest state, so that one that reads slowly misses nothing.

Each message says what changed since the last one to the same page: of an answer that grows, the blocks that are
complete now, and how the rest differs from before.
"""

import asyncio
import json
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum

from bots.web.items import Item


class News(StrEnum):
    """What concerns a page as a whole."""

    REFRESH = "refresh"  # read the conversation again
    LIST = "list"  # read the list of conversations again
    MOVED = "moved"  # the conversation has another name now


@dataclass(slots=True)
class _Seen:
    """What a page knows of a message: how many complete blocks, and the HTML after them."""

    blocks: int = 0
    tail: str = ""
    shell: bool = False


class Tab:
    """One open page.

    Args:
        now: What goes with everything that is told: what has happened so far, and the conversation's name.
        shell: Makes the HTML around a message.
    """

    def __init__(self, session: str, now: Callable[[], dict[str, str]], shell: Callable[[Item], str]) -> None:
        self.session = session
        self._now = now
        self._shell = shell
        self._items: dict[str, Item] = {}
        self._news: dict[News, None] = {}
        self._seen: dict[str, _Seen] = {}
        self._woken = asyncio.Event()
        self._closed = False

    def tell(self, item: Item) -> None:
        """This message changed."""
        self._items[item.id] = item
        seen = self._seen.setdefault(item.id, _Seen())
        seen.blocks = min(seen.blocks, item.html.changed)
        self._woken.set()

    def news(self, news: News) -> None:
        """Something concerns the page as a whole."""
        self._news[news] = None
        self._woken.set()

    def close(self) -> None:
        """There is nothing more to tell."""
        self._closed = True
        self._woken.set()

    async def next(self, within_s: float) -> str | None:
        """The next messages as server-sent events, a mere sign of life after ``within_s``; None at the end."""
        try:
            async with asyncio.timeout(within_s):
                await self._woken.wait()
        except TimeoutError:
            return ": still here\n\n"
        self._woken.clear()
        if self._closed:
            return None
        items, self._items = self._items, {}
        news, self._news = self._news, {}
        said = [_event("item", self._told(item) | self._now()) for item in items.values()]
        return "".join([*said, *(_event(name, {**self._now()}) for name in news)])

    def _told(self, item: Item) -> dict[str, object]:
        told: dict[str, object] = {"id": item.id, "state": item.state}
        seen = self._seen[item.id]
        if item.state == "gone":
            del self._seen[item.id]
            return told
        if not seen.shell:
            seen.shell = True
            told["shell"] = self._shell(item)
        if item.mine:
            return told
        html = item.html
        common = _common(seen.tail, html.tail)
        told |= {
            "from": seen.blocks,
            "blocks": html.complete[seen.blocks :],
            "keep": len(html.tail[:common].encode("utf-16-le")) // 2,  # as JavaScript counts
            "add": html.tail[common:],
            "choices": [{"label": choice.label, "token": choice.token} for choice in item.choices],
        }
        seen.blocks, seen.tail = len(html.complete), html.tail
        return told


def _common(one: str, other: str) -> int:
    """How far two strings are alike from their beginning."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def _event(name: str, told: dict[str, object]) -> str:
    return f"event: {name}\ndata: {json.dumps(told, ensure_ascii=False)}\n\n"
