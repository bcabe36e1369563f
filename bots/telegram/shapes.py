"""Updates in shapes that the library does not take: those of years ago, and those that nobody can read."""

from collections.abc import Mapping
from typing import Any, Final

from core.values import Message, value

_FILE_DEFAULTS: Final = {"file_unique_id": ""}
_STICKER_DEFAULTS: Final = {"is_animated": False, "is_video": False, "type": "regular"}


@value
class Torn:
    """What is left of a private message that could not be read."""

    update_id: int
    user_id: int
    message: Message


def mended(raw: Mapping[str, Any]) -> dict[str, Any]:
    """Copy an update and add what the library requires and Telegram sent only later (``file_unique_id`` is of 2019)."""
    return {key: _mended(key, node) for key, node in raw.items()}


def _mended(key: str, node: Any) -> Any:  # noqa: ANN401 - JSON
    if isinstance(node, list):
        return [_mended(key, inner) for inner in node]
    if not isinstance(node, dict):
        return node
    defaults: dict[str, Any] = dict(_FILE_DEFAULTS) if "file_id" in node else {}
    if key == "sticker":
        defaults = defaults | _STICKER_DEFAULTS
    return defaults | {name: _mended(name, inner) for name, inner in node.items()}


def torn(raw: Mapping[str, Any]) -> Torn | None:
    """Find whose private message this was; None where not even that can be told, or nobody said anything to us."""
    update_id = raw.get("update_id")
    for kind in ("message", "edited_message"):
        message = raw.get(kind)
        chat = message.get("chat") if isinstance(message, dict) else None
        if not isinstance(message, dict) or not isinstance(chat, dict):
            continue
        user_id, number = chat.get("id"), message.get("message_id")
        if chat.get("type") == "private" and all(isinstance(one, int) for one in (update_id, user_id, number)):
            body = Message(id=str(number), text="", edited=kind != "message", unknown="unreadable")
            return Torn(update_id=int(update_id or 0), user_id=int(user_id or 0), message=body)
    return None
