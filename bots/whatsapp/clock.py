"""Meta's time: messages carry it, and so the 24 hours and their age are counted by it, and not by our clock.

What Meta brings says how late it is there at least, and the answers of the Graph API say it to the second.
"""

import math
import time
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime


class MetaClock:
    """Meta's clock, as far as it was heard to tick."""

    def __init__(self) -> None:
        self._newest = 0.0
        self._heard_at = 0.0
        self._ahead_s = 0.0

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

    def least(self) -> float:
        """The time it is there at least (seconds since 1970), 0 before anything was heard."""
        return self._newest + time.monotonic() - self._heard_at if self._newest else 0.0

    def by_ours(self, at: float) -> datetime | None:
        """What our clock said at a time of Meta's; None for no time."""
        try:
            return datetime.fromtimestamp(at, UTC) - timedelta(seconds=self._ahead_s) if at > 0 else None
        except (ValueError, OverflowError, OSError):
            return None
