"""Several keys of one provider: one that is refused or has reached its limit rests, and the next one is used.

A provider makes its keys of its settings, once, and each request by them::

    self._keys = Keys(settings.api_key, *settings.api_keys)
    ...
    response = await self._keys.using(lambda key: self._post(body, key))

What ``_post`` raises must be ours already (``core/errors.py``): ``ProviderRefusedUs`` for 401, 402 and 403,
``ProviderBusy`` for 429. A rest is a guess: before a request fails, keys that have reached their limit are asked, too;
refused ones only where there is no other.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

import structlog
from pydantic import SecretStr

from core.errors import ProviderBusy, ProviderError, ProviderRefusedUs
from core.patience import back_off_s

log = structlog.get_logger(__name__)

T = TypeVar("T")

_BUSY_S = (2.0, 60.0)  # the first rest, and the longest: a key that worked a moment ago is soon well again
_REFUSED_S = 600.0
_MAX_REST_S = 3600.0


class Keys:
    """The keys of one provider, in order of preference; without any there is one empty key.

    Args:
        keys: Each may hold several, separated by commas or spaces: environment variables are single texts.
    """

    def __init__(self, *keys: SecretStr | str, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = tuple(dict.fromkeys(_split(keys))) or ("",)
        self._rest_until = dict.fromkeys(self._keys, float("-inf"))
        self._failures = dict.fromkeys(self._keys, 0)
        self._refused: set[str] = set()
        self._clock = clock

    def __bool__(self) -> bool:
        return self._keys != ("",)

    def __len__(self) -> int:
        return len(self._keys)

    def current(self) -> str:
        """The first that does not rest; when all do, the one whose rest is over first, refused ones last."""
        return self._order()[0]

    async def using(self, request: Callable[[str], Awaitable[T]]) -> T:
        """Make a request with the current key; with each other one in turn, as long as it is the key that fails.

        Raises:
            ProviderError: What came of one whose failure has nothing to do with its key; else of the one that may work
                soonest, or of the last.
        """
        failed: dict[str, ProviderError] = {}
        left = [self.current()]
        while left:
            key = left[0]
            try:
                done = await request(key)
            except ProviderError as error:
                failed[key] = error
                if not self.rest(key, error):
                    raise
            else:
                self._failures[key] = 0
                self._refused.discard(key)
                return done
            left = [other for other in self._order() if not (other in failed or self._is_refused(other))]
        later = [error for error in failed.values() if error.retryable]
        last = list(failed.values())[-1]
        raise min(later, key=lambda error: error.retry_after_s or 0.0) if later else last

    def rest(self, key: str, error: ProviderError) -> bool:
        """Let a key rest that was refused or has reached its limit; other errors are not its fault, which is told."""
        match error:
            case ProviderBusy(retry_after_s=named_s):
                rest_s = back_off_s(self._failures[key], *_BUSY_S) if named_s is None else named_s
                self._refused.discard(key)
            case ProviderRefusedUs(retry_after_s=named_s):
                rest_s = max(_REFUSED_S, named_s or 0.0)
                self._refused.add(key)
            case _:
                return False
        rest_s = min(rest_s, _MAX_REST_S)
        self._failures[key] += not self._rests(key)  # requests that were made together fail as one
        self._rest_until[key] = self._clock() + rest_s
        if len(self._keys) > 1:
            log.warning("key rests", number=self._keys.index(key) + 1, of=len(self._keys), for_s=round(rest_s, 1))
        return True

    def _order(self) -> list[str]:
        """Those that do not rest, as they were given; then by when their rest is over, refused ones last."""
        now = self._clock()
        return sorted(self._keys, key=lambda key: (self._is_refused(key), max(now, self._rest_until[key])))

    def _rests(self, key: str) -> bool:
        return self._rest_until[key] > self._clock()

    def _is_refused(self, key: str) -> bool:
        return key in self._refused and self._rests(key)


def _split(keys: Iterable[SecretStr | str]) -> Iterator[str]:
    for key in keys:
        text = key.get_secret_value() if isinstance(key, SecretStr) else key
        yield from text.replace(",", " ").split()
