"""Several keys of one provider: one that is refused or has reached its limit rests, and the next one is used.

A provider asks for a key, and says what went wrong with it::

    for key in keys.tries():
        try:
            return await self._request(key)
        except ProviderError as error:
            if not keys.rest(key, error):  # nothing to do with the key, or there is no other
                raise

Whoever cannot loop like that asks ``current()`` before a request and calls ``rest`` after it.
"""

import time
from collections.abc import Callable, Iterable, Iterator

from pydantic import SecretStr

from core.errors import ProviderBusy, ProviderError, ProviderRefusedUs

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
        self._rests: dict[str, float] = {}
        self._clock = clock

    def __len__(self) -> int:
        return len(self._keys)

    def current(self) -> str:
        """The first that does not rest; when all do, the one whose rest is over first."""
        now = self._clock()
        awake = (key for key in self._keys if self._rests.get(key, 0.0) <= now)
        return next(awake, None) or min(self._keys, key=lambda key: self._rests.get(key, 0.0))

    def tries(self) -> Iterator[str]:
        """The current key, and after each that was put to rest the next one; each once."""
        tried: set[str] = set()
        while (key := self.current()) not in tried:
            tried.add(key)
            yield key

    def rest(self, key: str, error: ProviderError) -> bool:
        """Note what went wrong with a key.

        Returns:
            Whether another key may fare better right now.
        """
        match error:
            case ProviderBusy(retry_after_s=asked):
                rest_s = _BUSY_S if asked is None else asked
            case ProviderRefusedUs(retry_after_s=asked):
                rest_s = max(_REFUSED_S, asked or 0.0)
            case _:
                return False
        now = self._clock()
        self._rests[key] = now + min(rest_s, _LONGEST_S)
        return any(self._rests.get(other, 0.0) <= now for other in self._keys if other != key)


def _split(keys: Iterable[SecretStr | str]) -> Iterator[str]:
    for key in keys:
        text = key.get_secret_value() if isinstance(key, SecretStr) else key
        yield from text.replace(",", " ").split()
