"""Every plugin that ships is under the contract of plugins."""

from importlib.metadata import entry_points
from pathlib import Path

import pytest

from contracts.rigs.plugins import RIGS, rig_of
from core.testing.contracts.plugin import PluginContract, PluginRig


def test_every_entry_point_has_a_rig() -> None:
    """A plugin that is shipped is under this contract."""
    ours = [entry.name for entry in entry_points(group="waystation.plugins") if entry.value.startswith("plugins.")]
    assert sorted(RIGS) == sorted(ours)


@pytest.mark.parametrize("name", sorted(RIGS))
class TestPlugins(PluginContract):
    """Each in turn."""

    @pytest.fixture
    def rig(self, tmp_path: Path, name: str) -> PluginRig:
        """The one of this name."""
        return rig_of(name, tmp_path)
