"""The corkboard is under the contract of adapters."""

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from waystation_corkboard import Settings, spec

from core.seams import Adapter
from core.testing import FakeMemo, bot_site
from core.testing.contracts.adapter import AdapterContract, AdapterRig
from core.values import Address


class PasserBy(AdapterRig):
    to = Address(adapter="corkboard", chat="board")
    redelivers = True

    def __init__(self, adapter: Adapter, folder: Path, memo: FakeMemo) -> None:
        self.adapter = adapter
        self._folder = folder
        self._memo = memo
        self._written = 0

    def say(self, text: str) -> str:
        at = self._written
        with (self._folder / "said").open("a", encoding="utf-8") as file:
            self._written += file.write(f"{text}\n")
        return str(at)

    def acknowledged(self) -> bool:
        return self._memo.kept.get("read") == str(self._written)

    def screen(self) -> tuple[str, ...]:
        return tuple(note.read_text(encoding="utf-8") for note in sorted(self._folder.glob("note *")))


class TestCorkboard(AdapterContract):
    @asynccontextmanager
    async def open_rig(self, folder: Path) -> AsyncGenerator[AdapterRig, None]:
        memo = FakeMemo()
        async with spec.open(bot_site(folder, "corkboard", memo=memo), Settings(folder=folder)) as adapter:
            yield PasserBy(adapter, folder, memo)
