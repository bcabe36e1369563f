"""How the contract of adapters finds the rig of each adapter that ships.

A rig for the entry point ``x`` is ``contracts/rigs/x.py`` with an async context manager ``rig`` that yields one.
"""

from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from importlib import import_module
from importlib.metadata import entry_points
from importlib.util import find_spec
from typing import cast

from core.testing.contracts.adapter import AdapterRig, Ear

__all__ = ["MISSING", "NAMES", "AdapterRig", "Ear", "rig_of"]

Opens = Callable[[], AbstractAsyncContextManager[AdapterRig]]
NAMES = ("fake", *sorted(point.name for point in entry_points(group="waystation.bots")))
MISSING = tuple(name for name in NAMES if find_spec(f"contracts.rigs.{name}") is None)


def rig_of(name: str) -> AbstractAsyncContextManager[AdapterRig]:
    """Open the rig of an adapter."""
    return cast("Opens", import_module(f"contracts.rigs.{name}").rig)()
