"""The adapter: what the core asks of a messenger, each thing passed to whoever does it."""

from collections.abc import AsyncGenerator
from dataclasses import replace
from functools import cache
from typing import Final, Literal

from bots.telegram.files import fetch
from bots.telegram.intake import Intake
from bots.telegram.menu import publish
from bots.telegram.moves import Moves
from bots.telegram.paging import FORMS, pages
from bots.telegram.patience import Pace, Patience
from bots.telegram.polling import Poller
from bots.telegram.reception import Reception, open_reception
from bots.telegram.registration import Registration
from bots.telegram.sending import Sender
from bots.telegram.transport import Line
from bots.telegram.webhook import Webhook
from bots.telegram.words import Identity
from core.seams import Accept
from core.site import BotSite
from core.values import Address, Capabilities, Media, Page, Reply, UnknownSend

_PREVIEWS_PER_S: Final = 30.0  # https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this
_TYPING_S: Final = 4.5  # the platform shows it for five seconds
_DRAFT_S: Final = 20.0  # and a draft for thirty


class Telegram:
    """One bot.

    Args:
        line: Open; whoever made it closes it.
        moves: Loaded.
        rich: Whether answers may be rich messages.
        unknown_send: See ``UnknownSend``.
        webhook: What Telegram brings updates to; without one, they are asked for.
        pace: How patiently to listen.
    """

    def __init__(
        self,
        site: BotSite,
        line: Line,
        moves: Moves,
        *,
        max_download_bytes: int,
        rich: bool = True,
        unknown_send: UnknownSend = "resend",
        webhook: Webhook | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._site = site
        self._line = line
        self._bot = line.bot()
        self._moves = moves
        self._sender = Sender(line, moves, site.fetch, rich=rich)
        self._unknown_send: UnknownSend = unknown_send
        self._webhook = webhook
        self._pace = pace or Pace()
        self._max_download_bytes = max_download_bytes

    @property
    def name(self) -> str:
        """The name as configured."""
        return self._site.name

    def capabilities(self, to: Address) -> Capabilities:
        """Say what the chat can do.

        Telegram asks for no more than one message a second in a chat and 20 a minute in a group
        (https://core.telegram.org/bots/faq#my-bot-is-hitting-limits-how-do-i-avoid-this), edits included; short bursts
        pass. Drafts exist in private chats only.
        """
        return _capabilities(self._unknown_send, private=to.private, drafts=self._sender.takes_drafts(to.chat))

    async def run(self, accept: Accept) -> None:
        """Listen, by long polling or by a webhook; see ``Adapter.run``."""
        patience = Patience(self._pace)
        user = await patience.insist(lambda: self._line.asked(self._bot.get_me()))
        await publish(self._site, self._line, self._bot, user.id)
        intake = Intake(self.name, Identity(id=user.id, username=user.username or ""), self._moves)
        async with open_reception(self._line, intake, self._moves, accept) as reception:
            if self._webhook is None:
                await Poller(self._line, self._bot, self._pace).listen(reception)
            else:
                await self._listen_at(self._webhook, reception, user.id)

    async def _listen_at(self, webhook: Webhook, reception: Reception, bot_id: int) -> None:
        with webhook.open_to(reception):
            await Registration(self._line, self._site.memo, self._pace, webhook).keep(bot_id)

    def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
        """Render; see ``Adapter.pages``."""
        return pages(reply, form, rich=self._sender.rich)

    async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:  # noqa: ARG002
        """Send, edit or delete. The Bot API knows no idempotency keys, so the slot is of no use here."""
        return await self._sender.put(to, page, was=was)

    async def signal(self, to: Address, activity: Page | Literal["typing", "seen"], *, slot: str) -> None:
        """Show a draft or "typing". Bots cannot mark a message as read."""
        match activity:
            case "typing":
                await self._sender.typing(to)
            case "seen":
                pass
            case Page():
                await self._sender.draft(to, activity, slot=slot)

    def fetch(self, media: Media) -> AsyncGenerator[bytes, None]:
        """Download; see ``Adapter.fetch``."""
        return fetch(self._line, media, max_bytes=self._max_download_bytes)


@cache
def _capabilities(unknown: UnknownSend, *, private: bool, drafts: bool) -> Capabilities:
    usual = Capabilities(
        forms=FORMS, preview="edit", previews_per_s=_PREVIEWS_PER_S, typing_s=_TYPING_S, unknown=unknown
    )
    if not private:
        return replace(usual, preview_every_s=3.0, burst=3, rest_s=3.0)
    here = replace(usual, preview_every_s=1.0, burst=4, rest_s=1.0, draft_s=_DRAFT_S)
    return replace(here, preview="draft") if drafts else here
