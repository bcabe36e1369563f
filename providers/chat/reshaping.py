"""Messages of the chat-completions protocol in the shapes that stricter servers want. Nothing that was said is lost.

Each is a function of the messages and leaves them as they are. When one is needed is told in ``providers/quirks.py``.
"""

import hashlib
from collections.abc import Callable, Iterator, Sequence

from providers import ids
from providers.chat.returned import THOUGHTS
from providers.words import JSON

Reshape = Callable[[list[JSON]], list[JSON]]

_ALPHABET = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_NINE = 9
_HEARD = "I have read what the tools returned."
_NO_WORDS = "(no words)"
_NO_THOUGHT = "(This thought was not kept.)"


def answer_before_user(messages: list[JSON]) -> list[JSON]:
    """Put a word of the model's between what a tool returned and what a person says."""
    said: list[JSON] = []
    for message in messages:
        if message.get("role") == "user" and said and said[-1].get("role") == "tool":
            said.append({"role": "assistant", "content": _HEARD})
        said.append(message)
    return said


def nine_character_ids(messages: list[JSON]) -> list[JSON]:
    """Give calls ids of nine letters and digits, each always the same."""
    return _renamed(messages, _nine)


def common_ids(messages: list[JSON]) -> list[JSON]:
    """Give calls ids as every lab takes them."""
    return _renamed(messages, ids.valid)


def thoughts_with_answers(messages: list[JSON]) -> list[JSON]:
    """Put a thought beside all that the model said: its own where it was kept, else a word that it was not."""
    return [
        {THOUGHTS[0]: message.get(THOUGHTS[1]) or _NO_THOUGHT} | message
        if message.get("role") == "assistant"
        else message
        for message in messages
    ]


def alternating(messages: list[JSON]) -> list[JSON]:
    """Two sides that take turns, the person first: calls and results are told in words."""
    said = [message for message in messages if message.get("role") == "system"]
    called: dict[object, JSON] = {}
    for message in messages:
        calls = _calls(message)
        called |= {call.get("id"): _function(call) for call in calls}
        role = "assistant" if message.get("role") == "assistant" else "user"
        if message.get("role") == "system" or (calls and not message.get("content")):
            continue
        content = message.get("content")
        if message.get("role") == "tool":
            function = called.get(message.get("tool_call_id"), {})
            content = (
                f"[what the tool {function.get('name')} returned, called with {function.get('arguments')}:]\n{content}"
            )
        before = said[-1] if said else {}
        if before.get("role") == role:
            said[-1] = {"role": role, "content": _both(before.get("content"), content)}
        else:
            said += [{"role": "user", "content": "[The conversation goes on.]"}] if _begins(said, role) else []
            said.append({"role": role, "content": content})
    return said


def never_empty(messages: list[JSON]) -> list[JSON]:
    """Say that there are no words where there are none."""
    return [message if _is_told(message.get("content")) else message | {"content": _NO_WORDS} for message in messages]


def calls_alone(messages: list[JSON]) -> list[JSON]:
    """Calls without words beside them."""
    return [message | {"content": ""} if _calls(message) else message for message in messages]


def one_call_each(messages: list[JSON]) -> list[JSON]:
    """Calls one after the other, each followed by what it returned."""
    results = {message.get("tool_call_id"): message for message in messages if message.get("role") == "tool"}
    said: list[JSON] = []
    for message in messages:
        calls = _calls(message)
        if len(calls) < 2:  # noqa: PLR2004 - several
            said += [] if message.get("role") == "tool" and message in said else [message]
            continue
        for place, call in enumerate(calls):
            content = message.get("content") if place == 0 else ""
            said.append(message | {"content": content, "tool_calls": [call]})
            said += [results[call.get("id")]] if call.get("id") in results else []
    return said


def named_results(messages: list[JSON]) -> list[JSON]:
    """What a tool returned with the name of the tool."""
    names = {call.get("id"): _function(call).get("name") for message in messages for call in _calls(message)}
    return [
        message | {"name": names.get(message.get("tool_call_id"))} if message.get("role") == "tool" else message
        for message in messages
    ]


def _renamed(messages: list[JSON], rename: Callable[[str], str]) -> list[JSON]:
    said: list[JSON] = []
    for message in messages:
        if calls := _calls(message):
            renamed = [call | {"id": rename(str(call.get("id")))} for call in calls]
            said.append(message | {"tool_calls": renamed})
        elif message.get("role") == "tool":
            said.append(message | {"tool_call_id": rename(str(message.get("tool_call_id")))})
        else:
            said.append(message)
    return said


def _nine(identity: str) -> str:
    if len(identity) == _NINE and identity.isascii() and identity.isalnum():
        return identity
    number = int.from_bytes(hashlib.sha256(identity.encode("utf-8", "replace")).digest())
    digits = (_ALPHABET[number // len(_ALPHABET) ** place % len(_ALPHABET)] for place in range(_NINE))
    return "".join(digits)


def _calls(message: JSON) -> list[JSON]:
    calls = message.get("tool_calls")
    return [call for call in calls if isinstance(call, dict)] if isinstance(calls, list) else []


def _function(call: JSON) -> JSON:
    function = call.get("function")
    return function if isinstance(function, dict) else {}


def _begins(said: Sequence[JSON], role: str) -> bool:
    """Whether the model would have the first word."""
    return role == "assistant" and not any(message.get("role") == "user" for message in said)


def _both(one: object, other: object) -> object:
    if isinstance(one, str) and isinstance(other, str):
        return f"{one}\n\n{other}"
    return [*_parts(one), *_parts(other)]


def _parts(content: object) -> Iterator[object]:
    if isinstance(content, list):
        yield from content
    elif content:
        yield {"type": "text", "text": content}


def _is_told(content: object) -> bool:
    return bool(content.strip()) if isinstance(content, str) else bool(content)
