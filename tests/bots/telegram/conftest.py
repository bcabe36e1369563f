"""An adapter over a simulated platform, speaking and listening."""

from collections.abc import AsyncGenerator

import pytest

from contracts.rigs.telegram import Ear, Rig, listening
from contracts.rigs.telegram import rig as open_rig


@pytest.fixture
async def rig() -> AsyncGenerator[Rig, None]:
    """Open the adapter; nobody listens yet."""
    async with open_rig() as opened:
        yield opened
        assert not opened.telegram.violations, "the platform's published rules were broken"


@pytest.fixture
async def ear(rig: Rig) -> AsyncGenerator[Ear, None]:
    """Let the adapter listen."""
    async with listening(rig.adapter) as heard:
        yield heard
