"""What went wrong on the line, said in the kinds that the core acts on."""

from typing import Literal

from telegram.error import TelegramError

from bots.telegram.transport import Cut, Refused, Unsent
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

_NO_WAIT_GIVEN_S = 5.0

_CHAT_GONE = (
    "chat not found",
    "user not found",
    "user is deactivated",
    "peer_id_invalid",
    "group chat was deactivated",
    "group chat was upgraded",
    "have no rights to send",
    "not enough rights to send",
    "need administrator rights",
    "chat_write_forbidden",
    "chat_restricted",
    "message thread not found",
    "topic_closed",
    "topic_deleted",
    "topic_id_invalid",
    "message thread is closed",
)
_TOPIC_DELETED = ("message thread not found", "topic_deleted", "topic_id_invalid")
_TOPIC_CLOSED = ("topic_closed", "message thread is closed")
_ANSWERED_GONE = (
    "message to be replied not found",
    "message to reply not found",
    "replied message not found",
    "reply message not found",
    "reply_message_id_invalid",
    "reply_to_message_id_invalid",
)
_MESSAGE_GONE = (
    "message to edit not found",
    "message to delete not found",
    "message can't be edited",
    "message can't be deleted",
    "message_id_invalid",
    "there is no text in the message to edit",
)


_MEDIA_GONE = (
    "wrong file identifier",
    "wrong remote file",
    "file reference",
    "file is temporarily unavailable",
    "type of file mismatch",
    "can't use file of type",
)


def translate(exc: TelegramError, *, repeatable: bool, reach: Literal["chat", "bot"] = "bot") -> AdapterError:
    """Say an error of the line as one of ours; raise it from ``bare(exc)``.

    Args:
        repeatable: Doing it twice is the same as doing it once (edits, deletions, questions), so an unknown outcome
            needs no care.
        reach: Whom a request to wait holds up.
    """
    match exc:
        case Refused():
            return _refused(exc, reach)
        case Unsent():
            return PlatformDown(f"Telegram cannot be reached: {exc.message}")
        case Cut() if not repeatable:
            return DeliveryUnknown(f"Telegram's answer was lost: {exc.message}")
        case _:
            return PlatformDown(f"Telegram did not answer: {exc.message}")


def topic_deleted(exc: Refused) -> bool:
    """Whether the topic is not there any more; the chat it was in is."""
    return any(known in exc.message.lower() for known in _TOPIC_DELETED)


def topic_closed(exc: Refused) -> bool:
    """Whether nobody may write in the topic for now; in the rest of the chat they may."""
    return any(known in exc.message.lower() for known in _TOPIC_CLOSED)


def answered_gone(exc: Refused) -> bool:
    """Whether only the message that this answers is not there any more."""
    return any(known in exc.message.lower() for known in _ANSWERED_GONE)


def refuses_drafts(exc: Refused, *, plainest: bool) -> bool:
    """Whether a draft was refused for being one, rather than for what it says or for the chat.

    ``TEXTDRAFT_PEER_INVALID`` and its like say so; so does a refusal of plain words that names nothing else.
    """
    if exc.code != 400:  # noqa: PLR2004
        return False
    words = exc.message.lower()
    return "draft" in words or (plainest and isinstance(_bad_request(words, words), MarkupRefused))


def _refused(exc: Refused, reach: Literal["chat", "bot"]) -> AdapterError:
    said = f"Telegram answered {exc.code}: {exc.message}"
    match exc.code:
        case 429:
            return PlatformBusy(said, retry_after_s=exc.retry_after_s or _NO_WAIT_GIVEN_S, reach=reach)
        case 401 | 404:
            # 404 is the answer to a token that is none (https://core.telegram.org/bots/api#authorizing-your-bot).
            return PlatformRefusedUs(
                f"Telegram does not accept the token ({said}): set bots.telegram.token to the one @BotFather gave you"
            )
        case 403:
            return ChatGone(said)
        case 400:
            return _bad_request(exc.message.lower(), said)
        case code if code >= 500:  # noqa: PLR2004
            return PlatformDown(said)
        case _:
            return AdapterError(said)


def _bad_request(words: str, said: str) -> AdapterError:
    """Read a 400, which Telegram explains only in words; they have been the same for years.

    What is in no list is taken as a matter of the page's form: plain text goes through where nothing else does.
    """
    if any(known in words for known in _CHAT_GONE):
        return ChatGone(said)
    if any(known in words for known in _MESSAGE_GONE):
        return MessageGone(said)
    if any(known in words for known in _MEDIA_GONE):
        return MediaUnavailable(said)
    return MarkupRefused(said)
