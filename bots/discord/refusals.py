"""What Discord refuses, in the kinds that the core acts on.

Codes: https://discord.com/developers/docs/topics/opcodes-and-status-codes#json . A code nobody has met yet is judged by
its HTTP status.
"""

from typing import Final

from bots.discord.line import Cut, Refused, Unsent
from core.errors import (
    AdapterError,
    ChatGone,
    DeliveryUnknown,
    MarkupRefused,
    MediaUnavailable,
    MessageGone,
    PlatformBusy,
    PlatformDown,
    PlatformRefusedUs,
)

EXPIRED: Final = frozenset({10015, 10062, 50027, 40060})
"""An interaction that can be answered no more (or was answered already)."""

_CHAT_GONE: Final = frozenset({10003, 10004, 50001, 50007, 50008, 50013, 50019, 50083, 160002, 200000, 200001, 240000})
_MESSAGE_GONE: Final = frozenset({10008, 50005, 50021, 30046})
_TOO_LARGE: Final = frozenset({40005, 50045, 50046})
_SLOW: Final = frozenset({20016, 20022, 20028, 20029, 30010, 40062})


def translate(error: Exception) -> AdapterError:
    """Say an error of the line as one of ours."""
    match error:
        case Unsent():
            return PlatformDown(f"no connection to Discord: {error}")
        case Refused():
            return _refusal(error)
        case Cut():
            return DeliveryUnknown(f"the connection to Discord broke ({error})")
        case _:
            return PlatformDown(str(error))


def _refusal(error: Refused) -> AdapterError:
    said = str(error)
    if error.status == 429 or error.code in _SLOW:  # noqa: PLR2004
        reach = "bot" if error.everywhere else "chat"
        return PlatformBusy(said, retry_after_s=error.retry_after_s, reach=reach)  # type: ignore[arg-type]
    if error.status == 401:  # noqa: PLR2004
        return PlatformRefusedUs("Discord does not accept the token: reset it in the Developer Portal, under Bot")
    if error.code in _MESSAGE_GONE:
        return MessageGone(said)
    if error.code in _CHAT_GONE:
        return ChatGone(said)
    if error.code in _TOO_LARGE or error.status == 413:  # noqa: PLR2004
        return MediaUnavailable(said)
    if error.status >= 500:  # noqa: PLR2004
        return PlatformDown(said)
    return MarkupRefused(said) if error.status == 400 else ChatGone(said)  # noqa: PLR2004
