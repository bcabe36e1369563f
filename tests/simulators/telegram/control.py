"""The verbs by which another process plays the people of a simulated Telegram, breaks it and reads it.

`POST /control/act {"act": "say", "user": 42, "text": "hello"}` and so on; every verb is a method of `Control`.
"""

from __future__ import annotations

import asyncio
import base64
from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

from aiohttp import web

from ..control import Verb, add_verbs  # noqa: TID252 - the folder above is a plain folder of simulators
from ..waiting import until  # noqa: TID252
from .calls import Call, Json, Phase
from .chats import Shown
from .faults import Fault, bad_markup, blocked, cut, delay, garbage, hang, server_error, too_many
from .flood import FloodLimits
from .holds import Hold
from .people import Said

if TYPE_CHECKING:
    from .simulator import TelegramSimulator

_FAULTS: dict[str, Callable[..., Fault]] = {
    made.__name__: made for made in (bad_markup, blocked, cut, delay, garbage, hang, server_error, too_many)
}
_MEDIA = ("photo", "document", "voice", "audio", "video", "sticker", "location", "contact", "album")
_ACTS = frozenset({"say", "raw", "edit", "react", "tap", "block", *_MEDIA})


class Control:
    """The verbs of one simulator."""

    def __init__(self, simulator: TelegramSimulator) -> None:
        self._simulator = simulator
        self._holds: dict[int, Hold] = {}

    def add_to(self, app: web.Application) -> None:
        """Let an application answer these verbs."""
        names = [name for name in vars(Control) if not name.startswith("_") and name != "add_to"]
        add_verbs(app, {name: cast("Verb", getattr(self, name)) for name in names})

    def state(self) -> Json:
        """Count what there is: bots with what they have yet to confirm, calls, violations."""
        simulator = self._simulator
        bots = [
            {
                "id": bot.id,
                "username": bot.username,
                "pending": len(bot.inbox.pending),
                "last_update_id": bot.inbox.last_update_id,
                "webhook_url": bot.inbox.webhook_url,
                "conflicts": bot.inbox.conflicts,
            }
            for bot in simulator.world.bots.values()
        ]
        return {
            "bots": bots,
            "chats": [chat.id for chat in simulator.world.chats()],
            "calls": len(simulator.calls),
            "violations": len(simulator.violations),
            "flood_violations": len(simulator.flood_violations),
            "unauthorized": simulator.server.unauthorized,
            "now": simulator.world.clock(),
        }

    def bot(self, token: str, username: str = "", *, privacy: bool = False) -> Json:
        """Add a bot."""
        return self._simulator.add_bot(token, username=username, privacy=privacy).user

    def person(self, user_id: int, **facts: str) -> Json:
        """Make a person known."""
        return self._simulator.person(user_id, **facts).user

    def group(self, chat_id: int, title: str = "Group", topics: dict[str, str] | None = None) -> Json:
        """Open a supergroup; `topics` maps thread ids to names and makes it a forum."""
        threads = None if topics is None else {int(thread): name for thread, name in topics.items()}
        return self._simulator.group(chat_id, title, topics=threads).facts

    def act(self, act: str, user: int, **arguments: Any) -> Any:  # noqa: ANN401 - any JSON
        """Let a person do something: any act of `Person`; `data` and `pictures` are base64."""
        if act not in _ACTS:
            raise LookupError(f"no act {act!r}; there are {sorted(_ACTS)}")
        if "data" in arguments:
            arguments["data"] = base64.b64decode(arguments["data"])
        if "pictures" in arguments:
            arguments["pictures"] = [base64.b64decode(picture) for picture in arguments["pictures"]]
        done = getattr(self._simulator.person(user), act)(**arguments)
        if isinstance(done, tuple):
            return [_said(each) for each in done]
        if isinstance(done, Said):
            return _said(done)
        return None if done is None else asdict(done)

    def inject(self, update: Json, bot: str | None = None) -> int:
        """Queue any update as it is."""
        return self._simulator.inject(update, bot)

    def visible(self, chat_id: int, bot: str | None = None) -> list[Json]:
        """Return what stands on the screen of a chat."""
        return [_shown(message) for message in self._simulator.chat(chat_id, bot).visible()]

    def screens(self) -> list[Json]:
        """Return what stands on the screen of every chat."""
        chats = self._simulator.world.chats()
        return [{"chat_id": chat.id, "visible": [_shown(message) for message in chat.visible()]} for chat in chats]

    def calls(self, since: int = 0, methods: list[str] | None = None) -> list[Json]:
        """Return the calls with a number above `since`, of all or of these methods."""
        wanted = {method.lower() for method in methods or ()}
        found = (call for call in self._simulator.calls if call.number > since)
        return [call.to_json() for call in found if not wanted or call.method.lower() in wanted]

    def violations(self) -> Json:
        """Return all violations: of the published interface, and of the flood limits."""
        simulator = self._simulator
        return {
            "interface": [asdict(violation) for violation in simulator.violations],
            "flood": [asdict(violation) for violation in simulator.flood_violations],
        }

    def fail(
        self,
        method: str,
        fault: str,
        *,
        times: int | None = 1,
        probability: float = 1.0,
        skip: int = 0,
        chat_id: int | None = None,
        contains: str = "",
        **details: Any,  # noqa: ANN401 - the fault's own arguments
    ) -> None:
        """Let calls go wrong: `fault` is too_many, server_error, cut, delay, hang, garbage, bad_markup or blocked."""

        def strikes(call: Call) -> bool:
            return chat_id in (None, call.chat_id) and contains in call.text

        made = _FAULTS[fault](**details)
        self._simulator.fail(method, made, times=times, probability=probability, skip=skip, when=strikes)

    def mend(self) -> None:
        """Drop all faults."""
        self._simulator.faults.clear()

    def govern(self, *, on: bool = True, **limits: Any) -> None:  # noqa: ANN401 - the limits' own fields
        """Switch the flood governor on with these limits, or off."""
        if on:
            self._simulator.govern(FloodLimits(**limits))
        else:
            self._simulator.server.governor = None

    def have(self, *, rich: bool | None = None, drafts: bool | None = None) -> None:
        """Switch methods on or off: rich messages, drafts."""
        world = self._simulator.world
        world.rich = world.rich if rich is None else rich
        world.drafts = world.drafts if drafts is None else drafts

    async def wait(
        self, method: str, phase: Phase = "accepted", *, since: int = 0, contains: str = "", timeout_s: float = 10.0
    ) -> Json:
        """Wait for a call numbered above `since` to have reached a phase, and return it."""

        def reached() -> Call | None:
            for call in self._simulator.calls_of(method):
                if call.number > since and contains in call.text and getattr(call, f"{phase}_at") is not None:
                    return call
            return None

        found = await until(reached, timeout_s=timeout_s)
        return {} if found is None else found.to_json()

    def hold(self, method: str, phase: Phase = "accepted", times: int = 1) -> int:
        """Keep calls standing at a phase; the number returned is what `held` and `release` take."""
        hold = self._simulator.hold(method, phase, times=times)
        self._holds[len(self._holds) + 1] = hold
        return len(self._holds)

    async def held(self, hold: int, timeout_s: float = 10.0) -> Json:
        """Wait until a call stands at a hold, and return it."""
        async with asyncio.timeout(timeout_s):
            return (await self._holds[hold].reached()).to_json()

    def release(self, hold: int) -> None:
        """Let the held calls go on."""
        self._holds[hold].release()


def _said(said: Said) -> Json:
    return {"update_id": said.update_id, "message_id": said.message_id, "chat_id": said.chat_id}


def _shown(message: Shown) -> Json:
    facts = asdict(message)
    del facts["raw"]
    return facts
