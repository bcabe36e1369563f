"""Sending: one page becomes one call, files go up first, and whatever goes wrong is told in our kinds."""

import json
import time
from collections import OrderedDict
from typing import Any, Final

from bots.whatsapp.line import Cut, Line, Refused, Unsent
from bots.whatsapp.paging import TEMPLATE, kind_of
from bots.whatsapp.people import People
from bots.whatsapp.refusals import closed, translate
from core.errors import AdapterError, ChatClosed, MediaUnavailable, MessageGone
from core.files import read_whole
from core.site import Site
from core.values import Address, Media, Page

Json = dict[str, Any]

_MB: Final = 1 << 20
_MOST_BYTES: Final = {"image": 5 * _MB, "audio": 16 * _MB, "video": 16 * _MB, "document": 100 * _MB, "sticker": 500_000}
_MIMES: Final = {
    "photo": "image/jpeg",
    "video": "video/mp4",
    "voice": "audio/ogg",
    "audio": "audio/mpeg",
    "sticker": "image/webp",
    "document": "application/octet-stream",
}
_WINDOW_S: Final = 24 * 3600.0
_REMEMBERED: Final = 2000
_NOT_SO: Final = 400
_WAITS: Final = (
    "An answer on WhatsApp has to wait: its person wrote more than 24 hours ago, and Meta then lets in only templates "
    "it has approved. It goes out when they write again. To have such answers sent at once, name a template in "
    "`bots.whatsapp.template`."
)


class Sender:
    """Says pages, and shows that something is being done.

    Args:
        template: Name and language of what is said outside the 24 hours; ("", …) for none.

    Attributes:
        waiting: Chats for which something waits until their person writes.
    """

    def __init__(self, site: Site, line: Line, people: People, template: tuple[str, str]) -> None:
        self._site = site
        self._line = line
        self._people = people
        self._template = template
        self._wrote: OrderedDict[str, float] = OrderedDict()
        self._shut: set[str] = set()
        self.waiting: set[str] = set()

    def wrote(self, chat: str, at: float) -> None:
        """Somebody wrote: the 24 hours begin anew."""
        self._wrote[chat] = max(self._wrote.pop(chat, 0.0), at)
        self.waiting.discard(chat)
        self._shut.discard(chat)
        while len(self._wrote) > _REMEMBERED:
            self._wrote.popitem(last=False)

    def closed(self, chat: str) -> None:
        """Meta says that their 24 hours are over."""
        self._shut.add(chat)

    async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:
        """See ``Adapter.put``; what was said cannot be changed here."""
        if page is None or was is not None:
            raise MessageGone("WhatsApp changes and takes back nothing that a business has said.")
        may_template = bool(self._template[0]) and page.form != TEMPLATE
        if page.form != TEMPLATE and self._is_closed(to.chat):
            raise await self._noted(to.chat, closed(template=may_template))
        body = await self._body(to, page)
        try:
            sent = await self._sent(to, body, slot)
        except (Refused, Unsent, Cut) as error:
            raise await self._noted(to.chat, translate(error, template=may_template)) from None
        self.waiting.discard(to.chat)
        return sent

    async def _sent(self, to: Address, body: Json, slot: str) -> str:
        """Send; an emoji that Meta sets below nothing (it knows fewer than there are) is said."""
        try:
            return await self._line.send(await self._addressed(to, body, slot))
        except Refused as error:
            if body["type"] != "reaction" or error.status != _NOT_SO:
                raise
            return await self._line.send(await self._addressed(to, _text(body["reaction"]["emoji"]), slot))

    async def seen(self, to: Address, *, typing: bool) -> None:
        """Mark what is being answered as read, which is also the only way to show "typing"."""
        if not to.handle:
            return
        body: Json = {"status": "read", "message_id": to.handle}
        try:
            await self._line.send(body | ({"typing_indicator": {"type": "text"}} if typing else {}))
        except (Refused, Unsent, Cut) as error:
            raise translate(error, template=False) from None

    def _is_closed(self, chat: str) -> bool:
        """Whether the 24 hours are certainly over; after a restart nobody knows, and Meta tells."""
        at = self._wrote.get(chat, 0.0)
        return chat in self._shut or (bool(at) and time.time() - at > _WINDOW_S)

    async def _noted(self, chat: str, error: AdapterError) -> AdapterError:
        """Remember where something has to wait, and let the owner know when it is the first."""
        if isinstance(error, ChatClosed):
            first = not self.waiting
            self.waiting.add(chat)
            if first:
                await self._site.tell_owner(_WAITS)
        return error

    async def _addressed(self, to: Address, body: Json, slot: str) -> Json:
        reach = await self._people.reach(to.chat)
        whom = {"to": reach} if reach.isdigit() else {"recipient": reach}
        return {"recipient_type": "individual", **whom, "biz_opaque_callback_data": slot, **body}

    async def _body(self, to: Address, page: Page) -> Json:
        body: Json = json.loads(page.body)
        if page.form == TEMPLATE:
            name, language = self._template
            parameters = [{"type": "text", "text": body["template"]["text"]}]
            components = [{"type": "body", "parameters": parameters}]
            return body | {"template": {"name": name, "language": {"code": language}, "components": components}}
        if body["type"] == "reaction":
            return _reaction(to.handle, body["reaction"]["emoji"])
        for media in page.media:
            body[body["type"]]["id"] = await self._upload(media)
        return body

    async def _upload(self, media: Media) -> str:
        if media.adapter == self._site.name:
            return media.ref  # Meta has it already
        kind = kind_of(media)
        data = await read_whole(self._site.fetch, media, _MOST_BYTES[kind])
        try:
            return await self._line.upload(data, media.mime or _MIMES[media.kind], media.name or media.kind)
        except Refused as error:
            raise MediaUnavailable(str(error)) from None
        except (Unsent, Cut) as error:
            raise translate(Unsent(str(error)), template=False) from None


def _text(text: str) -> Json:
    return {"type": "text", "text": {"body": text, "preview_url": False}}


def _reaction(message: str, emoji: str) -> Json:
    """Below the message it answers; what answers none is a message of its own."""
    return {"type": "reaction", "reaction": {"message_id": message, "emoji": emoji}} if message else _text(emoji)
