"""A rig for each plugin under the contract: settings that switch it on, and for each of its tools a call to make."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import BaseModel

from plugins.notes import NotesSettings


@dataclass(frozen=True)
class Rig:
    """One plugin, as a deployment would open it.

    Attributes:
        settings: What switches all of it on, given an empty folder.
        calls: For each tool, arguments it can work with, as JSON text.
    """

    settings: Callable[[Path], BaseModel]
    calls: Mapping[str, str]


RIGS = {
    "notes": Rig(
        settings=lambda folder: NotesSettings(folder=folder),
        calls={"save_note": json.dumps({"title": "Shopping", "text": "Bread and *butter*"})},
    ),
}
"""One for each plugin that is shipped."""
