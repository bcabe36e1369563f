"""What a model is shown for one answer: the conversation, the question and the steps so far, in the room it has."""

import hashlib
from collections.abc import Sequence

from core.context import conversation, wording
from core.context.conversation import History, alternating
from core.context.shortening import shortened
from core.context.telling import in_words
from core.exchange import Entry, Part
from core.turn import acts
from core.turn.consulting import left_out
from core.turn.hearing import Ear

_LAST = (
    "[No tool can be called any more. Answer now with what was found, for the one who asked; say what is missing, if"
    " something is.]"
)

_LAST_SHARE = 4
_WORDS_BYTES = 200  # what it takes to tell a call in words


class Material:
    """All there is for one answer.

    Attributes:
        history: What was said before.
        steps: What the model said and its tools returned so far.
        left_out: What the person is told of a question that was cut for the model, "" for nothing.
        last: Whether the model is to come to an end, without tools.
        notes: What plugins say to the model before the question, for this answer alone; "" for nothing.

    Args:
        told: What a model was told of what is asked, where that is asked again; else it is made of the messages.
    """

    def __init__(self, ear: Ear, history: History, told: Sequence[Part] = ()) -> None:
        self.history = history
        self.steps: list[Entry] = []
        self.left_out = ""
        self.last = False
        self.notes = ""
        self._ear = ear
        self._told_before = tuple(told)

    @property
    def all(self) -> tuple[Entry, ...]:
        """Everything before the next step, the question aside."""
        return (*self.history.entries, *self.steps)

    def question(self) -> tuple[Entry, ...]:
        """What is asked, as it reads now; nothing where the conversation ends with what there is to answer."""
        if not self._ear.asked:
            return ()
        said = (part for received in acts.whole(self._ear.asked) for part in wording.said(received))
        parts = self._told_before or tuple(said)
        return (Entry(role="user", parts=parts or (Part(kind="text", body="[an empty message]"),)),)

    def about(self) -> str:
        """A name for what is asked now: another one once it has changed, and the same after a restart."""
        asked = repr([received.inbound.body for received in self._ear.asked])
        return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()[:16]

    def entries(self, room: int) -> tuple[Entry, ...]:
        """What the model is shown, in as many bytes; the question itself is always there."""
        question = (*self._noted(), *self.question())
        room -= _WORDS_BYTES * (1 + len(self.steps)) if self.last else 0
        taken = sum(map(conversation.size, question))
        steps = conversation.squeezed(self.steps, room - taken)
        taken += sum(map(conversation.size, steps))
        history = conversation.fit(self.history, room, taken) or self._last_exchange(room, room - taken)
        if not (history or question):
            history = self.history.entries[-1:]  # what there is to answer is there, whether or not it fits
        return self._told(history, question, steps)

    def _noted(self) -> tuple[Entry, ...]:
        if not (self.notes and self._ear.asked):
            return ()
        return (Entry(role="user", parts=(Part(kind="text", body=f"[For this answer:]\n{self.notes}\n"),)),)

    def _last_exchange(self, room: int, left: int) -> tuple[Entry, ...]:
        """Where even the last thing asked before is more than there is room for: a little of it, if that fits.

        Args:
            left: Bytes that what is asked now leaves of the room.
        """
        number = conversation.last_question(self.history)
        if number is None or not self._ear.asked:
            return ()
        last = shortened(self.history.entries[number:], room // _LAST_SHARE, files=True).entries
        return last if sum(map(conversation.size, last)) <= left else ()

    def cut(self, room: int, files: bool) -> tuple[Entry, ...]:  # noqa: FBT001 - a fact, not a switch
        """What there is to answer and the steps so far, in as many bytes, whatever has to be left out for it."""
        steps = conversation.squeezed(self.steps, room // 2)
        question = (*self._noted(), *self.question()) or self.history.entries[-1:]
        left = shortened(question, room - sum(map(conversation.size, steps)), files=files)
        self.left_out = left_out(left) if self._ear.asked else ""  # nobody has to know of what only the model reads
        return self._told(left.entries, steps)

    def _told(self, *pieces: Sequence[Entry]) -> tuple[Entry, ...]:
        entries = [entry for piece in pieces for entry in piece]
        if not self.last:
            return alternating(entries)
        return alternating((*in_words(entries), Entry(role="user", parts=(Part(kind="text", body=_LAST),))))
