"""A rig for each plugin under the contract: settings that switch it on, and for each of its tools a call to make."""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from importlib.metadata import entry_points
from pathlib import Path

from pydantic import BaseModel

from core.site import Egress, NoEgress
from core.testing import FakeEgress
from core.testing.contracts.plugin import PluginRig
from core.tools import Switch
from plugins.fetch import FetchSettings
from plugins.notes import NotesSettings


@dataclass(frozen=True)
class Rig:
    """One plugin, as a deployment would open it.

    Attributes:
        settings: What switches all of it on, given an empty folder.
        calls: For each tool, arguments it can work with, as JSON text.
        egress: What there is in the web.
    """

    settings: Callable[[Path], BaseModel]
    calls: Mapping[str, str]
    egress: Egress = field(default_factory=NoEgress)


RIGS = {
    "clock": Rig(
        settings=lambda _: Switch(),
        calls={
            "current_time": json.dumps({"zone": "Europe/Paris"}),
            "convert_time": json.dumps({"time": "2026-11-24T09:30", "from_zone": "Paris", "to_zone": "Tokyo"}),
            "time_between": json.dumps({"start": "2026-11-24", "end": "2026-12-24"}),
        },
    ),
    "conversation": Rig(settings=lambda _: Switch(), calls={}),
    "fetch": Rig(
        settings=lambda _: FetchSettings(),
        calls={"fetch_page": json.dumps({"url": "https://a.example/"})},
        egress=FakeEgress({"https://a.example/": "<title>Tea</title><p>Tea is a drink made of leaves."}),
    ),
    "model": Rig(settings=lambda _: Switch(), calls={}),
    "notes": Rig(
        settings=lambda folder: NotesSettings(folder=folder),
        calls={"save_note": json.dumps({"title": "Shopping", "text": "Bread and *butter*"})},
    ),
}
"""One for each plugin that is shipped."""


def rig_of(name: str, folder: Path) -> PluginRig:
    """The rig of one of them, over an empty folder."""
    (entry,) = entry_points(group="waystation.plugins", name=name)
    rig = RIGS[name]
    return PluginRig(spec=entry.load(), settings=rig.settings(folder), calls=rig.calls, egress=rig.egress)
