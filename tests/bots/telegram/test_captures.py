"""Updates captured from the real platform, of 2017 and of today: each goes in, and as the right kind.

The captures lie beside the checkout (see ``WAYSTATION_SPECS``) and are not part of it.
"""

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from bots.telegram.intake import Intake
from bots.telegram.moves import Moves
from bots.telegram.words import Identity
from contracts.rigs.telegram import Notes
from core.values import Command, Inbound, Message

_DEFAULT = Path(__file__).resolve().parents[3].parent / "shared" / "specs"
FOLDER = Path(os.environ.get("WAYSTATION_SPECS", _DEFAULT)) / "telegram"

NOT_OURS, OVERHEARD = "passed over", "overheard"
TEXT, EDIT, COMMAND, FORWARD, REPLY, PLACE = "text", "edit", "command", "forward", "reply", "place"

PRIVATE = {
    "update.message": TEXT,
    "update.de_private_chat_text_message": TEXT,
    "message.de_text": TEXT,
    "message.effect_id": TEXT,
    "message": TEXT,
    "edited_message": EDIT,
    "forwarded_message": FORWARD,
    "reply_message": REPLY,
    "message.de_media_forwarded": "video",
    "message.de_media_group_forwarded": "video",
    "message.de_sticker": "sticker",
    "message.de_image": "photo",
    "message.parse_caption_entities": "photo",
    "message.show_caption_above_media": "photo",
    "message.issue_481": PLACE,
    "message.empty_message": "unknown empty",
    "maybe_inaccessible_message.test_inaccessible_message": "unknown empty",
    "maybe_inaccessible_message.test_regular_message": "unknown empty",
    "message_with_audio": "audio",
    "message_with_document": "document",
    "message_with_game": "unknown game",
    "message_with_invoice": "unknown invoice",
    "message_with_location": PLACE,
    "message_with_photo": "photo",
    "message_with_sticker": "sticker",
    "message_with_video": "video",
    "message_with_voice": "voice",
    "message_with_successful_payment": NOT_OURS,
    "message.de_shared_chat": NOT_OURS,
}
GROUPS = {
    "update#2": COMMAND,
    "update.dice_works": OVERHEARD,
    "message.issue_419": OVERHEARD,
    "message.topic_message": OVERHEARD,
}
"""What people said in groups; whatever is in neither table, as what channels said, is passed over."""


def captured(name: str) -> dict[str, Any]:
    """One file of captures, empty where it is not at hand."""
    path = FOLDER / name
    return json.loads(path.read_text(encoding="utf-8")) if path.is_file() else {}


def as_update(capture: dict[str, Any]) -> dict[str, Any]:
    """Some captures are messages without the update around them."""
    return capture if "update_id" in capture else {"update_id": 1, "message": capture}


def captures() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every captured update, with its name."""
    today = captured("updates_teloxide.json")
    for name, capture in {**today.get("updates", {}), **today.get("messages", {})}.items():
        for number, update in enumerate(capture.get("result", [capture])):
            yield f"{name}[{number}]" if "result" in capture else name, as_update(update)
    for name, capture in captured("updates_2017.json").items():
        yield name, as_update(capture)


def kind(event: Inbound | None) -> str:
    """What an event is, in one word or two."""
    match event and event.body:
        case None:
            return NOT_OURS
        case Command():
            return COMMAND
        case Message(addressed=False):
            return OVERHEARD
        case Message(unknown=str(unknown)) if unknown:
            return f"unknown {unknown}"
        case Message(media=(media, *_)):
            return media.kind
        case Message(places=(_, *_)):
            return PLACE
        case Message(quotes=(quote, *_)):
            return FORWARD if quote.forwarded else REPLY
        case Message(edited=True):
            return EDIT
        case Message(text=str(text)) if text:
            return TEXT
        case other:
            return repr(other)


ALL = dict(captures())


@pytest.mark.skipif(not ALL, reason=f"no captured updates in {FOLDER}")
def test_every_capture_goes_in_as_its_kind(subtests: pytest.Subtests) -> None:
    """No capture raises, each becomes what it is, and the tables above name none that is not there."""
    intake = Intake("telegram", Identity(id=1, username="some_bot"), Moves(Notes()))
    expected = PRIVATE | GROUPS
    assert expected.keys() <= ALL.keys()
    for name, update in ALL.items():
        with subtests.test(name):
            assert kind(intake.take(update)) == expected.get(name, NOT_OURS)


@pytest.mark.skipif(not ALL, reason=f"no captured updates in {FOLDER}")
def test_no_captured_private_message_is_forgotten_in_the_table() -> None:
    """Whatever somebody said to a bot in private has its kind in the table, so that none is passed over unseen."""
    private = {
        name
        for name, update in ALL.items()
        if any(update.get(kind, {}).get("chat", {}).get("type") == "private" for kind in ("message", "edited_message"))
    }
    assert private == PRIVATE.keys()
