"""What only Google has: tools of its own beside ours, whose calls go back, and streams that it leaves open."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest_asyncio
from pydantic import SecretStr

from contracts.rigs.providers import said, site
from core.exchange import Entry, Finished, Part, Request
from core.seams import Provider
from core.testing.contracts.faults import CITED
from core.testing.contracts.provider import LOOK_UP
from providers.gemini.answer import Answer
from providers.google import GoogleSettings, spec
from providers.replay import recalled
from simulators.google import MODELS, GoogleSimulator
from simulators.lab import Call, Said


@pytest_asyncio.fixture
async def lab() -> AsyncIterator[GoogleSimulator]:
    """The lab."""
    async with GoogleSimulator() as opened:
        yield opened


@pytest_asyncio.fixture
async def google(lab: GoogleSimulator) -> AsyncIterator[Provider]:
    """Its provider."""
    settings = GoogleSettings(api_key=SecretStr("sk-test"), base_url=lab.address)
    async with spec.open(site("google"), settings) as provider:
        yield provider


async def ask(provider: Provider, *entries: Entry) -> Finished:
    """The end of the answer."""
    request = Request(model=MODELS[0], entries=entries, tools=(LOOK_UP,), search=True)
    async with aclosing(provider.stream(request)) as events:
        heard = [event async for event in events]
    assert isinstance(heard[-1], Finished)
    return heard[-1]


async def test_what_the_lab_looked_up_goes_back_where_it_stood(lab: GoogleSimulator, google: Provider) -> None:
    """Its own calls and what they found, with their signatures, before the words they led to and our call."""
    lab.reply(Said(sources=CITED, calls=(Call(name="look_up", arguments={"city": "Bonn"}),)))
    end = await ask(google, said("What of Bonn?"))
    (call,) = [part for part in end.parts if part.kind == "call"]
    told = Part(kind="result", id=call.id, name=call.name, body="On the Rhine.")
    await ask(
        google, said("What of Bonn?"), Entry(role="assistant", parts=end.parts), Entry(role="user", parts=(told,))
    )
    parts = lab.requests[1].body["contents"][1]["parts"]
    kinds = [next(iter(part.keys() - {"thoughtSignature"})) for part in parts]
    assert kinds == ["toolCall", "toolResponse", "text", "text", "functionCall"]
    assert lab.violations == []


async def test_a_search_that_was_cut_does_not_go_back(lab: GoogleSimulator, google: Provider) -> None:
    """Neither a call of the lab's own without its response, nor the other way round."""
    call = {"toolCall": {"id": "1", "toolType": "GOOGLE_SEARCH_WEB"}, "thoughtSignature": "x"}
    found = {"toolResponse": {"id": "2", "toolType": "GOOGLE_SEARCH_WEB"}, "thoughtSignature": "x"}
    items = [{"kind": "own", "own": call}, {"kind": "own", "own": found}, {"kind": "text"}]
    body = json.dumps({"model": MODELS[0], "items": items})
    parts = (Part(kind="opaque", name="google", body=body), Part(kind="text", body="So."))
    await ask(google, said("Where?"), Entry(role="assistant", parts=parts), said("And?"))
    assert lab.requests[0].body["contents"][1]["parts"] == [{"text": "So."}]
    assert lab.violations == []


def test_a_signed_thought_goes_back_where_it_stood() -> None:
    """Those that nobody signed are told while they come, and forgotten."""
    answer = Answer("google", "m", 10)
    signed = {"text": "Two.", "thought": True, "thoughtSignature": "s"}
    parts = [{"text": "One.", "thought": True}, signed, {"text": "So."}]
    answer.add({"candidates": [{"content": {"parts": parts}, "finishReason": "STOP"}]})
    pieces = list(recalled("google", "m", answer.finished().parts))
    assert [piece.own for piece in pieces] == [signed, None]


async def test_a_stream_that_is_left_open_after_the_end_is_none_that_broke(lab: GoogleSimulator) -> None:
    """The answer is whole; nobody waits for longer than a moment for what may still be told."""
    settings = GoogleSettings(api_key=SecretStr("sk-test"), base_url=lab.address)
    lab.reply(Said(text="So.", stays_open=True, usage={"prompt": 1000, "output": 50}))
    async with spec.open(site("google", first_token_s=5, idle_s=0.3), settings) as provider:
        end = await ask(provider, said("Where?"))
    assert [(part.kind, part.body) for part in end.parts] == [("text", "So.")]
    assert (end.reason, end.usage.output_tokens) == ("stop", 50)
