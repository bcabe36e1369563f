"""Several keys of one provider: one that is refused or has reached its limit rests, and the next one is used.

A provider makes its keys of its settings, once, and each request by them::

    self._keys = Keys(settings.api_key, *settings.api_keys)
    ...
    response = await self._keys.using(lambda key: self._post(body, key))

What ``_post`` raises must be ours already (``core/errors.py``): ``ProviderRefusedUs`` for 401, 402 and 403,
``ProviderBusy`` for 429.
"""

import time
from collections.abc import Awaitable, Callable, Iterable, Iterator
from typing import TypeVar

import structlog
from pydantic import SecretStr

from core.errors import ProviderBusy, ProviderError, ProviderRefusedUs

log = structlog.get_logger(__name__)

T = TypeVar("T")

_BUSY_S = 30.0
_REFUSED_S = 600.0
_LONGEST_S = 3600.0


class Keys:
    """The keys of one provider, in order of preference; without any there is one empty key.

    Args:
        keys: Each may hold several, separated by commas or spaces: environment variables are single texts.
    """

    def __init__(self, *keys: SecretStr | str, clock: Callable[[], float] = time.monotonic) -> None:
        self._keys = tuple(dict.fromkeys(_split(keys))) or ("",)
        self._rest_until = dict.fromkeys(self._keys, float("-inf"))
        self._clock = clock

    def __bool__(self) -> bool:
        return self._keys != ("",)

    def __len__(self) -> int:
        return len(self._keys)

    def current(self) -> str:
        """The first that does not rest; when all do, the one whose rest is over first."""
        now = self._clock()
        return min(self._keys, key=lambda key: max(now, self._rest_until[key]))

    async def using(self, request: Callable[[str], Awaitable[T]]) -> T:
        """Make a request with the current key; with each other one in turn, as long as it is the key that fails.

        Raises:
            ProviderError: What came of the last one, or of one whose failure has nothing to do with its key.
        """
        key, left = self.current(), set(self._keys)
        while True:
            try:
                return await request(key)
            except ProviderError as error:
                left.discard(key)
                self.rest(key, error)
                awake = [other for other in self._keys if other in left and not self._rests(other)]
                if not (awake and self._rests(key)):
                    raise
                key = awake[0]

    def rest(self, key: str, error: ProviderError) -> None:
        """Let a key rest that was refused or has reached its limit; other errors are not its fault."""
        match error:
            case ProviderBusy(retry_after_s=asked):
                rest_s = _BUSY_S if asked is None else asked
            case ProviderRefusedUs(retry_after_s=asked):
                rest_s = max(_REFUSED_S, asked or 0.0)
            case _:
                return
        rest_s = min(rest_s, _LONGEST_S)
        self._rest_until[key] = self._clock() + rest_s
        if len(self._keys) > 1:
            log.warning("key rests", number=self._keys.index(key) + 1, of=len(self._keys), for_s=round(rest_s, 1))

    def _rests(self, key: str) -> bool:
        return self._rest_until[key] > self._clock()


def _split(keys: Iterable[SecretStr | str]) -> Iterator[str]:
    for key in keys:
        text = key.get_secret_value() if isinstance(key, SecretStr) else key
        yield from text.replace(",", " ").split()
