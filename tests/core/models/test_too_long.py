"""A question that no model holds is answered all the same: cut, with a word about that to the model and the person."""

import asyncio

from core import phrases
from core.context.conversation import size
from core.errors import ContextTooLong, ProviderDown
from core.exchange import Delta, Model, Request
from core.models.breaker import LIMITS
from core.models.routing import Router
from core.testing import answer
from core.values import Media, Message
from labs import Lab, answering, model
from turns import FakeTool, Lane, Script, Windowed, assistant, calls, said

LONG = "The first words. " + "x" * 100_000 + " What do you make of it?"
MIDDLE = phrases.SHORTENED.format(what="its middle")
PDF = Media(adapter="fake", ref="1", kind="document", mime="application/pdf", name="big.pdf", size_bytes=9_000_000)


class Strict(Windowed):
    """A model that holds so many bytes, whatever it is thought to hold; and as many files as it is told."""

    def __init__(self, most: int, *, window: int = 0, files: int = 99, name: str = "fake") -> None:
        super().__init__(window=window, name=name)
        self.then: list[Script] = []
        self.scripts_for(self._judged)
        self._most, self._files = most, files

    def _judged(self, request: Request) -> Script:
        media = [part for entry in request.entries for part in entry.parts if part.media is not None]
        if sum(map(size, request.entries)) > self._most or len(media) > self._files:
            return (ContextTooLong("too long"),)
        return self.then.pop(0) if self.then else answer("Fine")


async def test_a_question_no_model_holds_is_cut_by_our_own_count() -> None:
    """Nobody is asked in vain; the beginning and the end stay, and the model knows that something is missing."""
    lane, talker = Lane(), Strict(1 << 40, window=4096)
    lane.hear(LONG)
    await lane.run(assistant(lane, talker))
    assert lane.texts() == [f"{MIDDLE}\n\nFine"]
    (request,) = talker.requests
    text = said(request.entries[-1])
    assert text.startswith("The first words.")
    assert text.endswith("What do you make of it?")
    assert "characters are left out here" in text
    assert 4000 < len(text) < 4096 * 3


async def test_it_is_cut_further_as_long_as_the_model_says_too_long() -> None:
    """Its word counts more than our count."""
    for window in (0, 1_000_000):
        lane, talker = Lane(), Strict(3000, window=window)
        lane.hear(LONG)
        await lane.run(assistant(lane, talker))
        assert lane.texts() == [f"{MIDDLE}\n\nFine"]
        text = said(talker.requests[-1].entries[-1])
        assert text.startswith("The first words.")
        assert text.endswith("What do you make of it?")


async def test_what_was_said_before_goes_first_and_the_question_stays_whole() -> None:
    """Nothing is said of it: nothing of the question is missing."""
    lane, talker = Lane(), Strict(1 << 40, window=200_000)
    bot = assistant(lane, talker)
    for _ in range(3):
        lane.hear("Old. " * 2000)
        await lane.run(bot)
    talker._most = 6000
    lane.hear("q" * 5500)
    await lane.run(bot)
    assert lane.texts()[-1] == "Fine"
    assert said(talker.requests[-1].entries[-1]) == "q" * 5500


async def test_a_larger_model_reads_all_of_it_before_anything_is_cut() -> None:
    """Also where no model holds all that was said before: that can be left out."""
    lane = Lane()
    small, large = Lab("a", [model("m", room=4096)]), Lab("b", [model("m", room=60_000)])
    talker = answering(lane, small, large)
    for _ in range(4):
        lane.hear("y" * 60_000)
        await lane.run(talker)
    lane.hear(LONG)
    await lane.run(talker)
    assert lane.texts()[-1] == "I am b"
    assert said(large.requests[-1].entries[-1]) == LONG
    assert small.asked == []


async def test_where_even_the_largest_is_too_small_it_is_the_one_that_is_asked() -> None:
    """As much as possible is read."""
    lane = Lane()
    labs = [Lab("a", [model("m", room=4096)]), Lab("b", [model("m", room=9000)]), Lab("c", [model("m", room=6000)])]
    lane.hear(LONG)
    await lane.run(answering(lane, *labs))
    assert lane.texts() == [f"{MIDDLE}\n\nI am b"]


async def test_a_model_chosen_by_name_is_asked_before_its_question_is_cut() -> None:
    """We count on the high side, and it was chosen."""
    lane, lab = Lane(), Lab("a", [model("m", room=4096)])
    lane.hear("z" * 15_000)
    await lane.run(answering(lane, lab, wish="a/m"))
    assert lane.texts() == ["I am a"]


async def test_one_that_cuts_off_silently_is_not_relied_upon() -> None:
    """A server of one's own may take a prompt that is too long and lose its beginning."""
    lane = Lane()
    lab = Lab("a", [Model(id="m", hosting="self", context_tokens=4096)])
    lane.hear("z" * 15_000)
    await lane.run(answering(lane, lab, wish="a/m"))
    assert lane.texts() == [f"{MIDDLE}\n\nI am a"]


async def test_a_file_that_is_too_large_for_all_becomes_words() -> None:
    """The question about it is whole; the model knows what it cannot see, and the person that it could not."""
    lane, talker = Lane(), Strict(1 << 40, window=100_000, files=0)
    lane.hear(Message(id="1", text="Sum it up", media=(PDF,)))
    await lane.run(assistant(lane, talker))
    assert lane.texts() == [f"{phrases.SHORTENED.format(what='the file')}\n\nFine"]
    text = said(talker.requests[-1].entries[-1])
    assert "Sum it up" in text
    assert "big.pdf" in text


async def test_files_said_before_go_with_what_was_said_before() -> None:
    """They are not what is asked about."""
    lane, talker = Lane(), Strict(1 << 40, window=100_000)
    bot = assistant(lane, talker)
    lane.hear(Message(id="1", text="Look", media=(PDF,)))
    await lane.run(bot)
    talker._files = 0
    lane.hear("And what is a tombstone?")
    await lane.run(bot)
    assert lane.texts()[-1] == "Fine"
    assert "left out" not in repr(talker.requests[-1])


async def test_the_steps_that_follow_are_cut_at_once() -> None:
    """What a model once took is known for the rest of the answer, and the person is told once."""
    lane, tool, talker = Lane(), FakeTool("look"), Strict(4000)
    talker.then = [calls(("look", "{}"))]
    lane.hear(LONG)
    await lane.run(assistant(lane, talker, tools=[tool.tool]))
    assert lane.texts() == [f"{MIDDLE}\n\nFine"]
    first = next(number for number, request in enumerate(talker.requests) if sum(map(size, request.entries)) <= 4000)
    assert len(talker.requests) == first + 2


async def test_a_question_that_was_cut_is_kept_whole() -> None:
    """A larger model may read it later; and what the person is told is not kept as the model's words."""
    lane, talker = Lane(), Strict(1 << 40, window=4096)
    bot = assistant(lane, talker)
    lane.hear(LONG)
    await lane.run(bot)
    kept = [body for (table, _), body in lane.records.rows.items() if table == "context"]
    assert any(LONG.encode() in body for body in kept)
    assert MIDDLE.encode() not in b"".join(kept)


async def test_one_that_breaks_off_amid_a_cut_question_is_begun_again() -> None:
    """With the same cut, and the line about it above the answer."""
    lane, talker = Lane(), Strict(4000)
    talker.then = [(Delta(text="It is"), ProviderDown("x"))]
    lane.hear(LONG)
    await lane.run(assistant(lane, talker))
    assert lane.texts() == [f"{MIDDLE}\n\nFine"]


async def test_our_own_count_says_nothing_about_a_model_that_rests() -> None:
    """It has not answered by that: it goes on resting when the call that is made after all fails."""
    lane, small = Lane(), Lab("a", [model("m", room=4096)], (ProviderDown("x"),))
    routers: list[Router] = []
    talker = answering(lane, small, change=routers.append, busy_s=0)
    breaker = routers[0].breaker(await routers[0].choose())
    now = asyncio.get_running_loop().time()
    for _ in range(LIMITS.min_calls):
        breaker.failed(breaker.began(now), ProviderDown("x"), now)
    lane.hear(LONG)
    await lane.run(talker)
    assert len(small.asked) == 1
    assert breaker.rests_s(asyncio.get_running_loop().time()) > 0
    assert breaker.is_open


async def test_the_next_question_is_asked_with_what_it_follows_on() -> None:
    """A little of the long one is better than nothing of it; nothing is missing of what is asked now."""
    lane, talker = Lane(), Strict(1 << 40, window=4096)
    bot = assistant(lane, talker)
    for text in (LONG, "And who wrote it?"):
        lane.hear(text)
        await lane.run(bot)
    assert lane.texts()[1] == "Fine"
    first, answered, last = talker.requests[1].entries
    assert said(first).startswith("The first words.")
    assert len(said(first)) < 4096
    assert (said(answered), said(last)) == ("Fine", "And who wrote it?")


async def test_a_line_about_a_cut_question_is_not_lost_where_the_model_asks_for_leave() -> None:
    """It stands above the question, in a message of its own."""
    lane, tool, talker = Lane(), FakeTool("send", "sends"), Strict(1 << 40, window=4096)
    talker.then = [calls(("send", "X"))]
    lane.hear(LONG)
    await lane.run(assistant(lane, talker, tools=[tool.tool]))
    assert lane.texts() == [MIDDLE, "May I do this?\n\nDo X."]


async def test_several_messages_are_cut_fairly() -> None:
    """The short ones stay whole."""
    lane, talker = Lane(), Strict(1 << 40, window=4096)
    lane.hear("Read this:", LONG, "Thank you!")
    await lane.run(assistant(lane, talker, while_busy="merge"))
    text = said(talker.requests[0].entries[-1])
    assert text.startswith("Read this:")
    assert text.endswith("Thank you!")
    assert talker.requests[0].entries[-1].parts[1].body.endswith("What do you make of it?")
