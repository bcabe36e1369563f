"""What a lab can be made to do to the next request, by name, and what has to become of each.

A rig offers those its lab knows (``ProviderRig.faults``); the contract asks for all and skips the others by name.
"""

from dataclasses import dataclass
from typing import Literal

from core.errors import (
    ContextTooLong,
    ModelUnknown,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderRefusedUs,
    RequestRefused,
)
from core.exchange import Usage

RETRY_AFTER_S = 7.0
"""What a lab that is busy asks us to wait."""

USAGE = Usage(input_tokens=1000, output_tokens=50, cached_tokens=200, reasoning_tokens=20)
"""What a lab says that its answer took (``usage``); one that does not count a kind of them leaves it at 0."""

CITIES = ("Bonn", "Köln")
"""Two calls at once (``calls``) are of ``look_up`` with ``{"city": …}``, one for each."""

CITED = (
    ("Bonn lies on the Rhine.", "Rivers of Germany", "https://example.org/rivers"),
    (" It is old.", "A history of Bonn", "https://example.org/bonn?page=2"),
)
"""An answer with sources (``citations``): each text, with the title and the address of what bears it out."""


@dataclass(frozen=True, kw_only=True)
class Fails:
    """The stream raises this.

    Attributes:
        after_words: Some of the answer came first.
        hurried: It is about patience, so the provider with little of it is asked.
    """

    error: type[ProviderError]
    retry_after_s: float | None = None
    after_words: bool = False
    hurried: bool = False


@dataclass(frozen=True, kw_only=True)
class Ends:
    """The stream ends so."""

    reason: Literal["stop", "tools", "length", "refusal", "pause"]


FAULTS: dict[str, Fails | Ends] = {
    "unauthorized": Fails(error=ProviderRefusedUs),  # 401
    "forbidden": Fails(error=ProviderRefusedUs),  # 403
    "missing": Fails(error=ModelUnknown),  # 404, of a model
    "bad request": Fails(error=RequestRefused),  # 400, of something that is no model's length
    "too long": Fails(error=ContextTooLong),  # 400, as the lab words a prompt that is too long
    "too large": Fails(error=ContextTooLong),  # 413
    "busy": Fails(error=ProviderBusy, retry_after_s=RETRY_AFTER_S),  # 429 with Retry-After
    "overloaded": Fails(error=ProviderBusy),  # 529, or 503 where that is the lab's word for it
    "broken": Fails(error=ProviderDown),  # 500
    "cut before": Fails(error=ProviderDown),  # the connection is cut instead of an answer
    "cut": Fails(error=ProviderDown, after_words=True),  # the connection is cut amid an answer
    "truncated": Fails(error=ProviderDown, after_words=True),  # the stream just ends, in due form of HTTP
    "garbage": Fails(error=ProviderDown, after_words=True),  # an event that is not JSON
    "error inside": Fails(error=ProviderError, after_words=True),  # an error event in a stream that began with 200
    "hang": Fails(error=ProviderDown, hurried=True),  # not a byte
    "stall": Fails(error=ProviderDown, after_words=True, hurried=True),  # not a byte more, after some words
    "refusal": Ends(reason="refusal"),
    "length": Ends(reason="length"),
    "pause": Ends(reason="pause"),
    "calls": Ends(reason="tools"),
    "usage": Ends(reason="stop"),
    "citations": Ends(reason="stop"),
}
