"""The chat-completions protocol as servers really speak it: fragments, thinking, complaints, lists, events."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import (
    ContextTooLong,
    ModelUnknown,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderRefusedUs,
    RequestRefused,
)
from core.exchange import Delta, Entry, Part, Request, Usage
from providers.chat import listing, prompt
from providers.chat.answer import Answer
from providers.chat.calls import Calls
from providers.faults import refusal
from providers.sse import Frames
from providers.tokens import estimate


def answer_of(*deltas: dict[str, object], reason: str = "stop") -> Answer:
    """An answer that consists of these deltas."""
    answer = Answer("local", lambda: 10)
    for delta in deltas:
        answer.add({"choices": [{"index": 0, "delta": delta, "finish_reason": None}]})
        answer.take()
    answer.add({"choices": [{"index": 0, "delta": {}, "finish_reason": reason}]})
    answer.end()
    return answer


def fragment(name: str = "", arguments: object = "", **more: object) -> dict[str, object]:
    """One element of ``tool_calls``."""
    return {**more, "function": {"name": name, "arguments": arguments}}


@pytest.mark.parametrize(
    "fragments",
    [
        [
            fragment("a", "", index=0, id="1"),
            fragment(arguments='{"x"', index=0),
            fragment(arguments=": 1}", index=0),
            fragment("b", "{}", index=1, id="2"),
        ],
        [fragment("a", '{"x": 1}', index=0, id="1"), fragment("b", "{}", index=0, id="2")],
        [fragment("a", '{"x": 1}', id="1"), fragment("b", "{}", id="2")],
        [fragment("a", '{"x"', id="1"), fragment(arguments=": 1}", id="1"), fragment("b", "{}", id="2")],
        [fragment("a", '{"x"', id="1"), fragment(arguments=": 1}"), fragment("b", "{}", id="2")],
        [fragment("a", '{"x": 1}'), fragment("b", "{}")],
        [fragment("a", '{"x"'), fragment(arguments=": 1}"), fragment("b", "{}")],
        [fragment("a", {"x": 1}), fragment("b", {})],
        [
            fragment("a", '{"x"', index=0, id="1"),
            fragment("a", ": 1}", index=0, id="1"),
            fragment("b", "", index=1, id="2"),
        ],
        [fragment("a", '{"x": 1}', index=0), fragment("b", "{}", index=0)],
        [fragment("a", "", index=0), fragment("", '{"x": 1}', index=0), fragment("b", "{}", index=0)],
        [
            fragment("a", "", index=0, id="1"),
            fragment("a", '{"x"', index=0, id="1"),
            fragment("a", ": 1}", index=0, id="1"),
            fragment("b", "{}", index=1, id="2"),
        ],
        [
            fragment("a", '{"x"', index=0, id="same"),
            fragment("", ": 1}", index=0, id="same"),
            fragment("b", "{}", index=1, id="same"),
        ],
        [fragment("a", '{"x": 1}', index=0, id="same"), fragment("b", "{}", index=0, id="same")],
        [
            fragment("a", "", index=0, id="1"),
            fragment("b", "", index=0, id="2"),
            fragment("", '{"x": 1}', index=0, id="1"),
            fragment("", "{}", index=0, id="2"),
        ],
        [
            fragment("a", '{"x"', index=0, id="1"),
            fragment("", ": 1}", index=0, id="other"),
            fragment("b", "{}", index=1, id="2"),
        ],
        [fragment("a", {"x": 1}, index=0), fragment("b", {}, index=0)],
        [fragment("a", '{"x": 1}', id="1"), fragment("a", '{"x": 1}', id="1"), fragment("b", "{}", id="2")],
        [fragment("a", '"{\\"x\\": 1}"', id="1"), fragment("b", "null", id="2")],
        [fragment("a", '{"x": 1}', index=None), fragment("a", "", index=None), fragment("b", "{}", index=None)],
        [fragment("a", '{"x": 1}', index="0", id=7), fragment("b", "{}", index="0", id=8)],
    ],
    ids=[
        "protocol",
        "index-0",
        "ids",
        "ids-repeated",
        "id-once",
        "nothing",
        "pieces",
        "objects",
        "name-repeated",
        "index-0-without-ids",
        "index-0-without-ids-in-pieces",
        "id-and-name-repeated",
        "one-id-for-all",
        "one-id-and-index-for-all",
        "index-0-interleaved",
        "new-id-each-time",
        "objects-index-0",
        "said-twice",
        "packed-twice",
        "name-repeated-at-the-end",
        "odd-types",
    ],
)
def test_two_calls_are_two_however_they_are_cut(fragments: list[dict[str, object]]) -> None:
    """Servers leave out the index, the id or both, repeat the name, or number every call 0."""
    calls = Calls()
    for piece in fragments:
        calls.add(piece)
    parts = calls.parts()
    assert [(part.name, json.loads(part.body)) for part in parts] == [("a", {"x": 1}), ("b", {})]
    assert len({part.id for part in parts}) == 2


def parts_of(*deltas: list[dict[str, object]], names: tuple[str, ...] = ()) -> list[tuple[str, object]]:
    """The calls that come of the lists in some deltas."""
    calls = Calls(names)
    for delta in deltas:
        for place, piece in enumerate(delta):
            calls.add(piece, place)
    return [(part.name, json.loads(part.body)) for part in calls.parts()]


def test_calls_that_stand_in_one_list_are_several() -> None:
    """Also where nothing but their places tells them apart, in this delta and in those after it."""
    heads = [fragment("look", index=0), fragment("look", index=0)]
    tails = [fragment(arguments='{"at": 1}', index=0), fragment(arguments='{"at": 2}', index=0)]
    assert parts_of(heads, tails) == [("look", {"at": 1}), ("look", {"at": 2})]


@pytest.mark.parametrize(
    "names", [("get_weather", "get"), ("get_weather",), ()], ids=["one-begins-another", "known", "unknown"]
)
@pytest.mark.parametrize("last", ["", "{"], ids=["alone", "with-arguments"])
def test_a_name_may_come_in_pieces(names: tuple[str, ...], last: str) -> None:
    """Which tools were offered tells a name's rest from a second call."""
    if last and not names:
        pytest.skip("nobody could tell")
    pieces = [fragment("get_wea", index=0), fragment("ther", last, index=0)]
    arguments = [fragment(arguments='{"x": 1}'[len(last) :], index=0)]
    assert parts_of(*([piece] for piece in (*pieces, *arguments)), names=names) == [("get_weather", {"x": 1})]


def test_a_name_may_come_whole_each_time_it_has_grown() -> None:
    """Some servers send all there is so far."""
    pieces = [fragment("get"), fragment("get_weather"), fragment(arguments="{}")]
    assert parts_of(*([piece] for piece in pieces), names=("get_weather",)) == [("get_weather", {})]


@pytest.mark.parametrize("name", ["functions.look", "look<|channel|>commentary", "look "])
def test_a_name_is_told_as_it_was_offered(name: str) -> None:
    """A model's own notation around it is taken off, where that leads to a tool."""
    assert parts_of([fragment(name, "{}")], names=("look",)) == [("look", {})]
    assert parts_of([fragment(name, "{}")], names=("other",)) == [(name, {})]


def test_the_one_call_of_the_first_protocol_is_a_call() -> None:
    """``function_call``, in pieces as it is streamed."""
    pieces = ({"name": "look", "arguments": ""}, {"arguments": '{"x"'}, {"arguments": ": 1}"})
    deltas: list[dict[str, object]] = [{"function_call": piece} for piece in pieces]
    finished = answer_of(*deltas, reason="function_call").finished()
    assert [(part.kind, part.name, part.body) for part in finished.parts] == [("call", "look", '{"x": 1}')]


@pytest.mark.parametrize("nonsense", [None, 1, "call", [], {}, {"function": "f"}, {"index": 0, "function": None}])
def test_a_fragment_that_makes_no_sense_is_no_call(nonsense: object) -> None:
    """What has no function in it is passed over."""
    calls = Calls()
    calls.add(nonsense)
    assert calls.parts() == ()


def test_calls_of_an_answer_that_was_cut_are_not_made() -> None:
    """Arguments that may lack their end are not acted upon."""
    cut = answer_of({"tool_calls": [fragment("pay", '{"amount": 1', index=0, id="1")]}, reason="length").finished()
    assert (cut.reason, cut.parts) == ("length", ())


def test_calls_count_whatever_the_reason_is_called() -> None:
    """Some servers stop with tool calls and say only that they stopped."""
    finished = answer_of({"tool_calls": [fragment("look", "{}")]}, reason="stop").finished()
    assert [part.kind for part in finished.parts] == ["call"]
    assert finished.reason == "tools"


def test_halves_of_a_character_are_put_together() -> None:
    """An emoji whose two escapes come in two chunks is an emoji; a half that stays alone is replaced."""
    whole = answer_of({"content": "Hi \ud83d"}, {"content": "\ude00!"}).finished()
    assert whole.parts == (Part(kind="text", body="Hi 😀!"),)
    half = answer_of({"content": "Hi \ud83d"}).finished()
    assert half.parts == (Part(kind="text", body="Hi \ufffd"),)


def test_neighbouring_deltas_come_as_one() -> None:
    """What arrived together is handed on together."""
    answer = Answer("local", lambda: 10)
    for text in ("a", "b", "c"):
        answer.add({"choices": [{"delta": {"content": text}}]})
    assert answer.take() == [Delta(text="abc")]


@pytest.mark.parametrize(
    "told, meant",
    [
        ({"prompt_tokens": 10, "completion_tokens": 5, "total_tokens": 15}, Usage(input_tokens=10, output_tokens=5)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 45,
                "completion_tokens_details": {"reasoning_tokens": 30},
            },
            Usage(input_tokens=10, output_tokens=35, reasoning_tokens=30),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": {"cached_tokens": 8}},
            Usage(input_tokens=10, output_tokens=1, cached_tokens=8),
        ),
        (
            {"prompt_tokens": 10, "completion_tokens": 1, "prompt_tokens_details": None},
            Usage(input_tokens=10, output_tokens=1),
        ),
    ],
    ids=["plain", "reasoning-apart", "cached", "null"],
)
def test_usage_is_what_is_paid_for(told: dict[str, object], meant: Usage) -> None:
    """Reasoning is output and cached tokens are input, also where a server counts them apart."""
    answer = Answer("local", lambda: 99)
    answer.add({"choices": [], "usage": told})
    assert answer.spent().usage == meant


@pytest.mark.parametrize(
    "usage", [None, {}, {"prompt_tokens": 0, "completion_tokens": 0}, {"prompt_tokens": "many"}, 7]
)
def test_usage_that_says_nothing_is_estimated(usage: object) -> None:
    """Zeroes and nonsense are as good as no usage."""
    answer = answer_of({"content": "one two three"})
    answer.add({"choices": [], "usage": usage})
    assert answer.spent().usage == Usage(input_tokens=10, output_tokens=3)


@pytest.mark.parametrize(
    "status, body, expected",
    [
        (400, "This model's maximum context length is 2048 tokens. However, you requested 3000", ContextTooLong),
        (400, "The decoder prompt (length 9009) is longer than the maximum model length of 4096.", ContextTooLong),
        (400, "The prompt (total length 25938) is too long to fit into the model", ContextTooLong),
        (400, {"type": "exceed_context_size_error", "message": "…", "n_ctx": 8192}, ContextTooLong),
        (500, "request (9000 tokens) exceeds the available context size (8192 tokens), try …", ContextTooLong),
        (400, "the input length exceeds the context length", ContextTooLong),
        (400, {"error": "Trying to keep the first 5000 tokens when context the overflows. However …"}, ContextTooLong),
        (
            400,
            "The number of tokens to keep from the initial prompt is greater than the context length",
            ContextTooLong,
        ),
        (400, "Cannot truncate prompt with n_keep (15028) >= n_ctx (7424)", ContextTooLong),
        (400, "This model's maximum prompt length is 131072 but the request contains 140000", ContextTooLong),
        (
            400,
            "Invalid 'messages[1].content[0].text': string too long. Expected a maximum length of 10.",
            ContextTooLong,
        ),
        (400, "Invalid 'messages[1].tool_calls[0].id': string too long. Expected 40.", RequestRefused),
        (400, "Range of input length should be [1, 30720]", ContextTooLong),
        (429, "Request too large for gpt-4 on tokens per min (TPM): Limit 10000, Requested 12000", ContextTooLong),
        (429, "Rate limit reached for requests", ProviderBusy),
        (429, {"code": "insufficient_quota", "message": "You exceeded your current quota"}, ProviderRefusedUs),
        (400, "API key not valid. Please pass a valid API key.", ProviderRefusedUs),
        (400, "Incorrect API key provided: sk-…", ProviderRefusedUs),
        (402, "Insufficient balance", ProviderRefusedUs),
        (404, {"code": "model_not_found", "message": "…"}, ModelUnknown),
        (404, {"error": "model 'llama9' not found"}, ModelUnknown),
        (400, "nonsense/model is not a valid model ID", ModelUnknown),
        (404, "404 page not found", RequestRefused),
        (404, {"detail": "Not Found"}, RequestRefused),
        (422, {"detail": [{"loc": ["body"], "msg": "field required"}]}, RequestRefused),
        (503, {"error": {"message": "Loading model", "code": 503}}, ProviderDown),
        (502, "<html><body>Bad gateway</body></html>", ProviderDown),
        (529, None, ProviderBusy),
        (0, {"error": {"message": "busy", "code": 429}}, ProviderBusy),
        (0, {"error": {"message": "Provider returned error", "code": 502}}, ProviderDown),
        (0, {"error": {"message": "bad", "type": "BadRequestError", "code": 400}}, RequestRefused),
        (0, {"object": "error", "message": "Compute error."}, ProviderDown),
        (0, {"error": "model not found"}, ModelUnknown),
        (0, "the answer ended in an error", ProviderDown),
    ],
)
def test_a_complaint_is_understood_whoever_utters_it(status: int, body: object, expected: type[ProviderError]) -> None:
    """The words count where the status is wrong, and the status where the words say little."""
    assert type(refusal(status, body)) is expected


def test_a_complaint_is_short_and_of_one_line() -> None:
    """The log gets a sentence, not a page."""
    told = str(refusal(500, "a\n" * 1000))
    assert len(told) < 320
    assert "\n" not in told


def test_a_wrong_address_is_hinted_at() -> None:
    """Whoever forgot the version in base_url is reminded of it."""
    assert "base_url" in str(refusal(404, "404 page not found"))


@pytest.mark.parametrize("chunk", [None, 1, "x", []])
def test_a_chunk_that_is_none_is_told(chunk: object) -> None:
    """A stream of something else is broken."""
    with pytest.raises(ProviderDown, match="made no sense"):
        Answer("local", lambda: 10).add(chunk)


@pytest.mark.parametrize("chunk", [{}, {"choices": None}, {"choices": [None]}, {"choices": [{"delta": None}]}])
def test_a_chunk_without_a_word_is_nothing(chunk: dict[str, object]) -> None:
    """Servers send chunks that only keep the line open."""
    answer = Answer("local", lambda: 10)
    answer.add(chunk)
    assert answer.take() == []
    assert not answer.begun


@given(
    st.lists(st.text(alphabet=st.characters(codec="utf-8", exclude_characters="\n\r"), max_size=20), max_size=5),
    st.data(),
)
def test_events_are_whole_wherever_they_are_cut(said: list[str], data: st.DataObject) -> None:
    """No byte is lost or doubled between two reads, with either kind of line end."""
    end = data.draw(st.sampled_from([b"\n", b"\r\n"]))
    wire = b": ping" + end + end
    wire += b"".join(b"event: x" + end + b"data: " + text.encode() + end + end for text in said)
    at = data.draw(st.integers(0, len(wire)))
    frames = Frames()
    got = [*frames.feed(wire[:at]), *frames.feed(wire[at:])]
    assert [frame.decode() for frame in got] == said


def test_an_event_without_end_is_not_kept_for_ever() -> None:
    """A line that never ends does not fill the memory."""
    frames = Frames()
    frames.feed(b"data: " + b"x" * 1_000_000)
    with pytest.raises(ValueError, match="more than"):
        frames.feed(b"x" * 100_000)


def test_what_cannot_chat_is_not_offered() -> None:
    """Models for other purposes are left out, and what is said about the window is read in each server's way."""
    body = {
        "object": "list",
        "data": [
            {"id": "text-embedding-3-small"},
            {"id": "nomic-embed-text:latest"},
            {"id": "BAAI/bge-m3"},
            {"id": "whisper-1"},
            {"id": "qwen-reranker"},
            {"id": "some-model", "type": "embeddings"},
            {"id": "llama3.3:70b"},
            {"id": "Qwen/Qwen3-8B", "max_model_len": 32768},
            {"id": "gemma", "meta": {"n_ctx": 8192, "n_ctx_train": 131072}},
        ],
    }
    models = listing.parse(body, "self")
    assert [(model.id, model.context_tokens) for model in models] == [
        ("llama3.3:70b", 0),
        ("Qwen/Qwen3-8B", 32768),
        ("gemma", 8192),
    ]


@pytest.mark.parametrize("body", [None, [], {}, {"data": "x"}, {"data": [1]}, {"data": [{"name": "x"}]}, "<html>"])
def test_what_is_no_list_of_models_is_refused(body: object) -> None:
    """Some other service on a usual port is not taken for a model server."""
    with pytest.raises(ValueError, match="model"):
        listing.parse(body, "self")


def test_roles_alternate() -> None:
    """Several messages in a row from one side become one, as chat templates want it."""
    entries = tuple(Entry(role="user", parts=(Part(kind="text", body=text),)) for text in ("one", "two"))
    said = prompt.messages(Request(model="m", entries=(*entries, Entry(role="assistant", parts=()))), "local")
    assert said == [{"role": "user", "content": "one\n\ntwo"}]


def test_half_a_character_does_not_stop_a_message() -> None:
    """What a person's keyboard made of an emoji is sent without the part that no encoding knows."""
    entry = Entry(role="user", parts=(Part(kind="text", body="é \ud83d!"),))
    said = prompt.messages(Request(model="m", entries=(entry,)), "local")
    assert said == [{"role": "user", "content": "é ?!"}]


def test_arguments_that_are_no_json_do_not_break_the_next_request() -> None:
    """Some servers parse what the model once wrote, and would refuse the conversation for ever after."""
    call = Part(kind="call", id="1", name="look", body='{"place": ')
    said = prompt.messages(Request(model="m", entries=(Entry(role="assistant", parts=(call,)),)), "local")
    assert json.loads(said[0]["tool_calls"][0]["function"]["arguments"]) == {"malformed": '{"place": '}  # type: ignore[index]


@pytest.mark.parametrize(
    "text, low, high",
    [
        ("", 0, 0),
        ("a", 1, 1),
        ("The train leaves the station at half past nine, and everyone is waiting. " * 10, 140, 190),
        ("def parse(line: str) -> dict[str, int]:\n    return {}\n" * 10, 140, 200),
        ("火车九点半开，想去看山的人已经带着行李在站台上等着了。" * 10, 220, 350),
        ("😀🎉🚀" * 10, 40, 90),
        (datetime(2026, 11, 22, tzinfo=UTC).isoformat() * 10, 100, 180),
        ("\ud83d", 1, 3),
    ],
    ids=["nothing", "letter", "english", "code", "chinese", "emoji", "digits", "half"],
)
def test_tokens_are_estimated_within_reason(text: str, low: int, high: int) -> None:
    """The estimate is good enough to settle by: between what exact tokenizers count, give or take a third."""
    assert low <= estimate(text) <= high
