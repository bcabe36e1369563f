"""The slash commands that Discord shows, kept equal to what the core understands.

https://discord.com/developers/docs/interactions/application-commands . Publishing is limited to a few hundred a day,
so it is done only when the commands have changed.
"""

import hashlib
import json
import re
from typing import Any, Final

import structlog

from bots.discord.interactions import ASK
from bots.discord.line import Cut, Line, Refused, Unsent
from core.site import BotSite

log = structlog.get_logger(__name__)

Json = dict[str, Any]

_MEMO: Final = "menu"
_NAME = re.compile(r"[a-z0-9_-]{1,32}")
_LONGEST_DESCRIPTION: Final = 100
_MOST: Final = 100
_EVERYWHERE: Final[Json] = {"integration_types": [0, 1], "contexts": [0, 1, 2]}  # servers and people; all three places
_ASK_TEXT: Final = "Ask the assistant, wherever you are"


async def publish(site: BotSite, line: Line, application: str) -> None:
    """Tell Discord the commands, if they are not the ones it knows.

    Best effort: without them everything can still be typed, so a failure is only logged, and tried again at the next
    start.
    """
    known = [(name, text) for name, text in site.assistant.commands if _NAME.fullmatch(name)][: _MOST - 1]
    commands = [_command(ASK, _ASK_TEXT, required=True), *(_command(name, text) for name, text in known)]
    mark = hashlib.sha256(json.dumps([application, commands]).encode()).hexdigest()
    if await site.memo.get(_MEMO) == mark:
        return
    try:
        await line.call("PUT", f"/applications/{application}/commands", commands)
    except (Refused, Unsent, Cut) as error:
        log.warning("the slash commands were not set", reason=str(error))
    else:
        await site.memo.keep(_MEMO, mark)


def _command(name: str, text: str, *, required: bool = False) -> Json:
    about = "Your question" if required else "What it is about, if anything"
    words = {"type": 3, "name": "words", "description": about, "required": required}
    described = text[:_LONGEST_DESCRIPTION] or name
    return {"type": 1, "name": name, "description": described, "options": [words], **_EVERYWHERE}
