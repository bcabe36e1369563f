"""A rig for each engine under the contract, and what tests of engines have turns do."""

import shutil
from collections.abc import Callable
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from pathlib import Path

from core.engines.sqlite import SqliteSettings, open_sqlite
from core.seams import Engine
from core.site import EngineSite
from core.testing.contracts.delivering import EngineRig
from core.testing.contracts.turns import Diary, answered, echo, running, say, text_of, until

__all__ = ["RIGS", "Diary", "SqliteRig", "answered", "echo", "running", "say", "text_of", "until"]


@dataclass
class SqliteRig:
    """The embedded engine in a folder."""

    folder: Path
    grace_s: float = 0.1
    copies: int = 0

    def open(self) -> AbstractAsyncContextManager[Engine]:
        return open_sqlite(EngineSite(name="sqlite", data_dir=self.folder, grace_s=self.grace_s), SqliteSettings())

    def killed(self) -> "SqliteRig":
        self.copies += 1
        copy = self.folder.with_name(f"{self.folder.name}-{self.copies}")
        shutil.copytree(self.folder, copy)
        return SqliteRig(copy, self.grace_s)


RIGS: dict[str, Callable[[Path], EngineRig]] = {"sqlite": lambda folder: SqliteRig(folder / "data")}
