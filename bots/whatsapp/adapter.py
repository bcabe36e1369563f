"""The adapter: what the core asks of a messenger, each thing passed to whoever does it."""

import asyncio
from collections.abc import AsyncGenerator
from typing import TYPE_CHECKING, Any, Final, Literal

from bots.whatsapp.clock import MetaClock
from bots.whatsapp.intake import Intake
from bots.whatsapp.line import Cut, Line, Refused, Unsent
from bots.whatsapp.paging import TEMPLATE, TEXT, pages
from bots.whatsapp.people import People
from bots.whatsapp.sending import Sender
from bots.whatsapp.sent import SentSlots
from bots.whatsapp.webhook import Webhook
from core.errors import MediaUnavailable
from core.seams import Accept
from core.site import BotSite
from core.values import Address, Capabilities, Media, Page, Reply

if TYPE_CHECKING:
    from bots.whatsapp import Settings

_TYPING_S: Final = 20.0  # the platform shows it for 25 seconds, or until the answer
_SETTLES_S: Final = 30.0
_MICROCREDITS_A_DOLLAR: Final = 100_000_000

TERMS: Final = (
    "WhatsApp: since January 2026 Meta's terms let general-purpose assistants in only where the law makes it; "
    "elsewhere the number may be suspended (docs/whatsapp.md)."
)


class WhatsApp:
    """One number.

    Args:
        line: Open; whoever made it closes it.
        webhook: Registered.
    """

    def __init__(self, site: BotSite, line: Line, webhook: Webhook, settings: "Settings") -> None:
        self._site = site
        self._line = line
        self._webhook = webhook
        self._max_bytes = settings.max_download_mb << 20
        self._unknown_send = settings.unknown_send
        self._has_template = bool(settings.template)
        secret, clock = settings.app_secret.get_secret_value(), MetaClock()
        line.tells = clock.told
        people = People(site.memo, secret)
        template = (settings.template, settings.template_language)
        self._sender = Sender(site, line, people, template, clock)
        price = round(settings.price * _MICROCREDITS_A_DOLLAR)
        self._intake = Intake(
            site.name,
            settings.phone_number_id,
            people,
            price,
            wrote=self._sender.wrote,
            closed=self._sender.closed,
            clock=clock,
            ask_time=line.ask_time,
            sent=SentSlots(site.memo, secret),
        )

    @property
    def name(self) -> str:
        """The name as configured."""
        return self._site.name

    def notice(self) -> str:
        """What whoever runs this should know."""
        notices = [TERMS]
        if self._site.server is None or not self._site.server.public_url:
            notices.append("Meta brings nothing to an address it cannot reach: set server.public_url.")
        if self._sender.refused:
            notices.append(f"{self._sender.refused}. What is to be said waits for that.")
        if waiting := len(self._sender.waiting):
            why = "the template was refused" if self._has_template else "there is no template"
            notices.append(f"{waiting} chats wait for their person to write: 24 hours are over, and {why}.")
        return " ".join(notices)

    def capabilities(self, to: Address) -> Capabilities:  # noqa: ARG002 - the same in every chat
        """Say what a chat can do. Meta allows one message in six seconds to a person, and bursts before."""
        return Capabilities(
            forms=(TEXT, TEMPLATE) if self._has_template else (TEXT,),
            burst=10,
            rest_s=6.0,
            typing_s=_TYPING_S,
            unknown=self._unknown_send,
            settles_s=_SETTLES_S,
        )

    async def run(self, accept: Accept) -> None:
        """Take in what Meta brings, until cancelled; it is told "taken" after ``accept`` returned."""

        async def receive(payload: dict[str, Any]) -> None:
            if events := await self._intake.events(payload):
                await accept(events)

        with self._webhook.open_to(receive):
            await asyncio.get_running_loop().create_future()

    def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
        """Render; see ``Adapter.pages``."""
        return pages(reply, form)

    async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:
        """Send; the slot comes back with every status of the message."""
        return await self._sender.put(to, page, slot=slot, was=was)

    async def signal(self, to: Address, activity: Page | Literal["typing", "seen"], *, slot: str) -> None:  # noqa: ARG002
        """Mark what is being answered as read, with "typing" below it."""
        if not isinstance(activity, Page):
            await self._sender.seen(to, typing=activity == "typing")

    async def fetch(self, media: Media) -> AsyncGenerator[bytes, None]:
        """A file's bytes; where it lies is asked each time, since the address holds for minutes only."""
        try:
            found = await self._line.locate(media.ref)
            size, url = found.get("file_size", 0), str(found.get("url", ""))
            if not url or (isinstance(size, int) and size > self._max_bytes):
                raise MediaUnavailable("larger than allowed" if url else "Meta does not have it any more")
            got = 0
            async for piece in self._line.download(url):
                got += len(piece)
                if got > self._max_bytes:
                    raise MediaUnavailable("larger than allowed")
                yield piece
        except (Refused, Unsent, Cut) as error:
            raise MediaUnavailable(f"Meta does not hand it out: {error}") from None
