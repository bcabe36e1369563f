"""Telegram, with rich messages and, as an older server has it, without."""

from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from conformance.stage import ANN, ANN_IN_GROUP, Ability, Button, Chat, Shown, Stage
from contracts.rigs.telegram import Notes, rig_over
from core.seams import Adapter
from core.site import Archive, Fetch
from core.values import MediaKind
from simulators.telegram import Call, Person, TelegramSimulator, bad_markup, cut, too_many
from simulators.telegram.entities import utf16_length

_ANN: Final = 42
_BOB: Final = 43
_GROUP: Final = -1001000000001
_SENDS: Final = frozenset({"sendmessage", "sendrichmessage"})
_RICH: Final = 32_768
_TEXT: Final = 4096


@dataclass
class Telegram:
    """See ``Stage``."""

    telegram: TelegramSimulator
    rich: bool
    longest: int
    typed: int = _TEXT
    name: str = "telegram"
    lacks: Mapping[Ability, str] = field(default_factory=dict)
    doubles: str = "the Bot API has no key by which it would know a message again"
    waits_for_all: bool = False
    appends: bool = False
    settles_s: float = 0.0
    _memo: Notes = field(default_factory=Notes)

    def length(self, text: str) -> int:
        """See ``Stage``: UTF-16 units, in rich messages characters."""
        return len(text) if self.rich else utf16_length(text)

    def opened(self, archive: Archive, fetch: Fetch) -> AbstractAsyncContextManager[Adapter]:
        """See ``Stage``."""
        del archive
        return rig_over(self.telegram.base_url, memo=self._memo, rich=self.rich, fetch=fetch)

    async def say(self, text: str, to: Chat = ANN, *, times: int = 1) -> str:
        """See ``Stage``."""
        said = self._person(to).say(text, chat=_id(to))
        for _ in range(times - 1):
            self.telegram.inject(dict(self.telegram.inbox().pending[-1]))
        return str(said.message_id)

    async def mention(self, text: str, to: Chat = ANN_IN_GROUP) -> None:
        """See ``Stage``."""
        await self.say(f"@{self.telegram.world.bot().username} {text}", to)

    async def send(self, kind: MediaKind, data: bytes, *, name: str = "", caption: str = "") -> None:
        """See ``Stage``."""
        ann = self._person(ANN)
        match kind:
            case "photo":
                ann.photo(data, caption=caption)
            case "voice":
                ann.voice(data, caption=caption)
            case _:
                ann.document(data, name=name, caption=caption)

    async def album(self, pictures: Sequence[bytes], caption: str) -> None:
        """See ``Stage``."""
        self._person(ANN).album(pictures, caption=caption)

    async def forward(self, text: str, to: Chat = ANN) -> None:
        """See ``Stage``."""
        self._person(to).say(text, chat=_id(to), forward_from="Mallory")

    async def place(self, latitude: float, longitude: float) -> None:
        """See ``Stage``."""
        self._person(ANN).location(latitude, longitude)

    async def contact(self, name: str, phone: str) -> None:
        """See ``Stage``."""
        self._person(ANN).contact(phone, name)

    async def strange(self) -> None:
        """See ``Stage``."""
        self._person(ANN).raw({"hologram": {"file_id": "h1"}})

    async def edit(self, message_id: str, text: str) -> None:
        """See ``Stage``."""
        self._person(ANN).edit(int(message_id), text)

    async def command(self, name: str) -> None:
        """See ``Stage``."""
        await self.say(f"/{name}")

    async def press(self, shown: Shown, button: Button) -> None:
        """See ``Stage``."""
        (bot,) = self.telegram.world.bots.values()
        raw = self.telegram.chat(_ANN).entries[int(shown.id)].raw
        self._person(ANN).press(raw, bot.id, button.token)

    async def shown(self, chat: Chat = ANN) -> tuple[Shown, ...]:
        """See ``Stage``."""
        return tuple(
            Shown(
                id=str(one.message_id),
                text=one.text,
                buttons=tuple(Button(label=button.text, token=button.data) for row in one.buttons for button in row),
            )
            for one in self.telegram.chat(_id(chat)).replies()
            if one.message_id
        )

    async def files(self) -> tuple[bytes, ...]:
        """See ``Stage``."""
        found = []
        for one in self.telegram.chat(_id(ANN)).replies():
            facts = one.raw.get(one.kind)
            facts = facts[-1] if isinstance(facts, list) and facts else facts
            stored = self.telegram.world.files.get(facts["file_id"]) if isinstance(facts, dict) else None
            if stored is not None:
                found.append(stored.data)
        return tuple(found)

    def refuse_markup(self) -> None:
        """See ``Stage``."""
        self.telegram.fail("*", bad_markup(), times=None, when=_marked)

    def make_wait(self, seconds: int) -> Callable[[], bool]:
        """See ``Stage``."""
        rule = self.telegram.fail("*", too_many(seconds), when=_to_ann)
        return lambda: rule.hits > 0

    def cut(self) -> None:
        """See ``Stage``."""
        self.telegram.fail("*", cut(after=True), when=_to_ann)

    def violations(self) -> Sequence[object]:
        """See ``Stage``."""
        return [*self.telegram.violations, *self.telegram.flood_violations]

    def _person(self, chat: Chat) -> Person:
        return self.telegram.person(_ANN if chat.who == "ann" else _BOB)


def _id(chat: Chat) -> int:
    return _GROUP if chat.group else _ANN if chat.who == "ann" else _BOB


def _to_ann(call: Call) -> bool:
    return call.method.lower() in _SENDS and call.params.get("chat_id") == _ANN


def _marked(call: Call) -> bool:
    return any(call.params.get(name) for name in ("rich_message", "entities", "parse_mode"))


@asynccontextmanager
async def open_telegram(*, rich: bool = True) -> AsyncGenerator[Stage]:
    """A platform of its own, with Ann, Bob and a group of both."""
    async with TelegramSimulator(rich=rich) as telegram:
        telegram.person(_ANN, "Ann")
        telegram.person(_BOB, "Bob")
        telegram.chat(_ANN)
        telegram.chat(_BOB)
        telegram.group(_GROUP)
        yield Telegram(telegram=telegram, rich=rich, longest=_RICH if rich else _TEXT)
