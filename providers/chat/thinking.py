"""Telling a model's thinking from its answer where a server sends both as one text.

Servers that know the model's template send thinking in a field of its own. Those that do not let it through: within
marks at the beginning of the answer (``<think>…</think>``), with the closing mark alone where the template itself has
opened the thought (``… </think>``), or in channels. Nobody in a chat should see it; but somebody who asks about such a
mark should have it explained. Which marks there are, and when one is only mentioned, is told in ``marks.py``.
"""

import re
from typing import Literal, assert_never

from core.exchange import Request
from providers.chat import marks
from providers.learned import Learned

Kind = Literal["answer", "reasoning"]
State = Literal["start", "answer", "thought", "perhaps", "channel", "hidden"]
Piece = tuple[Kind | Literal["retract"], str]
"""Some text and what it is; ``retract``: all of the answer so far was thinking."""

_MOST_HEAD = 300  # characters in the head of a message in a channel
_BARE_FIRST, _BARE_LAST = "analysis", "assistantfinal"
"""What is left of channels where a server drops the marks and keeps the words between them."""
_BARE = re.compile(rf"{_BARE_FIRST}(?=[A-Z\"'])")

# What models that are known to think begin with, where no mark says that they do.
_NAMES = re.compile(
    r"(?:\b|[-_/:.])r1\b|qwq|think|reason|magistral|glm-?(?:4\.[5-9]|5)|minimax-?m\d|nemotron|exaone-deep|seed-oss"
    r"|smollm3|mimo",
    re.IGNORECASE,
)
_FILLERS = frozenset(["okay", "ok", "alright", "hmm", "so", "well", "now", "first", "right"])
_VERBS = frozenset(["wants", "asks", "asked", "says", "said", "greeted", "sent", "wrote", "seems", "just", "requests"])
_MOST_FILLERS = 4


class Habits:
    """How one server's models were seen to send their thoughts, each for a while.

    Who has once sent thoughts that only a closing mark tells is expected to do so again, and so is a model that is
    known to think, until it has answered without.
    """

    def __init__(self) -> None:
        self._unopened, self._plain = Learned(), Learned()

    def thinking(self, request: Request) -> "Thinking":
        """What sorts the answer to a request."""
        model = request.model
        likely = bool(_NAMES.search(model)) and model not in self._plain
        opened: Literal["", "likely", "known"] = "known" if model in self._unopened else "likely" if likely else ""
        return Thinking(asked=marks.asked_about(request.entries), opened=opened)

    def seen(self, model: str, thinking: "Thinking") -> None:
        """Learn from a whole answer."""
        if thinking.unopened:
            self._unopened.add(model)
            self._plain.discard(model)
        elif model not in self._unopened:
            self._plain.add(model)


class Thinking:
    """Feed it the text as it comes; it gives the text back in pieces that are either thinking or answer.

    Args:
        asked: Whether the conversation is about marks; see ``marks.asked_about``.
        opened: ``known`` where this server was seen to send thoughts that only a closing mark tells, ``likely`` where
            the model's name lets one expect it: the text is kept back until that mark has come.

    Attributes:
        unopened: Whether a thought came that only its closing mark told.
    """

    def __init__(self, *, asked: bool = False, opened: Literal["", "likely", "known"] = "") -> None:
        self.unopened = False
        self._asked = asked
        self._opened = opened
        self._state: State = "start"
        self._held = ""
        self._looked = 0  # so much of what is held has been looked through for marks
        self._told: list[str] = []  # the answer so far
        self._first = True  # nothing has come yet
        self._thought_before = False
        self._channels = False
        self._open = ""
        self._close = re.compile("")

    def feed(self, text: str) -> list[Piece]:
        """Sort a little more text. What may yet become a mark is held back until it is clear."""
        plain = self._state == "answer" and not self._held and not self._channels
        if plain and marks.pending(text) == len(text) and not marks.EITHER.search(text):
            return self._say(text)
        self._held += text
        return self._sorted(last=False)

    def rest(self, *, cut: bool = False) -> list[Piece]:
        """What was held back when the text ended.

        Args:
            cut: It was cut off, so that a thought may lack its end.
        """
        if cut and self._state == "hidden":
            held, self._held = self._held, ""
            return [("reasoning", held)] if held else []
        return self._sorted(last=True)

    def apart(self) -> None:
        """The server sends thoughts in a field of their own: the text is no thought, unless it says so."""
        if self._opened != "known":
            self._opened, self._first = "", False
            if self._state == "hidden":
                self._go("start", self._held)

    def _sorted(self, *, last: bool) -> list[Piece]:
        pieces: list[Piece] = []
        while True:
            before = (self._state, self._held)
            pieces += self._step(last=last)
            if (self._state, self._held) == before:
                return pieces

    def _step(self, *, last: bool) -> list[Piece]:
        match self._state:
            case "start":
                return self._at_start(last=last)
            case "answer":
                return self._in_answer(last=last)
            case "thought" | "perhaps":
                return self._in_thought(last=last)
            case "channel":
                return self._in_channel(last=last)
            case "hidden":
                return self._in_hidden(last=last)
            case _:
                assert_never(self._state)

    def _go(self, state: State, held: str) -> list[Piece]:
        self._state, self._held, self._looked = state, held, 0
        self._first = self._first and state == "start"
        return []

    def _say(self, text: str) -> list[Piece]:
        self._told.append(text)
        return [("answer", text)] if text else []

    def _thought(self, thought: str, behind: str) -> list[Piece]:
        """A thought has ended; the blank lines between it and the answer belong to neither."""
        self._thought_before = True
        self._go("start", behind)
        return [("reasoning", thought)] if thought else []

    # -- the beginning of the text, or what follows a thought

    def _at_start(self, *, last: bool) -> list[Piece]:
        bare = self._held.lstrip()
        if not bare and not last:
            return []
        if not self._channels and (found := marks.OPEN.match(bare)):
            return self._opens(bare, found, last=last)
        if bare.startswith(marks.HEADS):
            return self._heads(bare, last=last)
        if self._first and (found := _BARE.match(bare)):
            return self._begin("perhaps", found[0], _BARE_LAST, bare[found.end() :])
        if bare and not last and (marks.may_open(bare) or (self._first and _BARE_FIRST.startswith(bare))):
            return []
        if self._first and bare:
            thinks = bool(self._opened) or _speaks_of_the_user(bare, last=last)
            if thinks is None:
                return []
            if thinks:
                return self._go("hidden", self._held)
        return self._go("answer", bare if self._thought_before else self._held)

    def _opens(self, bare: str, found: re.Match[str], *, last: bool) -> list[Piece]:
        """A mark that begins a thought stands here, unless it is talked of."""
        behind = bare[found.end() :]
        if self._asked and not behind and not last:
            return []
        if self._asked and not behind.startswith(("\n", "\r")):
            return self._go("answer", self._held)
        return self._begin("thought", found[0], marks.PAIRS[found[0].lower()], behind)

    def _heads(self, bare: str, *, last: bool) -> list[Piece]:
        """The head of a message in a channel."""
        head, message, behind = bare.partition(marks.MESSAGE)
        if message:
            self._channels = self._thought_before = True
            return self._go("channel" if "analysis" in head or "commentary" in head else "answer", behind)
        if not last and len(bare) <= _MOST_HEAD:
            return []
        # A broken head of a model that speaks in channels is no words; of any other, it is.
        words = next(bare.removeprefix(head) for head in marks.HEADS if bare.startswith(head))
        return self._go("answer", words if self._channels else self._held)

    def _begin(self, state: Literal["thought", "perhaps"], opening: str, closing: str, behind: str) -> list[Piece]:
        self._open, self._close = opening, re.compile(re.escape(closing), re.IGNORECASE)
        return self._go(state, behind)

    # -- thoughts

    def _in_thought(self, *, last: bool) -> list[Piece]:
        """Within marks. What may turn out to be none is held back; so is all of it where marks are talked of."""
        for found in self._close.finditer(self._held, self._looked):
            thought, behind = self._held[: found.start()], self._held[found.end() :]
            if self._asked and not last and len(behind) < marks.AHEAD:
                return []
            if not self._asked or marks.ends_thinking(thought, behind, asked=True):
                return self._thought(thought, behind)
        if self._state == "perhaps" or self._asked:
            self._looked = max(0, len(self._held) - marks.LONGEST)
            if not last:
                return []
            text = self._open + self._held  # nothing ended what the mark had begun: it was only named
            self._go("answer", "")
            return self._say(text)
        return self._released("reasoning", last=last)

    def _in_channel(self, *, last: bool) -> list[Piece]:
        if found := marks.ENDS.search(self._held):
            return self._thought(self._held[: found.start()], self._held[found.end() :])
        return self._released("reasoning", last=last)

    def _in_hidden(self, *, last: bool) -> list[Piece]:
        """What is likely a thought that nothing has opened: kept back until its end, or that of the text."""
        for found in marks.CLOSE.finditer(self._held, self._looked):
            before, after = self._held[: found.start()], self._held[found.end() :]
            if not last and len(after) < marks.AHEAD:
                return []
            if marks.ends_thinking(before, after, asked=self._asked):
                return self._unopened(found, before, after)
        self._looked = max(0, len(self._held) - marks.LONGEST)
        return self._go("answer", self._held) if last else []

    def _unopened(self, found: re.Match[str], thought: str, behind: str) -> list[Piece]:
        self.unopened = True
        self._channels = self._channels or found[0].lower() == marks.FINAL
        return self._thought(thought, behind)

    # -- the answer

    def _in_answer(self, *, last: bool) -> list[Piece]:
        if self._channels:
            if found := marks.ENDS.search(self._held):
                said = self._say(self._held[: found.start()])
                return said + self._thought("", self._held[found.end() :])
            return self._released("answer", last=last)
        for found in marks.EITHER.finditer(self._held):
            text, behind = self._held[: found.start()], self._held[found.end() :]
            before = "".join(self._told) + text
            if found["open"]:
                if not self._asked and _begins_line(before) and not marks.in_code(before):
                    said = self._say(text)
                    return said + self._begin("perhaps", found[0], marks.PAIRS[found[0].lower()], behind)
            elif not last and len(behind) < marks.AHEAD:
                self._held = found[0] + behind
                return self._say(text)
            elif marks.ends_thinking(before, behind, asked=self._asked):
                self._told = []
                return [("answer", text), ("retract", ""), *self._unopened(found, "", behind)]
        return self._released("answer", last=last)

    def _released(self, kind: Kind, *, last: bool) -> list[Piece]:
        """All that is held but what may yet become a mark."""
        until = len(self._held) if last else marks.pending(self._held)
        text, self._held = self._held[:until], self._held[until:]
        if kind == "answer":
            return self._say(text)
        return [(kind, text)] if text else []


def _begins_line(before: str) -> bool:
    line = before.rstrip(" \t")
    return not line or line.endswith("\n")


def _speaks_of_the_user(bare: str, *, last: bool) -> bool | None:
    """Whether a text begins as models think to themselves, of whoever has asked; None while that cannot be told."""
    words = [word.strip(".,:;!?…*\"'").lower() for word in bare.split()[: _MOST_FILLERS + 4]]
    unfinished = words.pop() if not bare[-1].isspace() and not last else ""
    filled = 0
    while filled < len(words) and words[filled] in _FILLERS:
        filled += 1
    if filled > _MOST_FILLERS:
        return False
    rest = words[filled:]
    expected: list[frozenset[str]] = [frozenset(["the"]), frozenset(["user", "user's"])]
    if not filled:
        expected.append(_VERBS)
    for place, words_here in enumerate(expected):
        if place < len(rest):
            if rest[place] not in words_here:
                return False
        elif last:
            return False
        else:
            may_be = words_here | _FILLERS if place == 0 else words_here
            return None if any(word.startswith(unfinished) for word in may_be) else False
    return True
