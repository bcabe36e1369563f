"""What goes back to a server with the calls of its model: what it sent, and nothing that a plain one has not."""

import pytest

from core.exchange import Entry, Part, Request
from providers.chat.answer import Answer
from providers.chat.prompt import messages
from providers.words import JSON

DETAILS: list[JSON] = [
    {"type": "reasoning.text", "text": "Let me look.", "signature": "sig", "format": "anthropic-claude-v1", "index": 0},
    {"type": "reasoning.encrypted", "data": "xyz", "id": "rs_1", "format": "openai-responses-v1", "index": 1},
]
SIGNED: JSON = {"google": {"thought_signature": "c2ln"}}


def call(name: str, **more: object) -> JSON:
    """A call of a tool, whole."""
    return {"id": f"id-{name}", "type": "function", "function": {"name": name, "arguments": "{}"}, **more}


def parts_of(*deltas: JSON) -> tuple[Part, ...]:
    """What is kept of an answer of these deltas."""
    answer = Answer("router", lambda: 10, "model-1")
    for delta in deltas:
        answer.add({"choices": [{"delta": delta}]})
        answer.take()
    answer.add({"choices": [{"delta": {}, "finish_reason": "tool_calls"}]})
    return answer.finished().parts


def told(parts: tuple[Part, ...], provider: str = "router", model: str = "model-1") -> JSON:
    """The answer as it goes back."""
    entry = Entry(role="assistant", parts=parts)
    return messages(Request(model=model, entries=(entry,)), provider)[0]


def test_details_of_what_was_thought_go_back_as_they_were() -> None:
    """Put together from their pieces, in their order; the text that says the same is not sent beside them."""
    pieces: list[JSON] = [
        {"type": "reasoning.text", "text": "Let me ", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.text", "text": "look.", "format": "anthropic-claude-v1", "index": 0},
        {"type": "reasoning.text", "signature": "sig", "format": "anthropic-claude-v1", "index": 0},
        DETAILS[1],
    ]
    deltas: list[JSON] = [{"reasoning": piece.get("text", ""), "reasoning_details": [piece]} for piece in pieces]
    message = told(parts_of(*deltas, {"tool_calls": [call("a")]}))
    assert message["reasoning_details"] == DETAILS
    assert "reasoning" not in message


def test_what_came_with_a_call_goes_back_with_it() -> None:
    """Google's signature stands on the first of several calls at once, whatever their ids are by now."""
    parts = parts_of({"tool_calls": [call("a", index=0, extra_content=SIGNED), call("b", index=1)]})
    kept = tuple(
        Part(kind="call", id=f"new-{part.name}", name=part.name, body="{}") if part.kind == "call" else part
        for part in parts
    )
    calls = told(kept)["tool_calls"]
    assert isinstance(calls, list)
    assert [one.get("extra_content") for one in calls] == [SIGNED, None]


@pytest.mark.parametrize("provider, model", [("router", "model-2"), ("other", "model-1")])
def test_what_is_signed_goes_to_no_other_model(provider: str, model: str) -> None:
    """It could not read it, or would refuse it."""
    deltas: list[JSON] = [{"reasoning_details": DETAILS}, {"tool_calls": [call("a", extra_content=SIGNED)]}]
    message = told(parts_of(*deltas), provider, model)
    assert message.keys() == {"role", "content", "tool_calls"}
    assert "extra_content" not in str(message)


def test_a_plain_server_is_sent_nothing_that_it_has_not() -> None:
    """No field of ours, and none of anybody else's."""
    assert told(parts_of({"content": "So."}, {"tool_calls": [call("a")]})).keys() == {"role", "content", "tool_calls"}
    assert told(parts_of({"reasoning_content": "Hm."}, {"tool_calls": [call("a")]}))["reasoning_content"] == "Hm."


@pytest.mark.parametrize("nonsense", [None, 1, "x", [None], {}, [[]]])
def test_details_that_make_no_sense_are_passed_over(nonsense: object) -> None:
    """A field of the same name may mean anything somewhere else."""
    message = told(parts_of({"reasoning_details": nonsense}, {"tool_calls": [call("a", extra_content=nonsense)]}))
    assert message.keys() == {"role", "content", "tool_calls"}
