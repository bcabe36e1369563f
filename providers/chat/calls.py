"""Putting tool calls together from the fragments in which servers stream them.

By the protocol a fragment names its call by ``index``, and the first one carries id and name. Some servers send every
call whole under index 0, some repeat name or id with each fragment, some leave out the index, the id, or both, some
cut the name in pieces, some give the arguments as an object.

https://platform.openai.com/docs/guides/function-calling#streaming
"""

import json
from collections.abc import Collection
from dataclasses import dataclass, field
from secrets import token_hex

from core.exchange import Part
from providers.words import JSON

_FOREIGN = ("functions.", "<|")
"""What models put around a name in their own notation, before and after it, where the server does not take it off."""


@dataclass(slots=True)
class _Call:
    index: object
    place: int
    id: str = ""
    name: str = ""
    arguments: str = ""
    extra: JSON = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Fragment:
    """One element of ``delta.tool_calls``; ``place`` is where in that list it stood."""

    place: int
    index: object
    id: str
    name: str
    arguments: str


class Calls:
    """The calls of one answer, in the order in which they began.

    Args:
        names: Of the tools that were offered: they tell a name that comes in pieces from a second call.
    """

    def __init__(self, names: Collection[str] = ()) -> None:
        self._names = frozenset(names)
        self._calls: list[_Call] = []

    def __len__(self) -> int:
        return len(self._calls)

    def add(self, element: object, place: int = 0) -> str:
        """Take in one element of ``delta.tool_calls``; returns the text that was new in it.

        Args:
            place: Where in that list it stands.
        """
        function = element.get("function") if isinstance(element, dict) else None
        if not isinstance(element, dict) or not isinstance(function, dict):
            return ""
        index, arguments = element.get("index"), function.get("arguments")
        fragment = _Fragment(
            place=place,
            index=index if isinstance(index, int) else None,
            id=_text(element.get("id")),
            name=_text(function.get("name")),
            arguments=json.dumps(arguments, ensure_ascii=False) if isinstance(arguments, dict) else _text(arguments),
        )
        call = self._continued(fragment)
        if call is None:
            call = _Call(index=fragment.index, place=place)
            self._calls.append(call)
        elif fragment.id and fragment.name == call.name and fragment.arguments == call.arguments != "":
            return ""  # the whole call said once more
        extra = element.get("extra_content")
        call.extra |= extra if isinstance(extra, dict) else {}
        call.id = call.id or fragment.id
        named = self._grown(call, fragment)
        new, call.name = named[len(call.name) :], named
        call.arguments += fragment.arguments
        return new + fragment.arguments

    def parts(self) -> tuple[Part, ...]:
        """The calls; one without an id of its own gets one that is unique in any conversation."""
        used = {""}
        parts: list[Part] = []
        for call in self._calls:
            if call.name:
                identity = f"call_{token_hex(8)}" if call.id in used else call.id
                used.add(identity)
                body = _unpacked(call.arguments)
                parts.append(Part(kind="call", id=identity, name=self._known(call.name), body=body))
        return tuple(parts)

    def extras(self) -> list[JSON]:
        """What came with each call that the server may want back with it: Google's signature of the thought, say."""
        return [call.extra for call in self._calls if call.name]

    def _continued(self, fragment: _Fragment) -> _Call | None:
        """The call a fragment continues, None where it begins one."""
        candidates = self._candidates(fragment)
        if not candidates:
            return None
        beside = [call for call in candidates if call.place == fragment.place]
        if fragment.name and not fragment.id and not beside:
            return None  # a second one in the same list
        call = (beside or candidates)[-1]
        return None if self._begins_another(call, fragment) else call

    def _candidates(self, fragment: _Fragment) -> list[_Call]:
        """The calls that a fragment may belong to, by its id, else by its index, else by where it stands."""
        same_index = [call for call in self._calls if call.index == fragment.index]
        if fragment.id and (same_id := [call for call in self._calls if call.id == fragment.id]):
            both = [call for call in same_id if call.index == fragment.index]
            # A server that gives every call the same id tells them apart by the index.
            return both or ([] if fragment.name and fragment.index is not None and not same_index else same_id)
        if fragment.index is not None:
            return same_index
        if fragment.id and fragment.name:
            return [call for call in self._calls[-1:] if not call.id]
        return self._calls

    def _begins_another(self, call: _Call, fragment: _Fragment) -> bool:
        if not fragment.name:
            return False
        if call.arguments and not _whole(call.arguments):
            return False  # amid its arguments; the name is only repeated
        if fragment.id and call.id and fragment.id != call.id:
            return True
        if call.arguments:
            again = fragment.id and (fragment.name, fragment.arguments) == (call.name, call.arguments)
            return not again and (fragment.name != call.name or bool(fragment.arguments))
        return fragment.name != call.name and not self._is_piece(call.name, fragment)

    def _is_piece(self, begun: str, fragment: _Fragment) -> bool:
        """Whether a name that follows a name is more of it."""
        if begun in self._names:
            return False
        whole = (begun + fragment.name, fragment.name if fragment.name.startswith(begun) else "")
        if any(name.startswith(one) for one in whole if one for name in self._names):
            return True
        return not self._names and not fragment.arguments

    def _grown(self, call: _Call, fragment: _Fragment) -> str:
        """A call's name with what the fragment says of it."""
        if not call.name or not fragment.name or call.arguments or fragment.name == call.name:
            return call.name or fragment.name
        if fragment.name in self._names and fragment.name.startswith(call.name):
            return fragment.name  # each time all there is of it
        return call.name + fragment.name if self._is_piece(call.name, fragment) else call.name

    def _known(self, name: str) -> str:
        """The name as it was offered, without the marks of a model's own notation."""
        before, after = _FOREIGN
        bare = name.removeprefix(before).partition(after)[0].strip()
        return bare if name not in self._names and bare in self._names else name


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""


def _whole(arguments: str) -> bool:
    try:
        json.loads(arguments)
    except ValueError:
        return False
    return True


def _unpacked(arguments: str) -> str:
    """Arguments as the text of an object, also where a server packed that text once more, or has no word for none."""
    text = arguments.strip()
    if text in {"", "null"}:
        return "{}"
    if text.startswith('"'):
        try:
            inner = json.loads(text)
        except ValueError:
            return text
        if isinstance(inner, str) and inner.strip().startswith("{"):
            return inner.strip()
    return text
