"""What was asked of the simulated model: every request, and what became of its answer."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True, eq=False)
class Recorded:
    """One request for a chat completion; times are `time.monotonic()` seconds.

    `first_token_at` is when the first piece of the answer was written, `finished_at` when the last one was (None: it
    never was), and `closed_early_at` when the client was found gone before that. `text` grows as it is written.
    """

    number: int
    body: Json
    headers: dict[str, str]
    received_at: float
    first_token_at: float | None = None
    finished_at: float | None = None
    closed_early_at: float | None = None
    status: int | None = None
    text: str = ""
    tokens: int = 0
    planned_tokens: int = 0
    fault: str | None = None
    violations: list[str] = field(default_factory=list)

    @property
    def model(self) -> str:
        """Return the model that was asked for."""
        return str(self.body.get("model", ""))

    @property
    def messages(self) -> list[Json]:
        """Return the conversation that was sent."""
        return dicts(self.body.get("messages"))

    @property
    def tools(self) -> tuple[str, ...]:
        """Return the names of the functions the model was offered."""
        found = (tool.get("function") for tool in dicts(self.body.get("tools")))
        return tuple(str(function.get("name", "")) for function in found if isinstance(function, dict))

    @property
    def stream(self) -> bool:
        """Tell whether a stream was asked for."""
        return bool(self.body.get("stream"))

    @property
    def last_user(self) -> str:
        """Return the text of the person's last message."""
        for message in reversed(self.messages):
            if message.get("role") == "user":
                return text_of(message)
        return ""

    @property
    def system(self) -> str:
        """Return the text of all system and developer messages."""
        return "\n".join(text_of(m) for m in self.messages if m.get("role") in ("system", "developer"))

    @property
    def tool_results(self) -> tuple[str, ...]:
        """Return the results of tools that stand at the end of the conversation, in order."""
        found: list[str] = []
        for message in reversed(self.messages):
            if message.get("role") != "tool":
                break
            found.append(text_of(message))
        return tuple(reversed(found))

    @property
    def key(self) -> str:
        """Return the API key it came with."""
        return self.headers.get("authorization", "").removeprefix("Bearer ")

    def to_json(self) -> Json:
        """Return this request as plain JSON, without the conversation's bytes of pictures and the key."""
        names = "number received_at first_token_at finished_at closed_early_at status text tokens fault violations"
        facts = {name: getattr(self, name) for name in names.split()}
        return facts | {"model": self.model, "stream": self.stream, "body": self.body, "last_user": self.last_user}


def dicts(value: object) -> list[Json]:
    """Return the objects in what should be a list of them."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def text_of(message: Json) -> str:
    """Return the text of a message, whichever way it is given."""
    content = message.get("content")
    if isinstance(content, list):
        return "\n".join(str(part.get("text", "")) for part in content if isinstance(part, dict))
    return "" if content is None else str(content)
