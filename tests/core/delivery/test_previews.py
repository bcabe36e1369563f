"""Previews: what is shown while an answer is being written, and what becomes of it when the answer is committed."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from contracts.rigs.engines import SqliteRig
from core.errors import AdapterError, DeliveryUnknown, MarkupRefused, MessageGone, PlatformBusy, PlatformDown
from core.testing import BY_EDITS, Call, FakeAdapter, Fault
from core.values import Address, Choice, Page, Reply
from stage import settled, staged

BY_DRAFTS = replace(BY_EDITS, preview="draft")
YES = (Choice(label="Yes", token="t"),)


@pytest.fixture
def rig(tmp_path: Path) -> SqliteRig:
    """An empty store."""
    return SqliteRig(tmp_path / "data")


# --- by editing ------------------------------------------------------------------------------------------------------


async def test_an_answer_grows_in_one_message(rig: SqliteRig) -> None:
    """The first sight is sent, all further ones and the final text edit it."""
    async with staged(rig, adapter := FakeAdapter()) as stage:
        scene = await stage.ask()
        for text in ("He", "Hello", "Hello wor"):
            await scene.show(text)
            await stage.reads(text)
        scene.end("Hello world")
        await stage.reads("Hello world")
    assert adapter.kinds() == ["send", "edit", "edit", "edit"]


async def test_what_piled_up_while_a_call_was_made_is_rendered_once(rig: SqliteRig) -> None:
    """Only the latest text counts; those in between cost not even their rendering."""
    rendered: list[str] = []

    class Counting(FakeAdapter):
        def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
            rendered.append(reply.markdown)
            return super().pages(reply, form)

    goes = asyncio.Event()
    adapter = Counting()
    adapter.faults.append(Fault(hold=goes))
    async with staged(rig, adapter) as stage:
        scene = await stage.ask()
        await scene.show("0")
        await stage.called(1)
        for number in range(1, 100):
            await scene.show(str(number))
        goes.set()
        await stage.reads("99")
        scene.end("done")
        await stage.reads("done")
    assert rendered == ["0", "99", "done"]


async def test_a_final_text_that_stands_there_already_is_not_edited_in_again(rig: SqliteRig) -> None:
    """An edit that changes nothing is a call for nothing."""
    async with staged(rig, adapter := FakeAdapter()) as stage:
        scene = await stage.ask()
        await scene.show("Hello")
        await stage.reads("Hello")
        scene.end("Hello")
        (await stage.ask()).end("next")
        await stage.reads("Hello", "next")
    assert adapter.kinds() == ["send", "send"]


async def test_a_final_text_that_brings_buttons_is_edited_in(rig: SqliteRig) -> None:
    """The same words with something to press are not the same."""
    async with staged(rig, adapter := FakeAdapter()) as stage:
        scene = await stage.ask()
        await scene.show("Shall I?")
        await stage.reads("Shall I?")
        scene.end(scene.out("Shall I?", choices=YES))
        await adapter.until(lambda: adapter.chats["1"][0].page.choices == YES)
    assert adapter.kinds() == ["send", "edit"]


async def test_a_long_answer_grows_page_by_page(rig: SqliteRig) -> None:
    """Pages that are full stay as they are; the last one grows."""
    async with staged(rig, adapter := FakeAdapter(page_chars=4)) as stage:
        scene = await stage.ask()
        await scene.show("aaaabb")
        await stage.reads("aaaa", "bb")
        await scene.show("aaaabbbbcc")
        await stage.reads("aaaa", "bbbb", "cc")
        scene.end("aaaabbbbcc")
        (await stage.ask()).end("next")
        await stage.reads("aaaa", "bbbb", "cc", "next")
    assert adapter.kinds() == ["send", "send", "edit", "send", "send"]


async def test_a_final_text_that_is_shorter_takes_its_last_pages_back(rig: SqliteRig) -> None:
    """What a preview showed beyond the answer does not stay."""
    async with staged(rig, FakeAdapter(page_chars=4)) as stage:
        scene = await stage.ask()
        await scene.show("aaaabbbbcc")
        await stage.reads("aaaa", "bbbb", "cc")
        scene.end("x")
        await stage.reads("x")


async def test_an_edit_that_gives_a_new_id_is_remembered_under_it(rig: SqliteRig) -> None:
    """Some platforms replace a message to edit it: the next edit goes to the one that is there."""

    class Replacing(FakeAdapter):
        async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:
            if was is not None and page is not None:
                await super().put(to, None, slot=slot, was=was)
                was = None
            return await super().put(to, page, slot=slot, was=was)

    async with staged(rig, Replacing()) as stage:
        scene = await stage.ask()
        for text in ("a", "b", "c"):
            await scene.show(text)
            await stage.reads(text)
        scene.end("d")
        await stage.reads("d")


async def test_two_answers_in_one_chat_are_both_shown(rig: SqliteRig) -> None:
    """One preview that has nothing new does not keep another from being drawn."""
    async with staged(rig, FakeAdapter()) as stage:
        scene = await stage.ask()
        await scene.show("one")
        await stage.reads("one")
        await scene.show("two", part="b")
        await stage.reads("one", "two")
        scene.end("one.", scene.out("two.", part="b"))
        await stage.reads("one.", "two.")


# --- races with the commit -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("final", ["Hello world", "Hel"])
async def test_a_first_sight_on_its_way_becomes_the_answer(rig: SqliteRig, final: str) -> None:
    """A turn that commits while its preview is being sent ends with one message, not two."""
    goes = asyncio.Event()
    async with staged(rig, adapter := FakeAdapter()) as stage:
        adapter.faults.append(Fault(hold=goes))
        scene = await stage.ask()
        await scene.show("Hel")
        await stage.called(1)
        scene.end(final)
        await stage.ask(chat="2", sender="bob")  # by now the outcome is committed
        goes.set()
        await stage.reads(final)
        await settled(rig)
        assert adapter.texts() == [final]


@pytest.mark.parametrize("when", ["on its way", "there", "edited meanwhile"])
async def test_a_preview_of_a_turn_that_says_nothing_is_taken_back(rig: SqliteRig, when: str) -> None:
    """A turn that ends without filling its slot leaves no half answer behind, wherever its preview was just then."""
    goes = asyncio.Event()
    async with staged(rig, adapter := FakeAdapter()) as stage:
        scene = await stage.ask()
        if when == "on its way":
            adapter.faults.append(Fault(hold=goes))
        await scene.show("Hel")
        await stage.called(1)
        if when != "on its way":
            await stage.reads("Hel")
        if when == "edited meanwhile":
            adapter.faults.append(Fault(hold=goes))
            await scene.show("Hello")
            await stage.called(2)
        scene.end()
        await stage.ask(chat="2", sender="bob")
        goes.set()
        await settled(rig)
        assert adapter.texts() == []
    assert adapter.kinds()[-1] == "delete"


async def test_a_first_sight_that_fails_after_the_commit_costs_nothing(rig: SqliteRig) -> None:
    """The answer is sent as if there had been no preview."""
    goes = asyncio.Event()
    async with staged(rig, adapter := FakeAdapter()) as stage:
        adapter.faults.append(Fault(hold=goes, error=PlatformDown("no line")))
        scene = await stage.ask()
        await scene.show("Hel")
        await stage.called(1)
        scene.end("Hello")
        await stage.ask(chat="2", sender="bob")
        goes.set()
        await stage.reads("Hello")


async def test_a_turn_that_runs_again_goes_on_in_the_message_on_the_screen(rig: SqliteRig) -> None:
    """After a kill nobody sees a second answer beside the half one."""
    adapter = FakeAdapter()
    async with staged(rig, adapter) as stage:
        scene = await stage.ask()
        await scene.show("Hel")
        await settled(rig, "sent")
        after = rig.killed()
    async with staged(after, adapter) as stage:
        scene = await stage.scene()
        await scene.show("Hell")
        await stage.reads("Hell")
        scene.end("Hello")
        await stage.reads("Hello")


async def test_what_a_killed_turn_had_shown_is_taken_back_if_the_next_run_says_nothing(rig: SqliteRig) -> None:
    """Even if the second run shows nothing, the first one's preview does not stay."""
    adapter = FakeAdapter()
    async with staged(rig, adapter) as stage:
        scene = await stage.ask()
        await scene.show("Hel")
        await settled(rig, "sent")
        after = rig.killed()
    async with staged(after, adapter) as stage:
        (await stage.scene()).end()
        await stage.reads()


async def test_what_an_earlier_run_may_have_shown_is_not_forgotten_when_a_later_one_fails(rig: SqliteRig) -> None:
    """Where the platform drops second sends: the first sight arrived, unnoticed; the next run's certainly did not."""
    adapter = FakeAdapter(can=replace(BY_EDITS, idempotent=True))
    async with staged(rig, adapter) as stage:
        adapter.faults.append(Fault(hold=asyncio.Event()))
        scene = await stage.ask()
        await scene.show("Hel")
        await stage.called(1)
        (page,) = adapter.pages(Reply(markdown="Hel"), "rich")
        await adapter.put(scene.first.inbound.to, page, slot=f"{scene.first.row}.0", was=None)
        after = rig.killed()
    adapter.faults.append(Fault(error=AdapterError("not now")))
    async with staged(after, adapter) as stage:
        scene = await stage.scene()
        await scene.show("Hell")
        await stage.called(3)
        scene.end("Hello")
        await stage.reads("Hello")


async def test_a_platform_that_drops_second_sends_still_reads_the_final_text(rig: SqliteRig) -> None:
    """Where a first sight arrived unnoticed, sending its slot again gives the old text: so it is edited, too."""
    adapter = FakeAdapter(can=replace(BY_EDITS, idempotent=True))
    async with staged(rig, adapter) as stage:
        adapter.faults.append(Fault(error=DeliveryUnknown("cut"), accepted=True))
        scene = await stage.ask()
        await scene.show("Hel")
        await stage.reads("Hel")
        scene.end("Hello")
        await stage.reads("Hello")


# --- failing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "error",
    [
        PlatformDown("no line"),
        PlatformBusy("slowly", retry_after_s=0.05),
        MarkupRefused("no such tag"),
        MessageGone("deleted"),
        DeliveryUnknown("cut"),
        AdapterError("no"),
        RuntimeError("a bug"),
    ],
    ids=lambda error: type(error).__name__,
)
async def test_a_preview_that_fails_does_not_touch_the_answer(rig: SqliteRig, error: Exception) -> None:
    """Whatever happens to an edit on the way, the final text arrives, in one message."""
    async with staged(rig, adapter := FakeAdapter()) as stage:
        scene = await stage.ask()
        await scene.show("Hel")
        await stage.reads("Hel")
        adapter.faults.append(Fault(error=error))
        await scene.show("Hello")
        await stage.called(2)
        scene.end("Hello world")
        await stage.reads("Hello world")


@pytest.mark.parametrize(
    "error", [PlatformBusy("slowly", retry_after_s=0.05), MarkupRefused("no"), DeliveryUnknown("cut")]
)
async def test_a_preview_goes_on_after_a_failure_that_passes(rig: SqliteRig, error: Exception) -> None:
    """The latest text is shown once it can be, though no newer one comes to push it."""
    async with staged(rig, adapter := FakeAdapter()) as stage:
        scene = await stage.ask()
        await scene.show("Hel")
        await stage.reads("Hel")
        adapter.faults.append(Fault(error=error))
        await scene.show("Hello")
        await stage.reads("Hello")
        scene.end("Hello")


async def test_a_preview_whose_platform_is_down_is_not_drawn_again_at_once(rig: SqliteRig) -> None:
    """A line that is down is no reason to turn in circles."""

    class Down(FakeAdapter):
        def fault(self, call: object) -> Fault | None:
            return Fault(error=PlatformDown("no line"))

    async with staged(rig, adapter := Down()) as stage:
        scene = await stage.ask()
        await scene.show("Hel")
        await asyncio.sleep(0.3)
        assert len(adapter.calls) == 1


@pytest.mark.parametrize("accepted", [True, False])
@pytest.mark.parametrize("error", [DeliveryUnknown("cut"), MessageGone("deleted")], ids=["unknown", "gone"])
async def test_an_edit_that_failed_leaves_nobody_sure_of_what_is_shown(
    rig: SqliteRig, error: AdapterError, accepted: bool
) -> None:
    """A final text that was shown before a failed edit is said again: it may not be there any more."""
    async with staged(rig, adapter := FakeAdapter()) as stage:
        scene = await stage.ask()
        await scene.show("Hello")
        await stage.reads("Hello")
        adapter.faults.append(Fault(error=error, accepted=accepted))
        adapter.faults.append(Fault(error=error))  # should the preview try once more
        await scene.show("Hell")
        await stage.called(2)
        if isinstance(error, MessageGone):
            adapter.chats["1"].clear()
        scene.end("Hello")
        await stage.reads("Hello")


# --- drafts and typing -----------------------------------------------------------------------------------------------


async def test_a_draft_vanishes_and_the_answer_is_sent(rig: SqliteRig) -> None:
    """Where a chat has drafts nothing is edited: first typing, then drafts, then the one message."""
    async with staged(rig, adapter := FakeAdapter(can=BY_DRAFTS)) as stage:
        scene = await stage.ask()
        await scene.show("")
        await stage.called(1)
        await scene.show("Hel")
        await stage.called(2)
        await scene.show("Hello")
        await stage.called(3)
        scene.end("Hello world")
        await stage.reads("Hello world")
    assert adapter.kinds() == ["typing", "draft", "draft", "send"]
    assert [call.page.body for call in adapter.calls if call.page] == ["Hel", "Hello", "Hello world"]


async def test_a_kind_of_preview_that_is_refused_gives_way_to_the_next(rig: SqliteRig) -> None:
    """From drafts to edits, from edits to typing; the answer comes in any case, in one message."""

    class Refusing(FakeAdapter):
        def fault(self, call: Call) -> Fault | None:
            unfinished = call.page is not None and call.page.body != "Hello world"
            refused = call.kind == "draft" or (call.kind == "edit" and unfinished)
            return Fault(error=AdapterError("no such preview here")) if refused else None

    async with staged(rig, adapter := Refusing(can=BY_DRAFTS)) as stage:
        scene = await stage.ask()
        await scene.show("Hel")
        await adapter.until(lambda: "send" in adapter.kinds())
        await scene.show("Hello")
        await adapter.until(lambda: "edit" in adapter.kinds())
        await scene.show("Hello wor")
        await adapter.until(lambda: adapter.kinds()[-1] == "typing")
        scene.end("Hello world")
        await stage.reads("Hello world")
    assert adapter.kinds().count("draft") == 1


async def test_typing_and_drafts_are_repeated_while_nothing_changes_and_end_with_the_turn(rig: SqliteRig) -> None:
    """What vanishes by itself is shown again in time, and never after the answer."""
    can = replace(BY_DRAFTS, typing_s=0.03, draft_s=0.03)
    async with staged(rig, adapter := FakeAdapter(can=can)) as stage:
        scene = await stage.ask()
        await scene.show("")
        await stage.called(3)
        await scene.show("Hel")
        await stage.called(6)
        scene.end("Hello")
        await stage.reads("Hello")
        calls = len(adapter.calls)
        await asyncio.sleep(0.1)
        assert len(adapter.calls) == calls
    assert set(adapter.kinds()[:3]) == {"typing"}
    assert adapter.kinds()[-2:] == ["draft", "send"]


async def test_the_first_words_of_a_draft_do_not_wait_for_typing(rig: SqliteRig) -> None:
    """How soon there is something to read is up to the model: only drafts keep their distance from each other."""
    async with staged(rig, adapter := FakeAdapter(can=replace(BY_DRAFTS, preview_every_s=60.0))) as stage:
        scene = await stage.ask()
        await scene.show("")
        await stage.called(1)
        await scene.show("Hel")
        await stage.called(2)
        await scene.show("Hello")
        scene.end("Hello world")
        await stage.reads("Hello world")
    assert adapter.kinds() == ["typing", "draft", "send"]


async def test_first_words_that_come_at_once_come_without_typing(rig: SqliteRig) -> None:
    """It would be a call for a sign that nobody sees."""
    async with staged(rig, adapter := FakeAdapter(can=BY_DRAFTS)) as stage:
        scene = await stage.ask()
        await scene.show("")
        await scene.show("Hel")
        await stage.called(1)
        scene.end("Hello")
        await stage.reads("Hello")
    assert adapter.kinds() == ["draft", "send"]


async def test_where_there_are_no_previews_there_is_typing(rig: SqliteRig) -> None:
    """A platform that takes money for each message is not sent half answers."""
    can = replace(BY_EDITS, preview="none", typing_s=0.03)
    async with staged(rig, adapter := FakeAdapter(can=can)) as stage:
        scene = await stage.ask()
        await scene.show("Hel")
        await stage.called(2)
        scene.end("Hello")
        await stage.reads("Hello")
    assert set(adapter.kinds()[:-1]) == {"typing"}


async def test_where_nothing_may_be_said_twice_no_message_is_begun_before_its_text_is_whole(rig: SqliteRig) -> None:
    """A first sight that a crash cut off would stay beside the answer; only drafts and keys make it safe."""
    can = replace(BY_EDITS, unknown="mark", typing_s=0.03)
    async with staged(rig, adapter := FakeAdapter(can=can)) as stage:
        scene = await stage.ask()
        await scene.show("Hel")
        await stage.called(2)
        scene.end("Hello")
        await stage.reads("Hello")
    assert set(adapter.kinds()[:-1]) == {"typing"}
    async with staged(rig, adapter := FakeAdapter(can=replace(can, idempotent=True))) as stage:
        scene = await stage.ask()
        await scene.show("Hel")
        await stage.reads("Hel")
        scene.end("Hello")
        await stage.reads("Hello")


async def test_typing_that_fails_does_not_end_the_preview(rig: SqliteRig) -> None:
    """A chat that shows no typing may well show the answer as it grows."""
    async with staged(rig, adapter := FakeAdapter()) as stage:
        adapter.faults.append(Fault(error=AdapterError("not here")))
        scene = await stage.ask()
        await scene.show("")
        await stage.called(1)
        await scene.show("Hel")
        await stage.reads("Hel")


async def test_previews_keep_their_distance(rig: SqliteRig) -> None:
    """No two are drawn closer together than the chat wants, however fast the text grows."""
    can = replace(BY_EDITS, preview_every_s=0.1)
    async with staged(rig, adapter := FakeAdapter(can=can)) as stage:
        scene = await stage.ask()
        began = asyncio.get_running_loop().time()
        for number in range(60):
            await scene.show("x" * (number + 1))
            await asyncio.sleep(0.005)
        took = asyncio.get_running_loop().time() - began
        scene.end("done")
        await stage.reads("done")
    assert 2 <= len(adapter.calls) <= took / 0.1 + 2


async def test_among_many_answers_each_is_shown_more_rarely(rig: SqliteRig) -> None:
    """What a platform takes of one bot goes to what is said; alone, an answer's first words wait for nothing."""
    can = replace(BY_DRAFTS, previews_per_s=10.0, typing_s=0.0)
    async with staged(rig, adapter := FakeAdapter(can=can)) as stage:
        others = [await stage.ask(sender=str(number)) for number in range(2, 7)]
        for other in others:
            await other.show("")
        scene = await stage.ask()
        await scene.show("Hello")
        await asyncio.sleep(0.1)
        assert adapter.kinds() == []
        await adapter.until(lambda: adapter.kinds() == ["draft"])
        await scene.show("Hello world")
        await asyncio.sleep(0.1)
        assert adapter.kinds() == ["draft"]
        await adapter.until(lambda: adapter.kinds().count("draft") == 2)
        for other in (*others, scene):
            other.end("done")
