"""Tidying up after a start, which must never be what keeps it from running."""

import ctypes
import gc
from collections.abc import Iterator

import pytest

from core.process.tidying import tidy


@pytest.fixture(autouse=True)
def thawed() -> Iterator[None]:
    """What is set aside here is not kept from the tests that follow."""
    yield
    gc.unfreeze()


def test_what_a_start_left_is_not_looked_through_again() -> None:
    """Objects that are there when everything is open are no more the collector's business."""
    tidy()
    assert gc.get_freeze_count() > 1000


@pytest.mark.parametrize("problem", [OSError("no such library"), AttributeError("no such function")])
def test_where_nothing_can_be_given_back_nothing_is(monkeypatch: pytest.MonkeyPatch, problem: Exception) -> None:
    """Other C libraries than glibc have no such call, and that is no fault."""

    def missing(_: None) -> None:
        raise problem

    monkeypatch.setattr(ctypes, "CDLL", missing)
    tidy()
