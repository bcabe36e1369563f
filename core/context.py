"""A lane's conversation: what is kept of it, and what of that a model is shown.

Each turn appends entries under the row of the event that began it, so a turn that runs twice writes the same rows.
Each entry knows what stood before it. So the beginning of what a model is shown can be moved seldom and in large
steps rather than a little with each turn: it stays the same for many turns, and prompt caches hit.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

import structlog

from core.codec import dump, load
from core.seams import Records
from core.values import Contact, Entry, Message, Part, Place, Put, Quote, Received, value

log = structlog.get_logger(__name__)

_TABLE = "context"
_ENTRIES = 200
_BYTES_A_TOKEN = 3  # on the high side for English, about right for most other languages: they take more bytes a letter
_UNKNOWN_WINDOW_TOKENS = 8192
_WORTH_LEAVING_OUT = 400
_NAME_CHARS = 64
_LEFT_OUT = "[left out: there is no room for it any more]"


@value
class Length:
    """How much of a conversation there is: in entries, and in bytes."""

    entries: int = 0
    size: int = 0


@value
class Kept:
    """An entry as stored, and what of its conversation stands before it; None is where a new one began."""

    entry: Entry | None
    before: Length = Length()


@value
class History:
    """A conversation so far, oldest first, as far back as we look."""

    kept: tuple[Kept, ...] = ()
    length: Length = Length()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries alone."""
        return tuple(kept.entry for kept in self.kept if kept.entry is not None)

    @property
    def unanswered(self) -> bool:
        """Whether the person had the last word."""
        return bool(self.kept) and self.entries[-1].role == "user"


class Context:
    """Reads conversations; writing is done by whoever commits the ``Put`` values."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def history(self, lane: str, entries: int = _ENTRIES) -> History:
        """The lane's current conversation, or its last entries."""
        kept: list[Kept] = []
        for row, body in await self._records.latest(_TABLE, f"{lane}/", entries):
            try:
                kept.append(load(Kept, body))
            except ValueError:
                log.exception("entry not read", row=row, note="the conversation begins after it")
                kept.clear()
            else:
                if kept[-1].entry is None:
                    kept.clear()
        return History(kept=tuple(kept), length=_after(kept[-1]) if kept else Length())


def keep(lane: str, row: int, scope: str, entries: Iterable[Entry | None], after: Length) -> tuple[Put, ...]:
    """What a turn that began with this row adds to its conversation; None begins a new one."""
    puts = []
    for number, entry in enumerate(entries):
        kept = Kept(entry=entry, before=after)
        puts.append(Put(table=_TABLE, row=f"{lane}/{row:016d}.{number:04d}", scope=scope, body=dump(Kept, kept)))
        after = _after(kept)
    return tuple(puts)


def _after(kept: Kept) -> Length:
    if kept.entry is None:
        return Length()
    return Length(entries=kept.before.entries + 1, size=kept.before.size + size(kept.entry))


# ---------------------------------------------------------------------------------------------------------------------
# What fits


def room_for(window_tokens: int, output_tokens: int, overhead: int) -> int:
    """Bytes of conversation a model's window has room for; a window of 0 is unknown."""
    return ((window_tokens or _UNKNOWN_WINDOW_TOKENS) - output_tokens) * _BYTES_A_TOKEN - overhead


def size(entry: Entry) -> int:
    """Bytes in an entry, roughly."""
    return sum(len(part.body.encode("utf-8", "replace")) + len(part.name) for part in entry.parts)


def fit(history: History, room: int, taken: int) -> tuple[Entry, ...]:
    """The newest part of a conversation that fits, beginning with something a person said.

    Args:
        room: Bytes there are for the whole conversation; see ``room_for``.
        taken: Bytes of them that what comes after the history takes.
    """
    entries = _in_steps(history.length.entries - _ENTRIES, _ENTRIES // 2)
    bytes_ = _in_steps(history.length.size + taken - room, room // 2)
    newest = [kept for kept in history.kept if kept.before.entries >= entries and kept.before.size >= bytes_]
    return _from_a_question([kept.entry for kept in newest if kept.entry is not None])


def _in_steps(excess: int, step: int) -> int:
    """The excess, rounded up to whole steps; nothing where there is none."""
    step = max(1, step)
    return -(-max(0, excess) // step) * step


def _from_a_question(entries: Sequence[Entry]) -> tuple[Entry, ...]:
    """Leave out what answers something that is left out: a result without its call is an error to every lab."""
    for number, entry in enumerate(entries):
        if entry.role == "user" and not any(part.kind == "result" for part in entry.parts):
            return tuple(entries[number:])
    return ()


def squeezed(steps: Sequence[Entry], room: int) -> tuple[Entry, ...]:
    """An answer's steps so far, less what the oldest of its tools returned, if they would not fit otherwise."""
    entries, excess = list(steps), sum(map(size, steps)) - room
    for number, entry in enumerate(entries[:-1]):
        if excess <= 0:
            break
        entries[number] = Entry(role=entry.role, parts=tuple(_forgotten(part) for part in entry.parts))
        excess -= size(entry) - size(entries[number])
    return tuple(entries)


def _forgotten(part: Part) -> Part:
    if part.kind != "result" or len(part.body) < _WORTH_LEAVING_OUT:
        return part
    return replace(part, body=_LEFT_OUT)


def alternating(entries: Iterable[Entry]) -> tuple[Entry, ...]:
    """The entries with neighbours of one role made one, since many labs want the roles to take turns."""
    merged: list[Entry] = []
    for entry in entries:
        if merged and merged[-1].role == entry.role:
            merged[-1] = Entry(role=entry.role, parts=merged[-1].parts + entry.parts)
        else:
            merged.append(entry)
    return tuple(merged)


# ---------------------------------------------------------------------------------------------------------------------
# What was said


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
    if name := _speaker(received):
        text = f"{name}: {text}"
    media = tuple(Part(kind="media", name=item.name, media=item) for item in message.media)
    return ((Part(kind="text", body=text),) if text else ()) + media


def said_later(received: Received) -> tuple[Part, ...]:
    """The same for a message that nobody is going to answer by itself: of an edit, it is told that it is one."""
    message = received.inbound.body
    if not (isinstance(message, Message) and message.edited):
        return said(received)
    lead = Part(kind="text", body="[I have edited an earlier message. It now reads:]\n")
    return (lead, *(said(received) or (Part(kind="text", body="[nothing]"),)))


def _speaker(received: Received) -> str:
    """Who said it, where several people speak; one line, whatever they call themselves."""
    inbound = received.inbound
    return "" if inbound.to.private else " ".join(inbound.name.replace(":", " ").split())[:_NAME_CHARS]


def _quoted(quote: Quote) -> str:
    who = "you" if quote.mine else quote.author or "somebody"
    lead = f"[forwarded from {who}]" if quote.forwarded else f"[in reply to {who}]"
    body = "\n".join(f"> {line}" for line in quote.text.splitlines())
    return f"{lead}\n{body}" if body else lead


def _place(place: Place) -> str:
    return f"[location {place.latitude:.5f}, {place.longitude:.5f}{f' ({place.title})' if place.title else ''}]"


def _contact(contact: Contact) -> str:
    return f"[contact {contact.name}{f', {contact.phone}' if contact.phone else ''}]"
