"""Sealing: how content and names are kept, and the secret behind the names."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.engines.sealing import Hasher, PlainSealer, load_secret
from core.errors import StoreError

PLACE = ("scope", "table", "row")
parts = st.lists(st.text(alphabet=st.sampled_from("a\\\x1fu"), max_size=4), min_size=1, max_size=4)


def test_what_was_sealed_opens_as_it_was() -> None:
    """Any bytes, the empty ones too."""
    sealer = PlainSealer()
    key = sealer.new_key()
    for body in (b"", b"\x00", b"Hello \xff"):
        assert sealer.open(key, PLACE, sealer.seal(key, PLACE, body)) == body


@pytest.mark.parametrize("sealed", [b"", b"\x01secret"])
def test_what_was_sealed_in_an_unknown_way_is_refused(sealed: bytes) -> None:
    """A body says how it was sealed; a version that does not know that way says so."""
    with pytest.raises(StoreError, match="use the version that wrote it"):
        PlainSealer().open(b"", PLACE, sealed)


@given(parts, parts)
def test_no_two_names_are_alike(one: list[str], other: list[str]) -> None:
    """Parts are kept apart, whatever stands in them."""
    hasher = Hasher(b"s" * 32)
    assert (hasher.name(*one) == hasher.name(*other)) == (one == other)


def test_a_name_depends_on_the_secret_and_says_nothing() -> None:
    """Who has the database but not the secret cannot even try names out."""
    name = Hasher(b"s" * 32).name("sender", "telegram", "4711")
    assert name != Hasher(b"t" * 32).name("sender", "telegram", "4711")
    assert len(name) == 32
    assert "4711" not in name
    assert Hasher(b"s" * 32).name("\ud800")


def test_the_secret_is_made_once_and_is_its_owners(tmp_path: Path) -> None:
    """The second start finds the first one's, and nobody else can read it."""
    path = tmp_path / "secret"
    secret = load_secret(path)
    assert (load_secret(path), load_secret(path, expected=True)) == (secret, secret)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [file.name for file in tmp_path.iterdir()] == ["secret"]


def test_a_secret_that_was_lost_is_missed(tmp_path: Path) -> None:
    """A new one would make a stranger of everybody, so a store without its secret is not opened."""
    with pytest.raises(StoreError, match="restore it"):
        load_secret(tmp_path / "secret", expected=True)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("size", [0, 31, 33])
def test_a_damaged_secret_is_refused(tmp_path: Path, size: int) -> None:
    """It is not quietly replaced either."""
    path = tmp_path / "secret"
    path.write_bytes(os.urandom(size))
    with pytest.raises(StoreError, match=f"{size} bytes"):
        load_secret(path)
    assert path.stat().st_size == size
