"""Text as it can be sent, and JSON as models write it."""

import json

JSON = dict[str, object]


def sendable(text: str) -> str:
    """The text without halves of characters, which cannot be sent."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode()


def json_object(text: str) -> JSON:
    """The JSON object a text is, an empty one where it is none."""
    try:
        parsed = json.loads(text)
    except (ValueError, RecursionError):
        return {}
    return parsed if isinstance(parsed, dict) else {}


def arguments(text: str) -> JSON:
    """A call's arguments as an object, also those that made no sense: they have to be sent back all the same."""
    found = json_object(text)
    return found if found or text.strip() in {"", "{}"} else {"malformed": sendable(text)}
