"""Another model takes over before the first word, and never after it; what is chosen, told and billed meanwhile."""

import asyncio

import pytest

from core import phrases
from core.errors import (
    ContextTooLong,
    ModelUnknown,
    ProviderBusy,
    ProviderDown,
    ProviderError,
    ProviderRefusedUs,
    RequestRefused,
)
from core.exchange import Delta, Finished, Part, Spent, Usage
from core.models.breaker import LIMITS
from core.models.routing import Router
from core.testing import answer
from core.values import Media, Message
from labs import Lab, answering, bill, model, own
from turns import FakeTool, Lane, calls, stop

FAULTS = [
    ProviderBusy("429", retry_after_s=30),
    ProviderBusy("529 overloaded"),
    ProviderDown("500"),
    ProviderDown("no token within 60 s"),
    ProviderRefusedUs("401 bad key"),
    ProviderRefusedUs("402 no money"),
    ModelUnknown("no such model"),
]
PHOTO = Media(adapter="fake", ref="1", kind="photo")


async def told(lane: Lane, *labs: Lab, question: str = "Hi", **how: object) -> list[str]:
    """What the chat reads after a question."""
    lane.hear(question)
    await lane.run(answering(lane, *labs, **how))  # type: ignore[arg-type]
    return lane.texts()


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_each_failure_before_the_first_word_brings_the_next_model(fault: ProviderError) -> None:
    """The person sees one line while it is changed, then an answer; the one that failed is not asked again."""
    lane, a, b = Lane(), Lab("a", ["m"], (fault,)), Lab("b")
    assert await told(lane, a, b) == ["I am b"]
    assert (a.asked, b.asked) == (["m"], ["m"])
    shown = [out.reply.markdown for out in lane.shown]
    assert shown.count(phrases.ANOTHER) <= 1
    assert str(fault) not in repr(lane.said) + repr(shown)


@pytest.mark.parametrize("fault", [fault for fault in FAULTS if fault.retryable], ids=str)
async def test_an_answer_that_breaks_off_is_begun_again_by_the_next(fault: ProviderError) -> None:
    """In the same place: two halves of two answers are no answer."""
    lane, a, b = Lane(), Lab("a", ["m"], (Delta(text="It is"), fault)), Lab("b")
    assert await told(lane, a, b) == ["I am b"]
    assert b.asked == ["m"]


async def test_where_every_answer_breaks_off_the_longest_stands() -> None:
    """A few are begun, since each is paid for; then there is what there is, and it says that it broke off."""
    halves = [(Delta(text=text), ProviderDown("x")) for text in ("It", "It is the", "It is", "It i")]
    lane, a = Lane(), Lab("a", ["m"], *halves, answer("too late"))
    assert await told(lane, a) == [f"It is the\n\n{phrases.BROKE_OFF}"]
    assert len(a.asked) == 4


async def test_thinking_is_no_word() -> None:
    """A model that broke while it thought is replaced."""
    lane = Lane()
    a = Lab("a", ["m"], (Delta(text="Hm", kind="reasoning"), ProviderDown("x")))
    assert await told(lane, a, Lab("b")) == ["I am b"]


async def test_a_request_that_is_wrong_is_taken_nowhere_else() -> None:
    """It will never be taken as it is, and another lab need not be shown it."""
    lane, b = Lane(), Lab("b")
    assert await told(lane, Lab("a", ["m"], (RequestRefused("400"),)), b) == [phrases.MODEL_CANNOT]
    assert b.asked == []


async def test_the_line_goes_on_to_the_third() -> None:
    """And the apology, where all fail, is for the one that was chosen."""
    lane = Lane()
    a, b = Lab("a", ["m"], (ProviderRefusedUs("x"),)), Lab("b", ["m"], (ModelUnknown("x"),))
    assert await told(lane, a, b, Lab("c")) == ["I am c"]
    lane = Lane()
    assert await told(lane, a, b) == [phrases.MODEL_REFUSED_US]


async def test_where_all_fail_the_first_that_may_have_got_over_it_is_asked_once_more() -> None:
    """A moment later; not one that refused us."""
    lane = Lane()
    a = Lab("a", ["m"], (ProviderRefusedUs("401"),), answer("never"))
    b = Lab("b", ["m"], (ProviderDown("x", retry_after_s=0),), answer("Here again"))
    assert await told(lane, a, b) == ["Here again"]
    assert (a.asked, b.asked) == (["m"], ["m", "m"])


async def test_the_order_of_the_configuration_is_kept() -> None:
    """Also for a model that was named, and for a provider named alone."""
    lane = Lane()
    labs = [Lab("a"), Lab("b", ["m"], (ProviderDown("x"),)), Lab("c", ["v", "w"])]
    assert await told(lane, *labs, wish="b/m", fallbacks=["c", "a"]) == ["I am c"]
    assert [lab.asked for lab in labs] == [[], ["m"], ["v"]]


async def test_a_substitute_sees_what_is_asked_about() -> None:
    """Abilities are looked at again for each: the blind one between is passed over."""
    lane = Lane()
    labs = [Lab("a", [model("m", sees=True)], (ProviderDown("x"),)), Lab("blind"), Lab("c", [model("m", sees=True)])]
    lane.hear(Message(id="1", text="What is this?", media=(PHOTO,)))
    await lane.run(answering(lane, *labs))
    assert lane.texts() == ["I am c"]
    assert labs[1].asked == []


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_no_failure_makes_a_conversation_leave_ones_own_machines(fault: ProviderError) -> None:
    """Rather an apology than somebody else's ears; another machine of one's own may take over."""
    lane, cloud = Lane(), Lab("cloud")
    local = Lab("local", [own("m")], (fault,), (fault,))
    (text,) = await told(lane, local, cloud, fallbacks=["local", "cloud"])
    assert text != "I am cloud"
    assert cloud.asked == []
    lane = Lane()
    assert await told(lane, local, cloud, Lab("mine", [own("m")])) == ["I am mine"]
    assert cloud.asked == []


async def test_whoever_took_over_is_asked_for_the_rest_of_the_answer() -> None:
    """Its calls of tools are answered by itself."""
    lane, tool = Lane(), FakeTool("look")
    a = Lab("a", ["m"], (ProviderDown("x"),), answer("never"))
    b = Lab("b", ["m"], calls(("look", "{}")), answer("Found"))
    assert await told(lane, a, b, tools=[tool.tool]) == ["Found"]
    assert (a.asked, b.asked) == (["m"], ["m", "m"])


async def test_a_stop_is_heard_while_models_are_changed() -> None:
    """The second one hangs; the person need not wait for it."""
    lane = Lane()
    a, b = Lab("a", ["m"], (ProviderDown("x"),)), Lab("b", ["m"], (asyncio.Event(),))
    lane.hear("Hi")
    running = asyncio.create_task(lane.run(answering(lane, a, b)))
    await lane.showing(phrases.ANOTHER)
    lane.hear(stop())
    await running
    assert lane.texts() == [phrases.STOPPED]
    assert b.unfinished == 1


class TestTooLong:
    """A conversation that is too long is shortened, then brought to a model that holds more."""

    async def test_it_is_shortened_first(self) -> None:
        """The next model is not needed."""
        lane, b = Lane(), Lab("b")
        a = Lab("a", [model("m", room=100_000)], answer("one"), (ContextTooLong("x"),), answer("two"))
        talker = answering(lane, a, b)
        for text in ("first", "second"):
            lane.hear(text)
            await lane.run(talker)
        assert lane.texts() == ["one", "two"]
        assert b.asked == []

    async def test_then_a_larger_one_is_asked(self) -> None:
        """Of the same provider or another; one that holds as little is passed over."""
        lane = Lane()
        a = Lab("a", [model("s", room=8000), model("l", room=9000)], (ContextTooLong("x"),), answer("It fits"))
        assert await told(lane, a, Lab("b", [model("m", room=8000)])) == ["It fits"]
        assert a.asked == ["s", "l"]

    async def test_where_nobody_holds_more_the_person_is_told_what_to_do(self) -> None:
        """In a sentence that helps."""
        lane, b = Lane(), Lab("b", [model("m", room=4000)])
        assert await told(lane, Lab("a", [model("m", room=8000)], (ContextTooLong("x"),)), b) == [phrases.TOO_LONG]
        assert b.asked == []


class TestBreaker:
    """A model that keeps failing is left alone, and tried again by one question."""

    async def test_it_is_left_alone_once_it_fails_often(self) -> None:
        """Everybody else is answered at once, by the next."""
        lane, a, b = Lane(), Lab("a", ["m"], (ProviderDown("x"),)), Lab("b")
        talker = answering(lane, a, b)
        for _ in range(LIMITS.min_calls + 3):
            lane.hear("Hi")
            await lane.run(talker)
        assert set(lane.texts()) == {"I am b"}
        assert len(a.asked) == LIMITS.min_calls

    async def test_a_pause_that_is_asked_for_is_kept(self) -> None:
        """One 429 with Retry-After is enough."""
        lane, a, b = Lane(), Lab("a", ["m"], (ProviderBusy("429", retry_after_s=30),), answer("no")), Lab("b")
        talker = answering(lane, a, b)
        for _ in range(3):
            lane.hear("Hi")
            await lane.run(talker)
        assert (len(a.asked), len(b.asked)) == (1, 3)

    async def test_one_question_tries_it_and_then_all_are_back(self) -> None:
        """Once its rest is over."""
        failures = LIMITS.min_calls
        lane, a, b = Lane(), Lab("a", ["m"], *[(ProviderDown("x"),)] * failures, answer("Back")), Lab("b")
        routers: list[Router] = []
        talker = answering(lane, a, b, change=routers.append)
        for _ in range(failures):
            lane.hear("Hi")
            await lane.run(talker)
        breaker = routers[0].breaker(await routers[0].choose())
        breaker._until = 0.0  # as time does
        lane.hear("Hi")
        await lane.run(talker)
        assert lane.texts()[-1] == "Back"

    async def test_with_nobody_else_it_is_asked_all_the_same(self) -> None:
        """A question waits as long as a person would, and only then is there an apology."""
        lane, a = Lane(), Lab("a", ["m"], *[(ProviderDown("x"),)] * (LIMITS.min_calls + 2), answer("At last"))
        talker = answering(lane, a)
        lane.hear("Hi")
        await lane.run(talker)
        assert lane.texts() == ["At last"]

    async def test_a_wrong_request_does_not_count(self) -> None:
        """The model is fine."""
        calls = LIMITS.min_calls + 1
        lane, a = Lane(), Lab("a", ["m"], *[(RequestRefused("400"),)] * calls, answer("Yes"))
        talker = answering(lane, a)
        for _ in range(calls + 1):
            lane.hear("Hi")
            await lane.run(talker)
        assert lane.texts()[-1] == "Yes"


class TestBlind:
    """A chosen model that cannot see is used as far as it can, and the person is told."""

    async def test_the_person_is_told_plainly(self) -> None:
        """Above the answer, which comes all the same; and it is not kept as the model's words."""
        lane, blind = Lane(), Lab("blind", ["m"], answer("A picture."), answer("Again."))
        talker = answering(lane, blind, Lab("sees", [model("m", sees=True)]), wish="blind/m")
        lane.hear(Message(id="1", text="What is this?", media=(PHOTO,)))
        await lane.run(talker)
        notice = phrases.BLIND.format(model="blind/m", what="pictures")
        assert lane.texts() == [f"{notice}\n\nA picture."]
        lane.hear("And now?")
        await lane.run(talker)
        assert lane.texts()[-1] == "Again.", "it is told once, about the question at hand"
        assert "cannot see" not in repr(blind.requests)

    async def test_nothing_is_said_of_one_that_did_not_answer(self) -> None:
        """Neither where another one took over, which sees it, nor where nobody did."""
        lane, blind = Lane(), Lab("blind", ["m"], (ProviderRefusedUs("x"),))
        photo = Message(id="1", text="What is this?", media=(PHOTO,))
        lane.hear(photo)
        await lane.run(answering(lane, blind, Lab("c", [model("m", sees=True)]), wish="blind/m", fallbacks=["c"]))
        lane.hear(photo)
        await lane.run(answering(lane, blind, wish="blind/m"))
        assert lane.texts() == ["I am c", phrases.MODEL_REFUSED_US]

    async def test_a_pdf_is_a_document_to_be_seen(self) -> None:
        """Told by its type or its name."""
        lane, pdf = Lane(), Media(adapter="fake", ref="1", kind="document", name="A.PDF")
        lane.hear(Message(id="1", text="Sum up", media=(pdf,)))
        await lane.run(answering(lane, Lab("a", [model("m", sees=True)]), wish="a/m"))
        assert phrases.BLIND.format(model="a/m", what="PDFs") in lane.texts()[0]


class TestBill:
    """Each call is kept with what it took and cost, however it ended, under names that a second run writes again."""

    USAGE = Usage(input_tokens=1000, output_tokens=500)

    def said(self, text: str, *spent: Usage) -> tuple[object, ...]:
        return (*(Spent(usage=one) for one in spent), Delta(text=text))

    async def test_an_answer_is_kept_with_its_price(self) -> None:
        """1,000 x $4/M + 500 x $20/M = $0.014 = 1.4 credits."""
        lane = Lane()
        finished = Finished(reason="stop", parts=(Part(kind="text", body="Yes"),), usage=self.USAGE)
        await told(lane, Lab("anthropic", ["claude-opus-5-5"], (Delta(text="Yes"), finished)))
        (call,) = bill(lane)
        assert (call.provider, call.model, call.usage) == ("anthropic", "claude-opus-5-5", self.USAGE)
        assert (call.microcredits, call.ended, call.counted, call.priced) == (1_400_000, "answered", True, True)

    async def test_each_step_and_each_attempt_has_a_row(self) -> None:
        """Those that broke after they had begun as well; a request that was turned away costs nothing."""
        lane, tool = Lane(), FakeTool("look")
        a = Lab("a", ["m"], (Spent(usage=self.USAGE), ProviderDown("x")))
        b = Lab("b", ["m"], (ProviderBusy("429"),))
        c = Lab("c", ["m"], calls(("look", "{}"), text="Looking"), answer("Found"))
        await told(lane, a, b, c, tools=[tool.tool])
        assert [(call.provider, call.ended) for call in bill(lane)] == [
            ("a", "broke"),
            ("c", "answered"),
            ("c", "answered"),
        ]
        rows = sorted(row for table, row in lane.records.rows if table == "calls")
        assert rows == [f"{lane.name}/{1:016d}.{step}" for step in ("0000.0000", "0000.0001", "0001.0000")]

    async def test_a_call_that_was_stopped_is_paid_by_what_it_had_spent(self) -> None:
        """By its last word about that, never by nothing."""
        lane = Lane()
        a = Lab("anthropic", ["claude-opus-5-5"], (*self.said("It is", self.USAGE), asyncio.Event()))  # type: ignore[arg-type]
        lane.hear("Hi")
        running = asyncio.create_task(lane.run(answering(lane, a)))
        await lane.showing("It is")
        lane.hear(stop())
        await running
        (call,) = bill(lane)
        assert (call.ended, call.usage, call.microcredits) == ("stopped", self.USAGE, 1_400_000)

    @pytest.mark.parametrize("began", [True, False])
    async def test_where_nothing_was_counted_an_estimate_is(self, began: bool) -> None:
        """Also where nothing had come at all: the prompt was sent."""
        lane = Lane()
        said: tuple[object, ...] = (Delta(text="word " * 400),) if began else ()
        a = Lab("anthropic", ["claude-opus-5-5"], (*said, asyncio.Event()))  # type: ignore[arg-type]
        lane.hear("Hi " * 1000)
        running = asyncio.create_task(lane.run(answering(lane, a)))
        await asyncio.wait_for(a.begun.wait(), 5)
        if began:
            await lane.showing("word")
        lane.hear(stop())
        await running
        (call,) = bill(lane)
        assert not call.counted
        assert 900 <= call.usage.input_tokens <= 1200
        assert call.usage.output_tokens == (500 if began else 0)
        assert call.microcredits > 0

    async def test_words_that_came_after_the_last_count_are_added(self) -> None:
        """A lab that counts at the beginning only has not counted them."""
        lane = Lane()
        early = Usage(input_tokens=1000, output_tokens=1)
        a = Lab("anthropic", ["claude-opus-5-5"], (*self.said("word " * 80, early), ProviderDown("x")))  # type: ignore[arg-type]
        await told(lane, a)
        call, *_ = bill(lane)
        assert call.usage == Usage(input_tokens=1000, output_tokens=100)
        assert (call.ended, call.counted) == ("broke", False)

    async def test_thinking_is_paid_for(self) -> None:
        """It is output like any other."""
        lane = Lane()
        thinking = (Delta(text="hm " * 400, kind="reasoning"), Delta(text="Y"), ProviderDown("x"))
        await told(lane, Lab("a", ["m"], thinking))
        assert bill(lane)[0].usage.output_tokens == 301

    async def test_ones_own_machines_cost_nothing_and_are_kept_all_the_same(self) -> None:
        """What was used is worth knowing."""
        lane = Lane()
        await told(lane, Lab("local", [own("m")]))
        assert [(call.microcredits, call.usage.output_tokens) for call in bill(lane)] == [(0, 1)]

    async def test_a_turn_that_was_killed_and_runs_again_writes_the_same_rows(self) -> None:
        """What a recorded step cost is kept with it, and its row is not written twice."""
        lane, tool = Lane(), FakeTool("look")
        lane.hear("Hi")

        def kill(moment: str, what: str) -> None:
            if moment == "commit":
                raise KeyboardInterrupt

        lane.kill = kill
        script = (calls(("look", "{}"), text="Looking"), answer("Found"))
        with pytest.raises(KeyboardInterrupt):
            await lane.turn(answering(lane, Lab("a", ["m"], *script), tools=[tool.tool]))
        assert len(bill(lane)) == 1, "the first step is paid and recorded, the second went down with the turn"
        lane.kill = lambda moment, what: None
        await lane.run(answering(lane, Lab("a", ["m"], answer("Found")), tools=[tool.tool]))
        assert len(bill(lane)) == 2
        assert len(tool.made) == 1

    async def test_a_question_that_is_edited_is_paid_twice(self) -> None:
        """Both calls were made."""
        lane = Lane()
        a = Lab("a", ["m"], (Delta(text="It"), asyncio.Event()), answer("Better"))
        (row,) = lane.hear(Message(id="7", text="Hi"))
        running = asyncio.create_task(lane.run(answering(lane, a)))
        await lane.showing("It")
        lane.hear(Message(id="7", text="Ho", edited=True))
        await running
        assert [call.ended for call in bill(lane)] == ["stopped", "answered"]
        assert row == 1
