"""Putting tool calls together from the fragments in which servers stream them.

By the protocol a fragment names its call by ``index``, and the first one carries id and name. Some servers send every
call whole under index 0, some repeat the name with each fragment, some leave out the index, the id, or both.

https://platform.openai.com/docs/guides/function-calling#streaming
"""

import json
from dataclasses import dataclass, field
from secrets import token_hex

from core.exchange import Part
from providers.words import JSON


@dataclass(slots=True)
class _Call:
    id: str = ""
    name: str = ""
    arguments: str = ""
    extra: JSON = field(default_factory=dict)


class Calls:
    """The calls of one answer, in the order in which they began."""

    def __init__(self) -> None:
        self._calls: list[_Call] = []
        self._by_index: dict[int, _Call] = {}

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, fragment: object) -> str:
        """Take in one element of ``delta.tool_calls``; returns the text that was new in it."""
        function = fragment.get("function") if isinstance(fragment, dict) else None
        if not isinstance(fragment, dict) or not isinstance(function, dict):
            return ""
        index, identity, name = fragment.get("index"), _text(fragment.get("id")), _text(function.get("name"))
        call = self._find(index, identity, name) or self._start(index)
        call.id = call.id or identity
        new = "" if call.name else name
        call.name = call.name or name
        extra = fragment.get("extra_content")
        call.extra |= extra if isinstance(extra, dict) else {}
        arguments = function.get("arguments")
        text = json.dumps(arguments) if isinstance(arguments, dict) else _text(arguments)
        call.arguments += text
        return new + text

    def parts(self) -> tuple[Part, ...]:
        """The calls; one without an id gets one that is unique in any conversation."""
        return tuple(
            Part(kind="call", id=call.id or f"call_{token_hex(8)}", name=call.name, body=call.arguments.strip() or "{}")
            for call in self._calls
            if call.name
        )

    def extras(self) -> list[JSON]:
        """What came with each call that the server may want back with it: Google's signature of the thought, say."""
        return [call.extra for call in self._calls if call.name]

    def _find(self, index: object, identity: str, name: str) -> _Call | None:
        """The call a fragment continues, None where it begins one."""
        if isinstance(index, int):
            call = self._by_index.get(index)
        elif identity:
            call = next((call for call in self._calls if call.id == identity), None)
        else:
            call = self._calls[-1] if self._calls else None
        if call is None:
            return None
        other = bool(name and identity and call.id and identity != call.id)
        again = bool(name and not identity and not isinstance(index, int) and _whole(call.arguments))
        return None if other or again else call

    def _start(self, index: object) -> _Call:
        call = _Call()
        self._calls.append(call)
        if isinstance(index, int):
            self._by_index[index] = call
        return call


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(arguments: str) -> bool:
    try:
        json.loads(arguments)
    except ValueError:
        return False
    return True
