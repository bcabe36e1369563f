"""Matching: which messages on a screen answer which question, so that as little as possible is lost or left over.

How an answer is divided into messages is the product's affair; together they must say all of it, once, and in order.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from chaos.script import Asked, Beat, Broken, Way, Whole, plain

_LOSS = 1000
"""A lost question weighs more than any number of messages that nobody needs."""
_MOST_EXTRA = 6
"""Messages that may stand needlessly among those of one answer."""
_DONE = -1


@dataclass(frozen=True, slots=True)
class _Best:
    """The cheapest way on from a question and a place on the screen."""

    cost: int
    question: int
    place: int
    taken: tuple[int, ...] = ()


def align(ways: Sequence[Sequence[Way]], texts: Sequence[str]) -> list[tuple[int, ...]]:
    """For each question the places of the messages that answer it, none where it was lost.

    Of two copies the later one counts as the answer: the earlier is the one that was forgotten.
    """
    asked = [tuple(tuple(map(_plainly, way)) for way in choices) for choices in ways]
    shown = [plain(text) for text in texts]
    table = _table(asked, shown)
    taken: list[tuple[int, ...]] = []
    question = place = 0
    while question < len(asked):
        best = table[question][place]
        if best.question > question:
            taken.append(best.taken)
        question, place = best.question, best.place
    return taken


def fits(ways: Sequence[Way], texts: Sequence[str]) -> bool:
    """Whether a question's answer is among these messages, whole."""
    shown = [plain(text) for text in texts]
    asked = [tuple(map(_plainly, way)) for way in ways]
    return any(_fit(asked, shown, place) for place in range(len(shown)))


def _plainly(beat: Beat) -> Beat:
    match beat:
        case Whole(text):
            return Whole(plain(text))
        case Broken(text, mark):
            return Broken(plain(text), plain(mark))
        case Asked(words, mark):
            return Asked(plain(words), plain(mark))


def _table(asked: Sequence[Sequence[Way]], shown: Sequence[str]) -> list[list[_Best]]:
    """The best way on from everywhere, found from the end."""
    table = [[_Best(0, len(asked), len(shown))] * (len(shown) + 1) for _ in range(len(asked) + 1)]
    for question in reversed(range(len(asked))):
        for place in reversed(range(len(shown) + 1)):
            moves: list[_Best] = []
            if place < len(shown):
                moves.append(_Best(1 + table[question][place + 1].cost, question, place + 1))
                if taken := _fit(asked[question], shown, place):
                    after = taken[-1] + 1
                    extra = after - place - len(taken)
                    moves.append(_Best(extra + table[question + 1][after].cost, question + 1, after, taken))
            moves.append(_Best(_LOSS + table[question + 1][place].cost, question + 1, place))
            table[question][place] = min(moves, key=lambda move: move.cost)
    return table


def _fit(ways: Sequence[Way], shown: Sequence[str], place: int) -> tuple[int, ...]:
    """The messages from a place on that say one of the ways whole, with as few others between as possible."""
    ways = [way for way in ways if _step(way[0], 0, shown[place]) is not None]
    for extra in range(_MOST_EXTRA + 1 if ways else 0):
        for way in ways:
            if taken := _tile(way, 0, shown, place, extra, first=True):
                return taken
    return ()


def _tile(
    way: Way, offset: int, shown: Sequence[str], place: int, extra: int, *, first: bool = False
) -> tuple[int, ...] | None:
    """Say the rest of a way with the messages from a place on, passing over at most so many."""
    if not way:
        return ()
    for passed in range(1 if first else extra + 1):
        if place + passed >= len(shown):
            return None
        step = _step(way[0], offset, shown[place + passed])
        if step is None:
            continue
        on = (way[1:], 0) if step == _DONE else (way, step)
        rest = _tile(*on, shown, place + passed + 1, extra - passed)
        if rest is not None:
            return (place + passed, *rest)
    return None


def _step(beat: Beat, offset: int, text: str) -> int | None:
    """How far a beat is said after one more message; None where the message is no part of it."""
    match beat:
        case Asked(words, mark):
            return _DONE if -1 < text.find(words) < text.rfind(mark) and text.endswith(")") else None
        case Broken(whole, mark) if text.endswith(mark):
            return _DONE if whole.startswith(text.removesuffix(mark), offset) else None
        case Whole(whole) | Broken(whole, _):
            if not text or not whole.startswith(text, offset):
                return None
            offset += len(text)
            return _DONE if offset == len(whole) and isinstance(beat, Whole) else offset
