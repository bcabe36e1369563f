"""What people do reaches the bot in the platform's shapes, which its own library reads."""

from __future__ import annotations

import pytest
from telegram import Bot, InlineKeyboardButton, InlineKeyboardMarkup, Message
from telegram.error import BadRequest

from simulators.telegram import TelegramSimulator

GROUP = -1001234567890


async def newest(bot: Bot) -> Message:
    """Return the message of the newest update, with no field that the library does not know."""
    message = (await bot.get_updates(offset=-1))[0].effective_message
    assert isinstance(message, Message)
    assert message.api_kwargs == {}
    return message


async def test_every_kind_of_message_is_read(telegram: TelegramSimulator, bot: Bot) -> None:
    """Pictures, files, sounds, places and people arrive as what they are."""
    alice = telegram.person(42)
    alice.photo(caption="look #here")
    message = await newest(bot)
    assert message.photo[-1].file_id
    assert (message.caption, message.caption_entities[0].type) == ("look #here", "hashtag")
    alice.document(b"x", name="notes.txt", size=None)
    document = (await newest(bot)).document
    assert document is not None
    assert (document.file_name, document.mime_type, document.file_size) == ("notes.txt", "text/plain", None)
    alice.voice()
    assert (await newest(bot)).voice
    alice.audio()
    assert (await newest(bot)).audio
    alice.video()
    assert (await newest(bot)).video
    alice.sticker("🐸")
    sticker = (await newest(bot)).sticker
    assert sticker is not None
    assert sticker.emoji == "🐸"
    alice.location(50.7, 7.1)
    assert (await newest(bot)).location
    alice.contact("+491511", "Bob")
    assert (await newest(bot)).contact


async def test_an_album_is_several_messages_of_one_group(telegram: TelegramSimulator, bot: Bot) -> None:
    """Each picture of an album is an update of its own, and only the first has the caption."""
    telegram.person(42).album([b"a", b"b", b"c"], caption="trip")
    messages = [update.message for update in await bot.get_updates()]
    assert len({m.media_group_id for m in messages if m}) == 1
    assert [m.caption for m in messages if m] == ["trip", None, None]


async def test_replies_quotes_and_forwards(telegram: TelegramSimulator, bot: Bot) -> None:
    """An answer carries the message it answers and the quoted part; a forward carries its origin."""
    alice = telegram.person(42)
    sent = await bot.send_message(42, "🏟 first and second")
    alice.say("why?", reply_to=sent.message_id, quote="second")
    message = await newest(bot)
    assert message.reply_to_message is not None
    assert message.quote is not None
    assert (message.reply_to_message.text, message.quote.position) == ("🏟 first and second", 13)
    alice.say("they wrote this", forward_from="Bob")
    assert (await newest(bot)).forward_origin


async def test_an_edit_is_an_update_of_its_own(telegram: TelegramSimulator, bot: Bot) -> None:
    """A changed message comes as edited_message with the same message id."""
    said = telegram.say(42, "teh")
    telegram.edit(42, said.message_id, "the")
    update = (await bot.get_updates())[-1]
    assert update.edited_message is not None
    assert (update.edited_message.message_id, update.edited_message.text) == (said.message_id, "the")


async def test_a_tap_is_answered(telegram: TelegramSimulator, bot: Bot) -> None:
    """A pressed button is a callback query with its data; answering it is seen, answering another is refused."""
    markup = InlineKeyboardMarkup(
        [[InlineKeyboardButton("Yes", callback_data="y"), InlineKeyboardButton("No", callback_data="n")]]
    )
    sent = await bot.send_message(42, "Sure?", reply_markup=markup)
    tap = telegram.tap(42, sent.message_id, "No")
    query = (await bot.get_updates())[0].callback_query
    assert query is not None
    assert (query.data, query.from_user.id) == ("n", 42)
    await bot.answer_callback_query(query.id, "Noted")
    assert tap.answer == {"text": "Noted"}
    with pytest.raises(BadRequest, match="Query is too old"):
        await bot.answer_callback_query("1")
    with pytest.raises(LookupError):
        telegram.tap(42, sent.message_id, "Maybe")


async def test_groups_have_negative_ids_and_their_own_numbers(telegram: TelegramSimulator, bot: Bot) -> None:
    """A group's messages are numbered apart, name their sender and topic, and reach the bot's own replies."""
    telegram.group(GROUP, "Friends", topics={7: "Travel"})
    said = telegram.person(42).say(f"@{telegram.world.bot().username} hi", chat=GROUP, thread=7)
    message = await newest(bot)
    assert (said.message_id, message.chat.type, message.message_thread_id) == (1, "supergroup", 7)
    assert message.entities[0].type == "mention"
    await bot.send_message(GROUP, "hello", message_thread_id=7)
    assert telegram.chat(GROUP).replies()[0].thread == 7
    with pytest.raises(BadRequest, match="Message thread not found"):
        await bot.send_message(GROUP, "hello", message_thread_id=8)
    assert telegram.say(GROUP, "me too", user=43).message_id == 3


async def test_a_bot_in_privacy_mode_hears_only_what_is_meant_for_it(telegram: TelegramSimulator) -> None:
    """In a group such a bot gets commands, mentions and answers to itself, and the others get everything."""
    other = telegram.add_bot("700002:second", username="shy_bot", privacy=True)
    telegram.group(GROUP)
    for text in ("just talk", "/help", "ask @shy_bot", "/help@someone_else"):
        telegram.say(GROUP, text, user=42)
    assert [u["message"]["text"] for u in other.inbox.pending] == ["/help", "ask @shy_bot"]
    assert len(telegram.inbox().pending) == 4


async def test_two_bots_do_not_share_a_private_chat(telegram: TelegramSimulator) -> None:
    """The same person's chats with two bots are two chats."""
    second = telegram.add_bot("700002:second")
    telegram.person(42).say("only you", bot=second.token)
    assert [m.text for m in telegram.chat(42, second.token).visible()] == ["only you"]
    assert telegram.chat(42).visible() == ()


async def test_anything_can_be_injected(telegram: TelegramSimulator, bot: Bot) -> None:
    """Any update can be queued as it is, with an id of its own or the next one."""
    telegram.inject({"update_id": 900_000_000, "another_new": {}})
    assert telegram.inject({"something_new": {}}) == 900_000_001
    assert [u.update_id for u in await bot.get_updates()] == [900_000_000, 900_000_001]
