"""The Bot API methods that say, change and take back text, and the table of all methods."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from .calls import Call, Json, bad_request
from .chats import Chat, Entry
from .media import MEDIA_METHODS, edit_caption, send_media, send_media_group
from .posting import post, reply_fields
from .rules import check_keyboard, check_rich_message, formatted
from .settings import SETTINGS
from .world import BotAccount, World

Handler = Callable[[World, BotAccount, Call], Any]
_NOT_MODIFIED = (
    "message is not modified: specified new message content and reply markup are exactly the same as a current"
    " content and reply markup of the message"
)
_UPLOADS = frozenset(f"upload_{kind}" for kind in ("photo", "video", "voice", "document", "video_note"))
_RECORDINGS = frozenset(f"record_{kind}" for kind in ("video", "voice", "video_note"))
_CHAT_ACTIONS = _UPLOADS | _RECORDINGS | {"typing", "choose_sticker", "find_location"}


def send_message(world: World, bot: BotAccount, call: Call) -> Json:
    """https://core.telegram.org/bots/api#sendmessage ."""
    chat = world.chat_for(bot, call)
    text, entities = formatted(world, call)
    if not text:
        world.violate(call, "message text is empty", refused=True)
        raise bad_request("message text is empty")
    content: Json = {"text": text}
    if entities:
        content["entities"] = entities
    return post(world, bot, chat, call, content)


def send_rich_message(world: World, bot: BotAccount, call: Call) -> Json:
    """https://core.telegram.org/bots/api#sendrichmessage ."""
    chat = world.chat_for(bot, call)
    return post(world, bot, chat, call, {"rich_message": check_rich_message(world, call)})


def send_message_draft(world: World, bot: BotAccount, call: Call) -> bool:
    """https://core.telegram.org/bots/api#sendmessagedraft ."""
    chat = _draft_chat(world, bot, call)
    text, entities = formatted(world, call)
    content: Json = {"text": text, "entities": entities}
    chat.draft(bot.id, call.params.get("message_thread_id") or 0, call.params["draft_id"], content)
    return True


def send_rich_message_draft(world: World, bot: BotAccount, call: Call) -> bool:
    """https://core.telegram.org/bots/api#sendrichmessagedraft ."""
    chat = _draft_chat(world, bot, call)
    content: Json = {"rich_message": check_rich_message(world, call, draft=True)}
    chat.draft(bot.id, call.params.get("message_thread_id") or 0, call.params["draft_id"], content)
    return True


def _draft_chat(world: World, bot: BotAccount, call: Call) -> Chat:
    chat = world.chat_for(bot, call)
    if not chat.private:
        world.violate(call, "a draft outside a private chat", refused=True)
        raise bad_request("method is available only in private chats")
    draft_id = call.params.get("draft_id")
    if not isinstance(draft_id, int) or draft_id == 0:
        world.violate(call, "draft_id is missing or zero", refused=True)
        raise bad_request("draft identifier must be non-zero")
    reply_fields(chat, call)
    return chat


def edit_message_text(world: World, bot: BotAccount, call: Call) -> Json:
    """https://core.telegram.org/bots/api#editmessagetext ."""
    chat = world.chat_for(bot, call)
    entry = own_message(chat, bot, call, "edit")
    content: Json
    if call.params.get("rich_message") is not None and world.rich:
        content = {"rich_message": check_rich_message(world, call)}
    else:
        text, entities = formatted(world, call)
        if not text:
            world.violate(call, "message text is empty", refused=True)
            raise bad_request("message text is empty")
        content = {"text": text} | ({"entities": entities} if entities else {})
    if not {"text", "rich_message"} & entry.raw.keys():
        raise bad_request("there is no text in the message to edit")
    return rewrite(world, chat, entry, call, content, "text", "entities", "rich_message")


def edit_message_reply_markup(world: World, bot: BotAccount, call: Call) -> Json:
    """https://core.telegram.org/bots/api#editmessagereplymarkup ."""
    chat = world.chat_for(bot, call)
    entry = own_message(chat, bot, call, "edit")
    return rewrite(world, chat, entry, call, {})


def edit_message_caption(world: World, bot: BotAccount, call: Call) -> Json:
    """https://core.telegram.org/bots/api#editmessagecaption ."""
    chat = world.chat_for(bot, call)
    entry = own_message(chat, bot, call, "edit")
    return rewrite(world, chat, entry, call, edit_caption(world, call), "caption", "caption_entities")


def rewrite(world: World, chat: Chat, entry: Entry, call: Call, content: Json, *replaced: str) -> Json:
    """Put new content and buttons into a message, unless nothing would change.

    Raises:
        Refused: When nothing would change, or the buttons break the rules.
    """
    raw = {k: v for k, v in entry.raw.items() if k not in (*replaced, "reply_markup", "edit_date")} | content
    markup = check_keyboard(world, call)
    if markup is not None:
        raw["reply_markup"] = markup
    if raw == {k: v for k, v in entry.raw.items() if k != "edit_date"}:
        raise bad_request(_NOT_MODIFIED)
    raw["edit_date"] = int(world.wall())
    chat.rewrite(entry, raw)
    return raw


def own_message(chat: Chat, bot: BotAccount, call: Call, verb: str) -> Entry:
    """Return the bot's own message that a call names.

    Raises:
        Refused: When it is not there or is someone else's.
    """
    message_id = call.params.get("message_id")
    if message_id is None:
        raise bad_request("message identifier is not specified")
    entry = chat.find(message_id) if isinstance(message_id, int) else None
    if entry is None:
        raise bad_request(f"message to {verb} not found")
    if entry.bot_id != bot.id:
        raise bad_request(f"message can't be {verb}ed")
    return entry


def delete_message(world: World, bot: BotAccount, call: Call) -> bool:
    """https://core.telegram.org/bots/api#deletemessage ."""
    chat = world.chat_for(bot, call)
    message_id = call.params.get("message_id")
    entry = chat.find(message_id) if isinstance(message_id, int) else None
    if entry is None:
        raise bad_request("message to delete not found")
    chat.delete(entry)
    return True


def delete_messages(world: World, bot: BotAccount, call: Call) -> bool:
    """https://core.telegram.org/bots/api#deletemessages ."""
    chat = world.chat_for(bot, call)
    for message_id in call.params.get("message_ids") or ():
        entry = chat.find(message_id)
        if entry is not None:
            chat.delete(entry)
    return True


def send_chat_action(world: World, bot: BotAccount, call: Call) -> bool:
    """https://core.telegram.org/bots/api#sendchataction ."""
    chat = world.chat_for(bot, call)
    action = str(call.params.get("action", ""))
    if action not in _CHAT_ACTIONS:
        raise bad_request("wrong parameter action in request")
    chat.actions.append((world.clock(), bot.id, action))
    return True


def answer_callback_query(world: World, bot: BotAccount, call: Call) -> bool:
    """https://core.telegram.org/bots/api#answercallbackquery ."""
    tap = world.taps.get(str(call.params.get("callback_query_id", "")))
    if tap is None or tap.bot_id != bot.id:
        raise bad_request("query is too old and response timeout expired or query ID is invalid")
    if len(str(call.params.get("text", ""))) > 200:
        world.violate(call, "callback answer longer than 200 characters", refused=True)
        raise bad_request("MESSAGE_TOO_LONG")
    tap.answer = {k: v for k, v in call.params.items() if k != "callback_query_id"}
    return True


def set_message_reaction(world: World, bot: BotAccount, call: Call) -> bool:
    """https://core.telegram.org/bots/api#setmessagereaction ."""
    chat = world.chat_for(bot, call)
    message_id = call.params.get("message_id")
    entry = chat.find(message_id) if isinstance(message_id, int) else None
    if entry is None:
        raise bad_request("message to react not found")
    reactions = call.params.get("reaction") or []
    if len(reactions) > 1:
        raise bad_request("REACTIONS_TOO_MANY")
    entry.reactions[bot.id] = tuple(str(r.get("emoji") or r.get("custom_emoji_id")) for r in reactions)
    return True


async def get_updates(world: World, bot: BotAccount, call: Call) -> list[Json]:
    """https://core.telegram.org/bots/api#getupdates ."""
    allowed = call.params.get("allowed_updates")
    return await bot.inbox.poll(
        offset=int(call.params.get("offset") or 0),
        limit=int(call.params.get("limit") or 100),
        timeout_s=int(call.params.get("timeout") or 0),
        allowed=allowed if isinstance(allowed, list) else None,
    )


_HANDLERS: dict[str, Handler] = {
    "getUpdates": get_updates,
    "sendMessage": send_message,
    "sendRichMessage": send_rich_message,
    "sendMessageDraft": send_message_draft,
    "sendRichMessageDraft": send_rich_message_draft,
    "editMessageText": edit_message_text,
    "editMessageCaption": edit_message_caption,
    "editMessageReplyMarkup": edit_message_reply_markup,
    "deleteMessage": delete_message,
    "deleteMessages": delete_messages,
    "sendChatAction": send_chat_action,
    "answerCallbackQuery": answer_callback_query,
    "setMessageReaction": set_message_reaction,
    "sendMediaGroup": send_media_group,
    **dict.fromkeys(MEDIA_METHODS, send_media),
    **SETTINGS,
}
METHODS: dict[str, Handler] = {name.lower(): handler for name, handler in _HANDLERS.items()}
_RICH = frozenset({"sendrichmessage", "sendrichmessagedraft"})
_DRAFTS = frozenset({"sendmessagedraft", "sendrichmessagedraft"})


def find_method(world: World, name: str) -> Handler | None:
    """Return the handler of a method, or None where this platform does not have it."""
    key = name.lower()
    if (key in _RICH and not world.rich) or (key in _DRAFTS and not world.drafts):
        return None
    return METHODS.get(key)


async def run_method(world: World, bot: BotAccount, call: Call, handler: Handler) -> Any:  # noqa: ANN401
    """Apply a call and return its result.

    Raises:
        Refused: When the platform says no.
    """
    result = handler(world, bot, call)
    return await result if isinstance(result, Awaitable) else result
