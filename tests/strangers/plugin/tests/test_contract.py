"""The coin is under the contract of plugins."""

from pathlib import Path

from waystation_coin import spec

from core.testing.contracts.plugin import PluginContract, PluginRig


class TestCoin(PluginContract):
    def make_rig(self, folder: Path) -> PluginRig:
        return PluginRig(spec=spec, settings=spec.settings(), calls={"flip": "{}", "wish": '{"coins": 2}'})
