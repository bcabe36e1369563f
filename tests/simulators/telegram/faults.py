"""What can go wrong on purpose: faults, and the rules that say which calls they strike."""

from __future__ import annotations

import json
import math
import random
from collections.abc import Callable
from dataclasses import dataclass

from .calls import Call, Refused, bad_request

_GATEWAY_PAGE = "<html><head><title>{0}</title></head><body><h1>{0}</h1></body></html>"
_REASONS = {500: "Internal Server Error", 502: "Bad Gateway", 504: "Gateway Timeout"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """A raw HTTP answer that a fault gives instead of the true one."""

    status: int
    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """One way for a call to go wrong.

    First `delay_s` passes; then the connection is cut, or `answer` is given, or, with neither, the
    call goes on as if nothing had been. `after` says when: before the call takes effect, or after.
    """

    name: str
    after: bool = False
    delay_s: float = 0.0
    answer: Answer | None = None
    cut: bool = False


def refuse(refusal: Refused, name: str = "refused") -> Fault:
    """Answer with a Bot API error; nothing takes effect."""
    body = json.dumps(refusal.body()).encode()
    return Fault(name=name, answer=Answer(status=refusal.code, body=body))


def too_many(retry_after: int = 1) -> Fault:
    """Answer 429 with `retry_after` seconds; nothing takes effect."""
    text = f"Too Many Requests: retry after {retry_after}"
    return refuse(Refused(429, text, retry_after=retry_after), "too_many")


def server_error(status: int = 502, *, html: bool = True) -> Fault:
    """Answer 5xx before anything takes effect, as a proxy's page or as Telegram's JSON."""
    reason = _REASONS.get(status, "Service Unavailable")
    if html:
        page = _GATEWAY_PAGE.format(f"{status} {reason}").encode()
        answer = Answer(status=status, body=page, content_type="text/html")
        return Fault(name="server_error", answer=answer)
    return refuse(Refused(status, reason), "server_error")


def cut(*, after: bool = False) -> Fault:
    """Cut the connection: before the call takes effect, or after it did and before the answer."""
    return Fault(name="cut_after" if after else "cut_before", after=after, cut=True)


def delay(seconds: float, *, after: bool = True) -> Fault:
    """Let the call work, but late: wait after its effect (default) or before it."""
    return Fault(name="delay", after=after, delay_s=seconds)


def hang(*, after: bool = True) -> Fault:
    """Never answer, until the simulator stops; with `after`, the effect has been applied."""
    return Fault(name="hang", after=after, delay_s=math.inf)


def garbage(*, after: bool = True) -> Fault:
    """Answer 200 with a body that is not JSON."""
    answer = Answer(status=200, body=b'{"ok":tru\x00\xff<!-- not json', content_type="text/plain")
    return Fault(name="garbage", after=after, answer=answer)


def bad_markup() -> Fault:
    """Refuse the text's markup, as Telegram does with what it cannot parse."""
    return refuse(
        bad_request("can't parse entities: Can't find end of the entity starting at byte offset 0"),
        "bad_markup",
    )


def blocked() -> Fault:
    """Answer that the person has blocked the bot."""
    return refuse(Refused(403, "Forbidden: bot was blocked by the user"), "blocked")


@dataclass(slots=True, eq=False)
class Rule:
    """Which calls one fault strikes; `hits` counts the ones it struck."""

    faults: Faults
    method: str
    fault: Fault
    times: int | None
    probability: float
    when: Callable[[Call], bool] | None
    skip: int
    hits: int = 0

    def matches(self, call: Call, chance: float) -> bool:
        """Tell whether this rule strikes `call`, and count it."""
        if self.method not in ("*", call.method.lower()):
            return False
        if self.times is not None and self.hits >= self.times:
            return False
        if self.when is not None and not self.when(call):
            return False
        if chance >= self.probability:
            return False
        if self.skip > 0:
            self.skip -= 1
            return False
        self.hits += 1
        return True

    def remove(self) -> None:
        """Let this rule strike no more."""
        self.faults.forget(self)


class Faults:
    """The rules in force, none at first; the first that matches a call strikes it.

    A `seed` makes the probabilities repeatable.
    """

    def __init__(self, seed: int = 0) -> None:
        self._rules: list[Rule] = []
        self._random = random.Random(seed)

    def add(
        self,
        method: str,
        fault: Fault,
        *,
        times: int | None = 1,
        probability: float = 1.0,
        when: Callable[[Call], bool] | None = None,
        skip: int = 0,
    ) -> Rule:
        """Add a rule.

        Args:
            method: The method's name, or "*" for any. "file" stands for file downloads.
            fault: What happens to the calls it strikes.
            times: How many calls it strikes; None: without end.
            probability: The chance, 0 to 1, that a matching call is struck.
            when: A further condition on the call.
            skip: How many matching calls are let through first.
        """
        rule = Rule(self, method.lower(), fault, times, probability, when, skip)
        self._rules.append(rule)
        return rule

    def take(self, call: Call) -> Fault | None:
        """Return the fault that strikes this call, if any."""
        for rule in self._rules:
            if rule.matches(call, self._random.random()):
                return rule.fault
        return None

    def forget(self, rule: Rule) -> None:
        """Drop one rule; dropping it twice is harmless."""
        if rule in self._rules:
            self._rules.remove(rule)

    def clear(self) -> None:
        """Drop all rules."""
        self._rules.clear()
