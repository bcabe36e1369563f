"""Every conversation on every platform."""

from collections.abc import AsyncGenerator
from pathlib import Path

import pytest

from conformance.platforms import AT_LEAST, STAGES
from conformance.play import Play


@pytest.fixture(
    params=[name if name in AT_LEAST else pytest.param(name, marks=pytest.mark.slow) for name in STAGES],
)
async def play(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncGenerator[Play]:
    """The product over one platform, whose rules it has kept by the end."""
    async with STAGES[request.param](tmp_path) as stage:
        yield Play(stage, tmp_path)
        assert list(stage.violations()) == [], "the platform's published rules were broken"
