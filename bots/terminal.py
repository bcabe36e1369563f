"""The terminal: the machine's own user talks with the assistant over the control socket.

This is the process's end; what is typed and shown is ``core/cli/console.py``'s affair. Interactive terminals share one
chat: what one asked, all see answered. A one-shot question has a chat of its own that ends with it. An answer counts as
delivered when a terminal has said that it was read; one that finds nobody there waits for the next to come.
"""

import asyncio
import json
import re
import secrets
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Literal

import structlog
from pydantic import BaseModel, ConfigDict

from core.cli.dialogue import CHAT, Draft, Final, Pick, Read, Say, Taken, Working, from_person, hello, line
from core.errors import ChatGone, MediaUnavailable, PlatformDown
from core.seams import Accept, BotSpec
from core.site import BotSite, Spec, Wire
from core.text.invisible import cleaned, label
from core.values import Address, Body, Capabilities, Command, Inbound, Media, Message, Page, Reply, Tap

log = structlog.get_logger(__name__)

_SHARED = "local"
_ONCE = "once:"
_COMMAND = re.compile(r"/([A-Za-z][A-Za-z0-9_]*)(?:\s+(.*))?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CAN = Capabilities(
    forms=("markdown", "plain"),
    preview="draft",
    preview_every_s=0.05,
    typing_s=3600.0,
    draft_s=3600.0,
    idempotent=True,
    renders=False,
    max_chars=sys.maxsize,  # whoever pipes it somewhere wants all of it, and a terminal shows no files
)


class Settings(BaseModel):
    """``[bots.terminal]`` has nothing to set."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class _Session:
    """One connected terminal."""

    def __init__(self, wire: Wire, chat: str) -> None:
        self.wire = wire
        self.chat = chat
        self.id = secrets.token_hex(8)
        self.heard = 0

    async def tell(self, said: Taken | Working | Draft | Final) -> None:
        """Send one line."""
        await self.wire.send(line(said))


class Terminal:
    """All connected terminals, as one messenger."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._sessions: list[_Session] = []
        self._changed = asyncio.Event()
        self._accept: asyncio.Future[Accept] = asyncio.get_running_loop().create_future()
        self._stopped = False
        self._numbers = 0
        self._unread: set[int] = set()

    @property
    def name(self) -> str:
        """See ``Adapter``."""
        return self._name

    def capabilities(self, to: Address) -> Capabilities:
        """See ``Adapter``. A draft is what tells an unfinished answer from a final one at the other end."""
        del to
        return _CAN

    # -- the person's side

    async def run(self, accept: Accept) -> None:
        """See ``Adapter``. Terminals that came earlier have been waiting."""
        self._stopped = False
        self._accept.set_result(accept)
        try:
            await asyncio.Event().wait()
        finally:
            self._accept = asyncio.get_running_loop().create_future()
            self._stopped = True
            self._news()

    async def talk(self, wire: Wire) -> None:
        """Answer ``chat`` on the control socket, until that terminal is closed."""
        arguments = hello(await wire.receive() or "")
        if arguments is None:
            raise ValueError("the arguments of chat make no sense")
        session = _Session(wire, _ONCE + secrets.token_hex(8) if arguments.once else _SHARED)
        self._sessions.append(session)
        self._news()
        try:
            while (text := await wire.receive()) is not None:
                await self._heard(session, text)
        finally:
            self._sessions.remove(session)
            self._news()

    async def _heard(self, session: _Session, text: str) -> None:
        match from_person(text):
            case Read(number=number):
                self._unread.discard(number)
                self._news()
            case Pick(token=token):
                await self._push(session, Tap(token=token))
            case Say(text=said):
                await self._push(session, _body(said, session))
            case None:
                log.warning("terminal said what makes no sense", bytes=len(text))

    async def _push(self, session: _Session, body: Body) -> None:
        session.heard += 1
        event = Inbound(
            key=f"{self._name}:{session.id}:{session.heard}",
            sender="owner",
            to=Address(adapter=self._name, chat=session.chat),
            body=body,
        )
        accept = await asyncio.shield(self._accept)
        await accept((event,))
        await session.tell(Taken())

    # -- the assistant's side

    def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
        """See ``Adapter``. A terminal has room: always one page, which says what media it cannot show."""
        files = [f"[{media.kind}{f': {label(media.name)}' if media.name else ''}]" for media in reply.media]
        text = cleaned(_CONTROL.sub("", "\n\n".join(filter(None, [reply.markdown, *files]))))
        body = json.dumps({"text": text, "failed": reply.failed, "more": reply.more})
        return (Page(body=body, form=form, source=reply.markdown, media=reply.media, choices=reply.choices),)

    async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:
        """See ``Adapter``. Returns once a terminal has said that it was read, however long that takes."""
        self._numbers += 1
        number = self._numbers
        there = was or slot
        said = {"text": None} if page is None else json.loads(page.body)
        final = Final(number=number, slot=_bare(there), choices=page.choices if page else (), **said)
        self._unread.add(number)
        told: set[_Session] = set()
        try:
            while number in self._unread:
                changed = self._changed
                new = [session for session in self._present(to) if session not in told]
                await asyncio.gather(*(session.tell(final) for session in new))
                told.update(new)
                await changed.wait()
        finally:
            self._unread.discard(number)
        return there

    async def signal(self, to: Address, activity: Page | Literal["typing", "seen"], *, slot: str) -> None:
        """See ``Adapter``."""
        said: Working | Draft = Working(slot=_bare(slot))
        if isinstance(activity, Page):
            said = Draft(slot=_bare(slot), text=json.loads(activity.body)["text"])
        elif activity == "seen":
            return
        sessions = [session for session in self._sessions if session.chat == to.chat]
        await asyncio.gather(*(session.tell(said) for session in sessions))

    async def fetch(self, media: Media) -> AsyncGenerator[bytes, None]:
        """See ``Adapter``: nobody sends files through a terminal."""
        pieces: tuple[bytes, ...] = ()
        for piece in pieces:
            yield piece
        message = f"the terminal holds no files, and not {media.ref}"
        raise MediaUnavailable(message)

    def _present(self, to: Address) -> list[_Session]:
        present = [session for session in self._sessions if session.chat == to.chat]
        if not present and to.chat.startswith(_ONCE):
            raise ChatGone("whoever asked this once has gone")
        if not present and self._stopped:
            raise PlatformDown("nobody is at the terminal, and nobody can come any more")
        return present

    def _news(self) -> None:
        """Wake whoever waits for a terminal to come, to go, or to have read."""
        self._changed.set()
        self._changed = asyncio.Event()


def _body(said: str, session: _Session) -> Body:
    if command := _COMMAND.fullmatch(said.strip()):
        return Command(name=command[1].lower(), args=(command[2] or "").strip())
    return Message(id=f"{session.id}:{session.heard + 1}", text=said)


def _bare(slot: str) -> str:
    """A slot without its page's number, since there is only one page."""
    return slot.partition(".")[0]


@asynccontextmanager
async def open_terminal(site: BotSite, settings: Settings) -> AsyncGenerator[Terminal, None]:
    """Let terminals connect; there is nothing to close."""
    del settings
    terminal = Terminal(site.name)
    site.operator.control(CHAT, terminal.talk)
    yield terminal


spec: BotSpec[Settings] = Spec(name="terminal", settings=Settings, open=open_terminal, local=True)
