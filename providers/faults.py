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

_MAX_CHARS = 300  # for the log
_MOST_CHARS = 4000

# Each alternative is some server's way to say it: OpenAI, vLLM (three), llama.cpp, Ollama, LM Studio (three), xAI,
# Groq, Mistral, Alibaba, and a tokens-per-minute limit that a single request exceeds and so always will.
_TOO_LONG = re.compile(
    r"context_length_exceeded|exceed_context_size"
    r"|maximum context length|longer than the maximum model length|too long to fit into the model"
    r"|exceeds? (the )?(available |maximum |model's )*context (size|length|window)"
    r"|input length exceeds|tokens to keep from the initial prompt|keep the first \d+ tokens when context"
    r"|reached context length|n_keep .{1,40}n_ctx|maximum prompt length|reduce the length of the messages"
    r"|prompt is too long|prompt contains \d+ tokens|range of input length should be|request too large for"
    r"|input token count .{0,30}exceeds|(content|output|text|instructions|arguments)[^']{0,20}': string too long",
    re.IGNORECASE,
)
_NO_MODEL = re.compile(
    r"model_not_found|not_found_error model|models?\b.{0,80}(not found|does not exist)|not a valid model", re.IGNORECASE
)
# OpenAI (twice), others, Anthropic (under 400, as its limits of spending are), Google for prepaid accounts.
_NO_MONEY = re.compile(
    r"insufficient_quota|exceeded your current quota|insufficient.{0,20}(balance|credit|funds)"
    r"|credit balance is too low|reached your specified .{0,20}usage limits|credits? (are|is) depleted",
    re.IGNORECASE,
)
_BAD_KEY = re.compile(
    r"(invalid|incorrect|expired|missing).{0,20}api.?key|api.?key.{0,20}(not valid|invalid|expired)", re.IGNORECASE
)
_BUSY = re.compile(r"rate.?limit|too many requests|overloaded|capacity", re.IGNORECASE)
_DELAY = re.compile(r"(\d{1,6}(?:\.\d+)?)s")
_REFUSED = re.compile(r"invalid_request|bad.?request|unsupported", re.IGNORECASE)

# By its code alone, where one comes inside a stream: Anthropic's types, and OpenAI's codes.
_CODES: tuple[tuple[re.Pattern[str], type[ProviderError]], ...] = (
    (re.compile(r"authentication_error|permission_error|billing_error|invalid_api_key"), ProviderRefusedUs),
    (re.compile(r"rate_limit|overloaded"), ProviderBusy),
    (re.compile(r"server_error|api_error|timeout"), ProviderDown),
    (re.compile(r"request_too_large"), ContextTooLong),
    (re.compile(r"invalid_prompt|image_"), RequestRefused),
)

_NO_QUOTA = re.compile(r"limit: 0\b(?!\.)|depleted")  # not on this plan, or not paid for
_DAY_S = 3600.0  # a quota of a whole day is back at Google's midnight: asking once an hour is often enough


def refusal(status: int, body: object, *, retry_after_s: float | None = None) -> ProviderError:
    """The error for what a server said.

    Args:
        status: The HTTP status, 0 where the complaint came inside a stream.
        body: The error object, or whatever came in its place.
    """
    if isinstance(body, list) and body:  # as Google complains where it speaks OpenAI's protocol
        body = body[0]
    whole, code = _words(body)
    said, status = _short(whole), status or _status(body)
    words = f"{code} {whole}"
    if (exhausted := _quota(body)) is not None:
        kind, waits_s = exhausted
        return kind(f"429 {said}", retry_after_s=waits_s if retry_after_s is None else retry_after_s)
    kind = _kind_by_words(words) or (_kind_by_status(status, words) if status else _kind_in_stream(code, words))
    text = f"{status} {said}".strip() if status else said
    if kind is RequestRefused and status == HTTPStatus.NOT_FOUND:
        text += " (is base_url complete, up to and including /v1?)"
    wait_s = _retry_delay_s(body) if retry_after_s is None else retry_after_s
    return kind(text or "an error without a word", retry_after_s=wait_s, status=status, said=words.strip())


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


def _kind_in_stream(code: str, words: str) -> type[ProviderError]:
    for pattern, kind in _CODES:
        if pattern.search(code):
            return kind
    if _NO_MODEL.search(words):
        return ModelUnknown
    if _BUSY.search(words):
        return ProviderBusy
    return RequestRefused if _REFUSED.search(words) else ProviderDown


def _words(body: object) -> tuple[str, str]:
    """What the server says in full, and what it calls the fault and the place of it."""
    if not isinstance(body, Mapping):
        return _flat(body), ""
    inner = body.get("error", body)
    if not isinstance(inner, Mapping):
        return _flat(inner), ""
    said = _flat(inner.get("message") or inner.get("detail") or inner)
    metadata = inner.get("metadata")
    raw = metadata.get("raw") if isinstance(metadata, Mapping) else None  # what OpenRouter was told itself
    code = " ".join(str(inner[name]) for name in ("code", "type", "param") if inner.get(name))
    return f"{said} {_flat(raw)}".strip() if raw else said, code


def _flat(said: object) -> str:
    """What was said on one line; of a list of faults (pydantic's, Mistral's) each with its place, dotted."""
    if isinstance(said, Mapping) and isinstance(said.get("detail"), list):
        said = said["detail"]
    if isinstance(said, list) and all(isinstance(one, Mapping) and "msg" in one for one in said):
        places = (".".join(map(str, one.get("loc") or ())).removeprefix("body.") for one in said)
        said = "; ".join(f"{place}: {one['msg']}" for place, one in zip(places, said, strict=True))
    return " ".join(str(said or "").split())[:_MOST_CHARS]


def _status(body: object) -> int:
    """The status an error object inside a stream gives as its code, 0 for none."""
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    code = inner.get("code") if isinstance(inner, Mapping) else None
    is_status = isinstance(code, int) and HTTPStatus.BAD_REQUEST <= code <= 599  # noqa: PLR2004  the last status
    return code if isinstance(code, int) and is_status else 0


def _quota(body: object) -> tuple[type[ProviderError], float | None] | None:
    """What Google means where something of it is used up, and how long that lasts; None for any other complaint.

    Its words are those of OpenAI for an unpaid bill, whatever it was:
    https://ai.google.dev/gemini-api/docs/rate-limits
    """
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    if not isinstance(inner, Mapping) or inner.get("status") != "RESOURCE_EXHAUSTED":
        return None
    if _NO_QUOTA.search(str(inner.get("message", ""))):
        return ProviderRefusedUs, None
    violations = [one for detail in _details(body) for one in _listed(detail.get("violations"))]
    if any("PerDay" in str(one.get("quotaId", "")) for one in violations):
        return ProviderBusy, _DAY_S
    return ProviderBusy, _retry_delay_s(body)


def _retry_delay_s(body: object) -> float | None:
    """The wait that Google puts into the error itself: https://cloud.google.com/apis/design/errors#error_details ."""
    for detail in _details(body):
        if found := _DELAY.fullmatch(str(detail.get("retryDelay", ""))):
            return float(found[1])
    return None


def _details(body: object) -> list[Mapping[str, object]]:
    inner = body.get("error", body) if isinstance(body, Mapping) else None
    return _listed(inner.get("details")) if isinstance(inner, Mapping) else []


def _listed(of: object) -> list[Mapping[str, object]]:
    return [one for one in of if isinstance(one, Mapping)] if isinstance(of, list) else []


def _short(said: str) -> str:
    return said if len(said) <= _MAX_CHARS else said[: _MAX_CHARS - 1] + "…"
