"""The words a reply refers to, where its platform tells only of which message: they are looked for in what was kept."""

import pytest

from core.testing import answer
from core.values import Address, Command, Message, Quote
from turns import Lane, Windowed, assistant, question

ELSEWHERE = Address(adapter="other", chat="1")


async def asked(lane: Lane, model: Windowed, quote: Quote, *, to: Address | None = None) -> str:
    """What a model is asked by a reply to something."""
    lane.hear(Message(id="r", text="Really?", quotes=(quote,)), **({} if to is None else {"to": to}))  # type: ignore[arg-type]
    await lane.run(assistant(lane, model))
    return question(model.requests[-1])


async def talked(*texts: str, fresh: bool = False) -> tuple[Lane, Windowed]:
    """A conversation: each text with an answer; a new one after it if it should be ``fresh``."""
    lane = Lane()
    model = Windowed(*(answer(f"On {text}: yes.") for text in texts), answer("Indeed."))
    for number, text in enumerate(texts):
        lane.hear(Message(id=f"m{number}", text=text))
    if fresh:
        lane.hear(Command(name="new"))
    await lane.run(assistant(lane, model))
    return lane, model


@pytest.mark.parametrize("fresh", [False, True])
async def test_what_we_said_is_found_by_its_slot(*, fresh: bool) -> None:
    """Whichever page of it was meant, and in whichever conversation it stands."""
    lane, model = await talked("rain", "snow", fresh=fresh)
    words = await asked(lane, model, Quote(text="", mine=True, message="wamid.1", slot="1.0"))
    assert words == "[in reply to you]\n> On rain: yes.\nReally?"


async def test_what_they_said_is_found_by_its_message() -> None:
    """A person may answer themselves."""
    lane, model = await talked("rain", "snow")
    words = await asked(lane, model, Quote(text="", message="m1"))
    assert words == "[in reply to somebody]\n> snow\nReally?"


@pytest.mark.parametrize(
    "quote",
    [
        Quote(text="", mine=True, slot="77.0"),
        Quote(text="", mine=True, slot="1q.0"),
        Quote(text="", mine=True, slot="owner-abc.0"),
        Quote(text="", mine=True, message="m9"),
        Quote(text="", mine=True),
    ],
    ids=lambda quote: quote.slot or quote.message or "nothing",
)
async def test_what_is_not_known_is_told_as_before(quote: Quote) -> None:
    """Only whose it was; never the words of something else."""
    lane, model = await talked("rain")
    assert await asked(lane, model, quote) == "[in reply to you]\nReally?"


async def test_words_that_the_platform_told_stay() -> None:
    """It knows better."""
    lane, model = await talked("rain")
    words = await asked(lane, model, Quote(text="as told", message="m0", slot="1.0"))
    assert words == "[in reply to somebody]\n> as told\nReally?"


async def test_another_chats_message_of_the_same_id_is_not_meant() -> None:
    """Ids are a chat's."""
    lane, model = await talked("rain")
    words = await asked(lane, model, Quote(text="", message="m0"), to=ELSEWHERE)
    assert words == "[in reply to somebody]\nReally?"


async def test_of_a_long_answer_the_beginning_is_told() -> None:
    """The conversation has it all."""
    lane, model = Lane(), Windowed(answer("word " * 5000), answer("Indeed."))
    lane.hear(Message(id="m", text="All"))
    await lane.run(assistant(lane, model))
    words = await asked(lane, model, Quote(text="", mine=True, slot="1.2"))
    assert 4000 < len(words) < 4100
