"""Meta's time: messages carry it, and so the 24 hours and their age are counted by it, and not by our clock.

What Meta brings says how late it is there at least, and the answers of the Graph API say it to the second.
"""

import math
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime

_HOURS_S = 2 * 3600.0
_AGAIN_S = 60.0


class MetaClock:
    """Meta's clock, as far as it was heard to tick.

    Attributes:
        is_told: Whether an answer of Meta's has said what time it is there.
    """

    def __init__(self) -> None:
        self._newest = 0.0
        self._heard_at = 0.0
        self._ahead_s = 0.0
        self._doubts_at = 0.0
        self.is_told = False

    def heard(self, at: float) -> None:
        """Something happened there at this time (seconds since 1970)."""
        if math.isfinite(at) and at > self.least():
            self._newest, self._heard_at = at, time.monotonic()

    def told(self, date: str) -> None:
        """An answer of Meta's says what time it is there, in HTTP's form."""
        try:
            self._ahead_s = parsedate_to_datetime(date).timestamp() - time.time()
        except (ValueError, TypeError, OverflowError):
            return
        self.is_told = True

    def doubts(self, at: float) -> bool:
        """Whether only Meta can say how long ago this was: by our clock it is hours, and that may be what is wrong.

        True once in a while: where Meta cannot be reached, what it brings must not wait for it each time.
        """
        if self.is_told or time.time() - at <= _HOURS_S or time.monotonic() < self._doubts_at:
            return False
        self._doubts_at = time.monotonic() + _AGAIN_S
        return True

    def least(self) -> float:
        """The time it is there at least (seconds since 1970), 0 before anything was heard."""
        return self._newest + time.monotonic() - self._heard_at if self._newest else 0.0

    def by_ours(self, at: float) -> datetime | None:
        """What our clock said at a time of Meta's; None for no time."""
        try:
            return datetime.fromtimestamp(at, UTC) - timedelta(seconds=self._ahead_s) if at > 0 else None
        except (ValueError, OverflowError, OSError):
            return None
