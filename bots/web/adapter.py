"""The adapter: what the core asks of a messenger, and what pages hand on to the core.

A conversation's name travels in the handle of each address, so an answer is shown where it was asked for, whatever
is open by then. An answer under way is a draft: it is shown by ``signal``, so that ``put`` always says the last word.
"""

import asyncio
import json
import re
import secrets
from collections.abc import AsyncGenerator, Sequence
from typing import Final, Literal

import structlog

from bots.web.files import Files
from bots.web.history import MessageWindow, letters, window
from bots.web.leftovers import Leftovers
from bots.web.tabs import News
from bots.web.views import View, Views
from core.seams import Accept, Adapter
from core.site import Archive
from core.text.splitting import split
from core.values import Address, Body, Capabilities, Command, Conversation, Inbound, Media, Message, Page, Reply

log = structlog.get_logger(__name__)

OWNER: Final = "owner"
"""Everybody who was let in."""
_QUIET: Final = "-"
"""The handle of what is not to be answered on the page."""
_SILENT: Final = frozenset({"stop", "new", "switch"})
"""Commands that a page gives by itself: what they do is seen."""
_ANYWHERE: Final = frozenset({"stop", "model"})
"""Commands that belong to no conversation: none has to be the current one for them."""
_LONGEST: Final = 200_000
"""Characters of a page; longer answers continue in another one."""
_ENTRIES: Final = 100
"""Entries of a conversation that are read at a time: what a page shows, and where an answer is looked for that is only
delivered now. A message has one, or a few where tools were used."""
_COMMAND = re.compile(r"/([A-Za-z][A-Za-z0-9_]*)(?:\s+(.*))?", re.DOTALL)
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
_CAN = Capabilities(
    forms=("markdown",),
    preview="draft",
    preview_every_s=0.05,
    typing_s=20.0,
    draft_s=20.0,
    idempotent=True,
    renders=False,
    max_chars=12 * _LONGEST,
)


class Unready(Exception):
    """This cannot be done right now; the sentence says why."""


class Web:
    """All open pages, as one messenger."""

    def __init__(self, name: str, archive: Archive, files: Files, leftovers: Leftovers) -> None:
        self._name = name
        self._archive = archive
        self._leftovers = leftovers
        self.files = files
        self.views = Views(secrets.token_hex(4))
        self._accept: asyncio.Future[Accept] = asyncio.get_running_loop().create_future()
        self._stopped = False
        self._heading = ""  # the conversation that what was said last belongs to
        self._speaking = asyncio.Lock()

    @property
    def name(self) -> str:
        """See ``Adapter``."""
        return self._name

    def capabilities(self, to: Address) -> Capabilities:
        """See ``Adapter``. A page has time and room."""
        del to
        return _CAN

    # -- the person's side

    async def run(self, accept: Accept) -> None:
        """See ``Adapter``. What was said before it listened has been waiting."""
        self._stopped = False
        self._accept.set_result(accept)
        try:
            await asyncio.Event().wait()
        finally:
            self._accept = asyncio.get_running_loop().create_future()
            self._stopped = True

    async def conversations(self) -> tuple[Conversation, ...]:
        """All conversations, the latest first."""
        return await self._archive.conversations(OWNER)

    async def read(
        self, view: View, *, before: str | None = None, after: str | None = None, limit: int = _ENTRIES
    ) -> MessageWindow:
        """What the archive has of a conversation: its end, or what stands before or after a place."""
        if view.begun is not None:
            await self._find(view)
        if view.begun is not None:
            return MessageWindow()
        return window(await self._archive.read(OWNER, view.id, before=before, after=after, limit=limit), after)

    async def say(self, view: View, text: str, media: Sequence[Media], key: str) -> None:
        """The person says something in a conversation; the same key again is the same message."""
        view.merged(await self.read(view))
        body: Body = Message(id=key, text=text, media=tuple(media))
        if (command := _COMMAND.fullmatch(text.strip())) and not media:
            body = Command(name=command[1].lower(), args=(command[2] or "").strip())
        shown = view.said(key, text, media)  # first, so that it stands before its answer
        try:
            await self._push(view, body, key)
        except BaseException:
            if shown:
                view.gone(key)
            raise
        await self._keep()
        self._tell_lists()

    async def again(self, view: View, text: str, key: str) -> None:
        """Let the last question be answered once more; with a text, as that."""
        archived = await self.read(view)
        view.merged(archived)
        view.anew(_before_last_question(archived) if text else _last_question(archived))
        if text:
            view.said(key, text)
        try:
            await self._push(view, Command(name="retry", args=text), key)
        except BaseException:
            view.as_archived()
            raise
        await self._keep()

    async def choose(self, view: View, model: str, key: str) -> None:
        """The person wants another model to answer: ``provider/model``, or ``auto``. What is said to that is shown."""
        await self._push(view, Command(name="model", args=model), key)

    async def tell(self, view: View, body: Body, key: str) -> None:
        """The person does something else there: stops an answer, presses a button."""
        await self._push(view, body, key)

    async def _push(self, view: View, body: Body, key: str) -> None:
        """Hand an event on, behind whatever makes its conversation the current one."""
        name = body.name if isinstance(body, Command) else ""
        async with self._speaking:
            before = [] if name in _ANYWHERE else await self._turn_to(view)
            events = [self._event(one, f"{key}:{one.name}", _QUIET) for one in before]
            events.append(self._event(body, key, _QUIET if name in _SILENT else view.id))
            if self._stopped:
                raise Unready("Waystation is being stopped. Please try again in a moment.")
            accept = await asyncio.shield(self._accept)
            await accept(events)

    def _event(self, body: Body, key: str, handle: str) -> Inbound:
        to = Address(adapter=self._name, chat=OWNER, handle=handle)
        return Inbound(key=f"{self._name}:{key}", sender=OWNER, to=to, body=body)

    async def _turn_to(self, view: View) -> list[Command]:
        """What has to be said first, so that what follows belongs to this conversation."""
        known = await self.conversations()
        current = next((one.id for one in known if one.current), "")
        if view.begun is not None:
            return await self._begin(view, known, current)
        here = self._heading in {"", view.id} and current == view.id
        self._heading = view.id
        return [] if here else [Command(name="switch", args=view.id)]

    async def _begin(self, view: View, known: Sequence[Conversation], current: str) -> list[Command]:
        if view.begun:
            if self._heading != view.id:
                raise Unready("This conversation is only just beginning. Please try again in a moment.")
            return []
        here = self.views.known(current)
        unused = not (here and here.talkative) and not (await self._archive.read(OWNER, current, limit=1)).entries
        if current and unused and self._heading in {"", current}:
            self._heading = current
            self.views.name(view, current)
            return []
        self._heading = view.id
        view.begun = frozenset(("", *(one.id for one in known)))
        return [Command(name="new")]

    async def _find(self, view: View) -> None:
        """See which conversation one that was begun here has become."""
        if not view.begun:
            return
        for one in await self.conversations():
            if one.current and one.id not in view.begun:
                self._heading = one.id if self._heading == view.id else self._heading
                self.views.name(view, one.id)
                return

    async def restore(self) -> None:
        """Show what the last run left."""
        for left in await self._leftovers.read():
            await self.views.get(left.view).restore(left)

    async def _keep(self) -> None:
        """Let what no archive has be found again after a restart."""
        try:
            await self._leftovers.write([left for view in self.views.all() if (left := view.left()).messages])
        except OSError as problem:  # what is kept here is a convenience: the message itself is safe
            log.warning("open questions of the web chat not kept", reason=problem.strerror)

    def _tell_lists(self) -> None:
        for view in self.views.all():
            view.tell_all(News.LIST)

    # -- the assistant's side

    def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
        """See ``Adapter``. A page has room: one, unless the answer is enormous."""
        text = _CONTROL.sub("", reply.markdown)
        pieces = (
            split(text, lambda piece: len(piece) / _LONGEST, max_pages=reply.max_pages)
            if len(text) > _LONGEST
            else (text,)
        )
        last = len(pieces) - 1
        return tuple(
            Page(
                body=json.dumps({"text": piece}, ensure_ascii=False),
                form=form,
                source=piece,
                media=() if number else reply.media,
                choices=reply.choices if number == last else (),
            )
            for number, piece in enumerate(pieces)
        )

    async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:
        """See ``Adapter``. The slot is the message's name, so whatever is said twice is there once."""
        name = was or _bare(slot)
        if to.handle == _QUIET:
            return name
        view = await self._view(to)
        if page is None:
            view.gone(name)
        elif not view.shows(name) and await self._has(view, _text(page)):
            view.as_archived()  # nobody saw it being written: it was quick, or an earlier process committed it
        else:
            await view.final(name, _text(page), page.media, page.choices)
        await self._keep()
        self._tell_lists()
        return name

    async def _has(self, view: View, text: str) -> bool:
        """Whether the conversation has this answer already; it may have gone on since, when questions waited."""
        archived = await self.read(view)
        view.merged(archived)
        return any(letters(line.text) == letters(text) and not line.mine for line in archived.lines)

    async def signal(self, to: Address, activity: Page | Literal["typing", "seen"], *, slot: str) -> None:
        """See ``Adapter``."""
        if to.handle == _QUIET or activity == "seen":
            return
        view = await self._view(to)
        if view.end is None:
            view.merged(await self.read(view))
        if isinstance(activity, Page):
            view.growing(_bare(slot), _text(activity))
        else:
            view.working(_bare(slot))

    def fetch(self, media: Media) -> AsyncGenerator[bytes, None]:
        """See ``Adapter``."""
        return self._fetch(media)

    async def _fetch(self, media: Media) -> AsyncGenerator[bytes, None]:
        yield (await self.files.read(media.ref)).body

    async def _view(self, to: Address) -> View:
        """Where to show what is said: where it was asked for, else in the current conversation."""
        view = self.views.known(to.handle) if to.handle else None
        if view is None:
            known = await self.conversations()
            ids = [one.id for one in known if to.handle == one.id or one.current]
            view = self.views.get(to.handle if to.handle in ids else next(iter(ids), to.handle))
        if view.begun:
            await self._find(view)
        return view


def _last_question(archived: MessageWindow) -> str:
    """The place where the last thing the person said ends."""
    return next((line.end for line in reversed(archived.lines) if line.mine), archived.end)


def _before_last_question(archived: MessageWindow) -> str:
    """The place where what stands before it ends."""
    number = next((at for at in reversed(range(len(archived.lines))) if archived.lines[at].mine), None)
    if number is None:
        return archived.end
    return archived.lines[number - 1].end if number else archived.after


def _text(page: Page) -> str:
    text: str = json.loads(page.body)["text"]
    return text


def _bare(slot: str) -> str:
    """A slot's name on the page: its first page's is the slot's own, which drafts have too."""
    return slot.removesuffix(".0")


_: type[Adapter] = Web
