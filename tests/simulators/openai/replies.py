"""What the simulated model says: replies, and the pieces they are streamed in.

See https://platform.openai.com/docs/api-reference/chat-streaming.
"""

from __future__ import annotations

import json
import re
import zlib
from dataclasses import dataclass, field

from .records import Json, Recorded

_PIECE = re.compile(r"\s*\S{1,8}|\s+$")
_FILLER = re.findall(
    r"\w+",
    "the river runs past the old mill and nobody counts how long the water needs to reach the sea"
    " while lamps along the quay light up one after another and a slow barge turns under the bridge",
)
_FRAGMENT_CHARS = 12


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How fast a reply comes; without `tokens_per_s` it comes at once after `first_token_s`.

    Pieces that fall into one `tick_s` are written together, which keeps many streams cheap.
    """

    first_token_s: float = 0.0
    tokens_per_s: float | None = None
    tick_s: float = 0.05


@dataclass(frozen=True, slots=True, kw_only=True)
class ToolCall:
    """One call that the model asks for; `arguments` is JSON text, which a test may break."""

    name: str
    arguments: str = "{}"
    id: str = ""


def tool_call(name: str, /, **arguments: object) -> ToolCall:
    """Return a tool call with these arguments."""
    return ToolCall(name=name, arguments=json.dumps(arguments, ensure_ascii=False))


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One answer of the model.

    Attributes:
        text: What it says.
        tool_calls: What it wants called, after the text.
        reasoning: What it thinks first, sent as `reasoning_content`.
        finish: The finish reason; empty: "tool_calls" if there are any, else "stop".
        prompt_tokens: What the usage says was read; None: an estimate.
        cached_tokens: How many of them came from a cache.
        pace: How fast it comes; None: as the simulator's other replies.
        extra: Fields that no specification knows, added to every chunk and its delta.
        interleaved: Whether fragments of parallel tool calls alternate instead of following each other.
        usage: What the usage says, whole, instead of what was counted.
    """

    text: str = ""
    tool_calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""
    finish: str = ""
    prompt_tokens: int | None = None
    cached_tokens: int = 0
    pace: Pace | None = None
    extra: Json = field(default_factory=dict)
    interleaved: bool = False
    usage: Json | None = None


def pieces(text: str) -> list[str]:
    """Cut a text into the pieces that count as its tokens."""
    return _PIECE.findall(text)


def echo(record: Recorded, words: int = 0) -> Reply:
    """Answer from the person's last message alone, so that answer and question can be matched.

    The reply repeats the message whole, then any tool results, then `words` of filler that depend on nothing else.
    """
    question = record.last_user
    said = f"You said: {question}"
    if record.tool_results:
        said += "\n\nThe tools said: " + " | ".join(record.tool_results)
    if words:
        start = zlib.crc32(question.encode())
        said += "\n\n" + " ".join(_FILLER[(start + i) % len(_FILLER)] for i in range(words)) + "."
    return Reply(text=said)


def estimate_prompt(record: Recorded) -> int:
    """Return a steady estimate of how many tokens a request holds: a quarter of its characters."""
    return 3 + len(json.dumps([record.messages, record.body.get("tools")], ensure_ascii=False)) // 4


@dataclass(slots=True)
class Prepared:
    """A reply made ready to be written: the deltas in order, and how it ends."""

    deltas: list[Json]
    finish: str
    text: str
    usage: Json
    token_count: int


def prepare(reply: Reply, record: Recorded) -> Prepared:
    """Cut a reply into deltas, no longer than the request allows."""
    thoughts, words = pieces(reply.reasoning), pieces(reply.text)
    limit = record.body.get("max_completion_tokens") or record.body.get("max_tokens")
    finish = reply.finish or ("tool_calls" if reply.tool_calls else "stop")
    calls = list(reply.tool_calls)
    if isinstance(limit, int) and len(thoughts) + len(words) > limit:
        thoughts = thoughts[:limit]
        words = words[: limit - len(thoughts)]
        finish, calls = "length", []
    deltas: list[Json] = [{"role": "assistant", "content": "" if words else None}]
    deltas += [{"reasoning_content": piece} for piece in thoughts]
    deltas += [{"content": piece} for piece in words]
    fragments = _call_deltas(calls, record.number, interleaved=reply.interleaved)
    deltas += fragments
    count = len(thoughts) + len(words) + len(fragments)
    usage = reply.usage or _usage(reply, record, count, len(thoughts))
    return Prepared(deltas, finish, "".join(words), usage, count)


def call_ids(calls: list[ToolCall], number: int) -> list[str]:
    """Return the ids under which a request's tool calls go."""
    return [call.id or f"call_{number}_{i}" for i, call in enumerate(calls)]


def _call_deltas(calls: list[ToolCall], number: int, *, interleaved: bool) -> list[Json]:
    """Return the fragments of tool calls: first id and name, then the arguments bit by bit."""
    rows: list[list[Json]] = []
    for i, (call, call_id) in enumerate(zip(calls, call_ids(calls, number), strict=True)):
        head = {"index": i, "id": call_id, "type": "function", "function": {"name": call.name, "arguments": ""}}
        bits = [call.arguments[at : at + _FRAGMENT_CHARS] for at in range(0, len(call.arguments), _FRAGMENT_CHARS)]
        rows.append([head, *({"index": i, "function": {"arguments": bit}} for bit in bits)])
    if interleaved:
        longest = max((len(row) for row in rows), default=0)
        flat = [row[at] for at in range(longest) for row in rows if at < len(row)]
    else:
        flat = [fragment for row in rows for fragment in row]
    return [{"tool_calls": [fragment]} for fragment in flat]


def _usage(reply: Reply, record: Recorded, completion: int, reasoning: int) -> Json:
    prompt = estimate_prompt(record) if reply.prompt_tokens is None else reply.prompt_tokens
    return {
        "prompt_tokens": prompt,
        "completion_tokens": completion,
        "total_tokens": prompt + completion,
        "prompt_tokens_details": {"cached_tokens": reply.cached_tokens},
        "completion_tokens_details": {"reasoning_tokens": reasoning},
    }
