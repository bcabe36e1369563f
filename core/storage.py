"""What lanes and delivery need of a store: the seam between what an engine does and where it keeps things.

Chats and lanes go by names of our own (keyed hashes, ids), never by a platform's. All methods return after the commit.
"""

from collections.abc import Collection
from dataclasses import replace
from typing import Final, Literal, Protocol

import structlog

from core import phrases
from core.checks import refused
from core.codec import dump, load
from core.seams import Adapter
from core.values import Address, Outbound, Outcome, Page, Put, Received, Reply, value

log = structlog.get_logger(__name__)

Ended = Literal["sent", "failed", "unknown"]
"""What a page's delivery comes to."""

MAX_PAGES: Final = 1000
"""Of one reply: nobody reads as many, and a page's number has a place in an idempotency key."""

UNPAGED = ""
"""The form of a page that waits for its adapter to make pages of it."""


def unpaged(reply: Reply) -> Page:
    """A whole reply as one page, for want of an adapter."""
    return Page(body=dump(Reply, reply).decode(), form=UNPAGED, source=reply.markdown)


def reply_of(page: Page) -> Reply:
    """What a page says, to be said in another form."""
    if page.form == UNPAGED:
        return load(Reply, page.body.encode())
    return Reply(markdown=page.source, media=page.media, choices=page.choices, only_edits=page.only_edits)


def paged(adapter: Adapter, reply: Reply, form: str) -> tuple[Page, ...]:
    """A reply as an adapter's pages in one of its forms; what would take more than ``MAX_PAGES`` is cut.

    Raises:
        ValueError: The adapter makes no page of it, or one without a form.
    """
    pages = adapter.pages(reply, form)
    if not pages or any(page.form == UNPAGED for page in pages):
        what = f"pages of the adapter {adapter.name!r} in its form {form!r}"
        raise refused(what, [page.form for page in pages], "are none, or without a form", "see Adapter.pages")
    if len(pages) > MAX_PAGES:
        log.warning("reply cut", adapter=adapter.name, pages=len(pages), kept=MAX_PAGES)
        cut = adapter.pages(Reply(markdown=phrases.TOO_MANY_PAGES), form)[0]
        pages = (*pages[: MAX_PAGES - 2], cut, pages[-1])  # the last has the buttons
    return tuple(replace(page, only_edits=True) for page in pages) if reply.only_edits else pages


def message_key(slot: str, page: int, renewed: int = 0) -> str:
    """The idempotency key of one message: at most 24 characters of slot, page, and how often it was said anew."""
    return f"{slot}.{page}{f'-{renewed}' if renewed else ''}"


@value
class Written:
    """An outbound with the pages an adapter made of it, and our name for its chat."""

    out: Outbound
    chat: str
    pages: tuple[Page, ...]


@value
class OutboxRow:
    """One page on its way.

    Attributes:
        page: None to take back what is there.
        sent_as: The platform's id of the message to edit, None where nothing is there yet.
        attempts: How often it was tried and put off.
        stale: It is to be sent, but an earlier text may have been sent already, and nobody knows.
        renewed: How often it was said anew, since what was there could not be changed.
        space: The scope of the conversation it belongs to.
    """

    id: int
    slot: str
    number: int
    to: Address
    page: Page | None
    sent_as: str | None
    attempts: int = 0
    stale: bool = False
    renewed: int = 0
    space: str = ""

    @property
    def key(self) -> str:
        """See ``message_key``."""
        return message_key(self.slot, self.number, self.renewed)


@value
class Opened:
    """A lane as a turn finds it."""

    events: tuple[Received, ...]
    steps: tuple[bytes, ...] = ()


@value
class DueChats:
    """Chats with something to do now: our names for them, and where they are.

    Attributes:
        next_s: Seconds until a further chat has something to do, None where none is known of.
    """

    chats: tuple[tuple[str, Address], ...]
    next_s: float | None = None


class LaneStore(Protocol):
    """The inbox, by lane."""

    async def waiting_lanes(self, limit: int, but: Collection[str]) -> tuple[str, ...]:
        """Lanes with open rows, the longest waiting first."""

    async def open_lane(self, lane: str, after: int, limit: int) -> Opened:
        """The lane's open rows beyond a row, in order, with the steps of a turn that was killed."""

    async def record(self, lane: str, step: bytes, writes: tuple[Put, ...], written: tuple[Written, ...] = ()) -> None:
        """Keep a step of the running turn, with what is said along with it."""

    async def settle(
        self, lane: str, outcome: Outcome, written: tuple[Written, ...]
    ) -> tuple[tuple[str, Address], ...]:
        """End a turn: all of its outcome at once. Unfinished slots of the lane it does not fill are taken back.

        Returns:
            Our names for the chats where something is taken back, and where they are.
        """


class Outbox(Protocol):
    """What is to be said, by chat."""

    def chat(self, to: Address) -> str:
        """Our name for a chat: what shares one budget."""

    async def due_chats(self, adapter: str, limit: int, but: Collection[str]) -> DueChats:
        """Chats of an adapter with a page that is due, the longest waiting first."""

    async def take(self, chat: str) -> OutboxRow | float | None:
        """The chat's next page, its intent to be sent committed; or the seconds until one is due; or nothing."""

    async def sent(self, row: int, sent_as: str, *, settles: bool = False) -> None:
        """It is there, under this id; "" for what is not there any more.

        Args:
            settles: The platform will say later what became of it (``Receipt``); until then what it says is kept.
        """

    async def dropped(self, row: int, state: Ended) -> None:
        """It will not be tried again."""

    async def put_off(self, row: int, delay_s: float, *, counts: bool, as_new: bool) -> None:
        """Try again later; ``as_new`` forgets the message that was there.

        Args:
            delay_s: Infinite to wait until something else is to be said in the chat.
        """

    async def reform(self, row: int, pages: tuple[Page, ...], writes: tuple[Put, ...] = ()) -> None:
        """Say this page in these words instead; further pages of the slot move behind them.

        Args:
            writes: What is kept along with them: the files that they show.
        """

    async def preview_rows(self, slot: str) -> dict[int, tuple[int, str]]:
        """Page number to row and platform id, of what the slot already shows."""

    async def begin_preview(self, lane: str, out: Outbound, page: int) -> int:
        """Commit the intent to send a slot's first sight; returns the row."""

    async def pauses(self) -> dict[str, float]:
        """Names that were told to wait, with the seconds left."""

    async def pause(self, name: str, seconds: float) -> None:
        """Remember that a name was told to wait."""
