"""Discord: two people in direct chats and in one channel of a server, before a gateway that discord.py listens to."""

import re
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Final

from conformance.stage import ANN, ANN_IN_GROUP, Ability, Button, Chat, Shown, Stage, absent
from contracts.rigs.discord import opened
from core.seams import Adapter
from core.site import Archive, Fetch
from core.testing import FakeMemo, bot_site
from core.values import MediaKind
from simulators.discord import Channel, DiscordSimulator, Fault, Person
from simulators.waiting import until

LACKS: Final[Mapping[Ability, str]] = {
    "contacts": "nobody can share one",
    "kept taps": "a press that nobody took is lost: the app says that it failed, and one presses again",
    "markup refusals": "a text is taken as it is, whatever marks are in it",
    "places": "nobody can share one",
}
_VOICE_FLAG: Final = 1 << 13


@dataclass
class Discord:
    """See ``Stage``."""

    folder: Path
    discord: DiscordSimulator
    ann: Person
    bob: Person
    chats: Mapping[Chat, Channel]
    name: str = "discord"
    lacks: Mapping[Ability, str] = field(default_factory=lambda: LACKS)
    longest: int = 2000
    typed: int = 2000
    doubles: str = ""
    waits_for_all: bool = False
    appends: bool = False
    settles_s: float = 0.0
    _memo: FakeMemo = field(default_factory=FakeMemo)

    def length(self, text: str) -> int:
        """See ``Stage``: characters."""
        return len(text)

    @asynccontextmanager
    async def opened(self, archive: Archive, fetch: Fetch) -> AsyncGenerator[Adapter]:
        """See ``Stage``. A session ends with its process."""
        del archive
        place = replace(bot_site(self.folder, "discord", memo=self._memo), fetch=fetch)
        async with opened(place, self.discord) as adapter:
            yield adapter
        await self.discord.gateway.forget()

    async def say(self, text: str, to: Chat = ANN, *, times: int = 1) -> str:
        """See ``Stage``."""
        await self._listened()
        said = self.chats[to].say(self._person(to), text)
        for _ in range(times - 1):
            self.discord.gateway.again()
        return said

    async def mention(self, text: str, to: Chat = ANN_IN_GROUP) -> None:
        """See ``Stage``."""
        await self._listened()
        self.chats[to].mention(self._person(to), text)

    async def send(self, kind: MediaKind, data: bytes, *, name: str = "", caption: str = "") -> None:
        """See ``Stage``."""
        await self._listened()
        match kind:
            case "photo":
                file, flags = self.discord.keep(data, "photo.png", "image/png"), 0
            case "voice":
                file, flags = self.discord.keep(data, "voice-message.ogg", "audio/ogg"), _VOICE_FLAG
                file |= {"duration_secs": 1.0, "waveform": "AAAA"}
            case _:
                file, flags = self.discord.keep(data, name, "application/octet-stream"), 0
        self.chats[ANN].say(self.ann, caption, attachments=[file], flags=flags)

    async def album(self, pictures: Sequence[bytes], caption: str) -> None:
        """See ``Stage``: one message holds them all."""
        await self._listened()
        files = [self.discord.keep(data, "photo.png", "image/png") for data in pictures]
        self.chats[ANN].say(self.ann, caption, attachments=files)

    async def forward(self, text: str, to: Chat = ANN) -> None:
        """See ``Stage``. Who said it is not told."""
        await self._listened()
        snapshot = {"message": {"type": 0, "content": text, "mentions": [], "attachments": [], "embeds": []}}
        reference = {"type": 1, "message_id": "1", "channel_id": "1"}
        self.chats[to].say(self._person(to), "", message_reference=reference, message_snapshots=[snapshot])

    async def place(self, latitude: float, longitude: float) -> None:
        """See ``Stage``."""
        absent(self, "places")

    async def contact(self, name: str, phone: str) -> None:
        """See ``Stage``."""
        absent(self, "contacts")

    async def strange(self) -> None:
        """See ``Stage``."""
        await self._listened()
        self.chats[ANN].say(self.ann, "", sticker_items=[{"id": "7", "name": "Tea", "format_type": 1}])

    async def edit(self, message_id: str, text: str) -> None:
        """See ``Stage``."""
        self.chats[ANN].edit(message_id, text)

    async def command(self, name: str) -> None:
        """See ``Stage``: a slash command."""
        await self._listened()
        self.discord.command(self.ann, self.chats[ANN], name)

    async def press(self, shown: Shown, button: Button) -> None:
        """See ``Stage``."""
        del shown
        await self._listened()
        inner = {"custom_id": button.token, "component_type": 2}
        self.discord._interact(self.ann, self.chats[ANN], 3, inner, None)

    async def shown(self, chat: Chat = ANN) -> tuple[Shown, ...]:
        """See ``Stage``."""
        return tuple(
            Shown(
                id=said.id,
                text=_read(said.text),
                buttons=tuple(Button(label=label, token=token) for label, token in said.buttons),
            )
            for said in self.chats[chat].messages
            if said.author is self.discord.me and not said.ephemeral
        )

    async def files(self) -> tuple[bytes, ...]:
        """See ``Stage``."""
        said = [one for one in self.chats[ANN].messages if one.author is self.discord.me]
        return tuple(self.discord.kept(file["id"]) for one in said for file in one.body.get("attachments", []))

    def refuse_markup(self) -> None:
        """See ``Stage``."""
        absent(self, "markup refusals")

    def make_wait(self, seconds: int) -> Callable[[], bool]:
        """See ``Stage``."""
        self.discord.next(Fault(retry_after_s=seconds))
        return lambda: not self.discord._faults

    def cut(self) -> None:
        """See ``Stage``."""
        self.discord.next(Fault(cut=True, after=True))

    def violations(self) -> Sequence[object]:
        """See ``Stage``."""
        return self.discord.violations

    def _person(self, chat: Chat) -> Person:
        return self.ann if chat.who == "ann" else self.bob

    async def _listened(self) -> None:
        """What is said before anybody listens is another conversation's subject."""
        await until(lambda: self.discord.gateway.connected and self.discord.gateway._session is not None)


def _read(content: str) -> str:
    """A message as it is read: without what only keeps marks from being marks, and without those of headings."""
    return re.sub(r"(?m)^#{1,3} ", "", re.sub(r"\\([^A-Za-z0-9\s])", r"\1", content))


@asynccontextmanager
async def open_discord(folder: Path) -> AsyncGenerator[Stage]:
    """A platform of its own, with Ann, Bob and a channel of both."""
    async with DiscordSimulator() as discord:
        ann, bob, group = discord.person("Ann"), discord.person("Bob"), discord.channel("7001")
        chats = {ANN: discord.dm(), Chat(who="bob"): discord.dm()}
        chats |= {ANN_IN_GROUP: group, Chat(who="bob", group=True): group}
        yield Discord(folder=folder, discord=discord, ann=ann, bob=bob, chats=chats)
