"""Reading and mending what a model said: its words, its calls, and parts that are fit to be kept."""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import replace

from core.exchange import Entry, Part
from core.text.fencing import ending


def text_of(parts: Iterable[Part]) -> str:
    """The words in some parts."""
    return "".join(part.body for part in parts if part.kind == "text").strip()


def words_of(entries: Iterable[Entry]) -> str:
    """The words in some entries."""
    return "\n".join(filter(None, (text_of(entry.parts) for entry in entries)))


def calls_of(parts: Iterable[Part]) -> list[Part]:
    """The calls of tools in some parts, in order."""
    return [part for part in parts if part.kind == "call"]


def without_calls(parts: Iterable[Part]) -> tuple[Part, ...]:
    """Some parts less their calls: those nobody will answer, which no lab takes back."""
    return tuple(part for part in parts if part.kind != "call")


def result(call: Part, body: str, *, failed: bool = False) -> Part:
    """What a model is told about its call."""
    return Part(kind="result", id=call.id, name=call.name, body=body, failed=failed)


def whole(text: str) -> str:
    """A text without halves of characters: some servers cut a character in two, and nobody can store or send a half."""
    if text.isascii():
        return text
    return text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def sound(parts: Sequence[Part], conversation: Iterable[Entry], name: str) -> tuple[Part, ...]:
    """A model's parts as they can be kept: whole characters, and each call with an id that nothing else has.

    Some servers give every call the same id, or none. Two calls of one id would get one result, and one leave.

    Args:
        name: Names this step among all of the conversation; new ids begin with it.
    """
    used = {part.id for entry in conversation for part in entry.parts if part.kind == "call"}
    return tuple(_sound(parts, used, name))


def _sound(parts: Sequence[Part], used: set[str], name: str) -> Iterator[Part]:
    for place, part in enumerate(parts):
        body = whole(part.body)
        if part.kind != "call":
            yield part if body == part.body else replace(part, body=body)
            continue
        identity = part.id if part.id and part.id not in used else f"{name}-{place}"
        used.add(identity)
        yield replace(part, id=identity, body=body)


def cut(results: Collection[Part], most_bytes: int) -> tuple[Part, ...]:
    """Results of one step in a number of bytes: the long ones are cut to equal shares of what the short ones leave."""
    left, long = most_bytes, len(results)
    for size in sorted(len(part.body.encode("utf-8", "replace")) for part in results):
        if size > left // long:
            break
        left, long = left - size, long - 1
    else:
        return tuple(results)
    share = max(1, left // long)
    return tuple(_cut(part, share) for part in results)


def _cut(part: Part, share: int) -> Part:
    encoded = part.body.encode("utf-8", "replace")
    if len(encoded) <= share:
        return part
    kept = encoded[:share].decode("utf-8", "ignore")
    end = f"\n{mark}" if (mark := ending(part.body)) else ""
    return replace(part, body=f"{kept}\n[cut here: the whole was {len(part.body)} characters long]{end}")
