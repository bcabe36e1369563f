"""The menu of commands that Telegram shows, kept equal to what the core understands."""

import hashlib
import json

import structlog
from telegram import Bot
from telegram.error import TelegramError

from bots.telegram.transport import Line, bare
from core.site import BotSite

log = structlog.get_logger(__name__)

_MEMO = "menu"
_LONGEST_DESCRIPTION = 256
_MOST = 100


async def publish(site: BotSite, line: Line, bot: Bot, bot_id: int) -> None:
    """Tell Telegram the commands (https://core.telegram.org/bots/api#setmycommands), if they are not the ones it knows.

    Best effort: without a menu everything still works, so a failure is only logged, and tried again at the next start.
    """
    commands = [(name, text[:_LONGEST_DESCRIPTION]) for name, text in site.assistant.commands[:_MOST]]
    mark = hashlib.sha256(json.dumps([bot_id, commands]).encode()).hexdigest()
    if not commands or await site.memo.get(_MEMO) == mark:
        return
    try:
        await line.asked(bot.set_my_commands(commands))
    except TelegramError as exc:
        log.warning("the menu of commands was not set", reason=str(bare(exc)))
    else:
        await site.memo.keep(_MEMO, mark)
