"""The verbs by which another process scripts a simulated model server and reads what it was asked.

`POST /control/rule {"contains": "weather", "say": "It rains."}` and so on; every verb is a method of `Control`.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal, cast

from aiohttp import web

from ..control import Verb, add_verbs  # noqa: TID252 - the folder above is a plain folder of simulators
from ..waiting import until  # noqa: TID252
from .faults import Fault, cut, empty, garbage, hang, stall, status, stream_error, truncated
from .records import Json, Recorded
from .replies import Pace, Reply, ToolCall
from .script import Say

if TYPE_CHECKING:
    from .simulator import OpenAISimulator

_FAULTS: dict[str, Callable[..., Fault]] = {
    made.__name__: made for made in (cut, empty, garbage, hang, stall, status, stream_error, truncated)
}
_Moment = Literal["received", "first_token", "finished", "closed_early"]


class Control:
    """The verbs of one simulator."""

    def __init__(self, simulator: OpenAISimulator) -> None:
        self._simulator = simulator

    def add_to(self, app: web.Application) -> None:
        """Let an application answer these verbs."""
        names = [name for name in vars(Control) if not name.startswith("_") and name != "add_to"]
        add_verbs(app, {name: cast("Verb", getattr(self, name)) for name in names})

    def state(self) -> Json:
        """Count requests: all of them, those still being answered, and those the client left early."""
        requests = self._simulator.requests
        closed = sum(record.closed_early_at is not None for record in requests)
        finished = sum(record.finished_at is not None for record in requests)
        return {
            "requests": len(requests),
            "open": len(requests) - closed - finished,
            "closed_early": closed,
            "violations": len(self._simulator.violations),
            "now": time.monotonic(),
        }

    def rule(
        self,
        *,
        say: str | None = None,
        tool_calls: list[Json] | None = None,
        fault: str | None = None,
        contains: str = "",
        model: str | None = None,
        offers: str | None = None,
        times: int | None = 1,
        chance: float = 1.0,
        **details: Any,  # noqa: ANN401 - the fields of the reply, or the fault's own arguments
    ) -> None:
        """Add a rule: say a text, ask for tool calls ({"name", "arguments"}), or let a fault happen.

        It holds for requests whose last message of the person contains `contains`, that ask for `model` and offer the
        tool `offers`, for so many `times` (null: without end).
        """

        def matches(record: Recorded) -> bool:
            right = contains in record.last_user and model in (None, record.model)
            return right and (offers is None or offers in record.tools)

        said: Say
        if fault is not None:
            said = _FAULTS[fault](**details)
        else:
            calls = tuple(_tool_call(call) for call in tool_calls or ())
            said = Reply(text=say or "", tool_calls=calls, **details)
        rule = self._simulator.on(matches)
        if chance < 1:
            rule.sometimes(chance, said)
        elif times is None:
            rule.always(said)
        else:
            rule.reply(*[said] * times)

    def forget(self) -> None:
        """Drop all rules."""
        self._simulator.script.clear()

    def pace(self, **pace: float) -> None:
        """Set how fast answers come: first_token_s, tokens_per_s, tick_s."""
        self._simulator.server.pace = Pace(**pace)

    def requests(self, since: int = 0) -> list[Json]:
        """Return the requests with a number above `since`."""
        return [record.to_json() for record in self._simulator.requests if record.number > since]

    def violations(self) -> list[str]:
        """Return what requests held that the published description does not know or allow."""
        return self._simulator.violations

    async def wait(
        self, moment: _Moment = "received", *, since: int = 0, contains: str = "", timeout_s: float = 10.0
    ) -> Json:
        """Wait for a request numbered above `since` to have come so far, and return it."""

        def reached() -> Recorded | None:
            for record in self._simulator.requests:
                told = record.number > since and contains in record.last_user
                if told and getattr(record, f"{moment}_at") is not None:
                    return record
            return None

        found = await until(reached, timeout_s=timeout_s)
        return {} if found is None else found.to_json()


def _tool_call(call: Json) -> ToolCall:
    arguments = call.get("arguments", {})
    text = arguments if isinstance(arguments, str) else json.dumps(arguments, ensure_ascii=False)
    return ToolCall(name=call["name"], arguments=text, id=call.get("id", ""))
