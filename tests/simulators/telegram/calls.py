"""What a bot asked of the platform, when each step of it happened, and hooks on those steps."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Generator
from dataclasses import dataclass, field
from typing import Any, Literal

Json = dict[str, Any]
Phase = Literal["received", "accepted", "answered"]


class Refused(Exception):
    """The platform said no: what the Bot API puts into an error body.

    It has a code, a description and, for a few, response parameters; see
    https://core.telegram.org/bots/api#making-requests.
    """

    def __init__(self, code: int, description: str, **parameters: int) -> None:
        super().__init__(description)
        self.code = code
        self.description = description
        self.parameters = parameters

    def body(self) -> Json:
        """Return the JSON body that carries this refusal."""
        body: Json = {"ok": False, "error_code": self.code, "description": self.description}
        if self.parameters:
            body["parameters"] = dict(self.parameters)
        return body


def bad_request(reason: str) -> Refused:
    """Return the refusal with code 400 and Telegram's usual prefix."""
    return Refused(400, f"Bad Request: {reason}")


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that came in a multipart body."""

    name: str
    content_type: str
    data: bytes


@dataclass(slots=True, eq=False)
class Call:
    """One call of a Bot API method; times are `time.monotonic()` seconds.

    `accepted_at` is when its effect was applied (None: it never was), `answered_at` when the whole
    answer had been written to the connection (None: it never was).
    """

    number: int
    bot_id: int
    method: str
    params: Json
    received_at: float
    files: dict[str, Upload] = field(default_factory=dict)
    accepted_at: float | None = None
    answered_at: float | None = None
    status: int | None = None
    answer: Any = None
    fault: str | None = None

    @property
    def chat_id(self) -> int | None:
        """Return the chat this call is about, if it names one by number."""
        value = self.params.get("chat_id")
        return value if isinstance(value, int) else None

    @property
    def text(self) -> str:
        """Return the text that this call carries: a message, a caption or rich source."""
        rich = self.params.get("rich_message")
        inner = (rich.get("html") or rich.get("markdown")) if isinstance(rich, dict) else None
        return str(self.params.get("text") or self.params.get("caption") or inner or "")

    def to_json(self) -> Json:
        """Return this call as plain JSON, with uploads reduced to their name and size."""
        return {
            "number": self.number,
            "bot_id": self.bot_id,
            "method": self.method,
            "params": self.params,
            "files": {k: {"name": f.name, "size": len(f.data)} for k, f in self.files.items()},
            "received_at": self.received_at,
            "accepted_at": self.accepted_at,
            "answered_at": self.answered_at,
            "status": self.status,
            "answer": self.answer,
            "fault": self.fault,
        }


Callback = Callable[[Call], Awaitable[None] | None]


class Hook:
    """A standing look-out for one phase of a method's calls; await it for the next such call."""

    def __init__(self, hooks: Hooks, method: str, phase: Phase) -> None:
        self._hooks = hooks
        self._callback: Callback | None = None
        self._seen: asyncio.Queue[Call] = asyncio.Queue()
        self.method = method
        self.phase = phase

    def __await__(self) -> Generator[Any, None, Call]:
        """Wait for the next matching call that was not yet awaited; calls are not lost between."""
        return self._seen.get().__await__()

    def each(self, callback: Callback) -> Callable[[], None]:
        """Run a callback for each such call instead, and return what stops it.

        The call goes on when the callback has returned, or what it returned has been awaited.
        """
        self._callback = callback
        return self.remove

    def remove(self) -> None:
        """Stop looking out."""
        self._hooks.forget(self)

    async def tell(self, call: Call) -> None:
        """Hand over a call."""
        if self._callback is None:
            self._seen.put_nowait(call)
            return
        outcome = self._callback(call)
        if inspect.isawaitable(outcome):
            await outcome


class Hooks:
    """All look-outs of one simulator."""

    def __init__(self) -> None:
        self._hooks: list[Hook] = []

    def on(self, method: str, phase: Phase) -> Hook:
        """Add a look-out for `method` ("*": any) reaching `phase`."""
        hook = Hook(self, method.lower(), phase)
        self._hooks.append(hook)
        return hook

    def forget(self, hook: Hook) -> None:
        """Drop a look-out; dropping it twice is harmless."""
        if hook in self._hooks:
            self._hooks.remove(hook)

    async def fire(self, call: Call, phase: Phase) -> None:
        """Tell every look-out that `call` has reached `phase`."""
        for hook in tuple(self._hooks):
            if hook.phase == phase and hook.method in ("*", call.method.lower()):
                await hook.tell(call)
