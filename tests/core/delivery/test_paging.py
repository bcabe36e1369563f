"""A reply becomes pages: never more than a dozen, never for ever, and never twice in the way that a process died of."""

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.rigs.engines import SqliteRig, until
from core import phrases
from core.delivery import paging
from core.files import MADE, Files, read_whole
from core.testing import BY_EDITS, FakeAdapter
from core.values import Page, Reply
from stage import settled, staged

QUIET = replace(BY_EDITS, preview="none", typing_s=0.0)
BY_DRAFTS = replace(BY_EDITS, preview="draft")
LONG = "word " * 10_000


@pytest.fixture
def rig(tmp_path: Path) -> SqliteRig:
    """An empty store."""
    return SqliteRig(tmp_path / "data")


@pytest.mark.parametrize("chars", [100 * 12, 100 * 12 + 1, 100 * 60, paging.LONG_CHARS + 1, 100_000])
async def test_an_answer_is_a_dozen_messages_at_most_and_the_file_holds_all_of_it(rig: SqliteRig, chars: int) -> None:
    """However long it is, and whenever it is rendered."""
    text = ("0123456789abcdefghij" * (chars // 20 + 1))[:chars]
    async with staged(rig, adapter := FakeAdapter(can=QUIET)) as stage:
        scene = await stage.ask()
        scene.end(text)
        await until(lambda: adapter.chats.get("1"))
        await settled(rig)
        shown = [shown.page for shown in adapter.chats["1"]]
        assert len(shown) <= paging.MOST_PAGES
        if chars <= 100 * paging.MOST_PAGES:
            assert "".join(page.source for page in shown) == text
            return
        *words, last = shown
        assert len(words) == paging.MOST_PAGES - 1
        assert text.startswith("".join(page.source for page in words))
        assert last.source == phrases.REST_IN_FILE
        files = Files()
        files.keep_made_in(stage.engine.records)
        (media,) = last.media
        assert media.adapter == MADE
        assert (await read_whole(files.fetch, media, 1 << 20)).decode() == text


async def test_a_form_that_takes_too_long_gives_way_to_a_plainer_one(
    rig: SqliteRig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And nobody else waits for it: the loop goes on meanwhile."""
    ends = threading.Event()

    class Slow(FakeAdapter):
        def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
            if form == self.can.forms[0] and len(reply.markdown) > paging.QUICK_CHARS:
                ends.wait(20)
            return super().pages(reply, form)

    monkeypatch.setattr(paging, "_WITHIN_S", 0.2)
    async with staged(rig, adapter := Slow(can=QUIET, page_chars=1000)) as stage:
        (await stage.ask()).end("word " * 1000)
        (await stage.ask(chat="2", sender="bob")).end("hello")
        await adapter.until(lambda: adapter.texts("2") == ["hello"])
        assert not adapter.chats.get("1")
        await adapter.until(lambda: len(adapter.chats.get("1", [])) == 5)
        assert {shown.page.form for shown in adapter.chats["1"]} == {QUIET.forms[1]}
        ends.set()


async def test_what_a_process_died_of_is_rendered_more_plainly_in_its_next_life(rig: SqliteRig) -> None:
    """The model is not asked again, and the third life does not render at all: the answer comes as a file."""
    began: list[str] = []

    class Deadly(FakeAdapter):
        def __init__(self) -> None:
            super().__init__(can=QUIET, page_chars=1000)
            self.ends = threading.Event()

        def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
            if len(reply.markdown) > paging.LONG_CHARS:
                began.append(form)
                self.ends.wait(20)
            return super().pages(reply, form)

    life, lives = rig, []
    for _ in QUIET.forms:
        adapter = Deadly()
        lives.append(adapter)
        async with staged(life, adapter) as stage:
            if len(lives) == 1:
                (await stage.ask()).end(LONG)
            await until(lambda: len(began) == len(lives))
            life = life.killed()
            adapter.ends.set()
    assert began[: len(QUIET.forms)] == list(QUIET.forms)
    async with staged(life, adapter := Deadly()):
        await adapter.until(lambda: bool(adapter.chats.get("1")))
        (shown,) = adapter.chats["1"]
        assert shown.page.source == phrases.ALL_IN_FILE
        assert shown.page.media[0].name == phrases.ANSWER_FILE


async def test_previews_of_a_long_answer_render_not_much_more_than_the_answer(rig: SqliteRig) -> None:
    """Each is rendered from the beginning: were there one for every delta, it would be the square of the length."""
    rendered: list[int] = []

    class Counting(FakeAdapter):
        def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
            rendered.append(len(reply.markdown))
            return super().pages(reply, form)

    text = LONG[: paging.LONG_CHARS]
    async with staged(rig, Counting(can=BY_EDITS, page_chars=4000)) as stage:
        scene = await stage.ask()
        for end in range(2_500, len(text), 20):
            await scene.show(text[:end])
            await asyncio.sleep(0.0005)
        shown = sum(rendered)
        scene.end(text)
        await settled(rig)
    assert len(rendered) > 10
    assert shown < 13 * len(text)


async def test_where_nothing_is_rendered_a_long_answer_grows_in_sight_and_comes_whole(rig: SqliteRig) -> None:
    """The terminal and the web page take the text as it is: there it costs nothing to show all of it, as it grows."""
    can = replace(BY_DRAFTS, renders=False, max_chars=1_000_000)
    async with staged(rig, adapter := FakeAdapter(can=can, page_chars=1_000_000)) as stage:
        scene = await stage.ask()
        text = LONG + LONG
        for end in (paging.LONG_CHARS + 1, paging.LONG_CHARS + 6, len(text)):
            await scene.show(text[:end])
            await _drafted(adapter, text[:end])
        scene.end(text)
        await stage.reads(text)
        assert [shown.page.media for shown in adapter.chats["1"]] == [()]


async def _drafted(adapter: FakeAdapter, text: str) -> None:
    """Wait until the last draft reads so."""

    def holds() -> bool:
        drafts = [call.page.body for call in adapter.calls if call.kind == "draft" and call.page]
        return drafts[-1:] == [text]

    await adapter.until(holds)
