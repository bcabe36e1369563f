"""The contract of what an engine keeps: each ``Write`` does the same in every engine and in ``FakeStore``."""

import asyncio
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from typing import Protocol

import pytest

from core.errors import Outdated, StoreError
from core.seams import Records
from core.values import HOUSE, Outcome, Put, Record


class Keeps(Protocol):
    """Whatever commits writes and tells what it keeps: an engine, or ``FakeStore``."""

    @property
    def records(self) -> Records:
        """What is kept."""

    async def commit(self, outcome: Outcome, /) -> None:
        """See ``Engine``."""


class StoreRig(Protocol):
    """A store, to be opened again and again."""

    def open(self) -> AbstractAsyncContextManager[Keeps]:
        """The store as it was left."""


def put(row: str, body: str | None, *, table: str = "t", was: int | None = None, until: datetime | None = None) -> Put:
    """A row of the house's."""
    return Put(table=table, row=row, scope=HOUSE, body=None if body is None else body.encode(), was=was, until=until)


async def kept(store: Keeps, *puts: Put) -> None:
    """Commit these."""
    await store.commit(Outcome(writes=puts))


async def there(store: Keeps, row: str = "r") -> Record:
    """A row that is kept."""
    record = await store.records.get("t", row)
    assert record is not None
    return record


class StoreContract:
    """What holds for every store."""

    # --- a row that is to be what somebody read ----------------------------------------------------------------------

    async def test_a_row_is_made_once(self, rig: StoreRig) -> None:
        """Of those who saw that there was none, the first one makes it, and the others are told."""
        async with rig.open() as store:
            results = await asyncio.gather(
                *(kept(store, put("r", str(number), was=0)) for number in range(20)), return_exceptions=True
            )
            assert [type(result) for result in results].count(Outdated) == 19
            assert (await there(store)).body.decode() == str(results.index(None))

    async def test_a_row_is_replaced_by_who_read_the_latest(self, rig: StoreRig) -> None:
        """Each version is replaced once, whether it is written or deleted."""
        async with rig.open() as store:
            await kept(store, put("r", "one"))
            first = await there(store)
            await kept(store, put("r", "two", was=first.version))
            with pytest.raises(Outdated):
                await kept(store, put("r", "three", was=first.version))
            with pytest.raises(Outdated):
                await kept(store, put("r", None, was=first.version))
            second = await there(store)
            assert (second.body, second.version == first.version) == (b"two", False)
            await kept(store, put("r", None, was=second.version))
            assert await store.records.get("t", "r") is None

    async def test_a_row_that_counts_once_is_used_once(self, rig: StoreRig) -> None:
        """Of twenty who use one up at the same time, one does."""
        async with rig.open() as store:
            await kept(store, put("r", "a code"))
            version = (await there(store)).version
            results = await asyncio.gather(
                *(kept(store, put("r", None, was=version), put(f"u{n}", "used it")) for n in range(20)),
                return_exceptions=True,
            )
            assert [type(result) for result in results].count(Outdated) == 19
            assert len(await store.records.latest("t", "u", 99)) == 1

    async def test_a_row_made_anew_is_another_one(self, rig: StoreRig) -> None:
        """Who read it before it was deleted has not read this one, though it says the same."""
        async with rig.open() as store:
            await kept(store, put("r", "x"))
            version = (await there(store)).version
            await kept(store, put("r", None))
            await kept(store, put("r", "x"))
            with pytest.raises(Outdated):
                await kept(store, put("r", "y", was=version))

    async def test_a_row_that_was_to_be_there_is_missed(self, rig: StoreRig) -> None:
        """Neither written nor deleted; and one that was not to be there may be deleted for good measure."""
        async with rig.open() as store:
            for body in ("x", None):
                with pytest.raises(Outdated):
                    await kept(store, put("r", body, was=7))
            await kept(store, put("r", None, was=0))
            await kept(store, put("r", "x"))
            with pytest.raises(Outdated):
                await kept(store, put("r", None, was=0))

    async def test_one_row_of_another_version_refuses_the_whole_commit(self, rig: StoreRig) -> None:
        """Nothing of it is kept, whatever stands before or behind."""
        async with rig.open() as store:
            await kept(store, put("r", "x"))
            with pytest.raises(Outdated, match="'r'"):
                await kept(store, put("a", "1"), put("r", "y", was=0), put("b", "2"))
            assert [one.row for one in await store.records.latest("t", "", 9)] == ["r"]

    async def test_the_last_write_of_a_row_counts(self, rig: StoreRig) -> None:
        """Writes of a commit are applied in their order."""
        async with rig.open() as store:
            await kept(store, put("r", "1"), put("s", "1"), put("r", None), put("r", "2"), put("s", None))
            assert [(one.row, one.body) for one in await store.records.latest("t", "", 9)] == [("r", b"2")]

    # --- ends by itself ----------------------------------------------------------------------------------------------

    async def test_a_row_whose_time_is_over_is_not_there(self, rig: StoreRig) -> None:
        """Nobody reads it, nobody finds it, and who makes it makes a new one."""
        over, later = (datetime.now(UTC) + timedelta(hours=hours) for hours in (-1, 1))
        async with rig.open() as store:
            await kept(store, put("over", "x", until=over), put("r", "y", until=later), put("stays", "z"))
            records = store.records
            assert await records.get("t", "over") is None
            assert (await there(store)).body == b"y"
            for found in (await records.latest("t", "", 9), await records.after("t", "", "", 9)):
                assert [one.row for one in found] == ["r", "stays"]
            assert [one.row for _, one in await records.owned(HOUSE, ("", ""), 9)] == ["r", "stays"]
            await kept(store, put("over", None, was=0))
            await kept(store, put("over", "new", was=0))
            with pytest.raises(Outdated):
                await kept(store, put("over", "newer", was=0))

    # --- whose it is -------------------------------------------------------------------------------------------------

    async def test_all_rows_of_a_scope_are_told_with_their_tables(self, rig: StoreRig) -> None:
        """A few at a time, by table and row, and none of anybody else's."""
        async with rig.open() as store:
            rows = [(table, row) for table in ("a", "b") for row in ("1", "2", "3")]
            await kept(store, *(put(row, f"{table}{row}", table=table) for table, row in reversed(rows)))
            found: list[tuple[str, Record]] = []
            after = ("", "")
            while some := await store.records.owned(HOUSE, after, 4):
                found += some
                after = (some[-1][0], some[-1][1].row)
            assert [(table, one.row, one.body.decode()) for table, one in found] == [(t, r, t + r) for t, r in rows]
            assert await store.records.owned("nobody", ("", ""), 9) == ()

    async def test_a_row_of_a_scope_that_is_none_is_refused(self, rig: StoreRig) -> None:
        """There is no key to seal it with."""
        async with rig.open() as store:
            with pytest.raises(StoreError):
                await store.commit(Outcome(writes=(Put(table="t", row="r", scope="nobody", body=b"x"),)))
