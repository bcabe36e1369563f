"""What Meta refuses, in the kinds that the core acts on.

Codes: https://developers.facebook.com/docs/whatsapp/cloud-api/support/error-codes . A code nobody has met yet is judged
by its HTTP status.
"""

from typing import Final, Literal

from bots.whatsapp.line import Cut, Refused, Unsent
from core.errors import (
    AdapterError,
    ChatClosed,
    ChatGone,
    DeliveryUnknown,
    MarkupRefused,
    MediaUnavailable,
    PlatformBusy,
    PlatformDown,
    PlatformRefusedUs,
)

WINDOW_CLOSED: Final = frozenset({131047, 470})
_PAIR: Final = 131056
_THROUGHPUT: Final = frozenset({4, 80007, 130429, 131048, 131057, 133016})
_CREDENTIALS: Final = frozenset({0, 3, 10, 190, 131005, 131031, 131042, 131045, 133010, 368})
_GONE: Final = frozenset({131021, 131026, 131030, 131049, 131050, 130472, 130497, 131037, 131043, 131044, 33})
_FORM: Final = frozenset({100, 131008, 131009, 131051, 132000, 132001, 132005, 132007, 132012, 132015, 132016, 135000})
_MEDIA: Final = frozenset({131052, 131053})
_DOWN: Final = frozenset({1, 2, 131000, 131016, 133004, 2494100})

_GATEWAY: Final = frozenset({500, 502, 504})

_PAIR_S: Final = 6.0  # a number may be sent to once in six seconds, beyond a burst
_THROUGHPUT_S: Final = 10.0


def translate(error: Exception, *, template: bool) -> AdapterError:
    """Say an error of the line as one of ours.

    Args:
        template: Whether there is a template to say it by, outside the 24 hours.
    """
    match error:
        case Unsent():
            return PlatformDown(f"no connection to Meta: {error}")
        case Refused():
            return _refusal(error, template=template)
        case Cut():
            return DeliveryUnknown(f"the connection to Meta broke ({error})")
        case _:
            return PlatformDown(str(error))


def _refusal(error: Refused, *, template: bool) -> AdapterError:
    said = str(error)
    if error.code in WINDOW_CLOSED:
        return closed(template=template)
    if error.code == _PAIR:
        return _busy(error, _PAIR_S, "chat")
    if error.code in _THROUGHPUT or error.status == 429:  # noqa: PLR2004
        return _busy(error, _THROUGHPUT_S, "bot")
    if (error.code in _CREDENTIALS and error.code) or error.status in {401, 403}:
        return PlatformRefusedUs(f"Meta does not accept us: {said}")
    if error.code in _GONE:
        return ChatGone(said)
    if error.code in _FORM:
        return MarkupRefused(said)
    if error.code in _MEDIA:
        return MediaUnavailable(said)
    if by_gateway(error):
        return DeliveryUnknown(said)
    if error.code in _DOWN or error.status >= 500:  # noqa: PLR2004
        return PlatformDown(said)
    return MarkupRefused(said) if error.status == 400 else ChatGone(said)  # noqa: PLR2004


def by_gateway(error: Refused) -> bool:
    """Whether somebody before Meta says so, who does not know what became of it: there is no code of Meta's own."""
    return error.status in _GATEWAY and not error.code


def blames_file(error: Refused) -> bool:
    """Whether an upload was refused for what the file is, and would be refused again."""
    return isinstance(_refusal(error, template=False), MarkupRefused | MediaUnavailable | ChatGone)


def closed(*, template: bool) -> AdapterError:
    """More than 24 hours since the person wrote: only a template is let in."""
    words = "more than 24 hours since they wrote"
    return MarkupRefused(words) if template else ChatClosed(words)


def _busy(error: Refused, usual_s: float, reach: Literal["chat", "bot"]) -> PlatformBusy:
    wait_s = usual_s if error.retry_after_s is None else error.retry_after_s
    return PlatformBusy(str(error), retry_after_s=wait_s, reach=reach)
