"""The adapter: what the core asks of a messenger, each thing passed to whoever does it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import structlog

from bots.discord.catching import Catching
from bots.discord.gateway import Gateway
from bots.discord.intake import Intake
from bots.discord.interactions import acknowledgement
from bots.discord.line import Cut, Line, Refused, Unsent
from bots.discord.menu import publish
from bots.discord.paging import FORMS, pages
from bots.discord.refusals import translate
from bots.discord.sending import Sender
from core.errors import StoreError
from core.seams import Accept
from core.site import Site
from core.values import Address, Capabilities, Inbound, Media, Page, Reply

if TYPE_CHECKING:
    from bots.discord import Settings

log = structlog.get_logger(__name__)

Json = dict[str, Any]
Dispatched = tuple[str, Json]

_TYPING_S: Final = 8.0  # the platform shows it for ten seconds
_PREVIEW_EVERY_S: Final = 1.3  # five edits in five seconds are allowed
_AT_ONCE: Final = 100
_STORE_AGAIN_S: Final = 1.0
_BEGUN: Final = ""


class Discord:
    """One bot.

    Args:
        line: Open; whoever made it closes it.
        pause_s: How long the gateway is left alone after a failure: the first time, and at most.
    """

    def __init__(
        self, site: Site, line: Line, settings: "Settings", *, pause_s: tuple[float, float] = (1.0, 120.0)
    ) -> None:
        self._site = site
        self._line = line
        self._settings = settings
        self._pause_s = pause_s
        self._max_bytes = settings.max_download_mb << 20
        self._sender = Sender(line, site.fetch)

    @property
    def name(self) -> str:
        """The name as configured."""
        return self._site.name

    def capabilities(self, to: Address) -> Capabilities:
        """Say what a chat can do: five messages or edits in five seconds, and no message twice by its nonce.

        What answers an interaction goes without a nonce.
        """
        return Capabilities(
            forms=FORMS,
            preview="edit",
            preview_every_s=_PREVIEW_EVERY_S,
            burst=4,
            rest_s=1.0,
            typing_s=_TYPING_S,
            idempotent=not to.handle,
            unknown=self._site.unknown,
        )

    async def run(self, accept: Accept) -> None:
        """Listen until cancelled; see ``Adapter.run``. Interactions are answered "thinking" once they are safe."""
        me, application = await self._introduced()
        await publish(self._site, self._line, application)
        catching = Catching(self._line, self._site.memo)
        await catching.load()
        heard: asyncio.Queue[Dispatched] = asyncio.Queue()
        gateway = Gateway(
            self._line,
            self._settings.gateway_url,
            lambda kind, data: heard.put_nowait((kind, data)),
            lambda: heard.put_nowait((_BEGUN, {})),
            pause_s=self._pause_s,
        )
        intake = Intake(self.name, me, self._settings.channels)
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._take_in(heard, intake, catching, accept), name="discord intake")
                tasks.create_task(gateway.listen(), name="discord gateway")
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        finally:
            await asyncio.shield(catching.keep())

    def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
        """Render; see ``Adapter.pages``."""
        return pages(reply, form)

    async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:
        """Send, edit or delete."""
        return await self._sender.put(to, page, slot=slot, was=was)

    async def signal(self, to: Address, activity: Page | Literal["typing", "seen"], *, slot: str) -> None:  # noqa: ARG002
        """Show "typing". Bots cannot mark a message as read, and have no drafts."""
        if activity == "typing":
            await self._sender.typing(to)

    def fetch(self, media: Media) -> AsyncGenerator[bytes, None]:
        """Download; see ``Adapter.fetch``."""
        return self._sender.fetch(media, self._max_bytes)

    async def _introduced(self) -> tuple[str, str]:
        """Our own id, and our application's."""
        try:
            user = await self._line.call("GET", "/users/@me")
            application = await self._line.call("GET", "/applications/@me")
        except (Refused, Unsent, Cut) as error:
            raise translate(error) from None
        return str(user["id"]), str(application["id"])

    async def _take_in(
        self, heard: "asyncio.Queue[Dispatched]", intake: Intake, catching: Catching, accept: Accept
    ) -> None:
        """Make what was heard safe, in order, many at a time."""
        while True:
            batch = [await heard.get()]
            while not heard.empty() and len(batch) < _AT_ONCE:
                batch.append(heard.get_nowait())
            if any(kind == _BEGUN for kind, _ in batch):
                batch = [*[("MESSAGE_CREATE", message) async for message in catching.missed()], *batch]
            events = [(data, kind, intake.event(kind, data)) for kind, data in batch if kind != _BEGUN]
            await self._insist(accept, [event for _, _, event in events if event is not None])
            for data, kind, event in events:
                if kind == "INTERACTION_CREATE" and event is not None:
                    await self._acknowledge(data)
                elif kind == "MESSAGE_CREATE":
                    await catching.heard(data)

    async def _insist(self, accept: Accept, events: Sequence[Inbound]) -> None:
        """Until the store takes it: the gateway brings nothing a second time."""
        while events:
            try:
                await accept(events)
            except StoreError as error:
                log.warning("events not taken in, trying again", count=len(events), reason=str(error))
                await asyncio.sleep(_STORE_AGAIN_S)
            else:
                return

    async def _acknowledge(self, interaction: Json) -> None:
        path, body = acknowledgement(interaction)
        try:
            await self._line.call("POST", path, body)
        except (Refused, Unsent, Cut) as error:
            log.info("interaction not acknowledged", reason=str(error))
