"""The simulated model: from a request to the scripted answer of the question it is about."""

import json
import re
from random import Random

from chaos.script import Outcome, answer, preface, title
from simulators.openai import Pace, Recorded, Reply, ToolCall, tool_call
from simulators.openai.replies import pieces

_QUESTION = re.compile(r"Q(\d+-\d+e?) (\w+)")
_LEAVE = "[I allowed"
_NO_LEAVE = "[I did not allow"
_USUAL_S = (0.2, 1.6)
_SECONDS = {"slow": (3.5, 4.5), "long": (1.0, 3.0)}
"""How long an answer takes: a slow one long enough for previews in a group, none longer than most lives."""


def reply(record: Recorded) -> Reply:
    """Answer the last thing that was said, be it a question, a tool's result or a person's leave."""
    told = record.last_user
    asked = list(_QUESTION.finditer(told))
    leave = max(told.rfind(_LEAVE), told.rfind(_NO_LEAVE))
    if leave > (asked[-1].start() if asked else -1):
        label = _noted(record)
        return _said(label, answer(label, outcome=_outcome(told[leave:])))
    if not asked:
        return Reply(text="There is no question in this.")
    label, kind = asked[-1].groups()
    if kind in {"fumble", "allow", "deny"} and record.messages[-1].get("role") != "tool":
        return _said(label, preface(label), _call(label, whole=kind != "fumble"))
    return _said(label, answer(label, long=kind == "long"), seconds=_SECONDS.get(kind, _USUAL_S))


def _call(label: str, *, whole: bool) -> ToolCall:
    """A call of ``save_note``; one that is not whole lacks its title, and is refused with no harm done."""
    arguments = {"text": f"This is what was said about {label}."}
    return tool_call("save_note", **arguments, **({"title": title(label)} if whole else {}))


def _said(label: str, text: str, *calls: ToolCall, seconds: tuple[float, float] = _USUAL_S) -> Reply:
    rate = len(pieces(text)) / Random(f"pace {label}").uniform(*seconds)
    return Reply(text=text, tool_calls=calls, pace=Pace(first_token_s=0.05, tokens_per_s=rate))


def _noted(record: Recorded) -> str:
    """Whose note the conversation was about last."""
    for message in reversed(record.messages):
        for call in reversed(message.get("tool_calls") or []):
            name = json.loads(call["function"]["arguments"]).get("title", "")
            if name:
                return str(name).removeprefix(title(""))
    return "nothing"


def _outcome(told: str) -> Outcome:
    if told.startswith(_NO_LEAVE):
        return "denied"
    if "Saved as" in told:
        return "saved"
    return "unknown" if "not known" in told else "failed"
