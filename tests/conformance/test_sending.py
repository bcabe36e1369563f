"""What people send reaches the model as what it is, on every platform."""

from conformance.play import Play
from conformance.stage import ANN_IN_GROUP, BOB_IN_GROUP, needs
from core import phrases
from core.exchange import Blob, ToolSchema
from core.plugin import Tool, ToolContext, ToolResult
from core.testing import answer, tool_call

PNG = b"\x89PNG\r\n\x1a\n a picture"


async def test_a_question_is_answered(play: Play) -> None:
    """Once, with the model's words and no others."""
    play.model.on("capital", answer("It is ", "Paris."))
    async with play.life():
        await play.stage.say("What is the capital of France?")
        await play.reads("It is Paris.")
    assert play.model.questions() == ["What is the capital of France?"]


async def test_a_conversation_is_remembered(play: Play) -> None:
    """The second question comes with the first and its answer."""
    async with play.life():
        await play.stage.say("I am called Ann.")
        await play.reads("You said: I am called Ann.")
        await play.stage.say("What am I called?")
        await play.reads("You said: I am called Ann.", "You said: What am I called?")
    told = [part.body for entry in play.model.requests[-1].entries for part in entry.parts]
    assert told == ["I am called Ann.", "You said: I am called Ann.", "What am I called?"]


async def test_a_picture_comes_with_its_caption(play: Play) -> None:
    """The words are the question, and the file's bytes can be had."""
    async with play.life():
        await play.stage.send("photo", PNG, caption="What is this?")
        await play.reads("You said: What is this?")
        (media,) = play.model.media()
        assert media.kind == "photo"
        assert await play.fetched(media) == PNG


async def test_a_voice_note_is_heard_as_one(play: Play) -> None:
    """It comes as sound, with its type."""
    needs(play.stage, "voice")
    play.model.on("", answer("I hear you."))
    async with play.life():
        await play.stage.send("voice", b"OggS a voice")
        await play.reads("I hear you.")
        (media,) = play.model.media()
        assert (media.kind, media.mime.partition(";")[0]) == ("voice", "audio/ogg")
        assert await play.fetched(media) == b"OggS a voice"


async def test_a_file_that_was_made_reaches_the_person(play: Play) -> None:
    """Whole, with the answer it belongs to, and only once; a picture as well as what no messenger draws."""
    made = (Blob(mime="image/png", data=PNG * 100, name="tea.png"), Blob(mime="text/csv", data=b"a,b", name="tea.csv"))

    async def paint(arguments: str, caller: ToolContext) -> ToolResult:
        del arguments, caller
        return ToolResult(text="Painted.", files=made)

    schema = ToolSchema(name="paint", description="Paint.", parameters='{"type": "object", "properties": {}}')
    tool = Tool(schema=schema, effect="reads", call=paint, summary=lambda _: "Paint?")
    play.model.on("Paint tea", tool_call("paint"))
    play.model.on("Painted.", answer("Here it is."))
    async with play.life(tool):
        await play.stage.say("Paint tea")
        await play.sees("Here it is.")
        await play.until_files(*(blob.data for blob in made))


async def test_a_file_keeps_its_name(play: Play) -> None:
    """And its bytes, whatever is in them."""
    data = bytes(range(256))
    async with play.life():
        await play.stage.send("document", data, name="list of things.bin", caption="Read this")
        await play.reads("You said: Read this")
        (media,) = play.model.media()
        assert media.kind == "document"
        assert media.name.replace("_", " ") == "list of things.bin"
        assert await play.fetched(media) == data


async def test_a_place_is_told_in_words(play: Play) -> None:
    """A model reads where it is."""
    needs(play.stage, "places")
    play.model.on("location", answer("Near the tower."))
    async with play.life():
        await play.stage.place(48.8584, 2.2945)
        await play.reads("Near the tower.")
    assert "48.858" in play.model.questions()[0]
    assert "2.294" in play.model.questions()[0]


async def test_a_contact_is_told_in_words(play: Play) -> None:
    """Who, and by what number."""
    needs(play.stage, "contacts")
    play.model.on("contact", answer("Noted."))
    async with play.life():
        await play.stage.contact("Carol", "+15550100")
        await play.reads("Noted.")
    assert "Carol" in play.model.questions()[0]
    assert "15550100" in play.model.questions()[0]


async def test_an_album_is_one_question(play: Play) -> None:
    """Three pictures with one caption are looked at together."""
    needs(play.stage, "albums")
    async with play.life():
        await play.stage.album([PNG + b"1", PNG + b"2", PNG + b"3"], "Which one?")
        await play.reads("You said: Which one?")
        media = play.model.media()
        assert [await play.fetched(one) for one in media] == [PNG + b"1", PNG + b"2", PNG + b"3"]
    assert len(play.model.requests) == 1


async def test_pictures_one_after_the_other_are_all_seen(play: Play) -> None:
    """Sent singly they are looked at in turn, and none is passed over."""
    needs(play.stage, "single pictures")
    async with play.life():
        for number in range(3):
            await play.stage.send("photo", PNG + bytes([number]), caption=f"Number {number}")
        await play.reads(*(f"You said: Number {number}" for number in range(3)))


async def test_a_group_is_answered_when_it_names_us(play: Play) -> None:
    """What others said before is context, and who said it."""
    needs(play.stage, "groups")
    async with play.life():
        await play.stage.mention("hello")
        await play.sees("hello", ANN_IN_GROUP)
        await play.stage.say("I am for the red one", BOB_IN_GROUP)
        await play.stage.mention("who is for what?")
        await play.sees("who is for what?", ANN_IN_GROUP)
        assert len(await play.texts(ANN_IN_GROUP)) == 2
    assert len(play.model.requests) == 2
    told = "\n".join(part.body for entry in play.model.requests[1].entries for part in entry.parts)
    assert told.index("Bob") < told.index("I am for the red one") < told.index("who is for what?")


async def test_what_cannot_be_read_is_said_politely(play: Play) -> None:
    """One sentence, and no model is asked."""
    needs(play.stage, "strange kinds")
    async with play.life():
        await play.stage.strange()
        await play.sees(phrases.UNREADABLE.partition("(")[0].strip())
        assert len(await play.texts()) == 1
    assert play.model.requests == []
