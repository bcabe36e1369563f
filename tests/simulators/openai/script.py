"""The script of the simulated model: which request gets which reply."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .faults import Fault
from .records import Recorded
from .replies import Reply, ToolCall

Predicate = Callable[[Recorded], bool]
Say = str | Reply | Fault | Sequence[ToolCall] | Callable[[Recorded], str | Reply]


@dataclass(slots=True, eq=False)
class Rule:
    """What is said to the requests that match; `hits` counts them.

    The first rule in order of writing that has something left to say is the one that speaks.
    """

    script: Script
    matches: Predicate
    hits: int = 0
    _queue: list[Say] = field(default_factory=list)
    _always: Say | None = None
    _chance: float = 1.0

    def reply(self, *said: Say) -> Rule:
        """Say these things, one for each matching request in turn; then the rule is used up."""
        self._queue.extend(said)
        return self

    def always(self, said: Say) -> Rule:
        """Say this to every matching request, once what `reply` gave is used up."""
        self._always = said
        return self

    def sometimes(self, chance: float, said: Say) -> Rule:
        """Say this to matching requests with a chance of 0 to 1."""
        self._chance = chance
        self._always = said
        return self

    def take(self, record: Recorded, chance: float) -> Say | None:
        """Return what this rule says to a request, or None."""
        if (not self._queue and self._always is None) or not self.matches(record):
            return None
        if not self._queue and chance >= self._chance:
            return None
        self.hits += 1
        return self._queue.pop(0) if self._queue else self._always

    def remove(self) -> None:
        """Take this rule out of the script."""
        self.script.forget(self)


class Script:
    """All rules, in order; a `seed` makes chances repeatable."""

    def __init__(self, seed: int = 0) -> None:
        self._rules: list[Rule] = []
        self._random = random.Random(seed)

    def on(self, when: Predicate | str | None = None) -> Rule:
        """Begin a rule for the requests that satisfy `when`.

        A string matches where the person's last message contains it, None matches everything.
        """
        if when is None:
            rule = Rule(self, lambda _: True)
        elif isinstance(when, str):
            rule = Rule(self, lambda record: when in record.last_user)
        else:
            rule = Rule(self, when)
        self._rules.append(rule)
        return rule

    def take(self, record: Recorded) -> Say | None:
        """Return what the script says to a request, or None where it says nothing."""
        for rule in self._rules:
            said = rule.take(record, self._random.random())
            if said is not None:
                return said
        return None

    def forget(self, rule: Rule) -> None:
        """Drop one rule; dropping it twice is harmless."""
        if rule in self._rules:
            self._rules.remove(rule)

    def clear(self) -> None:
        """Drop all rules."""
        self._rules.clear()


def as_reply(said: Say, record: Recorded) -> Reply | Fault:
    """Return what was scripted as a whole reply or a fault."""
    if isinstance(said, Reply | Fault):
        return said
    if isinstance(said, str):
        return Reply(text=said)
    if callable(said):
        made = said(record)
        return Reply(text=made) if isinstance(made, str) else made
    return Reply(tool_calls=tuple(said))
