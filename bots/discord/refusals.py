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

NOT_PERMITTED: Final = 50013
_CHAT_GONE: Final = {
    10003: "the channel is not there any more",
    10004: "the bot is not in that server any more",
    50001: "the bot may not see this channel: give it View Channels there, or invite it again",
    50007: "this person takes no direct messages from the bot",
    NOT_PERMITTED: "the bot may not write there: give it Send Messages, and for threads Send Messages in Threads",
    50083: "the thread is archived, and the bot may not open it again",
    160002: "the bot may not read what it answers there: give it Read Message History",
}
_CHAT_GONE_TOO: Final = frozenset({50008, 50019, 200000, 200001, 240000})
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
        return ChatGone(f"{_CHAT_GONE[error.code]} ({error.code})")
    if error.code in _CHAT_GONE_TOO:
        return ChatGone(said)
    if error.code in _TOO_LARGE or error.status == 413:  # noqa: PLR2004
        return MediaUnavailable(said)
    if error.status >= 500:  # noqa: PLR2004
        return PlatformDown(said)
    return MarkupRefused(said) if error.status == 400 else ChatGone(said)  # noqa: PLR2004
