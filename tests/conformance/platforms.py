"""The platforms every conversation is played on."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

from conformance.stage import Stage
from conformance.stages.discord import open_discord
from conformance.stages.telegram import open_telegram
from conformance.stages.web import open_web
from conformance.stages.whatsapp import open_whatsapp

STAGES: Final[Mapping[str, Callable[[Path], AbstractAsyncContextManager[Stage]]]] = {
    "discord": open_discord,
    "telegram": lambda _: open_telegram(),
    "telegram without rich messages": lambda _: open_telegram(rich=False),
    "web": open_web,
    "whatsapp": open_whatsapp,
}

AT_LEAST: Final = frozenset({"telegram", "whatsapp"})
"""Those that ``make test`` plays on: where most can be done, and where nothing can be changed."""

UNSTAGED: Final[Mapping[str, str]] = {
    "terminal": "one person at one keyboard; tests/e2e/test_console.py plays there what there is to play",
}
"""Adapters that no conversation is played on, and why."""
