"""python-telegram-bot, as it is, against the simulated Telegram: what is sent, changed and taken back."""

from __future__ import annotations

import pytest
from telegram import (
    Bot,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InputMediaPhoto,
    Message,
    MessageEntity,
    ReactionTypeEmoji,
    ReplyParameters,
)
from telegram.error import BadRequest, EndPointNotFound, Forbidden, InvalidToken

from simulators.telegram import TelegramSimulator
from simulators.telegram.spec import Spec

YES_NO = InlineKeyboardMarkup([[InlineKeyboardButton(word, callback_data=word.lower()) for word in ("Yes", "No")]])


async def test_a_person_speaks_and_reads_the_answer(telegram: TelegramSimulator, bot: Bot) -> None:
    """What a person says comes as an update, and what the bot answers stands on their screen."""
    telegram.person(42).say("/start now")
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.text == "/start now"
    assert update.message.entities[0].type == "bot_command"
    await bot.send_message(42, "*hello*", parse_mode="MarkdownV2", reply_markup=YES_NO)
    shown = telegram.chat(42).replies()[-1]
    assert shown.text == "hello"
    assert shown.entities == ({"type": "bold", "offset": 0, "length": 5},)
    assert [b.text for b in shown.buttons[0]] == ["Yes", "No"]
    assert telegram.violations == []


async def test_an_edit_replaces_the_text_and_keeps_the_past(telegram: TelegramSimulator, bot: Bot) -> None:
    """An edited message shows its last text, and its history holds every version in order."""
    sent = await bot.send_message(42, "one")
    await bot.edit_message_text("two", 42, sent.message_id)
    (shown,) = telegram.chat(42).visible()
    assert shown.text == "two"
    assert [version.text for version in shown.history] == ["one", "two"]


async def test_an_edit_that_changes_nothing_is_refused(telegram: TelegramSimulator, bot: Bot) -> None:
    """Editing a message to what it already says is a 400, as is editing one that is gone."""
    sent = await bot.send_message(42, "same", reply_markup=YES_NO)
    with pytest.raises(BadRequest, match="Message is not modified"):
        await bot.edit_message_text(" same ", 42, sent.message_id, reply_markup=YES_NO)
    await bot.delete_message(42, sent.message_id)
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await bot.edit_message_text("more", 42, sent.message_id)
    assert telegram.chat(42).visible() == ()


async def test_an_edit_without_a_keyboard_takes_the_buttons_away(telegram: TelegramSimulator, bot: Bot) -> None:
    """Buttons stay under an edited message only if the edit names them again."""
    sent = await bot.send_message(42, "choose", reply_markup=YES_NO)
    await bot.edit_message_text("chosen", 42, sent.message_id)
    assert telegram.chat(42).replies()[0].buttons == ()


@pytest.mark.parametrize(
    "text,refusal",
    [
        ("x" * 4097, "Message is too long"),
        ("🏟" * 2049, "Message is too long"),
        ("   ", "Message text is empty"),
        ("*half", "Can't parse entities: can't find end of Bold entity at byte offset 0"),
    ],
)
async def test_a_text_that_breaks_the_rules_is_refused(
    telegram: TelegramSimulator, bot: Bot, text: str, refusal: str
) -> None:
    """Text has 1 to 4096 UTF-16 units after its markup is parsed, and its markup must parse."""
    with pytest.raises(BadRequest, match=f"(?i){refusal}"):
        await bot.send_message(42, text, parse_mode="MarkdownV2")
    assert telegram.violations[0].refused
    assert telegram.chat(42).visible() == ()


async def test_length_counts_after_parsing(telegram: TelegramSimulator, bot: Bot) -> None:
    """Markup itself does not count against the limit, and astral characters count twice."""
    await bot.send_message(42, "<b>" + "🏟" * 2048 + "</b>", parse_mode="HTML")
    assert telegram.chat(42).replies()[0].entities[0]["length"] == 4096


@pytest.mark.parametrize(
    "offset,length,word", [(0, 9, "outside"), (1, 1, "splits"), (0, 1, "splits"), (-1, 2, "outside")]
)
async def test_entities_lie_within_the_text(
    telegram: TelegramSimulator, bot: Bot, offset: int, length: int, word: str
) -> None:
    """An entity that leaves the text or cuts a surrogate pair is recorded and refused."""
    with pytest.raises(BadRequest):
        await bot.send_message(42, "🏟 ok", entities=[MessageEntity("bold", offset, length)])
    assert word in telegram.violations[0].detail


async def test_more_than_a_hundred_entities_are_recorded_and_cut(telegram: TelegramSimulator, bot: Bot) -> None:
    """Only the first hundred entities are kept, and the rest is a recorded violation."""
    await bot.send_message(42, "x" * 200, entities=[MessageEntity("bold", i, 1) for i in range(150)])
    assert len(telegram.chat(42).replies()[0].entities) == 100
    assert [v.detail for v in telegram.violations] == ["150 entities, more than 100"]


@pytest.mark.parametrize("data", ["", "x" * 65])
async def test_callback_data_has_1_to_64_bytes(telegram: TelegramSimulator, bot: Bot, data: str) -> None:
    """A button whose data is empty or longer than 64 bytes is refused."""
    markup = InlineKeyboardMarkup([[InlineKeyboardButton("tap", callback_data=data)]])
    with pytest.raises(BadRequest, match=r"(?i)button_data_invalid"):
        await bot.send_message(42, "hi", reply_markup=markup)


async def test_a_keyboard_has_at_most_a_hundred_buttons(telegram: TelegramSimulator, bot: Bot) -> None:
    """A hundred buttons are shown, and one more is refused."""
    rows = [[InlineKeyboardButton(str(i), callback_data=str(i))] for i in range(101)]
    await bot.send_message(42, "100", reply_markup=InlineKeyboardMarkup(rows[:100]))
    with pytest.raises(BadRequest):
        await bot.send_message(42, "101", reply_markup=InlineKeyboardMarkup(rows))


async def test_a_stranger_and_a_blocker_cannot_be_written_to(telegram: TelegramSimulator, bot: Bot) -> None:
    """A chat that never was is not found, and one that blocked the bot is forbidden until it lets it in again."""
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.send_message(4711, "hi")
    telegram.person(42).block()
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.send_message(42, "hi")
    telegram.person(42).block(blocked=False)
    await bot.send_message(42, "hi")


async def test_an_unknown_token_is_unauthorized(telegram: TelegramSimulator) -> None:
    """A token that no bot has is answered with 401."""
    with pytest.raises(InvalidToken):
        async with Bot("1:nobody", base_url=telegram.base_url + "/bot"):
            pass
    assert telegram.server.unauthorized == 1


@pytest.mark.skipif(Spec.load() is None, reason="the published specification is not at hand")
async def test_parameters_that_the_method_does_not_know_are_recorded(telegram: TelegramSimulator, bot: Bot) -> None:
    """An unknown parameter works as if it were not there, and is recorded."""
    await bot.send_message(42, "hi", api_kwargs={"colour": "red"})
    assert [v.detail for v in telegram.violations] == ["unknown parameter colour"]


async def test_rich_messages_can_be_missing(telegram: TelegramSimulator, bot: Bot) -> None:
    """With rich messages switched off the method is not found; with them on, what they say is shown."""
    body = {"chat_id": 42, "rich_message": {"html": "<h1>News</h1><p>a &lt; b</p>"}}
    sent = await bot.do_api_request("sendRichMessage", body, return_type=Message)
    assert isinstance(sent, Message)
    assert telegram.chat(42).replies()[0].text == "News\na < b"
    telegram.world.rich = False
    with pytest.raises(EndPointNotFound):
        await bot.do_api_request("sendRichMessage", body)


@pytest.mark.parametrize(
    "rich",
    [{"html": "<p>open"}, {"html": "<script>x</script>"}, {"html": "x" * 32_769}, {"html": "a", "markdown": "b"}],
)
async def test_a_broken_rich_message_is_refused(telegram: TelegramSimulator, bot: Bot, rich: dict[str, str]) -> None:
    """Rich HTML must be well formed, of known tags, at most 32,768 characters, and the only source."""
    with pytest.raises(BadRequest):
        await bot.do_api_request("sendRichMessage", {"chat_id": 42, "rich_message": rich})


async def test_rich_html_becomes_blocks(telegram: TelegramSimulator, bot: Bot) -> None:
    """A rich message comes back as the published blocks, and is read line by line."""
    html = (
        '<h2>Plan</h2><ol start="2"><li>go<ul><li>far</li></ul></li></ol><table><tr><th>a</th><td>b</td></tr></table>'
        '<pre><code class="language-py">x = 1</code></pre><blockquote>so<cite>me</cite></blockquote><hr/>'
        '<p>see <a href="https://a.bc"><b>this</b></a><br/><tg-math>x^2</tg-math></p>'
    )
    await bot.do_api_request("sendRichMessage", {"chat_id": 42, "rich_message": {"html": html}})
    (shown,) = telegram.chat(42).replies()
    assert shown.text.split("\n") == ["Plan", "2. go", "• far", "a | b", "x = 1", "so", "me", "see this", "x^2"]
    blocks = shown.raw["rich_message"]["blocks"]
    kinds = ["heading", "list", "table", "pre", "blockquote", "divider", "paragraph"]
    assert [block["type"] for block in blocks] == kinds
    spec = Spec.load()
    if spec is not None:
        assert list(spec.faults_of_object(shown.raw, "Message")) == []
    telegram.person(42).say("why?", reply_to=shown.message_id)
    answered = telegram.inbox().pending[-1]["message"]["reply_to_message"]
    assert answered["rich_message"]["blocks"] == blocks


async def test_a_message_becomes_rich_in_place(telegram: TelegramSimulator, bot: Bot) -> None:
    """A plain message can be edited into a rich one."""
    sent = await bot.send_message(42, "plain")
    rich = {"markdown": "# Rich"}
    await bot.edit_message_text("", 42, sent.message_id, api_kwargs={"rich_message": rich})
    (shown,) = telegram.chat(42).replies()
    assert (shown.kind, shown.text) == ("rich", "Rich")


async def test_an_answer_quotes_what_it_answers(telegram: TelegramSimulator, bot: Bot) -> None:
    """A reply names its message, its quote must stand in it, and a missing message is refused."""
    said = telegram.person(42).say("two words")
    await bot.send_message(42, "yes", reply_parameters=ReplyParameters(said.message_id, quote="words"))
    assert telegram.chat(42).replies()[0].reply_to == said.message_id
    with pytest.raises(BadRequest, match=r"(?i)quote_text_invalid"):
        await bot.send_message(42, "no", reply_parameters=ReplyParameters(said.message_id, quote="other"))
    with pytest.raises(BadRequest, match="Message to be replied not found"):
        await bot.send_message(42, "no", reply_parameters=ReplyParameters(999))


async def test_files_go_up_and_come_down(telegram: TelegramSimulator, bot: Bot) -> None:
    """An upload is shown with its caption, and a person's file comes down byte by byte."""
    await bot.send_document(42, b"report", filename="r.txt", caption="the report")
    assert telegram.chat(42).replies()[0].kind == "document"
    telegram.person(42).voice(b"OggS and more")
    (update,) = await bot.get_updates()
    assert update.message is not None
    assert update.message.voice is not None
    file = await update.message.voice.get_file()
    assert bytes(await file.download_as_bytearray()) == b"OggS and more"
    assert telegram.violations == []


async def test_an_album_has_two_to_ten_items(telegram: TelegramSimulator, bot: Bot) -> None:
    """An album arrives as messages of one group, and one item alone is refused."""
    pictures = [InputMediaPhoto(b"one", caption="first"), InputMediaPhoto(b"two")]
    sent = await bot.send_media_group(42, pictures)
    assert len({message.media_group_id for message in sent}) == 1
    assert [shown.text for shown in telegram.chat(42).replies()] == ["first", ""]
    with pytest.raises(BadRequest):
        await bot.send_media_group(42, pictures[:1])


async def test_the_small_things_work(telegram: TelegramSimulator, bot: Bot) -> None:
    """Commands, reactions, chat facts and actions are kept and can be read."""
    await bot.set_my_commands([("help", "Say what I can do")])
    assert (await bot.get_my_commands())[0].command == "help"
    said = telegram.person(42).say("nice")
    await bot.set_message_reaction(42, said.message_id, ReactionTypeEmoji("👍"))
    assert telegram.chat(42).visible()[0].reactions == ("👍",)
    assert (await bot.get_chat(42)).username == "alice"
    await bot.send_chat_action(42, "typing")
    assert telegram.chat(42).actions[0][2] == "typing"
    assert telegram.violations == []
