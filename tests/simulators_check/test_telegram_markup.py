"""The simulated Telegram's markup parsers against the platform's own test vectors, and its objects against the spec."""

from __future__ import annotations

from typing import Any

import pytest
from telegram import Bot

from simulators.specs import load_spec
from simulators.telegram import TelegramSimulator
from simulators.telegram.html_markup import parse_html
from simulators.telegram.markdown_markup import parse_markdown, parse_markdown_v2
from simulators.telegram.markup import MarkupError
from simulators.telegram.spec import Spec

# The vectors name entities as the platform's own client library does.
NAMES = {
    "bold": "Bold",
    "italic": "Italic",
    "underline": "Underline",
    "strikethrough": "Strikethrough",
    "spoiler": "Spoiler",
    "code": "Code",
    "text_link": "TextUrl",
    "custom_emoji": "CustomEmoji",
    "blockquote": "BlockQuote",
    "expandable_blockquote": "ExpandableBlockQuote",
    "date_time": "FormattedDate",
}
VECTORS: dict[str, list[dict[str, Any]]] = load_spec("telegram", "tdlib_entities.json") or {}


def outcome(style: str, source: str) -> object:
    """Parse a source and return the text with its entities, or the error's words."""
    try:
        text, entities = (parse_html if style == "parse_html" else parse_markdown_v2)(source)
    except MarkupError as error:
        return str(error)
    named = [
        [NAMES.get(e["type"], "PreCode" if e.get("language") else "Pre"), e["offset"], e["length"]] for e in entities
    ]
    return text, named


@pytest.mark.skipif(not VECTORS, reason="the published test vectors are not at hand")
@pytest.mark.parametrize("style", ["parse_html", "parse_markdown"])
def test_markup_is_parsed_as_the_platform_parses_it(style: str) -> None:
    """Every published vector gives the same text and entities, or the same error to the byte."""
    for vector in VECTORS[style]:
        expected = vector["error"] if "error" in vector else (vector["text"], vector["entities"])
        assert outcome(style, vector["input"]) == expected, vector["input"]


def test_legacy_markdown() -> None:
    """The old style knows bold, italic, code and links, and refuses what is not closed."""
    text, entities = parse_markdown("*b* _i_ `c` [l](http://a.bc) snake\\_case\n```py\nx\n```")
    assert text == "b i c l snake_case\nx\n"
    assert [e["type"] for e in entities] == ["bold", "italic", "code", "text_link", "pre"]
    with pytest.raises(MarkupError, match="byte offset 3"):
        parse_markdown("é *b")


async def test_what_the_simulator_sends_fits_the_published_types(telegram: TelegramSimulator, bot: Bot) -> None:
    """Updates and returned messages have the fields and types that the Bot API publishes."""
    spec = Spec.load()
    if spec is None:
        pytest.skip("the published specification is not at hand")
    await bot.get_updates(
        allowed_updates=["message", "edited_message", "callback_query", "message_reaction", "my_chat_member"]
    )
    telegram.group(-100, topics={3: "Topic"})
    alice = telegram.person(42)
    said = alice.say("/start https://example.org @alice", chat=-100, thread=3)
    alice.edit(said.message_id, "changed", chat=-100)
    alice.react(said.message_id, "👍", chat=-100)
    first = alice.photo(caption="c")
    alice.say("why", reply_to=first.message_id, quote="c", forward_from="Bob")
    for send in (alice.voice, alice.audio, alice.video, alice.sticker):
        send()
    alice.document(b"x")
    alice.location(1.0, 2.0)
    alice.contact("+1", "Bob")
    markup = {"inline_keyboard": [[{"text": "ok", "callback_data": "ok"}]]}
    sent = await bot.send_message(42, "*b*", parse_mode="MarkdownV2", api_kwargs={"reply_markup": markup})
    await bot.send_photo(42, b"picture", caption="c")
    await bot.edit_message_reply_markup(
        42, sent.message_id, api_kwargs={"reply_markup": {"inline_keyboard": [[{"text": "go", "callback_data": "go"}]]}}
    )
    telegram.tap(42, sent.message_id, "go")
    alice.block()
    updates = list(telegram.inbox().pending)
    assert len(updates) == 14
    wrong = [fault for update in updates for fault in spec.faults_of_object(update, "Update")]
    messages = [call.answer for call in telegram.calls_of("sendMessage", "sendPhoto", "editMessageReplyMarkup")]
    wrong += [fault for message in messages for fault in spec.faults_of_object(message, "Message")]
    assert wrong == []
    assert telegram.violations == []
