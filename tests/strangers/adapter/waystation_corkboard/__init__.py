"""A corkboard: people write lines at the end of one file, and find the answers pinned beside it."""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Literal

from pydantic import BaseModel

from core.errors import MediaUnavailable, MessageGone
from core.seams import Accept, BotSpec
from core.site import BotSite, Spec
from core.text.splitting import split
from core.values import Address, Capabilities, Inbound, Media, Message, Page, Reply

MOST_CHARS = 2000  # of a note
EVERY_S = 0.01


class Settings(BaseModel):
    """``[bots.corkboard]``."""

    folder: Path | None = None


class Corkboard:
    """One board; how far it was read is in the memo."""

    def __init__(self, site: BotSite, folder: Path) -> None:
        self._site = site
        self._folder = folder

    @property
    def name(self) -> str:
        """The name as configured."""
        return self._site.name

    def capabilities(self, to: Address) -> Capabilities:
        """A note may be pinned again under its name."""
        del to
        return Capabilities(forms=("text",), idempotent=True)

    async def run(self, accept: Accept) -> None:
        """Read on from where everything before is safe."""
        while True:
            read = int(await self._site.memo.get("read") or 0)
            whole, newline, _ = self._said(read).partition(b"\n")
            if newline:
                at = str(read)
                body = Message(id=at, text=whole.decode("utf-8", "replace"))
                to = Address(adapter=self.name, chat="board")
                await accept([Inbound(key=f"{self.name}/{at}", sender="passer-by", to=to, body=body)])
                await self._site.memo.keep("read", str(read + len(whole) + 1))
            else:
                await asyncio.sleep(EVERY_S)

    def _said(self, read: int) -> bytes:
        file = self._folder / "said"
        return file.read_bytes()[read:] if file.exists() else b""

    def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
        """Notes of readable length; what can be chosen stands on the last."""
        pieces = split(reply.markdown, lambda piece: len(piece) <= MOST_CHARS) or ("",)
        pages = [Page(body=piece, form=form, source=piece) for piece in pieces]
        below = "".join(f"\n[{choice.label}]" for choice in reply.choices)
        pages[-1] = Page(
            body=pieces[-1] + below, form=form, source=pieces[-1], media=reply.media, choices=reply.choices
        )
        return tuple(pages)

    async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:
        """Pin a note, write it anew, or take it off."""
        del to
        note = self._folder / (was or f"note {slot}")
        if was and not note.exists():
            raise MessageGone("somebody took it off")
        if page is None:
            note.unlink()
        else:
            note.write_text(page.body, encoding="utf-8")
        return note.name

    async def signal(self, to: Address, activity: Page | Literal["typing", "seen"], *, slot: str) -> None:
        """A board shows nothing of the kind."""

    async def fetch(self, media: Media) -> AsyncGenerator[bytes, None]:
        """Nobody pins files."""
        raise MediaUnavailable(f"there is no {media.kind} here")
        yield b""


@asynccontextmanager
async def open_corkboard(site: BotSite, settings: Settings) -> AsyncGenerator[Corkboard, None]:
    """There is nothing to close."""
    yield Corkboard(site, settings.folder or site.data_dir)


spec: BotSpec[Settings] = Spec(
    name="corkboard",
    settings=Settings,
    open=open_corkboard,
    configured=lambda settings: None if settings.folder else "no folder: set bots.corkboard.folder",
)
