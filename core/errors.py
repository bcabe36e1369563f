"""Every error of ours, drawn as one tree. Policy reads the data on an error, never its class name or its text.

    WaystationError
    ├── SettingsError            the configuration is wrong: which value, why, and the mend
    ├── CommitRefused            nothing of a commit was kept, by what itself asks for
    │   └── Outdated             a row it was to replace is another by now: read it again and decide anew
    ├── StoreError               the database cannot be used: newer than us, locked by another process, damaged, full
    ├── AdapterError             a messenger
    │   ├── PlatformRefusedUs    bad token, banned bot: final, asking again is pointless
    │   ├── PlatformBusy         told to wait: retry_after_s, one chat or the whole bot
    │   ├── PlatformDown         certainly not delivered (no connection, 5xx): try again later
    │   ├── DeliveryUnknown      the line was cut after sending: it may or may not have arrived
    │   ├── MarkupRefused        this form is not accepted: say it in the next one
    │   ├── MessageGone          what we wanted to edit is not there any more
    │   ├── ChatGone             blocked, kicked, deleted: nothing will arrive there
    │   ├── ChatClosed           nothing is let in until the person writes again: wait for that
    │   └── MediaUnavailable     a file cannot be fetched: gone, or larger than allowed
    ├── ProviderError            a model: retryable, retry_after_s
    │   ├── ProviderRefusedUs    bad key, no permission, no money
    │   ├── ModelUnknown         there is no such model there
    │   ├── RequestRefused       this request, as it is, will never be taken
    │   │   └── ContextTooLong   it would be, were it shorter
    │   ├── ProviderBusy         429, overloaded, still loading its model
    │   │   └── QuotaUsedUp      a quota of hours or days has been used up
    │   └── ProviderDown         5xx, no connection, silence, a stream that broke or made no sense
    ├── EgressError              what somebody named cannot be fetched; the message is for whoever asked for it
    │   ├── AddressRefused       we do not go there: no web address, not public, a redirect that leads astray
    │   ├── ContentRefused       what stands there is not taken: too large, of another type, packed oddly
    │   └── NotFetched           there is nobody, or they did not answer in time: retryable
    ├── WorkFailed               work in a limited process came to nothing
    │   ├── LimitReached         it took more than it may: time, memory, or room for its result
    │   └── WorkBroke            it ended otherwise than by returning
    ├── RequestRejected          an HTTP request that is not taken: its status; the reason is counted, and not sent
    └── ToolError
        ├── CallMalformed        the model may mend its call: it is told what was wrong
        └── ToolFailed           the tool could not do it: the model is told so, once

A person in a chat sees one short sentence (``core/phrases.py``); the log has the whole chain.
"""

from typing import ClassVar, Final, Literal

MAX_RETRY_AFTER_S: Final = 86_400.0
"""A longer wait than a day is asked for by mistake (a date in a wrong year, a number in another unit)."""


def _plausible_s(asked_s: float) -> float:
    """A wait that somebody else asked for, between none and a day; none for what is no number."""
    return min(asked_s, MAX_RETRY_AFTER_S) if asked_s > 0 else 0.0


class WaystationError(Exception):
    """Whatever we raise on purpose."""


class SettingsError(WaystationError):
    """The configuration is wrong; the message is meant for the operator and needs no traceback."""


class StoreError(WaystationError):
    """The database cannot be used; the message says why and what to do."""


class CommitRefused(WaystationError):
    """Nothing of a commit was kept, by what it asks for itself; the store is well."""


class Outdated(CommitRefused):
    """A row that was to be replaced is another by now: read it again and decide anew."""


class AdapterError(WaystationError):
    """A messenger did not do what we asked."""


class PlatformRefusedUs(AdapterError):
    """The platform does not accept our credentials; final until the operator changes them."""


class PlatformBusy(AdapterError):
    """We are to wait.

    Attributes:
        retry_after_s: Seconds the platform asked for, 0 to ``MAX_RETRY_AFTER_S``.
        reach: Whether one chat or everything this bot does has to wait.
    """

    def __init__(self, message: str, *, retry_after_s: float, reach: Literal["chat", "bot"] = "chat") -> None:
        super().__init__(message)
        self.retry_after_s = _plausible_s(retry_after_s)
        self.reach = reach


class PlatformDown(AdapterError):
    """It certainly did not arrive; try again later."""


class DeliveryUnknown(AdapterError):
    """The connection broke after the request went out: nobody knows whether it arrived."""


class MarkupRefused(AdapterError):
    """The platform does not take this form of the message."""


class MessageGone(AdapterError):
    """The message to edit is not there any more."""


class ChatGone(AdapterError):
    """Nothing can reach this chat any more."""


class ChatClosed(AdapterError):
    """Nothing is let into this chat until its person writes again; what is to be said waits for that."""


class MediaUnavailable(AdapterError):
    """The file cannot be had."""


class ProviderError(WaystationError):
    """A model did not answer.

    Attributes:
        retryable: The same request may well succeed a little later.
        retry_after_s: Seconds the provider asked for, 0 to ``MAX_RETRY_AFTER_S``; None where it did not say.
        status: HTTP's, 0 where there was none.
        said: The provider's own words in full, codes and all, "" where there were none; the message is a part of them.
    """

    retryable: ClassVar[bool] = False

    def __init__(self, message: str, *, retry_after_s: float | None = None, status: int = 0, said: str = "") -> None:
        super().__init__(message)
        self.retry_after_s = None if retry_after_s is None else _plausible_s(retry_after_s)
        self.status = status
        self.said = said


class ProviderRefusedUs(ProviderError):
    """Bad key, no permission, or an unpaid bill."""


class ModelUnknown(ProviderError):
    """The provider has no model of this name."""


class RequestRefused(ProviderError):
    """This request will never be taken as it is."""


class ContextTooLong(RequestRefused):
    """The conversation does not fit the model's window."""


class ProviderBusy(ProviderError):
    """Rate limit or overload."""

    retryable = True


class QuotaUsedUp(ProviderBusy):
    """A quota is used up that comes back in hours: no person waits for that."""

    retryable = False


class ProviderDown(ProviderError):
    """The provider failed or could not be reached."""

    retryable = True


class EgressError(WaystationError):
    """What somebody named cannot be fetched; the message is a sentence's end without anything internal.

    Attributes:
        retryable: The same address may well be fetched a little later.
    """

    retryable: ClassVar[bool] = False


class AddressRefused(EgressError):
    """The gate does not go there."""


class ContentRefused(EgressError):
    """What stands there is not taken.

    Attributes:
        mime: Its type where that is the reason, "" where it is not.
    """

    def __init__(self, message: str, *, mime: str = "") -> None:
        super().__init__(message)
        self.mime = mime


class NotFetched(EgressError):
    """Nobody is there, or nobody answered as the protocol wants, in time."""

    retryable = True


class WorkFailed(WaystationError):
    """Work in a limited process came to nothing (``core/limited``)."""


class LimitReached(WorkFailed):
    """It took more than it may.

    Attributes:
        limit: Of what; ``size`` is that of its result.
    """

    def __init__(self, message: str, *, limit: Literal["time", "memory", "size"]) -> None:
        super().__init__(message)
        self.limit = limit


class WorkBroke(WorkFailed):
    """It ended otherwise than by returning; the message says where, for the log."""


class ToolError(WaystationError):
    """A tool call did not succeed; the message is told to the model."""


class CallMalformed(ToolError):
    """The model may mend its call."""


class ToolFailed(ToolError):
    """The tool could not do it."""


class RequestRejected(WaystationError):
    """A handler does not take an HTTP request.

    The sender is told the status and no more; the reason is counted and logged, so nothing of the request may be in it.
    """

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status = status
