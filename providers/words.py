"""Text as it can be sent, and JSON as models write it."""

import json

JSON = dict[str, object]

GO_ON = "[Please go on.]"
"""What stands for the person where a conversation ends with the model's words: no lab goes on from those."""


def sendable(text: str) -> str:
    """The text without halves of characters, which cannot be sent, and zeroes, which many cannot keep."""
    whole = text if text.isascii() else text.encode("utf-8", "replace").decode()
    return whole.replace("\0", "")


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


def clean(body: JSON) -> JSON:
    """The JSON object with none but texts that can be sent, however deep they lie."""
    return {sendable(name): _clean(of) for name, of in body.items()}


def _clean(of: object) -> object:
    if isinstance(of, str):
        return sendable(of)
    if isinstance(of, dict):
        return clean(of)
    return [_clean(one) for one in of] if isinstance(of, list) else of
