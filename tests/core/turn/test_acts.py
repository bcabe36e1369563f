"""What is one act in several messages: what is waited for, what belongs together, and what never waits."""

import asyncio
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from core.exchange import Model
from core.testing import answer
from core.turn import acts
from core.values import Inbound, Media, Message, Quote, Received
from turns import GROUP, HERE, Lane, Windowed, assistant, question, said

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
LIMIT = 4096
FORWARDED = (Quote(text="It rains.", forwarded=True),)


def text(words: str = "", *, length: int = 0, addressed: bool = True) -> Message:
    """A message of so many letters, as Telegram's adapter tells of it."""
    words = words or "x" * length
    remaining = LIMIT - len(words) if len(words) > LIMIT // 2 else None
    return Message(id=words[:3], text=words, remaining=remaining, addressed=addressed)


def heard(*bodies: Message, every_s: float = 0.0, scope: str = "ann", chat: str = "1") -> list[Received]:
    """Messages of one person, sent so far apart."""
    to = HERE if chat == "1" else GROUP
    return [
        Received(
            row=number,
            scope=scope,
            space=scope,
            inbound=Inbound(
                key=str(number), sender=scope, to=to, body=body, at=NOON + timedelta(seconds=number * every_s)
            ),
        )
        for number, body in enumerate(bodies)
    ]


def together(*bodies: Message, every_s: float = 0.0) -> bool:
    """Whether each belongs to the one before."""
    messages = heard(*bodies, every_s=every_s)
    return all(acts.goes_on(one, other) for one, other in pairwise(messages))


PHOTO = Media(adapter="fake", ref="1", kind="photo")
ALBUM = Message(id="a", text="", album="7")
FORWARD = Message(id="f", text="", quotes=FORWARDED)


@pytest.mark.parametrize(
    "message",
    [text(length=4096), text(length=4096 - 300), ALBUM, FORWARD],
    ids=["a piece", "a piece cut before the limit", "an album's", "a forward"],
)
def test_only_what_may_be_the_beginning_of_an_act_waits_for_more(message: Message) -> None:
    """Nothing else does: neither a short text nor one of half a message, nor an edit of any."""
    (received,) = heard(message)
    assert acts.may_go_on(received)
    for other in (text("why?"), text(length=2000), text(length=3000), Message(id="p", text="", media=(PHOTO,))):
        assert not acts.may_go_on(heard(other)[0])
    edited = Message(id="e", text="x" * 4096, remaining=0, edited=True)
    assert not acts.may_go_on(heard(edited)[0])


@pytest.mark.parametrize(
    "lengths, every_s, one",
    [
        ([4096, 4096, 1073], 0, True),
        ([4096, 4096, 1], 1, True),
        ([4090, 4080, 30], 1, True),
        ([3800, 400], 1, True),
        ([3800, 100], 1, False),  # no app cuts what fits into one message
        ([2100, 3000], 0, True),  # an app for desktops cuts at a paragraph's end
        ([2100, 3000], 4, False),  # and at once
        ([2100, 1500], 0, False),
        ([2000, 4096], 0, False),  # less than half a message is cut by none
        ([4096, 10], 60, False),
        ([100, 100], 0, False),
    ],
)
def test_pieces_are_known_by_being_too_long_together(lengths: Sequence[int], every_s: float, one: bool) -> None:
    """An app cuts a text only where it does not fit, and sends the pieces at once."""
    assert together(*(text(length=length) for length in lengths), every_s=every_s) == one


def test_what_comes_with_a_file_or_replies_to_something_is_no_further_piece() -> None:
    """The rest of a text is nothing but text."""
    photo, reply = Message(id="2", text="yes", media=(PHOTO,)), Message(id="2", text="yes", quotes=(Quote(text="q"),))
    assert not together(text(length=4096), photo)
    assert not together(text(length=4096), reply)
    assert together(replace(text(length=4096), quotes=reply.quotes), reply), "each piece replies to the same"


@pytest.mark.parametrize("bodies", [(FORWARD, text("true?")), (text("true?"), FORWARD), (text("a"), FORWARD, FORWARD)])
def test_a_forward_belongs_to_its_comment_if_they_come_at_once(bodies: tuple[Message, ...]) -> None:
    """In either order; later it is another matter."""
    assert together(*bodies, every_s=1)
    assert not together(*bodies, every_s=30)


def test_pieces_are_put_together_again_as_they_were() -> None:
    """Cut in a word nothing was lost; cut before the limit the app left out a blank, or the end of a line."""
    assert _joined("a" * 4096, "b") == "a" * 4096 + "b"
    assert _joined("a" * 4000, "b" * 200) == "a" * 4000 + " " + "b" * 200
    assert _joined("a\n" + "a" * 4000, "b" * 200) == "a\n" + "a" * 4000 + "\n" + "b" * 200
    assert _joined("a" * 4096, "b" * 4090, "c" * 50) == "a" * 4096 + "b" * 4090 + " " + "c" * 50


def _joined(*words: str) -> str:
    (one,) = acts.whole(heard(*map(text, words)))
    assert isinstance(one.inbound.body, Message)
    return one.inbound.body.text


def test_pieces_that_arrive_in_another_order_are_read_in_theirs() -> None:
    """What is brought a second time comes behind what was sent after it."""
    first, second, last = heard(text("a" * 4096), text("b" * 4096), text("c"), every_s=1)
    (one,) = acts.whole([first, last, second])
    assert isinstance(one.inbound.body, Message)
    assert one.inbound.body.text == "a" * 4096 + "b" * 4096 + "c"


async def test_a_question_that_is_no_piece_waits_for_nothing() -> None:
    """Its model is asked in the same moment, however long messages that may go on would wait."""
    for body in (text("why?"), text(length=3000), Message(id="p", text="this?", media=(PHOTO,))):
        lane, model = Lane(), Windowed(answer("So."))
        lane.hear(body)
        talker = assistant(lane, model, album_s=60)
        async with asyncio.timeout(5):
            await lane.run(talker)
        assert lane.texts() == ["So."]


async def test_an_act_that_is_complete_waits_no_longer() -> None:
    """Behind the last piece, which is short, nothing can come."""
    lane, model = Lane(), Windowed(answer("So."))
    lane.hear(text("a" * 4096), text("b" * 4096), text("c"))
    async with asyncio.timeout(5):
        await lane.run(assistant(lane, model, album_s=60))
    assert question(model.requests[0]) == "a" * 4096 + "b" * 4096 + "c"


async def test_a_group_does_not_wait_behind_a_forward_that_is_for_others() -> None:
    """As soon as anybody asks, what was not said to us is left behind."""
    lane, model = Lane(), Windowed(answer("So."))
    lane.hear(Message(id="1", text="", quotes=FORWARDED, addressed=False), to=GROUP, scope="bob")
    running = asyncio.create_task(lane.run(assistant(lane, model, album_s=60)))
    await asyncio.sleep(0.01)
    lane.hear("why?", to=GROUP, scope="ann")
    async with asyncio.timeout(5):
        await running
    assert [question(request) for request in model.requests] == ["why?"]


async def test_what_was_for_others_stays_so_where_nobody_asks() -> None:
    """A forward alone, an album of somebody's holidays and a long text are context, as all other talk."""
    lane, model = Lane(), Windowed(answer("One"), answer("Two"))
    talker = assistant(lane, model)
    lane.hear("first", to=GROUP, scope="ann", name="Ann")
    await lane.run(talker)
    album = [Message(id=str(n), text="", media=(PHOTO,), album="h", addressed=False) for n in range(2)]
    lane.hear(Message(id="f", text="", quotes=FORWARDED, addressed=False), *album, to=GROUP, scope="bob", name="Bob")
    lane.hear(text(length=4096, addressed=False), to=GROUP, scope="cyd", name="Cyd")
    await lane.run(talker)
    assert len(model.requests) == 1
    lane.hear("second", to=GROUP, scope="ann", name="Ann")
    await lane.run(talker)
    told = said(model.requests[1].entries[-1])
    assert "[Bob, to others:]" in told
    assert "It rains." in told
    assert "[Cyd, to others:]" in told


async def test_an_edited_piece_is_what_is_asked() -> None:
    """While the answer is written, and before its last piece came."""
    lane, model = Lane(), Windowed(answer("So."))
    lane.hear(Message(id="1", text="a" * 4096, remaining=0))
    running = asyncio.create_task(lane.run(assistant(lane, model, album_s=1)))
    await asyncio.sleep(0.01)
    lane.hear(Message(id="1", text="A" * 4096, remaining=0, edited=True), Message(id="2", text="b"))
    await running
    assert question(model.requests[-1]) == "A" * 4096 + "b"
    assert len(lane.texts()) == 1


async def test_pictures_that_join_late_are_seen_by_a_model_that_sees() -> None:
    """Who answers was decided by a comment alone."""

    class Blind(Windowed):
        async def models(self) -> tuple[Model, ...]:
            return (Model(id="blind"),)

    lane = Lane()
    blind, seeing = Blind((asyncio.Event(),), name="blind"), Windowed(answer("A dog."), name="seeing")
    running = asyncio.create_task(lane.run(assistant(lane, blind, seeing)))
    lane.hear("What is this?")
    async with asyncio.timeout(5):
        await blind.asked.wait()
    lane.hear(Message(id="f", text="", quotes=FORWARDED, media=(PHOTO,)))
    async with asyncio.timeout(5):
        await running
    assert lane.texts() == ["A dog."]
