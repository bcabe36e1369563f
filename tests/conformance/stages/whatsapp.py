"""WhatsApp: two telephones before Meta's Cloud API, which brings what happens to our webhook until it is taken."""

import asyncio
import mimetypes
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Final

from conformance.stage import ANN, ANN_IN_GROUP, Ability, Button, Chat, Shown, Stage, absent
from contracts.rigs.whatsapp import SECRET, opened
from core.seams import Adapter
from core.site import Archive, Fetch
from core.testing import FakeMemo, bot_site
from core.values import MediaKind
from simulators.whatsapp import Person, WhatsAppSimulator
from simulators.whatsapp.simulator import Fault

LACKS: Final[Mapping[Ability, str]] = {
    "groups": "a business has none",
    "markup refusals": "a text is taken as it is, whatever marks are in it",
    "single pictures": "an album comes picture by picture, and nothing says that they belong together but the moment",
}
_PAIR_LIMIT: Final = 131056


@dataclass
class WhatsApp:
    """See ``Stage``."""

    folder: Path
    meta: WhatsAppSimulator
    ann: Person
    bob: Person
    name: str = "whatsapp"
    lacks: Mapping[Ability, str] = field(default_factory=lambda: LACKS)
    longest: int = 4096
    typed: int = 4096
    doubles: str = "the Cloud API has no key by which it would know a message again"
    waits_for_all: bool = False
    appends: bool = True
    settles_s: float = 30.0
    _memo: FakeMemo = field(default_factory=FakeMemo)

    def length(self, text: str) -> int:
        """See ``Stage``: characters."""
        return len(text)

    def opened(self, archive: Archive, fetch: Fetch) -> AbstractAsyncContextManager[Adapter]:
        """See ``Stage``."""
        del archive
        return opened(replace(bot_site(self.folder, "whatsapp", memo=self._memo), fetch=fetch), self.meta)

    async def say(self, text: str, to: Chat = ANN, *, times: int = 1) -> str:
        """See ``Stage``."""
        person = self._person(to)
        message = person.message("text", {"body": text})
        for _ in range(times):
            await self.meta.bring([(person, message)])
        return str(message["id"])

    async def mention(self, text: str, to: Chat = ANN_IN_GROUP) -> None:
        """See ``Stage``."""
        absent(self, "groups")

    async def send(self, kind: MediaKind, data: bytes, *, name: str = "", caption: str = "") -> None:
        """See ``Stage``."""
        match kind:
            case "photo":
                await self.ann.share("image", data, "image/png", caption=caption)
            case "voice":
                await self.ann.share("audio", data, "audio/ogg; codecs=opus", voice=True)
            case _:
                mime = mimetypes.guess_type(name)[0] or "application/octet-stream"
                await self.ann.share("document", data, mime, caption=caption, name=name)

    async def album(self, pictures: Sequence[bytes], caption: str) -> None:
        """See ``Stage``: each is a message of its own."""
        for number, data in enumerate(pictures):
            await self.ann.share("image", data, "image/png", caption="" if number else caption)

    async def forward(self, text: str, to: Chat = ANN) -> None:
        """See ``Stage``. Who said it is not told."""
        await self._person(to).send("text", {"body": text}, context={"forwarded": True})

    async def place(self, latitude: float, longitude: float) -> None:
        """See ``Stage``."""
        await self.ann.send("location", {"latitude": latitude, "longitude": longitude})

    async def contact(self, name: str, phone: str) -> None:
        """See ``Stage``."""
        names = {"formatted_name": name, "first_name": name}
        card: list[dict[str, Any]] = [{"name": names, "phones": [{"phone": phone, "wa_id": phone.lstrip("+")}]}]
        await self.ann.send("contacts", card)

    async def strange(self) -> None:
        """See ``Stage``."""
        await self.ann.send("hologram", {"id": "h1"})

    async def edit(self, message_id: str, text: str) -> None:
        """See ``Stage``."""
        await self.ann.edit(message_id, text)

    async def command(self, name: str) -> None:
        """See ``Stage``."""
        await self.say(f"/{name}")

    async def press(self, shown: Shown, button: Button) -> None:
        """See ``Stage``. Buttons stay on a telephone's screen."""
        reply = {"id": button.token, "title": button.label}
        await self.ann.send("interactive", {"type": "button_reply", "button_reply": reply}, context={"id": shown.id})

    async def shown(self, chat: Chat = ANN) -> tuple[Shown, ...]:
        """See ``Stage``."""
        await asyncio.sleep(0)
        return tuple(
            Shown(
                id=one.id,
                text=one.text,
                buttons=tuple(Button(label=label, token=token) for label, token in one.buttons),
            )
            for one in self._person(chat).chat
        )

    async def files(self) -> tuple[bytes, ...]:
        """See ``Stage``."""
        inner = [one.body[one.body["type"]] for one in self.ann.chat]
        return tuple(self.meta.kept(one["id"]) for one in inner if isinstance(one, dict) and "id" in one)

    def refuse_markup(self) -> None:
        """See ``Stage``."""
        absent(self, "markup refusals")

    def make_wait(self, seconds: int) -> Callable[[], bool]:
        """See ``Stage``."""
        fault = Fault(code=_PAIR_LIMIT, retry_after_s=seconds)
        self.meta.next(fault)
        return lambda: not self.meta.waiting

    def cut(self) -> None:
        """See ``Stage``."""
        self.meta.next(Fault(cut=True, after=True))

    def violations(self) -> Sequence[object]:
        """See ``Stage``."""
        return self.meta.violations

    def _person(self, chat: Chat) -> Person:
        return self.ann if chat.who == "ann" else self.bob


@asynccontextmanager
async def open_whatsapp(folder: Path) -> AsyncGenerator[Stage]:
    """A platform of its own, with Ann and Bob."""
    async with WhatsAppSimulator(secret=SECRET) as meta:
        ann, bob = meta.person("4915100000001", "Ann"), meta.person("4915100000002", "Bob")
        yield WhatsApp(folder=folder, meta=meta, ann=ann, bob=bob)
