"""Sending: one page becomes one call, files go up first, and whatever goes wrong is told in our kinds."""

import json
from collections import OrderedDict
from typing import Any, Final

from bots.whatsapp.clock import MetaClock
from bots.whatsapp.line import Cut, Line, Refused, Unsent
from bots.whatsapp.paging import MOST_BYTES, TEMPLATE, TEXT, kind_of, pages
from bots.whatsapp.people import People
from bots.whatsapp.refusals import WINDOW_CLOSED, blames_file, by_gateway, closed, translate
from core.errors import (
    AdapterError,
    ChatClosed,
    MarkupRefused,
    MediaUnavailable,
    MessageGone,
    PlatformDown,
    PlatformRefusedUs,
)
from core.files import read_whole
from core.site import BotSite
from core.values import Address, Media, Page, Reply

Json = dict[str, Any]

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
_WAITS: Final = (
    "An answer on WhatsApp has to wait: its person wrote more than 24 hours ago, and Meta then lets in only templates "
    "it has approved. It goes out when they write again. To have such answers sent at once, name a template in "
    "`bots.whatsapp.template`."
)
_TEMPLATE_REFUSED: Final = (
    "WhatsApp does not take the template `{name}` ({reason}), so what was to be said by it waits until its person "
    "writes."
)
_REFUSED: Final = (
    "I cannot send anything on WhatsApp. {reason}. What is to be said is kept, and tried again each minute; look after "
    "`bots.whatsapp.access_token` and the account at Meta."
)


class Sender:
    """Says pages, and shows that something is being done.

    Args:
        template: Name and language of what is said outside the 24 hours; ("", …) for none.
        clock: The time at Meta, by which the 24 hours are counted.

    Attributes:
        waiting: Chats for which something waits until their person writes.
        refused: Why Meta lets us send nothing at all, "" while it does.
    """

    def __init__(self, site: BotSite, line: Line, people: People, template: tuple[str, str], clock: MetaClock) -> None:
        self._site = site
        self._line = line
        self._people = people
        self._template = template
        self._clock = clock
        self._has_template = bool(template[0])
        self._wrote: OrderedDict[str, float] = OrderedDict()
        self._shut: set[str] = set()
        self.waiting: set[str] = set()
        self.refused = ""

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
        said = _as_text(page) if page.form == TEMPLATE and self._is_open(to.chat) else page
        if said.form != TEMPLATE and self._is_closed(to.chat):
            raise await self._noted(to.chat, closed(template=self._has_template), _WAITS)
        try:
            sent = await self._sent(to, await self._body(to, said), slot)
        except (Refused, Unsent, Cut) as error:
            raise await self._failed(to.chat, page, said, error) from None
        self.waiting.discard(to.chat)
        self.refused = ""
        return sent

    async def _failed(self, chat: str, page: Page, said: Page, error: Exception) -> AdapterError:
        """What it means for a page that it could not be said so."""
        if isinstance(error, Refused) and error.code in WINDOW_CLOSED:
            self.closed(chat)
            if said is not page:
                return PlatformDown(f"{error}: by the template, then")
        ours = translate(error, template=self._has_template and said.form != TEMPLATE)
        if said.form == TEMPLATE and isinstance(ours, MarkupRefused):  # there is nothing plainer: it must not be lost
            told = _TEMPLATE_REFUSED.format(name=self._template[0], reason=error)
            return await self._noted(chat, ChatClosed(str(error)), told)
        return await self._noted(chat, ours, _WAITS)

    async def _sent(self, to: Address, body: Json, slot: str) -> str:
        """Send; an emoji that Meta sets below nothing (it knows fewer than there are) is said."""
        try:
            return await self._line.send(await self._addressed(to, body, slot))
        except Refused as error:
            if body["type"] != "reaction" or not isinstance(translate(error, template=False), MarkupRefused):
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
        return chat in self._shut or (bool(at) and self._clock.least() - at > _WINDOW_S)

    def _is_open(self, chat: str) -> bool:
        """Whether the 24 hours are certainly not over."""
        return bool(self._wrote.get(chat)) and not self._is_closed(chat)

    async def _noted(self, chat: str, error: AdapterError, waits: str) -> AdapterError:
        """Remember what cannot go out, and let the owner know when it is the first.

        Args:
            waits: What the owner is told where it has to wait for its person.
        """
        if isinstance(error, ChatClosed):
            first = not self.waiting
            self.waiting.add(chat)
            if first:
                await self._site.operator.tell_owner(waits)
        if isinstance(error, PlatformRefusedUs):
            first, self.refused = not self.refused, str(error)
            if first:
                await self._site.operator.tell_owner(_REFUSED.format(reason=error))
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
        data = await read_whole(self._site.fetch, media, MOST_BYTES[kind])
        try:
            return await self._line.upload(data, media.mime or _MIMES[media.kind], media.name or media.kind)
        except Refused as error:
            if blames_file(error):
                raise MediaUnavailable(str(error)) from None
            if by_gateway(error):
                raise Unsent(str(error)) from None
            raise
        except Cut as error:  # nothing was said yet
            raise Unsent(str(error)) from None


def _as_text(page: Page) -> Page:
    """What a template was to say, as it is said while the 24 hours run; itself where that would take several."""
    said = pages(Reply(markdown=page.source, media=page.media, choices=page.choices), TEXT)
    return said[0] if len(said) == 1 else page


def _text(text: str) -> Json:
    return {"type": "text", "text": {"body": text, "preview_url": False}}


def _reaction(message: str, emoji: str) -> Json:
    """Below the message it answers; what answers none is a message of its own."""
    return {"type": "reaction", "reaction": {"message_id": message, "emoji": emoji}} if message else _text(emoji)
