"""A lane's conversations: what is kept of them, and what of the current one a model is shown.

Each turn appends entries under the row of the event that began it, so a turn that runs twice writes the same rows.
Each entry knows what stood before it. So the beginning of what a model is shown can be moved seldom and in large
steps rather than a little with each turn: it stays the same for many turns, and prompt caches hit.
"""

import hashlib
import time
from collections.abc import Iterable, Sequence
from dataclasses import replace

import structlog

from core.codec import dump, load
from core.context.marks import Mark
from core.exchange import Entry, Part
from core.plugin import Conversations, ToolContext
from core.seams import Records
from core.site import Excerpt
from core.text.fencing import as_quotation
from core.text.invisible import cleaned_line
from core.values import Media, Put, Record, value

log = structlog.get_logger(__name__)

_TABLE, _TALKS, _CURRENT = "context", "talks", "current"
_FIRST = f"{0:016d}"  # the conversation a lane begins with; others are named for the row of the event that began them
_LAST = "~"  # stands after every entry: their names are made of digits
_TITLE_CHARS = 60
_TITLE_READ_CHARS = 200
_ENTRIES = 200
_RECENT = 400  # how far back a message is looked for that is edited, or replied to
BYTES_A_TOKEN = 3  # on the high side for English, about right for most other languages: they take more bytes a letter
_UNKNOWN_WINDOW_TOKENS = 8192
_WORTH_LEAVING_OUT = 400
_LEFT_OUT = "[left out: there is no room for it any more]"


@value
class Length:
    """How much of a conversation there is: in entries, and in bytes."""

    entries: int = 0
    size: int = 0


@value
class Kept:
    """An entry as stored.

    Attributes:
        before: What of its conversation stands before it.
        aside: True for what nobody was to answer.
        heard: The messages it was made of.
        files: Made files, shown to people with it.
    """

    entry: Entry
    before: Length = Length()
    aside: bool = False
    heard: tuple[Mark, ...] = ()
    files: tuple[Media, ...] = ()


@value
class Talk:
    """A conversation as a list shows it; ``at`` in seconds since 1970."""

    id: str = _FIRST
    title: str = ""
    at: float = 0.0


@value
class History:
    """A conversation so far, oldest first, as far back as we look.

    Attributes:
        rows: The names of the entries' rows.
    """

    lane: str = ""
    talk: Talk = Talk()
    kept: tuple[Kept, ...] = ()
    rows: tuple[str, ...] = ()
    length: Length = Length()

    @property
    def entries(self) -> tuple[Entry, ...]:
        """The entries alone."""
        return tuple(kept.entry for kept in self.kept)

    @property
    def begun(self) -> bool:
        """Whether anything was ever asked in this lane."""
        return bool(self.kept) or self.talk.id != _FIRST

    @property
    def unanswered(self) -> bool:
        """Whether the person had the last word."""
        return bool(self.kept) and self.entries[-1].role == "user"

    def until(self, number: int) -> "History":
        """The conversation before one of its entries."""
        return replace(self, kept=self.kept[:number], rows=self.rows[:number], length=self.kept[number].before)


class Context:
    """Reads conversations; writing is done by whoever commits the ``Put`` values."""

    def __init__(self, records: Records) -> None:
        self._records = records

    async def current(self, lane: str) -> Talk:
        """The conversation that what is said next belongs to."""
        record = await self._records.get(_CURRENT, lane)
        return Talk() if record is None else load(Talk, record.body)

    async def talks(self, lane: str, limit: int) -> tuple[Talk, ...]:
        """Conversations in which something was said, the latest begun last."""
        return tuple(load(Talk, record.body) for record in await self._records.latest(_TALKS, f"{lane}/", limit))

    async def talk(self, lane: str, name: str) -> Talk | None:
        """One of the lane's conversations, None where there is no such one."""
        record = await self._records.get(_TALKS, f"{lane}/{name}")
        return None if record is None else load(Talk, record.body)

    async def history(self, lane: str, entries: int = _ENTRIES, talk: Talk | None = None) -> History:
        """The lane's current conversation or another one, or its last entries."""
        talk = talk or await self.current(lane)
        kept: list[Kept] = []
        rows: list[str] = []
        for record in await self._records.latest(_TABLE, f"{lane}/{talk.id}/", entries):
            try:
                kept.append(load(Kept, record.body))
                rows.append(record.row)
            except ValueError:
                log.exception("entry not read", row=record.row, note="the conversation begins after it")
                kept.clear()
                rows.clear()
        length = _after(kept[-1]) if kept else Length()
        return History(lane=lane, talk=talk, kept=tuple(kept), rows=tuple(rows), length=length)

    async def excerpt(
        self, lane: str, talk: str, *, before: str | None = None, after: str | None = None, limit: int = _ENTRIES
    ) -> Excerpt:
        """A part of a conversation for people to read, whatever models are shown of it; see ``Archive.read``."""
        prefix = f"{lane}/{talk}/"
        if after is not None:
            found = await self._records.after(_TABLE, prefix, prefix + after, limit + 1)
            kept, begins, ends = found[:limit], not after, len(found) <= limit
        else:
            row = prefix + (_LAST if before is None else before)
            found = await self._records.before(_TABLE, prefix, row, limit + 1)
            kept, begins, ends = found[-limit:], len(found) <= limit, before is None
        entries = [(record.row.removeprefix(prefix), entry) for record in kept if (entry := _read(record))]
        return Excerpt(
            entries=tuple(entry for _, entry in entries),
            places=tuple(place for place, _ in entries),
            begins=begins,
            ends=ends,
        )

    async def recent(self, lane: str) -> tuple[tuple[str, Kept], ...]:
        """The last entries of the lane's conversations, whichever is the current one; with their names."""
        found: list[tuple[str, Kept]] = []
        for record in await self._records.latest(_TABLE, f"{lane}/", _RECENT):
            try:
                found.append((record.row, load(Kept, record.body)))
            except ValueError:
                log.exception("entry not read", row=record.row)
        return tuple(found)


def _read(record: Record) -> Entry | None:
    """An entry as stored, None with a word in the log where it makes no sense: what stands around it is shown."""
    try:
        kept = load(Kept, record.body)
        shown = (Part(kind="media", name=file.name, media=file) for file in kept.files)
        return replace(kept.entry, parts=(*kept.entry.parts, *shown))
    except ValueError:
        log.error("entry not read", row=record.row)  # noqa: TRY400 - its text is nobody's
        return None


def row_of(name: str) -> int:
    """The row of the event that began the turn which kept an entry, out of the entry's name."""
    return int(name.rpartition("/")[2].partition(".")[0])


def keep(
    history: History,
    row: int,
    scope: str,
    entries: Iterable[Entry],
    *,
    aside: bool = False,
    heard: Sequence[tuple[Mark, ...]] = (),
    files: tuple[Media, ...] = (),
) -> tuple[Put, ...]:
    """What a turn that began with this row adds to its conversation.

    Args:
        heard: The messages that the first entries were made of, entry by entry.
        files: Made files, shown to people with the last of these entries.
    """
    puts, after, talk = [], history.length, history.talk
    added = list(entries)
    for number, entry in enumerate(added):
        marks = heard[number] if number < len(heard) else ()
        shown = files if number == len(added) - 1 else ()
        kept = Kept(entry=entry, before=after, aside=aside, heard=marks, files=shown)
        name = f"{turn_name(history, row)}.{number:04d}"
        puts.append(Put(table=_TABLE, row=name, scope=scope, body=dump(Kept, kept)))
        talk = talk if talk.title else replace(talk, title=_title(entry))
        after = _after(kept)
    said = replace(talk, at=time.time())
    puts.append(Put(table=_TALKS, row=f"{history.lane}/{talk.id}", scope=scope, body=dump(Talk, said)))
    return tuple(puts) if talk == history.talk else (*puts, *make_current(history.lane, scope, talk))


def turn_name(history: History, row: int) -> str:
    """What the rows begin with that a turn adds to its conversation; a dot and a number follow."""
    return f"{history.lane}/{history.talk.id}/{row:016d}"


def thread(history: History) -> str:
    """A conversation's name for whoever is not to know it: the same each time, and of use to nobody else."""
    return hashlib.sha256(f"{history.lane}/{history.talk.id}".encode()).hexdigest()[:32] if history.lane else ""


def make_current(lane: str, scope: str, talk: Talk) -> tuple[Put, ...]:
    """What is said next belongs to this conversation."""
    return (Put(table=_CURRENT, row=lane, scope=scope, body=dump(Talk, talk)),)


class NewConversations:
    """See ``Conversations``. A conversation is named for the event that began it, so the last begun stands last."""

    def begin(self, caller: ToolContext) -> tuple[Put, ...]:
        """See ``Conversations``."""
        return make_current(caller.context, caller.space, Talk(id=f"{caller.event:016d}"))


_: type[Conversations] = NewConversations


def taken_back(history: History, scope: str, number: int) -> tuple[Put, ...]:
    """Forget the conversation's entries from this one on."""
    return tuple(Put(table=_TABLE, row=row, scope=scope, body=None) for row in history.rows[number:])


def last_question(history: History) -> int | None:
    """Where in a conversation the last thing a person asked stands, None where nothing was."""
    for number in reversed(range(len(history.kept))):
        kept = history.kept[number]
        results = any(part.kind == "result" for part in kept.entry.parts)
        if kept.entry.role == "user" and not kept.aside and not results:
            return number
    return None


def _title(entry: Entry) -> str:
    texts = [part for part in entry.parts if part.kind == "text"]
    own = [part.body for part in texts if part.origin != "outside"] or [as_quotation(part.body) for part in texts]
    text = cleaned_line(" ".join(own), _TITLE_READ_CHARS)
    return text if len(text) <= _TITLE_CHARS else f"{text[: _TITLE_CHARS - 1].rstrip()}…"


def _after(kept: Kept) -> Length:
    return Length(entries=kept.before.entries + 1, size=kept.before.size + size(kept.entry))


# ---------------------------------------------------------------------------------------------------------------------
# What fits


def room_for(window_tokens: int, output_tokens: int, overhead: int) -> int:
    """Bytes of conversation a model's window has room for; a window of 0 is unknown."""
    return ((window_tokens or _UNKNOWN_WINDOW_TOKENS) - output_tokens) * BYTES_A_TOKEN - overhead


def size(entry: Entry) -> int:
    """Bytes in an entry, roughly."""
    return sum(len(part.body.encode("utf-8", "replace")) + len(part.name) for part in entry.parts)


def tokens(history: History, question: Iterable[Entry], *, overhead: int) -> int:
    """Tokens that a conversation takes at most, besides the answer; ``overhead`` in bytes."""
    left_out = history.kept[0].before.size if history.kept else history.length.size
    return (history.length.size - left_out + sum(map(size, question)) + overhead) // BYTES_A_TOKEN


def fit(history: History, room: int, taken: int) -> tuple[Entry, ...]:
    """The newest part of a conversation that fits, beginning with something a person said.

    Args:
        room: Bytes there are for the whole conversation; see ``room_for``.
        taken: Bytes of them that what comes after the history takes.
    """
    entries = _in_steps(history.length.entries - _ENTRIES, _ENTRIES // 2)
    bytes_ = _in_steps(history.length.size + taken - room, room // 2)
    newest = [kept for kept in history.kept if kept.before.entries >= entries and kept.before.size >= bytes_]
    return _from_a_question([kept.entry for kept in newest])


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
