"""What of an answer goes back to Anthropic, and which marks for its cache go along: the simulated lab judges."""

import json
from contextlib import aclosing
from dataclasses import replace

import pytest
from pydantic import SecretStr

from contracts.rigs.providers import answered, said, site
from core.exchange import Entry, Finished, Part, Request
from core.seams import Provider
from core.testing.contracts.faults import CITED
from core.testing.contracts.provider import LOOK_UP
from providers.anthropic import AnthropicSettings, spec
from providers.messages.answer import Answer
from providers.messages.returned import fit
from providers.replay import recalled
from providers.words import GO_ON, JSON
from simulators.anthropic import AnthropicSimulator, signed
from simulators.lab import Said

MODEL, OTHER = "claude-sim-sonnet", "claude-sim-haiku"

THOUGHT = {"type": "thinking", "thinking": "Hm.", "signature": signed("Hm.")}
SEARCH = {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "Bonn"}}
FOUND = {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []}
TEXT = {"type": "text", "text": "So."}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "look_up", "input": {}}


def settings(lab: AnthropicSimulator) -> AnthropicSettings:
    """By one key."""
    return AnthropicSettings(api_key=SecretStr("sk-1"), base_url=lab.address)


async def ask(provider: Provider, request: Request) -> Finished:
    """The end of the answer."""
    async with aclosing(provider.stream(request)) as events:
        heard = [event async for event in events]
    assert isinstance(heard[-1], Finished)
    return heard[-1]


@pytest.mark.parametrize(
    "blocks, back",
    [
        ([THOUGHT, TEXT], [THOUGHT, TEXT]),
        ([THOUGHT, {"type": "thinking", "thinking": "And"}, TEXT], [THOUGHT, TEXT]),
        ([{"type": "thinking", "thinking": "And", "signature": ""}], []),
        ([{"type": "redacted_thinking", "data": "x"}, TEXT], [{"type": "redacted_thinking", "data": "x"}, TEXT]),
        ([TEXT, THOUGHT], [TEXT]),
        ([SEARCH, FOUND, TEXT], [SEARCH, FOUND, TEXT]),
        ([THOUGHT, SEARCH], []),
        ([SEARCH, TEXT], [TEXT]),
        ([SEARCH, CALL], [CALL]),
        ([FOUND, TEXT], [TEXT]),
    ],
    ids=["whole", "cut", "unsigned", "redacted", "last", "found", "unfound", "amid", "beside-a-call", "unasked"],
)
def test_what_lacks_its_other_half_is_not_sent_back(blocks: list[JSON], back: list[JSON]) -> None:
    """A thought without its signature, a search without its result: the lab would refuse all of the conversation."""
    asked: JSON = {"role": "user", "content": [TEXT]}
    told = fit([asked, {"role": "assistant", "content": blocks}, {"role": "user", "content": [TEXT]}])
    assert [message["content"] for message in told if message["role"] == "assistant"] == ([back] if back else [])
    assert told[0] == {"role": "user", "content": [TEXT] if back else [TEXT, TEXT]}


async def test_a_turn_that_the_lab_paused_is_sent_back_as_it_is() -> None:
    """Its searches have no result yet; what is added to it, or said after it, is another matter."""
    asked: JSON = {"role": "user", "content": [TEXT]}
    paused: JSON = {"role": "assistant", "content": [THOUGHT, SEARCH]}
    assert fit([asked, paused]) == [
        {"role": "user", "content": [TEXT]},
        {"role": "assistant", "content": [THOUGHT, SEARCH]},
    ]
    searched: JSON = {"role": "assistant", "content": [SEARCH, FOUND]}
    assert fit([asked, searched])[-1]["role"] == "assistant"


async def test_an_answer_that_was_cut_amid_a_thought_does_not_stop_the_conversation() -> None:
    """As when there was no room left for more: nobody has signed what it was thinking."""
    cut = {
        "model": MODEL,
        "items": [{"kind": "own", "own": {"type": "thinking", "thinking": "And th"}}, {"kind": "text"}],
    }
    parts = (Part(kind="opaque", name="anthropic", body=json.dumps(cut)), Part(kind="text", body="So."))
    async with AnthropicSimulator() as lab, spec.open(site("anthropic"), settings(lab)) as provider:
        entries = (said("Where?"), Entry(role="assistant", parts=parts), said("And?"))
        await ask(provider, Request(model=MODEL, entries=entries))
        assert lab.violations == []


async def test_the_person_has_the_last_word() -> None:
    """The labs' models do not go on from words of their own."""
    async with AnthropicSimulator() as lab, spec.open(site("anthropic"), settings(lab)) as provider:
        await ask(provider, Request(model=MODEL, entries=(said("Where?"), answered("On the Rhine."))))
        assert lab.requests[0].body["messages"][-1] == {"role": "user", "content": [{"type": "text", "text": GO_ON}]}
        assert lab.violations == []


async def test_every_model_can_search() -> None:
    """Also one that cannot run code in which it would call the search."""
    async with AnthropicSimulator() as lab, spec.open(site("anthropic"), settings(lab)) as provider:
        lab.reply(Said(sources=CITED))
        await ask(provider, Request(model=OTHER, entries=(said("Where?"),), search=True))
        assert lab.violations == []


async def test_whatever_a_model_called_can_be_told_again() -> None:
    """A name that no lab would take, arguments with half a character."""
    call = Part(kind="call", id="1", name="functions.look up!", body='{"city": "\\ud83d"}')
    entry = Entry(role="assistant", parts=(call,))
    async with AnthropicSimulator() as lab, spec.open(site("anthropic"), settings(lab)) as provider:
        await ask(provider, Request(model=MODEL, entries=(said("Where?"), entry), system="Half a \ud83d."))
        told = lab.requests[0].body["messages"][1]["content"][0]
        assert (told["name"], told["input"]) == ("_functions_look_up_", {"city": "?"})
        assert lab.violations == []


@pytest.mark.parametrize("system", ["Be brief.", ""])
async def test_two_marks_for_the_cache(system: str) -> None:
    """One behind tools and instructions, one behind the last word; all before them is the same to the byte."""
    request = Request(model=MODEL, entries=(said("One?"),), system=system, tools=(LOOK_UP,), search=True)
    async with AnthropicSimulator() as lab, spec.open(site("anthropic"), settings(lab)) as provider:
        await ask(provider, request)
        await ask(provider, replace(request, entries=(said("One?"), answered("It is one."), said("Two?"))))
        first, second = (asked.body for asked in lab.requests)
        assert json.dumps(second["tools"]) == json.dumps(first["tools"])
        assert second.get("system") == first.get("system")
        assert second["messages"][: len(first["messages"])] == first["messages"]
        assert "cache_control" in (first["system"] if system else first["tools"])[-1]
        assert "cache_control" in first
        assert lab.violations == []


def test_a_search_whose_words_were_garbled_goes_back_without_a_field_of_ours() -> None:
    """The lab takes no field that it does not know."""
    answer = Answer("anthropic", MODEL, 10)
    answer.add({"type": "content_block_start", "index": 0, "content_block": SEARCH | {"input": {}}})
    garbled = {"type": "input_json_delta", "partial_json": '{"query": '}
    answer.add({"type": "content_block_delta", "index": 0, "delta": garbled})
    answer.add({"type": "content_block_stop", "index": 0})
    answer.add({"type": "message_delta", "delta": {"stop_reason": "pause_turn"}})
    answer.add({"type": "message_stop"})
    (piece,) = recalled("anthropic", MODEL, answer.finished().parts)
    assert piece.own == SEARCH | {"input": {}}
