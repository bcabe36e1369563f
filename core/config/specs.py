"""Finds implementations by entry point: what is installed, ours and strangers' through the same door.

Loading an entry point imports the module that holds its ``Spec`` and nothing of a vendor's. One that cannot be
loaded is kept with the reason, so that a broken package is told of and does not keep the rest from starting.
"""

from importlib.metadata import EntryPoint, entry_points
from typing import Any, Literal

from core.site import Spec
from core.values import value

Group = Literal["bots", "providers", "plugins", "engines"]
AnySpec = Spec[Any, Any, Any]


@value
class Found:
    """One entry point of ours.

    Attributes:
        spec: What it names, None where it could not be loaded.
        broken: Why not, "" where it could.
    """

    name: str
    spec: AnySpec | None = None
    broken: str = ""


def find(group: Group) -> dict[str, Found]:
    """Everything installed of one group, by name."""
    return {entry.name: _load(entry) for entry in entry_points(group=f"waystation.{group}")}


def _load(entry: EntryPoint) -> Found:
    try:
        spec = entry.load()
    except Exception as problem:  # noqa: BLE001 - a stranger's module, and what it does when imported
        return Found(name=entry.name, broken=f"{entry.value} cannot be loaded: {type(problem).__name__}: {problem}")
    if not isinstance(spec, Spec):
        return Found(name=entry.name, broken=f"{entry.value} is not a Spec")
    return Found(name=entry.name, spec=spec)
