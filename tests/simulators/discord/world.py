"""Channels, people and what stands in each channel."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

Json = dict[str, Any]

_EPOCH_MS = 1_420_070_400_000
_newest = [0]


def snowflake(at: float | None = None) -> str:
    """A new id: of this moment and larger than all before, or of another one (seconds since 1970)."""
    made = (int((time.time() if at is None else at) * 1000) - _EPOCH_MS) << 22
    if at is not None:
        return str(made)
    _newest[0] = max(made, _newest[0] + 1)
    return str(_newest[0])


def now() -> str:
    """The time, as the platform words it."""
    return datetime.now(UTC).isoformat()


@dataclass(eq=False)
class Person:
    """Somebody, or a bot."""

    name: str
    id: str = field(default_factory=snowflake)
    bot: bool = False

    @property
    def user(self) -> Json:
        """As the platform words it: https://discord.com/developers/docs/resources/user#user-object ."""
        facts = {"id": self.id, "username": self.name.lower(), "global_name": self.name, "discriminator": "0"}
        return facts | {"avatar": None} | ({"bot": True} if self.bot else {})


@dataclass(eq=False)
class Said:
    """A message that stands in a channel."""

    id: str
    author: Person
    body: Json
    nonce: str = ""
    ephemeral: bool = False

    @property
    def text(self) -> str:
        """What is read of it."""
        files = "".join(f"[{file['filename']}]" for file in self.body.get("attachments", []))
        return str(self.body.get("content") or "") + files

    @property
    def buttons(self) -> list[tuple[str, str]]:
        """Labels of what can be pressed or chosen, with what comes back."""
        inner = [one for row in self.body.get("components", []) for one in row["components"]]
        pressed = [(one["label"], one["custom_id"]) for one in inner if one["type"] == 2]
        chosen = [(option["label"], option["value"]) for one in inner if one["type"] == 3 for option in one["options"]]
        return pressed + chosen


@dataclass(eq=False)
class Channel:
    """A direct chat, a channel of a server, or a thread.

    Attributes:
        dispatch: Brings an event to the bot.
        title: A thread's or post's name.
        closed: The code with which the bot is refused here (50001, 50007 …), 0 for none.
    """

    dispatch: Callable[[str, Json], None]
    me: Person
    guild: str = ""
    parent: str = ""
    title: str = ""
    id: str = field(default_factory=snowflake)
    messages: list[Said] = field(default_factory=list)
    typing: int = 0
    closed: int = 0

    @property
    def facts(self) -> Json:
        """As a server lists it: https://discord.com/developers/docs/resources/channel#channel-object ."""
        last = self.messages[-1].id if self.messages else None
        head = {"id": self.id, "guild_id": self.guild, "name": self.title or "general", "last_message_id": last}
        return head | ({"type": 11, "parent_id": self.parent} if self.parent else {"type": 0})

    def screen(self) -> list[str]:
        """What the bot has said here to everybody and still stands."""
        return [said.text for said in self.messages if said.author is self.me and not said.ephemeral]

    def say(self, who: Person, text: str, **more: object) -> str:
        """Somebody writes something; its id."""
        said = Said(snowflake(), who, {"content": text, **more})
        self.messages.append(said)
        self.dispatch("MESSAGE_CREATE", self.message(said))
        return said.id

    def reply(self, who: Person, to: Said, text: str) -> str:
        """Somebody answers a message."""
        reference = {"type": 0, "message_id": to.id, "channel_id": self.id}
        return self.say(who, text, type=19, message_reference=reference, referenced_message=self.message(to))

    def mention(self, who: Person, text: str) -> str:
        """Somebody writes to the bot by name."""
        return self.say(who, f"<@{self.me.id}> {text}", mentions=[self.me.user])

    def edit(self, message: str, text: str) -> None:
        """Somebody changes what they wrote."""
        (said,) = [one for one in self.messages if one.id == message]
        said.body |= {"content": text, "edited_timestamp": now()}
        self.dispatch("MESSAGE_UPDATE", self.message(said))

    def message(self, said: Said) -> Json:
        """A message as the platform words it."""
        head: Json = {"id": said.id, "channel_id": self.id, "author": said.author.user, "timestamp": now()}
        usual: Json = {"type": 0, "mentions": [], "attachments": [], "embeds": [], "flags": 0, "pinned": False}
        usual |= {"edited_timestamp": None, "tts": False, "mention_everyone": False, "mention_roles": []}
        return usual | head | said.body | ({"guild_id": self.guild} if self.guild else {})
