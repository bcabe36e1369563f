"""What a value of ours has to be, checked where the value is made: a mistake is told at once, to whoever made it.

Checked is what our own code, an adapter, a provider or a plugin decides: names, numbers, sizes. What people and
platforms send is not, since a message must not be refused for an odd coordinate. A check costs about a microsecond.
"""

import math
from datetime import datetime
from re import Pattern


def refused(what: str, given: object, reason: str, mend: str) -> ValueError:
    """The error for a value that does not keep to what was promised of it.

    Args:
        reason: What is wrong, as the end of a sentence that begins with the value.
        mend: What to do instead.
    """
    return ValueError(f"{what} {given!r:.120} {reason}: {mend}")


def check_name(what: str, given: str, pattern: Pattern[str], reason: str, mend: str) -> None:
    """Hold a name against the alphabet and the length that are promised of it.

    Raises:
        ValueError: It does not keep to them; likewise below.
    """
    if not pattern.fullmatch(given):
        raise refused(what, given, reason, mend)


def check_key(what: str, given: str) -> None:
    """A name that the store keeps something under: not empty, and no half of a character in it."""
    if not given:
        raise refused(what, given, "is empty", "name what it is for")
    if not given.isascii():
        try:
            given.encode()
        except UnicodeEncodeError:
            raise refused(what, given, "holds half of a character", "replace what UTF-8 cannot write") from None


def check_aware(what: str, given: datetime | None) -> None:
    """A time that says in which zone it is."""
    if given is not None and given.tzinfo is None:
        raise refused(what, given.isoformat(), "does not say in which zone it is", "make it aware, best in UTC")


def check_at_least(what: str, given: float, least: float) -> None:
    """A number that is finite and not smaller than this."""
    if not (least <= given < math.inf):
        raise refused(what, given, f"is not a number from {least:g} on", f"give one, at least {least:g}")
