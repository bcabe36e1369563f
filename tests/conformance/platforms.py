"""The platforms every conversation is played on."""

from collections.abc import Callable, Mapping
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

from conformance.stage import Stage
from conformance.stages.telegram import open_telegram
from conformance.stages.web import open_web

STAGES: Final[Mapping[str, Callable[[Path], AbstractAsyncContextManager[Stage]]]] = {
    "telegram": lambda _: open_telegram(),
    "telegram without rich messages": lambda _: open_telegram(rich=False),
    "web": open_web,
}
