"""Chats as a person sees them: the messages on the screen, their past, and the passing drafts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from .calls import Json
from .rich_blocks import plain_lines

DRAFT_SHOWN_S = 30.0
_MEDIA = ("photo", "voice", "audio", "video", "animation", "video_note", "sticker", "document")


@dataclass(frozen=True, slots=True)
class Button:
    """An inline button as it is shown; `data` is its callback data, `url` where it leads."""

    text: str
    data: str = ""
    url: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """What a message read at one time; `at` in `time.monotonic()` seconds."""

    text: str
    at: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """One message as it finally stands on the screen.

    `kind` is text, rich, draft, or the media's field name; `history` holds every version in order,
    the last being what is shown. A draft has message_id 0 and its draft id in `draft_id`.
    """

    message_id: int
    from_id: int
    from_bot: bool
    kind: str
    text: str
    entities: tuple[Json, ...] = ()
    buttons: tuple[tuple[Button, ...], ...] = ()
    history: tuple[Version, ...] = ()
    reply_to: int | None = None
    thread: int | None = None
    reactions: tuple[str, ...] = ()
    draft_id: int = 0
    raw: Json = field(default_factory=dict, compare=False, repr=False)


@dataclass(slots=True)
class Draft:
    """A passing preview in a chat; `at` is its last refresh."""

    bot_id: int
    draft_id: int
    content: Json
    at: float


@dataclass(slots=True)
class Entry:
    """One message and its past; `raw` is the Message object as bots get it."""

    raw: Json
    bot_id: int | None
    history: list[Version]
    deleted_at: float | None = None
    reactions: dict[int, tuple[str, ...]] = field(default_factory=dict)


def text_of(content: Json) -> str:
    """Return what a person reads in a message or draft: its text, its caption, or its rich blocks line by line."""
    rich = content.get("rich_message")
    if isinstance(rich, dict):
        return "\n".join(plain_lines(rich["blocks"]))
    return str(content.get("text") or content.get("caption") or "")


def kind_of(raw: Json) -> str:
    """Return what sort of message this is."""
    if "rich_message" in raw:
        return "rich"
    for name in _MEDIA:
        if name in raw:
            return name
    for name in ("text", "location", "contact"):
        if name in raw:
            return name
    return "service"


def buttons_of(raw: Json) -> tuple[tuple[Button, ...], ...]:
    """Return the inline buttons under a message, row by row."""
    rows = raw.get("reply_markup", {}).get("inline_keyboard", [])
    return tuple(
        tuple(Button(str(b.get("text", "")), str(b.get("callback_data", "")), str(b.get("url", ""))) for b in row)
        for row in rows
    )


class Chat:
    """One chat: its facts, its messages in order, and what bots may do in it."""

    def __init__(self, facts: Json, clock: Callable[[], float], next_message_id: Callable[[], int]) -> None:
        self.facts = facts
        self.entries: dict[int, Entry] = {}
        self.drafts: dict[tuple[int, int], Draft] = {}
        self.draft_log: list[Draft] = []
        self.actions: list[tuple[float, int, str]] = []
        self.members: dict[int, Json] = {}
        self.topics: dict[int, str] = {}
        self.blocked = False
        self.migrated_to: int | None = None
        self._clock = clock
        self.next_message_id = next_message_id

    @property
    def id(self) -> int:
        """Return the chat's id: a person's id, or a negative one for a group."""
        return int(self.facts["id"])

    @property
    def private(self) -> bool:
        """Tell whether this is one person's chat with one bot."""
        return bool(self.facts["type"] == "private")

    def add(self, raw: Json, bot_id: int | None) -> Entry:
        """Put a message on the screen; a bot's message ends that bot's drafts here."""
        entry = Entry(raw, bot_id, [Version(text_of(raw), self._clock())])
        self.entries[int(raw["message_id"])] = entry
        if bot_id is not None:
            for key in [key for key in self.drafts if key[0] == bot_id]:
                del self.drafts[key]
        return entry

    def rewrite(self, entry: Entry, raw: Json) -> None:
        """Show another version of a message."""
        entry.raw = raw
        entry.history.append(Version(text_of(raw), self._clock()))

    def find(self, message_id: int) -> Entry | None:
        """Return a message that is still on the screen."""
        entry = self.entries.get(message_id)
        return entry if entry is not None and entry.deleted_at is None else None

    def delete(self, entry: Entry) -> None:
        """Take a message off the screen."""
        entry.deleted_at = self._clock()

    def draft(self, bot_id: int, thread: int, draft_id: int, content: Json) -> None:
        """Show or refresh a bot's draft."""
        draft = Draft(bot_id, draft_id, content, self._clock())
        self.drafts[bot_id, thread] = draft
        self.draft_log.append(draft)

    def visible(self) -> tuple[Shown, ...]:
        """Return what stands on the screen now, in order; live drafts come last."""
        messages = [self._shown(entry) for _, entry in sorted(self.entries.items()) if entry.deleted_at is None]
        now = self._clock()
        for (bot_id, thread), draft in self.drafts.items():
            if now - draft.at < DRAFT_SHOWN_S:
                messages.append(_shown_draft(bot_id, thread, draft))
        return tuple(messages)

    def replies(self) -> tuple[Shown, ...]:
        """Return only what bots have said and still stands, without drafts."""
        return tuple(m for m in self.visible() if m.from_bot and m.kind != "draft")

    def _shown(self, entry: Entry) -> Shown:
        raw = entry.raw
        sender: dict[str, Any] = raw.get("from", {})
        return Shown(
            message_id=int(raw["message_id"]),
            from_id=int(sender.get("id", 0)),
            from_bot=entry.bot_id is not None,
            kind=kind_of(raw),
            text=text_of(raw),
            entities=tuple(raw.get("entities") or raw.get("caption_entities") or ()),
            buttons=buttons_of(raw),
            history=tuple(entry.history),
            reply_to=raw.get("reply_to_message", {}).get("message_id"),
            thread=raw.get("message_thread_id"),
            reactions=tuple(emoji for given in entry.reactions.values() for emoji in given),
            raw=raw,
        )


def _shown_draft(bot_id: int, thread: int, draft: Draft) -> Shown:
    text = text_of(draft.content)
    return Shown(
        message_id=0,
        from_id=bot_id,
        from_bot=True,
        kind="draft",
        text=text,
        entities=tuple(draft.content.get("entities") or ()),
        history=(Version(text, draft.at),),
        thread=thread or None,
        draft_id=draft.draft_id,
        raw=draft.content,
    )
