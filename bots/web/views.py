"""What open pages show beyond the archive: what is being said right now, and what no archive keeps.

A view is one conversation. Its messages that are in the archive come from there; here are those that are not there yet
(a question that is being answered, the answer as it grows) and those that never will be (what ``/help`` said, a
question with buttons). A page is told of every change by its ``Tab``; one that was away compares stamps and reads
everything again if something happened meanwhile. What was said for good is kept over a restart by ``leftovers``.
"""

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final

from bots.web.history import Line, MessageWindow, letters
from bots.web.items import Item
from bots.web.leftovers import AT_THE_END, Left, LeftIn
from bots.web.tabs import News, Tab
from core.values import Choice, Media

_MOST_VIEWS: Final = 50
_MOST_ITEMS: Final = 200
_MOST_KEPT: Final = 20
_HIDDEN_S: Final = 60.0


class View:
    """One conversation, and the pages that show it.

    Attributes:
        id: The archive's name of it; while ``begun`` is set, a name of our own.
        begun: The conversations there were when this one was begun, None once it is known which one it is.
        end: The place where the archive ended when it was last read, None while it was not.
    """

    def __init__(self, name: str, boot: str) -> None:
        self.id = name
        self.begun: frozenset[str] | None = None
        self.end: str | None = None
        self._hidden: tuple[str, float] | None = None
        self._items: dict[str, Item] = {}
        self._tabs: set[Tab] = set()
        self._boot = boot
        self._revision = 0
        self._drawing: set[asyncio.Task[None]] = set()

    @property
    def stamp(self) -> str:
        """Changes with whatever a page that was away would have to be told."""
        return f"{self._boot}.{self.id}.{self._revision}"

    @property
    def busy(self) -> bool:
        """Whether something is being answered or waits for a button, or somebody looks on."""
        return bool(self._tabs) or any(item.live or item.choices for item in self._items.values())

    @property
    def talkative(self) -> bool:
        """Whether something was said that the archive does not have, or not yet."""
        return bool(self._items)

    def shows(self, name: str) -> bool:
        """Whether this message is among what the archive does not have."""
        return name in self._items

    # -- what is said

    def said(self, name: str, text: str, media: Sequence[Media] = ()) -> bool:
        """Show what the person said; False where it is there already."""
        if name in self._items:
            return False
        self._changed(Item(id=name, mine=True, after=self._end, text=text, media=tuple(media)))
        return True

    def working(self, slot: str) -> None:
        """Something is being done for a slot."""
        item = self._answer(slot)
        item.heard_at = time.monotonic()
        self._live(item)

    def growing(self, slot: str, text: str) -> None:
        """A slot reads this so far; drawn soon, and not more often than is good."""
        item = self._answer(slot)
        if item.state != "final":
            item.heard_at, item.text, item.state = time.monotonic(), text, "growing"
        self._live(item)

    def _live(self, item: Item) -> None:
        if item.id in self._items:
            return
        self._items[item.id] = item
        self._tell(item)
        task = asyncio.create_task(self._draw(item), name=f"draw {item.id}")
        self._drawing.add(task)
        task.add_done_callback(self._drawing.discard)

    async def _draw(self, item: Item) -> None:
        await item.draw(lambda: self._tell(item))
        if item.live:
            self.gone(item.id)

    async def final(self, slot: str, text: str, media: Sequence[Media], choices: Sequence[Choice]) -> None:
        """A slot reads this for good, or until it is edited."""
        item = self._answer(slot)
        item.state = "final"
        item.text, item.media, item.choices = text, tuple(media), tuple(choices)
        await item.finish()
        self._changed(item)
        asked = any(one.mine for one in self._items.values())
        if self._hidden is not None or media or not asked:  # pages show too much, or too little
            self._hidden = None
            self.refresh()

    def gone(self, slot: str) -> None:
        """A slot reads nothing any more."""
        if (item := self._items.pop(slot, None)) is not None:
            item.state = "gone"
            self._revision += 1
            self._tell(item)

    def anew(self, place: str) -> None:
        """What stands after this place of the archive is being said anew."""
        self._hidden = place, time.monotonic()
        for name in [item.id for item in self._items.values() if item.after >= place and not item.live]:
            del self._items[name]
        self.refresh()

    def as_archived(self) -> None:
        """Show what the archive has: nothing is being said anew, or not any more."""
        self._hidden = None
        self.refresh()

    def _answer(self, slot: str) -> Item:
        return self._items.get(slot) or Item(id=slot, mine=False, after=self._end, state="working")

    @property
    def _end(self) -> str:
        end = self.end or ""
        return end if self._hidden is None else min(self._hidden[0], end)

    def _changed(self, item: Item) -> None:
        """Something happened that a page which was away has to be told of."""
        self._revision += 1
        self._items[item.id] = item
        if len(self._items) > _MOST_ITEMS:
            del self._items[next(name for name, one in self._items.items() if not one.live)]
        self._tell(item)

    # -- what a page shows

    def merged(self, archived: MessageWindow) -> list[Line | Item]:
        """A window of the conversation, each message once; what the archive has by now is forgotten here."""
        if archived.ends:
            self.end = archived.end
        if self._hidden is not None and not self.live() and time.monotonic() - self._hidden[1] > _HIDDEN_S:
            self._hidden = None  # nobody says it anew after all
        shown = [line for line in archived.lines if self._hidden is None or line.end <= self._hidden[0]]
        free = dict(enumerate(shown))
        here = [item for item in self._items.values() if self._stands_in(item, archived)]
        for item in [item for item in here if not item.live]:
            later = (at for at, line in free.items() if line.place > item.after or item.after == AT_THE_END)
            place = next((at for at in later if _same(free[at], item)), None)
            if place is not None:
                del free[place], self._items[item.id]
        whole: list[Line | Item] = []
        rest = [item for item in here if item.id in self._items]
        for line in shown:
            whole += [item for item in rest if item.after < line.place]
            rest = [item for item in rest if item.after >= line.place]
            whole.append(line)
        return [*whole, *rest]

    def _stands_in(self, item: Item, archived: MessageWindow) -> bool:
        """Whether a message that the archive does not have belongs among these that it has."""
        if item.live:
            return archived.ends
        begun = archived.begins or item.after > archived.after
        return begun and (archived.ends or item.after <= archived.end)

    def live(self) -> list[Item]:
        """What is being written."""
        return [item for item in self._items.values() if item.live]

    def answers(self) -> tuple[str, ...]:
        """What the assistant said for good and no archive has taken over yet."""
        return tuple(item.text for item in self._items.values() if not (item.live or item.mine))

    # -- what outlives the process

    def left(self) -> LeftIn:
        """What no archive has, of what is said for good."""
        left = tuple(
            Left(id=one.id, mine=one.mine, after=one.after, text=one.text, media=one.media, choices=one.choices)
            for one in self._items.values()
            if not one.live
        )
        begun = None if self.begun is None else tuple(sorted(self.begun))
        return LeftIn(view=self.id, begun=begun, messages=left[-_MOST_KEPT:])

    async def restore(self, left: LeftIn) -> None:
        """Show it again."""
        self.begun = None if left.begun is None else frozenset(left.begun)
        for one in left.messages:
            item = Item(id=one.id, mine=one.mine, after=one.after, text=one.text, media=one.media, choices=one.choices)
            await item.finish()
            self._items[item.id] = item

    # -- pages

    def open(self, session: str, stamp: str, shell: Callable[[Item], str]) -> Tab:
        """A page looks on.

        Args:
            stamp: What it has read.
            shell: Makes the HTML around a message.
        """
        tab = Tab(session, lambda: {"stamp": self.stamp, "c": self.id}, shell)
        if stamp != self.stamp:
            tab.news(News.REFRESH)
        for item in self.live():
            tab.tell(item)
        self._tabs.add(tab)
        return tab

    def close(self, tab: Tab) -> None:
        """It looks on no more."""
        self._tabs.discard(tab)
        tab.close()

    def close_all(self, session: str | None = None) -> None:
        """Show the door to a session's pages, or to all."""
        for tab in [tab for tab in self._tabs if session in {None, tab.session}]:
            self.close(tab)

    def stop_drawing(self) -> None:
        """The process ends."""
        for task in self._drawing:
            task.cancel()

    def _tell(self, item: Item) -> None:
        for tab in self._tabs:
            tab.tell(item)

    def tell_all(self, news: News) -> None:
        """Tell every page something that concerns it as a whole."""
        for tab in self._tabs:
            tab.news(news)

    def refresh(self) -> None:
        """Let every page read everything again."""
        self._revision += 1
        self.tell_all(News.REFRESH)


def _same(line: Line, item: Item) -> bool:
    """Whether the archive's message is this one."""
    if item.mine != line.mine:
        return False
    words = letters(item.text)
    return words == letters(line.text) and (bool(words) or item.media == line.media)


class Views:
    """All conversations that pages show or that something was lately said in."""

    def __init__(self, boot: str) -> None:
        self._boot = boot
        self._views: dict[str, View] = {}

    def all(self) -> list[View]:
        """Each of them once."""
        return list(dict.fromkeys(self._views.values()))

    def get(self, name: str) -> View:
        """The view of a conversation, made where there is none."""
        view = self._views.pop(name, None) or View(name, self._boot)
        self._views[name] = view  # the latest last
        idle = [key for key, one in self._views.items() if one is not view and not one.busy]
        for key in idle[: max(0, len(self._views) - _MOST_VIEWS)]:
            del self._views[key]
        return view

    def known(self, name: str) -> View | None:
        """The view of this name, None where there is none."""
        return self._views.get(name)

    def name(self, view: View, name: str) -> None:
        """It is known now which conversation a view is; its first name still leads to it."""
        other = self._views.get(name)
        view.id, view.begun = name, None
        self._views[name] = view
        view.tell_all(News.MOVED)
        if other is not None and other is not view:
            other.refresh()
