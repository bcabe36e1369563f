"""Messages in shapes that the library does not take: those of years ago, and those with something broken inside."""

from collections.abc import Mapping
from typing import Any, Final

_ENVELOPE: Final = (
    "message_id",
    "date",
    "edit_date",
    "chat",
    "from",
    "sender_chat",
    "message_thread_id",
    "is_topic_message",
    "media_group_id",
    "text",
    "caption",
)
_FILE_DEFAULTS: Final = {"file_unique_id": ""}
_DEFAULTS: Final[Mapping[str, Mapping[str, Any]]] = {
    "sticker": {"is_animated": False, "is_video": False, "type": "regular"},
    "poll": {"allows_revoting": True, "members_only": False},
    "options": {"persistent_id": ""},
}


def mended(node: Any, key: str = "") -> Any:  # noqa: ANN401 - JSON
    """Copy JSON and add what the library requires and older servers do not send.

    ``file_unique_id`` is of 2019, ``persistent_id`` of 2026 (https://core.telegram.org/bots/api-changelog).
    """
    if isinstance(node, list):
        return [mended(inner, key) for inner in node]
    if not isinstance(node, dict):
        return node
    defaults = _FILE_DEFAULTS if "file_id" in node else {}
    return {**defaults, **_DEFAULTS.get(key, {})} | {name: mended(inner, name) for name, inner in node.items()}


def stripped(message: Mapping[str, Any]) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Reduce a message to what every message has, and name what was left out."""
    kept = {key: message[key] for key in _ENVELOPE if key in message}
    return kept, tuple(key for key in message if key not in kept)
