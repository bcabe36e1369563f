"""The judge: what a chat finally shows against what was asked in it, and nothing else.

It knows neither kills nor calls; what a cut line excuses is settled afterwards, in ``cuts.py``.
"""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from chaos.matching import align, fits
from chaos.script import Question, plain, ways
from core import phrases

Fault = Literal["missing", "truncated", "order", "double", "orphan", "stranger", "internal"]
LOST: frozenset[Fault] = frozenset({"missing", "truncated", "order"})
"""The faults by which somebody did not get their answer as they should; the others are something too much."""

_LABEL = re.compile(r"\b(\d+-\d+)e?\b")
_INTERNAL = re.compile(
    r'Traceback|\bFile "|Error\b|Exception|\{\s*"|"\s*:\s*["{\[]|\bNone\b|object at 0x|tool_call'
    r"|\[I (?:allowed|did not)"
)
_HOUSE = frozenset(plain(text) for text in (phrases.STOPPED, phrases.NOTHING_RUNS))


@dataclass(frozen=True, slots=True)
class Line:
    """A bot's message as it stands on the screen; a draft that still shows is one too."""

    id: int
    text: str
    draft: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong in a chat: with a question (its label), or with a message (its id)."""

    fault: Fault
    chat: int
    question: str = ""
    message: int = 0
    text: str = ""


def judge(chat: int, questions: Sequence[Question], lines: Sequence[Line], seen: Collection[str] = ()) -> list[Finding]:
    """All that is wrong in a chat where everybody has fallen silent.

    Args:
        chat: The chat's number, as in its questions' labels.
        questions: In the order they were asked.
        lines: What stands on the screen, from top to bottom.
        seen: Every text that ever stood there, drafts included.
    """
    standing = [line for line in lines if not line.draft]
    taken = align([ways(question) for question in questions], [line.text for line in standing])
    used = {place for places in taken for place in places}
    spare = [line for place, line in enumerate(standing) if place not in used]
    found: list[Finding] = []
    for question, places in zip(questions, taken, strict=True):
        if not places:
            own = _own(question, spare)
            found.append(_lost(question, own))
            spare = [line for line in spare if line not in own]
    said = {plain(standing[place].text) for place in used}
    found += [Finding(_surplus(chat, line.text, said), chat, message=line.id, text=line.text) for line in spare]
    found += [Finding("orphan", chat, message=line.id, text=line.text) for line in lines if line.draft]
    return found + list(_leaks(chat, {*seen, *(line.text for line in lines)}))


def _labels(text: str) -> list[str]:
    return _LABEL.findall(text)


def _own(question: Question, spare: Sequence[Line]) -> list[Line]:
    """What was said to a question that was not answered whole; the reply to a stop bears no label."""
    own = [line for line in spare if question.label in _labels(line.text)]
    replies = [line for line in spare if plain(line.text) in _HOUSE]
    return own + replies[:1] if question.kind == "stop" else own


def _lost(question: Question, own: Sequence[Line]) -> Finding:
    """What became of a question without an answer in its place."""
    texts = [line.text for line in own]
    fault: Fault = "order" if fits(ways(question), texts) else "truncated" if own else "missing"
    return Finding(fault, question.chat, question.label, own[0].id if own else 0, "\n".join(texts))


def _surplus(chat: int, text: str, said: Collection[str]) -> Fault:
    """What a message is that nobody needs."""
    short = plain(text)
    if short in said or short in _HOUSE:
        return "double"
    return "orphan" if any(label.startswith(f"{chat}-") for label in _labels(text)) else "stranger"


def _leaks(chat: int, texts: Collection[str]) -> Iterator[Finding]:
    """What must never be seen here, not even for a moment: our insides, and what belongs to other chats."""
    for text in texts:
        if _INTERNAL.search(text):
            yield Finding("internal", chat, text=text)
        if any(not label.startswith(f"{chat}-") for label in _labels(text)):
            yield Finding("stranger", chat, text=text)
