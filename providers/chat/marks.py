"""The marks by which models set off their thinking in a text, and whether one of them is meant or only mentioned.

Servers that know a model's template take its marks out. Those that do not let them through, and the marks are as many
as there are families of models.
"""

import re
from collections.abc import Iterable
from itertools import islice

from core.exchange import Entry

_TAGS = ("think", "thinking", "thought", "thoughts", "reasoning", "seed:think", "longcat_think", "mm:think")
PAIRS: dict[str, str] = {f"<{tag}>": f"</{tag}>" for tag in _TAGS} | {
    "[think]": "[/think]",  # Mistral
    "◁think▷": "◁/think▷",  # Kimi
    "<|start_thinking|>": "<|end_thinking|>",  # Cohere
    "<|begin_of_thought|>": "<|end_of_thought|>",
    "<|channel>thought": "<channel|>",  # Gemma
    "<unused94>thought": "<unused95>",
}
"""What begins a thought, in small letters, and what ends it."""

FINAL = "<|channel|>final<|message|>"
"""What begins the answer of a model that speaks in channels: https://cookbook.openai.com/articles/openai-harmony ."""
HEADS = ("<|start|>", "<|channel|>")
"""What begins the head of a message in a channel; ``MESSAGE`` ends it."""
MESSAGE = "<|message|>"
ENDS = re.compile(r"<\|(?:end|return|call)\|>|(?=<\|(?:start|channel)\|>)")
"""Where a message in a channel ends."""


def _any(marks: Iterable[str]) -> re.Pattern[str]:
    return re.compile("|".join(re.escape(mark) for mark in sorted(marks, key=len, reverse=True)), re.IGNORECASE)


OPEN = _any(PAIRS)
CLOSE = _any([*PAIRS.values(), FINAL])
EITHER = re.compile(f"(?P<open>{OPEN.pattern})|(?P<close>{CLOSE.pattern})", re.IGNORECASE)

_ALL = (*PAIRS, *PAIRS.values(), FINAL, *HEADS, MESSAGE, "<|end|>", "<|return|>", "<|call|>")
_FIRST = frozenset(mark[0] for mark in _ALL)
LONGEST = max(map(len, _ALL))

_NAMED = re.compile(
    r"</?(?:think|thinking|thoughts?|reasoning)\b|\[/?think\]|◁/?think|<\|(?:channel|message|start|end)\b"
    r"|\b(?:think|thinking|thought|reasoning)[- ](?:tag|token|mark|marker|delimiter)s?\b",
    re.IGNORECASE,
)
_LATELY = 12  # entries

_FENCE = re.compile(r"^ {0,3}(?:`{3,}|~{3,})", re.MULTILINE)
_KIND = r"(?:tag|token|mark|marker|markup|delimiter|element|string|sequence|symbol)s?"
_MENTIONED_BEFORE = re.compile(rf"\b{_KIND}\W{{0,3}}$", re.IGNORECASE)
_MENTIONED_AFTER = re.compile(rf"\W{{0,3}}{_KIND}\b", re.IGNORECASE)
_GOES_ON = re.compile(r"[,;.:?!)\]](?:\s|$)")  # no answer begins so
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "(": ")"}

AHEAD = 16
"""Characters behind a mark that tell whether it is meant."""


def pending(text: str) -> int:
    """Where at the end of a text a mark may have begun; its length where none has."""
    for at in range(max(0, len(text) - LONGEST + 1), len(text)):
        if text[at] in _FIRST and any(mark.startswith(text[at:].lower()) for mark in _ALL):
            return at
    return len(text)


def may_open(text: str) -> bool:
    """Whether a text may yet become a mark that begins a thought, or the head of a message."""
    return any(mark.startswith(text.lower()) for mark in (*PAIRS, *HEADS))


def asked_about(entries: Iterable[Entry]) -> bool:
    """Whether marks are what a conversation is about: then an answer may well name them."""
    lately = islice(reversed(tuple(entries)), _LATELY)
    return any(_NAMED.search(part.body) for entry in lately for part in entry.parts if part.kind in {"text", "result"})


def ends_thinking(before: str, after: str, *, asked: bool) -> bool:
    """Whether a mark ends all that stands before it, which nothing has opened, rather than being told of.

    Args:
        after: What follows, at least ``AHEAD`` characters where there are as many.
        asked: See ``asked_about``: then only a mark on a line of its own counts.
    """
    if in_fence(before):
        return False
    line, rest = before.rstrip(" \t"), after.lstrip(" \t\r")
    alone = (not line or line.endswith("\n")) and (not rest or rest.startswith("\n"))
    if alone or asked:
        return alone
    mentioned = _MENTIONED_BEFORE.search(before) or _MENTIONED_AFTER.match(after) or _GOES_ON.match(after)
    mentioned = mentioned or OPEN.search(before)
    quoted = before[-1:] in _QUOTES and after.startswith(_QUOTES[before[-1:]])
    return not (mentioned or quoted or in_code(before))


def in_fence(before: str) -> bool:
    """Whether a block of code is open at the end of a text."""
    return len(_FENCE.findall(before)) % 2 == 1


def in_code(before: str) -> bool:
    """Whether code is open at the end of a text, in a block or amid a paragraph."""
    return in_fence(before) or before.rpartition("\n\n")[2].count("`") % 2 == 1
