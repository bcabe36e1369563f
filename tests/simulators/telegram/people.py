"""The person's side: what people type, send, change, tap and react with, as updates for the bots.

The shapes follow https://core.telegram.org/bots/api#update and what the platform really sends.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

from .calls import Json
from .chats import Button, Chat, buttons_of
from .entities import detect, utf16_length
from .files import PIXEL_PNG, StoredFile, media_fields
from .world import BotAccount, Tap, World


class Options(TypedDict, total=False):
    """Where and how a person says something; all of it optional."""

    chat: int  # a group's id; without it, the private chat with the bot
    bot: str  # the bot's token or username; without it, the first bot
    thread: int  # the topic
    reply_to: int  # the message id it answers
    quote: str  # the part of that message which it quotes
    forward_from: str  # the name of the person it was forwarded from
    entities: list[Json]  # instead of what Telegram would find by itself
    media_group_id: str


@dataclass(frozen=True, slots=True)
class Said:
    """What a person's act became; `update_id` is None if the bot had not asked for such updates."""

    update_id: int | None
    message_id: int
    chat_id: int
    raw: Json


class Person:
    """One person in the simulated world."""

    def __init__(self, world: World, user: Json) -> None:
        self._world = world
        self.user = user

    @property
    def id(self) -> int:
        """Return the person's user id, which is the private chat's id too."""
        return int(self.user["id"])

    def say(self, text: str, **options: Unpack[Options]) -> Said:
        """Send a text message."""
        entities = options.get("entities", detect(text))
        return self._send({"text": text} | ({"entities": entities} if entities else {}), options)

    def photo(self, data: bytes = PIXEL_PNG, *, caption: str = "", **options: Unpack[Options]) -> Said:
        """Send a picture."""
        return self._file(self._store("photo", data, "photo.jpg", "image/jpeg"), caption, options)

    def document(
        self,
        data: bytes,
        *,
        name: str = "file.txt",
        mime_type: str = "",
        caption: str = "",
        size: int | None = -1,
        **options: Unpack[Options],
    ) -> Said:
        """Send a document; `size` is what the platform says of it (-1: the truth, None: nothing)."""
        return self._file(self._world.files.add(data, name=name, mime_type=mime_type, size=size), caption, options)

    def voice(self, data: bytes = b"OggS", *, caption: str = "", **options: Unpack[Options]) -> Said:
        """Send a voice note."""
        return self._file(self._store("voice", data, "voice.oga", "audio/ogg"), caption, options)

    def audio(self, data: bytes = b"ID3", *, caption: str = "", **options: Unpack[Options]) -> Said:
        """Send a piece of music."""
        return self._file(self._store("audio", data, "audio.mp3", "audio/mpeg"), caption, options)

    def video(self, data: bytes = b"\0\0\0\x18ftyp", *, caption: str = "", **options: Unpack[Options]) -> Said:
        """Send a video."""
        return self._file(self._store("video", data, "video.mp4", "video/mp4"), caption, options)

    def sticker(self, emoji: str = "👍", **options: Unpack[Options]) -> Said:
        """Send a sticker."""
        stored = self._world.files.add(b"RIFF....WEBP", kind="sticker", name="sticker.webp")
        fields = media_fields(stored, self._world.files)
        fields["sticker"] |= {"emoji": emoji, "set_name": "Simulated"}
        return self._send(fields, options)

    def location(self, latitude: float, longitude: float, **options: Unpack[Options]) -> Said:
        """Send a place."""
        return self._send({"location": {"latitude": latitude, "longitude": longitude}}, options)

    def contact(self, phone_number: str, first_name: str, **options: Unpack[Options]) -> Said:
        """Send someone's contact."""
        return self._send({"contact": {"phone_number": phone_number, "first_name": first_name}}, options)

    def album(self, pictures: Sequence[bytes], *, caption: str = "", **options: Unpack[Options]) -> tuple[Said, ...]:
        """Send several pictures as one album; the caption stands on the first."""
        group = f"1{self._world.next_id():016d}"
        sent: list[Said] = []
        for number, data in enumerate(pictures):
            extra = Options(**{**options, "media_group_id": group})
            stored = self._store("photo", data, "photo.jpg", "image/jpeg")
            sent.append(self._file(stored, "" if number else caption, extra))
        return tuple(sent)

    def raw(self, content: Json, **options: Unpack[Options]) -> Said:
        """Send a message with any content fields."""
        return self._send(content, options)

    def edit(self, message_id: int, text: str, **options: Unpack[Options]) -> Said:
        """Change the text (or caption) of one's own earlier message."""
        bot, chat = self._where(options)
        entry = chat.entries[message_id]
        name = "text" if "text" in entry.raw else "caption"
        marks = "entities" if name == "text" else "caption_entities"
        raw = {k: v for k, v in entry.raw.items() if k != marks} | {name: text, "edit_date": int(self._world.wall())}
        entities = options.get("entities", detect(text))
        if entities:
            raw[marks] = entities
        chat.rewrite(entry, raw)
        return Said(self._deliver(bot, chat, "edited_message", raw), message_id, chat.id, raw)

    def tap(self, message_id: int, button: str | int | Button, **options: Unpack[Options]) -> Tap:
        """Press an inline button: by its label, its callback data, or its number from 0.

        Raises:
            LookupError: If the message shows no such button.
        """
        _, chat = self._where(options)
        entry = chat.find(message_id)
        if entry is None or entry.bot_id is None:
            raise LookupError(f"no bot's message {message_id} on the screen of chat {chat.id}")
        found = _pick([b for row in buttons_of(entry.raw) for b in row], button)
        return self.press(entry.raw, entry.bot_id, found.data)

    def press(self, message: Json, bot_id: int, data: str) -> Tap:
        """Send a callback query with any data, as a button that is no longer shown would."""
        chat_id = int(message["chat"]["id"])
        tap = Tap(f"{4_000_000_000 + self._world.next_id()}", bot_id, chat_id, int(message["message_id"]), data)
        self._world.taps[tap.id] = tap
        query = {"id": tap.id, "from": self.user, "message": message, "chat_instance": str(-chat_id), "data": data}
        for bot in self._world.bots.values():
            if bot.id == bot_id:
                bot.inbox.put("callback_query", query)
        return tap

    def react(self, message_id: int, emoji: str, **options: Unpack[Options]) -> Said:
        """Put a reaction on a message; an empty one takes it away."""
        bot, chat = self._where(options)
        entry = chat.entries[message_id]
        old, new = entry.reactions.get(self.id, ()), (emoji,) if emoji else ()
        entry.reactions[self.id] = new
        payload = {
            "chat": chat.facts,
            "message_id": message_id,
            "user": self.user,
            "date": int(self._world.wall()),
            "old_reaction": [{"type": "emoji", "emoji": e} for e in old],
            "new_reaction": [{"type": "emoji", "emoji": e} for e in new],
        }
        return Said(self._deliver(bot, chat, "message_reaction", payload), message_id, chat.id, payload)

    def block(self, *, blocked: bool = True, **options: Unpack[Options]) -> None:
        """Block the bot, or let it back in; it is told by a my_chat_member update."""
        bot, chat = self._where(options)
        chat.blocked = blocked
        statuses = ("member", "kicked") if blocked else ("kicked", "member")
        old, new = ({"user": bot.user, "status": s} | ({"until_date": 0} if s == "kicked" else {}) for s in statuses)
        payload = {
            "chat": chat.facts,
            "from": self.user,
            "date": int(self._world.wall()),
            "old_chat_member": old,
            "new_chat_member": new,
        }
        bot.inbox.put("my_chat_member", payload)

    def _store(self, kind: str, data: bytes, name: str, mime_type: str) -> StoredFile:
        return self._world.files.add(data, kind=kind, name=name, mime_type=mime_type)

    def _file(self, stored: StoredFile, caption: str, options: Options) -> Said:
        fields = media_fields(stored, self._world.files)
        if caption:
            fields["caption"] = caption
            if detect(caption):
                fields["caption_entities"] = detect(caption)
        return self._send(fields, options)

    def _where(self, options: Options) -> tuple[BotAccount, Chat]:
        bot = self._world.bot(options.get("bot"))
        chat_id = options.get("chat", self.id)
        if chat_id > 0:
            return bot, self._world.private_chat(bot, self.user)
        chat = self._world.chat(bot.id, chat_id)
        if chat is None:
            raise LookupError(f"no group {chat_id}; open it with add_group")
        chat.members.setdefault(self.id, self.user)
        return bot, chat

    def _send(self, content: Json, options: Options) -> Said:
        bot, chat = self._where(options)
        raw: Json = {
            "message_id": chat.next_message_id(),
            "from": self.user,
            "chat": chat.facts,
            "date": int(self._world.wall()),
            **_context(chat, options, int(self._world.wall())),
            **content,
        }
        chat.add(raw, None)
        return Said(self._deliver(bot, chat, "message", raw), raw["message_id"], chat.id, raw)

    def _deliver(self, bot: BotAccount, chat: Chat, kind: str, payload: Json) -> int | None:
        """Queue an update for the bot, and in a group for every bot that may see it."""
        if chat.private:
            return bot.inbox.put(kind, payload)
        update_id = None
        for each in self._world.bots.values():
            if not each.private_mode or _is_meant_for(each, payload):
                queued = each.inbox.put(kind, payload)
                update_id = queued if each is bot else update_id
        return update_id


def _context(chat: Chat, options: Options, now: int) -> Json:
    """Return the fields that say what a message answers, quotes, or was forwarded from."""
    fields: Json = {}
    if "thread" in options:
        fields |= {"message_thread_id": options["thread"], "is_topic_message": True}
    if "reply_to" in options:
        answered = chat.entries[options["reply_to"]].raw
        fields["reply_to_message"] = {k: v for k, v in answered.items() if k != "reply_to_message"}
        if "quote" in options:
            text = str(answered.get("text") or answered.get("caption") or "")
            position = utf16_length(text[: text.index(options["quote"])])
            fields["quote"] = {"text": options["quote"], "position": position, "is_manual": True}
    if "forward_from" in options:
        origin = {"type": "hidden_user", "sender_user_name": options["forward_from"], "date": now - 60}
        fields["forward_origin"] = origin
    if "media_group_id" in options:
        fields["media_group_id"] = options["media_group_id"]
    return fields


def _is_meant_for(bot: BotAccount, message: Json) -> bool:
    """Tell whether a bot in privacy mode sees this; see https://core.telegram.org/bots/features#privacy-mode."""
    text = str(message.get("text") or message.get("caption") or "")
    if f"@{bot.username}".lower() in text.lower():
        return True
    if text.startswith("/") and "@" not in text.split(maxsplit=1)[0]:
        return True
    answered: Json = message.get("reply_to_message") or {}
    return bool(answered.get("from", {}).get("id") == bot.id)


def _pick(shown: list[Button], wanted: str | int | Button) -> Button:
    if isinstance(wanted, int):
        return shown[wanted]
    for button in shown:
        if wanted in (button, button.text, button.data):
            return button
    raise LookupError(f"no button {wanted!r} among {[b.text for b in shown]}")
