"""The loop of model and tools: side by side, within limits, and whatever a tool does costs its own call only."""

import asyncio
import json
import threading
from dataclasses import replace

import pytest

from core import phrases
from core.config.settings import Tools
from core.errors import ToolFailed
from core.exchange import Part, Request
from core.plugin import Tool, ToolContext
from core.testing import answer
from core.tools import Function, tool
from core.turn.steps import Spoke, Told, pack
from core.values import Tap
from turns import FakeTool, Lane, Script, Windowed, assistant, calls


def results(request: Request) -> list[tuple[str, str, bool]]:
    """What a model was told about its calls last."""
    return [(part.name, part.body, part.failed) for part in request.entries[-1].parts if part.kind == "result"]


async def test_the_calls_of_a_step_run_side_by_side() -> None:
    """Each waits for the other here, so one after the other they would never end; and each has its own result."""
    there = asyncio.Barrier(2)

    async def meet() -> str:
        await there.wait()
        return "met"

    tools = [tool(name=name)(_said(meet, "Meet.")) for name in ("one", "two")]
    lane, model = Lane(), Windowed(calls(("two", "{}"), ("one", "{}")), answer("Done."))
    lane.hear("Go")
    await lane.run(assistant(lane, model, tools=tools))
    assert results(model.requests[1]) == [("two", "met", False), ("one", "met", False)]


async def test_what_is_going_on_is_shown() -> None:
    """While a tool runs, the chat says which."""
    slow = FakeTool("look_far")
    slow.go.clear()
    lane, model = Lane(), Windowed(calls(("look_far", "{}"), text="Let me see."), answer("Done."))
    lane.hear("Go")
    running = asyncio.create_task(lane.run(assistant(lane, model, tools=[slow.tool])))
    await lane.showing("Let me see.\n\n_using look_far …_")
    slow.go.set()
    await running


async def test_a_tool_that_floods_hangs_or_raises_costs_its_own_call() -> None:
    """The one beside them is not touched, and the answer comes."""

    def broken(arguments: str) -> str:
        raise RuntimeError("secret")

    def failing(arguments: str) -> str:
        raise ToolFailed("no signal")

    hangs = FakeTool("hangs")
    hangs.go.clear()
    tools = [FakeTool("floods", does=lambda _: "x" * 10_000_000), hangs, FakeTool("raises", does=broken)]
    tools += [FakeTool("fails", does=failing), FakeTool("works")]
    wanted = calls(*((tool.tool.schema.name, "{}") for tool in tools))
    lane, model = Lane(), Windowed(wanted, answer("Done."), window=100_000)
    lane.hear("Go")
    limits = Tools(call_s=0.1, result_chars=1000)
    await lane.run(assistant(lane, model, tools=[tool.tool for tool in tools], limits=limits))
    told = {name: (body, failed) for name, body, failed in results(model.requests[1])}
    assert lane.texts() == ["Done."]
    assert told["works"] == ("did {}", False)
    assert told["floods"][0].endswith("[cut: the result was 10000000 characters long]")
    assert len(told["floods"][0]) < 1100
    assert "took too long" in told["hangs"][0]
    assert told["raises"] == ("The tool broke.", True)
    assert told["fails"] == ("The tool could not do it: no signal", True)


async def test_a_plain_function_that_hangs_holds_up_nobody() -> None:
    """It waits in a thread of its own; the loop goes on, and so does the answer."""
    go = threading.Event()

    @tool
    def waits() -> str:
        """Wait for something that does not come."""
        go.wait(30)
        return "too late"

    lane, model = Lane(), Windowed(calls(("waits", "")), answer("Done."))
    lane.hear("Go")
    await lane.run(assistant(lane, model, tools=[waits], limits=Tools(call_s=0.1)))
    go.set()
    assert "took too long" in results(model.requests[1])[0][1]
    assert lane.texts() == ["Done."]


async def test_a_failed_call_is_told_once_and_not_made_again() -> None:
    """Whether to try again is the model's decision."""

    def fails(arguments: str) -> str:
        raise ToolFailed("no signal")

    tool = FakeTool("look", does=fails)
    lane, model = Lane(), Windowed(calls(("look", "{}")), answer("I could not."))
    lane.hear("Go")
    await lane.run(assistant(lane, model, tools=[tool.tool]))
    assert tool.made == ["{}"]
    assert len(model.requests) == 2


@pytest.mark.parametrize("effect", ["reads", "writes"])
async def test_a_bad_call_may_be_mended_but_not_for_ever(effect: str) -> None:
    """After so many the tool is not called any more in this answer; others still are."""

    async def count(number: int) -> str:
        return f"counted {number}"

    counting = tool(name="count", effect=effect)(_said(count, "Count."))  # type: ignore[call-overload]
    bad = [calls(("count", json.dumps({"number": f"bad {n}"})), ("look", "{}")) for n in range(4)]
    lane, model = Lane(), Windowed(*bad, answer("I give up."))
    look = FakeTool("look")
    lane.hear("Go")
    await lane.run(assistant(lane, model, tools=[counting, look.tool], limits=Tools(mends=3)))
    told = [results(request)[0][1] for request in model.requests[1:]]
    assert ["may call again" in one for one in told] == [True, True, True, False]
    assert told[-1] == "Not done: 3 calls of count could not be used. Go on without it."
    assert len(look.made) == 4
    assert lane.texts() == ["I give up."]


async def test_a_mended_call_is_made() -> None:
    """The model reads what was wrong, and does better."""

    @tool
    async def count(number: int) -> str:
        """Count."""
        return f"counted {number}"

    lane, model = Lane(), Windowed(calls(("count", '{"n": 3}')), calls(("count", '{"number": 3}')), answer("Three."))
    lane.hear("Go")
    await lane.run(assistant(lane, model, tools=[count]))
    assert "number: it is needed; n: there is no such argument" in results(model.requests[1])[0][1]
    assert results(model.requests[2]) == [("count", "counted 3", False)]


async def test_a_step_holds_so_many_calls_and_no_more() -> None:
    """The others are told to wait, none is made."""
    look = FakeTool("look")
    wanted = [("look", str(number)) for number in range(5)]
    lane, model = Lane(), Windowed(calls(*wanted), answer("Done."))
    lane.hear("Go")
    await lane.run(assistant(lane, model, tools=[look.tool], limits=Tools(calls=3)))
    assert sorted(look.made) == ["0", "1", "2"]
    told = results(model.requests[1])
    assert [failed for *_, failed in told] == [False, False, False, True, True]
    assert told[3][1] == "Not done: one step may hold 3 calls. Make it in the next."


async def test_nothing_is_asked_of_a_person_for_a_step_that_holds_too_many() -> None:
    """A question shows all that will be done, so it is put only when all of it can be."""
    save = FakeTool("save", "writes")
    lane, model = Lane(), Windowed(calls(*[("save", "{}")] * 3), answer("Done."))
    lane.hear("Go")
    await lane.run(assistant(lane, model, tools=[save.tool], limits=Tools(calls=2)))
    assert lane.texts() == ["Done."]
    assert save.made == []


async def test_an_answer_has_so_many_steps_and_no_more() -> None:
    """Then it ends with a sentence, not with the model's patience."""
    look = FakeTool("look")
    lane, model = Lane(), Windowed(calls(("look", "{}")))
    lane.hear("Go")
    await lane.run(assistant(lane, model, tools=[look.tool], limits=Tools(steps=3)))
    assert lane.texts() == [phrases.TOO_MANY_STEPS]
    assert len(look.made) == len(model.requests) - 1 == 3


async def test_steps_of_a_run_that_was_killed_count_as_well() -> None:
    """A process that dies again and again does not make an answer's limit a new one each time."""
    look = FakeTool("look")
    lane, model = Lane(), Windowed(calls(("look", "{}")))
    lane.hear("Go")
    for number in range(2):
        spoke = Spoke(parts=(Part(kind="call", id=f"old-{number}", name="look", body="{}"),))
        told = Told(parts=(Part(kind="result", id=f"old-{number}", name="look", body="seen"),))
        lane.steps += [pack(spoke), pack(told)]
    await lane.run(assistant(lane, model, tools=[look.tool], limits=Tools(steps=3)))
    assert lane.texts() == [phrases.TOO_MANY_STEPS]
    assert len(look.made) == len(model.requests) - 1 == 1


async def test_the_results_of_a_step_are_bounded_together() -> None:
    """Each has its share, and those from outside keep the line that ends them."""
    page = FakeTool("page", does=lambda _: "p" * 5000)
    look = FakeTool("look", does=lambda _: "l" * 5000)
    lane, model = Lane(), Windowed(calls(("page", ""), ("look", "")), answer("Done."))
    lane.hear("Go")
    tools = [_outside(page), look.tool]
    await lane.run(assistant(lane, model, tools=tools, limits=Tools(step_bytes=2000)))
    (_, first, _), (_, second, _) = results(model.requests[1])
    assert len(first) + len(second) < 2500
    number = first.split()[2].rstrip(":")
    assert first.endswith(f"[end of outside text {number}]")
    assert "cut here" in first


async def test_a_question_and_its_call_get_the_same_arguments() -> None:
    """What is checked once for the question is checked again for the call, and is the same."""
    made: list[tuple[int, str]] = []

    @tool(effect="writes", summary="Really?")
    async def send(number: int, caller: ToolContext, words: str = "none") -> str:
        """Send something."""
        made.append((number, words))
        assert caller.scope == "ann"
        return "sent"

    def says(request: Request) -> Script:
        asked = "I allowed this" in str(request.entries[-1])
        return answer("Sent.") if asked else calls(("send", '{"number": "3"}'))

    lane, model = Lane(), Windowed()
    model.scripts_for(says)
    lane.hear("Go")
    await lane.run(assistant(lane, model, tools=[send]))
    assert lane.texts() == ["May I do this?\n\nReally?\n\n```\nnumber: 3\nwords: none\n```"]
    lane.hear(Tap(token=lane.buttons()[0]))
    await lane.run(assistant(lane, model, tools=[send]))
    assert made == [(3, "none")]
    assert lane.texts()[-1] == "Sent."


def _said(function: Function, words: str) -> Function:
    function.__doc__ = words
    return function


def _outside(fake: FakeTool) -> Tool:
    return replace(fake.tool, outside=True)
