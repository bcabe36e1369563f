"""A messenger in memory: it fails when and how a test says, and shows what each chat finally shows."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, Callable
from dataclasses import dataclass
from itertools import count
from typing import Literal

from core.checks import refused
from core.errors import MediaUnavailable, MessageGone
from core.seams import Accept, Adapter
from core.values import MAX_KEY_CHARS, Address, Capabilities, Inbound, Media, Page, Reply, value

FORMS = ("rich", "plain")
BY_EDITS = Capabilities(forms=FORMS, preview="edit", preview_every_s=0.0, typing_s=4.0)


@value
class Call:
    """One call of an adapter."""

    kind: Literal["send", "edit", "delete", "draft", "typing", "seen"]
    to: Address
    page: Page | None
    slot: str
    was: str | None = None


@value
class Fault:
    """How one call goes wrong.

    Attributes:
        error: Raised by the call, None for none.
        accepted: True where the platform did it nevertheless, so that only the answer is lost.
        hold: The call waits for this event first; one that is never set makes it hang.
    """

    error: Exception | None = None
    accepted: bool = False
    hold: asyncio.Event | None = None


@dataclass(slots=True)
class Shown:
    """A message as a chat shows it."""

    id: str
    page: Page
    slot: str
    edits: int = 0


class FakeAdapter:
    """A messenger in memory.

    Attributes:
        can: What every chat can do; see ``Capabilities``.
        page_chars: A reply is cut into pages of so many characters.
        faults: One for each coming call (of any kind), None where it works; override ``fault`` for more.
        calls: Every call, in order, those that failed too.
        chats: What each chat shows now, oldest first.
        files: What ``fetch`` finds, by reference.
        acknowledged: The keys of events that ``accept`` took, in order.
    """

    def __init__(self, name: str = "fake", can: Capabilities = BY_EDITS, *, page_chars: int = 100) -> None:
        self._name = name
        self.can = can
        self.page_chars = page_chars
        self.faults: deque[Fault | None] = deque()
        self.calls: list[Call] = []
        self.chats: dict[str, list[Shown]] = {}
        self.files: dict[str, bytes] = {}
        self.acknowledged: list[str] = []
        self._arrivals: asyncio.Queue[Inbound] = asyncio.Queue()
        self._changed = asyncio.Event()
        self._ids = count(1)

    @property
    def name(self) -> str:
        """See ``Adapter``."""
        return self._name

    def capabilities(self, to: Address) -> Capabilities:
        """See ``Adapter``."""
        del to
        return self.can

    async def run(self, accept: Accept) -> None:
        """See ``Adapter``: hands on what ``arrive`` got."""
        while True:
            event = await self._arrivals.get()
            await accept([event])
            self.acknowledged.append(event.key)
            self._changed.set()

    def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
        """See ``Adapter``: the Markdown as it is, in equal pieces."""
        size = self.page_chars
        pieces = [reply.markdown[at : at + size] for at in range(0, len(reply.markdown), size)] or [""]
        last = len(pieces) - 1
        return tuple(
            Page(
                body=piece,
                form=form,
                source=piece,
                media=() if number else reply.media,
                choices=reply.choices if number == last else (),
            )
            for number, piece in enumerate(pieces)
        )

    async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:
        """See ``Adapter``."""
        if not 0 < len(slot) <= MAX_KEY_CHARS:
            raise refused("slot", slot, f"has {len(slot)} characters", f"there may be 1 to {MAX_KEY_CHARS}")
        kind: Literal["send", "edit", "delete"] = "delete" if page is None else "edit" if was else "send"
        call = Call(kind=kind, to=to, page=page, slot=slot, was=was)
        fault = await self._begin(call)
        if fault is None or fault.error is None:
            return self._do(call)
        if fault.accepted:
            self._do(call)
        raise fault.error

    async def signal(self, to: Address, activity: Page | Literal["typing", "seen"], *, slot: str) -> None:
        """See ``Adapter``."""
        page = activity if isinstance(activity, Page) else None
        fault = await self._begin(
            Call(kind="draft" if isinstance(activity, Page) else activity, to=to, page=page, slot=slot)
        )
        if fault is not None and fault.error is not None:
            raise fault.error

    async def fetch(self, media: Media) -> AsyncGenerator[bytes, None]:
        """See ``Adapter``."""
        if media.ref not in self.files:
            raise MediaUnavailable(f"there is no file {media.ref}")
        yield self.files[media.ref]

    def fault(self, call: Call) -> Fault | None:
        """How this call goes wrong, None where it does not."""
        del call
        return self.faults.popleft() if self.faults else None

    def arrive(self, *events: Inbound) -> None:
        """Let these events come in, for ``run`` to hand on."""
        for event in events:
            self._arrivals.put_nowait(event)

    def texts(self, chat: str = "1") -> list[str]:
        """What a chat shows now, oldest first."""
        return [shown.page.body for shown in self.chats.get(chat, ())]

    def kinds(self) -> list[str]:
        """What was called, in order."""
        return [call.kind for call in self.calls]

    async def until(self, true: Callable[[], bool], within_s: float = 5.0) -> None:
        """Wait until something holds; looked at whenever a call was made or answered."""
        async with asyncio.timeout(within_s):
            while not true():
                self._changed.clear()
                await self._changed.wait()

    async def _begin(self, call: Call) -> Fault | None:
        self.calls.append(call)
        self._changed.set()
        fault = self.fault(call)
        await (asyncio.sleep(0) if fault is None or fault.hold is None else fault.hold.wait())
        return fault

    def _do(self, call: Call) -> str:
        self._changed.set()
        chat = self.chats.setdefault(call.to.chat, [])
        if call.was is None and call.page is not None:
            return self._send(chat, call.page, call.slot)
        there = next((shown for shown in chat if shown.id == call.was), None)
        if there is None:
            raise MessageGone(f"there is no message {call.was}")
        if call.page is None:
            chat.remove(there)
        elif call.page != there.page:
            there.page, there.edits = call.page, there.edits + 1
        return there.id

    def _send(self, chat: list[Shown], page: Page, slot: str) -> str:
        known = next((shown for shown in chat if shown.slot == slot), None) if self.can.idempotent else None
        if known is None:
            chat.append(known := Shown(id=str(next(self._ids)), page=page, slot=slot))
        return known.id


_: type[Adapter] = FakeAdapter
