"""Telling the owner: by another messenger than the one that has the trouble, and never at the cost of the teller."""

from pathlib import Path

from contracts.rigs.engines import SqliteRig
from core.people.owners import Owners, chat_of_owner
from core.testing import FakeAdapter
from core.values import HOUSE, Address, Outcome
from stage import staged

HOME = Address(adapter="fake", chat="7")


async def test_an_owner_hears_of_it_where_they_gave_the_code(tmp_path: Path) -> None:
    """And only once; what is told next is another message."""
    async with staged(SqliteRig(tmp_path), adapter := FakeAdapter()) as stage:
        await stage.engine.commit(Outcome(done=(), writes=(chat_of_owner("fake", HOUSE, HOME),)))
        await Owners(stage.engine, ["other", "fake"]).tell("It waits.", but="other")
        await stage.called(1)
        await Owners(stage.engine, ["fake"]).tell("It goes on.")
        await stage.called(2)
    assert adapter.texts(HOME.chat) == ["It waits.", "It goes on."]


async def test_the_messenger_in_trouble_is_not_asked(tmp_path: Path) -> None:
    """It may be the one that cannot say anything; nor does it matter that nobody can be told."""
    async with staged(SqliteRig(tmp_path), adapter := FakeAdapter()) as stage:
        await stage.engine.commit(Outcome(done=(), writes=(chat_of_owner("fake", HOUSE, HOME),)))
        await Owners(stage.engine, ["fake"]).tell("It waits.", but="fake")
        await Owners(stage.engine, []).tell("It waits.")
    assert adapter.calls == []
