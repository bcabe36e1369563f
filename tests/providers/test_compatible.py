"""The compatible provider over a simulated server: what goes well, and each way in which it does not."""

import asyncio
import json
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import aclosing, asynccontextmanager
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import pytest
from aiohttp import web

from contracts.rigs.providers import answered, eventually, said, site
from core.errors import (
    ContextTooLong,
    ModelUnknown,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderRefusedUs,
    RequestRefused,
)
from core.exchange import Delta, Entry, Finished, Part, Request, Spent, ToolSchema
from core.values import Media
from providers.compatible import Compatible, CompatibleSettings, spec
from servers import ask, end, request, serving, settings
from simulators.openai import (
    Fault,
    OpenAISimulator,
    Pace,
    Reply,
    cut,
    empty,
    garbage,
    hang,
    status,
    stream_error,
    tool_call,
    truncated,
)

WEATHER = ToolSchema(
    name="weather",
    description="The weather in a place.",
    parameters='{"type": "object", "properties": {"place": {"type": "string"}}}',
)


@pytest.fixture
async def lab() -> AsyncIterator[OpenAISimulator]:
    """A simulated server; every request to it must have been well-formed."""
    async with OpenAISimulator(tolerate=frozenset({"reasoning_content"})) as simulator:
        yield simulator
        assert simulator.violations == []


@pytest.fixture
async def server(lab: OpenAISimulator) -> AsyncIterator[Compatible]:
    """A provider with little patience."""
    async with spec.open(site("local", first_token_s=0.3, idle_s=0.3), settings(lab.base_url)) as provider:
        assert isinstance(provider, Compatible)
        yield provider


@asynccontextmanager
async def own_server(
    complete: Callable[[web.Request], Awaitable[web.StreamResponse]], first_token_s: float = 5.0
) -> AsyncIterator[Compatible]:
    """A provider of a server that answers by itself, for what the simulator is too well-bred to do."""
    app = web.Application()
    app.router.add_post("/v1/chat/completions", complete)
    app.router.add_get("/v1/models", _models)
    async with (
        serving(app) as base_url,
        spec.open(site("local", first_token_s=first_token_s), settings(base_url)) as provider,
    ):
        assert isinstance(provider, Compatible)
        yield provider


async def _models(_: web.Request) -> web.StreamResponse:
    return web.json_response({"object": "list", "data": [{"id": "sim-small", "object": "model"}]})


async def say(asked: web.Request, deltas: list[dict[str, object]], reason: str | None) -> web.StreamResponse:
    """Stream an answer without any usage."""
    response = web.StreamResponse(headers={"content-type": "text/event-stream"})
    await response.prepare(asked)
    for place, delta in enumerate(deltas):
        last = place == len(deltas) - 1
        chunk = {"choices": [{"index": 0, "delta": delta, "finish_reason": reason if last else None}]}
        await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
    await response.write(b"data: [DONE]\n\n")
    return response


async def test_parallel_calls_are_put_together_from_interleaved_fragments(
    lab: OpenAISimulator, server: Compatible
) -> None:
    """Fragments belong to the call whose index they carry, in whatever order they come."""
    calls = (tool_call("weather", place="Bonn, the one on the Rhine"), tool_call("weather", place="Köln"))
    lab.on().reply(Reply(text="Let me look.", tool_calls=calls, interleaved=True))
    finished = end(await ask(server, request(tools=(WEATHER,))))
    assert finished.reason == "tools"
    assert [part.kind for part in finished.parts] == ["text", "call", "call"]
    assert [json.loads(part.body)["place"] for part in finished.parts[1:]] == ["Bonn, the one on the Rhine", "Köln"]
    assert len({part.id for part in finished.parts[1:]}) == 2


async def test_results_go_back_under_the_ids_of_their_calls(lab: OpenAISimulator, server: Compatible) -> None:
    """A call and its result are told to the model as the protocol wants them, also where a result is missing."""
    calls = (
        Part(kind="call", id="a", name="weather", body="{}"),
        Part(kind="call", id="b", name="weather", body="oops"),
    )
    results = Entry(role="user", parts=(Part(kind="result", id="a", name="weather", body="rain", failed=False),))
    lab.on().always("It rains.")
    await ask(server, request(said("How is it?"), Entry(role="assistant", parts=calls), results, tools=(WEATHER,)))
    roles = [message["role"] for message in lab.requests[0].messages]
    assert roles == ["user", "assistant", "tool", "tool"]
    assert lab.requests[0].tool_results == ("rain", "There is no result.")


async def test_a_result_without_its_call_is_told_as_text(lab: OpenAISimulator, server: Compatible) -> None:
    """A conversation that was trimmed between a call and its result is still one that the server takes."""
    orphan = Entry(role="user", parts=(Part(kind="result", id="gone", name="weather", body="rain"),))
    await ask(server, request(orphan, answered("It rains."), said("And now?")))
    assert "rain" in str(lab.requests[0].messages[0]["content"])


async def test_an_attached_file_is_not_passed_over_in_silence(lab: OpenAISimulator, server: Compatible) -> None:
    """A model that cannot see a file is told that there is one."""
    photo = Media(adapter="telegram", ref="x", kind="photo", size_bytes=120_000, name="cat.jpg")
    await ask(server, request(Entry(role="user", parts=(Part(kind="media", media=photo),))))
    assert lab.requests[0].last_user.startswith('[photo: "cat.jpg" (outside text), 120 kB')


async def test_thinking_comes_as_reasoning_and_goes_back_with_the_calls(
    lab: OpenAISimulator, server: Compatible
) -> None:
    """Thinking is never part of the answer; a server that thinks and calls sees its thinking again with the result."""
    lab.on().reply(Reply(reasoning="I should look.", tool_calls=(tool_call("weather"),)), "It rains.")
    events = await ask(server, request(tools=(WEATHER,)))
    assert "".join(event.text for event in events if isinstance(event, Delta)) == "I should look."
    assert {event.kind for event in events if isinstance(event, Delta)} == {"reasoning"}
    parts = end(events).parts
    assert [part.kind for part in parts] == ["opaque", "call"]
    result = Entry(role="user", parts=(Part(kind="result", id=parts[1].id, name="weather", body="rain"),))
    foreign = Part(kind="opaque", name="other", body='{"secret": 1}')
    thought = Entry(role="assistant", parts=(foreign, *parts))
    await ask(server, request(said("Hello?"), thought, result, tools=(WEATHER,)))
    assert lab.requests[1].messages[1]["reasoning_content"] == "I should look."
    assert "secret" not in lab.requests[1].messages[1]


async def test_an_answer_that_was_cut_for_length_says_so(lab: OpenAISimulator, server: Compatible) -> None:
    """The limit on the answer reaches the server, and its word that it was reached comes back."""
    finished = end(await ask(server, Request(model="sim-small", entries=(said("word " * 50),), max_output_tokens=10)))
    assert finished.reason == "length"
    assert finished.usage.output_tokens == 10


async def test_a_refusal_is_told_from_an_answer(lab: OpenAISimulator, server: Compatible) -> None:
    """An answer that the server's filter stopped is a refusal."""
    lab.on().reply(Reply(text="I will not.", finish="content_filter"))
    assert end(await ask(server, request())).reason == "refusal"


async def test_an_empty_answer_is_an_answer(lab: OpenAISimulator, server: Compatible) -> None:
    """A model may decide to say nothing, if it says that it did."""
    lab.on().reply(Reply(text=""))
    finished = end(await ask(server, request()))
    assert (finished.reason, finished.parts) == ("stop", ())
    assert finished.usage.input_tokens > 0


async def test_cached_and_reasoning_tokens_are_counted(lab: OpenAISimulator, server: Compatible) -> None:
    """The server's count is taken over in full."""
    lab.on().reply(Reply(text="Yes.", reasoning="Hm, well, yes.", prompt_tokens=100, cached_tokens=64))
    usage = end(await ask(server, request())).usage
    assert (usage.input_tokens, usage.cached_tokens) == (100, 64)
    assert 0 < usage.reasoning_tokens < usage.output_tokens


@pytest.mark.parametrize(
    "fault, expected",
    [
        (status(400), RequestRefused),
        (status(401), ProviderRefusedUs),
        (status(402), ProviderRefusedUs),
        (status(403), ProviderRefusedUs),
        (status(404, message="The model `x` does not exist."), ModelUnknown),
        (status(404, message="Not found", error_code="nothing"), RequestRefused),
        (status(408), ProviderDown),
        (status(413), ContextTooLong),
        (status(422), RequestRefused),
        (status(429), ProviderBusy),
        (status(429, error_code="insufficient_quota"), ProviderRefusedUs),
        (status(500), ProviderDown),
        (status(503), ProviderDown),
        (status(529), ProviderBusy),
        (status(400, error_code="context_length_exceeded"), ContextTooLong),
        (cut(), ProviderDown),
        (cut(after_tokens=3), ProviderDown),
        (truncated(after_tokens=3), ProviderDown),
        (empty(), ProviderDown),
        (garbage(), ProviderDown),
        (hang(), ProviderDown),
        (hang(after_tokens=3), ProviderDown),
        (stream_error(), ProviderBusy),
        (stream_error(code="server_error", message="Compute error."), ProviderDown),
        (stream_error(code="context_length_exceeded", message="Too long."), ContextTooLong),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else value.__name__,
)
async def test_every_fault_is_one_of_our_errors(
    lab: OpenAISimulator, server: Compatible, fault: Fault, expected: type[ProviderError]
) -> None:
    """Whatever goes wrong comes as one of the kinds that routing understands, with what it was at the bottom of it."""
    lab.on().reply(fault)
    with pytest.raises(expected) as caught:
        await ask(server, request(said("a question of some words, to be repeated")))
    assert type(caught.value) is expected
    assert len(lab.requests) == 1  # and nobody asked again behind our back


async def test_silence_before_the_first_token_is_told_with_its_length(lab: OpenAISimulator, server: Compatible) -> None:
    """Who reads the log sees which patience ran out."""
    lab.on().reply(hang())
    began = time.monotonic()
    with pytest.raises(ProviderDown, match=r"no answer within 0\.3 s"):
        await ask(server, request())
    assert time.monotonic() - began < 0.8
    await eventually(lambda: lab.requests[0].closed_early_at is not None, within_s=2)


async def test_silence_amid_an_answer_is_told_with_its_length(lab: OpenAISimulator, server: Compatible) -> None:
    """What was said before the silence was shown, and the error says that it was amid the answer."""
    lab.on().reply(hang(after_tokens=2))
    shown: list[str] = []
    with pytest.raises(ProviderDown, match=r"silent for 0\.3 s amid an answer"):
        async with aclosing(server.stream(request(said("one two three four")))) as stream:
            shown.extend([event.text async for event in stream if isinstance(event, Delta)])
    await eventually(lambda: lab.requests[0].closed_early_at is not None, within_s=2)


async def test_a_slow_reader_is_not_a_silent_server(lab: OpenAISimulator, server: Compatible) -> None:
    """The time that the reader takes between two tokens is not held against the server."""
    lab.on().always(Reply(text="one two three four", pace=Pace(tokens_per_s=20)))
    async with aclosing(server.stream(request())) as stream:
        async for event in stream:
            if isinstance(event, Delta):
                await asyncio.sleep(0.4)
    assert isinstance(event, Finished)


@pytest.mark.parametrize(
    "headers, least, most",
    [
        ({"retry-after": "7"}, 7, 7),
        ({"retry-after": "1.5"}, 1.5, 1.5),
        ({"retry-after-ms": "250", "retry-after": "9"}, 0.25, 0.25),
        ({"retry-after": format_datetime(datetime.now(UTC) + timedelta(hours=1), usegmt=True)}, 3000, 3601),
        ({"retry-after": format_datetime(datetime.now(UTC) - timedelta(seconds=60), usegmt=True)}, 0, 0),
    ],
    ids=["seconds", "fraction", "milliseconds", "date", "date-past"],
)
async def test_the_wish_to_wait_is_passed_on(
    lab: OpenAISimulator, server: Compatible, headers: dict[str, str], least: float, most: float
) -> None:
    """How long to wait is read in each of the forms in which servers say it."""
    lab.on().reply(Fault(name="busy", status=429, headers=headers))
    with pytest.raises(ProviderBusy) as caught:
        await ask(server, request())
    assert caught.value.retry_after_s is not None
    assert least <= caught.value.retry_after_s <= most


@pytest.mark.parametrize("wish", ["soon", "nan", "inf", ""])
async def test_a_wish_that_makes_no_sense_is_no_wish(lab: OpenAISimulator, server: Compatible, wish: str) -> None:
    """Only finite times are waited."""
    lab.on().reply(Fault(name="busy", status=429, headers={"retry-after": wish}))
    with pytest.raises(ProviderBusy) as caught:
        await ask(server, request())
    assert caught.value.retry_after_s is None


async def test_a_closed_stream_is_noticed_by_the_server_within_milliseconds(lab: OpenAISimulator) -> None:
    """An answer that nobody wants any more is not paid for any longer."""
    lab.on().always(Reply(text="word " * 500, pace=Pace(tokens_per_s=100, tick_s=0.01)))
    async with spec.open(site("local"), settings(lab.base_url)) as provider:
        stream = provider.stream(request())
        async for event in stream:
            if isinstance(event, Delta):
                break
        closed_at = time.monotonic()
        await stream.aclose()
        await eventually(lambda: lab.requests[0].closed_early_at is not None, within_s=2)
        noticed_at = lab.requests[0].closed_early_at
        assert noticed_at is not None
        assert noticed_at - closed_at < 0.3


async def test_a_connection_serves_one_answer_after_another() -> None:
    """A whole answer leaves its connection behind for the next one."""
    ports: list[int] = []

    async def complete(asked: web.Request) -> web.StreamResponse:
        assert asked.transport is not None
        ports.append(asked.transport.get_extra_info("peername")[1])
        return await say(asked, [{"content": "Hi."}], "stop")

    async with own_server(complete) as provider:
        for _ in range(3):
            await ask(provider, request())
    assert len(set(ports)) == 1


async def test_a_server_that_does_not_count_is_estimated() -> None:
    """Usage is never nothing, though nobody told it, and grows while the answer does."""

    async def complete(asked: web.Request) -> web.StreamResponse:
        return await say(asked, [{"content": f"word{n} "} for n in range(200)], "stop")

    async with own_server(complete) as provider:
        events = await ask(provider, request(said("How many words are there, would you say?")))
    usage = end(events).usage
    assert 8 <= usage.input_tokens <= 30
    assert 200 <= usage.output_tokens <= 600
    spent = [event.usage.output_tokens for event in events if isinstance(event, Spent)]
    assert spent == sorted(spent)


@pytest.mark.parametrize(
    "option, complaint",
    [
        ("stream_options", "Unrecognized request argument supplied: stream_options"),
        ("max_tokens", "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."),
        ("tools", "registry.ollama.ai/library/gemma:2b does not support tools"),
    ],
    ids=["stream_options", "max_tokens", "tools"],
)
async def test_an_option_that_is_refused_is_left_out_from_then_on(option: str, complaint: str) -> None:
    """One complaint about an option of ours does not cost the person an answer, and is not provoked twice."""
    bodies: list[dict[str, object]] = []

    async def complete(asked: web.Request) -> web.StreamResponse:
        bodies.append(await asked.json())
        if option in bodies[-1]:
            return web.json_response({"error": {"message": complaint}}, status=400)
        return await say(asked, [{"content": "Hi."}], "stop")

    async with own_server(complete) as provider:
        for _ in range(2):
            assert end(await ask(provider, request(tools=(WEATHER,)))).reason == "stop"
        models = await provider.models()
    assert [option in body for body in bodies] == [True, False, False]
    assert ("max_completion_tokens" in bodies[-1]) == (option == "max_tokens")
    assert models[0].tools == (option != "tools")


async def test_an_error_under_200_is_an_error() -> None:
    """Some servers complain with a status that says that all is well."""

    async def complete(asked: web.Request) -> web.StreamResponse:
        return web.json_response({"error": "The number of tokens to keep from the initial prompt is greater than …"})

    async with own_server(complete) as provider:
        with pytest.raises(ContextTooLong):
            await ask(provider, request())


async def test_a_page_is_no_answer() -> None:
    """A base_url that leads to some web page is told as what it is."""

    async def complete(asked: web.Request) -> web.StreamResponse:
        return web.Response(text="<html>Welcome!</html>", content_type="text/html")

    async with own_server(complete) as provider:
        with pytest.raises(ProviderDown, match="text/html where a stream was due"):
            await ask(provider, request())


async def test_done_without_a_reason_is_an_end_if_something_was_said() -> None:
    """A stream that was closed in due form, with text in it, is an answer."""

    async def complete(asked: web.Request) -> web.StreamResponse:
        return await say(asked, [{"content": "Hi."}], None)

    async with own_server(complete) as provider:
        assert end(await ask(provider, request())).reason == "stop"


async def test_an_answer_that_has_its_end_stands_though_the_line_breaks() -> None:
    """What matters has come: that usage and the closing words are cut off costs nobody the answer."""

    async def complete(asked: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(asked)
        chunk = {"choices": [{"index": 0, "delta": {"content": "Hi."}, "finish_reason": "stop"}]}
        await response.write(b"data: " + json.dumps(chunk).encode() + b"\n\n")
        await asyncio.sleep(0.05)
        assert asked.transport is not None
        asked.transport.abort()
        return response

    async with own_server(complete) as provider:
        finished = end(await ask(provider, request()))
    assert finished.parts == (Part(kind="text", body="Hi."),)
    assert finished.usage.output_tokens > 0


async def test_a_server_that_only_keeps_the_line_open_is_silent() -> None:
    """Comments and chunks without a word are no token."""

    async def complete(asked: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"content-type": "text/event-stream"})
        await response.prepare(asked)
        while True:
            await response.write(b": PROCESSING\n\n")
            await asyncio.sleep(0.05)

    async with own_server(complete, first_token_s=0.3) as provider:
        with pytest.raises(ProviderDown, match=r"no token within 0\.3 s"):
            await ask(provider, request())


@pytest.mark.skipif(sys.platform != "linux", reason="only there is all of 127/8 this machine")
async def test_a_server_elsewhere_is_asked_for_its_models_over_the_same_line() -> None:
    """Keys, proxies and TLS are the same for the list as for the answers, and so are the errors."""
    async with OpenAISimulator(host="127.0.0.2", keys=frozenset({"k"})) as lab:
        async with spec.open(site("lan"), settings(lab.base_url, api_key="k")) as provider:
            assert [model.id for model in await provider.models()] == ["sim-small", "sim-large"]
        async with spec.open(site("lan"), settings(lab.base_url, api_key="wrong")) as provider:
            with pytest.raises(ProviderRefusedUs):
                await provider.models()
        async with spec.open(site("lan"), settings(lab.base_url.replace("/v1", "/v2"), api_key="k")) as provider:
            with pytest.raises(RequestRefused, match="base_url"):
                await provider.models()


async def test_a_prompt_is_not_sent_on_to_where_a_server_points() -> None:
    """A redirect is refused: keys and prompts go where the operator said, or nowhere."""
    seen: list[str] = []

    async def elsewhere(asked: web.Request) -> web.StreamResponse:
        seen.append(asked.path)
        raise web.HTTPTemporaryRedirect("/v1/other")

    async with own_server(elsewhere) as provider:
        with pytest.raises(RequestRefused, match="307"):
            await ask(provider, request())
    assert seen == ["/v1/chat/completions"]


async def test_a_server_that_is_not_there_is_down() -> None:
    """Nobody listening is told with the address that nobody listens at."""
    async with OpenAISimulator() as gone:
        base_url = gone.base_url
    async with spec.open(site("local"), settings(base_url)) as provider:
        with pytest.raises(ProviderDown, match=f"no connection to {base_url}"):
            await anext(provider.stream(request()))
        with pytest.raises(ProviderDown, match="no connection"):
            await provider.models()


async def test_models_are_those_configured_else_those_listed(lab: OpenAISimulator, server: Compatible) -> None:
    """What the operator names is offered, in that order; without names, what the server has."""
    assert [model.id for model in await server.models()] == ["sim-small", "sim-large"]
    async with spec.open(site("local"), settings(lab.base_url, models=["b", "a"])) as named:
        assert [model.id for model in await named.models()] == ["b", "a"]


async def test_the_key_goes_out_and_no_key_is_no_fault(
    lab: OpenAISimulator, server: Compatible, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The configured key is sent, a server of one's own may go without, and no other secret of the machine is sent."""
    monkeypatch.setenv("OPENAI_API_KEY", "sk-for-openai-alone")
    monkeypatch.setenv("OPENAI_ORG_ID", "org-for-openai-alone")
    await ask(server, request())
    async with spec.open(site("local"), settings(lab.base_url, api_key="sk-mine")) as keyed:
        await anext(stream := keyed.stream(request()))
        await stream.aclose()
    assert [recorded.key for recorded in lab.requests] == ["none", "sk-mine"]
    assert "alone" not in str([recorded.headers for recorded in lab.requests])


@pytest.mark.parametrize(
    "given, missing",
    [
        ({}, "base_url"),
        ({"base_url": "https://api.x.ai/v1"}, "api_key"),
        ({"base_url": "https://api.x.ai/v1", "api_key": "k"}, None),
        ({"base_url": "http://127.0.0.1:11434/v1", "hosting": "self"}, None),
    ],
    ids=["nothing", "no-key", "hosted", "self"],
)
def test_what_is_missing_is_said_in_a_sentence(given: dict[str, str], missing: str | None) -> None:
    """A section that does not suffice says what it lacks."""
    reason = spec.configured(CompatibleSettings.model_validate(given))
    assert (reason or "").startswith(missing or "")
    assert (reason is None) == (missing is None)
