"""A lane's conversation: what is kept of it, and what of that a model is shown.

Each turn appends entries under the row of the event that began it, so a turn that runs twice writes the same rows.
Old entries are left out a block at a time rather than one by one: the beginning of what a model is shown stays the
same for many turns, and prompt caches hit.
"""

from collections.abc import Sequence

from core.codec import dump, load
from core.seams import Records
from core.values import Contact, Entry, Message, Part, Place, Put, Quote, Received, value

_TABLE = "context"
_ENTRIES = 200
_BLOCK = 16
_CHARS_A_TOKEN = 3
_UNKNOWN_WINDOW_TOKENS = 8192


@value
class Kept:
    """An entry as stored; None is where a new conversation began."""

    entry: Entry | None


class Context:
    """Reads conversations; writing is done by whoever commits the ``Put`` values."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def history(self, lane: str) -> tuple[Entry, ...]:
        """The lane's current conversation, oldest first, as far back as we look."""
        rows = await self._records.latest(_TABLE, f"{lane}/", _ENTRIES)
        entries: list[Entry] = []
        for _, body in rows:
            entry = load(Kept, body).entry
            if entry is None:
                entries.clear()
            else:
                entries.append(entry)
        return tuple(entries)


def keep(lane: str, row: int, scope: str, entries: Sequence[Entry | None]) -> tuple[Put, ...]:
    """What a turn that began with this row adds to its conversation; None begins a new one."""
    return tuple(
        Put(table=_TABLE, row=f"{lane}/{row:016d}.{number:04d}", scope=scope, body=dump(Kept, Kept(entry=entry)))
        for number, entry in enumerate(entries)
    )


def fit(history: Sequence[Entry], window_tokens: int, reserved_tokens: int) -> tuple[Entry, ...]:
    """The newest part of a conversation that fits a model's window, beginning with something a person said.

    Args:
        window_tokens: The model's window, 0 where unknown.
        reserved_tokens: What the question, the system prompt and the answer will take of it.
    """
    room = ((window_tokens or _UNKNOWN_WINDOW_TOKENS) - reserved_tokens) * _CHARS_A_TOKEN
    sizes = [size(entry) for entry in history]
    start, total = 0, sum(sizes)
    while start < len(history) and total > room:
        total -= sum(sizes[start : start + _BLOCK])
        start += _BLOCK
    return _from_a_question(history[start:])


def shrink(history: Sequence[Entry]) -> tuple[Entry, ...]:
    """About the newer half, for a model that found the whole too long."""
    return _from_a_question(history[(len(history) + 1) // 2 :])


def size(entry: Entry) -> int:
    """Characters in an entry, roughly."""
    return sum(len(part.body) + len(part.name) for part in entry.parts)


def tokens(entries: Sequence[Entry]) -> int:
    """Tokens in some entries, estimated on the high side for English."""
    return sum(size(entry) for entry in entries) // _CHARS_A_TOKEN


def _from_a_question(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Leave out what answers something that is left out: a result without its call is an error to every lab."""
    for number, entry in enumerate(entries):
        if entry.role == "user" and not any(part.kind == "result" for part in entry.parts):
            return tuple(entries[number:])
    return ()


def said(received: Received) -> tuple[Part, ...]:
    """What a person's message says to a model."""
    message = received.inbound.body
    if not isinstance(message, Message):
        return ()
    lines = [_quoted(quote) for quote in message.quotes]
    if message.text:
        lines.append(message.text)
    lines.extend(_place(place) for place in message.places)
    lines.extend(_contact(contact) for contact in message.contacts)
    if message.unknown:
        lines.append(f"[something of a kind I cannot read: {message.unknown}]")
    text = "\n".join(lines)
    if not received.inbound.to.private and received.inbound.name:
        text = f"{received.inbound.name}: {text}"
    media = tuple(Part(kind="media", name=item.name, media=item) for item in message.media)
    return ((Part(kind="text", body=text),) if text else ()) + media


def _quoted(quote: Quote) -> str:
    who = "you" if quote.mine else quote.author or "somebody"
    lead = f"[forwarded from {who}]" if quote.forwarded else f"[in reply to {who}]"
    body = "\n".join(f"> {line}" for line in quote.text.splitlines())
    return f"{lead}\n{body}" if body else lead


def _place(place: Place) -> str:
    return f"[location {place.latitude:.5f}, {place.longitude:.5f}{f' ({place.title})' if place.title else ''}]"


def _contact(contact: Contact) -> str:
    return f"[contact {contact.name}{f', {contact.phone}' if contact.phone else ''}]"
