"""Several conversations in one lane: beginning one, going back to one, answering again, and reading them."""

from datetime import UTC, datetime, timedelta

from core import phrases
from core.context.archive import StoredArchive
from core.context.conversation import Context
from core.errors import ModelUnknown
from core.site import Excerpt
from core.testing import answer
from core.values import Command, Message
from turns import GROUP, Lane, Windowed, assistant
from turns import said as words


async def entries(lane: Lane) -> list[str]:
    """What the lane's current conversation says."""
    return [words(entry) for entry in (await Context(lane.records).history(lane.name)).entries]


async def test_a_new_conversation_puts_the_old_one_aside() -> None:
    """Nothing of the old one is shown to the model, and nothing of it is lost."""
    lane, model = Lane(), Windowed(answer("One"), answer("Two"))
    lane.hear("first", Command(name="new"), "second")
    await lane.run(assistant(lane, model))
    assert [words(entry) for entry in model.requests[1].entries] == ["second"]
    talks = await Context(lane.records).talks(lane.name, 10)
    assert [talk.title for talk in talks] == ["first", "second"]


async def test_an_earlier_conversation_is_gone_on_with() -> None:
    """Switching back says nothing; the next question is answered with what was said there."""
    lane, model = Lane(), Windowed(answer("One"), answer("Two"), answer("Three"))
    lane.hear("first", Command(name="new"), "second")
    talker = assistant(lane, model)
    await lane.run(talker)
    (first, _) = await Context(lane.records).talks(lane.name, 10)
    said = len(lane.said)
    lane.hear(Command(name="switch", args=first.id), "third")
    await lane.run(talker)
    assert [words(entry) for entry in model.requests[2].entries] == ["first", "One", "third"]
    assert len(lane.said) == said + 1


async def test_there_is_no_switching_to_what_is_not_there() -> None:
    """A made-up name changes nothing."""
    lane, model = Lane(), Windowed(answer("One"))
    lane.hear("first", Command(name="switch", args="0000000000000042"))
    await lane.run(assistant(lane, model))
    assert lane.texts()[-1] == phrases.NO_SUCH_CONVERSATION
    assert await entries(lane) == ["first", "One"]


async def test_the_last_question_is_answered_again() -> None:
    """The model does not see its first answer, and the conversation keeps only the second."""
    lane, model = Lane(), Windowed(answer("Zero"), answer("One"), answer("Better"))
    lane.hear("before", "question", Command(name="retry"))
    await lane.run(assistant(lane, model))
    assert [words(entry) for entry in model.requests[2].entries] == ["before", "Zero", "question"]
    assert await entries(lane) == ["before", "Zero", "question", "Better"]
    assert lane.texts()[-1] == "Better"


async def test_an_answer_is_not_given_up_for_a_failure() -> None:
    """The old answer stays in the conversation where there is no new one: the model was down, or was stopped."""
    lane, model = Lane(), Windowed(answer("One"), (ModelUnknown("x"),))
    talker = assistant(lane, model)
    for said in (["question"], [Command(name="retry")], [Command(name="retry"), Command(name="stop")]):
        lane.hear(*said)
        await lane.run(talker)
    assert lane.texts()[1:] == [phrases.NO_MODEL, phrases.STOPPED]
    assert await entries(lane) == ["question", "One"]


async def test_what_others_said_and_what_was_edited_is_no_question() -> None:
    """Answering again goes back to what was asked."""
    lane, model = Lane(), Windowed(answer("One"), answer("Two"))
    talker = assistant(lane, model)
    lane.hear(Message(id="1", text="question"), to=GROUP)
    await lane.run(talker)
    lane.hear(Message(id="7", text="six?", addressed=False), to=GROUP, scope="bob")
    lane.hear(Message(id="1", text="aside", edited=True), to=GROUP)
    lane.hear(Command(name="retry"), to=GROUP)
    await lane.run(talker)
    assert words(model.requests[1].entries[-1]) == "question"


async def test_the_last_question_may_be_put_in_other_words() -> None:
    """What was asked first is forgotten with its answer."""
    lane, model = Lane(), Windowed(answer("One"), answer("Two"))
    lane.hear("tpyo", Command(name="retry", args="typo"))
    await lane.run(assistant(lane, model))
    assert await entries(lane) == ["typo", "Two"]


async def test_with_nothing_asked_there_is_nothing_to_answer_again() -> None:
    """The person is told so."""
    lane, model = Lane(), Windowed()
    lane.hear(Command(name="retry"))
    await lane.run(assistant(lane, model))
    assert lane.texts() == [phrases.NOTHING_TO_RETRY]


async def test_a_group_keeps_listening_in_a_new_conversation() -> None:
    """It was asked something there once, so what people say to one another is context."""
    lane, model = Lane(name="group"), Windowed(answer("One"), answer("Two"))
    lane.hear("hello", Command(name="new"), to=GROUP, name="Ann")
    lane.hear(Message(id="7", text="let us meet at six", addressed=False), to=GROUP, name="Bob", scope="bob")
    lane.hear("when?", to=GROUP, name="Ann")
    await lane.run(assistant(lane, model))
    assert "six" in words(model.requests[1].entries[0])


class FakeLanes:
    """An engine that knows one person."""

    def __init__(self, lane: Lane) -> None:
        self.records = lane.records
        self._lane = lane

    async def lane(self, adapter: str, sender: str) -> str:
        return self._lane.name if (adapter, sender) == ("web", "ann") else ""


class TestArchive:
    async def test_it_lists_conversations_with_the_current_one(self) -> None:
        """The latest first; one that was just begun is there though nothing was said in it."""
        lane, model = Lane(), Windowed(answer("One"))
        lane.hear("  What is\na tombstone? ", Command(name="new"))
        await lane.run(assistant(lane, model))
        archive = StoredArchive(FakeLanes(lane), "web")  # type: ignore[arg-type]
        listed = await archive.conversations("ann")
        assert [(one.title, one.current) for one in listed] == [("", True), ("What is a tombstone?", False)]
        assert [words(entry) for entry in (await archive.read("ann", listed[1].id)).entries] == [
            "  What is\na tombstone? ",
            "One",
        ]

    async def test_strangers_have_one_empty_conversation(self) -> None:
        """Whoever never said anything reads nothing, least of all somebody else's."""
        lane, model = Lane(), Windowed(answer("One"))
        lane.hear("secret")
        await lane.run(assistant(lane, model))
        archive = StoredArchive(FakeLanes(lane), "web")  # type: ignore[arg-type]
        (only,) = await archive.conversations("bob")
        assert (only.title, only.current) == ("", True)
        assert datetime.now(UTC) - only.at < timedelta(minutes=1)
        assert await archive.read("bob", only.id) == Excerpt()

    async def test_a_name_from_elsewhere_leads_nowhere(self) -> None:
        """A conversation's name is looked up below the person's own lane, whatever it says."""
        lane, model = Lane(), Windowed(answer("One"))
        lane.hear("secret")
        await lane.run(assistant(lane, model))
        archive = StoredArchive(FakeLanes(lane), "web")  # type: ignore[arg-type]
        assert await archive.read("ann", "../plane/0000000000000000") == Excerpt()
        for place in ("../0", "\U0010ffff", "~", "", " "):
            assert not (await archive.read("ann", "nothing", before=place)).entries
            assert not (await archive.read("ann", "nothing", after=place)).entries

    async def test_a_long_conversation_is_read_in_parts(self) -> None:
        """From either end to the other, each entry once, whatever the size of the parts."""
        lane, model = Lane(), Windowed(*(answer(f"answer {number}") for number in range(130)))
        for number in range(130):
            lane.hear(f"question {number}")
            await lane.run(assistant(lane, model))
        archive = StoredArchive(FakeLanes(lane), "web")  # type: ignore[arg-type]
        (one,) = await archive.conversations("ann")
        whole = [f"{kind} {number}" for number in range(130) for kind in ("question", "answer")]
        back: list[str] = []
        part = await archive.read("ann", one.id, limit=7)
        assert part.ends
        while True:
            back = [*map(words, part.entries), *back]
            if part.begins:
                break
            part = await archive.read("ann", one.id, before=part.places[0], limit=7)
        assert back == whole
        forth: list[str] = []
        part = await archive.read("ann", one.id, after="", limit=100)
        assert part.begins
        while True:
            forth += map(words, part.entries)
            if part.ends:
                break
            part = await archive.read("ann", one.id, after=part.places[-1], limit=100)
        assert forth == whole
