"""Sending: one page becomes one call, to the channel or to the interaction that it answers."""

import json
import time
from collections.abc import AsyncGenerator
from typing import Any, Final
from urllib.parse import quote

from bots.discord.content import attachments
from bots.discord.interactions import Ticket, ticket
from bots.discord.line import Cut, File, Line, Refused, Unsent
from bots.discord.refusals import EXPIRED, NOT_PERMITTED, translate
from bots.discord.signs import Signs
from core.errors import DeliveryUnknown, MediaUnavailable
from core.files import read_whole
from core.site import Fetch
from core.values import Address, Media, Page

Json = dict[str, Any]

_MOST_BYTES: Final = 10 << 20  # what a server without boosts takes
_HALFWAY: Final = frozenset({500, 502, 504})
_MIMES: Final = {
    "photo": ("image/png", "png"),
    "video": ("video/mp4", "mp4"),
    "voice": ("audio/ogg", "ogg"),
    "audio": ("audio/mpeg", "mp3"),
    "sticker": ("image/webp", "webp"),
    "document": ("application/octet-stream", "bin"),
}


class Sender:
    """Says pages, and changes and takes back what was said."""

    def __init__(self, line: Line, fetch: Fetch, signs: Signs) -> None:
        self._line = line
        self._fetch = fetch
        self._signs = signs

    async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:
        """See ``Adapter.put``; the slot is the nonce by which Discord knows a message it has had already."""
        right = ticket(to.handle, time.time())
        try:
            if right is not None:
                await self._signs.given(right.token)
            if page is None:
                return await self._take_back(to, was or "", right)
            body: Json = json.loads(page.body)
            if was is not None:
                return await self._change(to, body, was, right)
            files = [await self._file(media) for media in page.media]
            return await self._say(to, body, files, slot, right)
        except Refused as refused:
            if refused.code == NOT_PERMITTED and page is not None and page.media and was is None:
                raise MediaUnavailable("the bot may not attach files there: give it Attach Files") from None
            raise translate(refused) from None
        except (Unsent, Cut) as error:
            raise translate(error) from None

    async def typing(self, to: Address) -> None:
        """Show it for ten seconds; an interaction that waits says "thinking" by itself."""
        if (right := ticket(to.handle, time.time())) is not None:
            self._signs.taken_up(right.token)
            return
        try:
            await self._line.call("POST", f"/channels/{to.chat}/typing")
        except (Refused, Unsent, Cut) as error:
            raise translate(error) from None

    async def fetch(self, media: Media, most_bytes: int) -> AsyncGenerator[bytes, None]:
        """A file's bytes; its address holds for a day, so it is asked for by the message it came with."""
        try:
            channel, message, wanted = media.ref.split("/")
            found = await self._line.call("GET", f"/channels/{channel}/messages/{message}")
            (file,) = [one for one in attachments(found) if one.get("id") == wanted]
        except (Refused, Unsent, Cut, ValueError, AttributeError) as gone:
            raise MediaUnavailable(f"Discord does not have it any more ({gone})") from None
        got = 0
        try:
            async for piece in self._line.download(str(file.get("url", ""))):
                got += len(piece)
                if got > most_bytes:
                    raise MediaUnavailable("larger than allowed")
                yield piece
        except (Refused, Cut) as gone:
            raise MediaUnavailable(f"Discord does not hand it out ({gone})") from None

    async def _say(self, to: Address, body: Json, files: list[File], slot: str, right: Ticket | None) -> str:
        """By the interaction while it can be answered, else in the channel."""
        if right is not None:
            for answer in (self._begin, self._follow):
                try:
                    if (said := await answer(right, body, files, slot)) is not None:
                        return _id(said)
                except Refused as refused:
                    if refused.code not in EXPIRED and refused.status != 404:  # noqa: PLR2004
                        raise
        said = body | {"nonce": slot, "enforce_nonce": True}
        return _id(await self._line.call("POST", f"/channels/{to.chat}/messages", said, files=files))

    async def _begin(self, right: Ticket, body: Json, files: list[File], slot: str) -> object | None:
        """The first message of a command's answer is the one that says "thinking"; None for all others."""
        name, _, number = slot.partition(".")
        if not (right.command and number == "0" and name.isdigit()):
            return None
        said: object = await self._line.call("PATCH", f"{right.path}/messages/@original", body, files=files)
        return said

    async def _follow(self, right: Ticket, body: Json, files: list[File], slot: str) -> object:
        """A new message, which has no number of ours here: after a gateway's error nobody knows whether it is there."""
        del slot
        try:
            return await self._line.call("POST", f"{right.path}?wait=true", body, files=files)
        except Refused as refused:
            if refused.status in _HALFWAY:
                raise DeliveryUnknown(str(refused)) from None
            raise

    async def _change(self, to: Address, body: Json, was: str, right: Ticket | None) -> str:
        body.setdefault("components", [])
        path = f"/channels/{to.chat}/messages/{quote(was)}"
        try:
            return _id(await self._line.call("PATCH", path, body))
        except Refused as refused:
            if right is None or refused.status not in {403, 404}:
                raise
            return _id(await self._line.call("PATCH", f"{right.path}/messages/{quote(was)}", body))

    async def _take_back(self, to: Address, was: str, right: Ticket | None) -> str:
        try:
            await self._line.call("DELETE", f"/channels/{to.chat}/messages/{quote(was)}")
        except Refused as refused:
            if right is None or refused.status not in {403, 404}:
                raise
            await self._line.call("DELETE", f"{right.path}/messages/{quote(was)}")
        return ""

    async def _file(self, media: Media) -> File:
        mime, ending = _MIMES[media.kind]
        data = await read_whole(self._fetch, media, _MOST_BYTES)
        return media.name or f"{media.kind}.{ending}", media.mime or mime, data


def _id(said: object) -> str:
    """The message's id, out of Discord's answer.

    Raises:
        DeliveryUnknown: It does not say: what is there could never be changed.
    """
    if not (isinstance(said, dict) and said.get("id")):
        raise DeliveryUnknown("Discord's answer does not say which message it sent.")
    return str(said["id"])
