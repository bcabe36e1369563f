"""A simulated Telegram: a Bot API server on loopback, its people, its chats, and its bad days.

```python
async with TelegramSimulator() as telegram:
    alice = telegram.person(42, "Alice")
    alice.say("hello")
    ...  # a bot with base_url=telegram.base_url + "/bot" and telegram.token answers
    assert telegram.chat(42).replies()[-1].text == "hello yourself"
```
"""

from .calls import Call, Hook, Refused, Upload
from .chats import Button, Chat, Shown, Version
from .faults import (
    Fault,
    Rule,
    bad_markup,
    blocked,
    cut,
    delay,
    garbage,
    hang,
    refuse,
    server_error,
    too_many,
)
from .flood import FloodLimits, FloodViolation
from .people import Person, Said
from .simulator import TOKEN, TelegramSimulator
from .world import Tap, Violation

__all__ = [
    "TOKEN",
    "Button",
    "Call",
    "Chat",
    "Fault",
    "FloodLimits",
    "FloodViolation",
    "Hook",
    "Person",
    "Refused",
    "Rule",
    "Said",
    "Shown",
    "Tap",
    "TelegramSimulator",
    "Upload",
    "Version",
    "Violation",
    "bad_markup",
    "blocked",
    "cut",
    "delay",
    "garbage",
    "hang",
    "refuse",
    "server_error",
    "too_many",
]
