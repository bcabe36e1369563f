"""What labs and servers say when they do not answer, in our errors.

There is no one way to complain: the same fault comes as a status, as an error object inside a stream
that began with 200, or as a sentence under a status that means something else. So both the status and the words count.
OpenAI's codes: https://platform.openai.com/docs/guides/error-codes ; Anthropic's: https://docs.claude.com/en/api/errors
"""

import math
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus

from core.errors import (
    ContextTooLong,
    ModelUnknown,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderRefusedUs,
    RequestRefused,
)

_MAX_CHARS = 300

# Each alternative is some server's way to say it: OpenAI, vLLM (three), llama.cpp, Ollama, LM Studio (three), xAI,
# Groq, Mistral, Alibaba, and a tokens-per-minute limit that a single request exceeds and so always will.
_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size"
    r"|maximum context length|longer than the maximum model length|too long to fit into the model"
    r"|exceeds? (the )?(available |maximum |model's )*context (size|length|window)"
    r"|input length exceeds|tokens to keep from the initial prompt|keep the first \d+ tokens when context"
    r"|reached context length|n_keep .{1,40}n_ctx|maximum prompt length|reduce the length of the messages"
    r"|prompt is too long|prompt contains \d+ tokens|range of input length should be|request too large for"
    r"|input token count .{0,30}exceeds",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model_not_found|not_found_error model|models?\b.{0,80}(not found|does not exist)|not a valid model", re.IGNORECASE
)
_NO_MONEY = re.compile(
    r"insufficient_quota|insufficient.{0,20}(balance|credit|funds)|exceeded your current quota", re.IGNORECASE
)
_BAD_KEY = re.compile(
    r"(invalid|incorrect|expired|missing).{0,20}api.?key|api.?key.{0,20}(not valid|invalid|expired)", re.IGNORECASE
)
_BUSY = re.compile(r"rate.?limit|too many requests|overloaded|capacity", re.IGNORECASE)
_DELAY = re.compile(r"(\d{1,6}(?:\.\d+)?)s")
_REFUSED = re.compile(r"invalid_request|bad.?request|unsupported", re.IGNORECASE)


def refusal(status: int, body: object, *, retry_after_s: float | None = None) -> ProviderError:
    """The error for what a server said.

    Args:
        status: The HTTP status, 0 where the complaint came inside a stream.
        body: The error object, or whatever came in its place.
    """
    said, code = _words(body)
    status = status or _status(body)
    words = f"{code} {said}"
    kind = _kind_by_words(words) or (_kind_by_status(status, words) if status else _kind_in_stream(words))
    text = f"{status} {said}".strip() if status else said
    if kind is RequestRefused and status == HTTPStatus.NOT_FOUND:
        text += " (is base_url complete, up to and including /v1?)"
    wait_s = _retry_delay_s(body) if retry_after_s is None else retry_after_s
    return kind(text or "an error without a word", retry_after_s=wait_s)


def retry_after_s(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait as the headers ask, as a number or as a date; None where they do not.

    https://www.rfc-editor.org/rfc/rfc9110#field.retry-after
    """
    for name, scale in (("retry-after-ms", 0.001), ("retry-after", 1.0)):
        try:
            seconds = float(headers.get(name, "")) * scale
        except ValueError:
            continue
        if math.isfinite(seconds):
            return max(0.0, seconds)
    try:
        due = parsedate_to_datetime(headers.get("retry-after", ""))
    except ValueError:
        return None
    return max(0.0, (due.replace(tzinfo=due.tzinfo or UTC) - datetime.now(UTC)).total_seconds())


def _kind_by_words(words: str) -> type[ProviderError] | None:
    """What is said so clearly that no status could mean otherwise."""
    if _TOO_LONG.search(words):
        return ContextTooLong
    if _NO_MONEY.search(words) or _BAD_KEY.search(words):
        return ProviderRefusedUs
    return None


def _kind_by_status(status: int, words: str) -> type[ProviderError]:
    match status:
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.PAYMENT_REQUIRED | HTTPStatus.FORBIDDEN:
            return ProviderRefusedUs
        case HTTPStatus.TOO_MANY_REQUESTS | 529:
            return ProviderBusy
        case HTTPStatus.SERVICE_UNAVAILABLE if _BUSY.search(words):
            return ProviderBusy
        case HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
            return ContextTooLong
        case HTTPStatus.REQUEST_TIMEOUT | HTTPStatus.CONFLICT | HTTPStatus.TOO_EARLY | 499:
            return ProviderDown
        case _ if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            return ProviderDown
        case _:
            return ModelUnknown if _NO_MODEL.search(words) else RequestRefused


def _kind_in_stream(words: str) -> type[ProviderError]:
    if _NO_MODEL.search(words):
        return ModelUnknown
    if _BUSY.search(words):
        return ProviderBusy
    return RequestRefused if _REFUSED.search(words) else ProviderDown


def _words(body: object) -> tuple[str, str]:
    """The sentence for the log, and what the server calls the fault."""
    if isinstance(body, Mapping):
        inner = body.get("error", body)
        if not isinstance(inner, Mapping):
            return _short(inner), ""
        said = inner.get("message") or inner.get("detail") or inner
        return _short(said), f"{inner.get('code') or ''} {inner.get('type') or ''}"
    return _short(body), ""


def _status(body: object) -> int:
    """The status an error object inside a stream gives as its code, 0 for none."""
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    code = inner.get("code") if isinstance(inner, Mapping) else None
    is_status = isinstance(code, int) and HTTPStatus.BAD_REQUEST <= code <= 599  # noqa: PLR2004  the last status
    return code if isinstance(code, int) and is_status else 0


def _retry_delay_s(body: object) -> float | None:
    """The wait that Google puts into the error itself: https://cloud.google.com/apis/design/errors#error_details ."""
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    details = inner.get("details") if isinstance(inner, Mapping) else None
    for detail in details if isinstance(details, list) else ():
        delay = str(detail.get("retryDelay", "")) if isinstance(detail, Mapping) else ""
        if found := _DELAY.fullmatch(delay):
            return float(found[1])
    return None


def _short(said: object) -> str:
    text = " ".join(str(said or "").split())
    return text if len(text) <= _MAX_CHARS else text[: _MAX_CHARS - 1] + "…"
