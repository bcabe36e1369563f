"""People with telephones: what they do becomes webhook calls, and what their chat shows is what was delivered to it."""

from __future__ import annotations

import itertools
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from simulators.whatsapp.simulator import WhatsAppSimulator

Json = dict[str, Any]

_numbers = itertools.count(1)


@dataclass
class Shown:
    """A message in a chat, as it stands there."""

    id: str
    body: Json

    @property
    def text(self) -> str:
        """What is read of it."""
        kind = self.body["type"]
        inner = self.body[kind]
        match kind:
            case "text":
                return str(inner["body"])
            case "interactive":
                return str(inner["body"]["text"])
            case "template":
                return " ".join(p["text"] for c in inner["components"] for p in c["parameters"])
            case _:
                return str(inner.get("caption", f"[{kind}]"))

    @property
    def buttons(self) -> list[tuple[str, str]]:
        """The titles of what can be pressed, with what comes back."""
        action = self.body.get("interactive", {}).get("action", {})
        replies = [button["reply"] for button in action.get("buttons", [])]
        rows = [row for section in action.get("sections", []) for row in section["rows"]]
        return [(one["title"], one["id"]) for one in (*replies, *rows)]


@dataclass(eq=False)
class Person:
    """Somebody with WhatsApp.

    Attributes:
        number: Their number, "" where they have a username and show none.
        bsuid: Meta's id for them, "" for the time before there were any.
        wrote_at: When they last wrote (seconds since 1970); the 24 hours begin there.
        said: The ids of what they wrote.
        reactions: Emoji we have set below messages of theirs, by id.
        reads: Messages of theirs that were marked as read; ``typing`` how often "typing" was shown.
    """

    meta: WhatsAppSimulator
    name: str
    number: str = ""
    bsuid: str = ""
    wrote_at: float = 0.0
    chat: list[Shown] = field(default_factory=list)
    said: list[str] = field(default_factory=list)
    reactions: dict[str, str] = field(default_factory=dict)
    reads: list[str] = field(default_factory=list)
    typing: int = 0

    def screen(self) -> list[str]:
        """What the chat shows of ours."""
        return [shown.text for shown in self.chat]

    async def say(self, text: str, *, reply_to: str = "") -> str:
        """Write something; the id of it."""
        context: Json = {"context": {"from": self.meta.number, "id": reply_to}} if reply_to else {}
        return await self.send("text", {"body": text}, **context)

    async def edit(self, message: str, text: str) -> str:
        """Change what was written."""
        inner = {"original_message_id": message, "message": {"type": "text", "text": {"body": text}}}
        return await self.send("edit", inner)

    async def share(
        self, kind: str, data: bytes, mime: str, *, caption: str = "", name: str = "", **more: object
    ) -> str:
        """Send a file."""
        media = self.meta.keep(data, mime)
        facts: Json = {"id": media, "mime_type": mime, "sha256": "x"} | more
        facts |= {"caption": caption} if caption else {}
        return await self.send(kind, facts | ({"filename": name} if name else {}))

    async def press(self, title: str) -> str:
        """Press the newest button of this title."""
        for shown in reversed(self.chat):
            for label, token in shown.buttons:
                if label == title:
                    kind = "button_reply" if shown.body["interactive"]["type"] == "button" else "list_reply"
                    return await self.send("interactive", {"type": kind, kind: {"id": token, "title": title}})
        raise AssertionError(f"there is no button {title!r}")

    async def send(self, kind: str, inner: object, **more: object) -> str:
        """Any message; brought by a call of its own."""
        message = self.message(kind, inner, **more)
        await self.meta.bring([(self, message)])
        return str(message["id"])

    def message(self, kind: str, inner: object, **more: object) -> Json:
        """A message as the webhook words it."""
        self.wrote_at = time.time() + self.meta.clock_s
        ids: Json = {"from": self.number} if self.number else {}
        ids |= {"from_user_id": self.bsuid} if self.bsuid else {}
        head = {"id": f"wamid.in{next(_numbers)}", "timestamp": str(int(self.wrote_at)), "type": kind}
        self.said.append(head["id"])
        return {**ids, **head, kind: inner, **more}

    @property
    def contact(self) -> Json:
        """Who they are, as the webhook words it."""
        ids: Json = {"wa_id": self.number} if self.number else {}
        return {"profile": {"name": self.name}} | ids | ({"user_id": self.bsuid} if self.bsuid else {})
