"""What the product says about itself: its stage lines, and from them what was under way when it died."""

import json
from collections import Counter
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

STAGES = ("accept", "preview", "record", "commit", "put", "confirm")
_SENDS = frozenset({"preview", "put"})
_QUIET = frozenset({"debug", "info"})
_KEPT_LINES = 60
NO_LINE = "no log line"
"""What counts as the event of anything else on standard error: a traceback, a library's print."""


@dataclass(frozen=True, slots=True)
class Moment:
    """A stage that began or ended; ``at`` is the product's own clock, in seconds since 1970."""

    stage: str
    key: str
    at: float
    begins: bool = True


@dataclass(slots=True)
class Log:
    """One life's lines, read in order.

    Attributes:
        open: Stages that began and have not ended.
        sends: Messages on their way: begun to be sent, and not yet known to the store as sent.
        seen: How often each stage began.
        trouble: Lines that are a warning or worse, by their event.
        last: The last lines, for when the product does not start.
    """

    open: dict[tuple[str, str], Moment] = field(default_factory=dict)
    sends: dict[str, Moment] = field(default_factory=dict)
    seen: Counter[str] = field(default_factory=Counter)
    trouble: Counter[str] = field(default_factory=Counter)
    complaints: list[str] = field(default_factory=list)
    last: list[str] = field(default_factory=list)

    def read(self, line: bytes) -> Moment | None:
        """Take in a line; the stage that it says has begun or ended, if it says so."""
        try:
            said = json.loads(line)
        except ValueError:
            said = {"event": NO_LINE, "level": "error"}
        if not isinstance(said, dict):
            return None
        if said.get("event") == "stage":
            return self._stage(said)
        self._other(said, line)
        return None

    def _stage(self, said: dict[str, Any]) -> Moment:
        stage, slot = str(said.get("stage")), str(said.get("slot", ""))
        key = slot or (str(said.get("lane", "")) if stage in {"record", "commit"} else "")
        moment = Moment(stage, key, _seconds(said.get("timestamp")), begins=said.get("phase") == "begin")
        if moment.begins:
            self.seen[stage] += 1
            self.open[stage, key] = moment
            if stage in _SENDS:
                self.sends[slot] = moment
        else:
            self.open.pop((stage, key), None)
            if stage in {"confirm", "preview"}:
                self.sends.pop(slot, None)
        return moment

    def _other(self, said: dict[str, Any], line: bytes) -> None:
        self.last = [*self.last[1 - _KEPT_LINES :], line.decode(errors="replace").rstrip()]
        event = str(said.get("event"))
        if event == "not delivered":  # it ended, though not well
            slot = str(said.get("slot", ""))
            self.open.pop(("put", slot), None)
            self.sends.pop(slot, None)
        if said.get("level") not in _QUIET:
            self.trouble[event] += 1
            self.complaints.append(self.last[-1])


def _seconds(timestamp: object) -> float:
    try:
        return datetime.fromisoformat(str(timestamp)).timestamp()
    except ValueError:
        return 0.0
