"""What of an answer goes back to OpenAI's Responses API: the simulated lab judges."""

import json
from collections.abc import AsyncIterator
from contextlib import aclosing

import pytest
import pytest_asyncio
from pydantic import SecretStr

from contracts.rigs.providers import said, site
from core.exchange import Entry, Finished, Part, Request
from core.seams import Provider
from providers.openai import OpenAISettings, spec
from providers.words import JSON
from simulators.lab import Said
from simulators.responses import MODELS, ResponsesSimulator


@pytest_asyncio.fixture
async def lab() -> AsyncIterator[ResponsesSimulator]:
    """The lab."""
    async with ResponsesSimulator() as opened:
        yield opened


@pytest_asyncio.fixture
async def openai(lab: ResponsesSimulator) -> AsyncIterator[Provider]:
    """Its provider."""
    settings = OpenAISettings(api_key=SecretStr("sk-test"), base_url=f"{lab.address}/v1")
    async with spec.open(site("openai"), settings) as provider:
        yield provider


async def ask(provider: Provider, *entries: Entry) -> Finished:
    """The end of the answer."""
    async with aclosing(provider.stream(Request(model=MODELS[0], entries=entries))) as events:
        heard = [event async for event in events]
    assert isinstance(heard[-1], Finished)
    return heard[-1]


async def test_a_thought_that_led_to_nothing_is_not_sent_back(lab: ResponsesSimulator, openai: Provider) -> None:
    """The lab refuses one without what it led to, as where a model thought and then said nothing."""
    lab.reply(Said(thoughts="Hm."))
    end = await ask(openai, said("Where?"))
    assert [part.kind for part in end.parts] == ["opaque"]
    await ask(openai, said("Where?"), Entry(role="assistant", parts=end.parts), said("Well?"))
    assert [item.get("type") for item in lab.requests[1].body["input"]] == [None, None]
    assert lab.violations == []


@pytest.mark.parametrize("encrypted", [None, ""])
async def test_a_thought_that_the_lab_cannot_read_is_not_sent_back(
    lab: ResponsesSimulator, openai: Provider, encrypted: str | None
) -> None:
    """It was not kept there, so without its encrypted form it is nowhere."""
    thought: JSON = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": encrypted}
    items = {"model": MODELS[0], "items": [{"kind": "own", "own": thought}, {"kind": "text"}]}
    parts = (Part(kind="opaque", name="openai", body=json.dumps(items)), Part(kind="text", body="So."))
    await ask(openai, said("Where?"), Entry(role="assistant", parts=parts), said("And?"))
    assert lab.violations == []
