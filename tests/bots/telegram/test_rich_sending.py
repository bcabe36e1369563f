"""Rich messages over the wire: sent, drafted, edited in, refused, and forgone where the server does not know them."""

from collections.abc import AsyncGenerator

import pytest

from contracts.rigs.telegram import Rig
from contracts.rigs.telegram import rig as open_rig
from core.errors import AdapterError, ChatGone, DeliveryUnknown, MarkupRefused, PlatformBusy, PlatformDown
from core.values import Page, Reply
from simulators.telegram import Fault, Refused, blocked, cut, hang, refuse, server_error, too_many
from simulators.telegram.faults import Answer

TABLE = "| a | b |\n|---|---|\n| 1 | 2 |\n"
PROXY = Fault(name="proxy", answer=Answer(status=404, body=b"<h1>404</h1>", content_type="text/html"))


@pytest.fixture
async def old() -> AsyncGenerator[Rig, None]:
    """An adapter over a server from before rich messages."""
    async with open_rig() as opened:
        opened.telegram.world.rich = False
        yield opened


def page(rig: Rig, text: str = TABLE) -> Page:
    """A page in the richest form."""
    return rig.pages(text)[0]


async def put(rig: Rig, text: str = TABLE, was: str | None = None) -> str:
    """Say a page."""
    return await rig.adapter.put(rig.to, page(rig, text), slot="s.0", was=was)


def kinds(rig: Rig) -> list[str]:
    """What kinds of messages of ours stand in the chat."""
    return [shown.kind for shown in rig.telegram.chat(42).replies()]


async def test_an_answer_worth_it_arrives_as_a_rich_message(rig: Rig) -> None:
    """Tables are drawn by Telegram itself."""
    await put(rig)
    (shown,) = rig.telegram.chat(42).replies()
    assert (shown.kind, shown.text) == ("rich", "a | b\n1 | 2")


async def test_a_plain_preview_becomes_a_rich_message_in_place_and_back(rig: Rig) -> None:
    """The table may come late, and may have been none: the message stays the same one."""
    first = await put(rig, "Look:")
    assert await put(rig, TABLE, was=first) == first
    assert kinds(rig) == ["rich"]
    assert await put(rig, TABLE, was=first) == first
    assert await put(rig, "Never mind.", was=first) == first
    assert kinds(rig) == ["text"]


async def test_a_rich_answer_has_its_buttons(rig: Rig) -> None:
    """Buttons are ours, below the message, and never of its text."""
    made = rig.adapter.pages(Reply(markdown=TABLE, choices=rig.choice("Yes", "token").choices), "rich")
    await rig.adapter.put(rig.to, made[0], slot="s.0", was=None)
    (shown,) = rig.telegram.chat(42).replies()
    assert [button.text for row in shown.buttons for button in row] == ["Yes"]


async def test_a_draft_grows_from_text_to_a_rich_one(rig: Rig) -> None:
    """The draft keeps its number, so that the change is smooth."""
    for text in ("Look:", TABLE):
        await rig.adapter.signal(rig.to, page(rig, text), slot="slot")
    plain, rich = rig.telegram.calls_of("sendMessageDraft", "sendRichMessageDraft")
    assert plain.params["draft_id"] == rich.params["draft_id"]
    assert rig.telegram.chat(42).visible()[-1].text == "a | b\n1 | 2"


async def test_a_server_that_knows_no_rich_messages_is_asked_once(old: Rig) -> None:
    """From then on answers are text, for every chat."""
    with pytest.raises(MarkupRefused):
        await put(old)
    await put(old)
    assert kinds(old) == ["text"]
    assert len(old.telegram.calls_of("sendRichMessage")) == 1


async def test_a_rich_page_that_waited_is_not_tried_on_a_server_that_knows_none(old: Rig) -> None:
    """Pages paged before we knew are told to be said in the next form."""
    waiting = page(old)
    with pytest.raises(MarkupRefused):
        await put(old)
    with pytest.raises(MarkupRefused):
        await old.adapter.put(old.to, waiting, slot="s.1", was=None)
    assert len(old.telegram.calls_of("sendRichMessage")) == 1


async def test_an_old_server_gives_itself_away_by_an_edit_too(old: Rig) -> None:
    """It does not know the parameter and finds no text."""
    first = await put(old, "Look:")
    with pytest.raises(MarkupRefused):
        await put(old, TABLE, was=first)
    await put(old, TABLE, was=first)
    assert kinds(old) == ["text"]


async def test_an_old_server_gives_itself_away_by_a_draft_too(old: Rig) -> None:
    """Drafts of text go on."""
    with pytest.raises(MarkupRefused):
        await old.adapter.signal(old.to, page(old), slot="slot")
    await old.adapter.signal(old.to, page(old), slot="slot")
    assert [call.method for call in old.telegram.calls] == ["sendRichMessageDraft", "sendMessageDraft"]
    assert old.adapter.capabilities(old.to).preview == "draft"


@pytest.mark.parametrize(
    "fault, kind",
    [
        (server_error(502), PlatformDown),
        (cut(), DeliveryUnknown),
        (cut(after=True), DeliveryUnknown),
        (hang(), DeliveryUnknown),
        (too_many(3), PlatformBusy),
        (blocked(), ChatGone),
        (PROXY, AdapterError),
        (refuse(Refused(400, "Bad Request: can't parse rich message")), MarkupRefused),
    ],
    ids=lambda value: value.name if isinstance(value, Fault) else None,
)
async def test_nothing_else_is_a_reason_to_speak_more_plainly_for_ever(
    rig: Rig, fault: Fault, kind: type[AdapterError]
) -> None:
    """Trouble on the line says nothing about rich messages, and a refused page only that it itself is not taken."""
    rig.telegram.fail("sendRichMessage", fault)
    with pytest.raises(kind):
        await put(rig)
    await put(rig)
    assert kinds(rig)[-1] == "rich"


async def test_a_refused_page_is_said_in_the_next_form(rig: Rig) -> None:
    """Its own Markdown says the same as text."""
    refused = page(rig)
    (again,) = rig.adapter.pages(Reply(markdown=refused.source), "entities")
    await rig.adapter.put(rig.to, again, slot="s.0", was=None)
    assert kinds(rig) == ["text"]


async def test_rich_messages_can_be_switched_off() -> None:
    """Who reads on the web page, or wants to copy, has text."""
    async with open_rig(rich=False) as rig:
        await put(rig)
        assert kinds(rig) == ["text"]
        assert not rig.telegram.calls_of("sendRichMessage")
