"""Speaking: messages, edits, deletions, drafts and "typing".

How often we may is the governor's affair, what a page says the pager's.
"""

import json
import time
import zlib
from collections import deque
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from typing import Any, Final, Literal, NoReturn

import structlog
from telegram.error import TelegramError

from bots.telegram.enclosing import call_for, uploaded
from bots.telegram.gate import Gate
from bots.telegram.handles import read
from bots.telegram.moves import Moves
from bots.telegram.paging import FOLLOWS
from bots.telegram.refusals import translate
from bots.telegram.transport import Line, Refused, Upload, bare
from core.errors import DeliveryUnknown, MarkupRefused, MessageGone
from core.files import read_whole
from core.site import Fetch
from core.values import Address, Media, Page

log = structlog.get_logger(__name__)

_GENERAL_TOPIC: Final = "1"
_NOT_FOUND: Final = 404
_IDS: Final = ","
"""Between the messages of an album, which all are one page of ours."""

_FREE: Final = "sendChatAction"
_UNCHANGED: Final = "message is not modified"
_DRAFT_KEYS: Final = ("text", "entities", "rich_message")
_NO_TEXT: Final = "text is empty"
_MAX_UPLOAD_BYTES: Final = 50_000_000
_BOT_CALLS, _BOT_SPAN_S = 25, 1.0


class Sender:
    """Speaks for one bot.

    Args:
        fetch: Yields files that did not come by Telegram.

    Attributes:
        drafts: False once the server turned out not to know drafts (one's own may be older than Bot API 9.3).
        rich: False where rich messages are not wanted, or once the server turned out not to know them (older than
            10.1). Only its "no such thing" says so; whatever else goes wrong is no reason to speak more plainly.
    """

    def __init__(self, line: Line, moves: Moves, fetch: Fetch, *, rich: bool = True) -> None:
        self.drafts = True
        self.rich = rich
        self._line = line
        self._moves = moves
        self._fetch = fetch
        self._groups = Gate()
        self._recent: deque[float] = deque(maxlen=_BOT_CALLS)

    async def put(self, to: Address, page: Page | None, *, was: str | None) -> str:
        """Send, edit or delete; see ``Adapter.put``."""
        if page is None:
            return await self._take_back(to, was)
        if page.media:
            return await self._enclose(to, page, was)
        if was is None:
            return await self._send(to, page)
        await self._edit(to, page, was)
        return was

    async def typing(self, to: Address) -> None:
        """Show "typing" for five seconds (https://core.telegram.org/bots/api#sendchataction)."""
        with self._translating(to, repeatable=True):
            await self._call(_FREE, to, {"action": "typing"})

    async def draft(self, to: Address, page: Page, *, slot: str) -> None:
        """Show an unfinished answer (https://core.telegram.org/bots/api#sendmessagedraft).

        Where there is nothing to say yet, the platform shows its own "Thinking…".
        """
        if not self.drafts:
            return
        whole = json.loads(page.body)
        body = {key: whole[key] for key in _DRAFT_KEYS if key in whole} if page.source.strip() else {"text": ""}
        self._require_rich(body)
        method = "sendRichMessageDraft" if "rich_message" in body else "sendMessageDraft"
        with self._translating(to, repeatable=True):
            try:
                await self._call(method, to, {"draft_id": _number(slot)} | body)
            except Refused as exc:
                if not _unknown(exc):
                    raise
                if "rich_message" in body:
                    self._forgo_rich()
                self.drafts = False
                log.info("this server knows no drafts, so answers are shown by editing them")

    async def _send(self, to: Address, page: Page) -> str:
        """Send a new message (https://core.telegram.org/bots/api#sendmessage, #sendrichmessage)."""
        body = json.loads(page.body)
        self._require_rich(body)
        answered = {} if body.pop(FOLLOWS, False) else self._answered(to)
        with self._translating(to, repeatable=False):
            try:
                method = "sendRichMessage" if "rich_message" in body else "sendMessage"
                return _id_of(await self._call(method, to, answered | body))
            except Refused as exc:
                if not ("rich_message" in body and _unknown(exc)):
                    raise
                self._forgo_rich()

    async def _enclose(self, to: Address, page: Page, was: str | None) -> str:
        """Send files. What stood in their place goes once they are there: no text becomes an album by an edit."""
        media, uploads = await self._with_uploads(to, page.media)
        body = json.loads(page.body)
        answered = {} if body.pop(FOLLOWS, False) else self._answered(to)
        method, parameters = call_for(media, body)
        with self._translating(to, repeatable=False):
            sent = await self._call(method, to, answered | parameters, uploads)
        ids = _IDS.join(_id_of(one) for one in (sent if isinstance(sent, list) else [sent]))
        if was is not None:
            with suppress(MessageGone):
                await self._take_back(to, was)
        return ids

    async def _with_uploads(self, to: Address, media: Sequence[Media]) -> tuple[list[Media], list[Upload]]:
        """Files as they stand in a call, and those of them that have to go along: what did not come by Telegram.

        Raises:
            MediaUnavailable: One cannot be had, or is larger than Telegram takes.
        """
        files: list[Media] = []
        uploads: list[Upload] = []
        for file in media:
            if file.adapter == to.adapter:
                files.append(file)
                continue
            data = await read_whole(self._fetch, file, _MAX_UPLOAD_BYTES)
            known, upload = uploaded(file, len(uploads), data)
            files.append(known)
            uploads.append(upload)
        return files, uploads

    async def _edit(self, to: Address, page: Page, was: str) -> None:
        """Change a message (https://core.telegram.org/bots/api#editmessagetext); to change nothing is refused there.

        A message may become a rich one, or be one no longer. A server that knows no rich messages sees no text.
        """
        body = json.loads(page.body)
        self._require_rich(body)
        body.pop(FOLLOWS, None)
        with self._translating(to, repeatable=True):
            try:
                await self._call("editMessageText", to, {"message_id": _first(was)} | body)
            except Refused as exc:
                if "rich_message" in body and _NO_TEXT in exc.message.lower():
                    self._forgo_rich()
                if _UNCHANGED not in exc.message.lower():
                    raise

    def _require_rich(self, body: dict[str, Any]) -> None:
        if "rich_message" in body and not self.rich:
            raise MarkupRefused("Rich messages are not to be had here.")

    def _forgo_rich(self) -> NoReturn:
        self.rich = False
        log.info("this server knows no rich messages, so answers are text with entities")
        raise MarkupRefused("This server knows no rich messages.")

    async def _take_back(self, to: Address, was: str | None) -> str:
        """Delete a message, which works for 48 hours (https://core.telegram.org/bots/api#deletemessage)."""
        if was is None:
            return ""
        with self._translating(to, repeatable=True):
            for message in was.split(_IDS):
                await self._call("deleteMessage", to, {"message_id": int(message)})
        return was

    async def _call(self, method: str, to: Address, body: dict[str, Any], uploads: Sequence[Upload] = ()) -> Any:  # noqa: ANN401 - JSON
        """Call a method for one chat, and once more where the chat has moved: the first call did nothing then.

        A group that becomes a supergroup gets a new id (https://core.telegram.org/bots/api#responseparameters).
        """
        if not to.private and method != _FREE:
            await self._groups.wait()
        self._recent.append(time.monotonic())
        try:
            return await self._line.call(method, self._place(to) | body, uploads=uploads)
        except Refused as exc:
            if not exc.moved_to or self._moves.now(to.chat) == str(exc.moved_to):
                raise
            self._moves.learn(to.chat, str(exc.moved_to))
        return await self._line.call(method, self._place(to) | body, uploads=uploads)

    def _answered(self, to: Address) -> dict[str, Any]:
        """Say what is answered (https://core.telegram.org/bots/api#replyparameters), if it may still be there.

        A group that has moved numbers its messages anew: an old number would be another message.
        """
        asked = read(to.handle)
        if not asked.message or asked.chat != self._moves.now(to.chat):
            return {}
        return {"reply_parameters": {"message_id": int(asked.message), "allow_sending_without_reply": True}}

    def _place(self, to: Address) -> dict[str, Any]:
        """Say where. The general topic must not be named, although its messages carry its number."""
        place: dict[str, Any] = {"chat_id": int(self._moves.now(to.chat))}
        if to.thread and to.thread != _GENERAL_TOPIC:
            place["message_thread_id"] = int(to.thread)
        return place

    @contextmanager
    def _translating(self, to: Address, *, repeatable: bool) -> Generator[None]:
        try:
            yield
        except TelegramError as exc:
            reach: Literal["chat", "bot"] = "bot" if to.private and self._crowded() else "chat"
            raise translate(exc, repeatable=repeatable, reach=reach) from bare(exc)

    def _crowded(self) -> bool:
        """Tell whether we have been calling near the rate that Telegram grants a bot over all chats, 30 a second.

        It does not say which limit a call has hit (https://core.telegram.org/bots/faq#broadcasting-to-users).
        """
        recent = self._recent
        return len(recent) == _BOT_CALLS and recent[-1] - recent[0] < _BOT_SPAN_S


def _id_of(sent: object) -> str:
    if not isinstance(sent, dict) or "message_id" not in sent:
        raise DeliveryUnknown("Telegram's answer does not say which message it sent.")
    return str(sent["message_id"])


def _first(was: str) -> int:
    return int(was.partition(_IDS)[0])


def _unknown(exc: Refused) -> bool:
    """Tell whether the server said that there is no such method; a proxy's own page does not say so."""
    return exc.code == _NOT_FOUND and exc.message.lower().startswith("not found")


def _number(slot: str) -> int:
    """Give a slot the number its draft goes by: the same in every run, never 0."""
    return zlib.crc32(slot.encode()) & 0x7FFFFFFF or 1
