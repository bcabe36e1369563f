"""Parsing a message with the library, whatever is wrong with it: who said it, where, and whose words they are remain.

Whose words they are is read from the raw JSON, since a part that the library cannot read must not make somebody
else's words the sender's own.
"""

from collections.abc import Mapping
from typing import Any, Final

import structlog
from telegram import CallbackQuery, Message

from bots.telegram.shapes import mended, stripped
from core.values import value

log = structlog.get_logger(__name__)

_FORWARD: Final = "forward_"


@value
class Parsed:
    """A message of the library's.

    Attributes:
        broken: The names of the parts that had to be left out because they cannot be parsed.
        forwarded: Somebody else said it first, or a channel did, in whose discussion group it stands.
        via: The username of the bot that wrote it for its sender, "?" where it has none that could be read, "" for
            what people wrote themselves (https://core.telegram.org/bots/inline).
    """

    message: Message
    broken: tuple[str, ...] = ()
    forwarded: bool = False
    via: str = ""

    @property
    def own(self) -> bool:
        """Whether the words are the sender's own: nobody gives a command, or calls us, in another's words."""
        return not (self.forwarded or self.via)


def parsed(raw: Mapping[str, Any]) -> Parsed:
    """Parse a message.

    Raises:
        Exception: Not even who said it, or where, can be read. The parser fails in as many ways as its input.
    """
    message, broken = _read(raw)
    return Parsed(message=message, broken=broken, forwarded=_is_forwarded(raw), via=_via(raw.get("via_bot")))


def pressed(raw: Mapping[str, Any]) -> CallbackQuery:
    """Parse a tap; of the message it was below only the envelope matters, whatever we may have put into it."""
    message = raw.get("message")
    return CallbackQuery.de_json({**raw, "message": stripped(message)[0] if message else None})


def _read(raw: Mapping[str, Any]) -> tuple[Message, tuple[str, ...]]:
    for shape in (dict, mended):
        try:
            return Message.de_json(shape(raw)), ()
        except Exception as error:  # noqa: BLE001 - see ``parsed``
            log.debug("message in a strange shape", reason=type(error).__name__)
    envelope, broken = stripped(raw)
    return Message.de_json(envelope), broken


def _is_forwarded(raw: Mapping[str, Any]) -> bool:
    """Whether anything says so: ``forward_origin``, its six predecessors, or whatever comes after it."""
    told = any(name.startswith(_FORWARD) and value is not None for name, value in raw.items())
    return told or bool(raw.get("is_automatic_forward"))


def _via(bot: object) -> str:
    if bot is None:
        return ""
    name = bot.get("username") if isinstance(bot, Mapping) else None
    return str(name or "?")
