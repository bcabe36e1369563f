"""The stated exception: a message the platform took while the product was killed before it could note that.

Such a message is sent again (or marked unknown, as the operator wishes). It is recognised from both sides: the
platform's call log says that it was taken and was the last thing said to its chat in that life; the product's own last
words say that a sending had begun just then and was not known to be over. Each such sending explains one message.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

_BEFORE_S, _AFTER_S = 0.1, 5.0
"""How far a call may arrive before and after the line that says it begins: two clocks, a busy disk and busy cores."""

Place = tuple[int, int]
"""A message: its chat's id and its own."""


@dataclass(frozen=True, slots=True)
class Taken:
    """A call that sent or edited a message, and that the platform took; times are ``time.monotonic()`` seconds."""

    place: Place
    sends: bool
    received_at: float


@dataclass(frozen=True, slots=True)
class Death:
    """A life that was killed.

    Attributes:
        began_at: What arrives from then on, until the next life begins, is this life's doing.
        open_sends: When each sending had begun that was still open at the kill.
    """

    began_at: float
    open_sends: tuple[float, ...] = ()


class Cuts:
    """All that kills can explain. What was used as an explanation is used up."""

    def __init__(self, deaths: Sequence[Death], calls: Iterable[Taken]) -> None:
        self._open = [list(death.open_sends) for death in deaths]
        self._at: dict[Place, tuple[int, float]] = {}
        log = sorted(calls, key=lambda call: call.received_at)
        for number, death in enumerate(deaths):
            until = deaths[number + 1].began_at if number + 1 < len(deaths) else float("inf")
            # Calls to one chat never overlap, so only the last one of a life can have been cut.
            last = {call.place[0]: call for call in log if death.began_at <= call.received_at < until}
            self._at |= {call.place: (number, call.received_at) for call in last.values() if call.sends}

    def explain(self, surplus: Sequence[Collection[Place]]) -> set[int]:
        """Which of these surplus messages were cut, by their numbers; each is given with its copies.

        Taken by their time, each with the earliest sending that fits, as many are explained as can be.
        """
        found: set[int] = set()
        for place, (death, at) in sorted(self._at.items(), key=lambda item: item[1][1]):
            wanted = (number for number, copies in enumerate(surplus) if number not in found and place in copies)
            fit = [begun for begun in self._open[death] if begun - _BEFORE_S <= at <= begun + _AFTER_S]
            if fit and (number := next(wanted, None)) is not None:
                self._open[death].remove(min(fit))
                found.add(number)
        return found

    def unheard(self, asked_at: float) -> bool:
        """Whether a sending that began after this is still unexplained: the platform may never have heard of it."""
        for sends in self._open:
            for begun in sends:
                if begun >= asked_at:
                    sends.remove(begun)
                    return True
        return False
