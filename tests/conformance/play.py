"""A play: the whole product between a stage and a model that says what a test wrote down."""

import asyncio
import shutil
import sqlite3
import time
from collections import deque
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import asynccontextmanager, closing
from pathlib import Path

from conformance.mortal import Death, Mortal
from conformance.stage import ANN, Chat, Shown, Stage
from contracts.rigs.engines import SqliteRig, running
from contracts.rigs.telegram import accepting
from core.context.archive import StoredArchive
from core.exchange import Delta, Model, Request
from core.files import Files
from core.models.routing import Router
from core.people.access import Access
from core.plugin import Plugin, Tool
from core.seams import Adapter
from core.testing import answer
from core.turn.answering import Means
from core.turn.assistant import Assistant
from core.turn.hearing import WhileBusy
from core.turn.plugins import Plugins
from core.turn.toolbox import Toolbox
from core.values import Inbound, Media, Message, Receipt
from turns import Script, Windowed, commanding, question

PATIENCE_S = 15.0
ALBUM_S = 0.25
_STORE = "waystation.db"


class ScriptedModel(Windowed):
    """A model that sees and hears everything, and repeats what it is asked unless it was told what to say."""

    def __init__(self) -> None:
        super().__init__()
        self._lines: list[tuple[str, deque[Script]]] = []
        self.scripts_for(self._pick)

    def on(self, words: str, *scripts: Script) -> None:
        """Say these when a question has these words in it, one after the other, and the last one from then on."""
        self._lines.append((words, deque(scripts)))

    def _pick(self, request: Request) -> Script:
        asked = question(request)
        for words, scripts in self._lines:
            if words in asked:
                return scripts.popleft() if len(scripts) > 1 else scripts[0]
        return answer(f"You said: {asked}")

    async def models(self) -> tuple[Model, ...]:
        """See ``Provider``."""
        return (Model(id="fake", images=True, documents=True),)

    def questions(self) -> list[str]:
        """What was asked, in the order it came."""
        return [question(request) for request in self.requests]

    def media(self) -> list[Media]:
        """The files of the last question."""
        return [part.media for part in self.requests[-1].entries[-1].parts if part.media is not None]


def halting(halt: asyncio.Event, first: str, rest: str) -> Script:
    """An answer that stands still in its middle."""
    return (Delta(text=first), halt, Delta(text=rest), *answer(first, rest)[-1:])


class Play:
    """One deployment over one stage, in as many lives as a test wants.

    Attributes:
        adapter: The one of the present life.
        heard: Every message that was taken in, each once.
        repeats: How many events came that were known already.
    """

    adapter: Adapter

    def __init__(self, stage: Stage, folder: Path) -> None:
        self.stage = stage
        self.model = ScriptedModel()
        self.heard: list[Message] = []
        self.repeats = 0
        self._rig = SqliteRig(folder / "store")

    @asynccontextmanager
    async def life(
        self, *tools: Tool, while_busy: WhileBusy = "queue", death: Death | None = None
    ) -> AsyncGenerator[None]:
        """From a start to an end; what an earlier life left is gone on with.

        Args:
            death: Where everything stands still, for the test to wait for and to end the life there. The next one
                finds the store as it was then.
        """
        death, files = death or Death("never"), Files()
        death.then = self._stand_still
        async with (
            self._rig.open() as engine,
            self.stage.opened(StoredArchive(engine, self.stage.name), files.fetch) as adapter,
        ):
            self.adapter = adapter
            files.keep_made_in(engine.records)
            router = Router([self.model], "auto")
            means = Means(
                records=engine.records,
                router=router,
                plugins=Plugins(commanding(engine.records, router)),
                toolbox=Toolbox([Plugin(name="test", tools=tuple(death.ends(tool) for tool in tools))]),
                system="Be brief.",
                while_busy=while_busy,
                album_s=ALBUM_S,
            )

            async def accept(events: Sequence[Inbound | Receipt]) -> tuple[bool, ...]:
                await death.at("hear")
                flags = await engine.accept(events)
                self._note(events, flags)
                # What was heard before, or settles what was said, is not what the test waits for.
                news = any(flag and isinstance(event, Inbound) for event, flag in zip(events, flags, strict=True))
                await (death.at("heard") if news else death.past())
                return flags

            turn = Assistant(means, Access(engine.records, "open", ()))
            async with running(engine, turn, Mortal(adapter, death)), accepting(adapter, accept):
                yield

    def _stand_still(self) -> None:
        """The process ended here: what comes after this moment was never kept."""
        here, there = self._rig.folder, self._rig.folder.with_name(f"{self._rig.folder.name}.")
        shutil.copytree(here, there, ignore=shutil.ignore_patterns(f"{_STORE}*"))
        with closing(sqlite3.connect(here / _STORE)) as store, closing(sqlite3.connect(there / _STORE)) as copy:
            store.backup(copy)  # what is committed, whoever is writing meanwhile
        self._rig = SqliteRig(there)

    def _note(self, events: Sequence[Inbound | Receipt], flags: Sequence[bool]) -> None:
        for event, fresh in zip(events, flags, strict=True):
            if isinstance(event, Inbound):
                self.repeats += not fresh
                if fresh and isinstance(event.body, Message):
                    self.heard.append(event.body)

    # -- waiting

    async def until(self, true: Callable[[], object]) -> None:
        """Wait until something holds."""
        async with asyncio.timeout(PATIENCE_S):
            while not true():  # noqa: ASYNC110  nothing tells of it
                await asyncio.sleep(0.005)

    async def hears(self, count: int) -> None:
        """Wait until so many messages have been taken in."""
        await self.until(lambda: len(self.heard) >= count)

    async def texts(self, chat: Chat = ANN) -> list[str]:
        """What we have said in a chat."""
        return [shown.text for shown in await self.stage.shown(chat)]

    async def sees(self, words: str, chat: Chat = ANN) -> Shown:
        """Wait for a message of ours with these words, and return it."""
        return (await self.shows(lambda shown: any(words in one.text for one in shown), chat, words, pick=words))[0]

    async def reads(self, *texts: str, chat: Chat = ANN) -> None:
        """Wait until our messages in a chat are just these."""
        await self.shows(lambda shown: [one.text for one in shown] == list(texts), chat, repr(list(texts)))

    async def shows(
        self, true: Callable[[Sequence[Shown]], bool], chat: Chat, wanted: str, *, pick: str = ""
    ) -> list[Shown]:
        """Wait until what a chat shows is right; those of it with the words to ``pick``."""
        end = time.monotonic() + PATIENCE_S
        while not true(shown := await self.stage.shown(chat)):
            texts = [one.text for one in shown]
            assert time.monotonic() < end, f"{self.stage.name} shows {texts}, and not {wanted}"
            await asyncio.sleep(0.01)
        return [one for one in shown if pick in one.text]

    async def until_files(self, *wanted: bytes) -> None:
        """Wait until the files that Ann has from us are just these."""
        end = time.monotonic() + PATIENCE_S
        while (found := await self.stage.files()) != wanted:
            sizes = [len(one) for one in found]
            assert time.monotonic() < end, f"{self.stage.name} shows files of {sizes} bytes"
            await asyncio.sleep(0.01)

    async def fetched(self, media: Media) -> bytes:
        """A file's bytes."""
        return b"".join([piece async for piece in self.adapter.fetch(media)])
