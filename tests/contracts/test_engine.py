"""Every engine that ships is under the contract of engines."""

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from contracts.rigs.engines import RIGS
from core.testing.contracts.delivering import EngineRig
from core.testing.contracts.engine import EngineContract


def test_every_entry_point_has_a_rig() -> None:
    """An engine that is shipped is under this contract."""
    assert {point.name for point in entry_points(group="waystation.engines")} == set(RIGS)


@pytest.mark.parametrize("engine", sorted(RIGS))
class TestEngines(EngineContract):
    """Each in turn."""

    @pytest.fixture
    def rig(self, tmp_path: Path, engine: str) -> EngineRig:
        """The one of this name."""
        return RIGS[engine](tmp_path)
