"""What no archive has is found again after a restart, encrypted; what cannot be read costs nothing else."""

from dataclasses import replace
from pathlib import Path

import pytest

from bots.web.leftovers import FILE, Left, LeftIn, Leftovers
from core.testing import FakeMemo
from core.values import Choice

QUESTION = Left(
    id="7q", mine=False, after="0000000000000003.0000", text="May I?", choices=(Choice(label="Yes", token="t"),)
)
LEFT = LeftIn(view="c", begun=None, messages=(QUESTION,))


async def test_what_was_left_is_there_after_a_restart(tmp_path: Path) -> None:
    """By whoever has the store with its key."""
    memo = FakeMemo()
    first = Leftovers(tmp_path, memo)
    assert await first.read() == ()
    await first.write([LEFT, replace(LEFT, view="new-1", begun=("", "c"))])
    assert await Leftovers(tmp_path, memo).read() == (LEFT, replace(LEFT, view="new-1", begun=("", "c")))


async def test_the_disk_alone_tells_nothing(tmp_path: Path) -> None:
    """Not what was asked, and not what was to be done."""
    leftovers = Leftovers(tmp_path, FakeMemo())
    await leftovers.read()
    await leftovers.write([LEFT])
    assert b"May I" not in (tmp_path / FILE).read_bytes()
    assert (tmp_path / FILE).stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("body", [b"", b"x", b"x" * 100])
async def test_a_file_that_cannot_be_read_is_as_good_as_none(tmp_path: Path, body: bytes) -> None:
    """Another key, half a file, or none of ours."""
    (tmp_path / FILE).write_bytes(body)
    leftovers = Leftovers(tmp_path, FakeMemo())
    assert await leftovers.read() == ()
    await leftovers.write([LEFT])
    assert not (tmp_path / FILE).with_suffix(".new").exists()


async def test_another_deployments_file_opens_nothing(tmp_path: Path) -> None:
    """Its key is not ours."""
    theirs = Leftovers(tmp_path, FakeMemo())
    await theirs.read()
    await theirs.write([LEFT])
    assert await Leftovers(tmp_path, FakeMemo()).read() == ()


async def test_what_has_not_changed_is_not_written_again(tmp_path: Path) -> None:
    """Most messages change nothing here."""
    leftovers = Leftovers(tmp_path, FakeMemo())
    await leftovers.read()
    await leftovers.write([LEFT])
    (tmp_path / FILE).unlink()
    await leftovers.write([LEFT])
    assert not (tmp_path / FILE).exists()
