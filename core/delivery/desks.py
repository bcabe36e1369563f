"""A desk: all that delivery has in hand for one chat. Its courier works on it alone, so no two calls overlap."""

import asyncio
from dataclasses import dataclass, field

from core.delivery.paging import QUICK_CHARS
from core.seams import Adapter
from core.values import Address, Capabilities, Outbound, Page


@dataclass(slots=True)
class Preview:
    """A slot that is being written.

    Attributes:
        dirty: What is to be shown has changed since it was last drawn.
        given_up: It is not shown any more; what is committed comes without it.
        undrafted: A draft of it was refused, so it is shown by editing.
        only_typing: Neither can be had: only that something is being written is shown.
        form: Which of the chat's forms it takes, by number.
        there: Page number to row and platform id, once the store was asked.
        began_at: When its first words came, by the monotonic clock.
        drawn_at: When it was last drawn, 0 where it was not.
        drawn_chars: How much Markdown was last drawn.
        next_at: When it must be drawn again though nothing changed.
    """

    lane: str
    out: Outbound
    dirty: bool = True
    given_up: bool = False
    undrafted: bool = False
    only_typing: bool = False
    form: int = 0
    there: dict[int, tuple[int, str]] | None = None
    began_at: float = 0.0
    drawn_at: float = 0.0
    drawn_chars: int = 0
    next_at: float = 0.0

    @property
    def has_grown(self) -> bool:
        """Whether there is so much more to see that rendering all of it again costs little beside what was rendered.

        Each preview is rendered from the beginning, so those of a long answer have to be few.
        """
        chars = len(self.out.reply.markdown)
        return chars <= QUICK_CHARS or chars - self.drawn_chars >= self.drawn_chars / 10


@dataclass(slots=True)
class Desk:
    """One chat's work.

    Attributes:
        waiting: The outbox may have a page for this chat, which goes before any preview.
        held: How many turns are about to commit something for it.
        previews: What is being written, by slot.
        shown: What a preview last showed, by a page's key.
        news: Set when any of these changed.
    """

    chat: str
    to: Address
    adapter: Adapter
    waiting: bool = True
    held: int = 0
    previews: dict[str, Preview] = field(default_factory=dict)
    shown: dict[str, Page] = field(default_factory=dict)
    news: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    @property
    def can(self) -> Capabilities:
        """What the chat can do."""
        return self.adapter.capabilities(self.to)

    async def idle(self, seconds: float | None) -> None:
        """Sleep until there is news or time has passed."""
        try:
            async with asyncio.timeout(seconds):
                await self.news.wait()
        except TimeoutError:
            pass
