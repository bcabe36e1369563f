"""Every engine that ships, and the fake one, is under the contract of what is kept."""

from pathlib import Path

import pytest

from contracts.rigs.engines import RIGS
from core.testing.contracts.store import StoreContract, StoreRig


@pytest.mark.parametrize("engine", sorted(RIGS))
class TestStores(StoreContract):
    """Each in turn."""

    @pytest.fixture
    def rig(self, tmp_path: Path, engine: str) -> StoreRig:
        """The one of this name."""
        return RIGS[engine](tmp_path)
