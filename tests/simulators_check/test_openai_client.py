"""The openai library, as it is, against the simulated model server."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import openai
import pytest
from openai import AsyncOpenAI

from simulators import openai as lab_module
from simulators.openai import OpenAISimulator, Pace, Reply, status, tool_call
from simulators.specs import load_spec
from simulators.waiting import until

ASK: Any = [{"role": "user", "content": "What is marker-17?"}]


async def open_stream(client: AsyncOpenAI, messages: Any = ASK, **more: Any) -> Any:  # noqa: ANN401 - as loose as the wire
    """Ask with a stream and return it."""
    return await client.chat.completions.create(model="sim-small", messages=messages, stream=True, **more)


async def collect(client: AsyncOpenAI, messages: Any = ASK, **more: Any) -> list[Any]:  # noqa: ANN401 - as loose as the wire
    """Ask with a stream and return its chunks."""
    return [chunk async for chunk in await open_stream(client, messages, **more)]


def text_of(chunks: list[Any]) -> str:
    """Put a stream's text together."""
    return "".join(c.choices[0].delta.content or "" for c in chunks if c.choices)


async def test_an_answer_can_be_matched_with_its_question(lab: OpenAISimulator, client: AsyncOpenAI) -> None:
    """By default the answer repeats the question, streamed or whole, and the same question gets the same answer."""
    whole = await client.chat.completions.create(model="sim-small", messages=ASK)
    assert whole.choices[0].message.content == "You said: What is marker-17?"
    assert text_of(await collect(client)) == whole.choices[0].message.content
    assert lab.violations == []


async def test_usage_comes_last_and_only_if_asked_for(lab: OpenAISimulator, client: AsyncOpenAI) -> None:
    """With include_usage the last chunk has no choices but the usage; without, no chunk has one."""
    chunks = await collect(client, stream_options={"include_usage": True})
    assert chunks[-1].choices == []
    assert chunks[-1].usage.completion_tokens == sum(bool(c.choices and c.choices[0].delta.content) for c in chunks)
    assert all(c.usage is None for c in chunks[:-1])
    assert all(c.usage is None for c in await collect(client))


@pytest.mark.parametrize("interleaved", [False, True])
async def test_parallel_tool_calls_come_in_fragments(
    lab: OpenAISimulator, client: AsyncOpenAI, interleaved: bool
) -> None:
    """Each call's id and name come first, its arguments bit by bit, told apart by index."""
    calls = (tool_call("look_up", city="Königswinter"), tool_call("remind", at="2026-11-22T09:00"))
    lab.on().reply(Reply(tool_calls=calls, interleaved=interleaved))
    chunks = await collect(client)
    found: dict[int, list[str]] = {}
    for chunk in chunks:
        for call in chunk.choices[0].delta.tool_calls or ():
            parts = found.setdefault(call.index, [])
            if call.function.name:
                assert call.id
                assert not parts
                parts.append(call.function.name)
            parts.append(call.function.arguments)
    assert [(p[0], json.loads("".join(p[1:]))) for p in found.values()] == [
        ("look_up", {"city": "Königswinter"}),
        ("remind", {"at": "2026-11-22T09:00"}),
    ]
    assert len(found[0]) > 3
    assert chunks[-1].choices[0].finish_reason == "tool_calls"


async def test_tool_calls_must_be_answered(lab: OpenAISimulator, client: AsyncOpenAI) -> None:
    """A conversation with a tool call left open is refused; once answered, the result is in the reply."""
    call = {"id": "c1", "type": "function", "function": {"name": "look_up", "arguments": "{}"}}
    asked = [*ASK, {"role": "assistant", "content": None, "tool_calls": [call]}]
    with pytest.raises(openai.BadRequestError):
        await collect(client, asked)
    answered = [*asked, {"role": "tool", "tool_call_id": "c1", "content": "42 degrees"}]
    assert "42 degrees" in text_of(await collect(client, answered))


async def test_reasoning_comes_before_the_answer(lab: OpenAISimulator, client: AsyncOpenAI) -> None:
    """Reasoning is streamed as reasoning_content and counted in the usage."""
    lab.on().reply(Reply(text="Yes.", reasoning="Let me think about it"))
    chunks = await collect(client, stream_options={"include_usage": True})
    thoughts = "".join(getattr(c.choices[0].delta, "reasoning_content", None) or "" for c in chunks if c.choices)
    assert (thoughts, text_of(chunks)) == ("Let me think about it", "Yes.")
    assert chunks[-1].usage.completion_tokens_details.reasoning_tokens == 5


async def test_unknown_fields_and_finish_reasons_pass_through(lab: OpenAISimulator, client: AsyncOpenAI) -> None:
    """A vendor's extra fields stand in every chunk, and a filtered answer says so."""
    lab.on().reply(Reply(text="I", finish="content_filter", extra={"x_cost": 3}))
    chunks = await collect(client)
    assert {chunk.x_cost for chunk in chunks} == {3}
    assert chunks[-1].choices[0].finish_reason == "content_filter"


async def test_a_token_limit_cuts_the_answer(lab: OpenAISimulator, client: AsyncOpenAI) -> None:
    """An answer longer than the limit ends with the reason length."""
    lab.on().always("one two three four five")
    chunks = await collect(client, max_completion_tokens=2)
    assert (text_of(chunks), chunks[-1].choices[0].finish_reason) == ("one two", "length")


@pytest.mark.parametrize(
    "code,error",
    [
        (401, openai.AuthenticationError),
        (403, openai.PermissionDeniedError),
        (404, openai.NotFoundError),
        (413, openai.APIStatusError),
        (429, openai.RateLimitError),
        (500, openai.InternalServerError),
        (503, openai.InternalServerError),
        (529, openai.InternalServerError),
    ],
)
async def test_error_answers(
    lab: OpenAISimulator, client: AsyncOpenAI, code: int, error: type[openai.APIStatusError]
) -> None:
    """Each status arrives as the library's own error, with the wait where one was given, and the next call works."""
    lab.on().reply(status(code, retry_after=7))
    with pytest.raises(error) as caught:
        await collect(client)
    assert caught.value.status_code == code
    assert caught.value.response.headers["retry-after"] == "7"
    assert text_of(await collect(client))


async def test_a_cut_stream_breaks_off(lab: OpenAISimulator, client: AsyncOpenAI) -> None:
    """A connection cut before the answer or amid it is an error of the connection."""
    lab.on().reply(lab_module.cut(), lab_module.cut(after_tokens=2))
    with pytest.raises(openai.APIConnectionError):
        await collect(client)
    answer = await open_stream(client)
    heard: list[str] = []
    with pytest.raises(openai.APIConnectionError):  # noqa: PT012 - what came before the break counts too
        async for chunk in answer:
            heard.append(chunk.choices[0].delta.content)  # noqa: PERF401 - a comprehension would lose it
    assert "".join(heard) == "You said:"
    assert lab.requests[-1].tokens == 2


async def test_an_error_inside_a_stream(lab: OpenAISimulator, client: AsyncOpenAI) -> None:
    """An error object in a stream that began with 200 is raised, and garbage cannot be decoded."""
    lab.on().reply(lab_module.stream_error(after_tokens=2), lab_module.garbage())
    with pytest.raises(openai.APIError, match="overloaded"):
        await collect(client)
    with pytest.raises(ValueError, match=r"(?i)unterminated|decode|invalid"):
        await collect(client)


async def test_a_stream_may_hold_nothing_or_end_early(lab: OpenAISimulator, client: AsyncOpenAI) -> None:
    """An empty stream has no chunks, and a truncated one has no finish reason."""
    lab.on().reply(lab_module.empty(), lab_module.truncated(after_tokens=2))
    assert await collect(client) == []
    chunks = await collect(client)
    assert len(chunks) == 3
    assert all(c.choices[0].finish_reason is None for c in chunks)


async def test_a_client_that_hangs_up_is_noticed(lab: OpenAISimulator, client: AsyncOpenAI) -> None:
    """When the client closes a stream early, when that was and what had been said are recorded."""
    lab.on().always(Reply(text="word " * 500, pace=Pace(tokens_per_s=200, tick_s=0.01)))
    stream = await open_stream(client)
    async for _ in stream:
        break
    await stream.close()
    await until(lambda: lab.requests[0].closed_early_at)
    assert lab.requests[0].tokens < 500
    assert lab.requests[0].finished_at is None


@pytest.mark.parametrize("after", [0, 2])
async def test_a_hanging_answer_ends_with_the_clients_patience(
    lab: OpenAISimulator, client: AsyncOpenAI, after: int
) -> None:
    """An answer can hang before its first byte or amid the stream, until the client gives up."""
    lab.on().reply(lab_module.hang(after_tokens=after))
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await collect(client)
    await until(lambda: lab.requests[0].closed_early_at)
    assert lab.requests[0].tokens == after


async def test_unknown_fields_and_models(lab: OpenAISimulator, client: AsyncOpenAI) -> None:
    """A top-level field that is not published is recorded, and an unknown model is not found."""
    await collect(client, extra_body={"colour": "red"})
    assert lab.violations == ["unknown field colour"]
    with pytest.raises(openai.NotFoundError):
        await client.chat.completions.create(model="other", messages=ASK)


@pytest.mark.skipif(load_spec("openai", "openapi.json") is None, reason="the published description is not at hand")
async def test_wrong_shapes_are_recorded(lab: OpenAISimulator, client: AsyncOpenAI) -> None:
    """A wrong type or an unknown field of a message is recorded."""
    await collect(client, [*ASK, {"role": "assistant", "content": "x", "mood": "good"}], temperature="hot")
    assert sorted(lab.violations) == [
        "body.temperature is not number",
        "unknown field messages[1].mood",
    ]


async def test_models_are_listed(lab: OpenAISimulator, client: AsyncOpenAI) -> None:
    """The server lists what it serves."""
    assert [model.id async for model in client.models.list()] == ["sim-small", "sim-large"]


async def test_a_full_context_is_refused() -> None:
    """A model with a context window refuses what does not fit, by the published error code."""
    async with OpenAISimulator(models={"tiny": 50}) as lab, AsyncOpenAI(base_url=lab.base_url, api_key="k") as client:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model="tiny", messages=[{"role": "user", "content": "x" * 400}])
        assert caught.value.code == "context_length_exceeded"


async def test_hundreds_of_streams_at_once(lab: OpenAISimulator, client: AsyncOpenAI) -> None:
    """Three hundred paced streams at once all arrive whole, each with its own answer."""
    lab.server.pace = Pace(tokens_per_s=100, tick_s=0.05)
    asked = [[{"role": "user", "content": f"marker-{i}"}] for i in range(300)]
    answers = await asyncio.gather(*(collect(client, messages) for messages in asked))
    assert [text_of(chunks) for chunks in answers] == [f"You said: marker-{i}" for i in range(300)]
