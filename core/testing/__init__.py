"""Fakes that ship, for tests of adapters, providers, plugins and of the engine itself: nothing leaves the process.

``FakeAdapter`` is a messenger in memory that fails when and how a test says; ``FakeProvider`` says what a test wrote
down (``answer``, ``tool_call``); ``message``, ``command`` and ``tap`` make what people do, and ``site`` a place to open
things in. For plugins ``use`` makes a call, ``FakeClock`` moves when told and ``FakeEgress`` holds a few pages.
``deployed`` puts them together with the real store and the real turn. What a chat finally shows is what a
test should judge by.

What every implementation promises is tested by ``core.testing.contracts``, which wants pytest: import it by itself.
"""

from core.testing.adapter import BY_EDITS, FORMS, Call, FakeAdapter, Fault, Shown
from core.testing.deployment import deployed
from core.testing.events import (
    MORNING,
    FakeMemo,
    FakeModelChoice,
    UnlimitedTasks,
    bot_site,
    command,
    inbound,
    message,
    plugin_site,
    provider_site,
    tap,
    tool_context,
)
from core.testing.plugins import FakeClock, FakeEgress, use
from core.testing.provider import FakeProvider, answer, tool_call

__all__ = [
    "BY_EDITS",
    "FORMS",
    "MORNING",
    "Call",
    "FakeAdapter",
    "FakeClock",
    "FakeEgress",
    "FakeMemo",
    "FakeModelChoice",
    "FakeProvider",
    "Fault",
    "Shown",
    "UnlimitedTasks",
    "answer",
    "bot_site",
    "command",
    "deployed",
    "inbound",
    "message",
    "plugin_site",
    "provider_site",
    "tap",
    "tool_call",
    "tool_context",
    "use",
]
