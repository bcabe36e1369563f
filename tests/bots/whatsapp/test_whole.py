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

from bots.whatsapp import spec
from contracts.rigs.engines import SqliteRig, running, until
from contracts.rigs.telegram import accepting
from contracts.rigs.whatsapp import opened
from core import testing
from core.exchange import Delta, Finished, ModelEvent, Part, Request, Usage
from core.models.routing import Router
from core.people.access import Access
from core.site import Memo, Operator
from core.testing import FakeMemo, deployed
from core.turn.answering import Means
from core.turn.assistant import Assistant
from core.turn.toolbox import Toolbox
from simulators.whatsapp import Person, WhatsAppSimulator
from simulators.whatsapp.simulator import Fault

HOUR_S = 3600.0
DAY_S = 24 * 3600.0


class Echo(testing.FakeProvider):
    """A model that repeats the last words.

    Attributes:
        says: This instead, unless empty.
        halt: It stands still until this is set.
    """

    def __init__(self) -> None:
        super().__init__(())
        self.says = ""
        self.halt: asyncio.Event | None = None

    async def stream(self, request: Request) -> AsyncGenerator[ModelEvent, None]:
        self.requests.append(request)
        if self.halt is not None:
            await self.halt.wait()
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
    memo: Memo | None = None,
    **more: object,
) -> AsyncGenerator[Echo]:
    """One life of a deployment; the store outlives it."""
    model = Echo()

    async def tell_owner(text: str) -> None:
        if told is not None:
            told.append(text)

    announce = (notices if notices is not None else []).append
    site = replace(
        testing.bot_site(folder, "whatsapp", memo=memo), operator=Operator(announce=announce, tell_owner=tell_owner)
    )
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


@pytest.mark.parametrize("restart", [False, True])
async def test_the_words_a_reply_refers_to_are_told(tmp_path: Path, *, restart: bool) -> None:
    """Meta tells only which message that is: ours and theirs are found in what we have kept, over a restart as well."""
    memo = FakeMemo()
    async with WhatsAppSimulator() as meta:
        ann = meta.person("49151")
        async with living(tmp_path, meta, memo=memo) as model:
            theirs = await ann.say("It rains")
            await shows(ann.screen, ["You said It rains"])
            await ann.say("It snows")
            await shows(ann.screen, ["You said It rains", "You said It snows"])
            await meta.settled()
            if not restart:
                await reply(ann, model, theirs)
        if restart:
            async with living(tmp_path, meta, memo=memo) as model:
                await reply(ann, model, theirs)
        assert meta.violations == []


async def reply(ann: Person, model: Echo, theirs: str) -> None:
    """She replies to our first answer, to her own first message, and to something nobody knows."""
    for message, whose, words in (
        (ann.chat[0].id, ann.meta.number, "[in reply to you]\n> You said It rains\nReally?"),
        (theirs, ann.number, "[in reply to somebody]\n> It rains\nReally?"),
        ("wamid.unknown", ann.meta.number, "[in reply to you]\nReally?"),
    ):
        asked = len(model.requests)
        await ann.send("text", {"body": "Really?"}, context={"from": whose, "id": message})
        await until(lambda asked=asked: len(model.requests) > asked)  # type: ignore[misc]
        parts = model.requests[-1].entries[-1].parts
        assert "".join(part.body for part in parts if part.kind == "text") == words


@pytest.mark.parametrize("hours", [-60, -30, -5, 5, 30, 60])
@pytest.mark.parametrize("template", ["", "hello"])
async def test_a_clock_of_ours_that_is_wrong_by_hours_matters_to_nobody(
    tmp_path: Path, hours: int, template: str
) -> None:
    """Whoever wrote a moment ago, by Meta's clock, is answered in words, and at once."""
    async with WhatsAppSimulator(templates=["hello"], clock_s=hours * HOUR_S) as meta:
        ann = meta.person("49151")
        told: list[str] = []
        async with living(tmp_path, meta, told=told, template=template):
            for number in range(3):
                await ann.say(f"{number}")
                await shows(ann.screen, [f"You said {one}" for one in range(number + 1)])
        assert {shown.body["type"] for shown in ann.chat} == {"text"}
        assert told == []
        assert meta.violations == []


async def test_what_meta_brings_days_late_is_read_and_costs_nothing(tmp_path: Path) -> None:
    """It comes again for a week: that is context for what is asked now, and no question any more."""
    async with WhatsAppSimulator() as meta:
        ann = meta.person("49151")
        meta.clock_s = -3 * DAY_S
        old = ann.message("text", {"body": "Where is the key?"})
        meta.clock_s = 0.0
        async with living(tmp_path, meta) as model:
            await meta.bring([(ann, old)])
            await meta.settled()
            await asyncio.sleep(0.1)
            assert (meta.sent, model.requests) == ([], [])
            await ann.say("And the door?")
            await until(lambda: len(ann.screen()) == 1)
            told = str(model.requests[0].entries[-1])
            assert "Where is the key?" in told
            assert "3 days later" in told


async def test_pictures_sent_as_one_are_one_question(tmp_path: Path) -> None:
    """Meta brings each by itself, with or without a caption, and says nowhere that they belong together."""
    async with WhatsAppSimulator() as meta:
        ann = meta.person("49151")
        async with living(tmp_path, meta) as model:
            for number in range(3):
                await ann.share("image", b"\x89PNG" + bytes([number]), "image/png", caption=f"No. {number}. ")
            await until(lambda: len(ann.screen()) == 1)
            await asyncio.sleep(0.2)
        parts = model.requests[-1].entries[-1].parts
        assert sorted(part.body for part in parts if part.kind == "text") == ["No. 0. ", "No. 1. ", "No. 2. "]
        assert sum(part.media is not None for part in parts) == 3
        assert len(meta.sent) == 1


async def test_an_edit_that_changes_nothing_costs_nothing(tmp_path: Path) -> None:
    """Whatever Meta tells of as an edit."""
    async with WhatsAppSimulator() as meta:
        ann = meta.person("49151")
        async with living(tmp_path, meta) as model:
            message = await ann.say("one")
            await shows(ann.screen, ["You said one"])
            await ann.edit(message, "one")
            await meta.settled()
            await ann.say("two")
            await shows(ann.screen, ["You said one", "You said two"])
            assert "edited" not in str(model.requests[-1].entries)


async def test_a_question_that_is_deleted_meanwhile_is_not_answered(tmp_path: Path) -> None:
    """An answer to nothing would cost as much as another."""
    async with WhatsAppSimulator() as meta:
        ann = meta.person("49151")
        async with living(tmp_path, meta) as model:
            model.halt = asyncio.Event()
            message = await ann.say("one")
            await until(lambda: model.requests)
            await ann.send("revoke", {"original_message_id": message})
            await meta.settled()
            await asyncio.sleep(0.1)
            model.halt.set()
            await ann.say("two")
            await shows(ann.screen, ["You said two"])


@pytest.mark.parametrize("policy", ["pairing", "open"])
async def test_a_crowd_of_strangers_costs_what_the_operator_allows(tmp_path: Path, policy: str) -> None:
    """Each hears a sentence as long as the day's are not used up; after a restart, too. Guests are no strangers."""
    async with WhatsAppSimulator() as meta:
        people = [meta.person(f"49{number}") for number in range(12)]
        for crowd in (people[:6], people[6:]):
            site = testing.bot_site(tmp_path, "whatsapp")
            async with opened(site, meta) as adapter, SqliteRig(tmp_path / "store").open() as engine:
                access = Access(
                    engine.records,
                    policy,  # type: ignore[arg-type]
                    [],
                    paid=["whatsapp"],
                    max_paid_replies_per_day=4,
                )
                means = Means(
                    records=engine.records, router=Router([Echo()], "auto"), toolbox=Toolbox([]), system="Be brief."
                )
                async with running(engine, Assistant(means, access), adapter), accepting(adapter, engine.accept):
                    for person in crowd:
                        await person.say("hello")
                    await meta.settled()
                    wanted = 4 if policy == "pairing" else len([one for one in people if one.said])
                    await until(lambda wanted=wanted: len(meta.sent) == wanted, within_s=15)  # type: ignore[misc]
                    await asyncio.sleep(0.2)
        assert len(meta.sent) == (4 if policy == "pairing" else 12)
        assert sum(bool(person.screen()) for person in people) == len(meta.sent)


def test_whatsapp_is_known_to_cost_money() -> None:
    """So that the limit is about it."""
    assert spec.paid
