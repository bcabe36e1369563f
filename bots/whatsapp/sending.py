"""Sending: one page becomes one call, files go up first, and whatever goes wrong is told in our kinds."""

import json
import time
from collections import OrderedDict
from typing import Any, Final

from bots.whatsapp.line import Cut, Line, Refused, Unsent
from bots.whatsapp.paging import TEMPLATE, kind_of
from bots.whatsapp.people import People
from bots.whatsapp.refusals import closed, translate
from core.errors import MediaUnavailable, MessageGone
from core.files import read_whole
from core.site import Fetch
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


class Sender:
    """Says pages, and shows that something is being done.

    Args:
        template: Name and language of what is said outside the 24 hours; ("", …) for none.
    """

    def __init__(self, name: str, line: Line, people: People, fetch: Fetch, template: tuple[str, str]) -> None:
        self._name = name
        self._line = line
        self._people = people
        self._fetch = fetch
        self._template = template
        self._last: OrderedDict[str, tuple[str, float]] = OrderedDict()
        self.waiting: set[str] = set()

    def wrote(self, chat: str, message: str, at: float) -> None:
        """Somebody wrote: read marks name this message, and the 24 hours begin anew."""
        _, before = self._last.pop(chat, ("", 0.0))
        self._last[chat] = (message, max(before, at))
        self.waiting.discard(chat)
        while len(self._last) > _REMEMBERED:
            self._last.popitem(last=False)

    async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:
        """See ``Adapter.put``; what was said cannot be changed here."""
        if page is None or was is not None:
            raise MessageGone("WhatsApp changes and takes back nothing that a business has said.")
        has_template = bool(self._template[0])
        if page.form != TEMPLATE and self._is_closed(to.chat):
            raise self._closed(to.chat)
        body = await self._body(page)
        try:
            sent = await self._line.send(await self._addressed(to, body, slot))
        except (Refused, Unsent, Cut) as error:
            translated = translate(error, template=has_template and page.form != TEMPLATE)
            if isinstance(translated, type(closed(template=False))):
                self.waiting.add(to.chat)
            raise translated from None
        self.waiting.discard(to.chat)
        return sent

    async def seen(self, to: Address, *, typing: bool) -> None:
        """Mark the last message as read, which is also the only way to show "typing"."""
        message, _ = self._last.get(to.chat, ("", 0.0))
        if not message:
            return
        body: Json = {"status": "read", "message_id": message}
        try:
            await self._line.send(body | ({"typing_indicator": {"type": "text"}} if typing else {}))
        except (Refused, Unsent, Cut) as error:
            raise translate(error, template=False) from None

    def _is_closed(self, chat: str) -> bool:
        """Whether the 24 hours are certainly over; after a restart nobody knows, and Meta tells."""
        _, at = self._last.get(chat, ("", 0.0))
        return bool(at) and time.time() - at > _WINDOW_S

    def _closed(self, chat: str) -> Exception:
        has_template = bool(self._template[0])
        if not has_template:
            self.waiting.add(chat)
        return closed(template=has_template)

    async def _addressed(self, to: Address, body: Json, slot: str) -> Json:
        reach = await self._people.reach(to.chat)
        whom = {"to": reach} if reach.isdigit() else {"recipient": reach}
        return {"recipient_type": "individual", **whom, "biz_opaque_callback_data": slot, **body}

    async def _body(self, page: Page) -> Json:
        body: Json = json.loads(page.body)
        if page.form == TEMPLATE:
            name, language = self._template
            parameters = [{"type": "text", "text": body["template"]["text"]}]
            components = [{"type": "body", "parameters": parameters}]
            return body | {"template": {"name": name, "language": {"code": language}, "components": components}}
        for media in page.media:
            body[body["type"]]["id"] = await self._upload(media)
        return body

    async def _upload(self, media: Media) -> str:
        if media.adapter == self._name:
            return media.ref  # Meta has it already
        kind = kind_of(media)
        data = await read_whole(self._fetch, media, _MOST_BYTES[kind])
        try:
            return await self._line.upload(data, media.mime or _MIMES[media.kind], media.name or media.kind)
        except Refused as error:
            raise MediaUnavailable(str(error)) from None
        except (Unsent, Cut) as error:
            raise translate(Unsent(str(error)), template=False) from None
