"""Delivery: what was committed reaches its chat, once and in order, whatever the platform does meanwhile."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest
from structlog.contextvars import get_contextvars

from contracts.rigs.engines import SqliteRig, echo, running
from core.errors import (
    AdapterError,
    ChatGone,
    MarkupRefused,
    MediaUnavailable,
    MessageGone,
    PlatformDown,
    PlatformRefusedUs,
)
from core.phrases import TOO_MANY_PAGES
from core.storage import MAX_PAGES, paged
from core.testing import BY_EDITS, Call, FakeAdapter, Fault
from core.values import Address, Choice, Media, Outbound, Outcome, Page, Reply
from stage import Fails, outbox, settled, staged

YES = (Choice(label="Yes", token="t"),)
PHOTO = (Media(adapter="fake", ref="p", kind="photo"),)


@pytest.fixture
def rig(tmp_path: Path) -> SqliteRig:
    """An empty store."""
    return SqliteRig(tmp_path / "data")


def says(call: Call, text: str) -> bool:
    """Whether a call brings this text."""
    return call.page is not None and call.page.body == text


# --- once and in order -----------------------------------------------------------------------------------------------


async def test_answers_come_once_and_in_the_order_they_were_given(rig: SqliteRig) -> None:
    """A burst of questions is answered one message each, in order, each page once."""
    async with staged(rig, adapter := FakeAdapter(page_chars=3)) as stage:
        for number in range(10):
            (await stage.ask()).end(f"<{number}>{number}.")
        await stage.reads(*(text for number in range(10) for text in (f"<{number}>", f"{number}.")))
    assert adapter.kinds() == ["send"] * 20


async def test_a_slot_that_is_said_again_is_edited(rig: SqliteRig) -> None:
    """A question whose buttons were pressed reads otherwise, in its place; what it has no more is taken back."""
    async with staged(rig, FakeAdapter(page_chars=4)) as stage:
        first = await stage.ask()
        asked = first.out("aaaabbbbcc", choices=YES)
        first.end(asked)
        await stage.reads("aaaa", "bbbb", "cc")
        (await stage.ask()).end(replace(asked, reply=Reply(markdown="done")), "next")
        await stage.reads("done", "next")


async def test_a_slot_said_twice_while_it_is_on_its_way_ends_with_the_second_text(rig: SqliteRig) -> None:
    """A text that changes during its own sending is sent once and then edited."""
    goes = asyncio.Event()
    async with staged(rig, adapter := FakeAdapter()) as stage:
        adapter.faults.append(Fault(hold=goes))
        first = await stage.ask()
        first.end("one")
        await stage.called(1)
        await stage.engine.commit(Outcome(out=(first.out("two"),)))
        goes.set()
        await stage.reads("two")
        await settled(rig, "sent")
    assert adapter.kinds() == ["send", "edit"]


async def test_a_text_refused_while_it_changes_does_not_come_back(rig: SqliteRig) -> None:
    """What was to be said before is not said in another form over what is to be said now."""
    goes = asyncio.Event()
    async with staged(rig, adapter := FakeAdapter()) as stage:
        adapter.faults.append(Fault(hold=goes, error=MarkupRefused("no")))
        first = await stage.ask()
        first.end("one")
        await stage.called(1)
        await stage.engine.commit(Outcome(out=(first.out("two"),)))
        goes.set()
        await settled(rig, "sent")
        assert adapter.texts() == ["two"]


async def test_a_courier_does_not_speak_in_the_name_of_the_turn_that_called_it(rig: SqliteRig) -> None:
    """What is logged for a chat's later messages is not logged under its first one's."""
    contexts: list[dict[str, object]] = []

    class Noting(FakeAdapter):
        async def put(self, to: Address, page: Page | None, *, slot: str, was: str | None) -> str:
            contexts.append(get_contextvars())
            return await super().put(to, page, slot=slot, was=was)

    async with staged(rig, Noting()) as stage:
        (await stage.ask()).end("one")
        await stage.reads("one")
    assert contexts == [{}]


async def test_many_chats_are_served_by_few_couriers(rig: SqliteRig) -> None:
    """Three thousand chats wait on disk; all get theirs, and those of an adapter that is off stay where they are."""
    async with rig.open() as engine:
        for name in ("off", "fake"):
            answers = [_out(f"{name}{n}", Address(adapter=name, chat=str(n)), str(n)) for n in range(3000)]
            await engine.commit(Outcome(out=tuple(answers)))
        async with running(engine, echo, adapter := FakeAdapter()):
            await adapter.until(lambda: len(adapter.chats) == 3000, within_s=20)
            await settled_but(rig, "pending", 3000)
    assert all(len(chat) == 1 for chat in adapter.chats.values())


def _out(slot: str, to: Address, text: str) -> Outbound:
    return Outbound(slot=slot, to=to, reply=Reply(markdown=text))


async def settled_but(rig: SqliteRig, state: str, count: int) -> None:
    """Wait until only so many pages, in this state, are left."""
    async with asyncio.timeout(5):
        while [left for left in outbox(rig) if left != "sent"] != [state] * count:  # noqa: ASYNC110  only the disk tells
            await asyncio.sleep(0.01)


async def test_an_adapter_that_is_off_keeps_its_pages_whole(rig: SqliteRig) -> None:
    """What is said to it meanwhile comes when it is back, with its files and buttons."""
    async with rig.open() as engine:
        reply = Reply(markdown="Hello", media=PHOTO, choices=YES)
        await engine.commit(Outcome(out=(Outbound(slot="s", to=Address(adapter="fake", chat="1"), reply=reply),)))
    async with staged(rig, other := FakeAdapter("other")):
        await asyncio.sleep(0.05)
        assert (other.calls, outbox(rig)) == ([], ["pending"])
    async with staged(rig, adapter := FakeAdapter()) as stage:
        await stage.reads("Hello")
    page = adapter.chats["1"][0].page
    assert (page.media, page.choices, page.form) == (PHOTO, YES, "rich")


# --- ways of failing -------------------------------------------------------------------------------------------------


async def test_a_platform_that_is_down_gets_it_later_and_in_order(rig: SqliteRig) -> None:
    """What follows waits behind it; other chats do not."""
    down = True
    adapter = Fails(lambda call: Fault(error=PlatformDown("no")) if down and call.to.chat == "1" else None)
    async with staged(rig, adapter) as stage:
        (await stage.ask()).end("one")
        await stage.called(1)
        (await stage.ask()).end("two")
        (await stage.ask("2", sender="bob")).end("elsewhere")
        await stage.reads("elsewhere", chat="2")
        assert adapter.texts() == []
        down = False
        await stage.reads("one", "two")
    assert 3 <= len(adapter.calls) <= 6


async def test_a_refused_form_is_said_plainly_and_only_what_is_not_out_yet(rig: SqliteRig) -> None:
    """A page the platform does not take is cut anew in the plain form; the pages around it stay as they are."""

    class Narrow(FakeAdapter):
        def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
            self.page_chars = 6 if form == "rich" else 4
            return super().pages(reply, form)

        def fault(self, call: Call) -> Fault | None:
            refused = call.page is not None and call.page.form == "rich" and "b" in call.page.body
            return Fault(error=MarkupRefused("no b")) if refused else None

    async with staged(rig, adapter := Narrow()) as stage:
        scene = await stage.ask()
        scene.end(scene.out("aaaaaabbbbbbcccccc", choices=YES))
        await stage.reads("aaaaaa", "bbbb", "bb", "cccccc")
    shown = adapter.chats["1"]
    assert [one.page.form for one in shown] == ["rich", "plain", "plain", "rich"]
    assert [one.page.choices for one in shown] == [(), (), (), YES]
    assert adapter.kinds() == ["send"] * 5


async def test_an_edit_in_a_refused_form_is_said_plainly_in_its_place(rig: SqliteRig) -> None:
    """The message that is there is edited, not left and repeated."""
    adapter = Fails(
        lambda call: Fault(error=MarkupRefused("no")) if says(call, "Hello") and rich(call) else None  # the final text
    )
    async with staged(rig, adapter) as stage:
        scene = await stage.ask()
        await scene.show("Hel")
        await stage.reads("Hel")
        scene.end("Hello")
        await stage.reads("Hello")
    assert adapter.chats["1"][0].page.form == "plain"


def rich(call: Call) -> bool:
    """Whether a call is in the rich form."""
    return call.page is not None and call.page.form == "rich"


async def test_what_is_refused_plainly_is_given_up_and_the_rest_goes_on(rig: SqliteRig) -> None:
    """There is no plainer form than plain."""
    adapter = Fails(lambda call: Fault(error=MarkupRefused("no")) if says(call, "bad") else None)
    async with staged(rig, adapter) as stage:
        (await stage.ask()).end("bad")
        (await stage.ask()).end("good")
        await stage.reads("good")
        await settled(rig, "failed", "sent")


async def test_a_form_of_another_version_is_said_plainly(rig: SqliteRig) -> None:
    """A page frozen before an upgrade in a form that is no more is not lost when it is refused."""
    adapter = Fails(lambda call: Fault(error=MarkupRefused("no")) if rich(call) else None)
    async with staged(rig, adapter) as stage:
        (await stage.ask()).end("Hello")
        adapter.can = replace(BY_EDITS, forms=("new", "plain"))
        await stage.reads("Hello")


async def test_a_message_that_was_deleted_is_sent_anew(rig: SqliteRig) -> None:
    """The answer does not vanish with the preview somebody deleted."""
    async with staged(rig, adapter := FakeAdapter()) as stage:
        scene = await stage.ask()
        await scene.show("Hel")
        await settled(rig, "sent")
        adapter.chats["1"].clear()
        scene.end("Hello")
        await stage.reads("Hello")
    assert adapter.kinds() == ["send", "edit", "send"]


async def test_a_chat_where_even_sending_finds_a_message_gone_is_not_asked_for_ever(rig: SqliteRig) -> None:
    """An answer to a message that is not there any more fails once."""
    adapter = Fails(lambda call: Fault(error=MessageGone("no")) if says(call, "bad") else None)
    async with staged(rig, adapter) as stage:
        (await stage.ask()).end("bad")
        (await stage.ask()).end("good")
        await stage.reads("good")
    assert len(adapter.calls) == 2


async def test_a_message_that_is_taken_away_again_and_again_is_given_up(rig: SqliteRig) -> None:
    """Said anew ten times in all: then whoever deletes it has their way, and what comes after it comes."""
    async with staged(rig, adapter := FakeAdapter()) as stage:
        first = await stage.ask()
        asked = first.out("0")
        first.end(asked)
        for number in range(1, 10):
            await stage.reads(str(number - 1))
            adapter.chats["1"].clear()
            (await stage.ask()).end(replace(asked, reply=Reply(markdown=str(number))))
        await stage.reads("9")
        adapter.chats["1"].clear()
        (await stage.ask()).end(replace(asked, reply=Reply(markdown="10")), "and now this")
        await stage.reads("and now this")
    assert len({call.slot for call in adapter.calls if call.kind == "send"}) == 11


class Silent(FakeAdapter):
    """Makes no page of anything in its rich form, or one without a form."""

    def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
        """See ``Adapter``."""
        made = super().pages(reply, form)
        return made if form == "plain" else tuple(replace(page, form="") for page in made[1:])


@pytest.mark.parametrize("text", ["Hello", "Hello" * 30], ids=["no page", "no form"])
async def test_a_form_that_makes_nothing_of_an_answer_is_not_taken(rig: SqliteRig, text: str) -> None:
    """It would be said by nobody, and counted as said; so it is said in the next form."""
    async with staged(rig, adapter := Silent()) as stage:
        scene = await stage.ask()
        await scene.show(text)
        scene.end(text)
        await adapter.until(lambda: "".join(adapter.texts()) == text)


def test_an_answer_of_very_many_pages_is_cut() -> None:
    """With a word about it; its buttons stay, and each page's number has a place in its key."""
    pages = paged(FakeAdapter(page_chars=100), Reply(markdown="y" * 250_000, choices=YES), "rich")
    assert len(pages) == MAX_PAGES
    assert TOO_MANY_PAGES.startswith(pages[-2].body)
    assert [len(page.choices) for page in pages] == [0] * (MAX_PAGES - 1) + [1]
    assert len(paged(FakeAdapter(page_chars=1), Reply(markdown="y" * MAX_PAGES), "rich")) == MAX_PAGES


@pytest.mark.parametrize("error", [ChatGone("blocked"), AdapterError("no")], ids=["gone", "refused"])
async def test_a_page_that_cannot_arrive_fails_and_the_rest_goes_on(rig: SqliteRig, error: AdapterError) -> None:
    """A chat that is gone costs its own pages, one call each, and nobody else's."""
    adapter = Fails(lambda call: Fault(error=error) if call.to.chat == "1" else None)
    async with staged(rig, adapter) as stage:
        (await stage.ask()).end("one")
        (await stage.ask()).end("two")
        (await stage.ask("2", sender="bob")).end("three")
        await stage.reads("three", chat="2")
        await settled(rig, "failed", "failed", "sent")
    assert len(adapter.calls) == 3


async def test_a_file_that_cannot_be_had_does_not_take_the_words_with_it(rig: SqliteRig) -> None:
    """The text comes without it."""
    adapter = Fails(
        lambda call: Fault(error=MediaUnavailable("gone")) if call.page and call.page.media else None,
    )
    async with staged(rig, adapter) as stage:
        scene = await stage.ask()
        out = scene.out("Look", choices=YES)
        scene.end(replace(out, reply=replace(out.reply, media=PHOTO)))
        await stage.reads("Look")
    assert adapter.chats["1"][0].page.choices == YES


async def test_a_bot_that_is_refused_keeps_what_it_has_to_say(rig: SqliteRig) -> None:
    """The operator may mend the token; until then nothing is thrown away, and little is asked."""
    adapter = Fails(lambda _: Fault(error=PlatformRefusedUs("bad token")))
    async with staged(rig, adapter) as stage:
        (await stage.ask()).end("one")
        await stage.called(1)
        (await stage.ask("2", sender="bob")).end("two")
        await asyncio.sleep(0.1)
        assert outbox(rig) == ["pending", "pending"]
    assert len(adapter.calls) == 1


async def test_an_adapter_with_a_bug_is_given_up_on_after_a_few_tries(rig: SqliteRig) -> None:
    """An exception that is none of ours neither stops the chat for ever nor repeats a message for ever."""
    adapter = Fails(lambda call: Fault(error=RuntimeError("a bug")) if says(call, "bad") else None)
    async with staged(rig, adapter) as stage:
        (await stage.ask()).end("bad")
        (await stage.ask()).end("good")
        await stage.reads("good")
        await settled(rig, "failed", "sent")
    assert adapter.kinds() == ["send"] * 4


async def test_a_form_that_cannot_be_rendered_costs_neither_turn_nor_answer(rig: SqliteRig) -> None:
    """A bug in the rich form's rendering gives the plain one, and the turn is not run again for it."""

    class Broken(FakeAdapter):
        def pages(self, reply: Reply, form: str) -> tuple[Page, ...]:
            if form == "rich":
                raise ValueError(reply.markdown)
            return super().pages(reply, form)

    async with staged(rig, adapter := Broken()) as stage:
        (await stage.ask()).end("Hello")
        await stage.reads("Hello")
    assert adapter.chats["1"][0].page.form == "plain"
