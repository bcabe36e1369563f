"""The whole way with the real store: what each chat finally shows, whatever is brought twice, late or to nobody."""

import asyncio
import sqlite3
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import time_machine

from contracts.rigs.engines import until
from contracts.rigs.whatsapp import opened
from core import testing
from core.exchange import Delta, Finished, ModelEvent, Part, Request, Usage
from core.site import Operator
from core.testing import deployed
from simulators.whatsapp import WhatsAppSimulator
from simulators.whatsapp.simulator import Fault

DAY_S = 24 * 3600.0


class Echo(testing.FakeProvider):
    """A model that repeats the last words.

    Attributes:
        says: This instead, unless empty.
    """

    def __init__(self) -> None:
        super().__init__(())
        self.says = ""

    async def stream(self, request: Request) -> AsyncGenerator[ModelEvent, None]:
        self.requests.append(request)
        text = "".join(part.body for part in request.entries[-1].parts if part.kind == "text")
        said = self.says or f"You said {text}"
        yield Delta(text=said)
        part = Part(kind="text", body=said)
        yield Finished(reason="stop", parts=(part,), usage=Usage(input_tokens=1, output_tokens=1))


@asynccontextmanager
async def living(
    folder: Path,
    meta: WhatsAppSimulator,
    notices: list[Callable[[], str]] | None = None,
    told: list[str] | None = None,
    **more: object,
) -> AsyncGenerator[Echo]:
    """One life of a deployment; the store outlives it."""
    model = Echo()

    async def tell_owner(text: str) -> None:
        if told is not None:
            told.append(text)

    announce = (notices if notices is not None else []).append
    site = replace(testing.bot_site(folder, "whatsapp"), operator=Operator(announce=announce, tell_owner=tell_owner))
    async with opened(site, meta, **more) as adapter, deployed(folder, adapter, model):
        yield model


async def shows(screen: Callable[[], list[str]], wanted: list[str]) -> None:
    """Wait until a chat shows this, and for a moment more, in case it shows more."""
    await until(lambda: screen() == wanted, within_s=15)
    await asyncio.sleep(0.05)
    assert screen() == wanted


async def test_a_storm_of_retries_is_answered_once_each(tmp_path: Path) -> None:
    """Meta brings everything several times, in any order, also after a restart."""
    async with WhatsAppSimulator() as meta:
        people = [meta.person(f"49{number}", f"P{number}", f"DE.{number}") for number in range(8)]
        said = [(person, person.message("text", {"body": f"hello {person.name}"})) for person in people]
        async with living(tmp_path, meta):
            for _ in range(3):
                await meta.bring(said[::-1])
                for one in said:
                    await meta.bring([one])
            for person in people:
                await shows(person.screen, [f"You said hello {person.name}"])
            await meta.settled()
        async with living(tmp_path, meta):
            await meta.bring(said)
            await meta.settled()
            await asyncio.sleep(0.2)
        assert [person.screen() for person in people] == [[f"You said hello {person.name}"] for person in people]
        assert meta.violations == []


async def test_what_was_said_while_nobody_was_there_is_answered(tmp_path: Path) -> None:
    """Meta comes again until there is somebody."""
    async with WhatsAppSimulator() as meta:
        ann = meta.person("49151")
        async with living(tmp_path, meta):
            await ann.say("one")
            await shows(ann.screen, ["You said one"])
        await ann.say("two")
        await asyncio.sleep(0.1)
        async with living(tmp_path, meta):
            await shows(ann.screen, ["You said one", "You said two"])


async def test_a_message_whose_line_was_cut_after_it_arrived_is_not_said_twice(tmp_path: Path) -> None:
    """Nobody knows whether it arrived, until the status says so."""
    async with WhatsAppSimulator() as meta:
        ann = meta.person("49151")
        meta.next(Fault(after=True))
        async with living(tmp_path, meta):
            await ann.say("Hello")
            await shows(ann.screen, ["You said Hello"])
            await meta.settled()
            await ann.say("Again")
            await shows(ann.screen, ["You said Hello", "You said Again"])


@pytest.mark.parametrize("late", [False, True])
@pytest.mark.parametrize("number, bsuid", [("49151", ""), ("49151", "DE.1"), ("", "DE.1")])
async def test_what_waits_for_the_window_is_said_when_the_person_writes_again(
    tmp_path: Path, number: str, bsuid: str, *, late: bool
) -> None:
    """After the 24 hours, without a template: in order, and once, however Meta tells; and the owner hears of it."""
    async with WhatsAppSimulator() as meta:
        ann = meta.person(number, bsuid=bsuid)
        notices: list[Callable[[], str]] = []
        told: list[str] = []
        async with living(tmp_path, meta, notices, told):
            meta.next(Fault(code=131047, late=late))
            await ann.say("one")
            await until(lambda: len(told) == 1)
            await meta.settled()
            await asyncio.sleep(0.2)
            assert ann.screen() == []
            assert "1 chats wait" in notices[-1]()
            await ann.say("two")
            await shows(ann.screen, ["You said one", "You said two"])
            await meta.settled()
        assert len(told) == 1
        async with living(tmp_path, meta):
            await asyncio.sleep(0.2)
        assert ann.screen() == ["You said one", "You said two"]


@pytest.mark.parametrize("late", [False, True])
async def test_outside_the_window_the_template_says_it(tmp_path: Path, *, late: bool) -> None:
    """Where there is one, nothing waits."""
    async with WhatsAppSimulator(templates=["hello"]) as meta:
        ann = meta.person("49151")
        async with living(tmp_path, meta, template="hello"):
            meta.next(Fault(code=131047, late=late))
            await ann.say("one")
            await shows(ann.screen, ["You said one"])
            assert ann.chat[0].body["type"] == "template"


async def test_what_a_refused_template_was_to_say_waits_and_comes_as_a_text(tmp_path: Path) -> None:
    """A template that is misnamed, or was paused by Meta, costs no word; the owner hears which, once."""
    async with WhatsAppSimulator() as meta:
        ann = meta.person("49151")
        notices: list[Callable[[], str]] = []
        told: list[str] = []
        async with living(tmp_path, meta, notices, told, template="helo"):
            meta.next(Fault(code=131047))
            await ann.say("**one**")
            await until(lambda: len(told) == 1)
            assert "`helo`" in told[0]
            assert "the template was refused" in notices[-1]()
            assert ann.screen() == []
            await ann.say("two")
            await shows(ann.screen, ["You said *one*", "You said two"])
        assert len(told) == 1


async def test_a_token_that_is_not_taken_any_more_costs_nothing_and_is_told_once(tmp_path: Path) -> None:
    """Whoever runs this hears of it; what was to be said is said once there is a new token."""
    async with WhatsAppSimulator() as meta:
        ann, bob = meta.person("49151"), meta.person("49152", "Bob")
        notices: list[Callable[[], str]] = []
        told: list[str] = []
        async with living(tmp_path, meta, notices, told):
            meta.next(Fault(code=190, status=401))
            await ann.say("one")
            await until(lambda: len(told) == 1)
            await bob.say("two")
            await meta.settled()
            assert "Meta does not accept us: 190" in notices[-1]()
        with time_machine.travel(datetime.now(UTC) + timedelta(minutes=2), tick=True):
            meta.clock_s = -120.0
            async with living(tmp_path, meta, notices, told):
                await shows(ann.screen, ["You said one"])
                await shows(bob.screen, ["You said two"])
                assert "does not accept us" not in notices[-1]()
        assert len(told) == 1


async def test_what_the_platform_refuses_late_for_another_reason_is_not_said_again(tmp_path: Path) -> None:
    """It would be refused again."""
    async with WhatsAppSimulator() as meta:
        ann = meta.person("49151")
        async with living(tmp_path, meta):
            meta.next(Fault(code=131026, late=True))
            await ann.say("one")
            await until(lambda: not meta.waiting)
            await meta.settled()
            await ann.say("two")
            await shows(ann.screen, ["You said two"])


async def test_what_a_message_cost_is_kept_with_it(tmp_path: Path) -> None:
    """Each delivered message has its price."""
    async with WhatsAppSimulator() as meta:
        ann = meta.person("49151")
        async with living(tmp_path, meta, price=0.005):
            await ann.say("Hello")
            await shows(ann.screen, ["You said Hello"])
            await meta.settled()
        with sqlite3.connect(tmp_path / "waystation.db") as db:
            assert db.execute("SELECT state, microcredits FROM outbox").fetchall() == [("sent", 500_000)]


async def test_people_by_id_alone_are_written_to_by_it(tmp_path: Path) -> None:
    """Somebody with a username shows no number."""
    async with WhatsAppSimulator() as meta:
        bob = meta.person(bsuid="DE.42", name="Bob")
        async with living(tmp_path, meta):
            await bob.say("Hello")
            await shows(bob.screen, ["You said Hello"])
        assert meta.sent[0]["recipient"] == "DE.42"
        assert meta.violations == []


async def test_a_picture_with_its_words_reaches_the_model(tmp_path: Path) -> None:
    """By reference, to be fetched when somebody looks."""
    async with WhatsAppSimulator() as meta:
        ann = meta.person("49151")
        async with living(tmp_path, meta) as model:
            await ann.share("image", b"\x89PNG", "image/png", caption="What is it?")
            await shows(ann.screen, ["You said What is it?"])
            (media,) = [part.media for part in model.requests[0].entries[0].parts if part.media is not None]
            assert (media.kind, media.mime) == ("photo", "image/png")


async def test_an_answer_of_one_emoji_is_a_reaction(tmp_path: Path) -> None:
    """Below the message it answers; whoever has nothing to set it below says it."""
    async with WhatsAppSimulator() as meta:
        ann = meta.person("49151")
        async with living(tmp_path, meta) as model:
            model.says = "👍🏽"
            message = await ann.say("Thanks!")
            await until(lambda: ann.reactions == {message: "👍🏽"}, within_s=15)
            await ann.say("one")
            await until(lambda: len(ann.reactions) == 2)
            model.says = ""
            await ann.say("two")
            await shows(ann.screen, ["You said two"])
        assert meta.violations == []


async def test_each_emoji_is_set_below_the_message_it_answers(tmp_path: Path) -> None:
    """Though others were written since, or an older one is brought again."""
    async with WhatsAppSimulator() as meta:
        ann = meta.person("49151")
        async with living(tmp_path, meta) as model:
            model.says = "👍🏽"
            said = [(ann, ann.message("text", {"body": word})) for word in ("one", "two", "three")]
            await meta.bring(said)
            await meta.bring(said[:1])
            await until(lambda: len(model.requests) == 3, within_s=15)
            await until(lambda: ann.reactions == dict.fromkeys(ann.said, "👍🏽"), within_s=15)
        assert ann.screen() == []
        assert meta.violations == []


async def test_a_reaction_is_known_to_the_conversation_and_answered_by_nothing(tmp_path: Path) -> None:
    """And not told as something that was said to others: there is nobody else."""
    async with WhatsAppSimulator() as meta:
        ann = meta.person("49151")
        async with living(tmp_path, meta) as model:
            await ann.say("one")
            await shows(ann.screen, ["You said one"])
            await ann.send("reaction", {"message_id": ann.chat[0].id, "emoji": "👍"})
            await meta.settled()
            await ann.say("two")
            await until(lambda: len(ann.screen()) == 2)
            told = [part.body for entry in model.requests[-1].entries for part in entry.parts]
            assert told == ["one", "You said one", "[reacted with 👍]", "two"]
            assert len(model.requests) == 2
