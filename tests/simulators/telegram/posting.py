"""How a bot's message gets into a chat: who may write there, what it answers, and what comes back."""

from __future__ import annotations

from .calls import Call, Json, Refused, bad_request
from .chats import Chat
from .rules import check_keyboard
from .world import BotAccount, World


def may_write(chat: Chat) -> None:
    """Check that the bot can write in this chat.

    Raises:
        Refused: When it was blocked there or the group has moved.
    """
    if chat.blocked:
        who = "blocked by the user" if chat.private else "kicked from the supergroup chat"
        raise Refused(403, f"Forbidden: bot was {who}")
    if chat.migrated_to is not None:
        text = "Bad Request: group chat was upgraded to a supergroup chat"
        raise Refused(400, text, migrate_to_chat_id=chat.migrated_to)


def reply_fields(chat: Chat, call: Call) -> Json:
    """Return the fields that tie a new message to its topic and to the message it answers.

    Raises:
        Refused: When the topic or that message is not there, or the bot may not write here.
    """
    may_write(chat)
    fields: Json = {}
    thread = call.params.get("message_thread_id")
    if thread:
        if thread not in chat.topics:
            raise bad_request("message thread not found")
        fields |= {"message_thread_id": thread, "is_topic_message": True}
    reply = call.params.get("reply_parameters") or {}
    message_id = reply.get("message_id") or call.params.get("reply_to_message_id")
    if message_id is None:
        return fields
    entry = chat.find(message_id) if isinstance(message_id, int) else None
    lenient = reply.get("allow_sending_without_reply") or call.params.get("allow_sending_without_reply")
    if entry is None and not lenient:
        raise bad_request("message to be replied not found")
    if entry is not None:
        fields["reply_to_message"] = {k: v for k, v in entry.raw.items() if k != "reply_to_message"}
        if reply.get("quote"):
            if reply["quote"] not in str(entry.raw.get("text") or entry.raw.get("caption") or ""):
                raise bad_request("QUOTE_TEXT_INVALID")
            fields["quote"] = {"text": reply["quote"], "position": 0, "is_manual": True}
    return fields


def post(world: World, bot: BotAccount, chat: Chat, call: Call, content: Json) -> Json:
    """Put a bot's message into a chat and return it as a Message object.

    Raises:
        Refused: When the chat, the topic, the answered message or the buttons do not allow it.
    """
    fields = reply_fields(chat, call)
    markup = check_keyboard(world, call)
    if markup is not None and "inline_keyboard" in markup:
        fields["reply_markup"] = markup
    sender = {k: bot.user[k] for k in ("id", "is_bot", "first_name", "username")}
    raw: Json = {
        "message_id": chat.next_message_id(),
        "from": sender,
        "chat": chat.facts,
        "date": int(world.wall()),
        **fields,
        **content,
    }
    chat.add(raw, bot.id)
    return raw
