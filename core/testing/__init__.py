"""Fakes that ship, for tests of adapters, providers, plugins and of the engine itself: nothing leaves the process.

``FakeAdapter`` is a messenger in memory that fails when and how a test says; ``FakeProvider`` says what a test wrote
down; ``message``, ``command`` and ``tap`` make what people do, and ``site`` a place to open things in. What a chat
finally shows is what a test should judge by.
"""

from core.testing.adapter import BY_EDITS, FORMS, Call, FakeAdapter, Fault, Shown
from core.testing.events import FakeMemo, command, inbound, message, site, tap
from core.testing.provider import FakeProvider, answer

__all__ = [
    "BY_EDITS",
    "FORMS",
    "Call",
    "FakeAdapter",
    "FakeMemo",
    "FakeProvider",
    "Fault",
    "Shown",
    "answer",
    "command",
    "inbound",
    "message",
    "site",
    "tap",
]
