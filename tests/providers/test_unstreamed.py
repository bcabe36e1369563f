"""Servers that answer in another form than was asked for: with one document, whatever they call its type."""

import json
from contextlib import aclosing
from dataclasses import replace

import pytest
from aiohttp import web
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from contracts.rigs.providers import said, site
from core.errors import ProviderBusy, ProviderDown, ProviderError, RequestRefused
from core.exchange import Delta, Finished, Part, ToolSchema
from providers import anthropic, openai
from providers.compatible import Compatible, spec
from providers.sse import Frames
from servers import ask, end, request, serving, settings
from simulators.openai import OpenAISimulator, Reply, tool_call

WEATHER = ToolSchema(
    name="weather",
    description="The weather in a place.",
    parameters='{"type": "object", "properties": {"place": {"type": "string"}}}',
)
TYPES = ["application/json", "text/plain", "text/event-stream", "application/octet-stream", "application/x-ndjson"]


@pytest.mark.parametrize("content_type", TYPES)
async def test_a_whole_answer_is_an_answer(content_type: str) -> None:
    """Words, thoughts, two calls and what they cost, in one document."""
    async with OpenAISimulator(unstreamed=content_type) as lab:
        calls = (tool_call("weather", place="Bonn"), tool_call("weather", place="Köln"))
        lab.on().reply(Reply(text="Let me look.", reasoning="I should look.", tool_calls=calls), "It rains.")
        async with spec.open(site("local"), settings(lab.base_url)) as server:
            assert isinstance(server, Compatible)
            events = await ask(server, request(tools=(WEATHER,)))
            finished = end(events)
            assert finished.reason == "tools"
            assert [part.kind for part in finished.parts] == ["opaque", "text", "call", "call"]
            assert [json.loads(part.body)["place"] for part in finished.parts[2:]] == ["Bonn", "Köln"]
            assert [(event.kind, event.text) for event in events if isinstance(event, Delta)] == [
                ("reasoning", "I should look."),
                ("answer", "Let me look."),
            ]
            assert finished.usage.output_tokens > 0
            assert end(await ask(server, request())).parts == (Part(kind="text", body="It rains."),)


async def told(body: bytes, content_type: str = "text/plain", *, pieces: int = 0) -> Finished:
    """What becomes of a body of this type, sent in so many pieces."""

    async def complete(asked: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": content_type})
        await response.prepare(asked)
        size = max(1, -(-len(body) // (pieces or 1)))
        for at in range(0, len(body), size):
            await response.write(body[at : at + size])
        return response

    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    async with serving(app) as base_url, spec.open(site("local"), settings(base_url)) as server:
        assert isinstance(server, Compatible)
        return end(await ask(server, request()))


WHOLE = {"id": "1", "object": "chat.completion", "choices": [{"index": 0, "message": {"content": "Hi."}}]}
CHUNKS = [{"choices": [{"index": 0, "delta": {"content": text}}]} for text in ("H", "i.")]


@pytest.mark.parametrize(
    "body",
    [
        json.dumps(WHOLE).encode(),
        json.dumps(WHOLE, indent=2).encode() + b"\n",
        b"\n\n   \n" + json.dumps(WHOLE).encode(),
        b"\xef\xbb\xbf" + json.dumps(WHOLE).encode(),
        b"data: " + json.dumps(WHOLE).encode() + b"\n\n",
        b"data: " + json.dumps(WHOLE).encode(),
        b"".join(json.dumps(one).encode() + b"\n" for one in [*CHUNKS, WHOLE]),
        json.dumps([*CHUNKS, {"choices": [{"delta": {}, "finish_reason": "stop"}]}]).encode(),
    ],
    ids=["compact", "indented", "kept-open", "bom", "one-event", "no-end", "lines", "array"],
)
@pytest.mark.parametrize("pieces", [1, 7])
async def test_a_document_is_read_in_each_form(body: bytes, pieces: int) -> None:
    """On one line or on many, behind blanks that kept the line open, one a line, or in an array."""
    finished = await told(body, pieces=pieces)
    assert finished.parts == (Part(kind="text", body="Hi."),)
    assert finished.reason == "stop"


@pytest.mark.parametrize(
    "body, error, words",
    [
        (b'{"error": {"message": "overloaded", "code": 529}}', ProviderBusy, "overloaded"),
        (b'[{"error": {"message": "odd", "code": 400}}]', RequestRefused, "odd"),
        (b'{"detail": "Service is starting"}', ProviderDown, "Service is starting"),
        (b'{"message": "no workers", "code": 503}', ProviderDown, "no workers"),
        (b"upstream connect error", ProviderDown, "upstream connect error"),
        (b'{"choices": [', ProviderDown, "made no sense"),
        (b"{}", ProviderDown, "before it began"),
        (b"", ProviderDown, "before it began"),
    ],
    ids=["error", "array", "detail", "message", "plain", "cut", "empty", "nothing"],
)
async def test_a_complaint_under_200_is_told_as_what_it_is(body: bytes, error: type[ProviderError], words: str) -> None:
    """Whatever its type, and what is no document is quoted for whoever reads the log."""
    with pytest.raises(error, match=words):
        await told(body)


@given(st.lists(st.dictionaries(st.text(max_size=5), st.text(max_size=9)), min_size=1, max_size=4), st.data())
def test_documents_are_whole_wherever_they_are_cut(told: list[dict[str, str]], data: st.DataObject) -> None:
    """One a line, with no byte lost or doubled between two reads."""
    wire = b"\n".join(json.dumps(one).encode() for one in told)
    at = data.draw(st.integers(0, len(wire)))
    frames = Frames()
    got = [*frames.feed(wire[:at]), *frames.feed(wire[at:]), *frames.end()]
    assert [json.loads(frame) for frame in got] == told


def test_a_document_without_end_is_not_kept_for_ever() -> None:
    """It does not fill the memory."""
    frames = Frames()
    frames.feed(b"{" + b" " * (31 << 20))
    with pytest.raises(ValueError, match="more than"):
        frames.feed(b" " * (2 << 20))


async def test_a_gateway_to_anthropic_that_does_not_stream_is_understood() -> None:
    """The message in one document, with thoughts and a call."""
    blocks = [
        {"type": "thinking", "thinking": "Hm.", "signature": "s"},
        {"type": "text", "text": "Let me look."},
        {"type": "tool_use", "id": "toolu_1", "name": "weather", "input": {"place": "Bonn"}},
    ]
    usage = {"input_tokens": 7, "output_tokens": 5}
    body = {"type": "message", "role": "assistant", "content": blocks, "stop_reason": "tool_use", "usage": usage}

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body)

    app = web.Application()
    app.router.add_post("/v1/messages", answer)
    async with serving(app) as base_url:
        made = anthropic.AnthropicSettings(api_key=SecretStr("k"), base_url=base_url.removesuffix("/v1"))
        asked = replace(request(said("Hi"), tools=(WEATHER,)), model="claude")
        async with anthropic.spec.open(site("a"), made) as lab, aclosing(lab.stream(asked)) as events:
            heard = [event async for event in events]
    finished = end(heard)
    assert (finished.reason, finished.usage.input_tokens, finished.usage.output_tokens) == ("tools", 7, 5)
    assert [part.kind for part in finished.parts] == ["opaque", "text", "call"]
    assert [event.text for event in heard if isinstance(event, Delta)] == ["Hm.", "Let me look."]


async def test_a_gateway_to_openai_that_does_not_stream_is_understood() -> None:
    """The response in one document."""
    item = {
        "type": "message",
        "role": "assistant",
        "content": [{"type": "output_text", "text": "Hi.", "annotations": []}],
    }
    usage = {"input_tokens": 7, "output_tokens": 5}
    body = {"object": "response", "status": "completed", "output": [item], "usage": usage}

    async def answer(_: web.Request) -> web.Response:
        return web.json_response(body)

    app = web.Application()
    app.router.add_post("/v1/responses", answer)
    async with serving(app) as base_url:
        made = openai.OpenAISettings(api_key=SecretStr("k"), base_url=base_url)
        asked = replace(request(said("Hi")), model="gpt-6")
        async with openai.spec.open(site("o"), made) as lab, aclosing(lab.stream(asked)) as events:
            heard = [event async for event in events]
    finished = end(heard)
    assert finished.parts == (Part(kind="text", body="Hi."),)
    assert (finished.usage.input_tokens, finished.usage.output_tokens) == (7, 5)
    assert [event.text for event in heard if isinstance(event, Delta)] == ["Hi."]
