"""Interactions: slash commands and buttons want a sign in three seconds, and can be answered for a quarter of an hour.

https://discord.com/developers/docs/interactions/receiving-and-responding . What is needed for that travels in an
address's handle, so that it survives a restart.
"""

import json
from typing import Any, Final

from core.values import value

Json = dict[str, Any]

_TOKEN_S: Final = 15 * 60.0
_MARGIN_S: Final = 20.0

COMMAND, COMPONENT = 2, 3
ASK: Final = "ask"
"""The command that is a question: where somebody brought the app along, nothing else can be said to it."""

MESSAGE, DEFERRED_MESSAGE, DEFERRED_UPDATE = 4, 5, 6

_UNANSWERED: Final = frozenset({"stop"})
"""Commands that may well be answered by nothing: they get a sign that only their sender sees, instead of "thinking"."""

_SEEN: Final[Json] = {"content": "👍", "flags": 1 << 6}


@value
class Ticket:
    """The right to answer an interaction.

    Attributes:
        command: It is answered by a message that is there already, and says "thinking"; a button's is a new one.
        until: When it ends (seconds since 1970).
    """

    application: str
    token: str
    command: bool
    until: float

    @property
    def path(self) -> str:
        """Where its messages are."""
        return _webhook(self.application, self.token)


def handle(interaction: Json, now: float) -> str:
    """What an address keeps of an interaction."""
    facts = [
        str(interaction.get("application_id", "")),
        str(interaction.get("token", "")),
        interaction.get("type") == COMMAND,
        now + _TOKEN_S - _MARGIN_S,
    ]
    return json.dumps(facts)


def ticket(handle: str, now: float) -> Ticket | None:
    """The right that an address carries, None where it has none, or it is over."""
    if not handle:
        return None
    try:
        application, token, command, until = json.loads(handle)
    except (ValueError, TypeError):
        return None
    return Ticket(application=application, token=token, command=bool(command), until=until) if now < until else None


def acknowledgement(interaction: Json) -> tuple[str, Json]:
    """The sign that an interaction wants: where it goes, and what it says."""
    path = f"/interactions/{interaction.get('id')}/{interaction.get('token')}/callback"
    if interaction.get("type") != COMMAND:
        return path, {"type": DEFERRED_UPDATE}
    return path, {"type": DEFERRED_MESSAGE} if promises(interaction) else {"type": MESSAGE, "data": _SEEN}


def promises(interaction: Json) -> bool:
    """Whether its sign says that an answer comes."""
    data = interaction.get("data")
    name = data.get("name") if isinstance(data, dict) else ""
    return interaction.get("type") == COMMAND and name not in _UNANSWERED


def webhook(interaction: Json) -> str:
    """Where the messages that answer it are."""
    return _webhook(str(interaction.get("application_id")), str(interaction.get("token")))


def _webhook(application: str, token: str) -> str:
    return f"/webhooks/{application}/{token}"
