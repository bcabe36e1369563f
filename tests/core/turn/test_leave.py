"""A step that waits for leave is on disk before what stands beside it runs, and does not outlive its question."""

import asyncio

import pytest

from core import phrases
from core.testing import answer
from core.values import Message
from turns import FakeTool, Killed, Lane, Windowed, assistant, calls, question, stop


def sender() -> FakeTool:
    """A tool with an effect."""
    return FakeTool("send", "sends")


@pytest.mark.parametrize("moment", ["told", "commit"])
async def test_a_kill_beside_readers_keeps_the_step(moment: str) -> None:
    """It is recorded before anything runs: the same question is put, the model is not asked again."""
    lane, tool, reader = Lane(), sender(), FakeTool("look")
    model = Windowed(calls(("look", "R"), ("send", "X"), text="Let me see."), calls(("send", "Y")))
    talker = assistant(lane, model, tools=[tool.tool, reader.tool])

    def kill(at: str, what: str) -> None:
        if moment in {at, what}:
            lane.kill = lambda *_: None
            raise Killed

    lane.kill = kill
    lane.hear("Send it")
    with pytest.raises(Killed):
        await lane.run(talker)
    await lane.run(talker)
    assert lane.texts() == ["Let me see.", "May I do this?\n\nDo X."]
    assert len(model.requests) == 1
    assert reader.made == ["R"] * (2 if moment == "told" else 1)
    assert not tool.made


async def test_the_step_is_on_disk_before_a_reader_runs() -> None:
    """Or a kill meanwhile would have the model decide anew, with what was read once already."""
    lane, tool, reader = Lane(), sender(), FakeTool("look", does=lambda _: str(len(lane.steps)))
    model = Windowed(calls(("look", "R"), ("send", "X")), answer("Sent"))
    lane.hear("Send it")
    await lane.run(assistant(lane, model, tools=[tool.tool, reader.tool]))
    kept = b"".join(body for (table, _), body in lane.records.rows.items() if table == "context")
    assert b'"body":"1"' in kept.replace(b" ", b"")


async def test_a_step_before_a_kill_does_not_outlive_a_change_of_the_question() -> None:
    """The person edited it meanwhile: what they would be asked is not what they want any more."""
    lane, tool, reader = Lane(), sender(), FakeTool("look")
    model = Windowed(calls(("look", "R"), ("send", "X")), answer("Very well"))
    talker = assistant(lane, model, tools=[tool.tool, reader.tool])

    def kill(at: str, what: str) -> None:
        if "commit" in {at, what}:
            lane.kill = lambda *_: None
            raise Killed

    lane.kill = kill
    lane.hear(Message(id="7", text="Send it"))
    with pytest.raises(Killed):
        await lane.run(talker)
    lane.hear(Message(id="7", text="Do not send it", edited=True))
    await lane.run(talker)
    assert lane.texts() == ["Very well"]
    assert question(model.requests[1]) == "Do not send it"
    assert len([row for table, row in lane.records.rows if table == "calls"]) == 2


@pytest.mark.parametrize("when", ["spoke", "told"])
@pytest.mark.parametrize("what", ["edit", "stop"])
async def test_what_is_heard_while_the_step_is_recorded_counts(when: str, what: str) -> None:
    """The question is not put to somebody who changed theirs, or said stop."""
    tool, reader = sender(), FakeTool("look")
    model = Windowed(calls(("look", "R"), ("send", "X")), answer("Very well"))
    news = Message(id="7", text="Do not send it", edited=True) if what == "edit" else stop()

    class Slow(Lane):
        async def at(self, moment: str, what: str = "") -> None:
            if what == when:
                lane.hear(news)
                await asyncio.sleep(0.01)
            await super().at(moment, what)

    lane = Slow()
    lane.hear(Message(id="7", text="Send it"))
    await lane.run(assistant(lane, model, tools=[tool.tool, reader.tool]))
    assert lane.texts() == ["Very well" if what == "edit" else phrases.STOPPED]
    assert not lane.rows
    assert not tool.made
