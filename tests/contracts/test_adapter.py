"""Every adapter that ships is under the contract of adapters."""

from collections.abc import AsyncIterator

import pytest

from contracts.rigs.adapters import MISSING, NAMES, rig_of
from core.testing.contracts.adapter import AdapterContract, AdapterRig


def test_every_entry_point_has_a_rig() -> None:
    """An adapter that is shipped is under this contract."""
    assert MISSING == ()


class TestAdapters(AdapterContract):
    """Each in turn."""

    @pytest.fixture(params=[name for name in NAMES if name not in MISSING])
    async def rig(self, request: pytest.FixtureRequest) -> AsyncIterator[AdapterRig]:
        """Each adapter's own."""
        async with rig_of(request.param) as opened:
            yield opened
