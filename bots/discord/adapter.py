"""The adapter: what the core asks of a messenger, each thing passed to whoever does it."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal

import structlog

from bots.discord.catching import Catching, Dispatched, Take
from bots.discord.gateway import Gateway
from bots.discord.intake import Intake
from bots.discord.line import Cut, Line, Refused, Unsent
from bots.discord.menu import publish
from bots.discord.paging import FORMS, pages
from bots.discord.refusals import translate
from bots.discord.sending import Sender
from bots.discord.signs import Signs
from core.errors import StoreError
from core.seams import Accept
from core.site import BotSite
from core.values import Address, Capabilities, Inbound, Media, Page, Reply

if TYPE_CHECKING:
    from bots.discord import Settings

log = structlog.get_logger(__name__)

Json = dict[str, Any]

_TYPING_S: Final = 8.0  # the platform shows it for ten seconds
_PREVIEWS_PER_S: Final = 30.0  # 50 requests of any kind are allowed
_PREVIEW_EVERY_S: Final = 1.3  # five edits in five seconds are allowed
_AT_ONCE: Final = 100
_STORE_AGAIN_S: Final = 1.0
_PRIVATE: Final = 1


class Discord:
    """One bot.

    Args:
        line: Open; whoever made it closes it.
    """

    def __init__(self, site: BotSite, line: Line, settings: "Settings") -> None:
        self._site = site
        self._line = line
        self._settings = settings
        self._pace: dict[str, Any] = {}  # of the gateway, and of catching up; a test has no minutes to wait
        self._patience: dict[str, Any] = {}
        self._max_bytes = settings.max_download_mb << 20
        self._signs = Signs(line)
        self._sender = Sender(line, site.fetch, self._signs)

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
            previews_per_s=_PREVIEWS_PER_S,
            burst=4,
            rest_s=1.0,
            typing_s=_TYPING_S,
            idempotent=not to.handle,
            unknown=self._settings.unknown_send,
        )

    async def run(self, accept: Accept) -> None:
        """Listen until cancelled; see ``Adapter.run``."""
        me, application = await self._introduced()
        await publish(self._site, self._line, application)
        catching = Catching(self._line, self._site.memo, **self._patience)
        await catching.load()
        intake = Intake(self.name, me, self._settings.channels)
        heard: asyncio.Queue[Dispatched] = asyncio.Queue()
        gateway = Gateway(
            self._line, self._settings.gateway_url, lambda kind, data: heard.put_nowait((kind, data)), **self._pace
        )

        async def take(batch: Sequence[Dispatched]) -> None:
            await self._take(batch, intake, catching, accept)

        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._take_in(heard, catching, take), name="discord intake")
                tasks.create_task(catching.run(take), name="discord catching up")
                tasks.create_task(gateway.listen(), name="discord gateway")
        except ExceptionGroup as failed:
            raise failed.exceptions[0] from None
        finally:
            await asyncio.shield(catching.keep())
            await self._signs.close()

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

    async def _take_in(self, heard: "asyncio.Queue[Dispatched]", catching: Catching, take: Take) -> None:
        """Make what was heard safe, in order, many at a time."""
        while True:
            batch = [await heard.get()]
            while not heard.empty() and len(batch) < _AT_ONCE:
                batch.append(heard.get_nowait())
            now: list[Dispatched] = []
            for kind, data in batch:
                if not catching.hold(kind, data):
                    now.append((kind, data))
                if kind in {"READY", "GUILD_CREATE", "GUILD_DELETE"}:
                    await take(now)  # what was heard before is not looked for now
                    now = []
                    catching.learn(kind, data)
            await take(now)

    async def _take(self, batch: Sequence[Dispatched], intake: Intake, catching: Catching, accept: Accept) -> None:
        """Make events safe, and only then acknowledge them."""
        await catching.met(str(data.get("channel_id")) for kind, data in batch if _is_private(kind, data))
        events = [(data, kind, intake.event(kind, data)) for kind, data in batch]
        await self._insist(accept, [event for _, _, event in events if event is not None])
        for data, kind, event in events:
            if kind == "INTERACTION_CREATE" and event is not None:
                self._signs.give(data)
        await catching.heard(data for kind, data in batch if kind == "MESSAGE_CREATE")

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


def _is_private(kind: str, data: Json) -> bool:
    """Whether this happened in a direct chat with us."""
    if kind == "INTERACTION_CREATE":
        return data.get("context") == _PRIVATE
    return kind == "MESSAGE_CREATE" and not data.get("guild_id")
