"""What can go wrong on purpose with a model's answer."""

from __future__ import annotations

import json
import math
from dataclasses import dataclass, field

from .records import Json

_TYPES = {
    400: ("invalid_request_error", None),
    401: ("invalid_request_error", "invalid_api_key"),
    403: ("permission_error", "unsupported_country_region_territory"),
    404: ("invalid_request_error", "model_not_found"),
    413: ("invalid_request_error", "request_too_large"),
    429: ("requests", "rate_limit_exceeded"),
    500: ("server_error", None),
    503: ("server_error", "service_unavailable"),
    529: ("overloaded_error", "overloaded"),
}


def error_body(status: int, message: str, *, code: str | None = None, param: str | None = None) -> Json:
    """Return the published form of an error: https://platform.openai.com/docs/guides/error-codes ."""
    kind, usual = _TYPES.get(status, ("server_error", None))
    return {"error": {"message": message, "type": kind, "param": param, "code": code or usual}}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way for an answer to go wrong.

    With a `status`, the whole answer is that error. Otherwise the reply begins as usual, and after `after_tokens`
    pieces (0: before the first byte of the answer, headers included) first `delay_s` passes, then `raw` is written,
    then the connection is cut if `cut` says so, or the stream ends there if `end` does.
    """

    name: str
    status: int = 0
    body: Json = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    after_tokens: int = 0
    delay_s: float = 0.0
    raw: bytes = b""
    cut: bool = False
    end: bool = False


def status(code: int, *, message: str = "", error_code: str | None = None, retry_after: float | None = None) -> Fault:
    """Answer with an HTTP error, such as 401, 403, 404, 413, 429, 500, 503 or 529."""
    body = error_body(code, message or f"Simulated error {code}.", code=error_code)
    headers = {} if retry_after is None else {"retry-after": f"{retry_after:g}"}
    return Fault(name=f"status_{code}", status=code, body=body, headers=headers)


def hang(*, after_tokens: int = 0) -> Fault:
    """Say nothing more, with the connection open: from the start, or after so many tokens."""
    return Fault(name="hang", after_tokens=after_tokens, delay_s=math.inf)


def stall(seconds: float, *, after_tokens: int = 0) -> Fault:
    """Pause for a while, then go on."""
    return Fault(name="stall", after_tokens=after_tokens, delay_s=seconds)


def cut(*, after_tokens: int = 0) -> Fault:
    """Cut the connection: before the first byte, or after so many tokens."""
    return Fault(name="cut", after_tokens=after_tokens, cut=True)


def stream_error(
    *, after_tokens: int = 1, message: str = "The server is overloaded.", code: str = "overloaded"
) -> Fault:
    """Put an error object into a stream that began with 200, and end it."""
    body = error_body(503, message, code=code)
    return Fault(name="stream_error", after_tokens=max(1, after_tokens), raw=_event(body), end=True)


def garbage(*, after_tokens: int = 1) -> Fault:
    """Put an event that is not JSON into the stream, and go on."""
    return Fault(name="garbage", after_tokens=max(1, after_tokens), raw=b'data: {"id": "chatcmpl-\xff, oops\n\n')


def truncated(*, after_tokens: int = 1) -> Fault:
    """End the stream cleanly, but with neither a finish reason nor [DONE]."""
    return Fault(name="truncated", after_tokens=max(1, after_tokens), end=True)


def empty() -> Fault:
    """Answer 200 with an empty stream, or an empty body."""
    return Fault(name="empty", after_tokens=-1, end=True)


def _event(body: Json) -> bytes:

    return b"data: " + json.dumps(body).encode() + b"\n\n"
