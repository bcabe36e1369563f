"""Where the published machine-readable specifications lie, and how they are read.

The simulators judge what they are sent by these files when they are there, and by their own
hand-written rules alone when they are not. What a file means is left to each simulator.
"""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

_HERE = Path(__file__).resolve()


def specs_dir() -> Path:
    """Return the folder of published specifications, which need not exist."""
    default = _HERE.parents[2].parent / "shared" / "specs"
    return Path(os.environ.get("WAYSTATION_SPECS", default))


@cache
def load_spec(platform: str, name: str) -> dict[str, Any] | None:
    """Read one specification file, or return None where it is not at hand."""
    path = specs_dir() / platform / name
    if not path.is_file():
        return None
    loaded: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return loaded
