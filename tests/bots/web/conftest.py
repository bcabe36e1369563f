"""The web chat over the real server, with a core behind it that answers as a test says."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from core.testing import FakeMemo
from simulators.pages import FakeArchive, World, living


@pytest.fixture
def memo() -> FakeMemo:
    """What is kept in the store."""
    return FakeMemo()


@pytest.fixture
def archive() -> FakeArchive:
    """One conversation, in which nothing was said."""
    return FakeArchive()


@pytest.fixture
async def world(tmp_path: Path, memo: FakeMemo, archive: FakeArchive) -> AsyncIterator[World]:
    """A run of it."""
    async with living(tmp_path, memo, archive) as opened_world:
        yield opened_world
