"""What is asked and what must be answered: each question's number, its text, and the ways its answer may read.

A question's label, "7-12", is its chat's number and its own. Every message of an answer bears it, and an answer is
the same whenever it is given, so that what a chat shows can be matched with what was asked.
"""

import re
from dataclasses import dataclass
from random import Random
from typing import Literal

from core import phrases

Kind = Literal["plain", "slow", "long", "edit", "stop", "fumble", "allow", "deny"]
Outcome = Literal["saved", "unknown", "denied", "failed"]

_TALE = (
    "the river runs past an old mill and nobody counts how long its water needs to reach the sea while lamps along "
    "the quay light up one after another and a slow barge turns under the bridge with all its cargo of salt"
)
_WORDS = _TALE.split()
_STYLE = re.compile(r"[\s*_`]+")
_ALLOWED, _NOT_DONE = "(allowed", "(not done"
"""How a request for leave ends once it is over, whatever came of it."""
END = "End of"
"""Only whole answers have this."""
_LONG_PARTS = 44
"""Parts of a long answer: more than one message of 4096 characters takes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Something a person asked; what they do meanwhile is in ``kind``."""

    chat: int
    number: int
    kind: Kind = "plain"

    @property
    def label(self) -> str:
        """Its number, unique in a run."""
        return f"{self.chat}-{self.number}"

    def said(self, *, edited: bool = False) -> str:
        """What the person types."""
        return f"Q{self.label}{'e' if edited else ''} {self.kind}"


@dataclass(frozen=True, slots=True)
class Whole:
    """Exactly this text, over one message or several."""

    text: str


@dataclass(frozen=True, slots=True)
class Broken:
    """Any beginning of a text, then a mark."""

    text: str
    mark: str


@dataclass(frozen=True, slots=True)
class Asked:
    """One message that asked for leave, with these words in it, and a mark at its end that begins so."""

    words: str
    mark: str


Beat = Whole | Broken | Asked
Way = tuple[Beat, ...]
"""What one question may lead to on the screen, in order."""


def answer(label: str, *, long: bool = False, outcome: Outcome | None = None) -> str:
    """The model's whole answer, in Markdown."""
    words = Random(label)
    parts = _LONG_PARTS if long else words.randint(2, 4)
    lines = [f"Note {label} is {outcome}."] if outcome else []
    lines += [f"Part {part} of {label}: {_sentence(words)}." for part in range(1, parts + 1)]
    return "\n\n".join([*lines, end(label)])


def end(label: str) -> str:
    """How every answer ends."""
    return f"{END} {label}."


def preface(label: str) -> str:
    """What the model says before it calls a tool."""
    return f"Let me note {label}."


def plain(text: str) -> str:
    """A text without white space and marks of style, which is how texts are compared."""
    return _STYLE.sub("", text)


def title(label: str) -> str:
    """A note's title."""
    return f"Note {label}"


def ways(question: Question) -> tuple[Way, ...]:
    """All that may rightly be shown for a question once everything is over."""
    label = question.label
    whole = Whole(answer(label))
    match question.kind:
        case "plain" | "slow":
            return ((whole,),)
        case "long":
            return ((Whole(answer(label, long=True)),),)
        case "edit":
            return ((whole,), (Whole(answer(f"{label}e")),))
        case "stop":
            late = (whole, Whole(phrases.NOTHING_RUNS))
            return (late, (Broken(whole.text, phrases.STOPPED_MARK),), (Whole(phrases.STOPPED),))
        case "fumble":
            return ((Whole(f"{preface(label)}\n\n{whole.text}"),),)
        case "allow":
            return tuple(_leave(label, _ALLOWED, outcome) for outcome in ("saved", "unknown"))
        case "deny":
            return (_leave(label, _NOT_DONE, "denied"),)


def _leave(label: str, mark: str, outcome: Outcome) -> Way:
    """What the model says before it calls, the request for leave in a message of its own, and what it says after."""
    return (Whole(preface(label)), Asked(title(label), mark), Whole(answer(label, outcome=outcome)))


def _sentence(words: Random) -> str:
    said = [words.choice(_WORDS) for _ in range(words.randint(14, 22))]
    bold = words.randrange(len(said))
    return " ".join(f"**{word}**" if number == bold else word for number, word in enumerate(said))
