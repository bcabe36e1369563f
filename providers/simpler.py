"""A conversation in simpler forms: without what a lab wants back, with calls in words, with the last question alone.

What was refused is a conversation up to some entry. It stays simpler up to there when it goes on, and what is said
later is sent as it is.
"""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace

from core.exchange import Entry, Part, Request
from core.values import Media, value
from providers.cures import UNREAD, Cure, Refused, Way, calls_told, whatever, without
from providers.words import GO_ON


@value
class Until:
    """A conversation as far as it was refused; what is said later is not to blame.

    Attributes:
        question: A mark of the last thing a person asked; ``end`` of the last entry.
    """

    question: str
    end: str


def until(entries: Sequence[Entry]) -> Until:
    """All of this."""
    return Until(question=_mark(entries[question(entries)]), end=_mark(entries[-1]))


def _mark(entry: Entry) -> str:
    return hashlib.blake2b(repr(entry).encode("utf-8", "surrogatepass"), digest_size=8).hexdigest()


def question(entries: Sequence[Entry]) -> int:
    """Where the last thing stands that a person asked."""
    for place in reversed(range(len(entries))):
        entry = entries[place]
        if entry.role == "user" and not any(part.kind == "result" for part in entry.parts):
            return place
    return len(entries) - 1


def _so_far(refused: Refused) -> Iterable[Way]:
    return ((until(refused.asked.entries),),) if refused.asked.entries else ()


Simplify = Callable[[Sequence[Entry], int], tuple[Entry, ...]]
"""Some entries, of which one is the question, in a simpler way."""


def _simpler(simplify: Simplify) -> Callable[[Request, Way], Request]:
    """Simplify a conversation as far as it was refused, wherever it has come since."""

    def mend(request: Request, found: Way) -> Request:
        marks = [_mark(entry) for entry in request.entries]
        for one in found:
            if not isinstance(one, Until) or one.question not in marks:
                continue
            asked = marks.index(one.question)
            end = marks.index(one.end) if one.end in marks else asked
            told = simplify(request.entries[: end + 1], asked)
            request = replace(request, entries=(*told, *request.entries[end + 1 :]))
            marks = [_mark(entry) for entry in request.entries]
        return request

    return mend


def _no_own(entries: Sequence[Entry], asked: int) -> tuple[Entry, ...]:
    del asked
    kept = (replace(entry, parts=tuple(part for part in entry.parts if part.kind != "opaque")) for entry in entries)
    return tuple(entry for entry in kept if entry.parts)


def _told_calls(entries: Sequence[Entry], asked: int) -> tuple[Entry, ...]:
    del asked
    return _no_own(calls_told(entries), 0)


def _no_earlier_files(entries: Sequence[Entry], asked: int) -> tuple[Entry, ...]:
    return (*without(entries[:asked], _any, "it was sent earlier and is not shown any more"), *entries[asked:])


def _question_alone(entries: Sequence[Entry], asked: int) -> tuple[Entry, ...]:
    """The last question and what was done about it; of several messages that nobody answered, the last."""
    parts = entries[asked].parts
    texts = [place for place, part in enumerate(parts) if part.kind == "text"]
    alone = replace(entries[asked], parts=parts[texts[-1] :] if texts else parts[-1:])
    return (alone, *_told_calls(entries[asked + 1 :], 0))


def _words_alone(entries: Sequence[Entry], asked: int) -> tuple[Entry, ...]:
    return without(_question_alone(entries, asked), _any, UNREAD)


def _any(media: Media) -> bool:
    return bool(media)


NO_THOUGHTS = Cure(name="no thoughts", find=_so_far, mend=_simpler(_no_own))
CALLS_IN_WORDS = Cure(name="calls in words", find=_so_far, mend=_simpler(_told_calls))
NO_EARLIER_FILES = Cure(name="no earlier files", find=_so_far, mend=_simpler(_no_earlier_files), told="earlier files")
ONLY_QUESTION = Cure(name="only the question", find=_so_far, mend=_simpler(_question_alone), told="history")
ONLY_WORDS = Cure(name="only the question's words", find=_so_far, mend=_simpler(_words_alone), told="all files")


def _system_asked(request: Request) -> Request:
    if not request.system:
        return request
    lead = Part(kind="text", body=request.system)
    entries = list(request.entries)
    if entries and entries[0].role == "user":
        entries[0] = replace(entries[0], parts=(lead, *entries[0].parts))
    else:
        entries.insert(0, Entry(role="user", parts=(lead,)))
    return replace(request, system="", entries=tuple(entries))


def _asked_on(request: Request) -> Request:
    if not request.entries or request.entries[-1].role == "user":
        return request
    on = Entry(role="user", parts=(Part(kind="text", body=GO_ON),))
    return replace(request, entries=(*request.entries, on))


_CONTROLS = dict.fromkeys([*range(9), 11, 12, *range(14, 32), *range(127, 160), *range(0xD800, 0xE000), 0xFFFE, 0xFFFF])


def _printable(request: Request) -> Request:
    entries = tuple(
        replace(
            entry,
            parts=tuple(
                part if part.kind == "opaque" else replace(part, body=part.body.translate(_CONTROLS))
                for part in entry.parts
            ),
        )
        for entry in request.entries
    )
    return replace(request, system=request.system.translate(_CONTROLS), entries=entries)


SYSTEM_IN_QUESTION = Cure(name="system in question", mend=whatever(_system_asked))
END_WITH_USER = Cure(name="end with user", mend=whatever(_asked_on))
PRINTABLE = Cure(name="printable", mend=whatever(_printable))
