"""The Bot API methods about the bot itself: who it is, its commands, its webhook, its files and chats."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

from .calls import Call, Json, bad_request
from .files import MAX_DOWNLOAD_BYTES
from .world import BotAccount, World

MAX_COMMANDS = 100
_LOOPBACK = ("127.0.0.1", "localhost", "::1")
_PORTS = (443, 80, 88, 8443)


def get_me(_world: World, bot: BotAccount, _call: Call) -> Json:
    """https://core.telegram.org/bots/api#getme ."""
    return bot.user


def set_webhook(world: World, bot: BotAccount, call: Call) -> bool:
    """https://core.telegram.org/bots/api#setwebhook ; plain http is let through for loopback only."""
    url = str(call.params.get("url") or "")
    if url:
        parts = urlsplit(url)
        local = parts.hostname in _LOOPBACK
        if parts.scheme != "https" and not local:
            world.violate(call, "webhook without https", refused=True)
            raise bad_request("bad webhook: An HTTPS URL must be provided for webhook")
        if not local and (parts.port or 443) not in _PORTS:
            raise bad_request("bad webhook: Webhook can be set up only on ports 80, 88, 443 or 8443")
    if call.params.get("drop_pending_updates"):
        bot.inbox.clear()
    allowed = call.params.get("allowed_updates")
    bot.inbox.allow(allowed if isinstance(allowed, list) else None)
    bot.webhook = {
        "secret_token": str(call.params.get("secret_token") or ""),
        "max_connections": int(call.params.get("max_connections") or 40),
        "certificate": "certificate" in call.files,
    }
    bot.inbox.set_webhook(url)
    return True


def delete_webhook(_world: World, bot: BotAccount, call: Call) -> bool:
    """https://core.telegram.org/bots/api#deletewebhook ."""
    if call.params.get("drop_pending_updates"):
        bot.inbox.clear()
    bot.webhook = {}
    bot.inbox.set_webhook("")
    return True


def get_webhook_info(_world: World, bot: BotAccount, _call: Call) -> Json:
    """https://core.telegram.org/bots/api#getwebhookinfo ."""
    info: Json = {
        "url": bot.inbox.webhook_url,
        "has_custom_certificate": bool(bot.webhook.get("certificate")),
        "pending_update_count": len(bot.inbox.pending),
    }
    if bot.inbox.webhook_url:
        info["max_connections"] = bot.webhook["max_connections"]
    if bot.inbox.allowed:
        info["allowed_updates"] = list(bot.inbox.allowed)
    return info | {k: v for k, v in bot.webhook.items() if k.startswith("last_error")}


def set_my_commands(world: World, bot: BotAccount, call: Call) -> bool:
    """https://core.telegram.org/bots/api#setmycommands ; one list for all scopes and languages."""
    commands = call.params.get("commands")
    if not isinstance(commands, list) or len(commands) > MAX_COMMANDS:
        world.violate(call, "commands missing or more than 100", refused=True)
        raise bad_request("BOT_COMMANDS_TOO_MUCH")
    for command in commands:
        name, about = str(command.get("command", "")), str(command.get("description", ""))
        well_named = 1 <= len(name.lstrip("/")) <= 32 and name == name.lower() and name.lstrip("/").isidentifier()
        if not well_named or not 1 <= len(about) <= 256:
            world.violate(call, f"command {name!r} breaks the rules", refused=True)
            raise bad_request("BOT_COMMAND_INVALID")
    bot.commands = commands
    return True


def get_my_commands(_world: World, bot: BotAccount, _call: Call) -> list[Json]:
    """https://core.telegram.org/bots/api#getmycommands ."""
    return bot.commands


def delete_my_commands(_world: World, bot: BotAccount, _call: Call) -> bool:
    """https://core.telegram.org/bots/api#deletemycommands ."""
    bot.commands = []
    return True


def get_file(world: World, _bot: BotAccount, call: Call) -> Json:
    """https://core.telegram.org/bots/api#getfile ."""
    stored = world.files.get(str(call.params.get("file_id", "")))
    if stored is None:
        raise bad_request("wrong file_id or the file is temporarily unavailable")
    if (stored.declared_size or len(stored.data)) > MAX_DOWNLOAD_BYTES:
        raise bad_request("file is too big")
    return {**stored.facts(), "file_path": stored.path}


def get_chat(world: World, bot: BotAccount, call: Call) -> Json:
    """https://core.telegram.org/bots/api#getchat ."""
    chat = world.chat_for(bot, call)
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
    required: Json = {
        "accent_color_id": 0,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(gifts, False),
    }
    return {**chat.facts, **required}


def get_chat_member(world: World, bot: BotAccount, call: Call) -> Json:
    """https://core.telegram.org/bots/api#getchatmember ; people are plain members, bots administrators."""
    chat = world.chat_for(bot, call)
    user = chat.members.get(int(call.params.get("user_id") or 0))
    if user is None:
        raise bad_request("user not found")
    return {"status": "member", "user": user}


def accepted(_world: World, _bot: BotAccount, _call: Call) -> bool:
    """Answer True to a setting that nothing here depends on."""
    return True


SETTINGS: dict[str, Callable[[World, BotAccount, Call], Any]] = {
    "getMe": get_me,
    "setWebhook": set_webhook,
    "deleteWebhook": delete_webhook,
    "getWebhookInfo": get_webhook_info,
    "setMyCommands": set_my_commands,
    "getMyCommands": get_my_commands,
    "deleteMyCommands": delete_my_commands,
    "getFile": get_file,
    "getChat": get_chat,
    "getChatMember": get_chat_member,
    "setMyName": accepted,
    "setMyDescription": accepted,
    "setMyShortDescription": accepted,
    "setChatMenuButton": accepted,
}
