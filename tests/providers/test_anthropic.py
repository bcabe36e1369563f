"""What only Anthropic has: how long its models think, and what of an answer goes back to which of them."""

from contextlib import aclosing
from dataclasses import replace

import pytest
from pydantic import SecretStr

from contracts.rigs.providers import said, site
from core.exchange import Delta, Effort, Entry, Finished, Part, Request
from core.seams import Provider
from providers.anthropic import AnthropicSettings, spec
from simulators.anthropic import AnthropicSimulator
from simulators.lab import Call, Fault, Said

MODEL, OTHER = "claude-sim-sonnet", "claude-sim-haiku"


async def ask(provider: Provider, request: Request) -> tuple[str, Finished]:
    """What it thought aloud, and the end of the answer."""
    async with aclosing(provider.stream(request)) as events:
        heard = [event async for event in events]
    assert isinstance(heard[-1], Finished)
    return "".join(e.text for e in heard if isinstance(e, Delta) and e.kind == "reasoning"), heard[-1]


def settings(lab: AnthropicSimulator, *keys: str) -> AnthropicSettings:
    """By these keys."""
    first, *more = keys or ("sk-1",)
    return AnthropicSettings(api_key=SecretStr(first), api_keys=tuple(map(SecretStr, more)), base_url=lab.address)


@pytest.mark.parametrize("effort", ["", "low", "high"])
async def test_how_long_to_think_is_passed_on(effort: Effort) -> None:
    """To models whose lab says that they can be told; otherwise it is the model's own to decide."""
    async with AnthropicSimulator() as lab, spec.open(site("anthropic"), settings(lab)) as provider:
        await provider.models()
        await ask(provider, Request(model=MODEL, entries=(said("Hard?"),), effort=effort))
        body = lab.requests[0].body
        assert body.get("output_config") == ({"effort": effort} if effort else None)
        assert ("thinking" in body) is bool(effort)
        assert lab.violations == []


async def test_thoughts_go_back_as_they_were_signed_and_only_to_their_model() -> None:
    """Another model of the same lab is told what was said and called, and nothing of what was thought."""
    thinking = Said(thoughts="Let me look.", calls=(Call(name="look_up", arguments={"city": "Bonn"}),))
    async with AnthropicSimulator() as lab, spec.open(site("anthropic"), settings(lab)) as provider:
        lab.reply(thinking)
        aloud, end = await ask(provider, Request(model=MODEL, entries=(said("Where?"),)))
        assert aloud == "Let me look."
        (call,) = [part for part in end.parts if part.kind == "call"]
        result = Part(kind="result", id=call.id, name=call.name, body="On the Rhine.")
        entries = (said("Where?"), Entry(role="assistant", parts=end.parts), Entry(role="user", parts=(result,)))
        for model in (MODEL, OTHER):
            await ask(provider, Request(model=model, entries=entries))
        went = [[block["type"] for block in asked.body["messages"][1]["content"]] for asked in lab.requests[1:]]
        assert went == [["thinking", "tool_use"], ["tool_use"]]
        assert lab.violations == []


async def test_an_answer_whose_calls_were_dropped_goes_back_without_its_thoughts() -> None:
    """A thought that led to a call nobody made fits no more; the words stay."""
    async with AnthropicSimulator() as lab, spec.open(site("anthropic"), settings(lab)) as provider:
        lab.reply(Said(thoughts="Hm.", text="So.", calls=(Call(name="look_up", arguments={}),)))
        _, end = await ask(provider, Request(model=MODEL, entries=(said("Where?"),)))
        kept = tuple(part for part in end.parts if part.kind != "call")
        entries = (said("Where?"), Entry(role="assistant", parts=kept), said("And?"))
        await ask(provider, Request(model=MODEL, entries=entries))
        assert [block["type"] for block in lab.requests[1].body["messages"][1]["content"]] == ["text"]
        assert lab.violations == []


async def test_a_key_at_its_limit_is_followed_by_the_next_one() -> None:
    """In the same request; the person hears nothing of it."""
    async with AnthropicSimulator() as lab, spec.open(site("anthropic"), settings(lab, "sk-1", "sk-2")) as provider:
        lab.reply(Fault(status=429, retry_after_s=60))
        request = Request(model=MODEL, entries=(said("Hello"),))
        await ask(provider, request)
        await ask(provider, replace(request, entries=(said("Again"),)))
        shown = [asked.headers["authorization"] for asked in lab.requests]
        assert shown == ["Bearer sk-1", "Bearer sk-2", "Bearer sk-2"]


async def test_the_lab_lists_its_models_with_the_middle_size_first() -> None:
    """What to answer with unless told otherwise; with what each holds and can, and when it ends."""
    async with AnthropicSimulator() as lab, spec.open(site("anthropic"), settings(lab)) as provider:
        first, *_ = await provider.models()
        assert (first.id, first.context_tokens, first.images, first.documents) == (MODEL, 1_000_000, True, True)
        assert first.retires == "2027-09-01"
