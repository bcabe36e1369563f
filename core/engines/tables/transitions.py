"""What may become of a page on its way out: every change of an outbox row, as one function of values.

A page waits (``pending``), is with its platform (``sending``, the intent committed), and ends as ``sent``, ``failed``
or ``unknown``. What happens to it meanwhile is an ``Event``; ``after`` says how the row stands then. It knows no SQL:
tables read a ``Standing``, ask here, and write what differs, so every engine decides alike.
"""

from dataclasses import replace
from typing import Literal, assert_never

from core.storage import Ended
from core.values import value

State = Literal["pending", "sending", "sent", "unknown", "failed"]

WAITS_MS = 1 << 52
"""When a page is due that waits until something else is said in its chat."""


@value
class Standing:
    """How a page stands.

    Attributes:
        final: What it says was committed; else it is a preview.
        says: It has a text to be put; without one, what is there is to be taken back, or it was put already.
        there: The platform's id of its message is known.
        attempts: How often it was tried and put off.
        due_ms: When it may be tried, in milliseconds since 1970; 0 for at once.
        stale: An earlier text may be there, and nobody knows.
        renewed: How often it was said anew, since what was there could not be changed.
    """

    state: State = "pending"
    final: bool = True
    says: bool = True
    there: bool = False
    attempts: int = 0
    due_ms: int = 0
    stale: bool = False
    renewed: int = 0


@value
class Said:
    """Its slot is to read this text, for good."""


@value
class Cut:
    """Its slot reads a shorter text now, without this page."""


@value
class Previewed:
    """A preview is about to be put here."""


@value
class Taken:
    """Its chat's worker is about to put it; where it cannot be read any more, it is given up."""

    readable: bool = True


@value
class Confirmed:
    """The platform did it.

    Attributes:
        there: Its message is there now; False where it was taken back.
        settles: The platform will say later what became of it, and may undo it: the text is kept until then.
    """

    there: bool = True
    settles: bool = False


@value
class GivenUp:
    """It will not be tried again."""

    state: Ended


@value
class PutOff:
    """It was not done, and is to be tried again.

    Attributes:
        counts: This was one of its attempts.
        as_new: The message that was there is gone: it becomes a new one.
    """

    due_ms: int
    counts: bool = True
    as_new: bool = False


@value
class Reworded:
    """It is to say this text instead, since the platform refused the former, or another page's text moved here."""


@value
class Paged:
    """It is to say this text, one of the pages that were made of a reply; that was begun, and counted, before."""


@value
class Told:
    """The platform's later word about one message of this page; see ``Receipt``."""

    state: Literal["sent", "failed", "undone"]
    renewed: int = 0


@value
class Interrupted:
    """The process was killed while this was with its platform.

    Attributes:
        again_ms: When a message that may be there is sent again, 0 for at once; None for never.
    """

    again_ms: int | None


Asked = Said | Cut | Previewed | Reworded | Paged
"""What a page is to be."""

Met = Taken | Confirmed | GivenUp | PutOff | Told | Interrupted
"""What it met with on its way."""

Event = Asked | Met


def after(page: Standing | None, event: Event) -> Standing | None:
    """How a page stands after an event; None where there is none, before or after.

    What nothing is to change comes back as it was, the very object.
    """
    if page is None:
        return _begun(event)
    if isinstance(event, Asked):
        return _asked(page, event)
    return _met(page, event)


def _begun(event: Event) -> Standing | None:
    """How a page stands that was none before; events of a page that has gone meanwhile change nothing."""
    match event:
        case Said() | Reworded() | Paged():
            return Standing()
        case Previewed():
            return Standing(state="sending", final=False, says=False)
        case _:
            return None


def _asked(page: Standing, event: Asked) -> Standing | None:
    match event:
        case Said():
            return _said(page)
        case Cut():
            if not page.there and page.state != "sending":
                return None
            return replace(page, state="pending", final=True, says=False, attempts=0, due_ms=0)
        case Previewed():
            # An earlier run's may be there, and stay there though this one fails: that is not to be forgotten.
            unsure = not page.there and page.state in {"sending", "unknown"}
            return replace(page, state="sending", stale=page.stale or unsure)
        case Reworded():
            unsure = not page.there and page.attempts > 0
            return replace(page, state="pending", final=True, says=True, due_ms=0, stale=page.stale or unsure)
        case Paged():
            return replace(page, state="pending", final=True, says=True, due_ms=0, attempts=0)
        case _:
            assert_never(event)


def _met(page: Standing, event: Met) -> Standing:
    match event:
        case Taken():
            return replace(page, state="sending" if event.readable else "failed")
        case Confirmed():
            return _confirmed(page, event)
        case GivenUp():
            # A text it was given meanwhile is tried, unless the former may be there instead.
            over = page.state == "sending" or (page.state == "pending" and not page.there and event.state == "unknown")
            return replace(page, state=event.state, says=False) if over else page
        case PutOff():
            return _put_off(page, event)
        case Told():
            return _told(page, event)
        case Interrupted():
            return _interrupted(page, event)
        case _:
            assert_never(event)


def _said(page: Standing) -> Standing:
    if page.final and page.state == "unknown":
        return page  # it may be there and cannot be edited: it is not to be said twice
    unsure = not page.there and (page.attempts > 0 or page.state in {"sending", "unknown"})
    return replace(page, state="pending", final=True, says=True, attempts=0, due_ms=0, stale=page.stale or unsure)


def _confirmed(page: Standing, event: Confirmed) -> Standing:
    page = replace(page, there=event.there, stale=False)
    if page.state != "sending":
        return page  # it was given another text meanwhile: only the platform's id is news
    return replace(page, state="sent", says=page.says and event.settles)


def _put_off(page: Standing, event: PutOff) -> Standing:
    if page.state == "sending":
        page = replace(page, state="pending", due_ms=event.due_ms, attempts=page.attempts + event.counts)
    return replace(page, there=False, renewed=page.renewed + 1) if event.as_new else page


def _told(page: Standing, event: Told) -> Standing:
    if event.renewed != page.renewed:
        return page  # of a message that was given up for another one: it settles nothing of the other
    if event.state == "undone" and page.says and page.state in {"sending", "unknown", "sent"}:
        return replace(page, state="pending", there=False, attempts=0, stale=False, due_ms=0)
    state: Ended = "sent" if event.state == "sent" else "failed"
    # One that waits to be sent a second time, since nobody knew of the first, is there after all.
    found = page.state == "pending" and page.attempts > 0 and not page.stale and state == "sent"
    if page.state in {"unknown", "sent"} or (not page.there and (page.state == "sending" or found)):
        return replace(page, state=state, says=False)
    return page


def _interrupted(page: Standing, event: Interrupted) -> Standing:
    if page.state != "sending":
        return page
    if not page.final:
        return replace(page, state="unknown")  # the turn runs again and fills the slot
    if page.there:
        return replace(page, state="pending", attempts=page.attempts + 1, due_ms=0)  # an edit may be made twice
    if event.again_ms is None:
        return replace(page, state="unknown", says=False)
    return replace(page, state="pending", attempts=page.attempts + 1, due_ms=event.again_ms)
